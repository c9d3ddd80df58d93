import { assert, describe, it } from "@effect/vitest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { answer, ask, caching, count, pause, requests, url, validating } from "./support.ts"

const fresh = answer({ "cache-control": "max-age=10" })
const last = Effect.map(requests, (all) => all[all.length - 1])

describe("request cache policies", () => {
  it.effect("reloadIgnoringLocalCacheData asks, and keeps what comes (CPO-02)", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* ask({ options: { cachePolicy: "reloadIgnoringLocalCacheData" } })).body, "body 1")
      assert.strictEqual((yield* ask()).body, "body 1")
    }).pipe(caching(fresh)))

  it.effect("returnCacheDataElseLoad takes it however old, and asks only for what is not there (CPO-03)", () =>
    Effect.gen(function*() {
      const options = { cachePolicy: "returnCacheDataElseLoad" } as const
      assert.strictEqual((yield* ask({ options })).body, "body 0")
      yield* pause(1e6)
      assert.strictEqual((yield* ask({ options })).body, "body 0")
      assert.strictEqual(yield* count, 1)
    }).pipe(caching(fresh)))

  it.effect("returnCacheDataElseLoad takes what says nothing of how long it holds", () =>
    Effect.gen(function*() {
      const options = { cachePolicy: "returnCacheDataElseLoad" } as const
      yield* ask()
      assert.strictEqual((yield* ask({ options })).body, "body 0")
    }).pipe(caching(answer({}))))

  it.effect("returnCacheDataDontLoad takes it however old, and fails with CacheMiss without a request (CPO-04)", () =>
    Effect.gen(function*() {
      const options = { cachePolicy: "returnCacheDataDontLoad" } as const
      yield* ask()
      yield* pause(1e6)
      assert.strictEqual((yield* ask({ options })).body, "body 0")
      const missed = yield* Effect.flip(
        Effect.flatMap(UrlSession.UrlSession, () => ask({ url: `${url}/other`, options }))
      )
      assert.deepInclude(missed, { _tag: "CacheError", code: -2000 })
      const posted = yield* Effect.flip(ask({ method: "POST", options }))
      assert.deepInclude(posted, { _tag: "CacheError" })
      assert.strictEqual(yield* count, 1)
    }).pipe(caching(fresh)))

  it.effect("reloadIgnoringLocalAndRemoteCacheData tells every cache on the way (CPO-05)", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* ask({ options: { cachePolicy: "reloadIgnoringLocalAndRemoteCacheData" } })
      assert.strictEqual((yield* last)?.header("cache-control"), "no-cache")
      assert.strictEqual((yield* last)?.header("pragma"), "no-cache")
    }).pipe(caching(fresh)))

  it.effect("reloadRevalidatingCacheData asks about what is fresh (CPO-06)", () =>
    Effect.gen(function*() {
      yield* ask()
      const second = yield* ask({ options: { cachePolicy: "reloadRevalidatingCacheData" } })
      assert.strictEqual((yield* last)?.header("if-none-match"), "\"v1\"")
      assert.strictEqual(second.body, "body 0")
    }).pipe(caching(validating("\"v1\"", { "cache-control": "max-age=60" }))))

  it.effect("the session's counts where the request has the default one (CPO-07, CFG-05)", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* ask({ options: { cachePolicy: "useProtocolCachePolicy" } })
      assert.strictEqual(yield* count, 2)
      yield* ask({ options: { cachePolicy: "returnCacheDataElseLoad" } })
      assert.strictEqual(yield* count, 2)
    }).pipe(caching(fresh, { policy: "reloadIgnoringLocalCacheData" })))

  it.effect("only-if-cached is answered with 504 where nothing is kept, and out of the cache where something is", () =>
    Effect.gen(function*() {
      const headers = { "cache-control": "only-if-cached" }
      const missed = yield* ask({ headers })
      assert.strictEqual(missed.status, 504)
      assert.strictEqual(yield* count, 0)
      yield* ask()
      assert.strictEqual((yield* ask({ headers })).body, "body 0")
      yield* pause(20)
      assert.strictEqual((yield* ask({ headers })).status, 504)
      assert.strictEqual(yield* count, 1)
    }).pipe(caching(fresh)))

  it.effect("without a cache nothing is kept, and what must come out of one does not come (CFG-25)", () =>
    Effect.gen(function*() {
      yield* ask()
      const second = yield* ask({ options: { cachePolicy: "returnCacheDataElseLoad" } })
      assert.strictEqual(second.response.cacheStatus, undefined)
      assert.strictEqual(second.response.fetchType, "networkLoad")
      const missed = yield* Effect.flip(ask({ options: { cachePolicy: "returnCacheDataDontLoad" } }))
      assert.deepInclude(missed, { _tag: "CacheError" })
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.provide(UrlSession.layer().pipe(Layer.provideMerge(TestTransport.layer({ answer: fresh }))))))
})
