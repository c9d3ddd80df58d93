/** The cache on a disk: what another implementation's tests ask of it, and everything that can happen to a directory. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { SystemError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as CachedResponse from "@urlsession/core/CachedResponse"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as ResponseHead from "@urlsession/core/ResponseHead"
import type * as UrlCache from "@urlsession/core/UrlCache"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeUrlCache from "../../src/NodeUrlCache.ts"

const url = "https://cache.test/thing"

const response = (text: string, fields: Partial<CachedResponse.CachedResponse> = {}) =>
  new CachedResponse.CachedResponse({
    response: new ResponseHead.ResponseHead({
      url,
      status: 200,
      reason: "OK",
      headers: new HeaderFields(["cache-control", "max-age=600", "content-type", "text/plain"])
    }),
    data: new TextEncoder().encode(text),
    ...fields
  })

const directoryOf = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "url-cache-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)
const files = (directory: string) => fs.readdirSync(directory).filter((name) => name.endsWith(".response"))
const text = (found: Option.Option<CachedResponse.CachedResponse>) =>
  Option.map(found, (one) => new TextDecoder().decode(one.data))

type Test<E> = (
  cache: UrlCache.UrlCacheService,
  directory: string
) => Effect.Effect<void, E, Scope.Scope | FileSystem>

const using = <E>(options: Partial<NodeUrlCache.Options>, test: Test<E>) =>
  Effect.gen(function*() {
    const directory = yield* directoryOf
    const cache = yield* NodeUrlCache.make({ entryLimit: 1_000_000, ...options, directory })
    yield* test(cache, directory)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

/** Another one on the same directory, as another process has it. */
const another = (directory: string, options: Partial<NodeUrlCache.Options> = {}) =>
  NodeUrlCache.make({ entryLimit: 1_000_000, ...options, directory })

const keep = (cache: UrlCache.UrlCacheService, one: CachedResponse.CachedResponse, at = url) =>
  Effect.zipRight(cache.store(one, at), cache.flush)

