import { assert, describe, it } from "@effect/vitest"
import type { SessionTransport } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { openEngine } from "../support/engine.ts"
import {
  FakeControl,
  ManualTimers,
  readText,
  transportOptions,
  turns,
  until,
  wireRequest
} from "../support/fakeControl.ts"
import { answering, type Peer, rawServer, response } from "../support/rawServer.ts"

/** A server that answers a request when it is told to. */
const held = Effect.gen(function*() {
  const waiting: Array<{ readonly peer: Peer; readonly path: string }> = []
  const server = yield* rawServer({
    onRequest: (peer, head) => {
      waiting.push({ peer, path: head.split(" ")[1] ?? "" })
    }
  })
  const answer = (): string => {
    const next = waiting.shift()
    next?.peer.socket.write(response(next.path))
    return next?.path ?? ""
  }
  return { server, waiting, answer }
})

const start = (engine: SessionTransport, url: string, control = new FakeControl()) =>
  Effect.fork(engine.exchange(wireRequest(url), control))

describe("a pool", () => {
  it.scopedLive("CFG-23: has at most so many connections to a host, and serves who waits first come, first served", () =>
    Effect.gen(function*() {
      const { answer, server, waiting } = yield* held
      const engine = yield* openEngine(transportOptions({ maximumConnectionsPerHost: 2 }))
      const fibers = []
      for (const path of ["/1", "/2", "/3", "/4", "/5"]) {
        fibers.push(yield* start(engine, server.origin + path))
        yield* Effect.yieldNow()
      }
      yield* until(() => waiting.length === 2)
      yield* turns()
      assert.deepStrictEqual(engine.open(), { sockets: 2, connecting: 0, queued: 3 })
      const order: Array<string> = []
      while (order.length < 5) {
        yield* until(() => waiting.length > 0)
        order.push(answer())
        yield* turns()
      }
      assert.deepStrictEqual(order.slice(2), ["/3", "/4", "/5"])
      yield* Fiber.joinAll(fibers)
      assert.strictEqual(server.peers.length, 2)
    }))

  it.scopedLive("serves the higher priority first", () =>
    Effect.gen(function*() {
      const { answer, server, waiting } = yield* held
      const engine = yield* openEngine(transportOptions({ maximumConnectionsPerHost: 1 }))
      const fibers = [yield* start(engine, `${server.origin}/first`)]
      yield* until(() => waiting.length === 1)
      for (const [path, priority] of [["/low", 0.1], ["/normal", 0.5], ["/high", 0.9], ["/normal2", 0.5]] as const) {
        fibers.push(yield* start(engine, server.origin + path, new FakeControl({ priority })))
        yield* Effect.yieldNow()
      }
      const order: Array<string> = []
      while (order.length < 5) {
        yield* until(() => waiting.length > 0)
        order.push(answer())
      }
      assert.deepStrictEqual(order, ["/first", "/high", "/normal", "/normal2", "/low"])
      yield* Fiber.joinAll(fibers)
    }))

  it.scopedLive("CON-01: does not run the idle timer of who only waits for a place", () =>
    Effect.gen(function*() {
      const { answer, server, waiting } = yield* held
      const engine = yield* openEngine(transportOptions({ maximumConnectionsPerHost: 1 }))
      const first = new FakeControl()
      const second = new FakeControl()
      const fibers = [yield* start(engine, server.origin, first), yield* start(engine, server.origin, second)]
      yield* until(() => waiting.length === 1)
      assert.deepStrictEqual([first.waiting, second.waiting], [true, false])
      answer()
      yield* until(() => waiting.length === 1)
      assert.deepStrictEqual([first.waiting, second.waiting], [false, true])
      answer()
      yield* Fiber.joinAll(fibers)
    }))

  it.scopedLive("forgets who leaves the queue, and closes the connection of who leaves in the middle", () =>
    Effect.gen(function*() {
      const { answer, server, waiting } = yield* held
      const engine = yield* openEngine(transportOptions({ maximumConnectionsPerHost: 1 }))
      const controls = [new FakeControl(), new FakeControl(), new FakeControl()]
      const fibers = []
      for (const control of controls) fibers.push(yield* start(engine, server.origin, control))
      yield* until(() => waiting.length === 1)
      controls[1]?.closeAll()
      assert.strictEqual(engine.open().queued, 1)
      controls[0]?.closeAll()
      waiting.length = 0
      yield* until(() => waiting.length === 1)
      answer()
      const last = fibers[2]
      if (last !== undefined) assert.strictEqual((yield* Fiber.join(last)).status, 200)
      assert.strictEqual(server.peers.length, 2)
    }))

  it.scopedLive("NET-03: lends the connection that was given back last, and drops the others after the idle time", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const { answer, server, waiting } = yield* held
      const engine = yield* openEngine(transportOptions({ timers, idleConnectionTimeout: 10_000 }))
      const fibers = [yield* start(engine, server.origin), yield* start(engine, server.origin)]
      yield* until(() => waiting.length === 2)
      const last = waiting[1]?.peer
      answer()
      yield* turns()
      answer()
      yield* Fiber.joinAll(fibers)
      timers.adjust(6000)
      const again = yield* start(engine, server.origin)
      yield* until(() => waiting.length === 1)
      assert.strictEqual(waiting[0]?.peer, last)
      answer()
      yield* Fiber.join(again)
      timers.adjust(4000)
      yield* until(() => engine.open().sockets === 1)
      yield* until(() => server.open() === 1)
      timers.adjust(6000)
      yield* until(() => engine.open().sockets === 0)
      assert.strictEqual(timers.size, 0)
    }))

  it.scopedLive("drops a connection a second before its Keep-Alive: timeout", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const server = yield* rawServer(answering(response("", { fields: ["Keep-Alive: timeout=5"] })))
      const engine = yield* openEngine(transportOptions({ timers }))
      const get = () => engine.exchange(wireRequest(server.origin), new FakeControl())
      yield* get()
      timers.adjust(3999)
      yield* get()
      assert.strictEqual(server.peers.length, 1)
      timers.adjust(4000)
      yield* get()
      assert.strictEqual(server.peers.length, 2)
    }))

  it.scopedLive("does not keep what says Connection: close, HTTP/1.0, or one second", () =>
    Effect.gen(function*() {
      const answers = [
        response("", { fields: ["Connection: close"] }),
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        response("", { fields: ["Keep-Alive: timeout=1"] }),
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
        response("")
      ]
      const server = yield* rawServer({
        onRequest: (peer, head) => peer.socket.write(answers[Number(head.split(" ")[1]?.slice(1))] ?? "")
      })
      const engine = yield* openEngine(transportOptions())
      const reused: Array<boolean> = []
      for (let i = 0; i < answers.length; i++) {
        const control = new FakeControl()
        yield* engine.exchange(wireRequest(`${server.origin}/${i}`), control)
        reused.push(control.transaction.reused)
      }
      assert.deepStrictEqual(reused, [false, false, false, false, true])
    }))

  it.scopedLive("makes a new connection for who asks for one, also when there is no more room", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("")))
      const engine = yield* openEngine(transportOptions({ maximumConnectionsPerHost: 1 }))
      yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      const control = new FakeControl({ fresh: true })
      yield* engine.exchange(wireRequest(server.origin), control)
      assert.isFalse(control.transaction.reused)
      yield* until(() => engine.open().sockets === 1)
      assert.strictEqual(server.peers.length, 2)
    }))

  it.scopedLive("flushed: unused connections close at once, used ones after their exchange", () =>
    Effect.gen(function*() {
      const { answer, server, waiting } = yield* held
      const engine = yield* openEngine(transportOptions())
      const fibers = [yield* start(engine, server.origin), yield* start(engine, server.origin)]
      yield* until(() => waiting.length === 2)
      answer()
      yield* turns()
      engine.flush()
      yield* until(() => engine.open().sockets === 1)
      answer()
      yield* Fiber.joinAll(fibers)
      yield* until(() => engine.open().sockets === 0)
      const next = yield* start(engine, server.origin)
      yield* until(() => waiting.length === 1)
      answer()
      assert.strictEqual(yield* readText(yield* Fiber.join(next)), "/")
      assert.strictEqual(server.peers.length, 3)
    }))

  it.scopedLive("NET-03: is one per origin", () =>
    Effect.gen(function*() {
      const one = yield* rawServer(answering(response("1")))
      const two = yield* rawServer(answering(response("2")))
      const engine = yield* openEngine(transportOptions({ maximumConnectionsPerHost: 1 }))
      for (const [server, text] of [[one, "1"], [two, "2"], [one, "1"], [two, "2"]] as const) {
        const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
        assert.strictEqual(yield* readText(answer), text)
      }
      assert.deepStrictEqual([one.peers.length, two.peers.length], [1, 1])
    }))
})

