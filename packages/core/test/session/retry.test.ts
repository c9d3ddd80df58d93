import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as RetryPolicy from "@urlsession/core/RetryPolicy"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, encode, inTurn, nothingOpen, ok, Recorder, requests, scripted, settle, text } from "./support.ts"

const busy = (retryAfter?: string) =>
  TestTransport.respond(503, { body: "busy", headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } })

const lost = TestTransport.lost({ requestSent: true })

const plain: RetryPolicy.Options = { jitter: false, baseDelay: "1 second" }

const session = (options: RetryPolicy.Options = plain, budget?: RetryPolicy.Budget) =>
  Effect.provide(UrlSession.make(), RetryPolicy.layer(options, budget))

const count = Effect.map(requests, (all) => all.length)

const post = HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("pay"))

describe("a retry policy", () => {
  it.scoped("is opt-in (CON-05)", () =>
    Effect.gen(function*() {
      const one = yield* UrlSession.make()
      assert.strictEqual((yield* one.data(api))[1].status, 503)
      assert.strictEqual(yield* count, 1)
    }).pipe(scripted(() => busy())))

  it.scoped("sends again after statuses and losses, each time later, and tells of it", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      const one = yield* Effect.provide(session(), recorder.layer)
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* count, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* count, 2)
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(yield* count, 2)
      yield* TestClock.adjust("1 millis")
      const [bytes, response] = yield* Fiber.join(fiber)
      assert.strictEqual(text(bytes), "hello")
      yield* settle
      assert.deepStrictEqual(recorder.of("RetryScheduled").map(({ attempt, delay, why }) => [attempt, delay, why]), [
        [1, 1000, "503"],
        [2, 2000, "NetworkConnectionLost"]
      ])
      assert.strictEqual((yield* response.metrics).transactions.length, 3)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(inTurn(busy(), lost, ok()))))

  it.scoped("gives the last response in the end", () =>
    Effect.gen(function*() {
      const one = yield* session({ ...plain, times: 2 })
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("1 minute")
      const [bytes, response] = yield* Fiber.join(fiber)
      assert.deepStrictEqual([response.status, text(bytes)], [429, "last"])
    }).pipe(scripted(inTurn(busy(), lost, TestTransport.respond(429, { body: "last" })))))

  it.scoped("gives the last error in the end", () =>
    Effect.gen(function*() {
      const one = yield* session({ ...plain, times: 1 })
      const fiber = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "NetworkConnectionLost")
      assert.strictEqual(yield* count, 2)
    }).pipe(scripted(inTurn(busy(), lost))))

  it.scoped("leaves alone what will not pass", () =>
    Effect.gen(function*() {
      const one = yield* session()
      assert.strictEqual((yield* one.data(api))[1].status, 500)
      assert.strictEqual((yield* one.data(api))[1].status, 404)
      assert.strictEqual((yield* Effect.flip(one.data("foo://bar"))).reason._tag, "UnsupportedURL")
      assert.strictEqual(yield* count, 2)
    }).pipe(scripted(inTurn(TestTransport.respond(500), TestTransport.respond(404)))))

  it.scoped("does not repeat a body that is cut after its head was handed out", () =>
    Effect.gen(function*() {
      const one = yield* session()
      const error = yield* Effect.flip(one.data(api))
      assert.strictEqual(error.reason._tag, "NetworkConnectionLost")
      assert.strictEqual(yield* count, 1)
    }).pipe(scripted(() => [...TestTransport.head(200, {}, 9), ...TestTransport.bytes("half"), ...lost])))

  it.scoped("leaves half of a delay to chance, by Random", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      const one = yield* Effect.provide(session({ baseDelay: "1 second" }), recorder.layer)
      const fiber = yield* Effect.fork(Effect.withRandom(one.data(api), Random.fixed([0.5])))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(recorder.of("RetryScheduled").map((event) => event.delay), [750])
    }).pipe(scripted(inTurn(busy(), ok()))))

  it.scoped("takes a Schedule", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      const schedule = Schedule.exponential("100 millis", 10).pipe(
        Schedule.whileInput((failure: RetryPolicy.Failure) => failure._tag === "Status" && failure.status !== 502)
      )
      const one = yield* Effect.provide(session({ schedule, times: 9 }), recorder.layer)
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 502)
      assert.deepStrictEqual(recorder.of("RetryScheduled").map((event) => event.delay), [100, 1000])
    }).pipe(scripted(inTurn(busy(), busy(), TestTransport.respond(502)))))

  it.scoped("says something else for one request, or never", () =>
    Effect.gen(function*() {
      const one = yield* session()
      assert.strictEqual((yield* RequestOptions.with({ retryPolicy: "never" })(one.data(api)))[1].status, 503)
      const bare = yield* UrlSession.make()
      const fiber = yield* Effect.fork(RequestOptions.with({ retryPolicy: plain })(bare.data(api)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
    }).pipe(scripted(inTurn(busy(), busy(), ok()))))

  it.scoped("follows redirects anew, with their own limit", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(
        UrlSession.make(SessionConfiguration.make({ redirectLimit: 1 })),
        RetryPolicy.layer(plain)
      )
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
      assert.deepStrictEqual((yield* requests).map((one) => one.url), [api, `${api}b`, api, `${api}b`])
    }).pipe(
      scripted(inTurn(TestTransport.redirect(302, "/b"), busy(), TestTransport.redirect(302, "/b"), ok()))
    ))
})

