import { assert, describe, it } from "@effect/vitest"
import * as AddressPolicy from "@urlsession/core/AddressPolicy"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { until } from "../support/fakeControl.ts"
import { answering, type Behaviour, rawServer, response } from "../support/rawServer.ts"
import { failsWith, leaf, text, withSession } from "./support.ts"

const dnsError = (code: string): Error => Object.assign(new Error(code), { code })

/** Fetches from a server that behaves like this, and gives the error. */
const failure = (behaviour: Behaviour, name: string, configuration = {}) =>
  Effect.gen(function*() {
    const server = yield* rawServer(behaviour)
    const error = yield* withSession({ configuration }, (session) => failsWith(session.data(server.origin), name))
    yield* until(() => server.open() === 0)
    return error
  })

/** Writes this and ends. */
const ending = (bytes: string): Behaviour => ({ onRequest: (peer) => peer.socket.end(bytes, "latin1") })

describe("no connection", () => {
  it.scopedLive("a name that does not exist is CannotFindHost, for good", () =>
    withSession(
      { transport: { lookup: () => Effect.fail(dnsError("ENOTFOUND")) } },
      (session) =>
        Effect.gen(function*() {
          const error = yield* failsWith(session.data("http://nowhere.test/"), "ConnectionError/CannotFindHost")
          assert.deepInclude(error.reason, { host: "nowhere.test", temporary: false })
          assert.strictEqual(error.code, -1003)
          assert.isFalse(error.isTransient)
          assert.strictEqual(error.url, "http://nowhere.test/")
        })
    ))

  it.scopedLive("a name server that does not answer is the same reason, transient", () =>
    withSession(
      { transport: { lookup: () => Effect.fail(dnsError("EAI_AGAIN")) } },
      (session) =>
        Effect.gen(function*() {
          const error = yield* failsWith(session.data("http://later.test/"), "ConnectionError/CannotFindHost")
          assert.deepInclude(error.reason, { temporary: true })
          assert.isTrue(error.isTransient)
        })
    ))

  it.scopedLive("a lookup that dies does not take the session with it", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("fine")))
      yield* withSession({ transport: { lookup: () => Effect.die(new Error("broken")) } }, (session) =>
        Effect.gen(function*() {
          yield* failsWith(session.data("http://odd.test/"), "ConnectionError/CannotFindHost")
          const [bytes] = yield* session.data(server.origin)
          assert.strictEqual(text(bytes), "fine")
        }))
    }))

  it.scopedLive("a port where nobody listens is CannotConnectToHost", () =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(Effect.map(rawServer({}), (server) => server.port))
      const error = yield* withSession({}, (session) =>
        failsWith(session.data(`http://127.0.0.1:${port}/`), "ConnectionError/CannotConnectToHost"))
      assert.deepInclude(error.reason, { host: "127.0.0.1", port })
      assert.strictEqual(error.code, -1004)
      assert.isTrue(error.isTransient)
    }))

  it.scopedLive("TestURLSession/test_httpRedirectionTimeout: a redirect to a dead port is CannotConnectToHost", () =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(Effect.map(rawServer({}), (server) => server.port))
      const server = yield* rawServer(
        answering(response("", { status: "302 Found", fields: [`Location: http://127.0.0.1:${port}/`] }))
      )
      const error = yield* withSession(
        {},
        (session) => failsWith(session.data(server.origin), "ConnectionError/CannotConnectToHost")
      )
      assert.strictEqual(error.url, `http://127.0.0.1:${port}/`)
    }))

  it.scopedLive("an address that the policy refuses is AddressRefused, and is not connected", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("inside")))
      const error = yield* withSession(
        { delegate: AddressPolicy.publicOnly },
        (session) => failsWith(session.data(`http://127.1:${server.port}/`), "ConnectionError/AddressRefused")
      )
      assert.deepInclude(error.reason, { host: "127.0.0.1", address: "127.0.0.1" })
      assert.strictEqual(server.peers.length, 0)
    }))

  it.scopedLive("NET-07 a server that resets before the head is NetworkConnectionLost, and not tried twice", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onRequest: (peer) => peer.socket.resetAndDestroy() })
      const error = yield* withSession(
        {},
        (session) => failsWith(session.data(server.origin), "ConnectionError/NetworkConnectionLost")
      )
      assert.deepInclude(error.reason, { bytesReceived: 0, why: "Reset", requestSent: true, reused: false })
      assert.strictEqual(server.peers.length, 1)
      assert.isTrue(error.isTransient)
    }))

  it.scopedLive("NET-07 a server that closes without a word is NetworkConnectionLost too", () =>
    Effect.gen(function*() {
      const error = yield* failure({ onRequest: (peer) => peer.socket.end() }, "ConnectionError/NetworkConnectionLost")
      assert.deepInclude(error.reason, { why: "Closed", bytesReceived: 0 })
    }))

  it.scopedLive("a reset in the middle of a body tells how much of how much has come", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome")
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const answer = yield* session.execute(server.origin)
          let seen = 0
          const reading = yield* Effect.fork(answer.forEachChunk((bytes) => {
            seen += bytes.length
          }))
          yield* until(() => seen === 4)
          server.peers[0]?.socket.resetAndDestroy()
          const error = yield* failsWith(Fiber.join(reading), "ConnectionError/NetworkConnectionLost")
          assert.deepInclude(error.reason, { bytesReceived: 4, bytesExpected: 1000, why: "Reset" })
          assert.strictEqual(error.code, -1005)
        }))
    }))

  it.scopedLive("a body that is shorter than announced is NetworkConnectionLost", () =>
    Effect.gen(function*() {
      const error = yield* failure(
        ending("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour"),
        "ConnectionError/NetworkConnectionLost"
      )
      assert.deepInclude(error.reason, { bytesReceived: 4, bytesExpected: 10, why: "Closed" })
    }))

  it.scopedLive("an announced body of which nothing comes is ZeroByteResource", () =>
    Effect.gen(function*() {
      const error = yield* failure(
        ending("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
        "InvalidResponse/ZeroByteResource"
      )
      assert.deepInclude(error.reason, { bytesExpected: 10 })
      assert.strictEqual(error.code, -1014)
      assert.isTrue(error.isTransient)
    }))
})

