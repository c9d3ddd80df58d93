// When the spans of SessionHttpClient end: with the body, and whatever becomes of it.
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { layer as codings } from "../session/codings.ts"
import { api, encode, nothingOpen, ok, scripted, settle } from "../session/support.ts"
import { client, clientWith, get, recorded, slow, SpanRecorder, text } from "./spanRecorder.ts"

describe("a request's span ends", () => {
  it.effect("when the body has been read, and not with the head", () =>
    recorded(() => slow, (recorder) =>
      Effect.gen(function*() {
        const response = yield* get()
        assert.deepStrictEqual(recorder.ends, ["open"])
        const reading = yield* Effect.fork(response.text)
        yield* settle
        assert.deepStrictEqual(recorder.ends, ["open"])
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(reading), "abcd")
        assert.deepStrictEqual(recorder.ends, ["ok"])
        const { status } = recorder.requests[0] ?? assert.fail("no span")
        assert.strictEqual(status._tag === "Ended" ? status.endTime - status.startTime : 0n, 1_000_000_000n)
      })))

  for (
    const [name, read] of [
      ["text", (response) => response.text],
      ["json", (response) => response.json],
      ["arrayBuffer", (response) => response.arrayBuffer],
      ["urlParamsBody", (response) => response.urlParamsBody],
      ["stream", (response) => Stream.runDrain(response.stream)],
      ["the session's own response", (response) => Option.getOrThrow(SessionHttpClient.sessionResponse(response)).bytes]
    ] as ReadonlyArray<
      readonly [
        string,
        (response: Effect.Effect.Success<ReturnType<typeof get>>) => Effect.Effect<unknown, unknown>
      ]
    >
  ) {
    it.effect(`after ${name}, where all of the body had come with the head`, () =>
      recorded(() => ok("{}"), (recorder) =>
        Effect.gen(function*() {
          const response = yield* get()
          assert.deepStrictEqual(recorder.ends, ["open"])
          yield* Effect.ignore(read(response))
          assert.deepStrictEqual(recorder.ends, ["ok"])
          yield* Effect.ignore(read(response))
        })))
  }

  it.effect("also where the request was made in another fiber, under a timeout, and the body is read after it", () =>
    recorded(() => ok(), (recorder) =>
      Effect.gen(function*() {
        const response = yield* Effect.timeout(get(), "5 seconds")
        assert.deepStrictEqual(recorder.ends, ["open"])
        assert.strictEqual(yield* response.text, "hello")
        assert.deepStrictEqual(recorder.ends, ["ok"])
      })))

  it.effect("when a stream has been read as far as wanted", () =>
    recorded(() => [...TestTransport.head(200), ...TestTransport.bytes("a")], (recorder) =>
      Effect.gen(function*() {
        yield* Stream.runDrain(Stream.take(Stream.unwrap(Effect.map(get(), (one) => one.stream)), 1))
        assert.deepStrictEqual(recorder.ends, ["ok"])
      })))

  it.effect("with an interruption, when the reader is interrupted", () =>
    recorded(() => slow, (recorder) =>
      Effect.gen(function*() {
        const response = yield* get()
        const reading = yield* Effect.fork(response.text)
        yield* settle
        yield* Fiber.interrupt(reading)
        assert.deepStrictEqual(recorder.ends, ["interrupted"])
      })))

  it.effect("with an interruption, when the request is interrupted before its head", () =>
    recorded(() => TestTransport.hang, (recorder) =>
      Effect.gen(function*() {
        const asking = yield* Effect.fork(get())
        yield* settle
        yield* Fiber.interrupt(asking)
        assert.deepStrictEqual(recorder.ends, ["interrupted"])
      })))

  it.effect("with the error, when the head fails, when the body fails, and when the request is none", () =>
    recorded(
      (request) =>
        request.url.endsWith("body") ? [...TestTransport.head(200), ...TestTransport.lost()] : TestTransport.lost(),
      (recorder) =>
        Effect.gen(function*() {
          yield* Effect.flip(get())
          yield* Effect.flip(text(`${api}body`))
          yield* Effect.flip(get("ftp://api.test/"))
          assert.deepStrictEqual(recorder.ends, [
            "NetworkConnectionLost",
            "NetworkConnectionLost",
            "UnsupportedURL"
          ])
        })
    ))

  it.effect("with the error, when the body turns out to be coded wrongly, though all of it was here", () =>
    recorded(
      () => TestTransport.respond(200, { headers: { "content-encoding": "gzip" }, body: "no gzip" }),
      (recorder) =>
        Effect.gen(function*() {
          const error = Option.getOrThrow(SessionHttpClient.sessionError(yield* Effect.flip(text())))
          assert.strictEqual(error._tag, "BodyError")
          assert.deepStrictEqual(recorder.ends, [error.reason._tag])
        }),
      clientWith(codings)
    ))

  it.effect("when time runs out while nobody reads", () =>
    recorded(() => [...TestTransport.head(200), ...TestTransport.bytes("a")], (recorder) =>
      Effect.gen(function*() {
        const response = yield* RequestOptions.with({ timeoutInterval: "2 seconds" })(get())
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(recorder.ends, ["TimedOut"])
        yield* Effect.flip(response.text)
      })))

  it.effect("when the session ends while nobody reads", () =>
    recorded(() => [...TestTransport.head(200), ...TestTransport.bytes("a")], (recorder) =>
      Effect.gen(function*() {
        yield* get()
        yield* Effect.flatMap(UrlSession.UrlSession, (one) => one.invalidateAndCancel)
        assert.deepStrictEqual(recorder.ends, ["Cancelled"])
      })))

  for (const observed of [false, true]) {
    it.effect(`when nobody reads a body that is here${observed ? ", also where somebody observes the session" : ""}`, () => {
      const events = SessionEvent.layer({ TaskCompleted: () => Effect.void })
      const layer = observed ? clientWith(events) : client
      return recorded(
        (request) => request.index < 3 ? TestTransport.respond(503, { body: "busy" }) : ok(),
        (recorder) =>
          Effect.gen(function*() {
            const http = (yield* HttpClient.HttpClient).pipe(HttpClient.filterStatusOk, HttpClient.retry({ times: 3 }))
            assert.strictEqual(yield* Effect.flatMap(http.get(api), (response) => response.text), "hello")
            yield* settle
            yield* settle
            // a status is an answer, and no failure of the request
            assert.deepStrictEqual(recorder.ends, ["ok", "ok", "ok", "ok"])
            assert.deepStrictEqual(
              recorder.requests.map(({ attributes }) => attributes.get("error.type")),
              ["503", "503", "503", undefined]
            )
          }),
        layer
      )
    })
  }

  it.effect("with its own response, and not with that of a request which its body makes", () =>
    recorded(
      ({ method }) => method === "POST" ? [...TestTransport.delay("1 second"), ...ok()] : ok(),
      (recorder) =>
        Effect.gen(function*() {
          const one = yield* UrlSession.UrlSession
          const part = Effect.as(one.execute(`${api}part`), encode("part"))
          const asking = yield* Effect.fork(
            Effect.flatMap(HttpClient.post(api, { body: HttpBody.stream(Stream.fromEffect(part)) }), ({ text }) => text)
          )
          yield* settle
          yield* Effect.repeatN(Effect.yieldNow(), 100)
          assert.deepStrictEqual(recorder.ends, ["open"])
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(asking)
          assert.deepStrictEqual(recorder.ends, ["ok"])
          assert.strictEqual(recorder.requests[0]?.attributes.has("http.request.resend_count"), false)
        })
    ))

  it.effect("when the client ends, for a body that is here", () => {
    const recorder = new SpanRecorder()
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const http = yield* Layer.buildWithScope(client, scope)
      yield* Effect.provide(get(), http)
      assert.deepStrictEqual(recorder.ends, ["open"])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(recorder.ends, ["ok"])
    }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
  })

  it.effect("when the Scope of withScope closes", () =>
    recorded(() => [...TestTransport.head(200), ...TestTransport.bytes("a")], (recorder) =>
      Effect.gen(function*() {
        const http = HttpClient.withScope(yield* HttpClient.HttpClient)
        yield* Effect.scoped(Effect.zipRight(http.get(api), Effect.sync(() => assert.strictEqual(recorder.open, 1))))
        assert.deepStrictEqual(recorder.ends, ["ok"])
        assert.deepStrictEqual(yield* Effect.flatMap(UrlSession.UrlSession, (one) => one.openResources), nothingOpen)
      })))
})
