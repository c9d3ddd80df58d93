// Which challenges are answered, and which first.
import { assert, describe, it } from "@effect/vitest"
import { type Abilities, answerable } from "../../src/internal/protocol/strength.ts"
import { parseChallenges } from "../../src/internal/protocol/wwwAuthenticate.ts"

const order = (lines: ReadonlyArray<string>, options?: Abilities) =>
  answerable(parseChallenges(lines), options).map((one) =>
    one._tag === "Digest" ? `${one.digest.algorithm} ${one.realm}` : `${one.method} ${one.realm ?? "-"}`
  )

describe("the order of challenges", () => {
  it("is Digest with a hash of the SHA-2 family, Digest with MD5, Basic, whatever the server's order", () => {
    assert.deepStrictEqual(
      order([`Basic realm="b", Digest realm="m", nonce="1"`, `Digest realm="s", nonce="1", algorithm=SHA-256`]),
      ["SHA-256 s", "MD5 m", "Basic b"]
    )
  })

  it("keeps the server's order among equals, -sess counting as its hash (RFC 7616 3.7)", () => {
    assert.deepStrictEqual(
      order([
        "Digest realm=a, nonce=1, algorithm=SHA-512-256-sess, Digest realm=b, nonce=1, algorithm=SHA-256",
        "Digest realm=c, nonce=1, algorithm=MD5-sess, Digest realm=d, nonce=1, algorithm=SHA-512-256"
      ]),
      ["SHA-512-256-sess a", "SHA-256 b", "SHA-512-256 d", "MD5-sess c"]
    )
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

  it("is found in one field or several, with an algorithm that nobody knows at any place", () => {
    const offers = ["SHA-3", "SHA-512-256", "SHA-256", "MD5"].map((name) =>
      `Digest realm="r", qop="auth", algorithm=${name}, nonce="${name}"`
    )
    const orders = (left: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
      left.length === 0 ?
        [[]] :
        left.flatMap((first) => orders(left.filter((one) => one !== first)).map((rest) => [first, ...rest]))
    for (const lines of orders([...offers, "Basic realm=\"r\""])) {
      const first = lines.find((line) => line.includes("SHA-512-256") || line.includes("SHA-256"))
      const expected = [first?.includes("512") === true ? "SHA-512-256 r" : "SHA-256 r", "Basic r"]
      assert.deepStrictEqual(order(lines), expected)
      assert.deepStrictEqual(order([lines.join(", ")]), expected)
      assert.deepStrictEqual(order([lines.slice(0, 2).join(","), lines.slice(2).join(" ,\t")]), expected)
    }
  })

  it("leaves out unknown schemes, Basic without a realm, and Digest that cannot be answered", () => {
    assert.deepStrictEqual(
      order([`Negotiate, NTLM, Basic, Digest realm=r, nonce=1, algorithm=SHA-512`, "fdsfds"]),
      []
    )
    assert.deepStrictEqual(order([`Digest realm=r, nonce=1, Basic realm=r`], { digest: false }), ["Basic r"])
  })

  const scheme = (name: string, strength: number, answers = true) =>
    [name.toLowerCase(), { name, strength, answers: () => answers }] as const

  it("goes by strength for the schemes that a session was given, and for Bearer, which may have no realm", () => {
    const schemes = new Map([scheme("SCRAM-SHA-256", 40), scheme("Negotiate", 60), scheme("Mute", 99, false)])
    assert.deepStrictEqual(
      order([`Basic realm=b, Mute, scram-sha-256 realm=s`, "Bearer", "NEGOTIATE, Digest realm=d, nonce=1"], {
        schemes
      }),
      ["Negotiate -", "Bearer -", "SCRAM-SHA-256 s", "MD5 d", "Basic b"]
    )
  })

  it("leaves out what is disabled, and puts a scheme in the place of a built-in one of its name", () => {
    const disabled = new Set(["basic", "scram-sha-256"])
    const schemes = new Map([scheme("SCRAM-SHA-256", 40), scheme("Digest", 5)])
    assert.deepStrictEqual(
      order([`Basic realm=b, Digest realm=d, Bearer realm=t, SCRAM-SHA-256 realm=s`], { schemes, disabled }),
      ["Bearer t", "Digest d"]
    )
  })

  it("takes an empty realm for a realm", () => {
    assert.deepStrictEqual(order([`Basic Realm=""`]), ["Basic "])
  })
})
