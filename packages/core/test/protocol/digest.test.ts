// Digest challenges: what is read of them, and which can be answered.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { algorithms, challengeOf, must } from "./digestSupport.ts"

describe("a Digest challenge (RFC 7616 3.3)", () => {
  it("says stale, charset, domain, userhash and opaque, in any case", () => {
    const challenge = must(
      `DIGEST Realm="r", NONCE="n", Opaque="", StAlE=TRUE, charset=utf-8, userhash=True, algorithm=sha-256-SESS, ` +
        `qop="AUTH-INT , Auth", domain="/a  https://other.example/b"`
    )
    assert.deepStrictEqual(challenge, {
      realm: "r",
      nonce: "n",
      opaque: "",
      algorithm: "SHA-256-sess",
      algorithmNamed: true,
      qop: "auth",
      stale: true,
      charset: "utf-8",
      domain: ["/a", "https://other.example/b"],
      userhash: true
    })
  })

  it("may have any of six algorithms, in any case; MD5 where none is named", () => {
    for (const [name] of algorithms) {
      for (const written of [name, name.toLowerCase(), name.toUpperCase(), `"${name}"`]) {
        assert.strictEqual(challengeOf(`Digest realm=r, nonce=n, algorithm=${written}`)?.algorithm, name)
      }
    }
    assert.deepInclude(must("Digest realm=r, nonce=n"), { algorithm: "MD5", algorithmNamed: false })
  })

  it("is none without realm or nonce, or by an unknown algorithm", () => {
    assert.isUndefined(challengeOf("Digest nonce=n"))
    assert.isUndefined(challengeOf("Digest realm=r"))
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, algorithm=token"))
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, algorithm=SHA-512"))
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, algorithm=\"\""))
    assert.isUndefined(challengeOf("Basic realm=r, nonce=n"))
  })

  it("may have an empty realm or nonce, and no more than true is true", () => {
    assert.deepInclude(must("Digest realm=\"\", nonce=\"\", stale=yes, userhash=1, charset=latin1"), {
      realm: "",
      nonce: "",
      stale: false,
      userhash: false,
      charset: undefined
    })
  })

  it("offers auth-int, which is taken where auth is not offered; unknown tokens are ignored", () => {
    const qop = (offered: string) => challengeOf(`Digest realm=r, nonce=n, qop=${offered}`)?.qop
    assert.strictEqual(qop("auth"), "auth")
    assert.strictEqual(qop("\"auth-int,auth\""), "auth")
    assert.strictEqual(qop("auth-int"), "auth-int")
    assert.strictEqual(qop("\"auth-conf AUTH-INT\""), "auth-int")
    assert.strictEqual(qop("\"token , auth\""), "auth")
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, qop=\"other\""))
    assert.isUndefined(must("Digest realm=r, nonce=n, qop=\"\"").qop)
    assert.isUndefined(must("Digest realm=r, nonce=n").qop)
  })

  it("with a parameter twice is none, since either could be meant (RFC 9110 11.2)", () => {
    for (const twice of ["realm=r", "nonce=m", "qop=auth, qop=auth", "algorithm=MD5, ALGORITHM=SHA-256"]) {
      assert.isUndefined(challengeOf(`Digest realm=r, nonce=n, ${twice}`), twice)
    }
  })

  it.prop(
    "is read as bytes: every text of it is one code unit per byte",
    [FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" })],
    ([realm, nonce]) => {
      const quoted = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`
      const challenge = challengeOf(`Digest realm=${quoted(realm)}, nonce=${quoted(nonce)}, opaque=${quoted(realm)}`)
      if (challenge === undefined) return
      for (const text of [challenge.realm, challenge.nonce, challenge.opaque ?? ""]) {
        assert.isTrue([...text].every((character) => character.charCodeAt(0) <= 0xff))
      }
    }
  )
})
