import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { RedirectControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as ResponseHandler from "@urlsession/core/ResponseHandler"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as zlib from "node:zlib"
import { until } from "../support/fakeControl.ts"
import { answering, type Behaviour, rawServer, response } from "../support/rawServer.ts"
import { failsWith, nothing, text, withSession } from "./support.ts"

const mebibyte = 1024 * 1024

const pathOf = (head: string): string => /^\w+ (\S+)/.exec(head)?.[1] ?? ""

describe("deciders that use the session themselves", () => {
  // one place only, and the response that is being judged holds a body too large to be read ahead
  const configuration = { httpMaximumConnectionsPerHost: 1 }
  const large = "x".repeat(mebibyte)

  const nested = <Delegate>(
    behaviour: Behaviour,
    layer: (ask: Effect.Effect<string>) => Layer.Layer<Delegate, never, RedirectControl>
  ) =>
    Effect.gen(function*() {
      const server = yield* rawServer(behaviour)
      const session = yield* Deferred.make<UrlSession.Service>()
      const ask = Deferred.await(session).pipe(
        Effect.flatMap((one) => one.data(`${server.origin}/token`)),
        Effect.map(([bytes]) => text(bytes)),
        Effect.orDie
      )
      return yield* withSession({ configuration, delegate: layer(ask) }, (one) =>
        Effect.gen(function*() {
          yield* Deferred.succeed(session, one)
          const [bytes, head] = yield* one.data(server.origin)
          return `${head.status} ${bytes.length > 100 ? bytes.length : text(bytes)}`
        }))
    })

  it.scopedLive("a ChallengeResolver that fetches its answer does not wait for itself", () =>
    Effect.gen(function*() {
      const outcome = yield* nested({
        onRequest: (peer, head) =>
          peer.socket.write(
            pathOf(head) === "/token" || /^authorization: Basic/im.test(head)
              ? response("secret")
              : response(large, { status: "401 Unauthorized", fields: ["WWW-Authenticate: Basic realm=\"r\""] })
          )
      }, (ask) =>
        ChallengeResolver.layer({
          Basic: ChallengeResolver.anyOrigin(() =>
            Effect.map(ask, (password) => Disposition.use(Credential.password({ user: "ada", password })))
          )
        }))
      assert.strictEqual(outcome, "200 secret")
    }))

  it.scopedLive("a ResponseHandler does not either", () =>
    Effect.gen(function*() {
      const outcome = yield* nested({
        onRequest: (peer, head) => peer.socket.write(response(pathOf(head) === "/token" ? "t" : large))
      }, (ask) =>
        ResponseHandler.layer((head) =>
          head.url.endsWith("/token") ? Effect.succeed("allow" as const) : Effect.as(ask, "allow" as const)
        ))
      assert.strictEqual(outcome, `200 ${mebibyte}`)
    }))

  it.scopedLive("a RedirectHandler does not either", () =>
    Effect.gen(function*() {
      const outcome = yield* nested({
        onRequest: (peer, head) =>
          peer.socket.write(
            pathOf(head) === "/"
              ? response(large, { status: "302 Found", fields: ["Location: /next"] })
              : response("there")
          )
      }, (ask) => RedirectHandler.layer(() => Effect.as(ask, RedirectHandler.follow)))
      assert.strictEqual(outcome, "200 there")
    }))

  it.scopedLive("an observer that uses the session holds nobody up", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("x")))
      let nestedOnes = 0
      const session = yield* Deferred.make<UrlSession.Service>()
      const delegate = SessionEvent.layer({
        TaskCompleted: () =>
          nestedOnes < 3
            ? Effect.flatMap(Deferred.await(session), (one) => {
              nestedOnes++
              return Effect.orDie(Effect.asVoid(one.data(server.origin)))
            })
            : Effect.void
      })
      yield* withSession({ configuration, delegate }, (one) =>
        Effect.gen(function*() {
          yield* Deferred.succeed(session, one)
          for (let i = 0; i < 5; i++) yield* one.data(server.origin)
          yield* until(() => nestedOnes === 3)
        }))
    }))
})

