import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import { turns, until } from "../support/fakeControl.ts"
import { type Behaviour, rawServer, response } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

const mebibyte = 1024 * 1024
const body = Buffer.alloc(32 * mebibyte, "0123456789abcdef!")

const post = (url: string, bytes: Uint8Array = body) =>
  HttpClientRequest.bodyUint8Array(HttpClientRequest.post(url), bytes)

/** Takes nothing off the wire. */
const deaf: Behaviour = {
  onConnection: (peer) => {
    peer.socket.pause()
  }
}

describe("BOD-01 uploads", () => {
  it.scopedLive("TestURLSession/test_simpleUploadWithDelegate: of any size arrive as they are", () =>
    Effect.gen(function*() {
      const hash = createHash("sha256")
      let left = -1
      const server = yield* rawServer({
        onData: (peer, data) => {
          let rest = data
          if (left < 0) {
            const end = data.indexOf("\r\n\r\n")
            left = Number(/content-length: (\d+)/i.exec(data.toString("latin1", 0, end))?.[1] ?? 0)
            rest = data.subarray(end + 4)
          }
          hash.update(rest)
          left -= rest.length
          if (left === 0) peer.socket.write(response(hash.digest("hex")))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.data(post(server.origin, body.subarray(0, 8 * mebibyte + 3)))
          assert.strictEqual(
            text(bytes),
            createHash("sha256").update(body.subarray(0, 8 * mebibyte + 3)).digest("hex")
          )
        }))
    }))

  it.scoped("CON-01 to a server that takes nothing are TimedOut by the idle timer", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(deaf)
      yield* withSession({ configuration: { timeoutIntervalForRequest: "20 seconds" } }, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(post(server.origin)))
          yield* until(() =>
            server.peers.length === 1
          )
          yield* turns(500)
          yield* TestClock.adjust("20 seconds")
          const error = yield* failsWith(Fiber.join(fiber), "TimeoutError/TimedOut")
          assert.deepInclude(error.reason, { timer: "idle" })
        }))
    }))

  it.scopedLive("that are interrupted at any turn leave nothing open", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(deaf)
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (let turn = 0; turn < 300; turn = turn < 20 ? turn + 1 : Math.ceil(turn * 1.5)) {
            const fiber = yield* Effect.fork(session.data(post(server.origin)))
            yield* turns(turn)
            yield* Fiber.interrupt(fiber)
            // what closes, closes within a few turns; a connection that was just made and carried nothing may wait for the next
            yield* until(() => {
              const { sockets, ...rest } = Effect.runSync(session.openResources)
              return sockets <= 1 && rest.connecting + rest.queued + rest.tasks + rest.timers === 0
            })
          }
        }))
      for (const peer of server.peers) peer.socket.resume()
      yield* until(() => server.open() === 0)
    }))
})
