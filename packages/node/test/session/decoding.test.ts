// Coded bodies over sockets: cut, swelling, padded, slow to be read, and what they cost in memory.
import { assert, describe, it } from "@effect/vitest"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import * as zlib from "node:zlib"
import { turns, until } from "../support/fakeControl.ts"
import { type Peer, rawServer } from "../support/rawServer.ts"
import { failsWith, withSession } from "./support.ts"

const mebibyte = 1024 * 1024

/** A server that answers every request with such a body. */
const serving = (coding: string, body: Uint8Array, more: (peer: Peer) => void = () => {}, length = body.length) =>
  rawServer({
    onRequest: (peer) => {
      peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${length}\r\n\r\n`)
      peer.socket.write(body)
      more(peer)
    }
  })

/** Every way in which a body is read. */
const readings = (session: UrlSession.Service, url: string) => [
  Effect.asVoid(session.data(url)),
  Effect.flatMap(session.execute(url), (response) => Effect.asVoid(response.text)),
  Effect.flatMap(session.execute(url), (response) => response.forEachChunk(() => undefined)),
  Effect.flatMap(session.execute(url), (response) => Stream.runDrain(response.stream))
]

/** A frame of Zstandard whose blocks are runs of 128 KiB of one byte. */
const zstdRuns = (blocks: number): Buffer => {
  const size = 128 * 1024
  const header = (last: boolean) => (size << 3) | 2 | (last ? 1 : 0)
  const one = (last: boolean) => [header(last) & 0xff, (header(last) >> 8) & 0xff, header(last) >> 16, 0]
  const run = Buffer.from(one(false))
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]),
    ...Array.from({ length: blocks - 1 }, () => run),
    Buffer.from(one(true))
  ])
}

const zeros = Buffer.alloc(64 * mebibyte)
const skippableFrames = Buffer.concat(
  Array.from({ length: 2_000_000 }, () => Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]))
)

describe("a coded body", () => {
  const text = Buffer.from("Effect ".repeat(20_000))
  const whole: ReadonlyArray<readonly [string, string, Buffer]> = [
    ["gzip", "gzip", zlib.gzipSync(text)],
    ["deflate", "deflate", zlib.deflateSync(text)],
    ["deflate without its wrapper", "deflate", zlib.deflateRawSync(text)],
    ["br", "br", zlib.brotliCompressSync(text)],
    ["zstd", "zstd", zstdRuns(1)],
    ["gzip in br", "gzip, br", zlib.brotliCompressSync(zlib.gzipSync(text))],
    ["br in gzip", "br, gzip", zlib.gzipSync(zlib.brotliCompressSync(text))]
  ]
  for (const [name, coding, encoded] of whole) {
    it.scopedLive(`of ${name} that is cut is CannotDecodeRawData in every way of reading, however its length agrees (NET-01)`, () =>
      Effect.gen(function*() {
        const server = yield* serving(coding, encoded.subarray(0, encoded.length - 1))
        yield* withSession({}, (session) =>
          Effect.forEach(
            readings(session, server.origin),
            (reading) => failsWith(reading, "BodyError/CannotDecodeRawData"),
            { discard: true }
          ))
      }))
  }

  const bombs: ReadonlyArray<readonly [string, string, Buffer]> = [
    ["gzip", "gzip", zlib.gzipSync(zeros)],
    ["deflate", "deflate", zlib.deflateSync(zeros)],
    ["deflate without its wrapper", "deflate", zlib.deflateRawSync(zeros)],
    ["br", "br", zlib.brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } })],
    ["zstd", "zstd", zstdRuns(8000)],
    ["gzip in gzip", "gzip, gzip", zlib.gzipSync(zlib.gzipSync(zeros))],
    [
      "zstd in br, of frames that hold nothing",
      "zstd, br",
      zlib.brotliCompressSync(skippableFrames, {
        params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 }
      })
    ]
  ]
  for (const [name, coding, encoded] of bombs) {
    it.scopedLive(`of ${name} that swells without measure is given up, in every way of reading`, () =>
      Effect.gen(function*() {
        const server = yield* serving(coding, encoded)
        const before = process.memoryUsage().arrayBuffers
        yield* withSession({}, (session) =>
          Effect.forEach(
            readings(session, server.origin),
            (reading) => failsWith(reading, "BodyError/DecompressionBomb"),
            { discard: true }
          ))
        assert.isBelow(process.memoryUsage().arrayBuffers - before, 128 * mebibyte)
      }))
  }

  for (
    const [name, coding, encoded] of [
      ["gzip member", "gzip", zlib.gzipSync("whole")],
      ["deflate stream", "deflate", zlib.deflateSync("whole")]
    ] as const
  ) {
    it.scopedLive(`with rubbish behind its last ${name} ends there, though the server goes on`, () =>
      Effect.gen(function*() {
        const server = yield* serving(coding, Buffer.concat([encoded, Buffer.alloc(100_000)]), () => {}, 10 ** 12)
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const [bytes, response] = yield* session.data(server.origin)
            assert.strictEqual(Buffer.from(bytes).toString(), "whole")
            assert.isUndefined(response.expectedContentLength)
            assert.strictEqual(response.headers.get("content-length"), String(10 ** 12))
          }))
        yield* until(() => server.open() === 0)
      }))
  }

  /** Does not get smaller. */
  const noise = Buffer.alloc(32 * mebibyte)
  let state = 1
  for (let i = 0; i < noise.length; i += 4) noise.writeInt32LE(state = Math.imul(state, 1103515245) + 12345 | 0, i)
  const noisy = zlib.gzipSync(noise, { level: 1 })

  it.scopedLive("that is read slowly slows its server down", () =>
    Effect.gen(function*() {
      const sockets: Array<Peer> = []
      const server = yield* serving("gzip", noisy, (peer) => sockets.push(peer))
      yield* withSession({}, (session) =>
        Effect.scoped(Effect.gen(function*() {
          const response = yield* session.execute(server.origin)
          const pull = yield* Stream.toPull(response.stream)
          let size = Chunk.reduce(yield* pull, 0, (sum, bytes) => sum + bytes.length)
          // nothing moves any more, though there is much left
          let last = -1
          yield* until(() =>
            sockets[0]?.socket.bytesWritten === last || ((last = sockets[0]?.socket.bytesWritten ?? 0), false)
          )
          yield* turns(20)
          const written = (sockets[0]?.socket.bytesWritten ?? 0) - (sockets[0]?.socket.writableLength ?? 0)
          assert.isBelow(written, 24 * mebibyte)
          for (let more = true; more;) {
            const chunk = yield* Effect.option(Effect.mapError(pull, Option.getOrUndefined))
            more = Option.isSome(chunk)
            if (Option.isSome(chunk)) size += Chunk.reduce(chunk.value, 0, (sum, bytes) => sum + bytes.length)
          }
          assert.strictEqual(size, noise.length)
        })))
    }))

  it.scopedLive("of 64 MiB costs at most 8 MiB over its chunks when they are held", () =>
    Effect.gen(function*() {
      v8.setFlagsFromString("--expose_gc")
      const collect: unknown = vm.runInNewContext("gc")
      if (typeof collect !== "function") throw new Error("this runtime does not let its collector be called")
      const used = () => {
        // what one finds dead is freed beside the program, and the next waits for that
        collect()
        collect()
        const { arrayBuffers, heapUsed } = process.memoryUsage()
        return arrayBuffers + heapUsed
      }
      const server = yield* serving("gzip", zlib.gzipSync(Buffer.concat([noise, noise]), { level: 1 }))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const held: Array<Uint8Array> = []
          let size = 0
          let most = 0
          let chunks = 0
          const before = used()
          const response = yield* session.execute(server.origin)
          yield* Stream.runForEach(response.stream, (bytes) =>
            Effect.sync(() => {
              held.push(bytes)
              size += bytes.length
              if (chunks++ % 100 === 0) most = Math.max(most, used() - before - size)
            }))
          assert.strictEqual(size, 2 * noise.length)
          assert.strictEqual(held.length, chunks)
          assert.isBelow(most, 8 * mebibyte)
        }))
    }))
})
