import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import type { DownloadError } from "@urlsession/core/SessionError"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as zlib from "node:zlib"
import { turns, until } from "../support/fakeControl.ts"
import { answering, type Behaviour, rawServer, response } from "../support/rawServer.ts"
import { failsWith, withSession } from "./support.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "urlsession-"))),
  (path) => Effect.sync(() => fs.rmSync(path, { recursive: true }))
)

const size = 5 * 1024 * 1024 + 12_345
const payload = Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 255))

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const whole: Behaviour = {
  onRequest: (peer) => {
    peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${payload.length}\r\n\r\n`)
    peer.socket.write(payload)
  }
}

/** Sends the beginning, and the rest when it is told to. */
const halting = (bytes: number) => {
  let finish: (() => void) | undefined
  const behaviour: Behaviour = {
    onRequest: (peer) => {
      peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${payload.length}\r\n\r\n`)
      peer.socket.write(payload.subarray(0, bytes))
      finish = () => peer.socket.write(payload.subarray(bytes))
    }
  }
  return { behaviour, finish: () => finish?.() }
}

const sizesIn = (path: string): ReadonlyArray<number> =>
  fs.readdirSync(path).map((name) => fs.statSync(join(path, name)).size)

const openFiles = (path: string): number =>
  fs.readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
    } catch {
      return false
    }
  }).length

const withDownload = <A, E>(
  behaviour: Behaviour,
  use: (
    given: {
      readonly session: UrlSession.Service
      readonly url: string
      readonly path: string
      readonly target: string
    }
  ) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function*() {
    const path = yield* folder
    const server = yield* rawServer(behaviour)
    const result = yield* withSession({}, (session) =>
      use({ session, url: server.origin, path, target: join(path, "big.iso") }))
    yield* until(() =>
      server.open() === 0
    )
    assert.strictEqual(openFiles(path), 0)
    return result
  }).pipe(Effect.provide(NodeFileSystem.layer))