describe("calls out of a callback", () => {
  for (const coding of ["identity", "gzip"]) {
    it.scopedLive(`cancelling the task inside forEachChunk ends it (${coding})`, () =>
      Effect.gen(function*() {
        const bytes = coding === "gzip" ? zlib.gzipSync(Buffer.alloc(mebibyte)) : Buffer.alloc(mebibyte)
        const server = yield* rawServer({
          onRequest: (peer) => {
            const field = coding === "gzip" ? "Content-Encoding: gzip\r\n" : ""
            peer.socket.write(`HTTP/1.1 200 OK\r\n${field}Content-Length: ${bytes.length + 1000}\r\n\r\n`)
            peer.socket.write(bytes)
          }
        })
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const task = yield* session.dataTask(server.origin)
            const answer = yield* task.response
            let calls = 0
            const error = yield* failsWith(
              answer.forEachChunk(() => {
                calls++
                Effect.runSync(task.cancel)
              }),
              "Cancelled/Cancelled"
            )
            assert.strictEqual(calls, 1)
            assert.deepInclude(error.reason, { by: "task" })
            yield* until(() => server.open() === 0)
            assert.deepStrictEqual(yield* session.openResources, nothing)
          }))
      }))

    it.scopedLive(`suspending and resuming inside forEachChunk loses nothing (${coding})`, () =>
      Effect.gen(function*() {
        const plain = Buffer.alloc(mebibyte, "abcdefgh")
        const bytes = coding === "gzip" ? zlib.gzipSync(plain) : plain
        const server = yield* rawServer({
          onRequest: (peer) => {
            const field = coding === "gzip" ? "Content-Encoding: gzip\r\n" : ""
            peer.socket.write(`HTTP/1.1 200 OK\r\n${field}Content-Length: ${bytes.length}\r\n\r\n`)
            peer.socket.write(bytes)
          }
        })
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const task = yield* session.dataTask(server.origin)
            const answer = yield* task.response
            const pieces: Array<Uint8Array> = []
            yield* answer.forEachChunk((piece) => {
              pieces.push(Uint8Array.from(piece))
              Effect.runSync(task.suspend)
              setImmediate(() => Effect.runSync(task.resume))
            })
            assert.isTrue(plain.equals(Buffer.concat(pieces)))
          }))
      }))
  }

  it.scopedLive("another request inside forEachChunk is another request", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => peer.socket.write(response(pathOf(head) === "/big" ? "y".repeat(mebibyte) : "small"))
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const answer = yield* session.execute(`${server.origin}/big`)
          const others: Array<Promise<string>> = []
          let total = 0
          yield* answer.forEachChunk((bytes) => {
            total += bytes.length
            others.push(Effect.runPromise(Effect.map(session.data(server.origin), ([small]) => text(small))))
          })
          assert.strictEqual(total, mebibyte)
          assert.deepStrictEqual(new Set(yield* Effect.promise(() => Promise.all(others))), new Set(["small"]))
        }))
    }))
})

