import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as zlib from "node:zlib"
import { turns, until } from "../support/fakeControl.ts"
import { rawServer, response } from "../support/rawServer.ts"
import { text, withSession } from "./support.ts"

const mebibyte = 1024 * 1024

const pathOf = (head: string): string => /^\w+ (\S+)/.exec(head)?.[1] ?? ""

describe("chaos", () => {
  it.scopedLive(
    "hundreds of requests that are read, dropped, cancelled and interrupted leave a session that works",
    () =>
      Effect.gen(function*() {
        let state = 1
        const random = (below: number): number => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
          return (state >>> 8) % below
        }
        const gz = zlib.gzipSync(Buffer.alloc(300_000, "z"))
        const server = yield* rawServer({
          onRequest: (peer, head) => {
            switch (Number(pathOf(head).slice(1)) % 10) {
              case 0:
                return void peer.socket.destroy()
              case 1:
                return void peer.socket.end("nonsense\r\n\r\n")
              case 2:
                return void peer.socket.write(response("L".repeat(2 * mebibyte)))
              case 3:
                return void peer.socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ncut`)
              case 4:
                peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gz.length}\r\n\r\n`)
                return void peer.socket.write(gz)
              case 5:
                return void peer.socket.write(response("", { status: "302 Found", fields: ["Location: /8"] }))
              case 6:
                return void setImmediate(() => peer.socket.write(response("late")))
              case 7:
                return void peer.socket.write(response("close", { fields: ["Connection: close"] }))
              default:
                return void peer.socket.write(response("fine"))
            }
          }
        })
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const ways: ReadonlyArray<(url: string) => Effect.Effect<unknown, unknown>> = [
              (url) => session.data(url),
              (url) => session.execute(url),
              (url) => Effect.flatMap(session.execute(url), (one) => one.cancel),
              (url) => Effect.flatMap(session.execute(url), (one) => Stream.runDrain(one.stream)),
              (url) => Effect.flatMap(session.execute(url), (one) => Stream.runDrain(Stream.take(one.stream, 1))),
              (url) => Effect.flatMap(session.execute(url), (one) => one.forEachChunk(() => {})),
              (url) => Effect.scoped(Effect.flatMap(session.dataTask(url), (task) => task.data)),
              (url) =>
                Effect.scoped(
                  Effect.flatMap(session.dataTask(url), (task) => Effect.zipRight(task.resume, task.cancel))
                )
            ]
            yield* Effect.forEach(Array.from({ length: 600 }, (_, index) => index), (index) =>
              Effect.gen(function*() {
                const way = ways[random(ways.length)] ?? session.data
                const fiber = yield* Effect.fork(Effect.exit(way(`${server.origin}/${index}`)))
                if (random(3) === 0) {
                  yield* turns(random(12))
                  yield* Fiber.interrupt(fiber)
                } else yield* Fiber.await(fiber)
              }), { concurrency: 20, discard: true })
            for (let i = 0; i < 20; i++) {
              const [bytes] = yield* session.data(`${server.origin}/8`)
              assert.strictEqual(text(bytes), "fine")
            }
            const { connecting, queued } = yield* session.openResources
            assert.deepStrictEqual({ connecting, queued }, { connecting: 0, queued: 0 })
          }))
        yield* until(() => server.open() === 0)
      }),
    60_000
  )
})
