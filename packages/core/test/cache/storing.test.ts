/** What is gathered while it is read: whole bodies only, at the reader's pace, owned by nobody else. */
import { assert, describe, it } from "@effect/vitest"
import * as CachedResponse from "@urlsession/core/CachedResponse"
import * as CacheHandler from "@urlsession/core/CacheHandler"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { answer, ask, caching, count, epoch, pause, url } from "./support.ts"

const fresh = { "cache-control": "max-age=60" }
const entries = Effect.flatMap(UrlCache.UrlCache, (cache) => Effect.map(cache.usage, (usage) => usage.entries))

const inPieces = (...last: TestTransport.Script) => () => [
  ...TestTransport.head(200, fresh),
  ...TestTransport.bytes("one "),
  ...TestTransport.bytes("two"),
  ...last
]

describe("keeping a body", () => {
  it.effect("that is streamed: kept when the reader has seen its end", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const response = yield* session.execute(url)
      assert.strictEqual(yield* entries, 0)
      yield* Stream.runDrain(response.stream)
      assert.strictEqual((yield* ask()).body, "one two")
      assert.strictEqual(yield* count, 1)
    }).pipe(caching(inPieces(...TestTransport.end))))

  it.effect("that breaks off is not kept", () =>
    Effect.gen(function*() {
      yield* Effect.flip(ask())
      assert.strictEqual(yield* entries, 0)
    }).pipe(caching(inPieces(...TestTransport.lost()))))

  it.effect("whose reader stops is not kept", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const response = yield* session.execute(url)
      yield* Stream.runDrain(Stream.take(response.stream, 1))
      const other = yield* session.execute(`${url}/other`)
      yield* other.cancel
      assert.strictEqual(yield* entries, 0)
    }).pipe(caching(inPieces(...TestTransport.hang))))

  it.effect("that is longer than the limit is read, and not kept", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask()).body, "one two")
      assert.strictEqual(yield* entries, 0)
    }).pipe(caching(inPieces(...TestTransport.end), { entryLimit: 6 })))

  it.effect("that is shorter than its Content-Length says is not kept", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual(yield* entries, 0)
    }).pipe(caching(() => [
      ...TestTransport.head(200, fresh, 9),
      ...TestTransport.bytes("short"),
      ...TestTransport.end
    ])))

  it.effect("a reader that writes into what it got changes nothing of what is kept", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      for (let round = 0; round < 3; round++) {
        const [bytes] = yield* session.data(url)
        assert.strictEqual(new TextDecoder().decode(bytes), "body 0")
        bytes.fill(0)
      }
      assert.strictEqual(yield* count, 1)
    }).pipe(caching(answer(fresh))))

  it.effect("redirects are kept, and followed out of the cache", () =>
    Effect.gen(function*() {
      yield* ask()
      const second = yield* ask()
      assert.strictEqual(second.response.url, `${url}/there`)
      assert.strictEqual(second.response.fetchType, "localCache")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching((request) =>
      request.url.endsWith("there")
        ? answer(fresh)(request)
        : TestTransport.respond(301, { headers: { ...fresh, location: `${url}/there` } })
    )))

  it.effect("Set-Cookie and the fields of the connection are not kept (RFC 9111 3.1)", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask()).header("set-cookie"), "a=b")
      const second = yield* ask()
      for (const name of ["set-cookie", "connection", "keep-alive", "x-hop"]) {
        assert.strictEqual(second.header(name), undefined, name)
      }
      assert.strictEqual(second.header("x-end"), "2")
    }).pipe(
      caching(
        answer({ ...fresh, "set-cookie": "a=b", connection: "x-hop", "keep-alive": "1", "x-hop": "1", "x-end": "2" })
      )
    ))

  it.effect("each hit is a transaction of its own, and no more (MET-01, MET-04)", () =>
    Effect.gen(function*() {
      yield* ask()
      const metrics = yield* (yield* ask()).response.metrics
      assert.deepStrictEqual(metrics.transactions.map((one) => [one.fetchType, one.status]), [["localCache", 200]])
    }).pipe(caching(answer(fresh))))

  it.effect("a clock that goes back makes what is kept one to ask about", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* TestClock.setTime(epoch - 1000)
      assert.strictEqual((yield* ask()).body, "body 1")
      yield* TestClock.setTime(epoch + 1e12)
      assert.strictEqual((yield* ask()).body, "body 2")
    }).pipe(caching(answer(fresh))))

  it.effect("the least recently used goes first (CAC-04)", () =>
    Effect.gen(function*() {
      const cache = yield* UrlCache.UrlCache
      for (const name of ["a", "b", "c"]) yield* ask({ url: `${url}/${name}` })
      yield* ask({ url: `${url}/a` })
      const { memory } = yield* cache.usage
      yield* cache.setCapacity({ memory: memory - 1 })
      assert.isTrue(Option.isNone(yield* cache.get(`${url}/b`)))
      assert.isTrue(Option.isSome(yield* cache.get(`${url}/a`)))
      assert.isTrue(Option.isSome(yield* cache.get(`${url}/c`)))
    }).pipe(caching(answer(fresh))))

  it.effect("reset empties it (SES-11)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      yield* ask()
      yield* session.flush
      assert.strictEqual(yield* entries, 1)
      yield* session.reset
      assert.strictEqual(yield* entries, 0)
    }).pipe(caching(answer(fresh))))
})