describe("servers that are rude", () => {
  it.scopedLive("closing after every response without saying so costs no GET", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          peer.socket.write(response(pathOf(head)), () => peer.socket.destroy())
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const paths = Array.from({ length: 300 }, (_, index) => `/${index}`)
          const bodies = yield* Effect.forEach(
            paths,
            (path) => Effect.map(session.data(`${server.origin}${path}`), ([bytes]) => text(bytes)),
            { concurrency: 12 }
          )
          assert.deepStrictEqual(bodies, paths)
        }))
    }))

  it.scopedLive("an early refusal of a large upload is the answer, and the upload stops", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onData: (peer) => {
          if (peer.received.length > 100_000 || peer.requests > 0) return
          peer.requests++
          peer.socket.end(response("too large", { status: "413 Content Too Large", fields: ["Connection: close"] }))
        }
      })
      const body = Buffer.alloc(32 * mebibyte, "u")
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes, head] = yield* session.data(
            HttpClientRequest.bodyUint8Array(HttpClientRequest.post(server.origin), body)
          )
          assert.strictEqual(head.status, 413)
          assert.strictEqual(text(bytes), "too large")
          yield* until(() => server.open() === 0)
        }))
    }))

  it.scopedLive("RED-03 a redirect of a large POST sends the body to the new place", () =>
    Effect.gen(function*() {
      const body = "p".repeat(2 * mebibyte)
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          if (pathOf(head) === "/") {
            peer.socket.write(response("", { status: "308 Permanent Redirect", fields: ["Location: /there"] }))
          } else peer.socket.write(response(/^content-length: (\d+)/im.exec(head)?.[1] ?? "none"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.data(HttpClientRequest.bodyText(HttpClientRequest.post(server.origin), body))
          assert.strictEqual(text(bytes), String(body.length))
        }))
    }))

  it.scopedLive("an announced length beyond all measure is refused at once, and allocates nothing", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering("HTTP/1.1 200 OK\r\nContent-Length: 9007199254740991\r\n\r\nsome"))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          yield* failsWith(session.data(server.origin), "BodyError/DataLengthExceedsMaximum")
          const first = yield* Effect.flatMap(session.execute(server.origin), (one) => Stream.runHead(one.stream))
          assert.strictEqual(first._tag, "Some")
          yield* until(() => server.open() === 0)
        }))
    }))

  it.scopedLive("names that resolve to nothing or to nonsense are errors with a name", () =>
    Effect.gen(function*() {
      yield* withSession({ transport: { lookup: () => Effect.succeed([]) } }, (session) =>
        failsWith(session.data("http://empty.test/"), "ConnectionError/CannotFindHost"))
      const server = yield* rawServer(answering(response("found")))
      const lookup = () =>
        Effect.succeed([{ address: "::1", family: 6 as const }, { address: "127.0.0.1", family: 4 as const }])
      yield* withSession({ transport: { lookup } }, (session) =>
        Effect.gen(function*() {
          // the first address refuses, the second answers
          const [bytes] = yield* session.data(`http://both.test:${server.port}/`)
          assert.strictEqual(text(bytes), "found")
        }))
    }))
})

describe("time and waiting", () => {
  it.scoped("CON-04 the idle timer stands still while a resolver thinks, the total one does not", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(
        answering(response("who?", { status: "401 Unauthorized", fields: ["WWW-Authenticate: Basic realm=\"r\""] }))
      )
      let asked = false
      const delegate = ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(() => {
          asked = true
          return Effect.never
        })
      })
      const configuration = {
        timeoutIntervalForRequest: "5 seconds",
        timeoutIntervalForResource: "60 seconds"
      } as const
      yield* withSession({ configuration, delegate }, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(server.origin))
          yield* until(() => asked)
          yield* TestClock.adjust("59 seconds")
          assert.isNull(fiber.unsafePoll())
          yield* TestClock.adjust("1 seconds")
          const error = yield* failsWith(Fiber.join(fiber), "TimeoutError/TimedOut")
          assert.deepInclude(error.reason, { timer: "resource" })
        }))
    }))

  it.scoped("the idle timer does not run while a request waits for a place", () =>
    Effect.gen(function*() {
      const waiting: Array<() => void> = []
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
          waiting.push(() => peer.socket.write("x".repeat(waiting.length === 1 ? 1 : 100)))
        }
      })
      const configuration = { timeoutIntervalForRequest: "10 seconds", httpMaximumConnectionsPerHost: 1 } as const
      yield* withSession({ configuration }, (session) =>
        Effect.gen(function*() {
          const first = yield* session.execute(server.origin)
          let seen = 0
          const reading = yield* Effect.fork(first.forEachChunk((bytes) => {
            seen += bytes.length
          }))
          const second = yield* Effect.fork(session.data(server.origin))
          yield* until(() => Effect.runSync(session.openResources).queued === 1)
          for (let i = 1; i <= 5; i++) {
            yield* TestClock.adjust("9 seconds")
            waiting[0]?.()
            yield* until(() => seen === i)
          }
          assert.isNull(second.unsafePoll())
          server.peers[0]?.socket.write("x".repeat(95))
          yield* Fiber.join(reading)
          yield* until(() => waiting.length === 2)
          server.peers[0]?.socket.write("y".repeat(100))
          assert.strictEqual((yield* Fiber.join(second))[0].length, 100)
        }))
    }))
})
