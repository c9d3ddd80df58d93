import { assert, describe, it } from "@effect/vitest"
import type { Address, AddressVerdict } from "@urlsession/core/AddressPolicy"
import { DelegateFailed } from "@urlsession/core/SessionError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { sameAddress } from "../../src/internal/addresses.ts"
import { interleave } from "../../src/internal/dial.ts"
import { openEngine } from "../support/engine.ts"
import { FakeControl, ManualTimers, transportOptions, turns, until, wireRequest } from "../support/fakeControl.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"

const v4 = (address: string) => ({ address, family: 4 as const })
const v6 = (address: string) => ({ address, family: 6 as const })
const coded = (code: string) => Object.assign(new Error(code), { code })

describe("names", () => {
  it.scopedLive("that are not found, or not now, are CannotFindHost", () =>
    Effect.gen(function*() {
      const codes: Record<string, string> = { "none.test": "ENOTFOUND", "later.test": "EAI_AGAIN" }
      const engine = yield* openEngine(transportOptions(), {
        lookup: (host) => host in codes ? Effect.fail(coded(codes[host] ?? "")) : Effect.succeed([])
      })
      const get = (host: string) => Effect.flip(engine.exchange(wireRequest(`http://${host}/`), new FakeControl()))
      const none = yield* get("none.test")
      assert.deepStrictEqual(none.reason, { _tag: "CannotFindHost", host: "none.test", temporary: false })
      assert.isFalse(none.isTransient)
      const later = yield* get("later.test")
      assert.deepStrictEqual(later.reason, { _tag: "CannotFindHost", host: "later.test", temporary: true })
      assert.isTrue(later.isTransient)
      const empty = yield* get("empty.test")
      assert.deepStrictEqual(empty.reason, { _tag: "CannotFindHost", host: "empty.test", temporary: false })
      assert.deepStrictEqual(engine.open(), { sockets: 0, connecting: 0, queued: 0 })
    }))

  it.scopedLive("are asked of the system where nothing else is said", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("")))
      const engine = yield* openEngine(transportOptions(), { happyEyeballsDelay: 5 })
      const answer = yield* engine.exchange(wireRequest(`http://localhost:${server.port}/`), new FakeControl())
      assert.strictEqual(answer.status, 200)
    }))

  it.scopedLive("are not asked for addresses", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("")))
      const engine = yield* openEngine(transportOptions(), { lookup: () => Effect.die("asked") })
      const control = new FakeControl()
      yield* engine.exchange(wireRequest(server.origin), control)
      assert.isUndefined(control.transaction.domainLookupStart)
    }))

  it.scopedLive("CON-03: that are never answered end after the connect timeout", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const engine = yield* openEngine(transportOptions({ timers }), {
        lookup: () => Effect.never,
        connectTimeout: 7000
      })
      const control = new FakeControl()
      const fiber = yield* Effect.fork(Effect.flip(engine.exchange(wireRequest("http://name.test/"), control)))
      yield* until(() => timers.size > 0)
      assert.isTrue(control.waiting)
      timers.adjust(7000)
      assert.deepStrictEqual((yield* Fiber.join(fiber)).reason, { _tag: "TimedOut", timer: "connect", after: 7000 })
    }))
})

