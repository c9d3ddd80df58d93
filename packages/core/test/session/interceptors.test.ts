import { assert, describe, it } from "@effect/vitest"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as SessionError from "@urlsession/core/SessionError"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { api, encode, inTurn, nothingOpen, ok, Recorder, requests, scripted, text } from "./support.ts"

const answering = (status: number, body = "") =>
  Interceptor.make((request, proceed) =>
    request.url.scheme === "ssh" || request.url.target.startsWith("/mine")
      ? Effect.succeed(Interceptor.respond(request, { status, body: encode(body) }))
      : proceed(request)
  )

const over = <R>(...interceptors: ReadonlyArray<Effect.Effect<Interceptor.InterceptorService, never, R>>) =>
  Effect.provide(UrlSession.make(), Interceptor.layer(...interceptors))

describe("an interceptor", () => {
  it.scoped("answers by itself where it wants to (CFG-27, TestURLProtocol/test_interceptResponse)", () =>
    Effect.gen(function*() {
      const session = yield* over(answering(429))
      assert.strictEqual((yield* session.data(`${api}mine`))[1].status, 429)
      assert.strictEqual((yield* session.data(`${api}other`))[1].status, 200)
      assert.strictEqual((yield* requests).length, 1)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  it.scoped("may claim a scheme that no transport serves (SES-30, TestURLProtocol/test_interceptRequest)", () =>
    Effect.gen(function*() {
      const session = yield* over(answering(200, "shell"))
      const [bytes, response] = yield* session.data("ssh://host/x")
      assert.strictEqual(text(bytes), "shell")
      assert.strictEqual(response.url, "ssh://host/x")
    }).pipe(scripted(() => ok())))

  it.scoped("comes before those after it in the list (CFG-27, TestURLProtocol/test_multipleCustomProtocols)", () =>
    Effect.gen(function*() {
      const session = yield* over(answering(429), answering(500))
      assert.strictEqual((yield* session.data(`${api}mine`))[1].status, 429)
    }).pipe(scripted(() => ok())))

  it.effect("gives responses and data that observers see (TestURLProtocol/test_customProtocolResponseWithDelegate, TestURLProtocol/test_customProtocolSetDataInResponseWithDelegate)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.flatMap(over(answering(200, "mine")), (session) => session.data(`${api}mine`)))
      assert.deepStrictEqual(recorder.tags, [
        "TaskCreated",
        "ResponseReceived",
        "DataReceived",
        "MetricsCollected",
        "TaskCompleted",
        "Invalidated"
      ])
    }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
  })

  it.effect("that fails ends the task once, with its error (TestURLProtocol/test_finishLoadingWithNoResponse)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const failing = Interceptor.make(() =>
        Effect.fail(new SessionError.InvalidResponse({ reason: { _tag: "BadServerResponse", detail: "by hand" } }))
      )
      const error = yield* Effect.flip(Effect.scoped(Effect.flatMap(over(failing), (session) => session.data(api))))
      assert.strictEqual(error.code, -1011)
      assert.strictEqual(recorder.of("TaskCompleted").length, 1)
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error, error)
      assert.strictEqual(recorder.of("ResponseReceived").length, 0)
    }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
  })

  it.scoped("may call on more than once, and with another request", () =>
    Effect.gen(function*() {
      const again = Interceptor.make((request, proceed) =>
        Effect.flatMap(proceed(request), (response) => {
          if (response.status !== 503) return Effect.succeed(response)
          response.body.cancel()
          return proceed(Either.getOrThrow(SessionRequest.wire("GET", `${api}second`, { "x-again": "1" })))
        })
      )
      const session = yield* over(again)
      const [bytes, response] = yield* session.data(api)
      assert.strictEqual(text(bytes), "hello")
      assert.strictEqual(response.url, `${api}second`)
      assert.strictEqual((yield* requests)[1]?.header("x-again"), "1")
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(inTurn(TestTransport.respond(503, { body: "busy" }), ok()))))

  it.scoped("runs with the services it was built with", () =>
    Effect.gen(function*() {
      class Token extends Context.Tag("test/Token")<Token, string>() {}
      const signing = Interceptor.make((request, proceed) =>
        Effect.flatMap(Token, (token) =>
          proceed({ ...request, fields: [...request.fields, { name: "x-token", value: token, bound: true }] }))
      )
      const session = yield* Effect.provide(
        UrlSession.make(),
        Interceptor.layer(signing).pipe(Layer.provide(Layer.succeed(Token, "the session's")))
      )
      yield* Effect.provideService(session.data(api), Token, "the caller's")
      assert.strictEqual((yield* requests)[0]?.header("x-token"), "the session's")
    }).pipe(scripted(() =>
      ok()
    )))
})