describe("what is no response", () => {
  const garbage: Readonly<Record<string, string>> = {
    "rubbish": "\x00\x01\x02 this is not HTTP\r\n\r\n",
    "TestURLSession/test_illegalHTTPServerResponses: a status line without a code": "HTTP/1.1\r\n\r\n",
    "TestURLSession/test_illegalHTTPServerResponses: a code of two digits": "HTTP/1.1 20 OK\r\n\r\n",
    "TestURLSession/test_illegalHTTPServerResponses: a code of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/0.9": "<html>hello</html>\r\n\r\n",
    "HTTP/2 in plain text": "HTTP/2 200 OK\r\n\r\n",
    "a space before the colon": "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    "a size of a chunk that is no number":
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "a chunk without its end": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
    "a size of a chunk beyond numbers":
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n"
  }
  for (const [name, bytes] of Object.entries(garbage)) {
    it.scopedLive(`NET-06 ${name} is CannotParseResponse`, () =>
      Effect.gen(function*() {
        const error = yield* failure(answering(bytes), "InvalidResponse/CannotParseResponse")
        assert.strictEqual(error.code, -1017)
        assert.isFalse(error.isTransient)
      }))
  }

  const senseless: Readonly<Record<string, string>> = {
    "two lengths that differ": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    "a length beside chunks": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a transfer coding that is not known": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    "101 that nobody asked for": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
  }
  for (const [name, bytes] of Object.entries(senseless)) {
    it.scopedLive(`NET-06 ${name} is BadServerResponse`, () =>
      Effect.gen(function*() {
        const error = yield* failure(answering(bytes), "InvalidResponse/BadServerResponse")
        assert.strictEqual(error.code, -1011)
      }))
  }

  it.scopedLive("endless 1xx are cut off", () =>
    Effect.gen(function*() {
      const error = yield* failure({
        onRequest: (peer) => {
          const more = (): void => {
            while (
              peer.socket.writable && peer.socket.write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(100))
            );
          }
          peer.socket.on("drain", more)
          more()
        }
      }, "InvalidResponse/BadServerResponse")
      assert.match(error.message, /1xx|informational/i)
    }))

  it.scopedLive("a head of 100 MiB is ResponseHeadTooLarge long before its end", () =>
    Effect.gen(function*() {
      const field = `X-Filler: ${"x".repeat(64 * 1024 - 12)}\r\n`
      let written = 0
      const error = yield* failure({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\n")
          const more = (): void => {
            while (peer.socket.writable && written < 100 * 1024 * 1024) {
              written += field.length
              if (!peer.socket.write(field)) return
            }
          }
          peer.socket.on("drain", more)
          more()
        }
      }, "InvalidResponse/ResponseHeadTooLarge")
      assert.deepInclude(error.reason, { limit: 64 * 1024 })
      assert.isBelow(written, 32 * 1024 * 1024)
    }))

  it.scopedLive("a head of many small fields is refused by the same reason", () =>
    failure(
      answering(`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(2000)}\r\n`),
      "InvalidResponse/ResponseHeadTooLarge"
    ))
})

