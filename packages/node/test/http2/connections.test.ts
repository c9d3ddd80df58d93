// The life of an HTTP/2 connection and its streams, with the session's clock held still.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { leaf } from "../session/support.ts"
import { CollectingSink, ManualTimers, readText, turns, until, wireRequest } from "../support/fakeControl.ts"
import {
  answer,
  codeOf,
  codes,
  data,
  frame,
  goaway,
  head,
  isAck,
  ofType,
  reset,
  settings,
  types
} from "../support/frames.ts"
import { presenting, rawServer, response } from "../support/rawServer.ts"
import { engine, frames, say, serve } from "./support.ts"

const mebibyte = 1024 * 1024

describe("a silent HTTP/2 connection", () => {
  it.scopedLive("with an open stream is asked after 30 seconds whether it is alive, and ends 10 seconds later", () =>
    Effect.gen(function*() {
      const server = yield* frames({ deaf: true })
      const timers = new ManualTimers()
      const one = yield* engine({ timers })
      const request = yield* Effect.fork(Effect.flip(one.exchange(wireRequest(server.origin), one.control())))
      yield* until(() => ofType(server.connections[0], types.settings).some(isAck))
      yield* turns()
      timers.adjust(29_000)
      yield* turns()
      assert.strictEqual(ofType(server.connections[0], types.ping).length, 0)
      timers.adjust(2000)
      yield* until(() => ofType(server.connections[0], types.ping).length === 1)
      timers.adjust(10_000)
      const { reason } = yield* Fiber.join(request)
      if (reason._tag !== "NetworkConnectionLost") return assert.fail(reason._tag)
      assert.strictEqual(reason.why, "Unresponsive")
      yield* until(() => one.open().sockets === 0)
    }))

  it.scopedLive("goes on when it answers, and is asked again", () =>
    Effect.gen(function*() {
      const server = yield* frames({})
      const timers = new ManualTimers()
      const one = yield* engine({ timers })
      const request = yield* Effect.fork(one.exchange(wireRequest(server.origin), one.control()))
      yield* until(() => ofType(server.connections[0], types.settings).some(isAck))
      for (const count of [1, 2, 3]) {
        yield* turns()
        timers.adjust(31_000)
        yield* until(() => ofType(server.connections[0], types.ping).length === count)
        yield* turns(20)
      }
      server.connections[0]?.send(answer(1, "late"))
      assert.strictEqual(yield* readText(yield* Fiber.join(request)), "late")
    }))

  it.scopedLive("on which a protocol error has made our own side deaf ends in the same way", () =>
    Effect.gen(function*() {
      for (const says of [data(1, "early", true), frame(types.headers, 5, 1, Buffer.alloc(5, 0xff))]) {
        const server = yield* frames({ onRequest: (peer) => peer.send(says) })
        const timers = new ManualTimers()
        const one = yield* engine({ timers })
        const request = yield* Effect.fork(Effect.flip(one.exchange(wireRequest(server.origin), one.control())))
        yield* until(() => ofType(server.connections[0], types.goaway).length === 1)
        yield* turns()
        timers.adjust(31_000)
        yield* turns()
        timers.adjust(10_000)
        assert.strictEqual((yield* Fiber.join(request)).reason._tag, "NetworkConnectionLost")
      }
    }))

  it.scopedLive("without a stream is closed after the idle time, and not asked", () =>
    Effect.gen(function*() {
      const server = yield* frames({ onRequest: (peer, stream) => peer.send(answer(stream, "hello")) })
      const timers = new ManualTimers()
      const one = yield* engine({ timers, idleConnectionTimeout: 90_000 })
      assert.strictEqual(
        yield* readText(yield* one.exchange(wireRequest(server.origin), one.control())),
        "hello"
      )
      yield* turns()
      for (const left of [40_000, 40_000]) {
        timers.adjust(left)
        yield* turns()
        assert.strictEqual(one.open().sockets, 1)
      }
      timers.adjust(10_000)
      yield* until(() => one.open().sockets === 0)
      assert.strictEqual(ofType(server.connections[0], types.ping).length, 0)
      assert.strictEqual(timers.size, 0)
    }))

  it.scopedLive("of a server that never says SETTINGS ends after the connect timeout, for all that wait", () =>
    Effect.gen(function*() {
      const server = yield* frames({ mute: true })
      const timers = new ManualTimers()
      const one = yield* engine({ timers })
      const requests = yield* Effect.fork(
        Effect.all([1, 2, 3].map(() => Effect.flip(one.exchange(wireRequest(server.origin), one.control()))), {
          concurrency: "unbounded"
        })
      )
      yield* until(() => server.connections[0]?.streams.length === 1)
      timers.adjust(61_000)
      const errors = yield* Fiber.join(requests)
      assert.deepStrictEqual(errors.map(({ reason }) => reason._tag).sort(), [
        "NetworkConnectionLost",
        "TimedOut",
        "TimedOut"
      ])
    }))
})

