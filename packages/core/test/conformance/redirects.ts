/** Redirects, whoever follows them. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { bytesOf, type Cases, echoed, echoOf, failsWith, Recorder, textOf, withSession } from "./harness.ts"

const post = (url: string, body = "again") => HttpClientRequest.bodyText(HttpClientRequest.post(url), body)

/** What a browser may follow, and what a session does: 303 and the old codes make a GET of a POST (RFC 9110 15.4). */
const codes = [[301, "GET"], [302, "GET"], [303, "GET"], [307, "POST"], [308, "POST"]] as const

export const redirects = ({ all, only }: Cases): void => {
  for (const [status, method] of codes) {
    all(`${status} of a GET is followed (RED-01)`, () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [bytes, response] = yield* session.data(`${origin.url}/redirect/${status}/1?here`)
          assert.strictEqual(response.status, 200)
          assert.strictEqual(response.url, `${origin.url}/echo?here=`)
          assert.include(textOf(bytes), "\"method\":\"GET\"")
        })
      ))

    const keeps = method === "POST"
    const posts = keeps ? only("keeps bodies on redirects") : all
    posts(
      `${status} of a POST is followed as ${method} (RED-02)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const echo = yield* echoed(session, post(`${origin.url}/redirect/${status}/1`))
            assert.deepInclude(echo, { method, text: keeps ? "again" : "" })
            if (!keeps) assert.strictEqual(echo.contentType, undefined)
          })
        )
    )

    const streams = status === 303 ? all : only("keeps Streams on redirects")
    streams(
      `${status} of a POST with a Stream is followed as ${method} (RED-03)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const body = RequestBody.stream(Stream.make(bytesOf("aga"), bytesOf("in")), { contentType: "text/plain" })
            const [bytes] = yield* session.upload(`${origin.url}/redirect/${status}/2`, body)
            const echo = yield* echoOf(textOf(bytes))
            assert.deepInclude(echo, { method, text: keeps ? "again" : "" })
          })
        )
    )
  }

  all("HEAD stays HEAD (RED-02)", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        for (const status of [301, 302, 303, 307, 308]) {
          const [bytes, response] = yield* session.data(HttpClientRequest.head(`${origin.url}/redirect/${status}/1`))
          assert.strictEqual(response.status, 200)
          assert.strictEqual(bytes.length, 0)
        }
      })
    ))

  all(
    "several redirects are followed to their end (RED-01)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [, response] = yield* session.data(`${origin.url}/redirect/302/5?deep`)
          assert.strictEqual(response.url, `${origin.url}/echo?deep=`)
        })
      )
  )

  for (const location of ["../hello", "?location=%2Fhello", "//HOST/hello", "/to/302?location=/hello"]) {
    all(
      `a Location that is relative is resolved: ${location} (RED-08)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const target = encodeURIComponent(location.replace("HOST", new URL(origin.url).host))
            const [bytes] = yield* session.data(`${origin.url}/to/302?location=${target}`)
            assert.strictEqual(textOf(bytes), "hello, world")
          })
        )
    )
  }

  for (const status of [301, 302, 303, 307, 308]) {
    all(
      `${status} without a Location is the response (RED-01)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const [bytes, response] = yield* session.data(`${origin.url}/nowhere/${status}`)
            assert.strictEqual(response.status, status)
            assert.strictEqual(textOf(bytes), "no location")
          })
        )
    )
  }

  all("300 and 305 are not followed (RED-01)", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        for (const status of [300, 305]) {
          const [, response] = yield* session.data(`${origin.url}/to/${status}?location=/hello`)
          assert.strictEqual(response.status, status)
        }
      })
    ))

  all(
    "redirects without an end are a typed error (RED-05)",
    () =>
      withSession(({ origin, session }) =>
        failsWith(session.data(`${origin.url}/loop`), "RedirectError/TooManyRedirects", "ConnectionError/Unknown")
      )
  )

  only("redirects shown")(
    "redirects without an end are counted to the limit (RED-05)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const error = yield* failsWith(session.data(`${origin.url}/loop`), "RedirectError/TooManyRedirects")
          assert.deepInclude(error.reason, { limit: 3 })
        }), { configuration: { redirectLimit: 3 } })
  )

  only("redirects shown")("a redirect is told of, and counted (TDL-04, MET-01)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        yield* session.data(`${origin.url}/redirect/307/3`)
        yield* session.finishTasksAndInvalidate
        assert.strictEqual(recorder.of("Redirected").length, 3)
        assert.strictEqual(recorder.of("MetricsCollected")[0]?.metrics.redirectCount, 3)
        assert.strictEqual(recorder.of("MetricsCollected")[0]?.metrics.transactions.length, 4)
      }), { delegate: recorder.layer })
  })

  all(
    "Authorization stays with its origin (RED-04)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const target = encodeURIComponent(`${origin.other}/echo`)
          const request = HttpClientRequest.bearerToken(
            HttpClientRequest.get(`${origin.url}/to/302?location=${target}`),
            "t0ken"
          )
          const echo = yield* echoed(session, request)
          assert.strictEqual(echo.authorization, undefined)
        })
      )
  )

  only("bound fields")(
    "fields of the caller stay with their origin, unless they are public (RED-04)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const target = encodeURIComponent(`${origin.other}/echo`)
          const request = HttpClientRequest.setHeader(
            HttpClientRequest.get(`${origin.url}/to/302?location=${target}`),
            "x-custom",
            "mine"
          )
          assert.strictEqual((yield* echoed(session, request)).custom, undefined)
        })
      )
  )
}