describe("SES-26 DAT-04 download", () => {
  it.scopedLive("TestURLSession/test_asyncDownloadFromURL: the right bytes under the right name, and nothing beside them", () =>
    withDownload(whole, ({ path, session, target, url }) =>
      Effect.gen(function*() {
        const head = yield* session.download(url, target)
        assert.strictEqual(head.status, 200)
        assert.strictEqual(sha256(fs.readFileSync(target)), sha256(payload))
        assert.deepStrictEqual(fs.readdirSync(path), ["big.iso"])
      })))

  it.scopedLive("WDL-01 nothing is under the final name before the end, and an existing file is there until then", () => {
    const { behaviour, finish } = halting(2 * 1024 * 1024)
    return withDownload(behaviour, ({ path, session, target, url }) =>
      Effect.gen(function*() {
        for (const before of [undefined, "the old one"]) {
          if (before === undefined) fs.rmSync(target, { force: true })
          else fs.writeFileSync(target, before)
          const fiber = yield* Effect.fork(session.download(url, target))
          yield* until(() => sizesIn(path).some((one) => one > 1024 * 1024))
          assert.strictEqual(fs.existsSync(target), before !== undefined)
          if (before !== undefined) assert.strictEqual(fs.readFileSync(target, "utf8"), before)
          finish()
          yield* Fiber.join(fiber)
          assert.strictEqual(sha256(fs.readFileSync(target)), sha256(payload))
          assert.deepStrictEqual(fs.readdirSync(path), ["big.iso"])
        }
      }))
  })

  it.scopedLive("TestURLSession/test_gzippedDownloadTask: a coded body is decoded into the file", () => {
    const coded = zlib.gzipSync(payload)
    return withDownload({
      onRequest: (peer) => {
        peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${coded.length}\r\n\r\n`)
        peer.socket.write(coded)
      }
    }, ({ session, target, url }) =>
      Effect.gen(function*() {
        yield* session.download(url, target)
        assert.strictEqual(sha256(fs.readFileSync(target)), sha256(payload))
      }))
  })

  it.scopedLive("an empty body is an empty file", () =>
    withDownload(answering(response("")), ({ session, target, url }) =>
      Effect.gen(function*() {
        yield* session.download(url, target)
        assert.strictEqual(fs.readFileSync(target).length, 0)
      })))

  const broken: Readonly<Record<string, readonly [Behaviour, string]>> = {
    "a body that is cut off": [
      {
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")
          peer.socket.end(payload.subarray(0, 1_000_000))
        }
      },
      "ConnectionError/NetworkConnectionLost"
    ],
    "a coding that breaks": [
      {
        onRequest: (peer) => {
          // a good member, then one whose first block is of no type
          const coded = Buffer.concat([zlib.gzipSync(payload), zlib.gzipSync(payload).fill(255, 10)])
          peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${coded.length}\r\n\r\n`)
          peer.socket.write(coded)
        }
      },
      "BodyError/DownloadDecodingFailedMidStream"
    ],
    "a coding that ends too early": [
      {
        onRequest: (peer) => {
          const coded = zlib.gzipSync(payload).subarray(0, -5000)
          peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${coded.length}\r\n\r\n`)
          peer.socket.write(coded)
        }
      },
      "BodyError/DownloadDecodingFailedToComplete"
    ],
    "a body of which nobody knows where it ends": [
      { onRequest: (peer) => peer.socket.end("HTTP/1.1 200 OK\r\n\r\nperhaps all") },
      "InvalidResponse/BadServerResponse"
    ],
    "a response that is none": [answering("nonsense\r\n\r\n"), "InvalidResponse/CannotParseResponse"]
  }
  for (const [name, [behaviour, reason]] of Object.entries(broken)) {
    it.scopedLive(`${name} leaves no file, and an existing one as it was`, () =>
      withDownload(behaviour, ({ path, session, target, url }) =>
        Effect.gen(function*() {
          yield* failsWith(session.download(url, target), reason)
          assert.deepStrictEqual(fs.readdirSync(path), [])
          fs.writeFileSync(target, "the old one")
          yield* failsWith(session.download(url, target), reason)
          assert.deepStrictEqual(fs.readdirSync(path), ["big.iso"])
          assert.strictEqual(fs.readFileSync(target, "utf8"), "the old one")
        })))
  }

  it.scopedLive("a cancelled session leaves no file", () => {
    const { behaviour } = halting(1024 * 1024)
    return withDownload(behaviour, ({ path, session, target, url }) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(session.download(url, target))
        yield* until(() => sizesIn(path).some((one) => one > 0))
        yield* session.invalidateAndCancel
        yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
        assert.deepStrictEqual(fs.readdirSync(path), [])
      }))
  })

  it.scopedLive("an interruption at any turn of the loop leaves either the whole file or none", () =>
    withDownload({
      onRequest: (peer) => {
        peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        peer.socket.write(payload.subarray(0, 1_000_000))
      }
    }, ({ path, session, target, url }) =>
      Effect.gen(function*() {
        let finished = 0
        // turn by turn at first, then in growing steps: flushing to the disk takes many of them
        for (let turn = 0; turn < 1e6 && finished < 3; turn = turn < 80 ? turn + 1 : Math.ceil(turn * 1.3)) {
          const fiber = yield* Effect.fork(session.download(url, target))
          yield* turns(turn)
          yield* Fiber.interrupt(fiber)
          const left = fs.readdirSync(path)
          if (left.length > 0) {
            assert.deepStrictEqual(left, ["big.iso"], `interrupted after ${turn} turns`)
            assert.strictEqual(sha256(fs.readFileSync(target)), sha256(payload.subarray(0, 1_000_000)))
            fs.rmSync(target)
            finished++
          }
          assert.strictEqual(openFiles(path), 0, `interrupted after ${turn} turns`)
          assert.deepStrictEqual(yield* session.allTasks, [])
        }
        assert.strictEqual(finished, 3)
      })), 60_000)
})

/** The real file system, with one thing changed. */
const changed = (change: (real: FileSystem.FileSystem) => Partial<FileSystem.FileSystem>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (real): FileSystem.FileSystem => ({ ...real, ...change(real) }))
  ).pipe(Layer.provide(NodeFileSystem.layer))

describe("files that cannot be written", () => {
  const failing = (
    path: (folder: string) => string,
    name: string,
    layer: Layer.Layer<FileSystem.FileSystem> = NodeFileSystem.layer
  ): Effect.Effect<DownloadError, unknown, never> =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* folder
      const server = yield* rawServer(whole)
      const before = fs.readdirSync(at)
      const error = yield* withSession({}, (session) => failsWith(session.download(server.origin, path(at)), name))
      assert.deepStrictEqual(fs.readdirSync(at).filter((one) => one.endsWith(".part")), before)
      assert.strictEqual(openFiles(at), 0)
      yield* until(() => server.open() === 0)
      return error
    })).pipe(Effect.provide(layer), Effect.mapError((error): unknown => error))

  it.scopedLive("a directory as the target is FileIsDirectory, and nothing is asked of the server", () =>
    Effect.gen(function*() {
      const error = yield* failing((at) => at, "FileError/FileIsDirectory")
      assert.strictEqual(error.code, -1101)
    }))

  it.scopedLive("a folder that is not there is CannotCreateFile", () =>
    Effect.gen(function*() {
      const error = yield* failing((at) => join(at, "missing", "x"), "FileError/CannotCreateFile")
      assert.strictEqual(error.code, -3000)
    }))

  it.scopedLive("a file in the place of the folder is CannotCreateFile", () =>
    failing((at) => {
      fs.writeFileSync(join(at, "file"), "")
      return join(at, "file", "x")
    }, "FileError/CannotCreateFile"))

  it.scopedLive("a disk that is full is CannotWriteToFile", () =>
    Effect.gen(function*() {
      // a device that has no room, opened in the place of the temporary file
      const full = changed((real) => ({ open: (_path, options) => real.open("/dev/full", { ...options, flag: "w" }) }))
      const error = yield* failing((at) => join(at, "x"), "FileError/CannotWriteToFile", full)
      assert.strictEqual(error.code, -3003)
      assert.match(String(error.cause), /ENOSPC|no space/i)
    }))

  it.scopedLive("a directory that takes the name during the transfer is CannotMoveFile", () =>
    Effect.gen(function*() {
      const late = changed((real) => ({
        rename: (from, to) =>
          Effect.zipRight(
            Effect.sync(() => fs.mkdirSync(join(to, "inside"), { recursive: true })),
            real.rename(from, to)
          )
      }))
      const error = yield* failing((at) => join(at, "x"), "FileError/CannotMoveFile", late)
      assert.strictEqual(error.code, -3005)
    }))

  it.scopedLive("the configuration's limit of whole bodies does not hold for files", () =>
    withDownload(
      whole,
      ({ target, url }) =>
        withSession({ configuration: { maximumBodyBytes: 1000 } }, (session) =>
          Effect.gen(function*() {
            yield* session.download(url, target)
            assert.strictEqual(fs.statSync(target).size, size)
          }))
    ))
})
