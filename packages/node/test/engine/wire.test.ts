import { assert, describe, it } from "@effect/vitest"
import type { ExchangeError } from "@urlsession/core/SessionError"
import * as Effect from "effect/Effect"
import { openEngine } from "../support/engine.ts"
import {
  CollectingSink,
  FakeControl,
  ManualTimers,
  readText,
  transportOptions,
  trusting,
  turns,
  until,
  wireRequest
} from "../support/fakeControl.ts"
import { makeAuthority } from "../support/pki.ts"
import { answering, type Peer, presenting, rawServer, response } from "../support/rawServer.ts"

const describeError = (error: ExchangeError): string => {
  const reason = error.reason
  return "why" in reason && "bytesReceived" in reason ? `${reason._tag} ${reason.why}` : reason._tag
}

/** What a cut connection must come to: the whole text, or the kind of loss. */
const outcomes = {
  length: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  chunked: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  close: "HTTP/1.1 200 OK\r\n\r\nhello",
  informational: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
}

const expected = (kind: keyof typeof outcomes, cut: number): string => {
  const bytes = outcomes[kind]
  if (cut === bytes.length) return "hello"
  const head = bytes.lastIndexOf("\r\n\r\n", kind === "chunked" ? bytes.length - 8 : bytes.length) + 4
  if (kind === "close") return cut < head ? "NetworkConnectionLost Closed" : bytes.slice(head, cut)
  if (kind !== "chunked" && cut === head) return "ZeroByteResource"
  return "NetworkConnectionLost Closed"
}

describe("a connection that is closed", () => {
  const sweep = (origin: string, peers: ReadonlyArray<Peer>, control: () => FakeControl, lookup = false) =>
    Effect.gen(function*() {
      const engine = yield* openEngine(
        transportOptions(),
        lookup ? { lookup: () => Effect.succeed([{ address: "127.0.0.1", family: 4 }]) } : {}
      )
      for (const kind of ["length", "chunked", "close", "informational"] as const) {
        for (let cut = 0; cut <= outcomes[kind].length; cut++) {
          const request = wireRequest(`${origin}/${kind}/${cut}`)
          const text = yield* Effect.match(Effect.flatMap(engine.exchange(request, control()), readText), {
            onFailure: describeError,
            onSuccess: (text) => text
          })
          assert.strictEqual(text, expected(kind, cut), `${kind} cut after ${cut} bytes`)
        }
      }
      assert.isAbove(peers.length, 200)
      yield* until(() => engine.open().sockets === 0)
    })

  const cutting = {
    onRequest: (peer: Peer, head: string) => {
      const [, kind = "", cut = ""] = /^GET \/(\w+)\/(\d+)/.exec(head) ?? []
      const bytes = kind in outcomes ? outcomes[kind as keyof typeof outcomes] : ""
      peer.socket.end(bytes.slice(0, Number(cut)))
    }
  }

  it.scopedLive("NET-07: at any byte of a response says what happened", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(cutting)
      yield* sweep(server.origin, server.peers, () => new FakeControl())
    }))

  it.scopedLive("at any byte of a response says what happened, over TLS", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["localhost"] }))
      const server = yield* rawServer({ ...cutting, tls: presenting(leaf) })
      const trust = trusting(root.cert)
      yield* sweep(server.origin, server.peers, () => new FakeControl({ trust }), true)
    }), 60_000)

  it.scopedLive("by a reset in the middle of a body tells how much came", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + "x".repeat(100))
        }
      })
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const answer = yield* engine.exchange(wireRequest(server.origin), control)
      const sink = new CollectingSink()
      answer.body.start(sink)
      yield* until(() => sink.size === 100)
      server.peers[0]?.socket.resetAndDestroy()
      yield* until(() => sink.calls > 0)
      assert.deepInclude(sink.error?.reason, {
        _tag: "NetworkConnectionLost",
        why: "Reset",
        bytesReceived: 100,
        bytesExpected: 1000,
        requestSent: true,
        reused: false
      })
      assert.isTrue(sink.error?.isTransient)
      assert.isFalse(control.waiting)
      assert.strictEqual(control.closeables.size, 0)
    }))

  it.scopedLive("between two requests is noticed by the idle connection at once", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("x")))
      const engine = yield* openEngine(transportOptions())
      yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      assert.strictEqual(engine.open().sockets, 1)
      server.peers[0]?.socket.end()
      yield* until(() => engine.open().sockets === 0)
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      assert.strictEqual(answer.status, 200)
    }))

  it.scopedLive("CON-05: under a request on a reused connection is told as such (the keep-alive race)", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => {
          if (peer.requests === 1) peer.socket.write(response("x"))
          else peer.socket.destroy()
        }
      })
      const engine = yield* openEngine(transportOptions())
      yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      const error = yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl()))
      assert.deepInclude(error.reason, {
        _tag: "NetworkConnectionLost",
        reused: true,
        requestSent: true,
        bytesReceived: 0
      })
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl({ fresh: true }))
      assert.strictEqual(answer.status, 200)
    }))

  it.scopedLive("while the loop stood still is not lent: its end lies in the kernel, where a write does not see it", () =>
    Effect.gen(function*() {
      const timers = new ManualTimers()
      const server = yield* rawServer(answering(response("x")))
      const engine = yield* openEngine(transportOptions({ timers }))
      for (let round = 0; round < 20; round++) {
        yield* engine.exchange(wireRequest(server.origin), new FakeControl())
        timers.adjust(1001)
        // the end is written now and read by nobody before the next request asks for the connection
        const peer = server.peers[server.peers.length - 1]
        yield* Effect.async<void>((resume) => {
          peer?.socket.end(() => resume(Effect.void))
        })
        const control = new FakeControl()
        const answer = yield* engine.exchange(wireRequest(server.origin), control)
        assert.strictEqual(answer.status, 200)
        assert.isFalse(control.transaction.reused)
      }
    }))
})

