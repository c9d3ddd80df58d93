/** The list of header fields. */
import { assert, describe, it } from "@effect/vitest"
import { HeaderFields } from "@urlsession/core/Http1"

describe("HeaderFields", () => {
  const fields = HeaderFields.fromEntries([["Set-Cookie", "a=1"], ["ETag", ""], ["set-cookie", "b=2"]])

  it("joins repeated lines with a comma, or gives each by itself", () => {
    assert.strictEqual(fields.get("set-cookie"), "a=1, b=2")
    assert.deepStrictEqual(fields.getAll("set-cookie"), ["a=1", "b=2"])
    assert.deepStrictEqual(fields.getAll("x"), [])
  })

  it("tells an empty value from a missing field", () => {
    assert.strictEqual(fields.get("etag"), "")
    assert.isTrue(fields.has("etag"))
    assert.strictEqual(fields.get("x"), undefined)
    assert.isFalse(fields.has("x"))
  })

  it("never takes a value for a name", () => {
    const tricky = new HeaderFields(["a", "b", "b", "c"])
    assert.strictEqual(tricky.get("b"), "c")
    assert.isFalse(tricky.has("c"))
  })

  it("iterates in the order of the wire", () => {
    assert.deepStrictEqual([...fields], [["set-cookie", "a=1"], ["etag", ""], ["set-cookie", "b=2"]])
    assert.strictEqual(fields.size, 3)
  })

  it("nothing is one shared value", () => {
    assert.strictEqual(HeaderFields.fromEntries([]), HeaderFields.empty)
    assert.strictEqual(HeaderFields.empty.size, 0)
  })
})