describe("CacheHandler (willCacheResponse)", () => {
  const withHandler = (handler: Layer.Layer<CacheHandler.CacheHandler>) =>
    Effect.provide(
      UrlSession.layer(undefined, handler).pipe(
        Layer.provideMerge(UrlCache.layerMemory()),
        Layer.provideMerge(TestTransport.layer({ answer: answer({ ...fresh, "content-type": "text/plain" }) }))
      )
    )

  it.effect("is not asked about what is not kept anyway (DDL-04)", () => {
    let asked = 0
    const handler = CacheHandler.layer(({ proposed }) => {
      asked++
      return Effect.succeed(Option.some(proposed))
    })
    const answers: Readonly<Record<string, Record<string, string>>> = {
      "/no-store": { "cache-control": "no-store" },
      "/large": fresh
    }
    return Effect.gen(function*() {
      const cache = yield* UrlCache.UrlCache
      yield* ask({ url: "https://cache.test/no-store" })
      yield* ask({ url: "https://cache.test/no-store", method: "POST" })
      yield* ask({ url: "data:text/plain,hello" })
      yield* cache.setCapacity({ memory: 20 * 1024 })
      yield* ask({ url: "https://cache.test/large" })
      assert.strictEqual(asked, 0)
      yield* ask()
      assert.strictEqual(asked, 1)
    }).pipe(
      Effect.provide(
        UrlSession.layer(undefined, handler).pipe(
          Layer.provideMerge(UrlCache.layerMemory()),
          Layer.provideMerge(TestTransport.layer({
            answer: (request) => {
              const { pathname } = new URL(request.url)
              return TestTransport.respond(200, {
                headers: Object.entries(answers[pathname] ?? fresh),
                body: pathname === "/large" ? "x".repeat(2048) : "small"
              })
            }
          }))
        )
      )
    )
  })

  it.effect("is asked once for each response, with its bytes, and not for hits (DDL-04)", () => {
    const asked: Array<string> = []
    return Effect.gen(function*() {
      yield* ask()
      yield* ask()
      assert.deepStrictEqual(asked, ["200 from https://cache.test/thing, 6 bytes, allowed"])
    }).pipe(withHandler(CacheHandler.layer(({ proposed }) => {
      asked.push(proposed.toString())
      return Effect.succeed(Option.some(proposed))
    })))
  })

  it.effect("may say that nothing is kept (DDL-04)", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* ask()).body, "body 1")
    }).pipe(withHandler(CacheHandler.layer(() => Effect.succeed(Option.none())))))

  it.effect("may change what is kept (DDL-04)", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* ask()).body, "changed")
      const kept = yield* Effect.flatMap(UrlCache.UrlCache, (cache) => cache.get(url))
      assert.deepInclude(Option.getOrThrow(kept), { userInfo: { by: "test" }, storagePolicy: "allowedInMemoryOnly" })
    }).pipe(withHandler(CacheHandler.layer(({ proposed }) =>
      Effect.succeed(Option.some(
        new CachedResponse.CachedResponse({
          response: proposed.response,
          data: new TextEncoder().encode("changed"),
          userInfo: { by: "test" },
          storagePolicy: "allowedInMemoryOnly"
        })
      ))
    ))))

  it.effect("of a task comes before the session's", () =>
    Effect.gen(function*() {
      const none = yield* CacheHandler.make(() => Effect.succeed(Option.none()))
      yield* TaskDelegate.provide({ cache: none })(ask())
      assert.strictEqual(yield* entries, 0)
      yield* ask()
      assert.strictEqual(yield* entries, 1)
    }).pipe(withHandler(CacheHandler.layer(({ proposed }) => Effect.succeed(Option.some(proposed))))))

  it.effect("that fails ends the task with DelegateFailed, and nothing is kept", () =>
    Effect.gen(function*() {
      const failed = yield* Effect.flip(ask())
      assert.deepInclude(failed, { _tag: "DelegateFailed" })
      assert.strictEqual(yield* entries, 0)
    }).pipe(withHandler(CacheHandler.layer(() => Effect.fail("no")))))

  it.effect("that never answers is given up with its task", () =>
    Effect.gen(function*() {
      const interrupted = yield* Deferred.make<void>()
      const hanging = CacheHandler.layer(() =>
        Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      )
      yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(ask())
        yield* pause(0)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(interrupted)
        assert.strictEqual(yield* entries, 0)
      }).pipe(withHandler(hanging))
    }))
})

describe("a session that is closed", () => {
  it.effect("leaves no refresh behind", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(epoch)
      const cache = UrlCache.layerMemory()
      const transport = TestTransport.layer({
        answer: (request) =>
          request.index === 0
            ? answer({ "cache-control": "max-age=1, stale-while-revalidate=60" })(request)
            : TestTransport.hang
      })
      yield* Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const session = yield* UrlSession.make()
          yield* session.data(url)
          yield* pause(5)
          yield* session.data(url)
          yield* pause(0)
          assert.strictEqual((yield* session.openResources).sockets, 1)
        }))
        const controls = yield* TestTransport.TestTransport
        assert.strictEqual(yield* controls.open, 0)
      }).pipe(Effect.provide(Layer.merge(cache, transport)))
    }))
})
