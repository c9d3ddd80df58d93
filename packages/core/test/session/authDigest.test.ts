// Digest through the whole session: nonces and their counts, what is stale, and which scheme is the stronger one.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import {
  ada,
  always,
  Asked,
  authorizationOf,
  basicOf,
  basicServer,
  bob,
  digestParams,
  digests,
  DigestServer,
  sent,
  spaceOf,
  storageWith,
  wrong
} from "./authSupport.ts"
import { api, requests, scripted } from "./support.ts"

const asAda = ChallengeResolver.layerFrom(always(ada))
const hundred = Array.from({ length: 100 }, (_, index) => `https://api.test/${index}?x=${index}`)

/** A hundred requests, every one of which is under way before the first answer. */
const together = (session: UrlSession.Service) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(Effect.forEach(hundred, (url) => session.data(url), { concurrency: "unbounded" }))
    yield* TestClock.adjust("10 seconds")
    return yield* Fiber.join(fiber)
  })

/** The server decides when a request arrives, and its answer takes a second. */
const slowly = (answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script) =>
  scripted((request) => [...(request.url === api ? [] : TestTransport.delay("1 second")), ...answer(request)])

const params = Effect.map(sent, (all) => all.map(digestParams))

describe("Digest", () => {
  for (const algorithm of ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"]) {
    it.scoped(`${algorithm}: one challenge, then a count per request on one nonce (TRU-05, AUT-13)`, () => {
      const server = new DigestServer(ada, { algorithm, more: ", opaque=\"op\"" })
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        for (const url of hundred.slice(0, 5)) {
          const [, response] = yield* session.data(url)
          assert.strictEqual(response.status, 200)
        }
        assert.deepStrictEqual((yield* params).map((one) => one.get("nc")), [
          undefined,
          "00000001",
          "00000002",
          "00000003",
          "00000004",
          "00000005"
        ])
        assert.strictEqual((yield* params)[5]?.get("opaque"), "op")
        assert.strictEqual(server.challenges, 1)
      }).pipe(Effect.provide(asAda), Effect.provide(digests), scripted(server.answer))
    })
  }

  it.scoped("100 concurrent requests after the first: one wire request each, no count twice (TRU-05)", () => {
    const server = new DigestServer(ada)
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const all = yield* together(session)
      assert.isTrue(all.every(([, response]) => response.status === 200))
      assert.strictEqual((yield* requests).length, 102)
      assert.strictEqual(server.seen.size, 101)
      assert.strictEqual(server.challenges, 1)
    }).pipe(Effect.provide(asAda), Effect.provide(digests), slowly(server.answer))
  })

  it.scoped("100 concurrent requests before any answer: one nonce for all, and still no count twice", () => {
    const server = new DigestServer(ada)
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const all = yield* together(session)
      assert.isTrue(all.every(([, response]) => response.status === 200))
      assert.strictEqual(server.seen.size, 100)
      assert.strictEqual((yield* requests).length, 200)
    }).pipe(Effect.provide(asAda), Effect.provide(digests), slowly(server.answer))
  })

  it.scoped("a stale nonce is no failure: nobody is asked, and the new one is kept (AUT-08, TRU-05)", () => {
    const server = new DigestServer(ada)
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      server.nonce = "n-2"
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      yield* session.data(api)
      assert.strictEqual(asked.count, 1)
      const nonces = (yield* params).map((one) => `${one.get("nonce") ?? "-"} ${one.get("nc") ?? "-"}`)
      assert.deepStrictEqual(nonces, ["- -", "n-1 00000001", "n-1 00000002", "n-2 00000001", "n-2 00000002"])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({ Digest: asked.answering(() => Disposition.use(ada)) })),
      Effect.provide(digests),
      scripted(server.answer)
    )
  })

  it.scoped("100 concurrent requests whose nonce grows old at once count on the new one together", () => {
    const server = new DigestServer(ada)
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      server.nonce = "n-2"
      const all = yield* together(session)
      assert.isTrue(all.every(([, response]) => response.status === 200))
      assert.strictEqual((yield* requests).length, 2 + 200)
    }).pipe(Effect.provide(asAda), Effect.provide(digests), slowly(server.answer))
  })

  it.scoped("a server that does not say stale: the credential is given once more, by default handling too", () => {
    const server = new DigestServer(ada)
    server.saysStale = false
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      server.nonce = "n-2"
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
    }).pipe(
      Effect.provide(storageWith([ada, spaceOf("Digest", "api")])),
      Effect.provide(digests),
      scripted(server.answer)
    )
  })

  it.scoped("nextnonce is used from the next request on, also by requests that run together (TRU-05)", () => {
    const server = new DigestServer(ada)
    let last = 1
    server.next = () => `n-${++last}`
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual((yield* params).map((one) => one.get("nonce")), [undefined, "n-1", "n-2", "n-3"])
      assert.strictEqual(server.challenges, 1)
      const all = yield* Effect.forEach(hundred.slice(0, 10), (url) => session.data(url), { concurrency: "unbounded" })
      assert.isTrue(all.every(([, response]) => response.status === 200))
    }).pipe(Effect.provide(asAda), Effect.provide(digests), scripted(server.answer))
  })

  it.scoped("domain: only the paths it names inside of the origin; other origins never (AUT-13)", () => {
    const server = new DigestServer(ada, { more: ", domain=\"/docs https://evil.test/ /files/\"" })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const ahead = (url: string) =>
        Effect.gen(function*() {
          const before = (yield* sent).length
          yield* session.data(url)
          return (yield* sent)[before] !== undefined
        })
      yield* session.data("https://api.test/docs/one")
      assert.isTrue(yield* ahead("https://api.test/docs/two"))
      assert.isTrue(yield* ahead("https://api.test/files/three"))
      assert.isFalse(yield* ahead("https://evil.test/docs"))
      assert.isFalse(yield* ahead("https://api.test/docsearch"))
    }).pipe(Effect.provide(asAda), Effect.provide(digests), scripted(server.answer))
  })

  it.scoped("a wrong password is a failure, and not asked a second time ahead (AUT-08, AUT-09)", () => {
    const server = new DigestServer(ada)
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(asked.challenges.map((one) => one.previousFailureCount), [0, 1])
      assert.deepStrictEqual(asked.last?.proposedCredential, Option.some(wrong))
      yield* session.data(api)
      assert.isUndefined((yield* sent)[2])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Digest: asked.answering((challenge) =>
          challenge.previousFailureCount === 0 ? Disposition.use(wrong) : Disposition.useNone
        )
      })),
      Effect.provide(digests),
      scripted(server.answer)
    )
  })

  it.scoped("without hash functions a Digest challenge is none, and Basic beside it is answered", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada)])
    }).pipe(
      Effect.provide(asAda),
      scripted((request) =>
        request.authorization === undefined
          ? TestTransport.challenge("Digest realm=\"api\", nonce=\"n\"", "Basic realm=\"api\"")
          : TestTransport.respond(200)
      )
    ))

  it.scoped("a server that changes its algorithm is followed, as a failure where it does not say stale", () => {
    const server = new DigestServer(ada, { algorithm: "MD5" })
    const stronger = new DigestServer(ada, { algorithm: "SHA-256" })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual((yield* params).map((one) => one.get("algorithm")), [
        undefined,
        "MD5",
        "MD5",
        "SHA-256"
      ])
    }).pipe(
      Effect.provide(asAda),
      Effect.provide(digests),
      scripted((request) => request.index < 2 ? server.answer(request) : stronger.answer(request))
    )
  })
})

