// Which content codings are undone, and when a body swells too far.
import { assert, describe, it } from "@effect/vitest"
import { contentDecoding, ratioGrace, RatioGuard } from "../../src/internal/protocol/contentCoding.ts"

const supported = new Set(["gzip", "deflate", "br"])
const decide = (contentEncoding: string, more?: { method?: string; status?: number; contentLength?: number }) =>
  contentDecoding({ method: "GET", status: 200, contentLength: undefined, ...more, contentEncoding, supported })

describe("content codings (RFC 9110 8.4)", () => {
  it("are undone from the outermost in, names in any case, x-gzip being gzip", () => {
    assert.deepStrictEqual(decide("gzip"), { _tag: "Decode", codings: ["gzip"] })
    assert.deepStrictEqual(decide(" X-GZIP ,\tBr,, deflate"), { _tag: "Decode", codings: ["deflate", "br", "gzip"] })
    assert.deepStrictEqual(decide("identity, gzip, IDENTITY"), { _tag: "Decode", codings: ["gzip"] })
  })

  it("are none where only identity is named, or nothing", () => {
    for (const value of ["", " , ", "identity", "Identity, identity"]) {
      assert.deepStrictEqual(decide(value), { _tag: "None" })
    }
  })

  it("are left alone where there is no body, or only a part of one", () => {
    assert.strictEqual(decide("gzip", { method: "HEAD" })._tag, "None")
    assert.strictEqual(decide("gzip", { contentLength: 0 })._tag, "None")
    for (const status of [103, 204, 206, 304]) assert.strictEqual(decide("gzip", { status })._tag, "None", `${status}`)
    assert.strictEqual(decide("gzip", { contentLength: 1 })._tag, "Decode")
    assert.strictEqual(decide("gzip", { status: 404 })._tag, "Decode")
  })

  it("that are unknown are named", () => {
    assert.deepStrictEqual(decide("gzip, Rot13"), { _tag: "Unknown", coding: "rot13" })
    assert.deepStrictEqual(decide("x-compress"), { _tag: "Unknown", coding: "compress" })
    assert.deepStrictEqual(decide("zstd", { status: 204 }), { _tag: "None" })
  })

  it("are at most three", () => {
    assert.strictEqual(decide("gzip, gzip, gzip")._tag, "Decode")
    assert.deepStrictEqual(decide("gzip, gzip, gzip, gzip"), { _tag: "TooMany" })
    assert.deepStrictEqual(decide(Array(100_000).fill("gzip").join(",")), { _tag: "TooMany" })
  })
})

describe("the ratio of decoded to encoded bytes", () => {
  it("does not count for the first MiB", () => {
    const guard = new RatioGuard()
    guard.took(1)
    assert.isTrue(guard.gave(ratioGrace))
    assert.isFalse(guard.gave(1))
  })

  it("is at most 200 afterwards", () => {
    const guard = new RatioGuard()
    guard.took(10_000)
    assert.isTrue(guard.gave(2_000_000))
    assert.isFalse(guard.gave(1))
    guard.took(1)
    assert.isTrue(guard.gave(0))
    assert.strictEqual(guard.encoded, 10_001)
    assert.strictEqual(guard.decoded, 2_000_001)
  })
})
