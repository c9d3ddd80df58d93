// Scopes around a request: only that of `HttpClient.withScope` ends the response; every other one makes no difference.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { api, nothingOpen, ok, requests, scripted, settle } from "../session/support.ts"
import { client, get } from "./spanRecorder.ts"

const open = Effect.flatMap(UrlSession.UrlSession, (session) => session.openResources)
const begun = [...TestTransport.head(200), ...TestTransport.bytes("a")]

describe("a Scope in the context", () => {
  it.effect("is not that of the response: it is the session's own, and outlives the Scope", () =>
    Effect.gen(function*() {
      const response = yield* Effect.scoped(get())
      const behind = Option.getOrThrow(SessionHttpClient.sessionResponse(response))
      assert.strictEqual((yield* behind.metrics).transactions.length, 1)
      assert.strictEqual((yield* open).sockets, 1)
      yield* behind.cancel
      assert.deepStrictEqual(yield* open, nothingOpen)
    }).pipe(Effect.provide(client), scripted(() => begun)))
})

describe("withScope", () => {
  it.effect("ends a response with its Scope, also of a client whose requests are changed", () =>
    Effect.gen(function*() {
      const http = (yield* HttpClient.HttpClient).pipe(
        HttpClient.mapRequest(HttpClientRequest.setHeader("x-a", "1")),
        HttpClient.withScope,
        HttpClient.mapRequestInput(HttpClientRequest.setHeader("x-b", "2"))
      )
      yield* Effect.scoped(Effect.gen(function*() {
        const response = yield* http.get(api)
        assert.isTrue(Option.isSome(SessionHttpClient.sessionResponse(response)))
        assert.strictEqual((yield* open).sockets, 1)
      }))
      assert.deepStrictEqual(yield* open, nothingOpen)
      assert.deepStrictEqual((yield* requests).map(({ header }) => [header("x-a"), header("x-b")]), [["1", "2"]])
    }).pipe(Effect.provide(client), scripted(() => begun)))

  it.effect("leaves a body that has been read before alone", () =>
    Effect.gen(function*() {
      const http = HttpClient.withScope(yield* HttpClient.HttpClient)
      const response = yield* Effect.scoped(Effect.tap(http.get(api), (one) => one.text))
      assert.strictEqual(yield* response.text, "hello")
    }).pipe(Effect.provide(client), scripted(() => ok())))

  it.effect("gives up a response whose head comes when the Scope has closed", () =>
    Effect.gen(function*() {
      const http = HttpClient.withScope(yield* HttpClient.HttpClient)
      const scope = yield* Scope.make()
      const asking = yield* Effect.fork(Scope.extend(http.get(api), scope))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(asking)))
      assert.deepStrictEqual(yield* open, nothingOpen)
    }).pipe(Effect.provide(client), scripted(() => [...TestTransport.delay("1 second"), ...begun])))
})
