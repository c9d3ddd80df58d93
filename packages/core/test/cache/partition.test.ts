/** Two users of one session, and what each may see of the other's answers. */
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Answer, answer, ask, type Asking, caching, count, pause, url, validating } from "./support.ts"

const mine = answer({ "cache-control": "private, max-age=600" })

/** The second user asks what the first has asked: is it the first one's answer? */
const seen = (first: Asking, second: Asking) =>
  Effect.gen(function*() {
    const one = yield* ask(first)
    const two = yield* ask(second)
    return one.body === two.body
  })

const bearer = (token: string): Asking => ({ headers: { authorization: `Bearer ${token}` } })

describe("partitions (RFC 9111 7.3)", () => {
  it.effect("an answer to one Authorization is none for another, nor for nobody", () =>
    Effect.gen(function*() {
      assert.isFalse(yield* seen(bearer("ada"), bearer("bob")))
      assert.isFalse(yield* seen(bearer("ada"), {}))
      assert.isTrue(yield* seen(bearer("ada"), bearer("ada")))
      assert.strictEqual(yield* count, 3)
    }).pipe(caching(mine)))

  for (const name of ["cookie", "x-api-key", "x-auth-token", "x-session-id", "apikey"]) {
    it.effect(`nor is one to another ${name} of the caller's`, () =>
      Effect.gen(function*() {
        assert.isFalse(yield* seen({ headers: { [name]: "ada" } }, { headers: { [name]: "bob" } }))
        assert.isFalse(yield* seen({ headers: { [name]: "ada" } }, {}))
        assert.isTrue(yield* seen({ headers: { [name]: "ada" } }, { headers: { [name]: "ada" } }))
      }).pipe(caching(mine)))
  }

  it.effect("nor to another cachePartition", () =>
    Effect.gen(function*() {
      const of = (cachePartition: string): Asking => ({ options: { cachePartition } })
      assert.isFalse(yield* seen(of("ada"), of("bob")))
      assert.isTrue(yield* seen(of("ada"), of("ada")))
    }).pipe(caching(mine)))

  it.effect("values that run together are not the same", () =>
    Effect.gen(function*() {
      const one: Asking = { headers: { "x-api-key": "a", "x-auth-token": "b" } }
      const two: Asking = { headers: { "x-api-key": "a\tx-auth-token:1:b" } }
      assert.isFalse(yield* seen(one, two))
    }).pipe(caching(mine)))

  it.effect("a one-time Authorization is neither kept nor looked up", () =>
    Effect.gen(function*() {
      const digest: Asking = { headers: { authorization: "Digest username=\"ada\", response=\"0\"" } }
      assert.isFalse(yield* seen(digest, digest))
      const cache = yield* UrlCache.UrlCache
      assert.strictEqual((yield* cache.usage).entries, 0)
    }).pipe(caching(mine)))

  it.effect("what one user removes by an unsafe method is removed for all", () =>
    Effect.gen(function*() {
      yield* ask(bearer("ada"))
      yield* ask({ ...bearer("bob"), method: "DELETE" })
      assert.strictEqual((yield* ask(bearer("ada"))).body, "body 2")
    }).pipe(caching(mine)))

  it.effect("a secret is in no key", () =>
    Effect.gen(function*() {
      yield* ask(bearer("very-secret"))
      const cache = yield* UrlCache.UrlCache
      for (const partition of ["", "very-secret", "Bearer very-secret"]) {
        assert.deepStrictEqual(cache.entries.find(url, partition), [])
      }
    }).pipe(caching(mine)))

  it.effect("a shared cache gives what is public to all, and keeps what was authorized only where it may (RFC 9111 3.5)", () =>
    Effect.gen(function*() {
      assert.isFalse(yield* seen(bearer("ada"), bearer("bob")))
      assert.isTrue(yield* seen({ url: `${url}/public`, ...bearer("ada") }, { url: `${url}/public` }))
    }).pipe(caching(
      (request) =>
        answer({ "cache-control": request.url.endsWith("public") ? "public, max-age=600" : "max-age=600" })(request),
      { shared: true }
    )))

  it.effect("sessions that judge servers themselves do not share what they keep with others", () =>
    Effect.gen(function*() {
      const cache = yield* UrlCache.UrlCache
      const pinning = ChallengeResolver.layer({
        ServerTrust: ServerTrust.evaluator({ _tag: "System" }, () => Effect.succeed(ServerTrust.performDefault))
      })
      const session = UrlSession.layer(undefined, Layer.merge(pinning, Layer.succeed(UrlCache.UrlCache, cache)))
      const one = yield* ask()
      const two = yield* Effect.provide(ask(), session)
      assert.notStrictEqual(one.body, two.body)
    }).pipe(caching(mine)))

  it.effect("nothing is kept of a server that was accepted against the platform's verdict", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* ask()
      assert.strictEqual(yield* count, 2)
    }).pipe(
      Effect.provide(
        UrlSession.layer(
          undefined,
          Layer.merge(
            ChallengeResolver.layer({ ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.accept)) }),
            UrlCache.layerMemory()
          )
        ).pipe(
          Layer.provideMerge(
            TestTransport.layer({
              answer: mine,
              trust: (host, port) => TestTransport.presented(host, port, ["Untrusted"])
            })
          )
        )
      )
    ))
})

