/** A cache over a disk that is slow: what happens while it reads. */
import { assert, describe, it } from "@effect/vitest"
import { CachedResponse } from "@urlsession/core/CachedResponse"
import { ResponseHead } from "@urlsession/core/ResponseHead"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

const one = "https://cache.test/one"
const other = "https://cache.test/other"
const bytes = (text: string) => new TextEncoder().encode(text)
const saying = (text: string, url = one) =>
  new CachedResponse({ response: new ResponseHead({ url, status: 200 }), data: bytes(text) })
const said = (found: Option.Option<CachedResponse>) =>
  Option.getOrUndefined(Option.map(found, ({ data }) => new TextDecoder().decode(data)))

/** A disk that has looked, and does not say what it has seen before it is let. */
const slow = Effect.gen(function*() {
  const files = new Map<string, UrlCache.StoredResponse>()
  const looked = yield* Deferred.make<void>()
  const speak = yield* Deferred.make<void>()
  const sync = (run: () => void) => Effect.sync(run)
  const disk: UrlCache.CacheDisk = {
    read: (url) =>
      Effect.suspend(() => {
        const file = files.get(url)
        const seen = file === undefined ? [] : [file]
        return Effect.as(Effect.zipRight(Deferred.succeed(looked, undefined), Deferred.await(speak)), seen)
      }),
    write: (stored) => sync(() => files.set(stored.url, stored)),
    remove: (url) => sync(() => files.delete(url)),
    removeAll: sync(() => files.clear()),
    removeSince: () => sync(() => files.clear()),
    capacity: () => 1e6,
    setCapacity: () => Effect.void,
    usage: Effect.succeed(0),
    partitionKey: new Uint8Array(32)
  }
  return { disk, looked, speak, files }
})

/** Reads, and does something while the disk has looked and not yet spoken. */
const reading = (
  meanwhile: (cache: UrlCache.UrlCacheService) => Effect.Effect<unknown, unknown>,
  memoryCapacity = 0,
  before: Effect.Effect<string | undefined> = Effect.succeed("there")
) =>
  Effect.gen(function*() {
    const { disk, looked, speak } = yield* slow
    const cache = yield* UrlCache.make({ memoryCapacity }, disk)
    const first = yield* before
    if (first !== undefined) yield* cache.store(saying(first), one)
    yield* cache.flush
    if (memoryCapacity > 0) yield* cache.setCapacity({ memory: 0 })
    if (memoryCapacity > 0) yield* cache.setCapacity({ memory: memoryCapacity })
    const reader = yield* Effect.fork(cache.get(one))
    yield* Deferred.await(looked)
    yield* meanwhile(cache)
    yield* cache.flush
    yield* Deferred.succeed(speak, undefined)
    const found = said(yield* Fiber.join(reader))
    return { found, entries: (yield* cache.usage).entries }
  })

describe("while a disk is read", () => {
  it.scoped("what is written is found, though the disk has not seen it", () =>
    Effect.gen(function*() {
      const first = yield* reading((cache) => cache.store(saying("new"), one), 0, Effect.succeed(undefined))
      assert.strictEqual(first.found, "new")
      assert.strictEqual((yield* reading((cache) => cache.store(saying("newer"), one))).found, "newer")
    }))

  it.scoped("what is removed of another URL is nothing to it", () =>
    Effect.gen(function*() {
      const { entries, found } = yield* reading((cache) => cache.remove(other), 1e6)
      assert.deepStrictEqual([found, entries], ["there", 1])
    }))

  it.scoped("what is removed is gone, and does not come back into memory", () =>
    Effect.gen(function*() {
      for (
        const remove of [
          (cache: UrlCache.UrlCacheService) => cache.remove(one),
          (cache: UrlCache.UrlCacheService) => cache.removeAll,
          (cache: UrlCache.UrlCacheService) => cache.removeSince(new Date(0))
        ]
      ) {
        assert.deepStrictEqual(yield* reading(remove, 1e6), { found: undefined, entries: 0 })
      }
    }))

  it.scoped("what is written after a removal is found alone", () =>
    Effect.gen(function*() {
      const replaced = (cache: UrlCache.UrlCacheService) =>
        Effect.zipRight(cache.remove(one), cache.store(saying("new"), one))
      assert.strictEqual((yield* reading(replaced)).found, "new")
    }))
})
