import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as zlib from "node:zlib"
import { turns, until } from "../support/fakeControl.ts"
import { type Behaviour, rawServer } from "../support/rawServer.ts"
import { nothing, withSession } from "./support.ts"

const mebibyte = 1024 * 1024

/** Noise that is the same every time. */
const noise = (length: number): Uint8Array => {
  let state = 12_345
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1_103_515_245) + 12_345
    return state >>> 24
  })
}

// half noise and half zeros, so that a coding does something and is no bomb
const plain = Buffer.from(noise(3 * mebibyte + 17).map((byte, index) => index % 8192 < 4096 ? byte : 0))

const codings: Readonly<Record<string, (bytes: Uint8Array) => Buffer>> = {
  identity: (bytes) => Buffer.from(bytes),
  gzip: (bytes) => zlib.gzipSync(bytes, { level: 1 }),
  "x-gzip": (bytes) => zlib.gzipSync(bytes, { level: 1 }),
  deflate: (bytes) => zlib.deflateSync(bytes, { level: 1 }),
  br: (bytes) => zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })
}

const serving = (coding: string, bytes: Uint8Array, chunked: boolean): Behaviour => ({
  onRequest: (peer) => {
    const field = coding === "identity" ? "" : `Content-Encoding: ${coding}\r\n`
    if (!chunked) {
      peer.socket.write(`HTTP/1.1 200 OK\r\n${field}Content-Length: ${bytes.length}\r\n\r\n`)
      return void peer.socket.write(bytes)
    }
    peer.socket.write(`HTTP/1.1 200 OK\r\n${field}Transfer-Encoding: chunked\r\n\r\n`)
    for (let at = 0; at < bytes.length; at += 10_000) {
      const piece = bytes.subarray(at, at + 10_000)
      peer.socket.write(`${piece.length.toString(16)}\r\n`)
      peer.socket.write(piece)
      peer.socket.write("\r\n")
    }
    peer.socket.write("0\r\nX-Trailer: after\r\n\r\n")
  }
})

type Read = (session: UrlSession.Service, url: string) => Effect.Effect<Uint8Array, ExchangeError>

const readers: Readonly<Record<string, Read>> = {
  data: (session, url) => Effect.map(session.data(url), ([bytes]) => bytes),
  bytes: (session, url) => Effect.flatMap(session.execute(url), (one) => one.bytes),
  stream: (session, url) =>
    Effect.flatMap(
      session.execute(url),
      (one) => Effect.map(Stream.runCollect(one.stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)))
    ),
  forEachChunk: (session, url) =>
    Effect.flatMap(session.execute(url), (one) =>
      Effect.suspend(() => {
        const pieces: Array<Uint8Array> = []
        return Effect.map(one.forEachChunk((bytes) => pieces.push(Uint8Array.from(bytes))), () => Buffer.concat(pieces))
      })),
  download: (session, url) =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "urlsession-"))),
      (folder) =>
        Effect.map(
          Effect.catchTag(session.download(url, join(folder, "x")), "FileError", Effect.die),
          () => readFileSync(join(folder, "x"))
        ),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    ).pipe(Effect.provide(NodeFileSystem.layer))
}

const rows: Readonly<Record<string, string>> = {
  gzip: "TestURLSession/test_gzippedDataTask: ",
  br: "TestURLSession/test_brotliDataTask: "
}

describe("NET-01 bodies in every coding, by every way of reading", () => {
  for (const [coding, encode] of Object.entries(codings)) {
    const coded = encode(plain)
    for (const chunked of [false, true]) {
      it.scopedLive(`${rows[coding] ?? ""}${coding}, ${chunked ? "in chunks" : "of known length"}`, () =>
        Effect.gen(function*() {
          const server = yield* rawServer(serving(coding, coded, chunked))
          yield* withSession({}, (session) =>
            Effect.gen(function*() {
              for (const [name, read] of Object.entries(readers)) {
                const bytes = yield* read(session, server.origin)
                assert.isTrue(plain.equals(bytes), `${name}: ${bytes.length} bytes`)
              }
              assert.deepInclude(yield* session.openResources, { tasks: 0, timers: 0, queued: 0 })
            }))
          // whole bodies leave their connection in order
          assert.strictEqual(server.peers.length, 1)
        }))
    }
  }

  it.scopedLive("trailers are there after a body in chunks", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(serving("gzip", codings["gzip"]?.(plain) ?? plain, true))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const answer = yield* session.execute(server.origin)
          yield* answer.bytes
          assert.strictEqual((yield* answer.trailers).get("x-trailer"), "after")
        }))
    }))

  it.scopedLive("a function that throws in forEachChunk dies with what it threw, and closes the connection", () =>
    Effect.gen(function*() {
      for (const coding of ["identity", "gzip"]) {
        const server = yield* rawServer(serving(coding, codings[coding]?.(plain) ?? plain, false))
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const answer = yield* session.execute(server.origin)
            const exit = yield* Effect.exit(answer.forEachChunk(() => {
              throw new Error("mine")
            }))
            assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "mine")
            yield* until(() => server.open() === 0)
            assert.deepStrictEqual(yield* session.openResources, nothing)
          }))
      }
    }))
})