describe("a cache on a disk", () => {
  it.scopedLive("gives back what was stored (CAC-03, TestURLCache/testStorageRoundtrip)", () =>
    using({ memoryCapacity: 0 }, (cache) =>
      Effect.gen(function*() {
        const stored = response("hello", { userInfo: { a: 1, b: null, c: "x", d: true } })
        yield* keep(cache, stored)
        const found = yield* cache.get(url)
        assert.isTrue(Equal.equals(found, Option.some(stored)))
      })))

  it.scopedLive("writes what may be written (CAC-06, TestURLCache/testStoragePolicy)", () =>
    using({}, (cache, directory) =>
      Effect.gen(function*() {
        for (
          const [storagePolicy, written, hit] of [
            ["allowed", 1, true],
            ["allowedInMemoryOnly", 0, true],
            ["notAllowed", 0, false]
          ] as const
        ) {
          yield* cache.removeAll
          yield* keep(cache, response("hello", { storagePolicy }))
          assert.strictEqual(files(directory).length, written, storagePolicy)
          assert.strictEqual(Option.isSome(yield* cache.get(url)), hit, storagePolicy)
        }
      })))

  it.scopedLive("has 4 MiB of memory and 20 MiB of disk unless said (CAC-01)", () =>
    using({}, (cache) =>
      Effect.gen(function*() {
        const { diskCapacity, memoryCapacity } = yield* cache.usage
        assert.deepStrictEqual([memoryCapacity, diskCapacity], [4 * 1024 * 1024, 20 * 1024 * 1024])
      })))

  it.scopedLive("of no capacity writes nothing (CAC-02, TestURLCache/testNoDiskUsageIfDisabled)", () =>
    using({ diskCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("hello"))
        assert.deepStrictEqual(files(directory), [])
        assert.isTrue(Option.isSome(yield* cache.get(url)))
      })))

  it.scopedLive("that shrinks removes its files (CAC-04, TestURLCache/testShrinkingDiskCapacityEvictsItems)", () =>
    using({}, (cache, directory) =>
      Effect.gen(function*() {
        for (const name of ["a", "b", "c"]) yield* keep(cache, response(name), `${url}/${name}`)
        assert.strictEqual(files(directory).length, 3)
        assert.isAbove((yield* cache.usage).disk, 0)
        yield* cache.setCapacity({ disk: 0 })
        assert.deepStrictEqual(files(directory), [])
        assert.strictEqual((yield* cache.usage).disk, 0)
        assert.deepStrictEqual(text(yield* cache.get(`${url}/a`)), Option.some("a"))
      })))

  it.scopedLive("without memory is read each time (TestURLCache/testNoMemoryUsageIfDisabled)", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("hello"))
        assert.deepStrictEqual(text(yield* cache.get(url)), Option.some("hello"))
        fs.rmSync(directory, { recursive: true })
        assert.isTrue(Option.isNone(yield* cache.get(url)))
      })))

  it.scopedLive("memory that shrinks holds nothing (TestURLCache/testShrinkingMemoryCapacityEvictsItems)", () =>
    using({ diskCapacity: 0 }, (cache) =>
      Effect.gen(function*() {
        yield* keep(cache, response("hello"))
        assert.isAbove((yield* cache.usage).memory, 0)
        yield* cache.setCapacity({ memory: 0 })
        assert.strictEqual((yield* cache.usage).memory, 0)
        assert.isTrue(Option.isNone(yield* cache.get(url)))
      })))

  it.scopedLive("removes one (TestURLCache/testRemovingOne)", () =>
    using({}, (cache, directory) =>
      Effect.gen(function*() {
        for (const name of ["a", "b"]) yield* keep(cache, response(name), `${url}/${name}`)
        yield* cache.remove(`${url}/a`)
        yield* cache.flush
        assert.isTrue(Option.isNone(yield* cache.get(`${url}/a`)))
        assert.deepStrictEqual(text(yield* cache.get(`${url}/b`)), Option.some("b"))
        assert.strictEqual(files(directory).length, 1)
      })))

  it.scopedLive("removes all (TestURLCache/testRemovingAll)", () =>
    using({}, (cache, directory) =>
      Effect.gen(function*() {
        for (const name of ["a", "b"]) yield* keep(cache, response(name), `${url}/${name}`)
        yield* cache.removeAll
        assert.deepStrictEqual(files(directory), [])
        assert.isTrue(Option.isNone(yield* cache.get(`${url}/a`)))
      })))

  it.effect("removes what came since (TestURLCache/testRemovingSince)", () =>
    using({}, (cache) =>
      Effect.gen(function*() {
        yield* keep(cache, response("a"), `${url}/a`)
        yield* TestClock.adjust(Duration.seconds(5))
        yield* keep(cache, response("b"), `${url}/b`)
        yield* cache.removeSince(new Date(3000))
        assert.deepStrictEqual(text(yield* cache.get(`${url}/a`)), Option.some("a"))
        assert.isTrue(Option.isNone(yield* cache.get(`${url}/b`)))
      })))

  it.scopedLive("stored twice it is there once, as it came last (TestURLCache/testStoringTwiceOnlyHasOneEntry)", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("old"))
        yield* keep(cache, response("new"))
        assert.strictEqual(files(directory).length, 1)
        assert.deepStrictEqual(text(yield* cache.get(url)), Option.some("new"))
      })))

  it.scopedLive("stays within its capacity, and what was used last stays", () =>
    using({ memoryCapacity: 0, diskCapacity: 40_000 }, (cache, directory) =>
      Effect.gen(function*() {
        const big = "x".repeat(10_000)
        for (const name of ["a", "b", "c"]) yield* keep(cache, response(big), `${url}/${name}`)
        yield* cache.get(`${url}/a`)
        yield* keep(cache, response(big), `${url}/d`)
        const used = files(directory).reduce((sum, name) => sum + fs.statSync(join(directory, name)).size, 0)
        assert.isAtMost(used, 40_000)
        assert.isTrue(Option.isSome(yield* cache.get(`${url}/a`)))
        assert.isTrue(Option.isNone(yield* cache.get(`${url}/b`)))
      })))
})

