import { assert, describe, it } from "@effect/vitest"
import * as Connectivity from "@urlsession/core/Connectivity"
import * as Proxy from "@urlsession/core/Proxy"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import { ConnectionError } from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { unreachable } from "../../src/internal/protocol/connectivity.ts"
import { api, inTurn, nothingOpen, ok, Recorder, requests, scripted, settle, text } from "./support.ts"

const session = (
  network: Connectivity.ConnectivityService,
  options: SessionConfiguration.Options = {},
  recorder = new Recorder()
) =>
  Effect.provide(
    UrlSession.make(SessionConfiguration.make(options)),
    Layer.merge(Connectivity.layer(network), recorder.layer)
  )

const waiting = { waitsForConnectivity: true, timeoutIntervalForRequest: "1 second" } as const

const count = Effect.map(requests, (all) => all.length)

const offline = TestTransport.fail(
  new ConnectionError({ url: api, reason: { _tag: "NotConnectedToInternet", why: "ENETUNREACH" } })
)

describe("which way may be used", () => {
  const all = { cellular: true, expensive: true, constrained: true, ultraConstrained: true }
  it("one that may is enough", () => {
    assert.isUndefined(unreachable([{ cellular: true }, {}], { ...all, cellular: false }))
    assert.isUndefined(unreachable([{ cellular: true, expensive: true, constrained: true }], all))
  })
  it("without any there is no route", () => assert.strictEqual(unreachable([], all), "NoRoute"))
  it("what is in the way of the first is told (CFG-09, CFG-10)", () => {
    const none = { cellular: false, expensive: false, constrained: false, ultraConstrained: false }
    assert.strictEqual(unreachable([{ cellular: true, expensive: true }], none), "Cellular")
    assert.strictEqual(unreachable([{ cellular: true, expensive: true }], { ...none, cellular: true }), "Expensive")
    assert.strictEqual(unreachable([{ constrained: true }, { cellular: true }], none), "Constrained")
    assert.strictEqual(unreachable([{ ultraConstrained: true }], none), "UltraConstrained")
  })
})

describe("a proxy", () => {
  const proxied = (host: string) => ({ ...waiting, proxies: [Proxy.make({ host, port: 3128 })] })

  it.scoped("on this machine is reached without a network, whatever is behind it", () =>
    Effect.gen(function*() {
      const one = yield* session(Connectivity.settable([]), proxied("127.0.0.1"))
      const [bytes] = yield* one.data(api)
      assert.strictEqual(text(bytes), "hello")
    }).pipe(scripted(() => ok())))

  it.scoped("elsewhere is waited for, although the server is on this machine", () =>
    Effect.gen(function*() {
      const network = Connectivity.settable([])
      const one = yield* session(network, proxied("proxy.test"))
      const fiber = yield* Effect.fork(one.data("http://127.0.0.1/"))
      yield* settle
      assert.strictEqual(yield* count, 0)
      yield* network.set([{ name: "eth0" }])
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* count, 1)
    }).pipe(scripted(() => ok())))
})

describe("constraints", () => {
  const facts = [
    ["allowsCellularAccess", "cellular", "Cellular"],
    ["allowsExpensiveNetworkAccess", "expensive", "Expensive"],
    ["allowsConstrainedNetworkAccess", "constrained", "Constrained"],
    ["allowsUltraConstrainedNetworkAccess", "ultraConstrained", "UltraConstrained"]
  ] as const
  for (const [option, fact, why] of facts) {
    it.scoped(`${option} off, and only such a network: -1009 that says why (CFG-09, CFG-10)`, () =>
      Effect.gen(function*() {
        const network = Connectivity.settable([{ name: "wwan0", [fact]: true }])
        const strict = yield* session(network, { [option]: false })
        const error = yield* Effect.flip(strict.data(api))
        assert.strictEqual(error.code, -1009)
        assert.include(error.message, why)
        assert.include(error.message, option)
        assert.strictEqual(yield* count, 0)
        const lax = yield* session(network)
        assert.strictEqual((yield* lax.data(api))[1].status, 200)
        const stricter = yield* Effect.flip(RequestOptions.with({ [option]: false })(lax.data(api)))
        assert.strictEqual(stricter.code, -1009)
        // what the session refuses a request cannot allow (CFG-31)
        assert.strictEqual((yield* Effect.flip(RequestOptions.with({ [option]: true })(strict.data(api)))).code, -1009)
        yield* network.set([{ name: "eth0" }])
        assert.strictEqual((yield* strict.data(api))[1].status, 200)
      }).pipe(scripted(() => ok())))
  }

  it.scoped("do not stand between a program and its own machine", () =>
    Effect.gen(function*() {
      const one = yield* session(Connectivity.settable([]), { allowsCellularAccess: false, waitsForConnectivity: true })
      for (const url of ["http://localhost/", "http://127.0.0.1/", "https://[::1]/", "data:,x"]) {
        assert.strictEqual((yield* one.data(url))[1].status, 200)
      }
      assert.strictEqual((yield* one.openResources).timers, 0)
    }).pipe(scripted(() => ok())))
})

