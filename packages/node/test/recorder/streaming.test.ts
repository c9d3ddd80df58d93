import { assert, describe, it } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { nothing } from "../session/support.ts"
import { turns, until } from "../support/fakeControl.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"

const mebibyte = 1024 * 1024
const total = 64 * mebibyte

const recorded = (options?: Recorder.RecordOptions) =>
  UrlSession.layer().pipe(Layer.provideMerge(Recorder.layerRecordMemory(options)), Layer.provide(NodeTransport.layer))

const recording = Effect.flatMap(Recorder.Recorder, (recorder) => recorder.recording)

describe("a body that is recorded", () => {
  it.scopedLive(
    "comes to a slow reader at the reader's pace, and is left out when it is too long",
    () =>
      Effect.gen(function*() {
        let written = 0
        const server = yield* rawServer({
          onRequest: (peer) => {
            peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
            const piece = Buffer.alloc(64 * 1024, "x")
            let at = 0
            const more = (): void => {
              while (at < total) {
                at += piece.length
                const free = peer.socket.write(piece, () => {
                  written += piece.length
                })
                if (!free) return
              }
            }
            peer.socket.on("drain", more)
            more()
          }
        })
        yield* Effect.gen(function*() {
          const session = yield* UrlSession.UrlSession
          const answer = yield* session.execute(server.origin)
          const gate = yield* Deferred.make<void>()
          let read = 0
          const fiber = yield* Effect.fork(Stream.runForEach(answer.stream, (chunk) => {
            const first = read === 0
            read += chunk.length
            return first ? Deferred.await(gate) : Effect.void
          }))
          yield* until(() => read > 0)
          // the server goes on for as long as it can; then nothing moves any more
          let seen = -1
          while (seen !== written) {
            seen = written
            yield* turns(3000)
          }
          assert.isBelow(written, 24 * mebibyte)
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.join(fiber)
          assert.strictEqual(read, total)
          const [entry] = (yield* recording).entries
          assert.deepStrictEqual(entry?.response?.body, { _tag: "LeftOut", size: total })
          assert.deepStrictEqual(yield* session.openResources, { ...nothing, sockets: 1 })
        }).pipe(Effect.provide(recorded({ maximumBodyBytes: mebibyte })))
      }),
    60_000
  )

  it.scopedLive("of many exchanges at once is each its own, on connections that are told apart", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => void peer.socket.write(response(/^\w+ (\S+)/.exec(head)?.[1] ?? ""))
      })
      const other = yield* rawServer(answering(response("other")))
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        const paths = Array.from({ length: 50 }, (_, i) => `/${i}`)
        yield* Effect.forEach(paths, (path) => session.data(server.origin + path), { concurrency: "unbounded" })
        // the connections of another session are counted from the beginning again
        yield* Effect.scoped(Effect.flatMap(UrlSession.make(), (second) => second.data(other.origin)))
        const { connections, entries } = yield* recording
        assert.lengthOf(entries, 51)
        for (const { request, response } of entries.slice(0, 50)) {
          const body = response?.body._tag === "Kept" ? new TextDecoder().decode(response.body.bytes) : ""
          assert.strictEqual(server.origin + body, request.url)
        }
        assert.lengthOf(connections, server.peers.length + 1)
        assert.strictEqual(connections.find(({ id }) => id === entries[50]?.connection)?.remotePort, other.port)
      }).pipe(Effect.provide(recorded()))
    }))
})
