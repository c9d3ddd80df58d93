import { assert, describe, it } from "@effect/vitest"
import type { TrustAsker } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as net from "node:net"
import * as tls from "node:tls"
import { openEngine } from "../support/engine.ts"
import { FakeControl, readText, transportOptions, trusting, turns, until, wireRequest } from "../support/fakeControl.ts"
import { makeAuthority } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"

const engineFor = (changes: Parameters<typeof transportOptions>[0] = {}) =>
  openEngine(transportOptions(changes), { lookup: () => Effect.succeed([{ address: "127.0.0.1", family: 4 }]) })

const certified = Effect.promise(async () => {
  const root = await makeAuthority()
  return { root, leaf: await root.issue({ names: ["localhost"] }) }
})

/** A decider that waits until it is let go. */
const gate = (pem: string) => {
  let open: (() => void) | undefined
  const trust: TrustAsker = {
    roots: { _tag: "Additional", pem: [pem] },
    decide: () =>
      Effect.async((resume) => {
        open = () => resume(Effect.succeed({ overridden: false }))
      })
  }
  return { trust, asked: () => open !== undefined, open: () => open?.() }
}

describe("TLS sessions", () => {
  it.scopedLive("are never resumed (engine rule 2), TLS 1.2 and 1.3", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        const reused: Array<boolean> = []
        const server = yield* rawServer({
          onConnection: (peer) => {
            if (peer.socket instanceof tls.TLSSocket) reused.push(peer.socket.isSessionReused())
          },
          onRequest: (peer) => peer.socket.end(response("", { fields: ["Connection: close"] })),
          tls: presenting(leaf, { minVersion: version, maxVersion: version })
        })
        const engine = yield* engineFor()
        for (let i = 0; i < 4; i++) {
          const control = new FakeControl({ trust: trusting(root.cert) })
          yield* engine.exchange(wireRequest(server.origin), control)
          assert.strictEqual(control.transaction.connection?.trust?.chain.length, 2)
          assert.strictEqual(control.transaction.connection?.trust?.protocol, version)
        }
        assert.deepStrictEqual(reused, [false, false, false, false])
      }
    }))

  it.scopedLive("of TLS 1.2 are not renegotiated: the connection ends (engine rule 4)", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf-")
          if (peer.socket instanceof tls.TLSSocket) {
            const { socket } = peer
            socket.renegotiate({ rejectUnauthorized: false }, (error) => {
              if (error === null) socket.write("other")
            })
          }
        },
        tls: presenting(leaf, { maxVersion: "TLSv1.2" })
      })
      const engine = yield* engineFor()
      const error = yield* Effect.flip(
        Effect.flatMap(
          engine.exchange(wireRequest(server.origin), new FakeControl({ trust: trusting(root.cert) })),
          readText
        )
      )
      assert.deepInclude(error.reason, { _tag: "NetworkConnectionLost", bytesReceived: 5 })
    }))

  it.scopedLive("CFG-18: offer by ALPN what the session says and obey its versions", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      const protocols: Array<string | false | null> = []
      const server = yield* rawServer({
        ...answering(response("")),
        onConnection: (peer) => {
          if (peer.socket instanceof tls.TLSSocket) protocols.push(peer.socket.alpnProtocol)
        },
        tls: presenting(leaf, { maxVersion: "TLSv1.2", ALPNProtocols: ["h2", "http/1.1"] })
      })
      const trust = trusting(root.cert)
      const engine = yield* engineFor({ alpnProtocols: ["http/1.1"] })
      yield* engine.exchange(wireRequest(server.origin), new FakeControl({ trust }))
      assert.deepStrictEqual(protocols, ["http/1.1"])
      const strict = yield* engineFor({ tlsMinimumVersion: "TLSv1.3" })
      const error = yield* Effect.flip(strict.exchange(wireRequest(server.origin), new FakeControl({ trust })))
      assert.strictEqual(error.reason._tag, "SecureConnectionFailed")
    }))
})

