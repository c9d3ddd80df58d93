import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { inspect } from "node:util"
import { api, requests, scripted } from "./support.ts"

type Fields = Readonly<Record<string, string>>

/** The response to a request of this URL with these fields. */
const answered = (fields: Fields, url = `${api}a/test.txt?x=1`, status = 200) =>
  Effect.gen(function*() {
    const session = yield* UrlSession.make()
    const response = yield* session.execute(url)
    yield* response.cancel
    return response
  }).pipe(scripted(() => TestTransport.respond(status, { headers: fields })))

describe("the head of a response", () => {
  for (const status of [200, 302, 404, 599, 999]) {
    it.scoped(`has its URL and the status ${status} (RSP-02, TestHTTPURLResponse/test_URL_and_status_1, TestHTTPURLResponse/test_URL_and_status_2, TestURLResponse/test_URL, TestURLSession/test_outOfRangeButCorrectlyFormattedHTTPCode)`, () =>
      Effect.gen(function*() {
        const response = yield* answered({}, api, status)
        assert.strictEqual(response.status, status)
        assert.strictEqual(response.url, api)
      }))
  }

  it.scoped("has its fields by their lower-case names, repeated ones joined (TestHTTPURLResponse/test_headerFields_1, TestHTTPURLResponse/test_headerFields_3)", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual([...(yield* answered({})).headers], [])
      const response = yield* answered({ "X-One": "1", "x-two": "2" })
      assert.strictEqual(response.headers.get("x-one"), "1")
      assert.strictEqual(response.headers.get("x-two"), "2")
      const session = yield* UrlSession.make()
      const [, repeated] = yield* session.data(api)
      assert.strictEqual(repeated.headers.get("vary"), "a, b")
      assert.deepStrictEqual(repeated.headers.getAll("vary"), ["a", "b"])
    }).pipe(scripted(() => TestTransport.respond(200, { headers: [["vary", "a"], ["Vary", "b"]] }))))

  const lengths: ReadonlyArray<readonly [string, Fields, number | undefined]> = [
    ["TestHTTPURLResponse/test_contentLength_available_1", { "content-length": "997" }, 997],
    [
      "TestHTTPURLResponse/test_contentLength_available_3",
      { "content-length": "997", "content-encoding": "identity" },
      997
    ],
    ["TestHTTPURLResponse/test_contentLength_withContentEncoding", {
      "content-length": "997",
      "content-encoding": "deflate"
    }, 997]
  ]
  for (const [name, fields, length] of lengths) {
    it.scoped(`says how long the body is (RSP-03, ${name})`, () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* answered(fields)).expectedContentLength, length)
      }))
  }

  it.scoped("does not know a length that nobody names (RSP-03, TestHTTPURLResponse/test_contentLength_notAvailable, TestURLResponse/test_ExpectedContentLength)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      assert.strictEqual(response.expectedContentLength, undefined)
    }).pipe(scripted(() => [...TestTransport.head(200), ...TestTransport.end])))

  const types: ReadonlyArray<readonly [string, Fields, string | undefined, string | undefined]> = [
    ["TestHTTPURLResponse/test_MIMETypeAndCharacterEncoding_1", {}, undefined, undefined],
    [
      "TestHTTPURLResponse/test_MIMETypeAndCharacterEncoding_2",
      { "content-type": "text/html" },
      "text/html",
      undefined
    ],
    [
      "TestHTTPURLResponse/test_MIMETypeAndCharacterEncoding_3",
      { "content-type": "text/HTML; charset=ISO-8859-4" },
      "text/html",
      "iso-8859-4"
    ]
  ]
  for (const [name, fields, mimeType, charset] of types) {
    it.scoped(`says what the body is, in lower case (RSP-01, ${name})`, () =>
      Effect.gen(function*() {
        const response = yield* answered(fields)
        assert.strictEqual(response.mimeType, mimeType)
        assert.strictEqual(response.textEncodingName, charset)
      }))
  }

  const disposition = (value: string): Fields => ({ "content-disposition": value })
  const names: ReadonlyArray<readonly [string, Fields, url: string, expected: string]> = [
    ["TestURLResponse/test_suggestedFilename_1", {}, `${api}a/test.txt`, "test.txt"],
    ["TestURLResponse/test_suggestedFilename_2", {}, `${api}a/test.txt?hello=world`, "test.txt"],
    ["TestURLResponse/test_suggestedFilename_3", {}, api, "Unknown"],
    ["TestHTTPURLResponse/test_suggestedFilename_notAvailable_1", {}, api, "Unknown"],
    ["TestHTTPURLResponse/test_suggestedFilename_notAvailable_2", disposition("inline"), api, "Unknown"],
    [
      "TestHTTPURLResponse/test_suggestedFilename_1",
      disposition("attachment; filename=\"fname.ext\""),
      api,
      "fname.ext"
    ],
    [
      "TestHTTPURLResponse/test_suggestedFilename_2",
      disposition("attachment; filename=genome.jpeg; modification-date=\"x\";"),
      api,
      "genome.jpeg"
    ],
    ["TestHTTPURLResponse/test_suggestedFilename_3", disposition("attachment; filename=\";.ext\""), api, ";.ext"],
    [
      "TestHTTPURLResponse/test_suggestedFilename_removeSlashes_1",
      disposition("attachment; filename=\"/a/b/name\""),
      api,
      "_a_b_name"
    ],
    [
      "TestHTTPURLResponse/test_suggestedFilename_removeSlashes_2",
      disposition("attachment; filename=\"a/../b/name\""),
      api,
      "a_.._b_name"
    ]
  ]
  for (const [name, fields, url, expected] of names) {
    it.scoped(`suggests the name ${expected} (RSP-01, ${name})`, () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* answered(fields, url)).suggestedFileName, expected)
      }))
  }

  it.scoped("of HEAD announces a length and has no body (DAT-01)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [bytes, response] = yield* session.data(HttpClientRequest.head(api))
      assert.strictEqual(bytes.length, 0)
      assert.strictEqual(response.expectedContentLength, 5)
      assert.strictEqual((yield* requests)[0]?.method, "HEAD")
    }).pipe(scripted(() => TestTransport.respond(200, { headers: { "content-length": "5" }, body: "hello" }))))
})

describe("header fields", () => {
  it("are looked up in any case, and printed without credentials (RSP-02)", () => {
    const fields = HeaderFields.fromEntries([["Set-Cookie", "sid=93be01"], ["Content-Type", "text/plain"]])
    assert.strictEqual(fields.get("CONTENT-type"), "text/plain")
    assert.deepStrictEqual(fields.getAll("SET-COOKIE"), ["sid=93be01"])
    assert.isTrue(fields.has("Content-Type"))
    for (const printed of [inspect(fields), JSON.stringify(fields)]) {
      assert.include(printed, "text/plain")
      assert.notInclude(printed, "93be01")
    }
  })

  it("of a redirect's request come with a URL that is printed without its query", () => {
    const request = Either.getOrThrow(SessionRequest.wire("GET", "https://ada:pw1@api.test/x?sig=a41d77"))
    for (const printed of [inspect(request, { depth: 9 }), JSON.stringify(request), String(request.url)]) {
      assert.include(printed, "api.test/x")
      assert.notInclude(printed, "a41d77")
      assert.notInclude(printed, "pw1")
    }
  })
})
