import { assert, describe, it } from "@effect/vitest"
import type { ExchangeError } from "@urlsession/core/SessionError"
import * as Effect from "effect/Effect"
import { openEngine } from "../support/engine.ts"
import {
  CollectingSink,
  FakeControl,
  ManualTimers,
  readBody,
  readText,
  transportOptions,
  turns,
  until,
  wireRequest
} from "../support/fakeControl.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"

const mebibyte = 1024 * 1024

/** The error of an exchange that must fail. */
const failing = <A>(effect: Effect.Effect<A, ExchangeError>) => Effect.flip(effect)

describe("an exchange", () => {
  it.scopedLive("sends a request and reads its response", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hello", { fields: ["X-A: 1"] })))
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const answer = yield* engine.exchange(wireRequest(`${server.origin}/path?q`), control)
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.reason, "OK")
      assert.strictEqual(answer.fields.get("x-a"), "1")
      assert.strictEqual(answer.body.length, 5)
      assert.strictEqual(yield* readText(answer), "hello")
      assert.match(server.peers[0]?.received ?? "", /^GET \/path\?q HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/)
      assert.strictEqual(control.arrivals, 1)
      assert.strictEqual(control.closeables.size, 0)
      assert.isFalse(control.waiting)
    }))

  it.scopedLive("gives a body that came with its head whole, as a plain array of its own", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("x".repeat(1024))))
      const engine = yield* openEngine(transportOptions())
      const first = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      const bytes = first.body.take()
      yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      assert.strictEqual(bytes?.constructor, Uint8Array)
      assert.strictEqual(bytes?.buffer.byteLength, 1024)
      assert.isTrue(bytes?.every((byte) => byte === 120))
      assert.isUndefined(first.body.take())
    }))

  it.scopedLive("reads bodies by length, by chunks and until the end of the connection", () =>
    Effect.gen(function*() {
      const bodies = [
        response("by length"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nby \r\n6;x=y\r\nchunks\r\n0\r\nX-T: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nby the end"
      ]
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          const index = Number(head.split(" ")[1]?.slice(1))
          peer.socket.write(bodies[index] ?? "")
          if (index === 2) peer.socket.end()
        }
      })
      const engine = yield* openEngine(transportOptions())
      const read = (index: number) =>
        Effect.gen(function*() {
          const answer = yield* engine.exchange(wireRequest(`${server.origin}/${index}`), new FakeControl())
          return [yield* readText(answer), answer.body.delimited, answer.body.trailers.get("x-t")]
        })
      assert.deepStrictEqual(yield* read(0), ["by length", true, undefined])
      assert.deepStrictEqual(yield* read(1), ["by chunks", true, "1"])
      assert.deepStrictEqual(yield* read(2), ["by the end", false, undefined])
      assert.strictEqual(server.peers.length, 1)
    }))

  it.scopedLive("has no body after HEAD, 204 and 304, whatever the fields say", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          const status = head.startsWith("HEAD") ? "200" : head.split(" ")[1]?.slice(1)
          peer.socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 7\r\n\r\n`)
        }
      })
      const engine = yield* openEngine(transportOptions())
      for (const [method, path] of [["HEAD", "/"], ["GET", "/204"], ["GET", "/304"]] as const) {
        const answer = yield* engine.exchange(wireRequest(server.origin + path, { method }), new FakeControl())
        assert.strictEqual((yield* readBody(answer.body)).length, 0)
      }
      assert.strictEqual(server.peers.length, 1)
    }))

  it.scopedLive("delivers informational responses before the final one", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + response("ok")
      ))
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const answer = yield* engine.exchange(wireRequest(server.origin), control)
      assert.deepStrictEqual(control.informed.map((one) => one.status), [103, 100])
      assert.strictEqual(control.informed[0]?.fields.get("link"), "</a>")
      assert.strictEqual(answer.status, 200)
    }))

  it.scopedLive("writes head and small body together, and Content-Length: 0 for a POST without body", () =>
    Effect.gen(function*() {
      const writes: Array<string> = []
      const server = yield* rawServer({
        ...answering(response("")),
        onData: (_, data) => writes.push(data.toString("latin1"))
      })
      const engine = yield* openEngine(transportOptions())
      yield* engine.exchange(wireRequest(server.origin, { method: "POST", body: "a=b" }), new FakeControl())
      yield* engine.exchange(wireRequest(server.origin, { method: "POST" }), new FakeControl())
      assert.strictEqual(writes.length, 2)
      assert.match(writes[0] ?? "", /Content-Length: 3\r\n[^]*\r\n\r\na=b$/)
      assert.match(writes[1] ?? "", /Content-Length: 0\r\n/)
    }))

  it.scopedLive("TDL-08: uploads a large body whole, telling its progress", () =>
    Effect.gen(function*() {
      const body = new Uint8Array(5 * mebibyte).map((_, i) => i % 251)
      const received: Array<Buffer> = []
      const server = yield* rawServer({
        onData: (peer, data) => {
          received.push(data)
          if (Buffer.concat(received).length > body.length && peer.requests++ === 0) peer.socket.write(response("done"))
        }
      })
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const sent: Array<number> = []
      control.changed = () => sent.push(control.transaction.requestBodyBytes)
      const answer = yield* engine.exchange(wireRequest(server.origin, { method: "PUT", body }), control)
      assert.strictEqual(yield* readText(answer), "done")
      const whole = Buffer.concat(received)
      assert.isTrue(whole.subarray(whole.indexOf("\r\n\r\n") + 4).equals(body))
      assert.strictEqual(control.transaction.requestBodyBytes, body.length)
      assert.isAbove(new Set(sent).size, 10)
      // TDL-08: the session hears of it too, growing up to the whole
      assert.strictEqual(control.bodyBytes.at(-1), body.length)
      assert.isTrue(control.bodyBytes.every((total, i) => i === 0 || total > (control.bodyBytes[i - 1] ?? 0)))
      assert.strictEqual(server.peers.length, 1)
    }))

  it.scopedLive("keeps an answer that came before the writer failed (early final answer)", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        // answers after the first bytes and resets, as servers do that refuse a body
        onData: (peer) => {
          if (peer.requests++ > 0) return
          peer.socket.write(response("too large", { status: "413 Content Too Large" }), () => peer.socket.destroy())
        }
      })
      const engine = yield* openEngine(transportOptions())
      for (let i = 0; i < 20; i++) {
        const body = new Uint8Array(8 * mebibyte)
        const answer = yield* engine.exchange(wireRequest(server.origin, { method: "PUT", body }), new FakeControl())
        assert.strictEqual(answer.status, 413)
        assert.strictEqual(yield* readText(answer), "too large")
      }
      assert.strictEqual(server.peers.length, 20)
      yield* until(() => engine.open().sockets === 0)
    }))

  it.scopedLive("whose upload is reset without an answer is lost", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onData: (peer) => peer.socket.resetAndDestroy() })
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const request = wireRequest(server.origin, { method: "PUT", body: new Uint8Array(8 * mebibyte) })
      const error = yield* failing(engine.exchange(request, control))
      assert.deepInclude(error.reason, {
        _tag: "NetworkConnectionLost",
        why: "Reset",
        requestSent: true,
        reused: false
      })
      yield* until(() => engine.open().sockets === 0)
      assert.isFalse(control.waiting)
    }))

  it.scopedLive("refuses what cannot be written, before any connection", () =>
    Effect.gen(function*() {
      const engine = yield* openEngine(transportOptions())
      const invalid = yield* failing(
        engine.exchange(wireRequest("http://127.0.0.1:9/", { fields: { "x-a": "a\r\nb: c" } }), new FakeControl())
      )
      assert.deepInclude(invalid.reason, { _tag: "InvalidHeader", name: "x-a" })
      const method = yield* failing(
        engine.exchange(wireRequest("http://127.0.0.1:9/", { method: "G T" }), new FakeControl())
      )
      assert.deepStrictEqual(method.reason, { _tag: "InvalidMethod", method: "G T" })
    }))

  it.scopedLive("MET-02 MET-04 MET-05 MET-06: times its phases, counts its bytes and names its connection", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("x")))
      const lookup = () => Effect.succeed([{ address: "127.0.0.1", family: 4 as const }])
      const engine = yield* openEngine(transportOptions(), { lookup })
      const url = `http://name.test:${server.port}/`
      const first = new FakeControl()
      const second = new FakeControl()
      yield* engine.exchange(wireRequest(url), first)
      yield* engine.exchange(wireRequest(url), second)
      const order = [
        first.transaction.domainLookupStart,
        first.transaction.domainLookupEnd,
        first.transaction.connectStart,
        first.transaction.connectEnd,
        first.transaction.requestStart,
        first.transaction.requestEnd,
        first.transaction.responseStart,
        first.transaction.responseEnd
      ]
      assert.isTrue(order.every((time) => typeof time === "number"))
      assert.deepStrictEqual(order, [...order].sort((a, b) => Number(a) - Number(b)))
      assert.isUndefined(first.transaction.secureConnectionStart)
      assert.isFalse(first.transaction.reused)
      assert.strictEqual(first.transaction.responseBodyBytes, 1)
      assert.strictEqual(first.transaction.responseHeaderBytes, response("").length)
      assert.isTrue(second.transaction.reused)
      assert.isUndefined(second.transaction.connectStart)
      assert.strictEqual(second.transaction.connection?.id, first.transaction.connection?.id)
      assert.strictEqual(second.transaction.connection?.remotePort, server.port)
      assert.strictEqual(second.transaction.connection?.remoteAddress, "127.0.0.1")
      assert.strictEqual(second.transaction.connection?.localAddress, "127.0.0.1")
      assert.isNumber(second.transaction.connection?.localPort)
      assert.strictEqual(second.transaction.connection?.protocol, "http/1.1")
      const bytes = server.peers[0]?.received.length ?? 0
      assert.strictEqual(first.transaction.requestHeaderBytes + second.transaction.requestHeaderBytes, bytes)
    }))
})

