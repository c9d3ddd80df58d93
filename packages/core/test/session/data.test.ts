import { assert, describe, it } from "@effect/vitest"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("data", () => {
  it.scoped("gives the whole body with the head (SES-24, TestURLSession/test_asyncDataFromURL)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [bytes, response] = yield* session.data("https://api.test/hello?x=1#frag")
      assert.strictEqual(response.status, 200)
      assert.strictEqual(text(bytes), "hello")
      assert.strictEqual(yield* response.text, "hello")
      const transport = yield* TestTransport.TestTransport
      const [request] = yield* transport.requests
      assert.strictEqual(request?.method, "GET")
      assert.deepStrictEqual(yield* session.openResources, {
        sockets: 0,
        connecting: 0,
        queued: 0,
        tasks: 0,
        timers: 0
      })
    }).pipe(Effect.provide(TestTransport.layer({ answer: () => TestTransport.respond(200, { body: "hello" }) }))))

  it.scoped("times out when nothing comes for the idle interval (CFG-06, TestURLSession/test_httpTimeout)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ timeoutIntervalForRequest: "10 seconds" }))
      const fiber = yield* Effect.fork(
        Effect.flip(session.data("https://api.test/").pipe(RequestOptions.with({ timeoutInterval: "1 second" })))
      )
      yield* TestClock.adjust("999 millis")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "TimeoutError")
      assert.strictEqual(error.code, -1001)
    }).pipe(Effect.provide(TestTransport.layer({ answer: () => TestTransport.hang }))))
})
