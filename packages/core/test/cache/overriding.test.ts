/** A cache of the program's own around another one: every step that a task takes with the cache can be another. */
import { assert, describe, it } from "@effect/vitest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { answer, ask, count, epoch, url } from "./support.ts"

const refused = `${url}/refused`
const pinned = `${url}/pinned`

/** Writes down what tasks do; keeps nothing of one URL, and removes nothing of another. */
const overriding = (steps: Array<string>) =>
  Layer.effect(
    UrlCache.UrlCache,
    Effect.map(UrlCache.UrlCache, (inner): UrlCache.UrlCacheService => ({
      ...inner,
      entries: {
        ...inner.entries,
        find: (href, partition) => {
          steps.push(`get ${href}`)
          return inner.entries.find(href, partition)
        },
        put: (stored) => {
          steps.push(`store ${stored.url}`)
          if (stored.url !== refused) inner.entries.put(stored)
        },
        remove: (href, partition) => {
          steps.push(`remove ${href}`)
          if (href !== pinned) inner.entries.remove(href, partition)
        }
      }
    }))
  )

const over = (steps: Array<string>) =>
<A, E>(
  test: Effect.Effect<
    A,
    E,
    UrlSession.UrlSession | UrlCache.UrlCache | Layer.Layer.Success<ReturnType<typeof TestTransport.layer>>
  >
) =>
  Effect.zipRight(TestClock.setTime(epoch), test).pipe(
    Effect.provide(
      UrlSession.layer().pipe(
        Layer.provideMerge(
          overriding(steps).pipe(Layer.provide(UrlCache.layerMemory({ memoryCapacity: 1024 * 1024 })))
        ),
        Layer.provideMerge(TestTransport.layer({ answer: answer({ "cache-control": "max-age=60" }) }))
      )
    )
  )

describe("a cache around another one", () => {
  it.effect("sees what a task looks for, keeps and removes (CAC-05)", () => {
    const steps: Array<string> = []
    return Effect.gen(function*() {
      yield* ask()
      assert.include(steps, `get ${url}`)
      assert.include(steps, `store ${url}`)
      assert.notInclude(steps, `remove ${url}`)
      yield* ask({ method: "DELETE" })
      assert.include(steps, `remove ${url}`)
    }).pipe(over(steps))
  })

  it.effect("decides what is kept and what is removed (CAC-05)", () =>
    Effect.gen(function*() {
      const cache = yield* UrlCache.UrlCache
      yield* ask({ url: refused })
      yield* ask({ url: refused })
      assert.strictEqual(yield* count, 2, "nothing was kept")
      assert.isTrue(Option.isNone(yield* cache.get(refused)))
      yield* ask({ url: pinned })
      yield* ask({ url: pinned, method: "DELETE" })
      assert.strictEqual((yield* ask({ url: pinned })).response.fetchType, "localCache")
      yield* ask()
      yield* ask({ method: "DELETE" })
      assert.strictEqual((yield* ask()).response.fetchType, "networkLoad")
    }).pipe(over([])))
})