describe("a body through a sink", () => {
  it.scopedLive("arrives whole and in order, with pauses, whatever its length", () =>
    Effect.gen(function*() {
      const body = Buffer.alloc(3 * mebibyte, "0123456789abcdef")
      const server = yield* rawServer(answering(response(body.toString("latin1"))))
      const engine = yield* openEngine(transportOptions())
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      const sink = new CollectingSink()
      let pauses = 0
      sink.received = (size) => {
        if (size / mebibyte <= pauses || sink.ended !== undefined) return
        pauses++
        answer.body.pause()
        setImmediate(() => answer.body.resume())
      }
      answer.body.start(sink)
      yield* until(() => sink.calls > 0)
      assert.isTrue(Buffer.from(sink.bytes).equals(body))
      assert.strictEqual(sink.calls, 1)
      assert.strictEqual(pauses, 3)
      yield* turns()
      assert.strictEqual(engine.open().sockets, 1)
    }))

  it.scopedLive("runs the idle timer only while bytes are waited for", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + "x".repeat(100_000))
        }
      })
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const answer = yield* engine.exchange(wireRequest(server.origin), control)
      yield* until(() => !control.waiting)
      const sink = new CollectingSink()
      answer.body.start(sink)
      assert.isTrue(control.waiting)
      yield* until(() => sink.size === 100_000)
      answer.body.pause()
      assert.isFalse(control.waiting)
      answer.body.resume()
      assert.isTrue(control.waiting)
      server.peers[0]?.socket.write("x".repeat(100_000))
      yield* until(() => sink.calls > 0)
      assert.isFalse(control.waiting)
      assert.strictEqual(control.arrivals, 1)
    }))

  it.scopedLive("hears nothing after cancel, and the connection is kept where little is left", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + "x".repeat(20_000))
      )
      const engine = yield* openEngine(transportOptions({ timers: new ManualTimers() }))
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      const sink = new CollectingSink()
      answer.body.start(sink)
      answer.body.cancel()
      answer.body.cancel()
      const size = sink.size
      server.peers[0]?.socket.write("x".repeat(30_000))
      yield* turns(20)
      const again = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      assert.strictEqual(again.status, 200)
      assert.strictEqual(server.peers.length, 1)
      assert.deepStrictEqual([sink.size, sink.calls], [size, 0])
    }))

  it.scopedLive("that is large and not wanted costs its connection at once", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\nx"))
      const engine = yield* openEngine(transportOptions({ timers: new ManualTimers() }))
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      answer.body.cancel()
      yield* until(() => engine.open().sockets === 0)
    }))

  it.scopedLive("that is not wanted and does not arrive within 50 ms costs its connection", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const server = yield* rawServer(answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"))
      const engine = yield* openEngine(transportOptions({ timers }))
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      answer.body.cancel()
      yield* turns()
      assert.strictEqual(engine.open().sockets, 1)
      timers.adjust(50)
      yield* until(() => engine.open().sockets === 0)
      assert.strictEqual(timers.size, 0)
    }))
})

