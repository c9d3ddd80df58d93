/** Interceptors of the network level: what they see, what they may do, and what is their failure. */
import { assert, describe, it } from "@effect/vitest"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { layer as inflating } from "./codings.ts"
import { api, encode, inTurn, nothingOpen, ok, requests, scripted, text } from "./support.ts"

const over = (...interceptors: ReadonlyArray<Effect.Effect<Interceptor.InterceptorService>>) =>
  Effect.provide(UrlSession.make(), Interceptor.layerNetwork(...interceptors))

describe("a network interceptor", () => {
  it.scoped("sees every attempt, and may add to it", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const session = yield* over(Interceptor.make((request, proceed) => {
        seen.push(request.url.target)
        return proceed({ ...request, fields: [...request.fields, { name: "x-attempt", value: "1", bound: true }] })
      }))
      yield* session.data(api)
      assert.deepStrictEqual(seen, ["/", "/next"])
      assert.deepStrictEqual((yield* requests).map((one) => one.header("x-attempt")), ["1", "1"])
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(inTurn(TestTransport.redirect(302, "/next"), ok()))))

  it.scoped("may answer by itself; what it says is redirected and decoded as a server's answer is", () =>
    Effect.gen(function*() {
      const session = yield* over(Interceptor.make((request) =>
        Effect.succeed(
          request.url.target === "/"
            ? Interceptor.respond(request, { status: 302, headers: { location: "/there" } })
            : Interceptor.respond(request, {
              status: 200,
              headers: { "content-encoding": "gzip" },
              body: encode("gzip(hello)")
            })
        )
      ))
      const [bytes, response] = yield* session.data(api)
      assert.strictEqual(text(bytes), "hello")
      assert.strictEqual(response.url, `${api}there`)
      assert.deepStrictEqual((yield* response.metrics).transactions.map((one) => one.fetchType), ["local", "local"])
      assert.deepStrictEqual(yield* requests, [])
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(Effect.provide(inflating), scripted(() => ok())))

  it.scoped("must not change the origin, nor call on twice: either is its failure, and nothing goes astray", () =>
    Effect.gen(function*() {
      const elsewhere = Either.getOrThrow(SessionRequest.wire("GET", "https://other.test/"))
      const leaving = yield* over(Interceptor.make((_, proceed) => proceed(elsewhere)))
      const twice = yield* over(Interceptor.make((request, proceed) =>
        Effect.flatMap(proceed(request), (response) => {
          response.body.cancel()
          return proceed(request)
        })
      ))
      for (const session of [leaving, twice]) {
        const error = yield* Effect.flip(session.data(api))
        assert.deepInclude(error, { _tag: "DelegateFailed" })
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }
      assert.deepStrictEqual((yield* requests).map((one) => one.url), [api])
    }).pipe(scripted(() => ok())))
})

describe("an interceptor that dies", () => {
  for (const level of ["application", "network"] as const) {
    it.scoped(`fails its request with DelegateFailed at the level of the ${level}, whether it throws or its effect dies`, () =>
      Effect.gen(function*() {
        const throwing = Interceptor.make((): Effect.Effect<never> => {
          throw new Error("by hand")
        })
        for (const one of [throwing, Interceptor.make(() => Effect.dieMessage("by hand"))]) {
          const session = yield* level === "application"
            ? Effect.provide(UrlSession.make(), Interceptor.layer(one))
            : Effect.provide(UrlSession.make(), Interceptor.layerNetwork(one))
          const error = yield* Effect.flip(session.data(api))
          assert.deepInclude(error.reason, { _tag: "HandlerFailed", slot: "Interceptor" })
          assert.deepStrictEqual(yield* session.openResources, nothingOpen)
        }
      }).pipe(scripted(() => ok())))
  }
})
