// The Basic scheme against the examples of RFC 7617.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { basicAuthorization, charsetOf } from "../../src/internal/protocol/basic.ts"
import { parseChallenges } from "../../src/internal/protocol/wwwAuthenticate.ts"

const basic = (user: string, password: string, charset?: "utf-8") => basicAuthorization({ user, password, charset })
const bytes = (value: string | undefined) => Array.from(Buffer.from((value ?? "").slice(6), "base64"))

describe("TRU-04 Basic", () => {
  it("answers as the examples of RFC 7617 do", () => {
    assert.strictEqual(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    assert.strictEqual(basic("test", "123\u00a3", "utf-8"), "Basic dGVzdDoxMjPCow==")
  })

  it("uses Latin-1 without a charset, UTF-8 where that does not fit or where the server says so", () => {
    assert.deepStrictEqual(bytes(basic("u", "\u00e9")), [0x75, 0x3a, 0xe9])
    assert.deepStrictEqual(bytes(basic("u", "\u00e9", "utf-8")), [0x75, 0x3a, 0xc3, 0xa9])
    assert.deepStrictEqual(bytes(basic("u", "\u20ac")), [0x75, 0x3a, 0xe2, 0x82, 0xac])
  })

  it("composes characters first (RFC 7617 2.1)", () => {
    assert.strictEqual(basic("u", "e\u0301"), basic("u", "\u00e9"))
    assert.strictEqual(basic("u", "e\u0301", "utf-8"), basic("u", "\u00e9", "utf-8"))
  })

  it("lets the password have colons and either part be empty", () => {
    assert.strictEqual(basic("u", "a:b"), `Basic ${btoa("u:a:b")}`)
    assert.strictEqual(basic("", ""), "Basic Og==")
  })

  it("refuses a user with a colon, control characters and halves of surrogate pairs", () => {
    assert.isUndefined(basic("a:b", "x"))
    assert.isUndefined(basic("a\r\n", "x"))
    assert.isUndefined(basic("a", "x\0"))
    assert.isUndefined(basic("a", "x\x7f"))
    assert.isUndefined(basic("a", "\ud800"))
    assert.isUndefined(basic("\udc00a", "x", "utf-8"))
  })

  it("knows the charset by its name only", () => {
    const charset = (line: string) => parseChallenges([line]).map(charsetOf)[0]
    assert.strictEqual(charset("Basic realm=x, charset=\"UTF-8\""), "utf-8")
    assert.strictEqual(charset("Basic realm=x, CHARSET=utf-8"), "utf-8")
    assert.isUndefined(charset("Basic realm=x, charset=ISO-8859-1"))
    assert.isUndefined(charset("Basic realm=x"))
  })

  it.prop(
    "what is sent is base64 of user, colon, password",
    [FastCheck.string({ unit: "grapheme" }), FastCheck.string({ unit: "grapheme" })],
    ([user, password]) => {
      const value = basic(user, password, "utf-8")
      if (value === undefined) return
      assert.match(value, /^Basic [A-Za-z0-9+/]+={0,2}$/)
      assert.strictEqual(Buffer.from(value.slice(6), "base64").toString(), `${user}:${password}`.normalize("NFC"))
    }
  )
})