describe("an HTTP/2 connection", () => {
  it.scopedLive("carries one request until the server has said how many: RFC 9113 3.4", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        mute: true,
        onRequest: (peer, stream) => stream === 1 ? undefined : peer.send(answer(stream, "hello"))
      })
      const one = yield* engine()
      const requests = yield* Effect.fork(
        Effect.all(
          [1, 2, 3].map(() => Effect.flatMap(one.exchange(wireRequest(server.origin), one.control()), readText)),
          { concurrency: "unbounded" }
        )
      )
      yield* until(() => server.connections[0]?.streams.length === 1)
      yield* turns(20)
      assert.isAtMost(server.connections[0]?.streams.length ?? 0, 1)
      server.connections[0]?.send(settings(), answer(1, "hello"))
      assert.deepStrictEqual(yield* Fiber.join(requests), ["hello", "hello", "hello"])
      assert.strictEqual(server.connections.length, 1)
    }))

  it.scopedLive("is left by a cancelled request with CANCEL, and serves the others and later ones", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onRequest: (peer, stream) => stream === 1 ? undefined : peer.send(answer(stream, "hello"))
      })
      const one = yield* engine()
      const control = one.control()
      const request = yield* Effect.fork(one.exchange(wireRequest(server.origin), control))
      yield* until(() => server.connections[0]?.streams.length === 1)
      control.closeAll()
      yield* Fiber.interruptFork(request)
      yield* until(() => ofType(server.connections[0], types.reset).length === 1)
      const [cancelled] = ofType(server.connections[0], types.reset)
      assert.strictEqual(cancelled === undefined ? -1 : codeOf(cancelled), codes.cancel)
      const later = yield* one.exchange(wireRequest(server.origin), one.control())
      assert.strictEqual(yield* readText(later), "hello")
      assert.strictEqual(server.connections.length, 1)
    }))

  it.scopedLive("gives the reader's pace to the server, and holds no more than a window", () =>
    Effect.gen(function*() {
      let written = 0
      const server = yield* serve((stream) => {
        stream.respond({ ":status": 200 })
        const block = Buffer.alloc(64 * 1024)
        const more = (): void => {
          while (written < 32 * mebibyte) {
            written += block.length
            if (!stream.write(block)) return void stream.once("drain", more)
          }
          stream.end()
        }
        more()
      })
      const one = yield* engine()
      const answer = yield* one.exchange(wireRequest(server.origin), one.control())
      const sink = new CollectingSink()
      let ended = false
      sink.done = () => {
        ended = true
      }
      answer.body.start(sink)
      answer.body.pause()
      yield* turns(200)
      const stalled = written
      yield* turns(200)
      assert.strictEqual(written, stalled)
      assert.isAtMost(written, 4 * mebibyte)
      assert.isAtMost(sink.size, 2 * mebibyte)
      answer.body.resume()
      yield* until(() => ended)
      assert.strictEqual(sink.size, 32 * mebibyte)
    }), 20_000)

  it.scopedLive("whose streams are all taken by bodies that nobody reads does not hold up other requests", () =>
    Effect.gen(function*() {
      const big = Buffer.alloc(2 * mebibyte, "x")
      const server = yield* serve((stream, { ":path": path }) => {
        stream.respond({ ":status": 200 })
        stream.end(path === "/big" ? big : "small")
      }, { settings: { maxConcurrentStreams: 2 } })
      const timers = new ManualTimers()
      const one = yield* engine({ timers, abandonedBodyTimeout: 60_000 })
      const bodies: Array<{ readonly body: { readonly start: (sink: CollectingSink) => void } }> = []
      for (let i = 0; i < 4; i++) bodies.push(yield* one.exchange(wireRequest(`${server.origin}/big`), one.control()))
      const small = yield* one.exchange(wireRequest(`${server.origin}/small`), one.control())
      assert.strictEqual(yield* readText(small), "small")
      // one that is read after all is whole
      const sink = new CollectingSink()
      let ended = false
      sink.done = () => {
        ended = true
      }
      bodies[0]?.body.start(sink)
      yield* until(() => ended)
      assert.strictEqual(sink.size, big.length)
      // and the others are given up
      timers.adjust(61_000)
      yield* turns()
      const late = new CollectingSink()
      bodies[1]?.body.start(late)
      yield* until(() => late.error !== undefined)
      if (late.error?.reason._tag !== "NetworkConnectionLost") return assert.fail(late.error?.reason._tag)
      assert.strictEqual(late.error.reason.why, "Abandoned")
    }))

  it.scopedLive("is not used any more after a flush, and ends with its last stream", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onRequest: (peer, stream) => peer.index === 0 && stream === 1 ? undefined : peer.send(answer(stream, "new"))
      })
      const one = yield* engine()
      const first = yield* Effect.fork(one.exchange(wireRequest(server.origin), one.control()))
      yield* until(() => server.connections[0]?.streams.length === 1)
      one.flush()
      const second = yield* one.exchange(wireRequest(server.origin), one.control())
      assert.strictEqual(yield* readText(second), "new")
      assert.strictEqual(server.connections.length, 2)
      server.connections[0]?.send(answer(1, "old"))
      assert.strictEqual(yield* readText(yield* Fiber.join(first)), "old")
      yield* until(() => one.open().sockets === 1)
    }))

  it.scopedLive("that is told to go away finishes what it has, while others take a new one: RFC 9113 6.8", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onRequest: (peer, stream) =>
          peer.index === 0 ? peer.send(goaway(stream, codes.none)) : peer.send(answer(stream, "new"))
      })
      const one = yield* engine()
      const first = yield* Effect.fork(one.exchange(wireRequest(server.origin), one.control()))
      yield* until(() => server.connections[0]?.streams.length === 1)
      yield* turns(20)
      const second = yield* one.exchange(wireRequest(server.origin), one.control())
      assert.strictEqual(yield* readText(second), "new")
      server.connections[0]?.send(answer(1, "old"))
      assert.strictEqual(yield* readText(yield* Fiber.join(first)), "old")
    }))

  it.scopedLive("of a server that wants HTTP/1.1 is not made again: RFC 9113 7", () =>
    Effect.gen(function*() {
      const issued = yield* leaf
      const offers: Array<string | false | null> = []
      const old = yield* rawServer({
        tls: presenting(issued, { ALPNProtocols: ["h2", "http/1.1"] }),
        onConnection: ({ socket }) => {
          const chosen = "alpnProtocol" in socket ? String(socket.alpnProtocol) : ""
          offers.push(chosen)
          if (chosen === "h2") socket.write(Buffer.concat([settings(), reset(1, codes.http1)]))
        },
        onRequest: (peer, text) => void (text.startsWith("PRI") ? undefined : peer.socket.write(response("old")))
      })
      const one = yield* engine()
      const ask = (fresh: boolean) => one.exchange(wireRequest(old.origin), one.control({ fresh }))
      const error = yield* Effect.flip(ask(false))
      if (error.reason._tag !== "NetworkConnectionLost") return assert.fail(error.reason._tag)
      assert.isTrue(error.reason.unprocessed)
      assert.strictEqual(yield* readText(yield* ask(true)), "old")
      assert.strictEqual(yield* readText(yield* ask(false)), "old")
      assert.deepStrictEqual(offers, ["h2", "http/1.1"])
    }))
})