describe("cookies of a store", () => {
  const withJar = (answers: Parameters<typeof caching>[0]) =>
    Effect.provide(
      UrlSession.layer(undefined, CookieStorage.layerMemory).pipe(
        Layer.provideMerge(UrlCache.layerMemory()),
        Layer.provideMerge(TestTransport.layer({ answer: answers }))
      )
    )
  const other = <A, E>(effect: Effect.Effect<A, E, UrlSession.UrlSession>) =>
    Effect.flatMap(UrlCache.UrlCache, (cache) =>
      Effect.provide(
        effect,
        UrlSession.layer(
          undefined,
          Layer.merge(Layer.fresh(CookieStorage.layerMemory), Layer.succeed(UrlCache.UrlCache, cache))
        )
      ))

  it.effect("what came with cookies, or was asked for with some, is for that store alone", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* other(ask())).body, "body 1")
      // asked with the cookie that came: the store's own answer, and nobody else's
      assert.strictEqual((yield* ask()).body, "body 0")
      assert.strictEqual(yield* count, 2)
    }).pipe(
      withJar((request) => answer({ "cache-control": "max-age=60", "set-cookie": `sid=${request.index}` })(request))
    ))

  /** The store learns a cookie for the whole host. */
  const login = ask({ url: "https://cache.test/login" })
  const logout = Effect.flatMap(
    UrlSession.UrlSession,
    ({ cookies }) => Option.match(cookies, { onNone: () => Effect.void, onSome: ({ removeAll }) => removeAll })
  )
  const loggingIn = (thing: Answer): Answer => (request) =>
    request.url.endsWith("/login")
      ? answer({ "cache-control": "no-store", "set-cookie": "sid=1; Path=/" })(request)
      : thing(request)

  it.effect("what came before there was a cookie was nobody's, and is still good with one", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* login
      assert.strictEqual((yield* ask()).body, "body 0")
      assert.strictEqual((yield* ask({ headers: { range: "bytes=0-3" } })).body, "body")
      assert.strictEqual(yield* count, 2)
    }).pipe(withJar(loggingIn(answer({ "cache-control": "max-age=60" })))))

  it.effect("but what came with a cookie is not for who has none any more", () =>
    Effect.gen(function*() {
      yield* login
      yield* ask()
      yield* logout
      assert.strictEqual((yield* ask()).body, "body 2")
    }).pipe(withJar(loggingIn(answer({ "cache-control": "max-age=60" })))))

  it.effect("nor for who carries a cookie of the caller's, or another Authorization", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* ask({ headers: { cookie: "sid=2" } })).body, "body 1")
      yield* login
      assert.strictEqual((yield* ask(bearer("ada"))).body, "body 3")
      assert.strictEqual((yield* ask(bearer("ada"))).body, "body 3")
    }).pipe(withJar(loggingIn(answer({ "cache-control": "max-age=60" })))))

  it.effect("a cookie of the caller's that gives way to the store's is not sent, and counts for nothing", () =>
    Effect.gen(function*() {
      yield* login
      yield* ask()
      assert.strictEqual((yield* ask({ headers: { cookie: "sid=2" } })).body, "body 1")
      assert.strictEqual(yield* count, 2)
    }).pipe(withJar(loggingIn(answer({ "cache-control": "private, max-age=60" })))))

  for (const control of ["private, max-age=60", "private=\"x-user\", max-age=60"]) {
    it.effect(`what came before is somebody's where it says ${control}: it is not lent, whatever a HEAD says of it`, () =>
      Effect.gen(function*() {
        yield* ask()
        yield* login
        assert.strictEqual((yield* ask()).body, "body 2")
        yield* other(Effect.zipRight(login, ask({ method: "HEAD" })))
        assert.strictEqual((yield* other(Effect.zipRight(login, ask()))).body, "body 6")
      }).pipe(withJar(loggingIn(answer({ "cache-control": control, etag: "\"1\"" })))))

    it.effect(`but it is the same user's, with ${control}, where an Authorization says whose it is`, () =>
      Effect.gen(function*() {
        yield* ask(bearer("ada"))
        yield* login
        assert.strictEqual((yield* ask(bearer("ada"))).body, "body 0")
      }).pipe(withJar(loggingIn(answer({ "cache-control": control })))))
  }

  it.effect("a cookie that an interceptor adds is not the store's: it counts by its value", () => {
    let user = ""
    const speakingFor = Interceptor.layer(
      Interceptor.make((request, proceed) =>
        proceed({ ...request, fields: [...request.fields, { name: "cookie", value: user, bound: true }] })
      )
    )
    const askFor = (name: string) =>
      Effect.suspend(() => {
        user = name
        return Effect.map(ask(), ({ body }) => body)
      })
    return Effect.gen(function*() {
      assert.deepStrictEqual(
        [yield* askFor("sid=ada"), yield* askFor("sid=bob"), yield* askFor("sid=ada"), yield* askFor("sid=bob")],
        ["body 0", "body 1", "body 0", "body 1"]
      )
    }).pipe(
      Effect.provide(
        UrlSession.layer(undefined, Layer.mergeAll(CookieStorage.layerMemory, speakingFor, UrlCache.layerMemory()))
          .pipe(
            Layer.provide(TestTransport.layer({ answer: mine }))
          )
      )
    )
  })

  it.effect("Vary: Cookie says that it is not", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* login
      assert.strictEqual((yield* ask()).body, "body 2")
    }).pipe(withJar(loggingIn(answer({ "cache-control": "max-age=60", vary: "Cookie" })))))

  it.effect("asked about with a cookie it becomes this store's, and stays as it was for others", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* login
      yield* pause(10)
      const mine = yield* ask()
      assert.deepStrictEqual([mine.body, mine.header("x-for"), yield* count], ["body 0", "sid=1", 3])
      assert.strictEqual((yield* ask()).header("x-for"), "sid=1")
      assert.strictEqual(yield* count, 3)
      const theirs = yield* other(ask())
      assert.deepStrictEqual([theirs.body, theirs.header("x-for"), yield* count], ["body 0", "nobody", 4])
    }).pipe(
      withJar(
        loggingIn((request) =>
          validating("\"1\"", { "cache-control": "max-age=5", "x-for": request.header("cookie") ?? "nobody" })(request)
        )
      )
    ))

  it.effect("a HEAD with a cookie says what it says of it, too", () =>
    Effect.gen(function*() {
      yield* ask()
      yield* login
      yield* ask({ method: "HEAD", options: { cachePolicy: "reloadIgnoringLocalCacheData" } })
      assert.strictEqual((yield* ask()).body, "body 3")
    }).pipe(withJar(loggingIn((request) =>
      answer({ "cache-control": "max-age=60", etag: request.method === "HEAD" ? "\"2\"" : "\"1\"" })(request)
    ))))

  it.effect("without a cookie either way it is for all", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* other(ask())).body, "body 0")
    }).pipe(withJar(answer({ "cache-control": "max-age=60" }))))
})
