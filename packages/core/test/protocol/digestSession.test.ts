// Nonces and their counts: none is used twice, whichever way a nonce has come.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { DigestSession, NonceCounts } from "../../src/internal/protocol/digestSession.ts"
import { must, rfc7616 } from "./digestSupport.ts"

const challenge = (nonce: string) => must(`Digest realm=r, nonce=${nonce}, qop=auth`)

describe("the nonces of Digest", () => {
  it("are counted from one, each by itself", () => {
    const session = new DigestSession(challenge("n"))
    assert.deepStrictEqual([session.next(), session.next()], [1, 2])
    session.renew("m")
    assert.strictEqual(session.challenge.nonce, "m")
    assert.strictEqual(session.next(), 1)
    session.renew("n")
    assert.strictEqual(session.next(), 3)
    session.renew("n")
    assert.strictEqual(session.next(), 4)
  })

  it("have one count, whether they came in a challenge, in another one, or as nextnonce", () => {
    const counts = new NonceCounts()
    const one = new DigestSession(challenge("n"), counts, "https://a.test")
    const two = new DigestSession(rfc7616("MD5"), counts, "https://a.test")
    const elsewhere = new DigestSession(challenge("n"), counts, "https://b.test")
    assert.strictEqual(one.next(), 1)
    two.renew("n")
    assert.strictEqual(two.next(), 2)
    assert.strictEqual(new DigestSession(challenge("n"), counts, "https://a.test").next(), 3)
    assert.strictEqual(one.next(), 4)
    assert.strictEqual(elsewhere.next(), 1)
  })

  it("are remembered in a bounded number, the last used longest", () => {
    const counts = new NonceCounts()
    for (let i = 0; i < 5000; i++) {
      counts.of("o", "often").count++
      counts.of("o", `nonce ${i}`).count++
    }
    assert.strictEqual(counts.of("o", "often").count, 5000)
    assert.strictEqual(counts.of("o", "nonce 4999").count, 1)
    assert.strictEqual(counts.of("o", "nonce 0").count, 0)
  })

  it("are remembered in a bounded size: a server with endless nonces fills no memory", () => {
    const counts = new NonceCounts()
    const long = "x".repeat(60_000)
    for (let i = 0; i < 100; i++) counts.of("o", `${i} ${long}`).count++
    assert.strictEqual(counts.of("o", `99 ${long}`).count, 1)
    assert.strictEqual(counts.of("o", `0 ${long}`).count, 0)
    // one that is larger than all there is room for is still counted while it is used
    const session = new DigestSession(challenge("n"), counts, "o")
    session.renew("y".repeat(2_000_000))
    assert.deepStrictEqual([session.next(), session.next()], [1, 2])
  })

  it("keep the first client nonce where the algorithm has a session key, and only there (RFC 7616 3.4.2)", () => {
    const plain = new DigestSession(rfc7616("MD5"))
    assert.deepStrictEqual([plain.clientNonce("a"), plain.clientNonce("b")], ["a", "b"])
    assert.isUndefined(plain.prime)
    const keyed = new DigestSession(rfc7616("SHA-512-256-sess"))
    assert.deepStrictEqual([keyed.clientNonce("a"), keyed.clientNonce("b")], ["a", "a"])
    const { prime } = keyed
    keyed.renew("m")
    assert.deepStrictEqual(keyed.prime, prime)
    assert.deepStrictEqual(prime, { nonce: rfc7616("MD5").nonce, cnonce: "a" })
  })

  it.prop(
    "never have a count twice",
    [FastCheck.array(FastCheck.tuple(FastCheck.nat(2), FastCheck.option(FastCheck.constantFrom("a", "b", "n"))), {
      maxLength: 60
    })],
    ([steps]) => {
      const all = new NonceCounts()
      const sessions = [0, 1, 2].map(() => new DigestSession(challenge("n"), all, "o"))
      const used = new Set<string>()
      for (const [index, nonce] of steps) {
        const session = sessions[index]
        if (session === undefined) continue
        if (nonce !== null) session.renew(nonce)
        const use = `${session.challenge.nonce} ${session.next()}`
        assert.isFalse(used.has(use), use)
        used.add(use)
      }
    }
  )
})