describe("closing the scope", () => {
  it.scopedLive("closes idle, busy and connecting sockets and fails who waits; nothing is left when it returns", () =>
    Effect.gen(function*() {
      const { answer, server, waiting } = yield* held
      const before = process.getActiveResourcesInfo().filter((name) => name.startsWith("TCPSocket")).length
      const scope = yield* Scope.make()
      const engine = yield* Scope.extend(
        openEngine(transportOptions({ maximumConnectionsPerHost: 2 }), {
          lookup: (host) => host === "never.test" ? Effect.never : Effect.succeed([{ address: "127.0.0.1", family: 4 }])
        }),
        scope
      )
      const fibers = []
      for (let i = 0; i < 4; i++) fibers.push(yield* start(engine, server.origin))
      fibers.push(yield* start(engine, "http://never.test/"))
      yield* until(() => waiting.length === 2)
      answer()
      yield* until(() => waiting.length === 2)
      assert.strictEqual(engine.open().connecting, 1)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(engine.open(), { sockets: 0, connecting: 0, queued: 0 })
      const exits = yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, false, false, false])
      const late = yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl()))
      assert.strictEqual(late._tag, "SessionInvalidated")
      yield* until(() => server.open() === 0)
      const after = process.getActiveResourcesInfo().filter((name) => name.startsWith("TCPSocket")).length
      assert.isAtMost(after, before)
    }))

  it.scopedLive("of two hundred engines leaves no handle", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("")))
      for (let i = 0; i < 200; i++) {
        yield* Effect.scoped(
          Effect.flatMap(
            openEngine(transportOptions()),
            (engine) => engine.exchange(wireRequest(server.origin), new FakeControl())
          )
        )
      }
      yield* until(() => server.open() === 0)
      assert.strictEqual(process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length, 0)
    }))

  it.scopedLive("is not needed for the process to end: idle connections do not hold it", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("")))
      const engine = yield* openEngine(transportOptions())
      yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      yield* turns()
      // an unreferenced handle is not among the active resources; the server's own end of the connection is
      assert.strictEqual(process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length, 1)
    }))
})
