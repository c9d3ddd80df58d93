import { assert, describe, it } from "@effect/vitest"
import type { ResolvedAddress } from "@urlsession/core/Resolver"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Lookup, NameCache } from "../../src/internal/names.ts"
import { ManualTimers } from "../support/fakeControl.ts"

const at = (address: string, ttl?: number): ResolvedAddress =>
  ttl === undefined ? { address, family: 4 } : { address, family: 4, ttl }
const coded = (code: string) => Object.assign(new Error(code), { code })
const settings = { ttl: 30_000, negativeTtl: 1000, maximumNames: 2 }

const cacheOf = (lookup: Lookup, changes: Partial<typeof settings> = {}) => {
  const timers = new ManualTimers()
  const asked: Array<string> = []
  const counting: Lookup = (host) => Effect.zipRight(Effect.sync(() => asked.push(host)), lookup(host))
  return { timers, asked, cache: new NameCache(counting, { ...settings, ...changes }, timers, Effect.runFork) }
}

describe("names that were resolved", () => {
  it.effect("are kept for as long as the setting says", () =>
    Effect.gen(function*() {
      const { asked, cache, timers } = cacheOf(() => Effect.succeed([at("192.0.2.1")]))
      assert.deepStrictEqual(yield* cache.resolve("a.test"), [at("192.0.2.1")])
      timers.adjust(29_999)
      yield* cache.resolve("a.test")
      assert.strictEqual(asked.length, 1)
      timers.adjust(1)
      yield* cache.resolve("a.test")
      assert.strictEqual(asked.length, 2)
    }))

  it.effect("are kept for as long as their answer says, the shortest of several, and a day at most", () =>
    Effect.gen(function*() {
      const { asked, cache, timers } = cacheOf((host) =>
        Effect.succeed(host === "a.test" ? [at("192.0.2.1", 60), at("192.0.2.2", 5)] : [at("192.0.2.3", 1e9)])
      )
      yield* cache.resolve("a.test")
      timers.adjust(5000)
      yield* cache.resolve("a.test")
      assert.strictEqual(asked.length, 2)
      yield* cache.resolve("b.test")
      timers.adjust(86_399_999)
      yield* cache.resolve("b.test")
      assert.strictEqual(asked.length, 3)
      timers.adjust(1)
      yield* cache.resolve("b.test")
      assert.strictEqual(asked.length, 4)
    }))

  for (const ttl of [0, -1]) {
    it.effect(`a ttl of ${ttl} keeps nothing`, () =>
      Effect.gen(function*() {
        const { asked, cache } = cacheOf(() => Effect.succeed([at("192.0.2.1", ttl)]))
        yield* cache.resolve("a.test")
        yield* cache.resolve("a.test")
        assert.strictEqual(asked.length, 2)
      }))
  }

  it.effect("that are none are remembered shortly; that nobody answered is not", () =>
    Effect.gen(function*() {
      const { asked, cache, timers } = cacheOf((host) =>
        host === "empty.test" ? Effect.succeed([]) : Effect.fail(coded(host === "no.test" ? "ENOTFOUND" : "EAI_AGAIN"))
      )
      for (const host of ["no.test", "no.test", "empty.test", "empty.test"]) yield* Effect.exit(cache.resolve(host))
      assert.deepStrictEqual(asked, ["no.test", "empty.test"])
      timers.adjust(1000)
      yield* Effect.exit(cache.resolve("no.test"))
      assert.strictEqual(asked.length, 3)
      yield* Effect.exit(cache.resolve("later.test"))
      yield* Effect.exit(cache.resolve("later.test"))
      assert.strictEqual(asked.length, 5)
    }))

  it.effect("are bounded: the oldest go first", () =>
    Effect.gen(function*() {
      const { asked, cache } = cacheOf(() => Effect.succeed([at("192.0.2.1")]))
      for (const host of ["a", "b", "c"]) yield* cache.resolve(host)
      assert.strictEqual(cache.size, 2)
      yield* cache.resolve("c")
      yield* cache.resolve("a")
      assert.deepStrictEqual(asked, ["a", "b", "c", "a"])
    }))

  it.effect("are asked for once by all that want them at the same time", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const { asked, cache } = cacheOf(() => Effect.as(Deferred.await(gate), [at("192.0.2.1")]))
      const all = yield* Effect.fork(Effect.all([1, 2, 3].map(() => cache.resolve("a.test")), { concurrency: 3 }))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(all)).length, 3)
      assert.strictEqual(asked.length, 1)
    }))

  it.effect("are given up by the last that leaves, and not by the first", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const { cache } = cacheOf(() =>
        Effect.as(Deferred.await(gate), [at("192.0.2.1")]).pipe(
          Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
        )
      )
      const one = yield* Effect.fork(cache.resolve("a.test"))
      const two = yield* Effect.fork(cache.resolve("a.test"))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(one)
      assert.isFalse(yield* Deferred.isDone(ended))
      yield* Fiber.interrupt(two)
      yield* Deferred.await(ended)
      // who comes now begins anew
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* cache.resolve("a.test")).length, 1)
    }))

  it.effect("are forgotten by clear, with what is still under way", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      let answer = "192.0.2.1"
      const { asked, cache } = cacheOf(() => Effect.map(Deferred.await(gate), () => [at(answer)]))
      const early = yield* Effect.fork(cache.resolve("a.test"))
      yield* Effect.yieldNow()
      cache.clear()
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(early), [at("192.0.2.1")])
      answer = "192.0.2.2"
      assert.deepStrictEqual(yield* cache.resolve("a.test"), [at("192.0.2.2")])
      cache.clear()
      yield* cache.resolve("a.test")
      assert.strictEqual(asked.length, 3)
    }))

  it.effect("a resolver that dies is an answer for those who wait, and kept for nobody", () =>
    Effect.gen(function*() {
      const { asked, cache } = cacheOf(() => Effect.die("broken"))
      assert.isTrue((yield* Effect.exit(cache.resolve("a.test")))._tag === "Failure")
      assert.isTrue((yield* Effect.exit(cache.resolve("a.test")))._tag === "Failure")
      assert.strictEqual(asked.length, 2)
    }))
})
