import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { parseChallenges } from "../../src/internal/protocol/wwwAuthenticate.ts"
import { redactRequestBody } from "../../src/internal/recorder/bodyText.ts"
import { matchesBody, matchesUrl } from "../../src/internal/recorder/pattern.ts"
import {
  makeRedaction,
  redactRequestFields,
  redactRequestUrl,
  redactResponseFields
} from "../../src/internal/recorder/redaction.ts"
import { requestField } from "../../src/internal/requestField.ts"

const redaction = makeRedaction([], [])
const url = (href: string) => redactRequestUrl(href, redaction)
const response = (name: string, value: string) =>
  redactResponseFields([[name, value]], "https://api.test/a/b", redaction)[0]?.[1]
const request = (name: string, value: string, bound = true) =>
  redactRequestFields([requestField(name, value, bound)], redaction)[0]?.[1]
const body = (text: string, contentType?: string) => {
  const kept = redactRequestBody(new TextEncoder().encode(text), contentType, redaction)
  return kept._tag === "Kept" ? new TextDecoder().decode(kept.bytes) : `left out: ${kept.size}`
}

describe("what is recorded of a URL", () => {
  it("has no user info, no fragment, and no value of a secret name", () => {
    assert.strictEqual(
      url("https://ada:hunter2@api.test:8443/a;v=1?page=2&access_token=hunter2&q=#hunter2"),
      "https://api.test:8443/a;v=1?page=2&access_token=<redacted>&q="
    )
    assert.strictEqual(url("https://a@b:p@ss@api.test/x@y"), "https://api.test/x@y")
    assert.strictEqual(
      url("https://api.test/plain?page=2&keyword=x&monkey=y"),
      "https://api.test/plain?page=2&keyword=x&monkey=y"
    )
  })

  it("hides a secret name however it is written", () => {
    for (
      const name of [
        "token",
        "TOKEN",
        "id_token",
        "accessToken",
        "accesstoken",
        "X-Amz-Signature",
        "X-Goog-Credential",
        "client.secret",
        "api-key",
        "apiKey",
        "sig",
        "code",
        "Password",
        "%74oken",
        "tok%65n"
      ]
    ) {
      assert.strictEqual(
        url(`https://api.test/?a=1&${name}=hunter2&b=2`),
        `https://api.test/?a=1&${name}=<redacted>&b=2`
      )
    }
  })

  it("hides a URL within it that has a secret", () => {
    const inner = "https://api.test/?token=hunter2"
    assert.notInclude(url(`https://api.test/?next=${inner}`), "hunter2")
    assert.notInclude(url(`https://api.test/?next=${encodeURIComponent(inner)}`), "hunter2")
    assert.notInclude(url(`https://api.test/?next=${encodeURIComponent(encodeURIComponent(inner))}`), "hunter2")
    assert.notInclude(
      url(`https://api.test/?next=${encodeURIComponent("https://ada:hunter2@api.test/?a=1")}`),
      "hunter2"
    )
    assert.notInclude(url("https://api.test/?a=1;token=hunter2"), "hunter2")
    const harmless = `https://api.test/?next=${encodeURIComponent("https://api.test/?page=2")}`
    assert.strictEqual(url(harmless), harmless)
  })

  it("is the same when it is redacted again", () => {
    const once = url("https://api.test/?token=hunter2&next=https://ada:hunter2@api.test/")
    assert.strictEqual(url(once), once)
  })

  it("takes names of the caller's own beside the defaults", () => {
    const own = makeRedaction(["member-no"], [])
    assert.strictEqual(
      redactRequestUrl("https://api.test/?memberNo=7&MEMBER_NO=8&token=9&no=1", own),
      "https://api.test/?memberNo=<redacted>&MEMBER_NO=<redacted>&token=<redacted>&no=1"
    )
  })
})

describe("what is recorded of a request's fields", () => {
  it("is the scheme of an authorization, the names of cookies, and nothing else of them", () => {
    assert.strictEqual(request("authorization", "Basic aHVudGVyMg=="), "Basic <redacted>")
    assert.strictEqual(
      request("Authorization", "Digest username=\"ada\", response=\"hunter2\"", false),
      "Digest <redacted>"
    )
    assert.strictEqual(request("authorization", "hunter2 hunter2"), "<redacted>")
    assert.strictEqual(request("proxy-authorization", "Bearer hunter2"), "Bearer <redacted>")
    assert.strictEqual(
      request("cookie", "sid=hunter2; theme=dark; hunter2"),
      "sid=<redacted>; theme=<redacted>; <redacted>"
    )
  })

  it("is the value of a public field, and of no other that is bound to its origin", () => {
    assert.strictEqual(request("content-type", "text/plain"), "text/plain")
    assert.strictEqual(request("x-custom", "hunter2"), "<redacted>")
    assert.strictEqual(request("x-custom", "shown", false), "shown")
    assert.strictEqual(request("x-api-key", "hunter2", false), "<redacted>")
    assert.strictEqual(
      request("referer", "https://ada:hunter2@api.test/?token=hunter2"),
      "https://api.test/?token=<redacted>"
    )
    const allowing = makeRedaction([], ["X-Custom"])
    assert.deepStrictEqual(redactRequestFields([requestField("X-Custom", "shown", true)], allowing), [[
      "x-custom",
      "shown"
    ]])
  })
})

