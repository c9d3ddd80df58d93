// Digest under a thousand requests at a time: no count is used twice, and everybody gets in.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { type Rules, StrictServer } from "./authDigestServer.ts"
import { ada, always, Asked, digestParams, digests, sent } from "./authSupport.ts"
import { api, nothingOpen, requests, scripted } from "./support.ts"

const thousand = Array.from({ length: 1000 }, (_, index) => `https://api.test/${index}?x=${index}`)
const strict = (rules?: Partial<Rules>) => new StrictServer({ credential: ada, ...rules })

/** Everything is under way before the first answer, which takes a second; so does every other. */
const slowly = (server: StrictServer) =>
  scripted((request) => [...TestTransport.delay("1 second"), ...server.answer(request)])

const within = (server: StrictServer) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.provide(ChallengeResolver.layerFrom(always(ada))),
    Effect.provide(digests),
    slowly(server)
  )

const running = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let i = 0; i < 30 && fiber.unsafePoll() === null; i++) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

const burst = (session: UrlSession.Service) =>
  Effect.gen(function*() {
    const all = yield* running(
      Effect.forEach(thousand, (url) => session.data(url), { concurrency: "unbounded" })
    )
    assert.isTrue(all.every(([, response]) => response.status === 200))
    assert.deepStrictEqual(yield* session.openResources, nothingOpen)
  })

/** The counts of one nonce: each once, from one on, none left out. */
const gapless = (counts: ReadonlySet<string>): boolean =>
  [...counts].map((nc) => Number.parseInt(nc, 16)).sort((a, b) => a - b).every((nc, index) => nc === index + 1)

describe("a thousand requests at a time", () => {
  for (const algorithm of ["SHA-256", "MD5-sess"]) {
    it.scoped(`${algorithm}: after one challenge take one wire request each, every count once (TRU-05, AUT-13)`, () => {
      const server = strict({ algorithm })
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* running(session.data(api))
        yield* burst(session)
        assert.strictEqual((yield* requests).length, 2 + 1000)
        assert.strictEqual(server.uses.size, 1)
        for (const counts of server.uses.values()) {
          assert.strictEqual(counts.size, 1001)
          assert.isTrue(gapless(counts))
        }
        assert.deepStrictEqual([server.count("nobody"), server.count(""), server.count("replayed")], [1, 1001, 0])
      }).pipe(within(server))
    })
  }

  it.scoped("before any challenge take two each, whether the server gives them one nonce or one each", () => {
    const server = strict()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* burst(session)
      assert.deepStrictEqual([server.count("nobody"), server.count(""), server.verdicts.length], [1000, 1000, 2000])
      yield* running(session.data(api))
      assert.strictEqual(server.verdicts.length, 2001)
    }).pipe(within(server))
  })

  it.scoped("before any challenge share a nonce that the server gives to all of them", () => {
    const server = strict()
    const line = server.line()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* burst(session)
      const [counts] = [...server.uses.values()].filter((one) => one.size > 0)
      assert.strictEqual(counts?.size, 1000)
      assert.isTrue(gapless(counts ?? new Set()))
      assert.strictEqual(server.count(""), 1000)
    }).pipe(
      Effect.provide(ChallengeResolver.layerFrom(always(ada))),
      Effect.provide(digests),
      scripted((request) => [
        ...TestTransport.delay("1 second"),
        ...(request.authorization === undefined ? TestTransport.challenge(line) : server.answer(request))
      ])
    )
  })

  it.scoped("whose nonce grows old in the middle go on with the new one, and nobody is asked (AUT-08)", () => {
    const server = strict({ uses: 300 })
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* running(session.data(api))
      yield* burst(session)
      assert.strictEqual(server.count(""), 1001)
      assert.strictEqual(server.count("replayed") + server.count("wrong"), 0)
      assert.isAbove(server.count("stale"), 0)
      assert.strictEqual(asked.count, 1)
    }).pipe(
      Effect.provide(ChallengeResolver.layer({ Digest: asked.answering(() => Disposition.use(ada)) })),
      Effect.provide(digests),
      slowly(server)
    )
  })

  for (const where of ["head", "trailers"] as const) {
    it.scoped(`with nonces for one use, the next one named in the ${where}: all get in, the rest say stale`, () => {
      const server = strict({ uses: 1, nextnonce: where })
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* running(session.data(api))
        yield* burst(session)
        assert.strictEqual(server.count(""), 1001)
        assert.strictEqual(server.count("replayed") + server.count("wrong"), 0)
        // at most one refusal for each request: what its own challenge gives it, nobody else has used
        assert.isAtMost(server.count("stale"), 1000)
      }).pipe(within(server))
    })
  }

  it.scoped("of two users count one nonce together: the server sees no count twice", () => {
    const as = (user: string) =>
      ChallengeResolver.provideTask(
        ChallengeResolver.make({
          Digest: () => Effect.succeed(Disposition.use(Credential.password({ user, password: "secret" })))
        })
      )
    const [asA, asB] = [as("a"), as("b")]
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const call = (url: string, index: number) => (index % 2 === 0 ? asA : asB)(session.data(url))
      yield* running(Effect.forEach(thousand, call, { concurrency: "unbounded" }))
      const answers = (yield* sent).filter((one) => one !== undefined).map(digestParams)
      const counts = (user: string) =>
        answers.filter((one) => one.get("username") === user).map((one) => one.get("nc") ?? "")
      assert.deepStrictEqual([counts("a").length, counts("b").length], [500, 500])
      assert.strictEqual(new Set([...counts("a"), ...counts("b")]).size, 1000)
    }).pipe(
      Effect.provide(digests),
      scripted((request) => [
        ...TestTransport.delay("1 second"),
        ...(request.authorization === undefined
          ? TestTransport.challenge("Digest realm=r, nonce=shared, qop=auth")
          : TestTransport.respond(200))
      ])
    )
  })
})
