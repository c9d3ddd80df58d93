// The Digest scheme against the examples of RFC 7616, 2617 and 2069, with the hash functions of Node.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { createHash } from "node:crypto"
import {
  digestAuthorization,
  type DigestChallenge,
  digestChallenge,
  type DigestHash,
  digestInfo,
  type DigestInput,
  DigestSession,
  expectedRspauth,
  ha1
} from "../../src/internal/protocol/digest.ts"
import { parseAuthParams, parseChallenges } from "../../src/internal/protocol/wwwAuthenticate.ts"

const hash: DigestHash = {
  md5: (data) => createHash("md5").update(data).digest("hex"),
  sha256: (data) => createHash("sha256").update(data).digest("hex")
}

const challengeOf = (line: string): DigestChallenge | undefined => {
  const [challenge] = parseChallenges([line])
  return challenge === undefined ? undefined : digestChallenge(challenge)
}

const must = (line: string): DigestChallenge => {
  const challenge = challengeOf(line)
  if (challenge === undefined) throw new Error(`not answerable: ${line}`)
  return challenge
}

const rfc7616 = (algorithm: string) =>
  must(
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
      `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
  )

const mufasa = (challenge: DigestChallenge, more?: Partial<DigestInput>): DigestInput => ({
  challenge,
  user: "Mufasa",
  password: "Circle of Life",
  method: "GET",
  uri: "/dir/index.html",
  nc: 1,
  cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  hash,
  ...more
})

const params = (value: string | undefined) => Object.fromEntries(parseAuthParams((value ?? "").replace(/^Digest /, "")))

describe("Digest (RFC 7616)", () => {
  it("answers the MD5 example of RFC 7616 3.9.1", () => {
    assert.strictEqual(
      digestAuthorization(mufasa(rfc7616("MD5"))),
      `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, ` +
        `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
        `cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ` +
        `response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
    )
  })

  it("answers the SHA-256 example of RFC 7616 3.9.1", () => {
    const answer = params(digestAuthorization(mufasa(rfc7616("SHA-256"))))
    assert.strictEqual(answer["response"], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")
    assert.strictEqual(answer["algorithm"], "SHA-256")
  })

  it("answers the example of RFC 2617 3.5, and names no algorithm where the server named none", () => {
    const challenge = must(
      `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ` +
        `opaque="5ccc069c403ebaf9f0171e9517f40e41"`
    )
    const answer = params(digestAuthorization(mufasa(challenge, { password: "Circle Of Life", cnonce: "0a4f113b" })))
    assert.strictEqual(answer["response"], "6629fae49393a05397450978507c4ef1")
    assert.isUndefined(answer["algorithm"])
  })

  it("answers without qop as RFC 2069 does (its example, as corrected)", () => {
    const challenge = must(`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`)
    const answer = params(digestAuthorization(mufasa(challenge, { password: "CircleOfLife" })))
    assert.strictEqual(answer["response"], "1949323746fe6a43ef61f9606e7febea")
    assert.deepStrictEqual(Object.keys(answer).sort(), ["nonce", "realm", "response", "uri", "username"])
  })

  it("makes a session key of the first nonce and client nonce (-sess)", () => {
    for (const [name, h] of [["MD5-sess", hash.md5], ["SHA-256-sess", hash.sha256]] as const) {
      const text = (value: string) => h(new TextEncoder().encode(value))
      const challenge = must(`Digest realm=r, nonce=n, algorithm=${name}, qop=auth`)
      const session = new DigestSession(challenge)
      const cnonce = session.clientNonce("first")
      const what = text("GET:/dir/index.html")
      const key = text(`${text("Mufasa:r:Circle of Life")}:n:first`)
      const first = mufasa(challenge, { nc: session.next(), cnonce, prime: session.prime })
      assert.strictEqual(
        params(digestAuthorization(first))["response"],
        text(`${key}:n:00000001:first:auth:${what}`)
      )
      session.renew("m")
      assert.strictEqual(session.clientNonce("second"), "first")
      const second = mufasa(session.challenge, { nc: session.next(), cnonce, prime: session.prime })
      assert.strictEqual(params(digestAuthorization(second))["nonce"], "m")
      assert.strictEqual(
        params(digestAuthorization(second))["response"],
        text(`${key}:m:00000001:first:auth:${what}`)
      )
    }
  })

  it("takes a fresh client nonce for every request where there is no session key", () => {
    const session = new DigestSession(rfc7616("MD5"))
    assert.strictEqual(session.clientNonce("a"), "a")
    assert.strictEqual(session.clientNonce("b"), "b")
    assert.isUndefined(session.prime)
  })

  it("gives H(user:realm:password), which may be kept in place of the password", () => {
    assert.strictEqual(
      ha1(mufasa(rfc7616("MD5"))),
      hash.md5(new TextEncoder().encode("Mufasa:http-auth@example.org:Circle of Life"))
    )
  })

  it("hashes empty parts as empty, colons and all", () => {
    const challenge = must("Digest realm=\"\", nonce=n")
    assert.strictEqual(ha1({ challenge, user: "", password: "", hash }), hash.md5(new TextEncoder().encode("::")))
  })

  it("remembers a bounded number of nonces", () => {
    const session = new DigestSession(must("Digest realm=r, nonce=n, qop=auth"))
    for (let i = 0; i < 1000; i++) {
      session.renew(`nonce ${i}`)
      assert.strictEqual(session.next(), 1)
    }
    session.renew("nonce 998")
    assert.strictEqual(session.next(), 2)
  })

  it("reads a challenge: stale, charset, domain, userhash, opaque, in any case", () => {
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

  it("does not answer without realm or nonce, by an unknown algorithm, or where only auth-int is offered", () => {
    assert.isUndefined(challengeOf("Digest nonce=n"))
    assert.isUndefined(challengeOf("Digest realm=r"))
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, algorithm=SHA-512-256"))
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, algorithm=token"))
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, qop=auth-int"))
    assert.isUndefined(challengeOf("Digest realm=r, nonce=n, qop=\"other\""))
    assert.isUndefined(challengeOf("Basic realm=r, nonce=n"))
    assert.strictEqual(challengeOf("Digest realm=r, nonce=n, stale=no, qop=\"\"")?.stale, false)
  })

  it("escapes quotes and backslashes, and leaves nc, qop and algorithm unquoted (RFC 7616 3.4)", () => {
    const challenge = must(`Digest realm="a \\"b\\" \\\\c", nonce="\\"", algorithm=MD5, qop=auth`)
    const value = digestAuthorization(mufasa(challenge, { user: "x\"y\\z", nc: 0x1f })) ?? ""
    assert.include(value, `username="x\\"y\\\\z", realm="a \\"b\\" \\\\c"`)
    assert.include(value, `nonce="\\""`)
    assert.match(value, /algorithm=MD5,.* nc=0000001f,.* qop=auth,/)
  })

  it("hashes a realm as the bytes that came, and a user by the charset of the server", () => {
    const sent = "\u00c3\u00a9"
    const user = "J\u00e4s\u00f8n Doe"
    const bytes = (value: string) => Buffer.from(value, "latin1")
    const utf8 = must(`Digest realm="${sent}", nonce=n, charset=UTF-8, qop=auth`)
    const old = must(`Digest realm="${sent}", nonce=n, qop=auth`)
    const utf8User = Buffer.concat([Buffer.from(`${user}:`), bytes(sent), Buffer.from(":\u00e9")])
    const oldUser = bytes(`${user}:${sent}:\u00e9`)
    assert.strictEqual(ha1({ challenge: utf8, user, password: "e\u0301", hash }), hash.md5(utf8User))
    assert.strictEqual(ha1({ challenge: old, user, password: "\u00e9", hash }), hash.md5(oldUser))
    const wire = digestAuthorization(mufasa(utf8, { user })) ?? ""
    assert.include(wire, "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, ")
    assert.include(wire, `realm="${sent}"`)
    assert.include(digestAuthorization(mufasa(old, { user })) ?? "", `username="${user}"`)
    assert.include(digestAuthorization(mufasa(old, { user: "\u20ac" })) ?? "", "username*=UTF-8''%E2%82%AC")
  })

  it("refuses what a field cannot carry", () => {
    const challenge = rfc7616("MD5")
    assert.isUndefined(digestAuthorization(mufasa(challenge, { user: "a\nb" })))
    assert.isUndefined(digestAuthorization(mufasa(challenge, { password: "a\0" })))
    assert.isUndefined(digestAuthorization(mufasa(challenge, { user: "\ud800" })))
    assert.isUndefined(digestAuthorization(mufasa(challenge, { uri: "/\r\nx: y" })))
    assert.isUndefined(digestAuthorization(mufasa(challenge, { nc: 0x100000000 })))
  })

  it("reads Authentication-Info and says what rspauth has to be (RFC 7616 3.5)", () => {
    const input = mufasa(rfc7616("SHA-256"))
    const text = (value: string) => hash.sha256(new TextEncoder().encode(value))
    const { cnonce, challenge: { nonce, realm } } = input
    const expected = text(
      `${text(`Mufasa:${realm}:Circle of Life`)}:${nonce}:00000001:${cnonce}:auth:${text(":/dir/index.html")}`
    )
    assert.strictEqual(expectedRspauth(input), expected)
    assert.deepStrictEqual(
      digestInfo([`qop=auth, rspauth="${expected}"`, `cnonce="c", nc=0000000a, nextnonce="next"`]),
      { nextnonce: "next", rspauth: expected, qop: "auth", cnonce: "c", nc: 10 }
    )
    assert.deepStrictEqual(digestInfo([`nextnonce="", nc=1`]), {
      nextnonce: undefined,
      rspauth: undefined,
      qop: undefined,
      cnonce: undefined,
      nc: undefined
    })
    assert.isUndefined(digestInfo([]).nextnonce)
  })

  it.prop(
    "never uses a count twice for a nonce",
    [FastCheck.array(FastCheck.option(FastCheck.constantFrom("a", "b", "c", "d")), { maxLength: 50 })],
    ([steps]) => {
      const session = new DigestSession(must("Digest realm=r, nonce=n, qop=auth"))
      const counts = new Map<string, number>()
      for (const step of steps) {
        if (step !== null) session.renew(step)
        const { nonce } = session.challenge
        counts.set(nonce, (counts.get(nonce) ?? 0) + 1)
        assert.strictEqual(session.next(), counts.get(nonce))
      }
    }
  )

  it.prop(
    "an answer can always be read back, whatever realm, nonce and user are",
    [FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" })],
    ([realm, nonce, user]) => {
      const value = digestAuthorization(mufasa({ ...rfc7616("SHA-256"), realm, nonce }, { user }))
      if (value === undefined) return
      const answer = params(value)
      const readable = [...realm + nonce].every((character) => character >= " " && character !== "\x7f")
      assert.isTrue([...value].every((character) => character.charCodeAt(0) <= 0xff))
      if (readable) assert.lengthOf(answer["response"] ?? "", 64)
    }
  )
})
