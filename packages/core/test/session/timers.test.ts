import { assert, describe, it } from "@effect/vitest"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { api, inTurn, nothingOpen, ok, requests, scripted, settle, text } from "./support.ts"

const session = (idle: string, total: string) =>
  UrlSession.make(SessionConfiguration.make({
    timeoutIntervalForRequest: idle === "" ? "60 seconds" : Number(idle),
    timeoutIntervalForResource: total === "" ? "7 days" : Number(total)
  }))

/** Heads at once, then one byte each time an interval has passed. */
const drip = (every: string, count: number): TestTransport.Script => [
  ...TestTransport.head(200, {}, count),
  ...Array.from({ length: count }, () => [...TestTransport.delay(Number(every)), ...TestTransport.bytes("x")]).flat(),
  ...TestTransport.end
]

describe("the idle timer", () => {
  it.scoped("does not fire for a request that is answered in time (TestURLSession/test_taskTimeout)", () =>
    Effect.gen(function*() {
      const one = yield* session("5000", "")
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(text((yield* Fiber.join(fiber))[0]), "hello")
    }).pipe(scripted(() => TestTransport.respond(200, { body: "hello", delay: "4999 millis" }))))

  it.scoped("starts again with every byte (CFG-06, CON-01)", () =>
    Effect.gen(function*() {
      const one = yield* session("1000", "")
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))[0].length, 10)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(() => drip("999", 10))))

  it.scoped("fires in the middle of a body, and says which timer and after how long (CON-01)", () =>
    Effect.gen(function*() {
      const one = yield* session("1000", "")
      const fiber = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "TimeoutError")
      assert.strictEqual(error.code, -1001)
      assert.deepStrictEqual(error.reason, { _tag: "TimedOut", timer: "idle", after: 1000 })
      assert.isTrue(error.isTransient)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(() => drip("1001", 10))))

  it.scoped("covers the connection: nothing comes at all (CON-03, TestURLSession/test_connectTimeout)", () =>
    Effect.gen(function*() {
      const one = yield* session("", "")
      const fiber = yield* Effect.fork(
        Effect.flip(one.data(api).pipe(RequestOptions.with({ timeoutInterval: "3 seconds" })))
      )
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).code, -1001)
    }).pipe(scripted(() => TestTransport.hang)))

  it.scoped("stands still while a decider thinks (CON-04)", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(
        session("1000", ""),
        RedirectHandler.layer(() => Effect.as(Effect.sleep("10 seconds"), RedirectHandler.follow))
      )
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(text((yield* Fiber.join(fiber))[0]), "hello")
    }).pipe(scripted(inTurn(TestTransport.redirect(302, "/b"), ok()))))

  it.scoped("stands still while the task is suspended, also when the body is awaited then (TSK-05, CON-01)", () =>
    Effect.gen(function*() {
      const one = yield* session("1000", "")
      const task = yield* one.dataTask(api)
      const response = yield* task.response
      yield* task.suspend
      const reading = yield* Effect.fork(Effect.flip(response.bytes))
      yield* TestClock.adjust("1 hour")
      assert.isNull(reading.unsafePoll())
      assert.strictEqual((yield* one.openResources).timers, 0)
      yield* task.resume
      yield* TestClock.adjust("999 millis")
      assert.isNull(reading.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* Fiber.join(reading)).reason, { _tag: "TimedOut", timer: "idle", after: 1000 })
    }).pipe(scripted(() => TestTransport.head(200))))
})