describe("no secure connection", () => {
  it.scopedLive("a plain server on https is SecureConnectionFailed", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onData: (peer) => peer.socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
      })
      const error = yield* withSession({}, (session) =>
        failsWith(session.data(`https://127.0.0.1:${server.port}/`), "TlsError/SecureConnectionFailed"))
      assert.strictEqual(error.code, -1200)
      assert.isFalse(error.isTransient)
    }))

  it.scopedLive("a server that closes during the handshake is SecureConnectionFailed", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onData: (peer) => peer.socket.destroy() })
      yield* withSession({}, (session) =>
        failsWith(session.data(`https://127.0.0.1:${server.port}/`), "TlsError/SecureConnectionFailed"))
    }))

  it.scopedLive("CFG-18 versions that do not meet are SecureConnectionFailed", () =>
    Effect.gen(function*() {
      const issued = yield* leaf
      const server = yield* rawServer({
        tls: { cert: issued.chain, key: issued.key, maxVersion: "TLSv1.2" },
        ...answering(response("old"))
      })
      yield* withSession({ configuration: { tlsMinimumVersion: "TLSv1.3" } }, (session) =>
        failsWith(session.data(`https://127.0.0.1:${server.port}/`), "TlsError/SecureConnectionFailed"))
    }))
})

describe("the end of the session", () => {
  it.scopedLive("TestURLSession/test_checkErrorTypeAfterInvalidateAndCancel: what runs is Cancelled by the session", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({})
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(server.origin))
          yield* until(() => server.peers.length === 1)
          yield* session.invalidateAndCancel
          const error = yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
          assert.deepInclude(error.reason, { by: "session" })
          assert.strictEqual(error.code, -999)
          assert.strictEqual(error.url, `${server.origin}/`)
          yield* failsWith(session.data(server.origin), "SessionInvalidated/Invalidated")
          yield* failsWith(session.execute(server.origin), "SessionInvalidated/Invalidated")
          yield* failsWith(Effect.scoped(session.dataTask(server.origin)), "SessionInvalidated/Invalidated")
        }))
      yield* until(() => server.open() === 0)
    }))

  it.scopedLive("TestURLSession/test_cancelTask: a cancelled task is Cancelled, its connection closed", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({})
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const task = yield* session.dataTask(server.origin)
          const fiber = yield* Effect.fork(task.data)
          yield* until(() => server.peers[0]?.received.endsWith("\r\n\r\n") === true)
          yield* task.cancel
          const error = yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
          assert.deepInclude(error.reason, { by: "task" })
          assert.strictEqual(yield* task.error, error)
          assert.strictEqual(yield* task.state, "completed")
          yield* until(() => server.open() === 0)
        }))
    }))

  it.scopedLive("an interrupted request is interrupted, and no error", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({})
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(server.origin))
          yield* until(() => server.peers[0]?.received.endsWith("\r\n\r\n") === true)
          const exit = yield* Fiber.interrupt(fiber)
          assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
          yield* until(() => server.open() === 0)
          assert.deepInclude(yield* session.openResources, { sockets: 0, connecting: 0, queued: 0, tasks: 0 })
        }))
    }))
})
