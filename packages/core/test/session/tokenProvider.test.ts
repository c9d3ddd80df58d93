// One refresh for all who need it, whatever happens to those who wait.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as TokenProvider from "@urlsession/core/TokenProvider"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { authorizationOf, sent } from "./authSupport.ts"
import { api, requests, scripted, settle } from "./support.ts"

class NoToken extends Data.TaggedError("NoToken") {}

const token = (name: string, expiresAt?: number) => Credential.token({ token: name, expiresAt })
const named = (one: Credential.TokenCredential): string => Redacted.value(one.token)

/** Counts refreshes and lets the test say when, and how, each ends. */
class Issuer {
  count = 0
  interrupted = 0
  readonly gates: Array<Deferred.Deferred<Credential.TokenCredential, NoToken>> = []
  readonly refresh = (): Effect.Effect<Credential.TokenCredential, NoToken> =>
    Effect.gen(this, function*() {
      this.count++
      const gate = yield* Deferred.make<Credential.TokenCredential, NoToken>()
      this.gates.push(gate)
      return yield* Effect.onInterrupt(Deferred.await(gate), () =>
        Effect.sync(() => {
          this.interrupted++
        }))
    })
  give(index: number, one: Credential.TokenCredential): Effect.Effect<void> {
    const gate = this.gates[index]
    return gate === undefined ? Effect.dieMessage("no such refresh") : Effect.asVoid(Deferred.succeed(gate, one))
  }
  fail(index: number): Effect.Effect<void> {
    const gate = this.gates[index]
    return gate === undefined ? Effect.dieMessage("no such refresh") : Effect.asVoid(Deferred.fail(gate, new NoToken()))
  }
}

const waiters = (count: number, provider: TokenProvider.TokenProvider<NoToken>, refused: Credential.TokenCredential) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.fork(provider.renew(refused)))

describe("a provider", () => {
  it.effect("refreshes once for a thousand, all of whom get the token", () =>
    Effect.gen(function*() {
      const issuer = new Issuer()
      const provider = yield* TokenProvider.make({ refresh: issuer.refresh, initial: token("old-token") })
      const fibers = yield* waiters(1000, provider, token("old-token"))
      yield* settle
      yield* issuer.give(0, token("new-token"))
      const all = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(new Set(all.map(named)), new Set(["new-token"]))
      assert.strictEqual(issuer.count, 1)
    }))

  it.effect("gives all of them its error, keeps none, and tries again for the next", () =>
    Effect.gen(function*() {
      const issuer = new Issuer()
      const provider = yield* TokenProvider.make({ refresh: issuer.refresh })
      const fibers = yield* waiters(50, provider, token("old-token"))
      yield* settle
      yield* issuer.fail(0)
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      assert.isTrue(exits.every((exit) => Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof NoToken))
      const next = yield* Effect.fork(provider.current)
      yield* settle
      yield* issuer.give(1, token("new-token"))
      assert.strictEqual(named(yield* Fiber.join(next)), "new-token")
    }))

  it.effect("takes a token that has been refreshed meanwhile for the answer", () =>
    Effect.gen(function*() {
      const issuer = new Issuer()
      const provider = yield* TokenProvider.make({ refresh: issuer.refresh, initial: token("new-token") })
      assert.strictEqual(named(yield* provider.renew(token("old-token"))), "new-token")
      assert.strictEqual(issuer.count, 0)
    }))

  it.effect("hands over where the one that began it is interrupted, and every other one", () =>
    Effect.gen(function*() {
      const issuer = new Issuer()
      const provider = yield* TokenProvider.make({ refresh: issuer.refresh })
      const fibers = yield* waiters(1000, provider, token("old-token"))
      yield* settle
      yield* Effect.forEach(fibers.filter((_, index) => index % 2 === 0), Fiber.interrupt)
      assert.strictEqual(issuer.interrupted, 0)
      yield* issuer.give(0, token("new-token"))
      const rest = yield* Effect.forEach(fibers.filter((_, index) => index % 2 === 1), Fiber.join)
      assert.deepStrictEqual(new Set(rest.map(named)), new Set(["new-token"]))
      assert.strictEqual(issuer.count, 1)
    }))

  it.effect("gives a refresh up with the last who waits, and begins another for the next", () =>
    Effect.gen(function*() {
      const issuer = new Issuer()
      const provider = yield* TokenProvider.make({ refresh: issuer.refresh })
      const fibers = yield* waiters(3, provider, token("old-token"))
      yield* settle
      yield* Effect.forEach(fibers, Fiber.interrupt)
      yield* settle
      assert.strictEqual(issuer.interrupted, 1)
      const next = yield* Effect.fork(provider.current)
      yield* settle
      yield* issuer.give(1, token("new-token"))
      assert.strictEqual(named(yield* Fiber.join(next)), "new-token")
    }))

  it.effect("replaces a token before its end, but not before half of its time", () =>
    Effect.gen(function*() {
      let count = 0
      const provider = yield* TokenProvider.make({
        refresh: () =>
          Effect.map(Effect.clockWith((clock) => clock.currentTimeMillis), (now) =>
            token(`token-${++count}`, now + (count === 1 ? 100_000 : 20_000)))
      })
      assert.strictEqual(named(yield* provider.current), "token-1")
      yield* TestClock.adjust("69 seconds")
      assert.strictEqual(named(yield* provider.current), "token-1")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(named(yield* provider.current), "token-2")
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(named(yield* provider.current), "token-2")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(named(yield* provider.current), "token-3")
    }))

  it.effect("keeps nothing that was asked for before it was told to forget", () =>
    Effect.gen(function*() {
      const issuer = new Issuer()
      const provider = yield* TokenProvider.make({ refresh: issuer.refresh })
      const fiber = yield* Effect.fork(provider.current)
      yield* settle
      yield* provider.forget
      yield* issuer.give(0, token("stale-token"))
      yield* Fiber.join(fiber)
      const next = yield* Effect.fork(provider.current)
      yield* settle
      assert.strictEqual(issuer.count, 2)
      yield* Fiber.interrupt(next)
    }))

  it.effect("prints no token", () =>
    Effect.gen(function*() {
      const provider = yield* TokenProvider.make({
        refresh: () => Effect.fail(new NoToken()),
        initial: token("hidden-token")
      })
      assert.notInclude(JSON.stringify(provider), "hidden-token")
      assert.notInclude(String(yield* provider.current), "hidden-token")
    }))
})