describe("several challenges", () => {
  const offers = ["Basic realm=\"api\"", "Digest realm=\"api\", nonce=\"m\", algorithm=MD5, qop=\"auth\""]
  const strong = "Digest realm=\"api\", nonce=\"s\", algorithm=SHA-256, qop=\"auth\""

  for (
    const [how, lines] of [
      ["in one line", [[...offers, strong].join(", ")]],
      ["in lines of their own", [...offers, strong]],
      ["the other way round", [strong, ...[...offers].reverse()]]
    ] as const
  ) {
    it.scoped(`the strongest is answered first: ${how} (PSP-07, TestURLProtectionSpace/test_challenge)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* session.data(api)
        const [, answer] = yield* params
        assert.strictEqual(answer?.get("algorithm"), "SHA-256")
        assert.strictEqual(answer?.get("nonce"), "s")
      }).pipe(
        Effect.provide(asAda),
        Effect.provide(digests),
        scripted((request) =>
          request.authorization === undefined ? TestTransport.challenge(...lines) : TestTransport.respond(200)
        )
      ))
  }

  it.scoped("reject walks on from Digest to Basic (AUT-07)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(bob)])
      assert.deepStrictEqual(asked.challenges.map((one) => one.space.method), ["Digest", "Basic"])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Digest: asked.answering(() => Disposition.reject),
        Basic: ChallengeResolver.anyOrigin(asked.answering(() => Disposition.use(bob)))
      })),
      Effect.provide(digests),
      scripted((request) =>
        authorizationOf(request) === undefined ? TestTransport.challenge(...offers, strong) : basicServer(bob)(request)
      )
    )
  })
})