describe("bodies that nobody reads", () => {
  for (const [name, size] of [["1 KiB", 1024], ["1 MiB", mebibyte]] as const) {
    it.scopedLive(`of ${name}: a hundred of them, with a limit of 6, do not stop the next request`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer(answering(response("x".repeat(size))))
        const engine = yield* openEngine(transportOptions())
        const answers = yield* Effect.forEach(
          Array.from({ length: 100 }),
          () => engine.exchange(wireRequest(server.origin), new FakeControl()),
          { concurrency: "unbounded" }
        )
        const next = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
        assert.strictEqual(next.status, 200)
        assert.strictEqual(answers.length, 100)
        if (size === 1024) assert.isAtMost(server.peers.length, 6)
        // and every one of them can still be read
        const late = answers[50]
        if (late !== undefined) assert.strictEqual((yield* readBody(late.body)).length, size)
      }))
  }

  it.scopedLive("and are large lose their connection after the abandoned body timeout, and a later read says so", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const server = yield* rawServer(answering(response("x".repeat(mebibyte))))
      const engine = yield* openEngine(transportOptions({ timers, abandonedBodyTimeout: 5000 }))
      const control = new FakeControl()
      const answer = yield* engine.exchange(wireRequest(server.origin), control)
      yield* until(() => timers.size > 0)
      assert.isFalse(control.waiting)
      timers.adjust(4999)
      assert.strictEqual(engine.open().sockets, 1)
      timers.adjust(1)
      yield* until(() => engine.open().sockets === 0)
      const error = yield* failing(readBody(answer.body))
      assert.deepInclude(error.reason, { _tag: "NetworkConnectionLost", why: "Abandoned", bytesExpected: mebibyte })
      assert.isFalse(error.isTransient)
    }))

  it.scopedLive("and may be large give up their place before they have come", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          if (head.includes("/slow")) peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nslow")
          else peer.socket.write(response("next"))
        }
      })
      const engine = yield* openEngine(transportOptions({ maximumConnectionsPerHost: 1 }))
      const control = new FakeControl()
      const slow = yield* engine.exchange(wireRequest(`${server.origin}/slow`), control)
      const next = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      assert.strictEqual(yield* readText(next), "next")
      assert.isFalse(control.waiting)
      const sink = new CollectingSink()
      slow.body.start(sink)
      assert.isTrue(control.waiting)
      server.peers[0]?.socket.write("x".repeat(999_996))
      yield* until(() => sink.calls > 0)
      assert.strictEqual(sink.size, 1_000_000)
    }))

  it.scopedLive("but were begun keep their connection, however slow the reader is", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const server = yield* rawServer(answering(response("x".repeat(mebibyte))))
      const engine = yield* openEngine(transportOptions({ timers, abandonedBodyTimeout: 5000 }))
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      yield* until(() => timers.size > 0)
      const sink = new CollectingSink()
      sink.received = () => answer.body.pause()
      answer.body.start(sink)
      yield* turns()
      timers.adjust(60_000)
      assert.strictEqual(engine.open().sockets, 1)
      sink.received = undefined
      answer.body.resume()
      yield* until(() => sink.calls > 0)
      assert.strictEqual(sink.size, mebibyte)
    }))
})
