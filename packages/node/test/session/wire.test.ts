import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { until } from "../support/fakeControl.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

describe("what is odd and allowed", () => {
  const oddities: Readonly<Record<string, { readonly bytes: string; readonly status: number; readonly body: string }>> =
    {
      "TestURLSession/test_dataTaskAcceptsResponseHeaderValueWithoutWhitespace: fields without a space": {
        bytes: "HTTP/1.1 200 OK\r\nContent-Length:5\r\nContent-Type:text/plain\r\n\r\nhello",
        status: 200,
        body: "hello"
      },
      "TestURLSession/test_outOfRangeButCorrectlyFormattedHTTPCode: status 999": {
        bytes: response("odd", { status: "999 Odd" }),
        status: 999,
        body: "odd"
      },
      "NET-06 a status line without a reason": {
        bytes: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        status: 200,
        body: "ok"
      },
      "NET-06 a folded field": {
        bytes: "HTTP/1.1 200 OK\r\nX-Test: Test\r\n ing\r\nContent-Length: 2\r\n\r\nok",
        status: 200,
        body: "ok"
      },
      "NET-06 two equal lengths": {
        bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        status: 200,
        body: "ok"
      },
      "HTTP/1.0": {
        bytes: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        status: 200,
        body: "ok"
      },
      "TestURLSession/test_httpNotFound: a status of failure is a response": {
        bytes: response("missing", { status: "404 Not Found" }),
        status: 404,
        body: "missing"
      }
    }
  for (const [name, { body, bytes, status }] of Object.entries(oddities)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const server = yield* rawServer(answering(bytes))
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const [received, head] = yield* session.data(server.origin)
            assert.strictEqual(text(received), body)
            assert.strictEqual(head.status, status)
          }))
      }))
  }

  it.scopedLive("TestURLSession/test_missingContentLengthButStillABody: a body until the connection closes", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => peer.socket.end("HTTP/1.1 200 OK\r\n\r\nuntil the end")
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes, head] = yield* session.data(server.origin)
          assert.strictEqual(text(bytes), "until the end")
          assert.isFalse(head.isDelimited)
        }))
    }))

  it.scopedLive("TestURLSession/test_downloadTaskWithIPv6URLRequest: a literal IPv6 address is connected", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ ...answering(response("six")), host: "::1" })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.data(`http://[::1]:${server.port}/`)
          assert.strictEqual(text(bytes), "six")
          assert.include(server.peers[0]?.received, `Host: [::1]:${server.port}\r\n`)
        }))
    }))

  it.scopedLive("TestURLSession/test_concurrentRequests: ten sessions at a time", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("same")))
      const bodies = yield* Effect.forEach(
        Array.from({ length: 10 }),
        () => withSession({}, (session) => Effect.map(session.data(server.origin), ([bytes]) => text(bytes))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(bodies), new Set(["same"]))
    }))

  it.scopedLive("TestURLSession/test_repeatedRequestsStress: overlapping requests all complete, over six connections", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => peer.socket.write(response(/^GET (\S+)/.exec(head)?.[1] ?? ""))
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const paths = Array.from({ length: 1500 }, (_, index) => `/${index}`)
          const bodies = yield* Effect.forEach(
            paths,
            (path) => Effect.map(session.data(`${server.origin}${path}`), ([bytes]) => text(bytes)),
            { concurrency: 50 }
          )
          assert.deepStrictEqual(bodies, paths)
        }))
      assert.isAtMost(server.peers.length, 6)
    }))

  it.scopedLive("SES-14 allTasks holds what runs, and nothing afterwards", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({})
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const fibers = yield* Effect.forEach([1, 2, 3], (n) => Effect.fork(session.data(`${server.origin}/${n}`)))
          yield* until(() => server.peers.length === 3)
          const tasks = yield* session.allTasks
          assert.deepStrictEqual(
            tasks.map((task) => task.originalRequest.url),
            [1, 2, 3].map((n) => `${server.origin}/${n}`)
          )
          for (const task of tasks) yield* task.cancel
          for (const fiber of fibers) yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
          assert.deepStrictEqual(yield* session.allTasks, [])
        }))
      yield* until(() => server.open() === 0)
    }))
})
