// No credential on another origin, and no readable password over plain http, unless somebody has said so.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  ada,
  always,
  Asked,
  authorizationOf,
  basicOf,
  basicServer,
  digests,
  DigestServer,
  sent,
  spaceOf,
  storageWith
} from "./authSupport.ts"
import { api, requests, scripted } from "./support.ts"

const evil = "https://evil.test/"

/** `api.test` asks for Basic and then sends elsewhere; `evil.test` asks for the same realm. */
const redirecting = (request: TestTransport.ReceivedRequest): TestTransport.Script => {
  if (request.url.startsWith(evil)) return basicServer(ada)(request)
  return authorizationOf(request) === basicOf(ada)
    ? TestTransport.redirect(302, evil)
    : TestTransport.challenge("Basic realm=\"api\"")
}

const toEvil = Effect.map(
  Effect.flatMap(TestTransport.TestTransport, (transport) => transport.requests),
  (all) => all.filter((request) => request.url.startsWith(evil)).map(authorizationOf)
)

describe("a redirect to another origin", () => {
  it.scoped("carries no answer along, and the challenge there says crossOrigin (AUT-13)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.strictEqual(response.url, evil)
      assert.deepStrictEqual(asked.challenges.map((one) => [one.space.origin, one.crossOrigin]), [
        ["https://api.test", false],
        ["https://evil.test", true]
      ])
      assert.deepStrictEqual(yield* toEvil, [undefined])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(
          asked.answering((challenge) => challenge.crossOrigin ? Disposition.useNone : Disposition.use(ada))
        )
      })),
      scripted(redirecting)
    )
  })

  it.scoped("forSpace has nothing to say there, so nothing is sent", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(yield* toEvil, [undefined])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.forSpace({ origin: api }, () => Effect.succeed(Disposition.use(ada)))
      })),
      scripted(redirecting)
    ))

  it.scoped("anyOrigin does answer there: it has been told to (AUT-07)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* toEvil, [undefined, basicOf(ada)])
    }).pipe(Effect.provide(ChallengeResolver.layerFrom(always(ada))), scripted(redirecting)))

  it.scoped("default handling never answers there, not even with a default of that very space (AUT-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(yield* toEvil, [undefined])
      // asked for by its own URL it does
      const [, direct] = yield* session.data(evil)
      assert.strictEqual(direct.status, 200)
    }).pipe(
      Effect.provide(storageWith([ada, spaceOf("Basic", "api")], [ada, spaceOf("Basic", "api", evil)])),
      scripted(redirecting)
    ))

  it.scoped("what the session remembers of that origin is not sent unasked either", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(evil)
      yield* session.data(api)
      assert.deepStrictEqual(yield* toEvil, [undefined, basicOf(ada), undefined])
      assert.isTrue(asked.last?.crossOrigin)
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(
          asked.answering((challenge) => challenge.crossOrigin ? Disposition.useNone : Disposition.use(ada))
        )
      })),
      scripted(redirecting)
    )
  })

  it.scoped("the URL's user info is no proposal there, and that of a Location is dropped", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://ada:lovelace@api.test/")
      assert.deepStrictEqual(yield* toEvil, [undefined])
      assert.isTrue(Option.isNone(asked.last?.proposedCredential ?? Option.some(ada)))
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(asked.answering(() => Disposition.performDefault))
      })),
      scripted((request) =>
        request.url.startsWith(evil)
          ? TestTransport.challenge("Basic realm=\"api\"")
          : authorizationOf(request) === basicOf(ada)
          ? TestTransport.redirect(302, "https://mallory:x@evil.test/")
          : TestTransport.challenge("Basic realm=\"api\"")
      )
    )
  })

  it.scoped("drops the caller's own Authorization, and with the setting it stays (TRU-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const own = HttpClientRequest.get(api).pipe(HttpClientRequest.bearerToken("t0ken"))
      yield* session.data(own)
      yield* session.data(own).pipe(RequestOptions.with({ keepFieldsOnRedirect: true }))
      assert.deepStrictEqual(yield* toEvil, [undefined, "Bearer t0ken"])
    }).pipe(
      scripted((request) =>
        request.url.startsWith(evil) ? TestTransport.respond(200) : TestTransport.redirect(302, evil)
      )
    ))
})

describe("plain http", () => {
  const plain = "http://api.test/"
  const stored = storageWith([ada, spaceOf("Basic", "api", plain)])

  it.scoped("default handling gives no Basic password away, unless allowInsecureBasic is said (PSP-05)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, refused] = yield* session.data(plain)
      assert.strictEqual(refused.status, 401)
      const [, allowed] = yield* session.data(plain).pipe(RequestOptions.with({ allowInsecureBasic: true }))
      assert.strictEqual(allowed.status, 200)
      // what was allowed once is not allowed ahead of the next challenge, unless it is said again
      const [, later] = yield* session.data(plain)
      assert.strictEqual(later.status, 401)
      yield* session.data(plain).pipe(RequestOptions.with({ allowInsecureBasic: true }))
      assert.deepStrictEqual(yield* sent, [undefined, undefined, basicOf(ada), undefined, basicOf(ada)])
    }).pipe(Effect.provide(stored), scripted(basicServer(ada))))

  it.scoped("the URL's user info needs the same", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data("http://ada:lovelace@api.test/")
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(yield* sent, [undefined])
    }).pipe(scripted(basicServer(ada))))

  for (const host of ["localhost", "127.0.0.1", "[::1]", "app.localhost"]) {
    it.scoped(`to this machine it does: ${host}`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const [, response] = yield* session.data(`http://ada:lovelace@${host}:8080/`)
        assert.strictEqual(response.status, 200)
      }).pipe(scripted(basicServer(ada))))
  }

  for (const host of ["localhost.evil.test", "127.0.0.1.evil.test", "notlocalhost"]) {
    it.scoped(`a name that only looks like this machine is not: ${host}`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const [, response] = yield* session.data(`http://ada:lovelace@${host}/`)
        assert.strictEqual(response.status, 401)
      }).pipe(scripted(basicServer(ada))))
  }

  it.scoped("Digest does not give the password away, so default handling answers it (PSP-05)", () => {
    const server = new DigestServer(ada)
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(plain)
      assert.strictEqual(response.status, 200)
    }).pipe(
      Effect.provide(storageWith([ada, spaceOf("Digest", "api", plain)])),
      Effect.provide(digests),
      scripted(server.answer)
    )
  })

  it.scoped("a resolver that names the plain origin is obeyed, and one for https is not asked", () =>
    Effect.gen(function*() {
      const answer = (origin: string) =>
        ChallengeResolver.make({
          Basic: ChallengeResolver.forSpace({ origin }, () => Effect.succeed(Disposition.use(ada)))
        })
      const secure = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(answer(api))))
      assert.strictEqual((yield* secure.data(plain))[1].status, 401)
      const insecure = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(answer(plain))))
      assert.strictEqual((yield* insecure.data(plain))[1].status, 200)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("a downgrade by redirect is another origin", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.deepStrictEqual((yield* requests).map((request) => [request.url, authorizationOf(request)]), [
        [api, undefined],
        [api, basicOf(ada)],
        [plain, undefined]
      ])
      assert.isTrue(asked.last?.crossOrigin)
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(
          asked.answering((challenge) => challenge.crossOrigin ? Disposition.useNone : Disposition.use(ada))
        )
      })),
      scripted((request) =>
        request.url === plain || authorizationOf(request) === undefined
          ? TestTransport.challenge("Basic realm=\"api\"")
          : TestTransport.redirect(302, plain)
      )
    )
  })
})
