// Digest answers against the examples of RFC 7616, 2617 and 2069, and in what they carry.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as util from "node:util"
import { DigestSession } from "../../src/internal/protocol/digestSession.ts"
import { DigestUser } from "../../src/internal/protocol/digestUser.ts"
import { algorithms, answer, hash, must, params, request, rfc7616, userFor } from "./digestSupport.ts"

const utf8 = (text: string) => new TextEncoder().encode(text)

describe("a Digest answer", () => {
  it("is that of the MD5 example of RFC 7616 3.9.1", () => {
    assert.strictEqual(
      answer(rfc7616("MD5")),
      `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, ` +
        `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
        `cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ` +
        `response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
    )
  })

  it("is that of the SHA-256 example of RFC 7616 3.9.1", () => {
    const given = params(answer(rfc7616("SHA-256")))
    assert.strictEqual(given["response"], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")
    assert.strictEqual(given["algorithm"], "SHA-256")
  })

  it("is that of the SHA-512-256 example of RFC 7616 3.9.2, as its erratum 4897 corrects it", () => {
    const challenge = must(
      `Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, ` +
        `nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", ` +
        `opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true`
    )
    const given = {
      user: "J\u00e4s\u00f8n Doe",
      password: "Secret, or not?",
      uri: "/doe.json",
      cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    }
    const expected = {
      realm: "api@example.org",
      uri: "/doe.json",
      algorithm: "SHA-512-256",
      nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
      nc: "00000001",
      cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
      qop: "auth",
      response: "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
      opaque: "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS"
    }
    assert.deepStrictEqual(params(answer(challenge, given)), {
      username: "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b",
      ...expected,
      userhash: "true"
    })
    assert.deepStrictEqual(params(answer({ ...challenge, userhash: false }, given)), {
      "username*": "UTF-8''J%C3%A4s%C3%B8n%20Doe",
      ...expected
    })
  })

  it("is that of RFC 2617 3.5, and names no algorithm where the server named none", () => {
    const challenge = must(
      `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ` +
        `opaque="5ccc069c403ebaf9f0171e9517f40e41"`
    )
    const given = params(answer(challenge, { password: "Circle Of Life", cnonce: "0a4f113b" }))
    assert.strictEqual(given["response"], "6629fae49393a05397450978507c4ef1")
    assert.isUndefined(given["algorithm"])
  })

  it("is that of RFC 2069 without qop (its example, as corrected)", () => {
    const challenge = must(`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`)
    const given = params(answer(challenge, { password: "CircleOfLife" }))
    assert.strictEqual(given["response"], "1949323746fe6a43ef61f9606e7febea")
    assert.deepStrictEqual(Object.keys(given).sort(), ["nonce", "realm", "response", "uri", "username"])
  })

  it("covers the body where the server wants auth-int (RFC 7616 3.4.3), an empty one as well", () => {
    const challenge = must("Digest realm=r, nonce=n, algorithm=SHA-256, qop=auth-int")
    const text = (value: string) => hash.sha256(utf8(value))
    for (const body of ["", "a body"]) {
      const covered = params(answer(challenge, { bodyHash: text(body), method: "POST" }))
      assert.strictEqual(covered["qop"], "auth-int")
      assert.strictEqual(
        covered["response"],
        text(
          `${text("Mufasa:r:Circle of Life")}:n:00000001:${covered["cnonce"]}:auth-int:` +
            text(`POST:/dir/index.html:${text(body)}`)
        )
      )
    }
    assert.strictEqual(answer(challenge), answer(challenge, { bodyHash: text("") }))
  })

  it("has a session key of the first nonce and client nonce (-sess), also after a nextnonce", () => {
    for (const [name, h] of [["MD5-sess", hash.md5], ["SHA-512-256-sess", hash.sha512256]] as const) {
      const text = (value: string) => h(utf8(value))
      const session = new DigestSession(must(`Digest realm=r, nonce=n, algorithm=${name}, qop=auth`))
      const mufasa = userFor(session.challenge)
      const send = () => {
        const cnonce = session.clientNonce("first")
        const { challenge, prime } = session
        return params(mufasa.authorization(request(challenge, { nc: session.next(), cnonce, prime })) ?? "")
      }
      const what = text("GET:/dir/index.html")
      const key = text(`${text("Mufasa:r:Circle of Life")}:n:first`)
      assert.strictEqual(send()["response"], text(`${key}:n:00000001:first:auth:${what}`))
      assert.strictEqual(send()["response"], text(`${key}:n:00000002:first:auth:${what}`))
      session.renew("m")
      const renewed = send()
      assert.strictEqual(renewed["nonce"], "m")
      assert.strictEqual(renewed["response"], text(`${key}:m:00000001:first:auth:${what}`))
    }
  })

  it("without qop says a client nonce only where the session key needs it", () => {
    assert.isUndefined(params(answer(must("Digest realm=r, nonce=n, algorithm=MD5")))["cnonce"])
    const keyed = params(answer(must("Digest realm=r, nonce=n, algorithm=MD5-sess")))
    assert.strictEqual(keyed["cnonce"], request(rfc7616("MD5")).cnonce)
    assert.isUndefined(keyed["nc"])
  })

  it("takes two hashes, three where a session key is new: the password is hashed once", () => {
    for (const [name] of algorithms) {
      const calls: Array<number> = []
      const counted = (h: (data: Uint8Array) => string) => (data: Uint8Array) => {
        calls.push(data.length)
        return h(data)
      }
      const challenge = rfc7616(name)
      const session = new DigestSession(challenge)
      const one = DigestUser.of(challenge, "Mufasa", "Circle of Life", {
        md5: counted(hash.md5),
        sha256: counted(hash.sha256),
        sha512256: counted(hash.sha512256)
      })
      assert.lengthOf(calls, 1)
      for (const expected of [name.endsWith("-sess") ? 3 : 2, 2, 2]) {
        calls.length = 0
        const cnonce = session.clientNonce("c")
        one?.authorization(request(challenge, { cnonce, nc: session.next(), prime: session.prime }))
        assert.lengthOf(calls, expected)
      }
    }
  })

  it("escapes quotes and backslashes, and leaves nc, qop, algorithm and userhash unquoted (RFC 7616 3.4)", () => {
    const challenge = must(`Digest realm="a \\"b\\" \\\\c", nonce="\\"", algorithm=MD5, qop=auth, userhash=true`)
    const value = answer({ ...challenge, userhash: false }, { user: "x\"y\\z", nc: 0x1f })
    assert.include(value, `username="x\\"y\\\\z", realm="a \\"b\\" \\\\c"`)
    assert.include(value, `nonce="\\""`)
    assert.match(value, /algorithm=MD5,.* nc=0000001f,.* qop=auth,/)
    assert.match(answer(challenge), /, userhash=true$/)
  })

  it("has a realm as the bytes that came, and a user in UTF-8, named by the charset of the server", () => {
    const sent = "\u00c3\u00a9"
    const user = "J\u00e4s\u00f8n Doe"
    const utf8Challenge = must(`Digest realm="${sent}", nonce=n, charset=UTF-8`)
    const old = must(`Digest realm="${sent}", nonce=n`)
    const what = hash.md5(utf8("GET:/dir/index.html"))
    const responseOf = (secret: Uint8Array) => hash.md5(utf8(`${hash.md5(secret)}:n:${what}`))
    const realm = Buffer.from(sent, "latin1")
    const composed = answer(utf8Challenge, { user, password: "e\u0301" })
    assert.strictEqual(
      params(composed)["response"],
      responseOf(Buffer.concat([Buffer.from(`${user}:`), realm, Buffer.from(":\u00e9")]))
    )
    assert.include(composed, "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, ")
    assert.include(composed, `realm="${sent}"`)
    const plain = answer(old, { user, password: "\u00e9" })
    assert.strictEqual(
      params(plain)["response"],
      responseOf(Buffer.concat([Buffer.from(`${user}:`), realm, Buffer.from(":\u00e9")]))
    )
    assert.include(plain, `username="${Buffer.from(user).toString("latin1")}"`)
    assert.include(answer(old, { user: "\u20ac" }), `username="\u00e2\u0082\u00ac"`)
  })

  it("hashes empty parts as empty, colons and all", () => {
    const text = (value: string) => hash.md5(utf8(value))
    const given = params(answer(must("Digest realm=\"\", nonce=\"\""), { user: "", password: "" }))
    assert.strictEqual(given["response"], text(`${text("::")}::${text("GET:/dir/index.html")}`))
  })

  it("is none for what a field cannot carry", () => {
    const challenge = rfc7616("MD5")
    assert.isUndefined(DigestUser.of(challenge, "a\nb", "", hash))
    assert.isUndefined(DigestUser.of(challenge, "a", "a\0", hash))
    assert.isUndefined(DigestUser.of(challenge, "\ud800", "", hash))
    assert.isUndefined(DigestUser.of(challenge, "\ud800", "\udc00", hash))
    assert.strictEqual(answer(challenge, { uri: "/\r\nx: y" }), "")
    assert.strictEqual(answer(challenge, { method: "GET\n" }), "")
    assert.strictEqual(answer(challenge, { nc: 0x100000000 }), "")
    assert.match(answer(challenge, { nc: 0xffffffff }), / nc=ffffffff,/)
  })

  it("is the same secret for another nonce, and not for another realm, algorithm, charset or form of the name", () => {
    const challenge = must("Digest realm=r, nonce=n, algorithm=SHA-256")
    const mufasa = userFor(challenge)
    assert.isTrue(mufasa.serves(must("Digest realm=r, nonce=m, algorithm=SHA-256, qop=auth")))
    assert.isFalse(mufasa.serves({ ...challenge, realm: "s" }))
    assert.isFalse(mufasa.serves({ ...challenge, algorithm: "SHA-256-sess" }))
    assert.isFalse(mufasa.serves({ ...challenge, charset: "utf-8" }))
    assert.isFalse(mufasa.serves({ ...challenge, userhash: true }))
  })

  it("shows neither password nor secret to whoever prints its maker", () => {
    const challenge = must("Digest realm=r, nonce=n")
    const mufasa = userFor(challenge)
    const secret = hash.md5(utf8("Mufasa:r:Circle of Life"))
    for (const printed of [util.inspect(mufasa, { showHidden: true, depth: 5 }), JSON.stringify(mufasa), `${mufasa}`]) {
      assert.notInclude(printed, secret)
      assert.notInclude(printed, "Circle")
    }
  })

  it("is met by the rspauth that it should be (RFC 7616 3.5), by the protection of the response", () => {
    const challenge = rfc7616("SHA-256")
    const mufasa = userFor(challenge)
    const sent = request(challenge)
    const text = (value: string) => hash.sha256(utf8(value))
    const secret = text(`Mufasa:${challenge.realm}:Circle of Life`)
    const expected = (qop: string, what: string) =>
      text(`${secret}:${challenge.nonce}:00000001:${sent.cnonce}:${qop}:${text(what)}`)
    assert.strictEqual(mufasa.rspauth(sent, "auth", undefined), expected("auth", ":/dir/index.html"))
    assert.strictEqual(
      mufasa.rspauth(sent, "auth-int", text("body")),
      expected("auth-int", `:/dir/index.html:${text("body")}`)
    )
    assert.strictEqual(
      mufasa.rspauth(sent, undefined, undefined),
      text(`${secret}:${challenge.nonce}:${text(":/dir/index.html")}`)
    )
  })

  it.prop(
    "can always be read back, whatever realm, nonce and user are",
    [FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" })],
    ([realm, nonce, user]) => {
      const latin = (text: string) => [...text].map((one) => String.fromCharCode(one.charCodeAt(0) & 0xff)).join("")
      const challenge = { ...rfc7616("SHA-256"), realm: latin(realm), nonce: latin(nonce) }
      const value = DigestUser.of(challenge, user, "p", hash)?.authorization(request(challenge))
      if (value === undefined) return
      assert.isTrue([...value].every((character) => character.charCodeAt(0) <= 0xff))
      const readable = [...challenge.realm + challenge.nonce].every((one) => one >= " " && one !== "\x7f")
      if (!readable) return
      const read = params(value)
      assert.strictEqual(read["realm"], challenge.realm)
      assert.strictEqual(read["nonce"], challenge.nonce)
      assert.lengthOf(read["response"] ?? "", 64)
      assert.isTrue(read["username"] === undefined || read["username*"] === undefined)
    }
  )
})
