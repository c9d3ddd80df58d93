import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import { api, ok, Recorder, requests, scripted, text } from "./support.ts"

describe("schemes", () => {
  for (const url of ["foobar://host/", "ftp://host/", "file:///etc/passwd", "javascript:alert(1)", "about:blank"]) {
    it.scoped(`${url} is UnsupportedURL, -1002 (SES-30, TestURLSession/test_unhandledURLProtocol)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const task = yield* session.dataTask(url)
        const error = yield* Effect.flip(task.data)
        assert.strictEqual(error._tag, "InvalidRequest")
        assert.strictEqual(error.code, -1002)
        assert.strictEqual(yield* task.error, error)
        assert.deepStrictEqual(yield* requests, [])
      }).pipe(scripted(() => ok())))
  }

  it.scoped("are those of the configuration that the transport serves", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ schemes: ["https", "file"] }))
      assert.strictEqual((yield* session.data(api))[1].status, 200)
      for (const url of ["http://api.test/", "data:,x", "file:///etc/passwd"]) {
        assert.strictEqual((yield* Effect.flip(session.data(url))).reason._tag, "UnsupportedURL")
      }
    }).pipe(scripted(() => ok())))
})

describe("TransportSecurity", () => {
  it.scoped("allows plain http unless a Layer says otherwise (NET-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* session.data("http://api.test/"))[1].status, 200)
    }).pipe(scripted(() => ok())))

  it.scoped("strict refuses plain http, -1022, except to this machine (NET-09)", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(UrlSession.make(), TransportSecurity.strict)
      const error = yield* Effect.flip(session.data("http://api.test/"))
      assert.strictEqual(error.reason._tag, "SecurityPolicyViolation")
      assert.strictEqual(error.code, -1022)
      assert.deepStrictEqual(yield* requests, [])
      for (const url of [api, "http://localhost:1/", "http://127.0.0.1/", "http://[::1]/", "http://app.localhost/"]) {
        assert.strictEqual((yield* session.data(url))[1].status, 200)
      }
      for (const url of ["http://127.0.0.1.evil.test/", "http://localhost.evil.test/", "http://0.0.0.0/"]) {
        assert.strictEqual((yield* Effect.flip(session.data(url))).code, -1022)
      }
    }).pipe(scripted(() => ok())))

  it.scoped("strict looks at every hop (RED-09)", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(UrlSession.make(), TransportSecurity.strict)
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.code, -1022)
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(scripted(() => TestTransport.redirect(302, "http://api.test/"))))
})

describe("data URLs", () => {
  const valid: ReadonlyArray<readonly [url: string, mimeType: string, charset: string | undefined, body: string]> = [
    ["data:,A%20brief%20note", "text/plain", undefined, "A brief note"],
    ["data:text/plain;base64,SGVsbG8=", "text/plain", undefined, "Hello"],
    ["data:text/plain;charset=UTF-8,h%C3%A9", "text/plain", "utf-8", "hé"],
    ["data:;charset=utf-8,x", "text/plain", "utf-8", "x"],
    ["data:text/html;charset=utf-8;charset=latin1,<p>", "text/html", "utf-8", "<p>"],
    ["data:application/json,{\"a\":1}", "application/json", undefined, "{\"a\":1}"],
    ["data:;base64,", "text/plain", undefined, ""]
  ]
  for (const [url, mimeType, charset, body] of valid) {
    it.effect(`${url} is answered at once, without the transport (SES-30, TestDataURLProtocol/test_validURIs)`, () => {
      const recorder = new Recorder()
      return Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const session = yield* UrlSession.make()
          const [bytes, response] = yield* session.data(url)
          assert.strictEqual(text(bytes), body)
          assert.strictEqual(response.status, 200)
          assert.strictEqual(response.mimeType, mimeType)
          assert.strictEqual(response.textEncodingName, charset)
          assert.strictEqual(response.expectedContentLength, bytes.length)
        }))
        assert.deepStrictEqual(
          recorder.tags.filter((tag) => tag !== "DataReceived"),
          ["TaskCreated", "ResponseReceived", "MetricsCollected", "TaskCompleted", "Invalidated"]
        )
        assert.strictEqual(recorder.of("MetricsCollected")[0]?.metrics.transactions[0]?.fetchType, "local")
        assert.deepStrictEqual(yield* requests, [])
      }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
    })
  }

  for (const url of ["data:", "data:text/plain", "data:;base64,A", "data:;base64,!!!!"]) {
    it.effect(`${url} is malformed: an error and nothing else (TestDataURLProtocol/test_invalidURIs)`, () => {
      const recorder = new Recorder()
      return Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Effect.flatMap(UrlSession.make(), (one) => one.data(url))))
        assert.strictEqual(error.reason._tag, "BadURL")
        assert.strictEqual(error.code, -1000)
        assert.deepStrictEqual(recorder.tags, ["TaskCreated", "MetricsCollected", "TaskCompleted", "Invalidated"])
      }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
    })
  }

  it.scoped("can be read through execute and as HEAD, and do not show in errors", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ maximumBodyBytes: 2 }))
      const response = yield* session.execute("data:,hi")
      assert.strictEqual(yield* response.text, "hi")
      const [none] = yield* session.data(HttpClientRequest.head("data:,hi"))
      assert.strictEqual(none.length, 0)
      const error = yield* Effect.flip(session.data("data:,secret"))
      assert.strictEqual(error.reason._tag, "DataLengthExceedsMaximum")
      assert.notInclude(error.message, "secret")
    }).pipe(scripted(() => ok())))
})
