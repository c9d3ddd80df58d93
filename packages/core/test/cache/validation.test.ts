import { assert, describe, it } from "@effect/vitest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Effect from "effect/Effect"
import { answer, ask, at, caching, count, pause, requests, validating } from "./support.ts"

const last = Effect.map(requests, (all) => all[all.length - 1])

describe("validation (RFC 9111 4.3)", () => {
  it.effect("asks with tag and date, and gives the kept body as a 200 on a 304 (CPO-01)", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(20)
      const second = yield* ask()
      const sent = yield* last
      assert.strictEqual(sent?.header("if-none-match"), "\"v1\"")
      assert.strictEqual(sent?.header("if-modified-since"), at(-100))
      assert.strictEqual(second.status, 200)
      assert.strictEqual(second.body, "body 0")
      assert.strictEqual(second.response.fetchType, "localCache")
      assert.deepInclude(second.response.cacheStatus, {
        hit: false,
        forward: "stale",
        forwardStatus: 304,
        stored: true
      })
    }).pipe(caching(validating("\"v1\"", { "cache-control": "max-age=10", "last-modified": at(-100) }))))

  it.effect("a 304 makes it fresh anew, and its fields count, save for those of the body (RFC 9111 3.2)", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(20)
      const second = yield* ask()
      assert.strictEqual(second.header("x-a"), "2")
      assert.strictEqual(second.header("x-b"), "kept")
      assert.strictEqual(second.header("content-length"), "6")
      assert.strictEqual(second.header("content-type"), "text/b")
      yield* pause(9)
      const third = yield* ask()
      assert.strictEqual(third.header("x-a"), "2")
      assert.strictEqual(third.header("age"), "9")
      assert.strictEqual(third.body, "body 0")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching(validating(
      "\"v1\"",
      { "cache-control": "max-age=10", "x-a": "1", "x-b": "kept", "content-length": "6", "content-type": "text/a" },
      { "cache-control": "max-age=10", "x-a": "2", "content-length": "77", "content-type": "text/b" }
    ))))

  it.effect("a 304 about another version is not believed: the whole is asked for (RFC 9111 4.3.4)", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(20)
      const second = yield* ask()
      assert.strictEqual(second.body, "body 2")
      assert.strictEqual((yield* last)?.header("if-none-match"), undefined)
    }).pipe(caching((request) =>
      request.header("if-none-match") === undefined
        ? answer({ "cache-control": "max-age=10", etag: `"v${request.index}"` })(request)
        : TestTransport.respond(304, { headers: { etag: "\"other\"" } })
    )))

  it.effect("a new version takes the place of the old one", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(20)
      assert.strictEqual((yield* ask()).body, "body 1")
      assert.strictEqual((yield* ask()).body, "body 1")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching((request) => answer({ "cache-control": "max-age=10", etag: `"v${request.index}"` })(request))))

  it.effect("a condition of the caller's own gets its 304 unchanged", () =>
    Effect.gen(function*() {
      yield* ask()
      const second = yield* ask({ headers: { "if-none-match": "\"v1\"" } })
      assert.strictEqual(second.status, 304)
      assert.strictEqual(second.body, "")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching(validating("\"v1\"", { "cache-control": "max-age=60" }))))

  it.effect("a HEAD is answered out of what GET has kept, without its body", () =>
    Effect.gen(function*() {
      yield* ask()
      const head = yield* ask({ method: "HEAD" })
      assert.strictEqual(head.status, 200)
      assert.strictEqual(head.body, "")
      assert.strictEqual(head.header("x-a"), "1")
      assert.strictEqual(yield* count, 1)
    }).pipe(caching(answer({ "cache-control": "max-age=60", "x-a": "1" }))))

  it.effect("a HEAD that agrees makes what GET has kept fresh (RFC 9111 4.3.5)", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(20)
      yield* ask({ method: "HEAD", headers: { "cache-control": "no-cache" } })
      const third = yield* ask()
      assert.strictEqual(third.body, "body 0")
      assert.strictEqual(third.header("x-index"), "1")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching((request) =>
      answer({ "cache-control": "max-age=10", etag: "\"v1\"", "x-index": String(request.index) })(request)
    )))

  it.effect("a HEAD that disagrees makes what GET has kept one to ask about", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* ask({ method: "HEAD", headers: { "cache-control": "no-cache" } })
      assert.strictEqual((yield* ask()).body, "body 2")
    }).pipe(caching((request) => answer({ "cache-control": "max-age=60", etag: `"v${request.index}"` })(request))))

  it.effect("immutable is not asked about on a reload while it is fresh, and is once it is stale (RFC 8246)", () =>
    Effect.gen(function*() {
      const options = { cachePolicy: "reloadRevalidatingCacheData" } as const
      yield* ask()
      yield* ask({ options })
      yield* ask({ headers: { "cache-control": "max-age=0" } })
      assert.strictEqual(yield* count, 1)
      yield* pause(20)
      yield* ask({ options })
      assert.strictEqual((yield* last)?.header("if-none-match"), "\"v1\"")
      assert.strictEqual((yield* last)?.header("cache-control"), "max-age=0")
    }).pipe(caching(validating("\"v1\"", { "cache-control": "max-age=10, immutable" }))))
})