describe("bytes that nobody asked for", () => {
  it.scopedLive("after a response give the right response and close the connection", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("right") + response("wrong", { fields: ["X-Evil: 1"] })))
      const engine = yield* openEngine(transportOptions())
      for (let i = 0; i < 3; i++) {
        const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
        assert.strictEqual(yield* readText(answer), "right")
        assert.isFalse(answer.fields.has("x-evil"))
      }
      assert.strictEqual(server.peers.length, 3)
    }))

  it.scopedLive("in the form of a body after HEAD close the connection", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("a body")))
      const engine = yield* openEngine(transportOptions())
      for (let i = 0; i < 2; i++) {
        const answer = yield* engine.exchange(wireRequest(server.origin, { method: "HEAD" }), new FakeControl())
        assert.strictEqual(yield* readText(answer), "")
      }
      assert.strictEqual(server.peers.length, 2)
    }))

  it.scopedLive("on an idle connection kill it", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("x")))
      const engine = yield* openEngine(transportOptions())
      yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      server.peers[0]?.socket.write(response("poison"))
      yield* until(() => engine.open().sockets === 0)
      const answer = yield* engine.exchange(wireRequest(server.origin), new FakeControl())
      assert.strictEqual(yield* readText(answer), "x")
    }))
})

describe("a server that is no HTTP server", () => {
  const failure = (bytes: string | Uint8Array, maximumHeadBytes = 65_536) =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(bytes))
      const engine = yield* openEngine(transportOptions({ maximumHeadBytes }))
      const error = yield* Effect.flip(
        Effect.flatMap(engine.exchange(wireRequest(server.origin), new FakeControl()), readText)
      )
      yield* until(() => engine.open().sockets === 0)
      return error
    })

  it.scopedLive("NET-06: ends in CannotParseResponse", () =>
    Effect.gen(function*() {
      for (
        const bytes of [
          "SSH-2.0-OpenSSH\r\n",
          "HTTP/1.1 20 OK\r\n\r\n",
          "HTTP/2 200\r\n\r\n",
          "HTTP/1.1 200 OK\r\nA :b\r\n\r\n"
        ]
      ) {
        assert.strictEqual((yield* failure(bytes)).reason._tag, "CannotParseResponse")
      }
      const chunk = yield* failure("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n")
      assert.deepInclude(chunk.reason, { _tag: "CannotParseResponse", bytesReceived: 2 })
    }))

  it.scopedLive("NET-06: ends in BadServerResponse where two readers could disagree, and for an unasked 101", () =>
    Effect.gen(function*() {
      for (
        const bytes of [
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
        ]
      ) {
        assert.strictEqual((yield* failure(bytes)).reason._tag, "BadServerResponse")
      }
    }))

  it.scopedLive("with a head of 100 MiB ends in ResponseHeadTooLarge, long before it has come", () =>
    Effect.gen(function*() {
      let written = 0
      const line = Buffer.from(`X-Long: ${"x".repeat(8000)}\r\n`)
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\n")
          const more = (): void => {
            while (written < 100 * 1024 * 1024 && !peer.socket.destroyed) {
              written += line.length
              if (!peer.socket.write(line)) return
            }
          }
          peer.socket.on("drain", more)
          more()
        }
      })
      const engine = yield* openEngine(transportOptions())
      const error = yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl()))
      assert.deepStrictEqual(error.reason, { _tag: "ResponseHeadTooLarge", limit: 65_536 })
      yield* until(() => server.open() === 0)
      assert.isBelow(written, 20 * 1024 * 1024)
    }))

  it.scopedLive("with informational responses for ever ends in BadServerResponse", () =>
    Effect.gen(function*() {
      const error = yield* failure("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000))
      assert.strictEqual(error.reason._tag, "BadServerResponse")
    }))

  it.scopedLive("that never answers is ended by the session alone, and leaves nothing", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({})
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const fiber = yield* Effect.fork(engine.exchange(wireRequest(server.origin), control))
      yield* until(() => control.waiting && server.peers.length === 1)
      control.closeAll()
      yield* until(() => engine.open().sockets === 0)
      assert.deepStrictEqual(engine.open(), { sockets: 0, connecting: 0, queued: 0 })
      yield* Effect.yieldNow()
      fiber.unsafeInterruptAsFork(fiber.id())
    }))

  it.scopedLive("that sends a body one byte at a time is read as well as any other", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => {
          const bytes = response("slowly")
          const next = (at: number): void => {
            if (at < bytes.length) peer.socket.write(bytes.charAt(at), () => setImmediate(() => next(at + 1)))
          }
          next(0)
        }
      })
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const answer = yield* engine.exchange(wireRequest(server.origin), control)
      assert.strictEqual(yield* readText(answer), "slowly")
      yield* turns()
      assert.isAbove(control.touches, 20)
    }))
})