describe("a handshake that fails", () => {
  const failure = (behaviour: Parameters<typeof rawServer>[0]) =>
    Effect.gen(function*() {
      const server = yield* rawServer(behaviour)
      const engine = yield* engineFor()
      const error = yield* Effect.flip(
        engine.exchange(wireRequest(`https://localhost:${server.port}/`), new FakeControl())
      )
      yield* until(() => engine.open().sockets === 0)
      return error
    })

  it.scopedLive("since the port speaks plain HTTP, or closes, or resets, is SecureConnectionFailed", () =>
    Effect.gen(function*() {
      const plain = yield* failure({ onData: (peer) => peer.socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") })
      assert.deepStrictEqual(plain.reason, { _tag: "SecureConnectionFailed", detail: "wrong version number" })
      const closed = yield* failure({ onData: (peer) => peer.socket.end() })
      assert.strictEqual(closed.reason._tag, "SecureConnectionFailed")
      const reset = yield* failure({ onData: (peer) => peer.socket.resetAndDestroy() })
      assert.strictEqual(reset.reason._tag, "SecureConnectionFailed")
      assert.strictEqual(reset.code, -1200)
    }))
})

describe("bytes before the verdict", () => {
  it.scopedLive("are kept unparsed, and read when the request has been sent", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      const server = yield* rawServer({
        onConnection: (peer) => peer.socket.write(response("early")),
        tls: presenting(leaf)
      })
      const engine = yield* engineFor()
      const { asked, open, trust } = gate(root.cert)
      const control = new FakeControl({ trust })
      const fiber = yield* Effect.fork(engine.exchange(wireRequest(server.origin), control))
      yield* until(asked)
      yield* turns(20)
      assert.strictEqual(control.touches, 0)
      assert.strictEqual(server.peers[0]?.received, "")
      open()
      assert.strictEqual(yield* readText(yield* Fiber.join(fiber)), "early")
      yield* until(() => server.peers[0]?.received !== "")
    }))

  it.scopedLive("of more than 64 KiB end the connection", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      const server = yield* rawServer({
        onConnection: (peer) => peer.socket.write("x".repeat(200_000)),
        tls: presenting(leaf)
      })
      const engine = yield* engineFor()
      const { trust } = gate(root.cert)
      const error = yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl({ trust })))
      assert.strictEqual(error.reason._tag, "BadServerResponse")
      yield* until(() => engine.open().sockets === 0)
    }))

  it.scopedLive("do not reach a request when the verdict is bad, and an end in the meantime is noticed", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      const server = yield* rawServer({
        onConnection: (peer) => {
          setImmediate(() => peer.socket.end())
        },
        tls: presenting(leaf)
      })
      const engine = yield* engineFor()
      const { trust } = gate(root.cert)
      const error = yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl({ trust })))
      assert.deepInclude(error.reason, { _tag: "NetworkConnectionLost", why: "Closed", requestSent: false })
    }))
})

describe("a large body over TLS", () => {
  it.scopedLive("arrives whole through pauses", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      const body = Buffer.alloc(4 * 1024 * 1024, "abcdefghijklmnop")
      const server = yield* rawServer({ ...answering(response(body.toString("latin1"))), tls: presenting(leaf) })
      const engine = yield* engineFor()
      const control = new FakeControl({ trust: trusting(root.cert) })
      const answer = yield* engine.exchange(wireRequest(server.origin), control)
      let size = 0
      let same = true
      let ended = false
      answer.body.start({
        onBytes: (bytes) => {
          same = same &&
            Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).equals(body.subarray(size, size + bytes.length))
          size += bytes.length
          answer.body.pause()
          setImmediate(() => answer.body.resume())
        },
        onEnd: () => {
          ended = true
        },
        onError: () => assert.fail("lost")
      })
      yield* until(() => ended)
      assert.strictEqual(size, body.length)
      assert.isTrue(same)
    }))
})

describe("a connection over another socket", () => {
  it.scopedLive("reads the same, by the other way of reading", () =>
    Effect.gen(function*() {
      const { leaf, root } = yield* certified
      const server = yield* rawServer({ ...answering(response("over a socket")), tls: presenting(leaf) })
      const { DataConnection } = yield* Effect.promise(() => import("../../src/internal/connection.ts"))
      const over = net.connect({ host: "127.0.0.1", port: server.port })
      let text = ""
      let secured = false
      let closed = false
      const connection = new DataConnection(
        over,
        { context: tls.createSecureContext({ ca: root.cert }), servername: "localhost", alpnProtocols: ["http/1.1"] },
        {
          onConnect: () => {},
          onSecure: () => {
            secured = true
          },
          onBytes: (buffer, length) => {
            text += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString("latin1")
          },
          onEnd: () => {},
          onError: () => {},
          onClose: () => {
            closed = true
          },
          readsOnAfterWriteError: () => false
        },
        () => {}
      )
      yield* until(() => secured)
      assert.isTrue(connection.secureSocket?.authorized)
      connection.writeText("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
      yield* until(() => text === response("over a socket"))
      connection.destroy()
      yield* until(() => closed)
    }))
})