describe("addresses", () => {
  it("alternate between the families, beginning with the first (RFC 8305 4)", () => {
    const order = interleave([v6("::1"), v6("::2"), v6("::3"), v4("1.1.1.1"), v4("2.2.2.2")])
    assert.deepStrictEqual(order.map((one) => one.address), ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"])
  })

  it("are compared by value", () => {
    assert.isTrue(sameAddress("::1", "0:0:0:0:0:0:0:1"))
    assert.isTrue(sameAddress("fe80::1", "fe80::1%eth0"))
    assert.isFalse(sameAddress("127.0.0.1", "127.0.0.2"))
  })

  it.scopedLive("that refuse are passed over at once", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const server = yield* rawServer(answering(response("")))
      const engine = yield* openEngine(transportOptions({ timers }), {
        // nothing listens there
        lookup: () => Effect.succeed([v6("::1"), v4("127.0.0.2"), v4("127.0.0.1")])
      })
      const control = new FakeControl()
      yield* engine.exchange(wireRequest(`http://name.test:${server.port}/`), control)
      assert.strictEqual(control.transaction.connection?.remoteAddress, "127.0.0.1")
    }))

  it.scopedLive("that are silent are overtaken after 250 ms, and lose (Happy Eyeballs, RFC 8305 5)", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const server = yield* rawServer(answering(response("")))
      const engine = yield* openEngine(transportOptions({ timers }), {
        // a network that is reserved for documentation: nobody answers, and nobody refuses either
        lookup: () => Effect.succeed([v4("192.0.2.1"), v4("127.0.0.1")])
      })
      const control = new FakeControl()
      const fiber = yield* Effect.fork(engine.exchange(wireRequest(`http://name.test:${server.port}/`), control))
      yield* until(() => timers.size > 0)
      yield* turns()
      timers.adjust(249)
      yield* turns()
      const overtaken = server.peers.length > 0
      timers.adjust(1)
      const answer = yield* Fiber.join(fiber)
      assert.strictEqual(answer.status, 200)
      // where the machine has no route at all the first address fails at once, and nobody waits
      assert.isTrue(!overtaken || engine.open().sockets === 1)
      yield* until(() => engine.open().sockets === 1)
      assert.strictEqual(control.transaction.connection?.remoteAddress, "127.0.0.1")
    }))

  it.scopedLive("that all refuse are CannotConnectToHost", () =>
    Effect.gen(function*() {
      const closed = yield* Effect.scoped(rawServer({}))
      const engine = yield* openEngine(transportOptions())
      const error = yield* Effect.flip(engine.exchange(wireRequest(closed.origin), new FakeControl()))
      assert.deepStrictEqual(error.reason, {
        _tag: "CannotConnectToHost",
        host: "127.0.0.1",
        port: closed.port,
        detail: "the connection was refused"
      })
      assert.strictEqual(error.code, -1004)
      const many = yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.flip(engine.exchange(wireRequest(closed.origin), new FakeControl())),
        { concurrency: "unbounded" }
      )
      assert.isTrue(many.every((one) => one.reason._tag === "CannotConnectToHost"))
      yield* until(() => engine.open().sockets === 0)
      assert.deepStrictEqual(engine.open(), { sockets: 0, connecting: 0, queued: 0 })
    }))
})

describe("the address policy", () => {
  const judging = (judge: (address: Address) => Effect.Effect<AddressVerdict, DelegateFailed>) =>
    transportOptions({ judgeAddress: judge })

  it.scopedLive("is asked for every address, literals too, and what it refuses is not connected", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("")))
      const asked: Array<string> = []
      const engine = yield* openEngine(
        judging(({ address, host, port }) =>
          Effect.sync(() => {
            asked.push(`${host} ${address} ${port === server.port}`)
            return address === "127.0.0.1" && host === "name.test"
              ? { _tag: "Allow" }
              : { _tag: "Refuse", rule: "test" }
          })
        ),
        { lookup: () => Effect.succeed([v4("127.0.0.3"), v4("127.0.0.1")]) }
      )
      yield* engine.exchange(wireRequest(`http://name.test:${server.port}/`), new FakeControl())
      for (const host of ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]) {
        const error = yield* Effect.flip(
          engine.exchange(wireRequest(`http://${host}:${server.port}/`), new FakeControl())
        )
        assert.deepInclude(error.reason, { _tag: "AddressRefused", rule: "test" })
      }
      assert.deepStrictEqual(asked, [
        "name.test 127.0.0.3 true",
        "name.test 127.0.0.1 true",
        "127.0.0.1 127.0.0.1 true",
        "127.0.0.1 127.0.0.1 true",
        "127.0.0.1 127.0.0.1 true",
        "::ffff:7f00:1 ::ffff:7f00:1 true"
      ])
      assert.strictEqual(server.peers.length, 1)
    }))

  it.scopedLive("that fails or dies ends the request in DelegateFailed", () =>
    Effect.gen(function*() {
      const failed = new DelegateFailed({ cause: "no", reason: { _tag: "HandlerFailed", slot: "AddressPolicy" } })
      for (const failure of [Effect.fail(failed), Effect.die("no")]) {
        const engine = yield* openEngine(judging(() => failure))
        const error = yield* Effect.flip(engine.exchange(wireRequest("http://127.0.0.1:9/"), new FakeControl()))
        assert.deepStrictEqual(error.reason, { _tag: "HandlerFailed", slot: "AddressPolicy" })
        assert.strictEqual(error.cause, "no")
        assert.strictEqual(error.url, "http://127.0.0.1:9/")
      }
    }))

  it.scopedLive("is interrupted with the request, and not waited for on the idle timer", () =>
    Effect.gen(function*() {
      let interrupted = false
      let asked = false
      const engine = yield* openEngine(judging(() =>
        Effect.onInterrupt(
          Effect.suspend(() => {
            asked = true
            return Effect.never
          }),
          () =>
            Effect.sync(() => {
              interrupted = true
            })
        )
      ))
      const control = new FakeControl()
      const fiber = yield* Effect.fork(engine.exchange(wireRequest("http://127.0.0.1:9/"), control))
      yield* until(() => asked)
      assert.isFalse(control.waiting)
      control.closeAll()
      yield* until(() => interrupted)
      fiber.unsafeInterruptAsFork(fiber.id())
    }))
})
