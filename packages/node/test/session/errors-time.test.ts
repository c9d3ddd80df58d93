import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { until } from "../support/fakeControl.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

describe("time", () => {
  it.scoped("CON-01 TestURLSession/test_httpTimeout: a server that never answers is TimedOut by the idle timer", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({})
      yield* withSession(
        { configuration: { timeoutIntervalForRequest: "7 seconds" } },
        (session) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(session.data(server.origin))
            yield* until(() => (server.peers[0]?.received ?? "").endsWith("\r\n\r\n"))
            yield* TestClock.adjust("6999 millis")
            assert.isTrue((yield* Fiber.status(fiber))._tag !== "Done")
            yield* TestClock.adjust("1 millis")
            const error = yield* failsWith(Fiber.join(fiber), "TimeoutError/TimedOut")
            assert.deepInclude(error.reason, { timer: "idle", after: 7000 })
            assert.strictEqual(error.code, -1001)
            assert.isTrue(error.isTransient)
          })
      )
      yield* until(() => server.open() === 0)
    }))

  it.scoped("CON-01 a body of one byte a minute keeps the idle timer quiet and ends at the total timer", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
      })
      const configuration = {
        timeoutIntervalForRequest: "61 seconds",
        timeoutIntervalForResource: "10 minutes"
      } as const
      yield* withSession({ configuration }, (session) =>
        Effect.gen(function*() {
          const answer = yield* session.execute(server.origin)
          let seen = 0
          const fiber = yield* Effect.fork(answer.forEachChunk((bytes) => {
            seen += bytes.length
          }))
          for (let minute = 1; minute < 10; minute++) {
            yield* TestClock.adjust("1 minute")
            server.peers[0]?.socket.write("x")
            yield* until(() => seen === minute)
          }
          yield* TestClock.adjust("1 minute")
          const error = yield* failsWith(Fiber.join(fiber), "TimeoutError/TimedOut")
          assert.deepInclude(error.reason, { timer: "resource", after: 600_000 })
        }))
      yield* until(() => server.open() === 0)
    }))

  it.scoped("CON-03 a handshake that never ends is TimedOut", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({})
      yield* withSession({ configuration: { timeoutIntervalForRequest: "5 seconds" } }, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(`https://127.0.0.1:${server.port}/`))
          yield* until(() =>
            (server.peers[0]?.received.length ?? 0) > 0
          )
          yield* TestClock.adjust("5 seconds")
          yield* failsWith(Fiber.join(fiber), "TimeoutError/TimedOut")
        }))
      yield* until(() => server.open() === 0)
    }))

  it.scoped("CON-03 TestURLSession/test_connectTimeout: a name that never resolves is TimedOut", () =>
    Effect.gen(function*() {
      let asked = 0
      const lookup = () =>
        Effect.suspend(() => {
          asked++
          return Effect.never
        })
      yield* withSession({ transport: { lookup } }, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data("http://slow.test/"))
          yield* until(() => asked === 1)
          yield* TestClock.adjust("60 seconds")
          yield* failsWith(Fiber.join(fiber), "TimeoutError/TimedOut")
        }))
    }))

  it.scopedLive("TestURLSession/test_taskTimeout: no timer fires for a quick answer", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("quick")))
      yield* withSession({ configuration: { timeoutIntervalForRequest: "5 seconds" } }, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.data(server.origin)
          assert.strictEqual(text(bytes), "quick")
          assert.deepInclude(yield* session.openResources, { timers: 0, tasks: 0 })
        }))
    }))
})