describe("a slow reader", () => {
  const total = 64 * mebibyte

  /** Writes as fast as it may and counts what the operating system has taken. */
  const counting = (bytes: Uint8Array, head: string) => {
    const written = { bytes: 0 }
    const behaviour: Behaviour = {
      onRequest: (peer) => {
        peer.socket.write(head)
        let at = 0
        const more = (): void => {
          while (at < bytes.length) {
            const piece = bytes.subarray(at, at + 64 * 1024)
            at += piece.length
            const free = peer.socket.write(piece, () => {
              written.bytes += piece.length
            })
            if (!free) return
          }
        }
        peer.socket.on("drain", more)
        more()
      }
    }
    return { written, behaviour }
  }

  const cases = {
    "of a plain body": () => ({
      bytes: Buffer.alloc(total, "x"),
      head: `HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`
    }),
    "of a coded body": () => {
      // repeated members of gzip: 64 MiB on the wire as well
      const member = zlib.gzipSync(noise(mebibyte), { level: 0 })
      const bytes = Buffer.concat(Array.from({ length: 64 }, () => member))
      return { bytes, head: `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n` }
    }
  }
  for (const [name, make] of Object.entries(cases)) {
    it.scopedLive(
      `${name} holds the server up: what waits is bounded, and all of it comes`,
      () =>
        Effect.gen(function*() {
          const { bytes, head } = make()
          const { behaviour, written } = counting(bytes, head)
          const server = yield* rawServer(behaviour)
          yield* withSession({}, (session) =>
            Effect.gen(function*() {
              const answer = yield* session.execute(server.origin)
              const gate = yield* Deferred.make<void>()
              let read = 0
              const fiber = yield* Effect.fork(
                Stream.runForEach(answer.stream, (chunk) => {
                  const first = read === 0
                  read += chunk.length
                  return first ? Deferred.await(gate) : Effect.void
                })
              )
              yield* until(() => read > 0)
              // the server goes on for as long as it can; then nothing moves any more
              let seen = -1
              while (seen !== written.bytes) {
                seen = written.bytes
                yield* turns(3000)
              }
              assert.isBelow(written.bytes, 24 * mebibyte)
              yield* Deferred.succeed(gate, undefined)
              yield* Fiber.join(fiber)
              assert.strictEqual(read, total)
            }))
        }),
      60_000
    )
  }

  it.scopedLive("a suspended task stops reading, and goes on where it was", () =>
    Effect.gen(function*() {
      const { behaviour, written } = counting(
        Buffer.alloc(total, "x"),
        `HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`
      )
      const server = yield* rawServer(behaviour)
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const task = yield* session.dataTask(server.origin)
          const answer = yield* task.response
          let read = 0
          const fiber = yield* Effect.fork(answer.forEachChunk((bytes) => {
            read += bytes.length
          }))
          yield* until(() => read > mebibyte)
          yield* task.suspend
          assert.strictEqual(yield* task.state, "suspended")
          let seen = -1
          while (seen !== written.bytes) {
            seen = written.bytes
            yield* turns(3000)
          }
          assert.isBelow(written.bytes - read, 24 * mebibyte)
          const stopped = read
          yield* turns(100)
          assert.strictEqual(read, stopped)
          yield* task.resume
          yield* Fiber.join(fiber)
          assert.strictEqual(read, total)
        }))
    }))
})
