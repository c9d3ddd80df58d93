import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as zlib from "node:zlib"
import { until } from "../support/fakeControl.ts"
import { type Behaviour, type Peer, rawServer, response } from "../support/rawServer.ts"
import { failsWith, nothing, text, withSession } from "./support.ts"

const kibibyte = 1024
const mebibyte = 1024 * 1024

/** `/size` answers so many bytes, as fast as they are taken. */
const sized: Behaviour = {
  onRequest: (peer, head) => {
    const size = Number(/^\w+ \/(\d+)/.exec(head)?.[1] ?? 0)
    peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    peer.socket.write(Buffer.alloc(size, "x"))
  }
}

const openNow = (session: { readonly openResources: Effect.Effect<{ readonly sockets: number }> }): number =>
  Effect.runSync(session.openResources).sockets

describe("responses that nobody reads", () => {
  for (const [name, size] of [["1 KiB", kibibyte], ["64 KiB", 64 * kibibyte], ["1 MiB", mebibyte]] as const) {
    it.scopedLive(`NET-03 a hundred of ${name} do not stop the next request, with a limit of 6`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer(sized)
        yield* withSession(
          { configuration: { httpMaximumConnectionsPerHost: 6 } },
          (session) =>
            Effect.gen(function*() {
              // held, so that no collector helps
              const held = yield* Effect.forEach(
                Array.from({ length: 100 }),
                () => session.execute(`${server.origin}/${size}`)
              )
              const [bytes] = yield* session.data(`${server.origin}/5`)
              assert.strictEqual(text(bytes), "xxxxx")
              assert.deepStrictEqual(new Set(held.map((one) => one.status)), new Set([200]))
              // small ones have given their connection back
              if (size <= 64 * kibibyte) assert.isAtMost(server.peers.length, 6)
            })
        )
        yield* until(() => server.open() === 0)
      }))

    it.scopedLive(`NET-03 a hundred of ${name} at a time do not either`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer(sized)
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const held = yield* Effect.forEach(
              Array.from({ length: 100 }),
              () => session.execute(`${server.origin}/${size}`),
              { concurrency: "unbounded" }
            )
            const [bytes] = yield* session.data(`${server.origin}/5`)
            assert.strictEqual(text(bytes), "xxxxx")
            // each of them can still be read, in any order, by any number of readers
            const lengths = yield* Effect.forEach(
              held.reverse(),
              (one) => Effect.map(one.bytes, (read) => read.length),
              { concurrency: 10 }
            )
            assert.deepStrictEqual(new Set(lengths), new Set([size]))
          }))
        yield* until(() => server.open() === 0)
      }))
  }

  it.scopedLive("NET-03 coded ones that are not read do not stop the next request", () =>
    Effect.gen(function*() {
      const body = zlib.gzipSync(Buffer.from(Array.from({ length: mebibyte }, (_, i) => (i * i) % 251)))
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`)
          peer.socket.write(body)
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const held = yield* Effect.forEach(Array.from({ length: 30 }), () => session.execute(server.origin))
          const [bytes] = yield* session.data(server.origin)
          assert.strictEqual(bytes.length, mebibyte)
          assert.strictEqual(held.length, 30)
        }))
    }))

  it.scoped("NET-03 a large one that nobody begins to read is Abandoned after the time-out, a small one stays", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(sized)
      yield* withSession(
        { configuration: { timeoutIntervalForRequest: "30 seconds" } },
        (session) =>
          Effect.gen(function*() {
            const large = yield* session.execute(`${server.origin}/${mebibyte}`)
            const small = yield* session.execute(`${server.origin}/${kibibyte}`)
            yield* until(() => server.peers.length === 2)
            yield* TestClock.adjust("29 seconds")
            assert.isAtLeast(openNow(session), 1)
            assert.strictEqual((yield* session.allTasks).length, 1)
            yield* TestClock.adjust("1 seconds")
            assert.deepStrictEqual(yield* session.allTasks, [])
            assert.strictEqual((yield* session.openResources).timers, 0)
            yield* until(() => server.open() === 1)
            const error = yield* failsWith(large.bytes, "ConnectionError/NetworkConnectionLost")
            assert.deepInclude(error.reason, { why: "Abandoned", bytesExpected: mebibyte })
            assert.isFalse(error.isTransient)
            assert.strictEqual((yield* small.bytes).length, kibibyte)
          })
      )
      yield* until(() => server.open() === 0)
    }))

  it.scoped("a body that has been pulled once is never closed for slowness of its reader", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(sized)
      const configuration = { timeoutIntervalForRequest: "10 seconds" } as const
      yield* withSession({ configuration }, (session) =>
        Effect.gen(function*() {
          const answer = yield* session.execute(`${server.origin}/${4 * mebibyte}`)
          let total = 0
          yield* Stream.runForEachChunk(answer.stream, (chunk) => {
            for (const bytes of chunk) total += bytes.length
            // longer than any time-out, between two pulls, while the connection is paused
            return total < mebibyte ? TestClock.adjust("11 seconds") : Effect.void
          })
          assert.strictEqual(total, 4 * mebibyte)
        }))
    }))

  it.scopedLive("cancel gives a large one up at once, and a small rest is drained for the connection's sake", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(sized)
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const large = yield* session.execute(`${server.origin}/${10 * mebibyte}`)
          yield* large.cancel
          yield* until(() => server.open() === 0)
          yield* failsWith(large.bytes, "BodyError/AlreadyConsumed")
          const small = yield* session.execute(`${server.origin}/${kibibyte}`)
          yield* small.cancel
          yield* session.data(`${server.origin}/3`)
          assert.strictEqual(server.peers.length, 2)
        }))
    }))

  it.scopedLive("a Stream that takes only the beginning closes the connection", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(sized)
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const answer = yield* session.execute(`${server.origin}/${10 * mebibyte}`)
          const first = yield* Stream.runCollect(Stream.take(answer.stream, 1))
          assert.strictEqual(first.length, 1)
          yield* until(() => server.open() === 0)
          assert.deepStrictEqual(yield* session.openResources, nothing)
        }))
    }))
})

describe("responses that nobody holds", () => {
  setFlagsFromString("--expose-gc")
  const collect: () => void = runInNewContext("gc")

  for (const observed of [false, true]) {
    it.scopedLive(`are closed by the collector${observed ? ", also where somebody observes" : ""}`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer(sized)
        yield* withSession({}, (session) =>
          Effect.scoped(Effect.gen(function*() {
            if (observed) yield* session.subscribe
            const drop = Effect.asVoid(session.execute(`${server.origin}/${10 * mebibyte}`))
            yield* Effect.forEach(Array.from({ length: 30 }), () => drop, { discard: true })
            yield* until(() => {
              collect()
              return Effect.runSync(session.openResources).tasks === 0
            })
            yield* until(() => server.open() === 0)
            assert.deepStrictEqual(yield* session.openResources, nothing)
          })))
      }))
  }
})

describe("HttpClient apps that drop responses", () => {
  const failing = (size: number, times: number): { readonly behaviour: Behaviour; readonly seen: () => number } => {
    let seen = 0
    return {
      seen: () => seen,
      behaviour: {
        onRequest: (peer: Peer) => {
          seen++
          peer.socket.write(
            seen <= times ? response("x".repeat(size), { status: "503 Service Unavailable" }) : response("at last")
          )
        }
      }
    }
  }

  for (const [name, size] of [["1 KiB", kibibyte], ["1 MiB", mebibyte]] as const) {
    it.scopedLive(`filterStatusOk with retry gets through 40 failures of ${name} over 6 places`, () =>
      Effect.gen(function*() {
        const { behaviour, seen } = failing(size, 40)
        const server = yield* rawServer(behaviour)
        yield* withSession(
          { configuration: { httpMaximumConnectionsPerHost: 6 } },
          (session) =>
            Effect.gen(function*() {
              const client = SessionHttpClient.make(session).pipe(
                HttpClient.filterStatusOk,
                HttpClient.retry(Schedule.recurs(50))
              )
              const answer = yield* client.execute(HttpClientRequest.get(server.origin))
              assert.strictEqual(yield* answer.text, "at last")
              assert.strictEqual(seen(), 41)
            })
        )
        yield* until(() => server.open() === 0)
      }))
  }

  it.scopedLive("retryTransient repeats what was lost, and nothing else", () =>
    Effect.gen(function*() {
      let seen = 0
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          seen++
          if (head.startsWith("GET /lost") && seen < 4) peer.socket.resetAndDestroy()
          else if (head.startsWith("GET /nonsense")) peer.socket.end("nonsense\r\n\r\n")
          else if (head.startsWith("POST")) peer.socket.resetAndDestroy()
          else peer.socket.write(response("found"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const client = SessionHttpClient.make(session).pipe(HttpClient.retryTransient({ times: 5 }))
          const answer = yield* client.execute(HttpClientRequest.get(`${server.origin}/lost`))
          assert.strictEqual(yield* answer.text, "found")
          assert.strictEqual(seen, 4)
          seen = 10
          const nonsense = yield* Effect.flip(client.execute(HttpClientRequest.get(`${server.origin}/nonsense`)))
          assert.strictEqual(nonsense.reason, "Encode")
          assert.strictEqual(seen, 11)
          const posted = yield* Effect.flip(
            client.execute(HttpClientRequest.bodyText(HttpClientRequest.post(`${server.origin}/lost`), "once"))
          )
          assert.strictEqual(posted.reason, "Encode")
          assert.strictEqual(seen, 12)
        }))
    }))

  it.scopedLive("withScope gives the connection up with the scope", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(sized)
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const client = SessionHttpClient.make(session).pipe(HttpClient.withScope)
          yield* Effect.scoped(client.execute(HttpClientRequest.get(`${server.origin}/${10 * mebibyte}`)))
          yield* until(() => server.open() === 0)
          assert.deepStrictEqual(yield* session.openResources, nothing)
        }))
    }))
})
