// Streamed request bodies on the wire: framing, files, 100-continue, early answers, and everything that goes wrong on the way.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { turns, until } from "../support/fakeControl.ts"
import { type Peer, presenting, rawServer, response } from "../support/rawServer.ts"
import { authority, failsWith, leaf, text, withSession } from "./support.ts"

const mebibyte = 1024 * 1024

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const pieces = (count: number, size: number, fill = 97) =>
  Stream.range(1, count).pipe(Stream.map((n) => new Uint8Array(size).fill(fill + (n % 20))), Stream.rechunk(1))

const whole = (count: number, size: number) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(size, 97 + ((i + 1) % 20))))

interface Received {
  readonly headers: http.IncomingHttpHeaders
  readonly hash: string
  readonly length: number
}

/** A server of Node's own that hashes what it gets, so that the framing is judged by somebody else. */
const hashing = (
  answer: (received: Received, request: http.IncomingMessage, response: http.ServerResponse) => void = (
    received,
    _request,
    response
  ) => {
    response.end(received.hash)
  }
): Effect.Effect<
  { readonly origin: string; readonly received: Array<Received>; readonly aborted: () => number },
  never,
  Scope.Scope
> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ server: http.Server; received: Array<Received>; aborted: () => number }>((resume) => {
        const received: Array<Received> = []
        let aborted = 0
        const server = http.createServer((request, response) => {
          const hash = createHash("sha256")
          let length = 0
          request.on("data", (chunk: Buffer) => {
            hash.update(chunk)
            length += chunk.length
          })
          request.on("error", () => aborted++)
          request.on("end", () => {
            const one = { headers: request.headers, hash: hash.digest("hex"), length }
            received.push(one)
            answer(one, request, response)
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, received, aborted: () => aborted })))
      }),
      ({ server }) =>
        Effect.async<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    ),
    ({ aborted, received, server }) => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { origin: `http://127.0.0.1:${port}`, received, aborted }
    }
  )

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "urlsession-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const digestOrBasic = (origin: string) =>
  ChallengeResolver.layer({
    Basic: ChallengeResolver.forSpace({ origin }, () =>
      Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "secret" }))))
  })