describe("what is recorded of a response's fields", () => {
  it("is a cookie's name and attributes", () => {
    assert.strictEqual(response("set-cookie", "sid=hunter2=x; Path=/; HttpOnly"), "sid=<redacted>; Path=/; HttpOnly")
    assert.strictEqual(response("set-cookie", "hunter2"), "<redacted>")
  })

  it("is a challenge that can be answered again, without nonce and token (RFC 9110 11.6.1)", () => {
    assert.strictEqual(
      response(
        "www-authenticate",
        "Digest realm=\"the \\\"vault\\\"\", nonce=\"hunter2\", opaque=\"hunter2\", qop=\"auth, auth-int\", algorithm=SHA-256, stale=true, Basic realm=\"x\""
      ),
      "Digest realm=\"the \\\"vault\\\"\", nonce=\"<redacted>\", opaque=\"<redacted>\", qop=\"auth, auth-int\", algorithm=SHA-256, stale=true, Basic realm=\"x\""
    )
    assert.strictEqual(response("www-authenticate", "Negotiate aHVudGVyMg=="), "Negotiate")
    assert.strictEqual(response("www-authenticate", "NTLM aHVudGVyMg==, Bearer"), "NTLM, Bearer")
    assert.strictEqual(response("proxy-authenticate", "Digest nonce=hunter2, realm=\"unterminated hunter2"), "")
  })

  it("is that a nonce follows, and nothing that was computed from the password (RFC 7616 3.5)", () => {
    const info = "nextnonce=\"hunter2\", rspauth=\"hunter2\", cnonce=\"hunter2\", nc=00000001, qop=auth"
    assert.strictEqual(response("authentication-info", info), "nextnonce=\"<redacted>\"")
    assert.strictEqual(response("authentication-info", "rspauth=\"hunter2\""), "")
  })

  it("is a location without user info, however it hides there, and without secrets", () => {
    for (
      const location of [
        "https://ada:hunter2@api.test/next?code=hunter2&a=1",
        "//ada:hunter2@api.test/next?a=1",
        "https:\\\\ada:hunter2@api.test/next",
        "https:ada:hunter2@other.test/next",
        "/next?token=hunter2#access_token=hunter2",
        "https://ada:hunter2@[/?X-Signature=hunter2"
      ]
    ) assert.notInclude(response("location", location), "hunter2")
    assert.strictEqual(response("location", "../c?a=1#d"), "../c?a=1#d")
    assert.strictEqual(
      response("refresh", "5; url=https://api.test/?token=hunter2"),
      "5; url=https://api.test/?token=<redacted>"
    )
    assert.strictEqual(
      response("link", "<https://ada:hunter2@api.test/?key=hunter2>; rel=next"),
      "<https://<redacted>@api.test/?key=<redacted>>; rel=next"
    )
  })

  it("is everything else but fields that are named as secrets", () => {
    assert.strictEqual(response("x-csrf-token", "hunter2"), "<redacted>")
    assert.strictEqual(response("x-amz-security-token", "hunter2"), "<redacted>")
    for (const name of ["etag", "content-type", "x-error-code", "access-control-allow-credentials", "vary", "date"]) {
      assert.strictEqual(response(name, "shown"), "shown")
    }
  })

  it("is taken in linear time from hostile values", () => {
    const hostile = ["?", "a=", "%253d", "//", "@", "\"", "\\", ",", "nonce=", " ", ";", "&"]
    for (const piece of hostile) {
      for (const name of ["location", "www-authenticate", "authentication-info", "set-cookie", "link", "x"]) {
        assert.isString(response(name, piece.repeat(20_000)))
      }
    }
  }, 10_000)
})