const withBearer = <E>(provider: TokenProvider.TokenProvider<E>, origin = "https://api.test") =>
  UrlSession.make().pipe(
    Effect.provide(ChallengeResolver.layer({ Bearer: TokenProvider.bearer({ origin }, provider) }))
  )

const server =
  (good: () => string, challenge = "Bearer error=\"invalid_token\"") => (request: TestTransport.ReceivedRequest) =>
    authorizationOf(request) === `Bearer ${good()}` || request.url.endsWith("/token")
      ? TestTransport.respond(200)
      : TestTransport.challenge(challenge)

describe("a session with a provider", () => {
  it.scoped("meets a thousand 401s at a time with one refresh, through itself [TRU-09]", () => {
    let good = "token-0"
    let count = 0
    let session: UrlSession.Service | undefined
    return Effect.gen(function*() {
      const provider = yield* TokenProvider.make({
        initial: token("token-0"),
        refresh: () =>
          session === undefined
            ? Effect.fail(new NoToken())
            : Effect.map(Effect.orDie(session.data("https://api.test/token")), () => {
              good = `token-${++count}`
              return token(good)
            })
      })
      session = yield* withBearer(provider)
      yield* session.data(api)
      good = "another"
      const statuses = yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, index) => index),
        (index) => Effect.map(session?.data(`${api}${index}`) ?? Effect.die("no session"), ([, head]) => head.status),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(statuses), new Set([200]))
      assert.strictEqual(count, 1)
      const refreshes = (yield* requests).filter((request) => request.url.endsWith("/token"))
      assert.deepStrictEqual(refreshes.map(authorizationOf), [undefined])
    }).pipe(scripted(server(() => good)))
  })

  it.scoped("ends with the refresh's error as its cause, for each", () =>
    Effect.gen(function*() {
      const provider = yield* TokenProvider.make({ refresh: () => Effect.fail(new NoToken()) })
      const session = yield* withBearer(provider)
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error._tag === "AuthenticationError" ? error.reason._tag : error._tag, "ResolverFailed")
      assert.include(String(error.cause), "NoToken")
    }).pipe(scripted(server(() => "none"))))

  it.scoped("gives a token that is refused again and again up, and delivers the 401", () => {
    let count = 0
    return Effect.gen(function*() {
      const provider = yield* TokenProvider.make({ refresh: () => Effect.sync(() => token(`token-${++count}`)) })
      const session = yield* withBearer(provider)
      const [, head] = yield* session.data(api)
      assert.strictEqual(head.status, 401)
      assert.isAtMost(count, 3)
    }).pipe(scripted(server(() => "none")))
  })

  it.scoped("refreshes nothing for want of a scope", () => {
    let count = 0
    return Effect.gen(function*() {
      const provider = yield* TokenProvider.make({ refresh: () => Effect.sync(() => token(`token-${++count}`)) })
      const session = yield* withBearer(provider)
      yield* session.data(api)
      assert.strictEqual(count, 1)
    }).pipe(scripted(server(() => "none", "Bearer error=\"insufficient_scope\", scope=\"more\"")))
  })

  it.scoped("gives no token to another origin, nor over plain http to another machine", () =>
    Effect.gen(function*() {
      const provider = yield* TokenProvider.make({ refresh: () => Effect.succeed(token("the-token")) })
      const session = yield* withBearer(provider)
      yield* session.data("https://other.test/")
      yield* session.data(`${api}away`)
      const plain = yield* withBearer(provider, "http://plain.test")
      yield* plain.data("http://plain.test/")
      assert.deepStrictEqual(yield* sent, [undefined, "Bearer the-token", undefined, undefined])
    }).pipe(scripted((request) =>
      request.url.endsWith("/away") ? TestTransport.redirect(302, "https://other.test/") : TestTransport.respond(200)
    )))

  it.scoped("asked directly, while its refresh goes through the session, does not wait for itself", () => {
    let session: UrlSession.Service | undefined
    return Effect.gen(function*() {
      const provider = yield* TokenProvider.make({
        refresh: () =>
          Effect.as(
            session === undefined ? Effect.void : Effect.orDie(session.data("https://api.test/token")),
            token("t-token")
          )
      })
      session = yield* withBearer(provider)
      assert.strictEqual(named(yield* provider.current), "t-token")
      assert.isTrue(Option.isNone(Option.fromNullable((yield* sent)[0])))
    }).pipe(scripted(() => TestTransport.respond(200)))
  })
})
