/** Requests as values: what another implementation of URLSession asks of its URLRequest. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import type { WireRequest } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { api, ok, Recorder, requests, scripted, text } from "./support.ts"

const prepared = (input: SessionRequest.Input): WireRequest => Either.getOrThrow(SessionRequest.prepare(input)).request

const valueOf = (request: WireRequest, name: string): string | undefined =>
  request.fields.find((field) => field.name === name)?.value

const namesOf = (request: WireRequest): ReadonlyArray<string> => request.fields.map((field) => field.name)

describe("a request", () => {
  it("gets another URL and another method, one after the other (REQ-01, TestURLRequest/test_mutableConstruction, TestNSURLRequest/test_mutableConstruction)", () => {
    const first = HttpClientRequest.get("https://swift.test/")
    const posted = HttpClientRequest.setMethod(first, "POST")
    const moved = HttpClientRequest.setUrl(posted, "https://github.test/")
    assert.deepInclude(prepared(first), { method: "GET", fields: [], body: undefined })
    assert.strictEqual(prepared(first).url.href, "https://swift.test/")
    assert.strictEqual(prepared(posted).method, "POST")
    assert.strictEqual(prepared(posted).url.href, "https://swift.test/")
    assert.strictEqual(prepared(moved).method, "POST")
    assert.strictEqual(prepared(moved).url.href, "https://github.test/")
  })

  it("keeps its defaults when a copy of it is changed (TestURLRequest/test_mutableCopy_3, TestNSURLRequest/test_mutableCopy_3)", () => {
    const original = HttpClientRequest.get(api)
    const copy = original.pipe(
      HttpClientRequest.setUrl(`${api}other`),
      HttpClientRequest.setMethod("HEAD"),
      HttpClientRequest.setHeader("accept", "text/html")
    )
    assert.deepInclude(prepared(original), { method: "GET", fields: [] })
    assert.strictEqual(prepared(original).url.href, api)
    assert.strictEqual(prepared(copy).method, "HEAD")
    assert.strictEqual(prepared(copy).url.href, `${api}other`)
    assert.strictEqual(valueOf(prepared(copy), "accept"), "text/html")
  })

  it("has one field per name in any case, spelled in lower case; adding is setting the longer list (REQ-02, TestURLRequest/test_headerFields, TestNSURLRequest/test_headerFields)", () => {
    const set = HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("Accept", "application/json"))
    assert.deepStrictEqual(namesOf(prepared(set)), ["accept"])
    const again = HttpClientRequest.setHeader(set, "aCCept", "application/xml")
    assert.deepStrictEqual(namesOf(prepared(again)), ["accept"])
    assert.strictEqual(valueOf(prepared(again), "accept"), "application/xml")
    const added = HttpClientRequest.setHeader(again, "Accept", `${again.headers["accept"]},text/html`)
    assert.deepStrictEqual(namesOf(prepared(added)), ["accept"])
    assert.strictEqual(valueOf(prepared(added), "accept"), "application/xml,text/html")
  })

  const methods: Readonly<Record<string, string>> = {
    GET: "GET",
    get: "GET",
    gEt: "GET",
    HEAD: "HEAD",
    hEAD: "HEAD",
    post: "POST",
    pOST: "POST",
    put: "PUT",
    PUt: "PUT",
    delete: "DELETE",
    DeleTE: "DELETE",
    connect: "CONNECT",
    cOnNeCt: "CONNECT",
    OPTIONS: "OPTIONS",
    options: "options",
    TRACE: "TRACE",
    trace: "trace",
    PATCH: "PATCH",
    patch: "patch",
    query: "query",
    foo: "foo",
    BAR: "BAR"
  }
  it("has six methods that may be written in any case, and others as they are written (REQ-05, TestURLRequest/test_methodNormalization, TestNSURLRequest/test_methodNormalization)", () => {
    for (const [written, sent] of Object.entries(methods)) {
      assert.strictEqual(Either.getOrThrow(SessionRequest.wire(written, api)).method, sent, written)
    }
  })

  it("is described by its URL, without user info and query (TestURLRequest/test_description, TestNSURLRequest/test_description)", () => {
    assert.strictEqual(String(prepared("https://swift.test/a/b").url), "https://swift.test/a/b")
    assert.strictEqual(String(prepared("https://ada:pw@swift.test/a?key=1").url), "https://swift.test/a?…")
  })

  it("has one body: bytes take the place of the stream that was set before (BOD-02)", () => {
    const post = HttpClientRequest.post(api)
    const streamed = HttpClientRequest.bodyStream(post, Stream.dieMessage("never run"), { contentType: "text/html" })
    const bytes = HttpClientRequest.bodyText(streamed, "the second", "text/plain")
    assert.deepStrictEqual(prepared(bytes).body, { _tag: "Bytes", bytes: new TextEncoder().encode("the second") })
    assert.strictEqual(valueOf(prepared(bytes), "content-type"), "text/plain")
    const none = HttpClientRequest.setBody(bytes, HttpBody.empty)
    assert.strictEqual(prepared(none).body, undefined)
  })
})

describe("a value over several lines", () => {
  for (const [name, folded] of [["a tab", "Bar\r\n\tBuz"], ["a space", "Bar\r\n Buz"]] as const) {
    it.scoped(`that goes on with ${name} is sent as one line (REQ-04, RFC 9112 5.2, TestURLRequest/test_validLineFoldedHeaderValues, TestNSURLRequest/test_validLineFoldedHeaderValues)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make(
          SessionConfiguration.make({ httpAdditionalHeaders: { "x-configured": folded } })
        )
        yield* session.data(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("x-own", folded)))
        const [request] = yield* requests
        assert.strictEqual(request?.header("x-own"), "Bar Buz")
        assert.strictEqual(request?.header("x-configured"), "Bar Buz")
      }).pipe(scripted(() => ok())))
  }

  const evil: ReadonlyArray<string> = [
    "Bar\r\nevil: hello\r\n\r\nGET /other HTTP/1.1\r\nevil: hello",
    "Bar\0NUL",
    "Bar\rCR",
    "BarCR\r",
    "Bar\nLF",
    "BarLF\n",
    "Bar\r\nCRLF",
    "BarCRLF\r\n",
    "Bar\r\rCRCR",
    "Bar\r\n folded\r\nevil: hello",
    "Bar\r\n\r\n folded",
    "Bar\n folded"
  ]
  it.scoped("is refused where a line begins without a blank, or ends otherwise (REQ-04, TestURLRequest/test_invalidHeaderValues, TestNSURLRequest/test_invalidHeaderValues)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (const value of evil) {
        const request = HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("foo", value))
        const error = yield* Effect.flip(session.data(request))
        assert.strictEqual(error.reason._tag, "InvalidHeader", JSON.stringify(value))
      }
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(scripted(() => ok())))
})

describe("a request that cannot be one", () => {
  it.effect("has no URL: BadURL where it is handed over, and no task is made (TestURLSession/test_requestToNilURL, TestURLSession/test_taskError)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* UrlSession.make()
        for (const url of ["", "http://127.0.0.1:999999/Nepal", "http://127.0.0.1:-1/Nepal"]) {
          for (
            const error of [
              yield* Effect.flip(session.data(url)),
              yield* Effect.flip(session.execute(url)),
              yield* Effect.flip(session.dataTask(HttpClientRequest.get(url)))
            ]
          ) {
            assert.strictEqual(error._tag, "InvalidRequest")
            assert.strictEqual(error.reason._tag, "BadURL")
            assert.strictEqual(error.code, -1000)
          }
        }
        assert.deepStrictEqual(yield* session.allTasks, [])
      }))
      assert.deepStrictEqual(recorder.tags, ["Invalidated"])
    }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
  })

  for (const scheme of ["foobar", "ftp", "file"]) {
    it.effect(`has the scheme ${scheme}, which nobody serves: no data, no response, and its task keeps the error (SES-30, TSK-07, TestURLSession/test_unhandledURLProtocol)`, () => {
      const recorder = new Recorder()
      return Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const session = yield* UrlSession.make(SessionConfiguration.make({ schemes: ["http", "https", scheme] }))
          const task = yield* session.dataTask(`${scheme}://127.0.0.1/Nepal`)
          assert.strictEqual(yield* task.error, undefined)
          const error = yield* Effect.flip(task.data)
          assert.strictEqual(error.reason._tag, "UnsupportedURL")
          assert.strictEqual(error.code, -1002)
          assert.strictEqual((yield* Effect.flip(task.response)).code, -1002)
          assert.strictEqual((yield* task.error)?.code, -1002)
        }))
        assert.deepStrictEqual(recorder.tags, ["TaskCreated", "MetricsCollected", "TaskCompleted", "Invalidated"])
      }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
    })
  }

  it.effect("is a GET with a body: refused before there is a task, so observers hear of none (BOD-04, TestURLSession/test_requestWithNonEmptyBody)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const error = yield* Effect.flip(
          session.data(HttpClientRequest.get(api).pipe(HttpClientRequest.bodyText("a body")))
        )
        assert.strictEqual(error.code, -1103)
        assert.strictEqual(error.url, api)
        assert.deepStrictEqual(yield* requests, [])
      }))
      assert.deepStrictEqual(recorder.tags, ["Invalidated"])
    }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
  })
})

describe("the order of events with a body", () => {
  const bodies = { "a body": "payload=1", "an empty body": "" }
  for (const [name, body] of Object.entries(bodies)) {
    for (const method of ["HEAD", "PUT", "POST", "DELETE"] as const) {
      const row = body === ""
        ? "TestURLSession/test_requestWithEmptyBody"
        : "TestURLSession/test_requestWithNonEmptyBody"
      it.effect(`${method} with ${name} (BOD-03, BOD-05, ${row})`, () => {
        const recorder = new Recorder()
        return Effect.gen(function*() {
          yield* Effect.scoped(Effect.gen(function*() {
            const session = yield* UrlSession.make()
            const request = HttpClientRequest.make(method)(api).pipe(HttpClientRequest.setBody(HttpBody.raw(body)))
            const [bytes] = yield* session.data(request)
            assert.strictEqual(text(bytes), method === "HEAD" ? "" : "hello")
            const [sent] = yield* requests
            assert.strictEqual(sent?.body === undefined ? undefined : text(sent.body), body === "" ? undefined : body)
            assert.strictEqual(
              sent?.header("content-type"),
              method === "POST" && body !== "" ? "application/x-www-form-urlencoded" : undefined
            )
          }))
          assert.deepStrictEqual(recorder.tags, [
            "TaskCreated",
            ...(body === "" ? [] : ["BodyDataSent"]),
            "ResponseReceived",
            ...(method === "HEAD" ? [] : ["DataReceived"]),
            "MetricsCollected",
            "TaskCompleted",
            "Invalidated"
          ])
          assert.strictEqual(recorder.of("TaskCompleted")[0]?.error, undefined)
          for (const event of recorder.of("BodyDataSent")) {
            assert.deepInclude(event, { totalBytesSent: body.length, totalBytesExpectedToSend: body.length })
          }
        }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
      })
    }
  }
})