describe("a directory", () => {
  it.scopedLive("is there for the next process, and for one beside this", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("one"))
        const other = yield* another(directory)
        assert.deepStrictEqual(text(yield* other.get(url)), Option.some("one"))
        assert.deepStrictEqual(cache.entries.partitionKey, other.entries.partitionKey)
        yield* keep(other, response("two"), `${url}/2`)
        assert.deepStrictEqual(text(yield* cache.get(`${url}/2`)), Option.some("two"))
        yield* other.remove(url)
        yield* other.flush
        assert.isTrue(Option.isNone(yield* cache.get(url)))
      })))

  it.scopedLive("what waits is written when the layer is closed", () =>
    Effect.gen(function*() {
      const directory = yield* directoryOf
      yield* Effect.scoped(Effect.flatMap(another(directory), (cache) => cache.store(response("late"), url)))
      const next = yield* another(directory)
      assert.deepStrictEqual(text(yield* next.get(url)), Option.some("late"))
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("no byte of a file may be another one: it is a miss then, and the file is gone", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("hello"))
        const [name = ""] = files(directory)
        const path = join(directory, name)
        const good = fs.readFileSync(path)
        for (let at = 0; at < good.length; at += 7) {
          const bad = Buffer.from(good)
          bad.writeUInt8(bad.readUInt8(at) ^ 0x20, at)
          fs.writeFileSync(path, bad)
          assert.isTrue(Option.isNone(yield* cache.get(url)), `byte ${at}`)
          assert.deepStrictEqual(files(directory), [], `byte ${at}`)
        }
      })))

  it.scopedLive("a file that is cut at any byte is a miss, and gone", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("hello"))
        const [name = ""] = files(directory)
        const path = join(directory, name)
        const good = fs.readFileSync(path)
        for (let length = 0; length < good.length; length += 5) {
          fs.writeFileSync(path, good.subarray(0, length))
          assert.isTrue(Option.isNone(yield* cache.get(url)), `length ${length}`)
          assert.deepStrictEqual(files(directory), [])
        }
      })))

  it.scopedLive("a file under another one's name is not its response", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("mine"))
        const [mine = ""] = files(directory)
        yield* keep(cache, response("other"), `${url}/other`)
        const other = files(directory).find((name) => name !== mine) ?? ""
        fs.copyFileSync(join(directory, mine), join(directory, other))
        assert.isTrue(Option.isNone(yield* cache.get(`${url}/other`)))
        assert.deepStrictEqual(text(yield* cache.get(url)), Option.some("mine"))
      })))

  it.scopedLive("that is deleted is made again", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        yield* keep(cache, response("one"))
        fs.rmSync(directory, { recursive: true })
        yield* keep(cache, response("two"))
        assert.deepStrictEqual(text(yield* cache.get(url)), Option.some("two"))
        assert.deepStrictEqual(fs.readdirSync(directory).filter((name) => name.endsWith(".part")), [])
      })))

  it.scopedLive("that cannot be one keeps nothing, and nothing fails", () =>
    Effect.gen(function*() {
      const directory = join(yield* directoryOf, "file")
      fs.writeFileSync(directory, "not a directory")
      const cache = yield* another(directory)
      yield* keep(cache, response("hello"))
      assert.deepStrictEqual(text(yield* cache.get(url)), Option.some("hello"))
      yield* cache.setCapacity({ memory: 0 })
      assert.isTrue(Option.isNone(yield* cache.get(url)))
      yield* cache.removeAll
      assert.strictEqual(fs.readFileSync(directory, "utf8"), "not a directory")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  for (
    const [name, failing] of [
      ["full, half-way through a file", "writeFile"],
      ["full, at the last step", "rename"],
      ["not to be read", "readFile"]
    ] as const
  ) {
    it.scopedLive(`on a medium that is ${name}: a miss, and nothing half is left`, () =>
      Effect.gen(function*() {
        const real = yield* FileSystem
        const directory = yield* directoryOf
        const full = Effect.fail(
          new SystemError({ reason: "Unknown", module: "FileSystem", method: failing, description: "ENOSPC" })
        )
        let broken = false
        const spoilt = FileSystem.of({
          ...real,
          writeFile: (path, data, options) =>
            broken && failing === "writeFile"
              ? Effect.zipRight(real.writeFile(path, data.subarray(0, 10), options), full)
              : real.writeFile(path, data, options),
          rename: (from, to) => broken && failing === "rename" ? full : real.rename(from, to),
          readFile: (path) => broken && failing === "readFile" ? full : real.readFile(path)
        })
        const cache = yield* Effect.provideService(
          NodeUrlCache.make({ directory, memoryCapacity: 0, entryLimit: 1000 }),
          FileSystem,
          spoilt
        )
        yield* keep(cache, response("old"))
        broken = true
        yield* keep(cache, response("new"))
        const found = yield* cache.get(url)
        assert.isTrue(Option.isNone(found))
        assert.deepStrictEqual(fs.readdirSync(directory).filter((one) => one.endsWith(".part")), [])
        broken = false
        yield* keep(cache, response("again"))
        assert.deepStrictEqual(text(yield* cache.get(url)), Option.some("again"))
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  }

  it.scopedLive("two that write one URL at the same time: one of the two is there, and whole", () =>
    using({ memoryCapacity: 0 }, (cache, directory) =>
      Effect.gen(function*() {
        const other = yield* another(directory, { memoryCapacity: 0 })
        const rounds = Array.from({ length: 30 }, (_, index) => index)
        const write = (one: UrlCache.UrlCacheService, who: string) =>
          Effect.forEach(rounds, (round) => keep(one, response(`${who} ${round} ${"y".repeat(round * 500)}`)))
        const looking = Effect.forEach(rounds, () =>
          Effect.map(cache.get(url), (found) => {
            const seen = Option.getOrUndefined(text(found))
            if (seen === undefined) return
            const [, round] = seen.split(" ")
            assert.strictEqual(
              seen.length,
              seen.indexOf("y") < 0 ? seen.length : seen.indexOf("y") + Number(round) * 500
            )
          }))
        yield* Effect.all([write(cache, "a"), write(other, "b"), looking], { concurrency: "unbounded" })
        const found = Option.getOrThrow(text(yield* cache.get(url)))
        assert.match(found, /^[ab] 29 y+$/)
      })))

  it.scopedLive("that holds somebody's half of a file from long ago loses it", () =>
    Effect.gen(function*() {
      const directory = yield* directoryOf
      const old = join(directory, "x.response.1.abc.part")
      const young = join(directory, "y.response.1.abc.part")
      fs.writeFileSync(old, "half")
      fs.writeFileSync(young, "half")
      fs.utimesSync(old, new Date(0), new Date(0))
      yield* another(directory)
      assert.isFalse(fs.existsSync(old))
      assert.isTrue(fs.existsSync(young))
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("is for this user alone, and no secret of a request is in a name or a file", () =>
    using({}, (cache, directory) =>
      Effect.gen(function*() {
        yield* Effect.zipRight(cache.store(response("hello"), url, "0123abcd"), cache.flush)
        for (const name of fs.readdirSync(directory)) {
          assert.strictEqual(fs.statSync(join(directory, name)).mode & 0o077, 0, name)
          assert.notInclude(name, "cache.test")
        }
      })))
})