describe("a Stream as a body, on the wire (BOD-01)", () => {
  it.scopedLive("without a length goes in chunks, and arrives as it is", () =>
    Effect.gen(function*() {
      const server = yield* hashing()
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.upload(server.origin, RequestBody.stream(pieces(50, 70_001)))
          assert.strictEqual(text(bytes), sha256(whole(50, 70_001)))
          assert.strictEqual(server.received[0]?.headers["transfer-encoding"], "chunked")
          assert.isUndefined(server.received[0]?.headers["content-length"])
          // the connection is fit for the next
          yield* session.upload(server.origin, RequestBody.stream(pieces(1, 1)))
          assert.strictEqual((yield* session.openResources).sockets, 1)
        }))
    }))

  it.scopedLive("with a length announces it", () =>
    Effect.gen(function*() {
      const server = yield* hashing()
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const body = RequestBody.stream(pieces(30, 100_000), { length: 3_000_000, contentType: "a/b" })
          const [bytes] = yield* session.upload(HttpClientRequest.put(server.origin), body)
          assert.strictEqual(text(bytes), sha256(whole(30, 100_000)))
          assert.deepInclude(server.received[0]?.headers, { "content-length": "3000000", "content-type": "a/b" })
          assert.isUndefined(server.received[0]?.headers["transfer-encoding"])
        }))
    }))

  it.scopedLive("of pieces of every size around the edges arrives as it is", () =>
    Effect.gen(function*() {
      const server = yield* hashing()
      const sizes = [1, 2, 15, 16, 17, 255, 256, 4095, 65535, 65536, 65537, 262_144, 262_145]
      const bytes = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i)))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const body = Stream.fromIterable(sizes).pipe(
            Stream.zipWithIndex,
            Stream.map(([size, i]) => new Uint8Array(size).fill(i)),
            Stream.rechunk(1)
          )
          const [hash] = yield* session.upload(server.origin, RequestBody.stream(body))
          assert.strictEqual(text(hash), sha256(bytes))
        }))
    }))

  it.scopedLive("over TLS arrives as it is", () =>
    Effect.gen(function*() {
      const issued = yield* leaf
      let received = ""
      const server = yield* rawServer({
        tls: presenting(issued),
        onData: (peer, data) => {
          received += data.toString("latin1")
          if (received.endsWith("\r\n0\r\n\r\n")) peer.socket.write(response("done"))
        }
      })
      const root = yield* authority
      const delegate = ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.chain]) })
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.upload(server.origin, RequestBody.stream(pieces(3, 5)))
          assert.strictEqual(text(bytes), "done")
          assert.include(received, "\r\n\r\n5\r\nbbbbb\r\n5\r\nccccc\r\n5\r\nddddd\r\n0\r\n\r\n")
        }))
    }))

  it.scopedLive("is pulled no faster than the network takes it", () =>
    Effect.gen(function*() {
      let made = 0
      const counted = pieces(4096, 65_536).pipe(Stream.tap(() => Effect.sync(() => made++)))
      const server = yield* rawServer({ onConnection: (peer) => peer.socket.pause() })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.upload(server.origin, RequestBody.stream(counted)))
          yield* until(() => made > 4)
          let before = -1
          while (made !== before) {
            before = made
            yield* turns(50)
          }
          // 256 MiB are waiting; the kernel holds a few
          assert.isBelow(made, 500)
          yield* Fiber.interrupt(fiber)
        }))
    }))

  it.scoped("that is slow is not the network's fault: the idle timer stands still (CON-01)", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onData: (peer, data) => {
          if (data.toString("latin1").endsWith("0\r\n\r\n")) peer.socket.write(response("ok"))
        }
      })
      yield* withSession(
        { configuration: { timeoutIntervalForRequest: "20 seconds" } },
        (session) =>
          Effect.gen(function*() {
            const slow = Stream.concat(pieces(1, 10), Stream.drain(Stream.fromEffect(Effect.sleep("5 minutes"))))
            const fiber = yield* Effect.fork(session.upload(server.origin, RequestBody.stream(slow)))
            yield* until(() => server.peers[0]?.received.includes("bbbbb") === true)
            yield* turns(20)
            yield* TestClock.adjust("1 minutes")
            yield* TestClock.adjust("4 minutes")
            const [bytes] = yield* Fiber.join(fiber)
            assert.strictEqual(text(bytes), "ok")
          })
      )
    }))

  it.scopedLive("that fails leaves the server with no whole request", () =>
    Effect.gen(function*() {
      const server = yield* hashing()
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (const options of [{}, { length: 5_000_000 }]) {
            const failing = Stream.concat(pieces(10, 100_000), Stream.fail("gone"))
            const error = yield* failsWith(
              session.upload(server.origin, RequestBody.stream(failing, options)),
              "InvalidRequest/BodyStreamFailed"
            )
            assert.strictEqual(error.cause, "gone")
          }
          yield* until(() => server.aborted() === 2)
          assert.deepStrictEqual(server.received, [])
        }))
    }))

  for (const [length, name] of [[999_999, "longer"], [1_000_001, "shorter"]] as const) {
    it.scopedLive(`that is ${name} than announced never makes a whole request of the server's, nor a byte too many`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer({})
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            yield* failsWith(
              session.upload(server.origin, RequestBody.stream(pieces(10, 100_000), { length })),
              "InvalidRequest/BodyLengthMismatch"
            )
            yield* until(() => server.open() === 0)
            const received = server.peers[0]?.received ?? ""
            assert.isAtMost(received.length - received.indexOf("\r\n\r\n") - 4, length)
          }))
      }))
  }

  it.scopedLive("interrupted at any turn leaves nothing open and no whole request", () =>
    Effect.gen(function*() {
      const server = yield* hashing()
      let running = 0
      const watched = Stream.acquireRelease(Effect.sync(() => running++), () => Effect.sync(() => running--)).pipe(
        Stream.flatMap(() => Stream.concat(pieces(200, 65_536), Stream.never))
      )
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (let turn = 0; turn < 200; turn = turn < 20 ? turn + 1 : Math.ceil(turn * 1.5)) {
            const fiber = yield* Effect.fork(session.upload(server.origin, RequestBody.stream(watched)))
            yield* turns(turn)
            yield* Fiber.interrupt(fiber)
            yield* until(() => running === 0 && Effect.runSync(session.openResources).tasks === 0)
          }
        }))
      assert.deepStrictEqual(server.received, [])
    }))
})