describe("what a server speaks", () => {
  it.scopedLive("is learned by one connection: over HTTP/1.1 the others are made then, and at once the next time", () =>
    Effect.gen(function*() {
      const issued = yield* leaf
      let waiting: Array<() => void> = []
      const server = yield* rawServer({
        tls: presenting(issued),
        onRequest: (peer) =>
          void waiting.push(() => peer.socket.write(response("old", { fields: ["Connection: close"] })))
      })
      const one = yield* engine()
      for (const round of [1, 2]) {
        const all = yield* Effect.fork(
          Effect.all(
            Array.from(
              { length: 6 },
              () => Effect.flatMap(one.exchange(wireRequest(server.origin), one.control()), readText)
            ),
            { concurrency: "unbounded" }
          )
        )
        yield* until(() => waiting.length === 6)
        for (const answer of waiting) answer()
        waiting = []
        assert.strictEqual((yield* Fiber.join(all)).length, 6)
        assert.strictEqual(server.peers.length, 6 * round)
      }
    }))

  it.scopedLive("is not asked of one that may not be asked: CFG alpnProtocols", () =>
    Effect.gen(function*() {
      const server = yield* serve(say("new"), { allowHTTP1: false })
      const one = yield* engine({ alpnProtocols: ["http/1.1"] })
      const error = yield* Effect.flip(one.exchange(wireRequest(server.origin), one.control()))
      assert.strictEqual(error._tag === "TlsError" || error._tag === "ConnectionError", true)
      assert.strictEqual(server.sessions.length, 0)
    }))

  it.scopedLive("a failure to connect is the answer for all that wait", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.scoped(Effect.map(serve(say("new")), ({ origin }) => origin))
      const one = yield* engine()
      const errors = yield* Effect.all(
        Array.from({ length: 20 }, () => Effect.flip(one.exchange(wireRequest(gone), one.control()))),
        { concurrency: "unbounded" }
      )
      assert.isTrue(errors.every(({ reason }) => reason._tag === "CannotConnectToHost"))
      yield* until(() => one.open().sockets === 0)
    }))
})