describe("the total timer", () => {
  it.scoped("ends a body of one byte a minute, however alive it is (CFG-07, CON-01)", () =>
    Effect.gen(function*() {
      const one = yield* session("", String(150_000))
      const fiber = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* settle
      for (let minute = 1; minute <= 2; minute++) {
        yield* TestClock.adjust("59 seconds")
        assert.isNull(fiber.unsafePoll())
      }
      yield* TestClock.adjust("32 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepStrictEqual(error.reason, { _tag: "TimedOut", timer: "resource", after: 150_000 })
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(() => drip("59000", 100))))

  it.scoped("goes on while a decider thinks", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(session("", "5000"), RedirectHandler.layer(() => Effect.never))
      const fiber = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).reason, { _tag: "TimedOut", timer: "resource", after: 5000 })
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(scripted(() => TestTransport.redirect(302, "/b"))))

  it.scoped("stands still only while the task is suspended (TSK-05, CON-01)", () =>
    Effect.gen(function*() {
      const one = yield* session("", "5000")
      const task = yield* one.dataTask(api)
      yield* TestClock.adjust("1 hour")
      const fiber = yield* Effect.fork(Effect.flip(task.data))
      yield* TestClock.adjust("4 seconds")
      yield* task.suspend
      yield* TestClock.adjust("1 hour")
      assert.isNull(fiber.unsafePoll())
      yield* task.resume
      yield* TestClock.adjust("999 millis")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "TimedOut")
    }).pipe(scripted(() => TestTransport.hang)))

  it.scoped("is over with the exchange, and leaves no timer", () =>
    Effect.gen(function*() {
      const one = yield* session("1000", "2000")
      const fiber = yield* Effect.fork(one.data(api))
      yield* settle
      assert.isAbove((yield* one.openResources).timers, 0)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
      yield* TestClock.adjust("1 hour")
    }).pipe(scripted(() => TestTransport.respond(200, { delay: "500 millis" }))))
})

describe("the wheel", () => {
  it.scoped("fires in the order of the deadlines on a big jump, short timers under a long sleep too", () =>
    Effect.gen(function*() {
      const one = yield* session("", "")
      const order: Array<string> = []
      const waits = [50_000, 300, 20_000, 999, 1_001, 5_000]
      const fibers = yield* Effect.forEach(waits, (milliseconds) =>
        Effect.zipLeft(
          Effect.fork(
            one.data(api).pipe(
              RequestOptions.with({ timeoutInterval: milliseconds }),
              Effect.catchAll(() => Effect.map(Clock.currentTimeMillis, (now) => order.push(`${milliseconds}@${now}`)))
            )
          ),
          settle
        ))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(order, [...waits].sort((a, b) => a - b).map((wait) => `${wait}@${wait}`))
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(() => TestTransport.hang)))

  it.scoped("fires a timer that was moved after those that are due before it", () =>
    Effect.gen(function*() {
      const one = yield* session("", "")
      const order: Array<string> = []
      const run = (path: string, timeoutInterval: number) =>
        Effect.fork(
          one.data(`${api}${path}`).pipe(
            RequestOptions.with({ timeoutInterval }),
            Effect.catchAll(() => Effect.sync(() => order.push(path)))
          )
        )
      const moved = yield* run("moved", 500)
      const other = yield* run("other", 700)
      yield* TestClock.adjust("400 millis")
      yield* TestClock.adjust("1 hour")
      yield* Fiber.joinAll([moved, other])
      assert.deepStrictEqual(order, ["other", "moved"])
    }).pipe(scripted((request) =>
      request.url.endsWith("moved")
        ? [...TestTransport.head(200), ...TestTransport.delay("400 millis"), ...TestTransport.bytes("x")]
        : TestTransport.hang
    )))

  it.scoped("runs on the clock that the session was built with, not on the caller's", () =>
    Effect.gen(function*() {
      const one = yield* session("1000", "")
      const fiber = yield* Effect.fork(Effect.withClock(Effect.flip(one.data(api)), Clock.make()))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).code, -1001)
    }).pipe(scripted(() => TestTransport.hang)))

  for (const [where, jump] of [["an hour forward", 3_600_000], ["an hour back", -3_600_000]] as const) {
    it.scoped(`neither fires early nor hangs when the calendar jumps ${where} (CON-01)`, () =>
      Effect.gen(function*() {
        const real = yield* Clock.clockWith(Effect.succeed)
        let offset = 0
        const clock: Clock.Clock = {
          [Clock.ClockTypeId]: Clock.ClockTypeId,
          unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis() + offset,
          unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos(),
          currentTimeMillis: Effect.sync(() => real.unsafeCurrentTimeMillis() + offset),
          currentTimeNanos: real.currentTimeNanos,
          sleep: (duration) => real.sleep(duration)
        }
        const one = yield* Effect.withClock(session("10000", ""), clock)
        const fiber = yield* Effect.fork(Effect.flip(one.data(api)))
        yield* TestClock.adjust("5 seconds")
        offset = jump
        yield* TestClock.adjust("4999 millis")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* Fiber.join(fiber)).code, -1001)
      }).pipe(scripted(() => TestTransport.hang)))
  }
})