describe("waitsForConnectivity", () => {
  it.scoped("off: a network without a route fails at once (CFG-12)", () =>
    Effect.gen(function*() {
      const one = yield* session(Connectivity.settable([]))
      assert.strictEqual((yield* Effect.flip(one.data(api))).code, -1009)
    }).pipe(scripted(() => offline)))

  it.scoped("waits and tells so once, then goes on; the idle timer stands still (CFG-12, CON-02, TDL-03)", () =>
    Effect.gen(function*() {
      const network = Connectivity.settable([])
      const recorder = new Recorder()
      const one = yield* session(network, waiting, recorder)
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* count, 0)
      assert.strictEqual(recorder.of("WaitingForConnectivity").length, 1)
      yield* network.set([{ name: "eth0" }])
      assert.strictEqual(text((yield* Fiber.join(fiber))[0]), "hello")
      yield* settle
      assert.deepStrictEqual(recorder.tags.slice(0, 3), [
        "TaskCreated",
        "WaitingForConnectivity",
        "ResponseReceived"
      ])
      assert.strictEqual(yield* network.listeners, 0)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  it.scoped("asks a service that does not tell once a second", () =>
    Effect.gen(function*() {
      let up = false
      const one = yield* session({ paths: () => up ? [{ name: "eth0" }] : [] }, waiting)
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("10 seconds")
      up = true
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
    }).pipe(scripted(() => ok())))

  it.scoped("tries again what the network itself calls unreachable, and tells once (CFG-12)", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      const one = yield* session(Connectivity.settable(), waiting, recorder)
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
      assert.strictEqual(yield* count, 3)
      assert.strictEqual(recorder.of("WaitingForConnectivity").length, 1)
    }).pipe(scripted(inTurn(offline, offline, ok()))))

  it.scoped("works without a service, by what the network says", () =>
    Effect.gen(function*() {
      const one = yield* UrlSession.make(SessionConfiguration.make(waiting))
      const fiber = yield* Effect.fork(one.data(api))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
    }).pipe(scripted(inTurn(offline, ok()))))

  it.scoped("ends with the total timer (CFG-07, CON-02)", () =>
    Effect.gen(function*() {
      const network = Connectivity.settable([])
      const one = yield* session(network, { ...waiting, timeoutIntervalForResource: "90 seconds" })
      const fiber = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* TestClock.adjust("90 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepStrictEqual(error.reason, { _tag: "TimedOut", timer: "resource", after: 90_000 })
      assert.strictEqual(yield* network.listeners, 0)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  it.scoped("can be cancelled, interrupted, and ended with the session", () =>
    Effect.gen(function*() {
      const network = Connectivity.settable([])
      const one = yield* session(network, waiting)
      const task = yield* one.dataTask(api)
      const cancelled = yield* Effect.fork(Effect.flip(task.data))
      yield* settle
      yield* task.cancel
      assert.strictEqual((yield* Fiber.join(cancelled))._tag, "Cancelled")
      const interrupted = yield* Effect.fork(one.data(api))
      yield* settle
      yield* Fiber.interrupt(interrupted)
      assert.strictEqual(yield* network.listeners, 0)
      const ended = yield* Effect.fork(Effect.flip(one.data(api)))
      yield* settle
      yield* one.invalidateAndCancel
      assert.strictEqual((yield* Fiber.join(ended))._tag, "Cancelled")
      assert.strictEqual(yield* network.listeners, 0)
      assert.deepStrictEqual(yield* one.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  it.scoped("a connection that is lost later is lost (CFG-12)", () =>
    Effect.gen(function*() {
      const one = yield* session(Connectivity.settable(), waiting)
      assert.strictEqual((yield* Effect.flip(one.data(api))).code, -1005)
      assert.strictEqual(yield* count, 1)
    }).pipe(scripted(() => TestTransport.lost({ requestSent: true }))))

  it.scoped("a suspended task that waits goes on when it is resumed and there is a way", () =>
    Effect.gen(function*() {
      const network = Connectivity.settable([])
      const one = yield* session(network, waiting)
      const task = yield* one.dataTask(api)
      const fiber = yield* Effect.fork(task.data)
      yield* settle
      yield* task.suspend
      yield* network.set([{ name: "eth0" }])
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* count, 0)
      yield* task.resume
      assert.strictEqual((yield* Fiber.join(fiber))[1].status, 200)
    }).pipe(scripted(() => ok())))
})
