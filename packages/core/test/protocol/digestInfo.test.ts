// Authentication-Info, as servers write it and as they should not.
import { assert, describe, it } from "@effect/vitest"
import { digestInfo } from "../../src/internal/protocol/digestInfo.ts"

const nothing = { nextnonce: undefined, rspauth: undefined, qop: undefined }

describe("Authentication-Info (RFC 7616 3.5)", () => {
  it("names the next nonce, the proof and its protection, in one line or several, in any case", () => {
    const all = { nextnonce: "next", rspauth: "6629fa", qop: "auth" } as const
    assert.deepStrictEqual(digestInfo([`qop=auth, rspauth="6629FA", cnonce="c", nc=0000000a, nextnonce="next"`]), all)
    assert.deepStrictEqual(digestInfo([`QOP="AUTH",RspAuth=6629fa`, `NextNonce="next"`]), all)
    assert.deepStrictEqual(digestInfo([`nextnonce="a \\"b\\""`]).nextnonce, "a \"b\"")
  })

  it("says nothing where it is empty, broken, or says a thing twice", () => {
    for (const lines of [[], [""], [`nextnonce=""`], [`nextnonce="open`], [`nextnonce=a, nextnonce=b`], ["nonce=n"]]) {
      assert.deepStrictEqual(digestInfo(lines), nothing)
    }
    assert.strictEqual(digestInfo([`nextnonce=a`, `nextnonce=b`]).nextnonce, "a")
  })

  it("knows two protections, and that another one is none of them", () => {
    assert.strictEqual(digestInfo(["qop=auth-int"]).qop, "auth-int")
    assert.strictEqual(digestInfo(["qop=auth-conf"]).qop, "unknown")
    assert.strictEqual(digestInfo(["qop=\"auth,auth-int\""]).qop, "unknown")
  })
})