describe("a file as a body", () => {
  it.scopedLive("is sent with its length, again after a challenge and a 307, and closed (BOD-01)", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "file")
      const bytes = whole(41, 51_234)
      writeFileSync(path, bytes)
      const server = yield* hashing((received, request, response) => {
        if (request.headers.authorization === undefined) {
          response.writeHead(401, { "www-authenticate": "Basic realm=\"r\"" }).end()
        } else if (request.url === "/") response.writeHead(307, { location: "/there" }).end()
        else response.end(received.hash)
      })
      yield* withSession({ delegate: digestOrBasic(server.origin) }, (session) =>
        Effect.gen(function*() {
          const body = yield* RequestBody.file(path, "application/x-test")
          assert.strictEqual(body.length, bytes.length)
          const [hash] = yield* session.upload(server.origin, body)
          assert.strictEqual(text(hash), sha256(bytes))
          assert.deepStrictEqual(server.received.map((one) => one.length), [bytes.length, bytes.length, bytes.length])
          assert.strictEqual(server.received[2]?.headers["content-type"], "application/x-test")
        })).pipe(Effect.provide(NodeFileSystem.layer))
    }))

  it.scopedLive("that is not there, or a directory, is told before anything is sent", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const missing = yield* failsWith(RequestBody.file(join(path, "none")), "FileError/FileDoesNotExist")
      assert.strictEqual(missing.code, -1100)
      yield* failsWith(RequestBody.file(path), "FileError/FileIsDirectory")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("that shrinks while it is being sent is never a whole request", () =>
    Effect.gen(function*() {
      const announced = 64 * mebibyte
      const path = join(yield* folder, "large")
      writeFileSync(path, "")
      truncateSync(path, announced)
      const server = yield* rawServer({ onConnection: (peer) => peer.socket.pause() })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const body = yield* RequestBody.file(path)
          const fiber = yield* Effect.fork(session.upload(server.origin, body))
          yield* until(() => server.peers.length === 1)
          yield* turns(50)
          truncateSync(path, 0)
          server.peers[0]?.socket.resume()
          yield* failsWith(Fiber.join(fiber), "InvalidRequest/BodyLengthMismatch")
        })).pipe(Effect.provide(NodeFileSystem.layer))
      yield* until(() => server.open() === 0)
      assert.isBelow(server.peers[0]?.received.length ?? 0, announced)
    }))

  it.scopedLive("that has become shorter, or is gone, fails the request; what was appended is not sent", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "file")
      const server = yield* hashing()
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          writeFileSync(path, whole(2, 50_000))
          const body = yield* RequestBody.file(path)
          writeFileSync(path, whole(3, 50_000))
          const [hash] = yield* session.upload(server.origin, body)
          assert.strictEqual(text(hash), sha256(whole(2, 50_000)))
          truncateSync(path, 99_999)
          yield* failsWith(session.upload(server.origin, body), "InvalidRequest/BodyLengthMismatch")
          rmSync(path)
          const gone = yield* failsWith(session.upload(server.origin, body), "InvalidRequest/BodyStreamFailed")
          assert.deepInclude(gone.cause, { _tag: "FileError" })
        })).pipe(Effect.provide(NodeFileSystem.layer))
    }))
})