describe("what is recorded of a request's body", () => {
  it("is a form without its secrets", () => {
    const form = "grant_type=password&username=ada&password=hunter2&client%5Fsecret=hunter2&a"
    const clean = "grant_type=password&username=ada&password=<redacted>&client%5Fsecret=<redacted>&a"
    assert.strictEqual(body(form, "application/x-www-form-urlencoded;charset=utf-8"), clean)
    assert.strictEqual(body(form), clean)
  })

  it("is a JSON document without its secrets", () => {
    const json =
      `{"user": "a\\"da", "password" : "hun\\"ter2", "p\\u0069n":1234, "list":["token", {"apiKey":-1.5e3}], "n":null}`
    const clean =
      `{"user": "a\\"da", "password" : "<redacted>", "p\\u0069n":"<redacted>", "list":["token", {"apiKey":"<redacted>"}], "n":null}`
    assert.strictEqual(body(json, "application/vnd.api+json"), clean)
    assert.strictEqual(body(json), clean)
  })

  it("is other text and bytes as they are", () => {
    assert.strictEqual(body("password=hunter2 is what I say", "text/plain"), "password=<redacted>")
    assert.strictEqual(body("plain", "text/plain"), "plain")
    const bytes = Uint8Array.of(0xff, 0x7b)
    assert.deepStrictEqual(redactRequestBody(bytes, "application/json", redaction), { _tag: "Kept", bytes })
  })

  it("is looked through in linear time, whole or cut off", () => {
    const cut = `{"password":"hunter2${"\\\"".repeat(200_000)}`
    assert.strictEqual(body(cut), "{\"password\":\"<redacted>\"")
    assert.notInclude(body(`{"password":"hunter2\\`), "hunter2")
    const pieces = ["\"", "\\\"", "\\", "a", ":", " ", "=", "&", "\":\""]
    for (const piece of pieces) {
      for (const start of ["{\"", "{", "a=1&", "password="]) assert.isString(body(start + piece.repeat(200_000)))
    }
  }, 10_000)

  it("is nothing where a form or a document is too long to be looked through", () => {
    assert.strictEqual(body(`{"password":"${"x".repeat(1024 * 1024)}"}`), `left out: ${1024 * 1024 + 15}`)
  })
})

describe("what was redacted is matched by any value", () => {
  it("in a URL, as far as the next delimiter", () => {
    assert.isTrue(matchesUrl("https://api.test/?token=<redacted>&a=1", "https://api.test/?token=new&a=1"))
    assert.isTrue(matchesUrl("https://api.test/?token=<redacted>", "https://api.test/?token=%3Credacted%3E"))
    assert.isTrue(matchesUrl("https://api.test/u/<redacted>/x?a=<redacted>", "https://api.test/u/7/x?a="))
    assert.isFalse(matchesUrl("https://api.test/?token=<redacted>", "https://api.test/?token=new&a=1"))
    assert.isFalse(matchesUrl("https://api.test/u/<redacted>/x", "https://api.test/u/7/8/x"))
    assert.isFalse(matchesUrl("https://api.test/?a=1&token=<redacted>", "https://api.test/?a=2&token=new"))
    assert.isFalse(matchesUrl("https://api.test/a", "https://api.test/ab"))
  })

  it("whatever was recorded matches what it was recorded of", () => {
    fc.assert(fc.property(fc.webUrl({ withQueryParameters: true }), fc.string(), fc.string(), (base, secret, other) => {
      const join = base.includes("?") ? "&" : "?"
      const real = new URL(`${base}${join}token=${encodeURIComponent(secret)}&page=${encodeURIComponent(other)}`).href
      assert.isTrue(matchesUrl(url(real), real))
    }))
  })

  it("in a body, as far as its value goes", () => {
    const recorded = (text: string) => redactRequestBody(new TextEncoder().encode(text), undefined, redaction)
    const asked = (text: string) => new TextEncoder().encode(text)
    const json = recorded("{\"password\":\"x\",\"user\":\"ada\"}")
    assert.isTrue(matchesBody(json, asked("{\"password\":\"an\\\"other\",\"user\":\"ada\"}")))
    assert.isFalse(matchesBody(json, asked("{\"password\":\"another\",\"user\":\"eve\"}")))
    assert.isFalse(matchesBody(json, asked("{\"password\":\"a\",\"role\":\"b\",\"user\":\"ada\"}")))
    const form = recorded("password=x&user=ada")
    assert.isTrue(matchesBody(form, asked("password=another&user=ada")))
    assert.isFalse(matchesBody(form, asked("password=another&role=b&user=ada")))
    assert.isTrue(matchesBody({ _tag: "LeftOut", size: 3 }, asked("abc")))
    assert.isFalse(matchesBody({ _tag: "LeftOut", size: 3 }, asked("abcd")))
  })
})

describe("a recorded challenge", () => {
  it("reads as the one that came, but for what is hidden", () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
    const challenge = fc.tuple(
      token,
      fc.dictionary(
        fc.constantFrom("realm", "qop", "domain", "scope"),
        fc.string({ unit: fc.constantFrom("a", " ", "\"", "\\", ",", "=", "ü") })
      )
    )
    fc.assert(fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), (challenges) => {
      const line = challenges.map(([scheme, params]) =>
        `${scheme} ${
          Object.entries({ realm: "r", ...params }).map(([name, value]) =>
            `${name}="${value.replace(/["\\]/g, "\\$&")}"`
          ).join(", ")
        }`
      ).join(", ")
      assert.deepStrictEqual(parseChallenges([response("www-authenticate", line) ?? ""]), parseChallenges([line]))
    }))
  })
})
