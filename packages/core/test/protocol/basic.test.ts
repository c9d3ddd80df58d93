// The Basic scheme against the examples of RFC 7617.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { basicAuthorization } from "../../src/internal/protocol/basic.ts"

const basic = (user: string, password: string) => basicAuthorization({ user, password })
const bytes = (value: string | undefined) => Array.from(Buffer.from((value ?? "").slice(6), "base64"))

describe("TRU-04 Basic", () => {
  it("answers as the examples of RFC 7617 do", () => {
    assert.strictEqual(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    assert.strictEqual(basic("test", "123\u00a3"), "Basic dGVzdDoxMjPCow==")
  })

  it("is UTF-8, as curl and browsers send it", () => {
    assert.deepStrictEqual(bytes(basic("u", "\u00e9")), [0x75, 0x3a, 0xc3, 0xa9])
    assert.deepStrictEqual(bytes(basic("u", "\u20ac")), [0x75, 0x3a, 0xe2, 0x82, 0xac])
  })

  it("composes characters first (RFC 7617 2.1)", () => {
    assert.strictEqual(basic("u", "e\u0301"), basic("u", "\u00e9"))
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
    assert.isUndefined(basic("\udc00a", "x"))
  })

  it.prop(
    "what is sent is base64 of user, colon, password",
    [FastCheck.string({ unit: "grapheme" }), FastCheck.string({ unit: "grapheme" })],
    ([user, password]) => {
      const value = basic(user, password)
      if (value === undefined) return
      assert.match(value, /^Basic [A-Za-z0-9+/]+={0,2}$/)
      assert.strictEqual(Buffer.from(value.slice(6), "base64").toString(), `${user}:${password}`.normalize("NFC"))
    }
  )
})