/** The bytes of the body so far. */
const bodyOf = (peer: Peer | undefined): string => {
  const received = peer?.received ?? ""
  const end = received.indexOf("\r\n\r\n")
  return end < 0 ? "" : received.slice(end + 4)
}

describe("Expect: 100-continue (RFC 9110 10.1.1)", () => {
  const asked = RequestOptions.with({ expectContinue: true })
  const post = (origin: string) => HttpClientRequest.post(origin).pipe(HttpClientRequest.bodyText("hello"))

  it.scoped("holds the body back until the server says so", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onData: (peer) => {
          if (bodyOf(peer) === "hello") peer.socket.write(response("thanks"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(asked(session.data(post(server.origin))))
          yield* until(() => server.peers[0]?.received.endsWith("\r\n\r\n") === true)
          assert.match(server.peers[0]?.received ?? "", /\r\nExpect: 100-continue\r\n/)
          yield* turns(20)
          assert.strictEqual(bodyOf(server.peers[0]), "")
          server.peers[0]?.socket.write("HTTP/1.1 100 Continue\r\n\r\n")
          const [bytes] = yield* Fiber.join(fiber)
          assert.strictEqual(text(bytes), "thanks")
        }))
    }))

  it.scoped("waits no longer than a second", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onData: (peer) => {
          if (bodyOf(peer) === "hello") peer.socket.write(response("thanks"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(asked(session.data(post(server.origin))))
          yield* until(() => server.peers[0]?.received.endsWith("\r\n\r\n") === true)
          yield* TestClock.adjust("999 millis")
          yield* turns(20)
          assert.strictEqual(bodyOf(server.peers[0]), "")
          yield* TestClock.adjust("2 millis")
          const [bytes] = yield* Fiber.join(fiber)
          assert.strictEqual(text(bytes), "thanks")
        }))
    }))

  it.scopedLive("a final answer instead is the response; the body stays here and the connection is closed", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onData: (peer) => {
          if (peer.received.endsWith("\r\n\r\n")) peer.socket.write(response("no", { status: "413 Too Large" }))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes, head] = yield* asked(session.data(post(server.origin)))
          assert.strictEqual(head.status, 413)
          assert.strictEqual(text(bytes), "no")
          yield* until(() => server.open() === 0)
          assert.strictEqual(bodyOf(server.peers[0]), "")
        }))
    }))

  it.scopedLive("417 sends once more without it", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onData: (peer) => {
          if (/expect:/i.test(peer.received)) {
            if (peer.received.endsWith("\r\n\r\n")) {
              peer.socket.write(response("", { status: "417 Expectation Failed" }))
            }
          } else if (bodyOf(peer) === "hello") peer.socket.write(response("thanks"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes, head] = yield* asked(session.data(post(server.origin)))
          assert.strictEqual(head.status, 200)
          assert.strictEqual(text(bytes), "thanks")
          assert.strictEqual(server.peers.length, 2)
        }))
    }))

  it.scopedLive("without a body is not said", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onRequest: (peer) => peer.socket.write(response("ok")) })
      yield* withSession({}, (session) => asked(session.data(server.origin)))
      assert.notMatch(server.peers[0]?.received ?? "", /expect:/i)
    }))

  it.scopedLive("is kept for a Stream, which is not begun before", () =>
    Effect.gen(function*() {
      let begun = 0
      const stream = Stream.suspend(() => {
        begun++
        return pieces(2, 10)
      })
      const server = yield* rawServer({
        onData: (peer) => {
          if (peer.received.endsWith("\r\n\r\n")) peer.socket.write(response("no", { status: "401 Unauthorized" }))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [, head] = yield* asked(session.upload(server.origin, RequestBody.stream(stream)))
          assert.strictEqual(head.status, 401)
          assert.strictEqual(begun, 0)
        }))
    }))
})