describe("stale responses (RFC 5861)", () => {
  it.effect("stale-while-revalidate gives the kept one, and asks once behind its back", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(20)
      const [one, two] = yield* Effect.all([ask(), ask()])
      assert.strictEqual(one.body, "body 0")
      assert.strictEqual(two.body, "body 0")
      assert.deepInclude(one.response.cacheStatus, { hit: true, ttl: -10 })
      yield* pause(0)
      assert.strictEqual(yield* count, 2)
      assert.strictEqual((yield* ask()).header("age"), "0")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching(validating("\"v1\"", { "cache-control": "max-age=10, stale-while-revalidate=30" }))))

  it.effect("a new version that was fetched behind its back is there for the next one", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(20)
      assert.strictEqual((yield* ask()).body, "body 0")
      yield* pause(0)
      assert.strictEqual((yield* ask()).body, "body 1")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching(answer({ "cache-control": "max-age=10, stale-while-revalidate=30" }))))

  it.effect("after its time it is asked about first", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* pause(41)
      assert.strictEqual((yield* ask()).body, "body 1")
    }).pipe(caching(answer({ "cache-control": "max-age=10, stale-while-revalidate=30" }))))

  for (
    const [name, failing] of [
      ["a 503", TestTransport.respond(503)],
      ["a lost connection", TestTransport.lost()]
    ] as const
  ) {
    const failsLater =
      (control: string, tag: Readonly<Record<string, string>> = {}) => (request: TestTransport.ReceivedRequest) =>
        request.index === 0 ? answer({ "cache-control": control, ...tag })(request) : failing

    for (const tag of [{}, { etag: "\"v1\"" }]) {
      const how = "etag" in tag ? "with a tag" : "without one"
      it.effect(`stale-if-error stands in for ${name}, ${how} (RFC 5861 4)`, () =>
        Effect.gen(function*() {
          yield* ask()
          yield* pause(20)
          const second = yield* ask()
          assert.strictEqual(second.body, "body 0")
          assert.strictEqual(second.response.fetchType, "localCache")
        }).pipe(caching(failsLater("max-age=10, stale-if-error=30", tag))))
    }

    for (
      const control of ["max-age=10", "max-age=10, stale-if-error=5", "max-age=10, must-revalidate, stale-if-error=30"]
    ) {
      it.effect(`nothing stands in for ${name} after ${control}`, () =>
        Effect.gen(function*() {
          yield* ask()
          yield* pause(20)
          const second = yield* Effect.either(ask())
          assert.isTrue(second._tag === "Left" || second.right.status === 503)
        }).pipe(caching(failsLater(control))))
    }
  }
})

describe("invalidation (RFC 9111 4.4)", () => {
  const kept = { "cache-control": "max-age=60" }
  const changes =
    (status: number, named: Readonly<Record<string, string>>) => (request: TestTransport.ReceivedRequest) =>
      request.method === "GET" ? answer(kept)(request) : TestTransport.respond(status, { headers: named })

  for (const method of ["POST", "PUT", "DELETE", "PATCH"] as const) {
    it.effect(`${method} makes what is kept of its URL worthless`, () =>
      Effect.gen(function*() {
        yield* ask()
        yield* ask({ method })
        assert.strictEqual((yield* ask()).body, "body 2")
      }).pipe(caching(changes(204, {}))))

    it.effect(`${method} that fails leaves it`, () =>
      Effect.gen(function*() {
        yield* ask()
        yield* ask({ method })
        assert.strictEqual((yield* ask()).body, "body 0")
      }).pipe(caching(changes(500, {}))))
  }

  for (const name of ["location", "content-location"]) {
    it.effect(`${name} in the same origin is worthless too, in another it is not`, () =>
      Effect.gen(function*() {
        yield* ask({ url: "https://cache.test/named" })
        yield* ask({ url: "https://other.test/named" })
        yield* ask({ method: "POST" })
        yield* ask({ url: "https://cache.test/named" })
        assert.strictEqual(yield* count, 4)
        yield* ask({ method: "POST", url: "https://cache.test/second" })
        yield* ask({ url: "https://other.test/named" })
        assert.strictEqual(yield* count, 5)
      }).pipe(caching((request) =>
        changes(201, { [name]: request.url.endsWith("second") ? "https://other.test/named" : "/named" })(request)
      )))
  }

  it.effect("a POST whose answer says that GET would give it is kept for GET (RFC 9110 9.3.3)", () =>
    Effect.gen(function*() {
      yield* ask({ method: "POST" })
      assert.strictEqual((yield* ask()).body, "body 0")
    }).pipe(caching(answer({ "cache-control": "max-age=60", "content-location": "/thing" }))))
})