describe("a request over HTTP/2", () => {
  it.scopedLive("has no field of the connection, and its names in lower case: RFC 9113 8.2", () =>
    Effect.gen(function*() {
      const heads: Array<Record<string, unknown>> = []
      const server = yield* serve((stream, headers) => {
        heads.push({ ...headers })
        say("hello")(stream)
      })
      const one = yield* engine()
      const fields = { "X-Upper": "1", "TE": "trailers", "Keep-Alive": "1" }
      const answer = yield* one.exchange(wireRequest(`${server.origin}/a?b`, { method: "POST", fields }), one.control())
      assert.strictEqual(yield* readText(answer), "hello")
      assert.strictEqual(answer.reason, "")
      assert.deepInclude(heads[0], {
        ":method": "POST",
        ":path": "/a?b",
        ":scheme": "https",
        ":authority": new URL(server.origin).host,
        "x-upper": "1",
        "content-length": "0"
      })
      assert.notProperty(heads[0], "keep-alive")
      assert.notProperty(heads[0], "host")
    }))

  it.scopedLive("that expects 100 Continue sends its body when it is told to", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onRequest: (peer, stream) => setImmediate(() => peer.send(head(stream, 100))),
        onFrame: (peer, one) => {
          if (one.type === types.data && one.flags === 1) peer.send(answer(one.stream, "thanks"))
        }
      })
      const timers = new ManualTimers()
      const one = yield* engine({ timers })
      const control = Object.assign(one.control(), { expectContinue: true })
      const request = wireRequest(server.origin, { method: "PUT", body: "body" })
      const answered = yield* one.exchange(request, control)
      assert.strictEqual(yield* readText(answered), "thanks")
      const [first] = ofType(server.connections[0], types.data)
      assert.strictEqual(first?.payload.toString(), "body")
    }))
})