describe("a final answer while the body is on its way", () => {
  for (
    const [status, close] of [["401 Unauthorized", true], ["413 Content Too Large", true], [
      "413 Content Too Large",
      false
    ]] as const
  ) {
    it.scopedLive(`${status}${close ? " and a closed connection" : ""} is delivered, and the rest is not sent`, () =>
      Effect.gen(function*() {
        let made = 0
        let over = false
        const endless = pieces(100_000, 65_536).pipe(
          Stream.tap(() => Effect.sync(() => made++)),
          Stream.ensuring(Effect.sync(() => {
            over = true
          }))
        )
        const server = yield* rawServer({
          onConnection: (peer) => {
            peer.socket.once("data", () => {
              peer.socket.pause()
              peer.socket.write(response("too much", { status, fields: close ? ["Connection: close"] : [] }))
              if (close) peer.socket.end()
            })
          }
        })
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const [bytes, head] = yield* session.upload(server.origin, RequestBody.stream(endless))
            assert.strictEqual(head.status, Number(status.slice(0, 3)))
            assert.strictEqual(text(bytes), "too much")
            yield* until(() => over)
            assert.isBelow(made, 2000)
          }))
      }))
  }

  it.scopedLive("a 200 goes on with the upload: both directions at once", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onConnection: (peer) => {
          peer.socket.once("data", () => {
            peer.socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
          })
        },
        onData: (peer, data) => {
          if (data.toString("latin1").endsWith("0\r\n\r\n")) peer.socket.write("2\r\nok\r\n0\r\n\r\n")
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.upload(server.origin, RequestBody.stream(pieces(200, 65_536)))
          assert.strictEqual(text(bytes), "ok")
          assert.isAbove(server.peers[0]?.received.length ?? 0, 12 * mebibyte)
        }))
    }))

  it.scopedLive("a stream that fails after that fails the reading of the response", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onConnection: (peer) => {
          peer.socket.once("data", () => {
            peer.socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
          })
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const gate = yield* Effect.makeLatch()
          const failing = Stream.concat(
            pieces(2, 10),
            Stream.fromEffect(Effect.zipRight(gate.await, Effect.fail("late")))
          )
          const head = yield* session.execute(
            HttpClientRequest.post(server.origin).pipe(HttpClientRequest.bodyStream(failing))
          )
          const fiber = yield* Effect.fork(head.bytes)
          yield* gate.open
          const error = yield* failsWith(Fiber.join(fiber), "InvalidRequest/BodyStreamFailed")
          assert.strictEqual(error.cause, "late")
        }))
    }))
})

describe("the caller's own framing fields (REQ-03)", () => {
  for (const name of ["Transfer-Encoding", "Host", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect"]) {
    it.scopedLive(`${name} beside a body is InvalidHeader, and nothing is sent`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer({})
        yield* withSession({}, (session) => {
          const request = HttpClientRequest.post(server.origin).pipe(HttpClientRequest.setHeader(name, "chunked"))
          return failsWith(session.upload(request, RequestBody.stream(pieces(1, 1))), "InvalidRequest/InvalidHeader")
        })
        assert.strictEqual(server.peers.length, 0)
      }))
  }

  it.scopedLive("Content-Length must be that of the body", () =>
    Effect.gen(function*() {
      const server = yield* hashing()
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const put = (length: string) =>
            HttpClientRequest.put(server.origin).pipe(HttpClientRequest.setHeader("content-length", length))
          yield* session.upload(put("3"), RequestBody.stream(pieces(1, 3), { length: 3 }))
          for (const wrong of ["4", "3, 3", "-3", "three"]) {
            yield* failsWith(
              session.upload(put(wrong), RequestBody.stream(pieces(1, 3), { length: 3 })),
              "InvalidRequest/InvalidHeader"
            )
          }
          // a body whose length nobody else knows has the one that its caller says
          yield* session.upload(put("3"), RequestBody.stream(pieces(1, 3)))
          assert.deepStrictEqual(server.received.map((one) => one.headers["content-length"]), ["3", "3"])
        }))
    }))
})
