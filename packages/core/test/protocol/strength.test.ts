// Which challenges are answered, and which first.
import { assert, describe, it } from "@effect/vitest"
import { answerable } from "../../src/internal/protocol/strength.ts"
import { parseChallenges } from "../../src/internal/protocol/wwwAuthenticate.ts"

const order = (lines: ReadonlyArray<string>, options?: { readonly digest?: boolean }) =>
  answerable(parseChallenges(lines), options).map((one) =>
    one.method === "Digest" ? `${one.digest.algorithm} ${one.realm}` : `Basic ${one.realm}`
  )

describe("the order of challenges", () => {
  it("is Digest with SHA-256, Digest with MD5, Basic, whatever the server's order", () => {
    assert.deepStrictEqual(
      order([`Basic realm="b", Digest realm="m", nonce="1"`, `Digest realm="s", nonce="1", algorithm=SHA-256`]),
      ["SHA-256 s", "MD5 m", "Basic b"]
    )
  })

  it("keeps the server's order among equals, -sess counting as its hash", () => {
    assert.deepStrictEqual(
      order([`Digest realm=a, nonce=1, algorithm=MD5-sess, Digest realm=b, nonce=1, Basic realm=d, Basic realm=c`]),
      ["MD5-sess a", "MD5 b", "Basic d", "Basic c"]
    )
  })

  it("leaves one per method and realm, the strongest", () => {
    assert.deepStrictEqual(
      order([
        `Digest realm=r, nonce=1, algorithm=MD5`,
        `Digest realm=r, nonce=1, algorithm=SHA-256`,
        `Basic realm=r, Basic realm=r, charset=UTF-8`
      ]),
      ["SHA-256 r", "Basic r"]
    )
  })

  it("leaves out unknown schemes, Basic without a realm, and Digest that cannot be answered", () => {
    assert.deepStrictEqual(
      order([`Bearer realm=x, Negotiate, Basic, Digest realm=r, nonce=1, algorithm=SHA-512-256`, "fdsfds"]),
      []
    )
    assert.deepStrictEqual(order([`Digest realm=r, nonce=1, Basic realm=r`], { digest: false }), ["Basic r"])
  })

  it("takes an empty realm for a realm", () => {
    assert.deepStrictEqual(order([`Basic Realm=""`]), ["Basic "])
  })
})
