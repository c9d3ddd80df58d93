/** Requests as they reach the origin: methods, fields, URLs, bodies in memory, and what is refused before it is sent. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as Effect from "effect/Effect"
import { bytesOf, type Cases, echoed, failsWith, textOf, withSession } from "./harness.ts"
import { pattern, sumOf } from "./routes.ts"

export const requests = ({ all, only }: Cases): void => {
  all("GET gives head and body (SES-24)", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const [bytes, response] = yield* session.data(`${origin.url}/hello`)
        assert.strictEqual(response.status, 200)
        assert.strictEqual(response.mimeType, "text/plain")
        assert.strictEqual(response.url, `${origin.url}/hello`)
        assert.strictEqual(textOf(bytes), "hello, world")
      })
    ))

  all("a URL is as good as its text", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const [bytes] = yield* session.data(new URL("/hello", origin.url))
        assert.strictEqual(textOf(bytes), "hello, world")
      })
    ))

  all("HEAD has the fields, and no body", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const [bytes, response] = yield* session.data(HttpClientRequest.head(`${origin.url}/hello`))
        assert.strictEqual(response.status, 200)
        assert.strictEqual(response.mimeType, "text/plain")
        assert.strictEqual(bytes.length, 0)
      })
    ))

  for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) {
    all(`${method} brings its bytes (BOD-01)`, () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const request = HttpClientRequest.make(method)(`${origin.url}/echo`)
          const echo = yield* echoed(session, HttpClientRequest.bodyText(request, "ping", "text/x-ping"))
          assert.deepInclude(echo, { method, text: "ping", contentType: "text/x-ping" })
        })
      ))
  }

  for (const method of ["GET", "DELETE", "OPTIONS"] as const) {
    all(`${method} without a body brings none`, () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const echo = yield* echoed(session, HttpClientRequest.make(method)(`${origin.url}/echo`))
          assert.deepInclude(echo, { method, length: 0 })
        })
      ))
  }

  all(
    "POST without a body brings none, and is a POST (BOD-05)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const empty = yield* echoed(session, HttpClientRequest.post(`${origin.url}/echo`))
          assert.deepInclude(empty, { method: "POST", length: 0 })
          const [bytes] = yield* session.upload(`${origin.url}/echo`, RequestBody.bytes(new Uint8Array(0)))
          assert.include(textOf(bytes), "\"length\":0")
        })
      )
  )

  all(
    "POST of bytes without a type is a form (BOD-03)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.upload(`${origin.url}/echo`, RequestBody.bytes(bytesOf("a=1")))
          assert.include(textOf(bytes), "application/x-www-form-urlencoded")
        })
      )
  )

  all(
    "bytes of a body arrive whatever their number",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          for (const length of [1, 65_535, 65_536, 65_537, 1_000_003]) {
            const body = pattern(length)
            const echo = yield* echoed(
              session,
              HttpClientRequest.bodyUint8Array(HttpClientRequest.put(`${origin.url}/echo`), body)
            )
            assert.deepInclude(echo, { length, sum: sumOf(body) })
          }
        })
      )
  )

  all(
    "bytes of a body that is a part of a larger memory are that part",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const body = bytesOf("before, within, after").subarray(8, 14)
          const echo = yield* echoed(
            session,
            HttpClientRequest.bodyUint8Array(HttpClientRequest.put(`${origin.url}/echo`), body)
          )
          assert.strictEqual(echo.text, "within")
        })
      )
  )

  all("a field of the request arrives", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const request = HttpClientRequest.setHeader(HttpClientRequest.get(`${origin.url}/echo`), "x-custom", "mine")
        assert.strictEqual((yield* echoed(session, request)).custom, "mine")
      })
    ))

  all(
    "a configured field arrives, and gives way to the request's own (CFG-22)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const request = HttpClientRequest.get(`${origin.url}/echo`)
          assert.strictEqual((yield* echoed(session, request)).custom, "configured")
          const own = HttpClientRequest.setHeader(request, "X-Custom", "mine")
          assert.strictEqual((yield* echoed(session, own)).custom, "mine")
        }), { configuration: { httpAdditionalHeaders: { "X-Custom": "configured" } } })
  )

  only("any field")(
    "names that a browser keeps to itself arrive",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const request = HttpClientRequest.setHeader(HttpClientRequest.get(`${origin.url}/hello`), "cookie", "a=b")
          const [, response] = yield* session.data(request)
          assert.strictEqual(response.status, 200)
        })
      )
  )

  all("path and query arrive as they are", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const target = "/echo?a=1&b=%20x&c=%C3%A9&b=2&empty="
        assert.strictEqual((yield* echoed(session, `${origin.url}${target}`)).target, target)
      })
    ))

  all(
    "what is no ASCII in a URL is percent-encoded UTF-8",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const echo = yield* echoed(session, `${origin.url}/echo/grüße?q=世界`)
          assert.strictEqual(echo.target, "/echo/gr%C3%BC%C3%9Fe?q=%E4%B8%96%E7%95%8C")
        })
      )
  )

  all("parameters of the request become the query", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const request = HttpClientRequest.get(`${origin.url}/echo`).pipe(
          HttpClientRequest.setUrlParams({ q: "a b", n: 1 })
        )
        assert.strictEqual((yield* echoed(session, request)).target, "/echo?q=a+b&n=1")
      })
    ))

  all(
    "a fragment is not sent, and stays in the URL (RFC 9110 4.2.5)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [bytes, response] = yield* session.data(`${origin.url}/echo?q#part`)
          assert.include(textOf(bytes), "\"target\":\"/echo?q\"")
          assert.strictEqual(response.url, `${origin.url}/echo?q#part`)
        })
      )
  )

  all("a data URL is answered without the network (SES-30)", () =>
    withSession(({ session }) =>
      Effect.gen(function*() {
        const [bytes, response] = yield* session.data("data:text/plain;base64,aGVsbG8=")
        assert.strictEqual(textOf(bytes), "hello")
        assert.strictEqual(response.mimeType, "text/plain")
      })
    ))

  all(
    "a scheme that nobody serves is InvalidRequest",
    () =>
      withSession(({ session }) => failsWith(session.data("gopher://origin.test/"), "InvalidRequest/UnsupportedURL"))
  )

  all(
    "what is no URL is InvalidRequest",
    () => withSession(({ session }) => failsWith(session.data("/hello"), "InvalidRequest/BadURL"))
  )

  all(
    "GET with a body is InvalidRequest, and nothing is sent (BOD-04)",
    () =>
      withSession(({ origin, session }) =>
        failsWith(
          session.upload(HttpClientRequest.get(`${origin.url}/echo`), RequestBody.text("x")),
          "InvalidRequest/GetWithBody"
        )
      )
  )

  all("a field that would break the head is InvalidRequest", () =>
    withSession(({ origin, session }) =>
      failsWith(
        session.data(HttpClientRequest.setHeader(HttpClientRequest.get(`${origin.url}/echo`), "x-custom", "a\r\nb: c")),
        "InvalidRequest/InvalidHeader"
      )
    ))

  all(
    "20 requests at once get 20 answers, each its own",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const all = yield* Effect.all(
            Array.from({ length: 20 }, (_, i) => echoed(session, `${origin.url}/echo?n=${i}`)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(all.map((echo) => echo.target), all.map((_, i) => `/echo?n=${i}`))
        })
      )
  )
}