describe("Retry-After", () => {
  it.scoped("is obeyed where it is longer than the delay (RFC 9110 10.2.3)", () =>
    Effect.gen(function*() {
      const one = yield* session()
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("6999 millis")
      assert.strictEqual(yield* count, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
    }).pipe(scripted(inTurn(busy("7"), ok()))))

  it.scoped("may be a date, on the session's clock (RFC 9110 10.2.3)", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 10, 25))
      const one = yield* session()
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* count, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
    }).pipe(scripted(inTurn(busy("Wed, 25 Nov 2026 00:00:30 GMT"), ok()))))

  it.scoped("of more than the maximum is the caller's matter", () =>
    Effect.gen(function*() {
      const one = yield* session()
      assert.strictEqual((yield* one.data(api))[1].status, 503)
      assert.strictEqual(yield* count, 1)
    }).pipe(scripted(() => busy("61"))))
})

describe("what is not idempotent", () => {
  it.scoped("is not repeated once it may have been sent (RFC 9110 9.2.2)", () =>
    Effect.gen(function*() {
      const one = yield* session()
      assert.strictEqual((yield* one.data(post))[1].status, 503)
      assert.strictEqual((yield* Effect.flip(one.data(post))).code, -1005)
      assert.strictEqual(yield* count, 2)
    }).pipe(scripted(inTurn(busy(), lost))))

  it.scoped("is repeated where nothing was sent", () =>
    Effect.gen(function*() {
      const one = yield* session()
      const fiber = yield* Effect.fork(one.data(post))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
      assert.deepStrictEqual((yield* requests).map((one) => text(one.body ?? encode(""))), ["pay", "pay"])
    }).pipe(scripted(inTurn(TestTransport.lost({ requestSent: false }), ok()))))

  it.scoped("is repeated with an Idempotency-Key, made once", () =>
    Effect.gen(function*() {
      const one = yield* session({ ...plain, idempotencyKey: true })
      const fiber = yield* Effect.fork(one.data(post))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
      const keys = (yield* requests).map((one) => one.header("idempotency-key"))
      assert.strictEqual(keys.length, 3)
      assert.match(keys[0] ?? "", /^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$/)
      assert.strictEqual(new Set(keys).size, 1)
    }).pipe(scripted(inTurn(busy(), lost, ok()))))

  it.scoped("keeps the caller's own key, and idempotent requests get none", () =>
    Effect.gen(function*() {
      const one = yield* session({ ...plain, idempotencyKey: true })
      yield* one.data(HttpClientRequest.setHeader(post, "Idempotency-Key", "mine"))
      yield* one.data(api)
      assert.deepStrictEqual((yield* requests).map((one) => one.header("idempotency-key")), ["mine", undefined])
    }).pipe(scripted(() => ok())))

  it.scoped("with a body that cannot be made twice ends with the first error", () =>
    Effect.gen(function*() {
      const one = yield* session()
      let made = 0
      const body = RequestBody.stream(Stream.suspend(() => made++ === 0 ? Stream.make(encode("once")) : Stream.empty))
      const fiber = yield* Effect.fork(Effect.flip(one.upload(HttpClientRequest.put(api), body)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "NetworkConnectionLost")
    }).pipe(scripted(inTurn(lost, ok()))))
})

describe("the budget", () => {
  it.scoped("is one for all requests of a session", () =>
    Effect.gen(function*() {
      const one = yield* session({ ...plain, times: 9 }, { ratio: 0.5, minimum: 2 })
      const fiber = yield* Effect.fork(Effect.forEach([1, 2, 3, 4], () => one.data(api), { concurrency: 4 }))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(fiber)
      // four requests, two of the reserve, two for the four that were made
      assert.strictEqual(yield* count, 8)
    }).pipe(scripted(() => busy())))

  it.scoped("that is used up gives the response at once", () =>
    Effect.gen(function*() {
      const one = yield* session(plain, { ratio: 0, minimum: 0 })
      assert.strictEqual((yield* one.data(api))[1].status, 503)
    }).pipe(scripted(() => busy())))
})

describe("whoever waits for a repetition", () => {
  it.scoped("is ended by the total timer (CFG-07)", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(
        UrlSession.make(SessionConfiguration.make({ timeoutIntervalForResource: "5 seconds" })),
        RetryPolicy.layer({ ...plain, baseDelay: "20 seconds" })
      )
      const fiber = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).reason, { _tag: "TimedOut", timer: "resource", after: 5000 })
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
      assert.strictEqual(yield* count, 1)
    }).pipe(scripted(() => busy())))

  it.scoped("can be cancelled, interrupted, and ended with the session", () =>
    Effect.gen(function*() {
      const one = yield* session()
      const task = yield* one.dataTask(api)
      const waiting = yield* Effect.fork(Effect.flip(task.data))
      yield* settle
      yield* task.cancel
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Cancelled")
      const fiber = yield* Effect.fork(one.data(api))
      yield* settle
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
      const last = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* settle
      yield* one.invalidateAndCancel
      assert.strictEqual((yield* Fiber.join(last))._tag, "Cancelled")
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* count, 3)
    }).pipe(scripted(() => busy())))

  it.scoped("does not have its idle timer running (CFG-06)", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(
        UrlSession.make(SessionConfiguration.make({ timeoutIntervalForRequest: "1 second" })),
        RetryPolicy.layer({ ...plain, baseDelay: "20 seconds" })
      )
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
    }).pipe(scripted(inTurn(busy(), ok()))))
})
