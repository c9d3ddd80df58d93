// Bearer tokens (RFC 6750) in the pipeline: answered, sent ahead, refused, and never where they do not belong.
import { assert, describe, it } from "@effect/vitest"
import type { BearerChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { authorizationOf, sent } from "./authSupport.ts"
import { api, scripted } from "./support.ts"

const tokenOf = (text: string, expiresAt?: number) => Credential.token({ token: text, expiresAt })

const server = (good: string, challenge: string | null = "Bearer realm=\"api\"") => {
  const refuse = challenge === null ? TestTransport.respond(401) : TestTransport.challenge(challenge)
  return (request: TestTransport.ReceivedRequest) =>
    authorizationOf(request) === `Bearer ${good}` ? TestTransport.respond(200, { body: "in" }) : refuse
}

/** Answers with one token after the other, and notes what it is asked. */
const answering = (asked: Array<BearerChallenge>, ...tokens: ReadonlyArray<Credential.TokenCredential>) =>
  ChallengeResolver.anyOrigin((challenge: BearerChallenge) => {
    const token = tokens[asked.push(challenge) - 1]
    return Effect.succeed(token === undefined ? Disposition.useNone : Disposition.use(token))
  })

const withAhead = (
  entry: ReturnType<typeof answering>,
  ahead: (origin: string) => Option.Option<Credential.TokenCredential>
): ChallengeResolver.BearerHandler => ({ ...entry, ahead: (origin) => Effect.sync(() => ahead(origin)) })

const sessionOf = (entry: ChallengeResolver.BearerHandler) =>
  UrlSession.make().pipe(Effect.provide(ChallengeResolver.layer({ Bearer: entry })))

const status = (session: UrlSession.Service, url: string) => Effect.map(session.data(url), ([, head]) => head.status)

const refusedToken = (challenge: BearerChallenge | undefined): string | undefined =>
  Option.getOrUndefined(
    Option.map(challenge?.proposedCredential ?? Option.none(), ({ token }) => Redacted.value(token))
  )

describe("Bearer", () => {
  it.scoped("is answered by the resolver's entry, and sent again in the space [TRU-09]", () => {
    const asked: Array<BearerChallenge> = []
    return Effect.gen(function*() {
      const session = yield* sessionOf(answering(asked, tokenOf("t1")))
      assert.strictEqual(yield* status(session, `${api}a/1`), 200)
      assert.strictEqual(yield* status(session, `${api}a/2`), 200)
      assert.deepStrictEqual(yield* sent, [undefined, "Bearer t1", "Bearer t1"])
      assert.deepStrictEqual(asked.map(({ space }) => space.toString()), ["Bearer space \"api\" of https://api.test"])
    }).pipe(scripted(server("t1")))
  })

  it.scoped("shows what the server says of the token, and the token that it refused", () => {
    const asked: Array<BearerChallenge> = []
    return Effect.gen(function*() {
      const session = yield* sessionOf(answering(asked, tokenOf("old"), tokenOf("new")))
      assert.strictEqual(yield* status(session, api), 200)
      const [first, second] = asked
      assert.deepStrictEqual([first?.previousFailureCount, refusedToken(first)], [0, undefined])
      assert.deepStrictEqual([second?.previousFailureCount, refusedToken(second)], [1, "old"])
      assert.deepStrictEqual([second?.error, second?.scope], ["invalid_token", "read write"])
    }).pipe(scripted(server("new", "Bearer realm=\"api\", error=\"invalid_token\", scope=\"read write\"")))
  })

  it.scoped("goes ahead of any challenge where the entry says so, and its refusal is no failure", () => {
    const asked: Array<BearerChallenge> = []
    const origins: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* sessionOf(withAhead(answering(asked, tokenOf("new")), (origin) => {
        origins.push(origin)
        return Option.some(tokenOf("old"))
      }))
      assert.strictEqual(yield* status(session, api), 200)
      assert.deepStrictEqual(yield* sent, ["Bearer old", "Bearer new"])
      assert.deepStrictEqual([asked[0]?.previousFailureCount, refusedToken(asked[0])], [0, "old"])
      assert.deepStrictEqual(origins, ["https://api.test"])
    }).pipe(scripted(server("new")))
  })

  it.scoped("takes a 401 without a challenge for the refusal of the token that was sent", () => {
    const asked: Array<BearerChallenge> = []
    return Effect.gen(function*() {
      const session = yield* sessionOf(withAhead(answering(asked, tokenOf("new")), () => Option.some(tokenOf("old"))))
      assert.strictEqual(yield* status(session, api), 200)
      assert.strictEqual(refusedToken(asked[0]), "old")
    }).pipe(scripted(server("new", null)))
  })

  it.scoped("is nobody's business without a token: a bare 401 is the result", () => {
    const asked: Array<BearerChallenge> = []
    return Effect.gen(function*() {
      const session = yield* sessionOf(answering(asked, tokenOf("new")))
      assert.strictEqual(yield* status(session, api), 401)
      assert.strictEqual(asked.length, 0)
    }).pipe(scripted(server("new", null)))
  })

  it.scoped("goes ahead neither over plain http to elsewhere, nor beside the caller's own field, nor after a redirect", () => {
    const asked: Array<BearerChallenge> = []
    return Effect.gen(function*() {
      const session = yield* sessionOf(withAhead(answering(asked), () => Option.some(tokenOf("t1"))))
      yield* session.data("http://plain.test/")
      yield* session.data("http://127.0.0.1/")
      yield* session.data("http://plain.test/").pipe(
        Effect.provideService(RequestOptions.RequestOptions, { allowInsecureBasic: true })
      )
      yield* session.data("https://api.test/away")
      assert.deepStrictEqual(yield* sent, [undefined, "Bearer t1", "Bearer t1", "Bearer t1", undefined])
    }).pipe(
      scripted((request) =>
        request.url.endsWith("/away")
          ? TestTransport.redirect(302, "https://other.test/")
          : TestTransport.respond(200)
      )
    )
  })

  it.scoped("is not sent once its time is over", () => {
    const asked: Array<BearerChallenge> = []
    return Effect.gen(function*() {
      const session = yield* sessionOf(answering(asked, tokenOf("t1", -1), tokenOf("t1", 1_000_000)))
      for (let i = 0; i < 3; i++) assert.strictEqual(yield* status(session, api), 200)
      assert.deepStrictEqual(yield* sent, [undefined, "Bearer t1", undefined, "Bearer t1", "Bearer t1"])
    }).pipe(scripted(server("t1")))
  })

  for (const bad of ["two words", "line\r\nbreak", "", "über"]) {
    it.scoped(`cannot be ${JSON.stringify(bad)}`, () =>
      Effect.gen(function*() {
        const session = yield* sessionOf(answering([], tokenOf(bad)))
        const error = yield* Effect.flip(session.data(api))
        assert.strictEqual(error._tag === "AuthenticationError" ? error.reason._tag : error._tag, "CredentialUnusable")
        if (bad !== "") assert.notInclude(String(error), bad)
      }).pipe(scripted(server("t1"))))
  }

  it.scoped("is the task's before it is the session's", () =>
    Effect.gen(function*() {
      const session = yield* sessionOf(withAhead(answering([]), () => Option.some(tokenOf("tok-of-session"))))
      const task = ChallengeResolver.make({
        Bearer: withAhead(answering([]), () => Option.some(tokenOf("tok-of-task")))
      })
      yield* session.data(api).pipe(ChallengeResolver.provideTask(task))
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, ["Bearer tok-of-task", "Bearer tok-of-session"])
    }).pipe(scripted(() => TestTransport.respond(200))))

  it.scoped("whose entry fails ends the request, and shows no secret", () =>
    Effect.gen(function*() {
      const session = yield* sessionOf({
        ...answering([]),
        ahead: () => Effect.fail(new Error("the vault is shut"))
      })
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error._tag === "AuthenticationError" ? error.reason._tag : error._tag, "ResolverFailed")
    }).pipe(scripted(() => TestTransport.respond(200))))

  it.scoped("may be asked for with a request of the same session, which carries none", () => {
    let holder: UrlSession.Service | undefined
    return Effect.gen(function*() {
      const session = yield* sessionOf({
        ...answering([]),
        ahead: () =>
          holder === undefined
            ? Effect.succeed(Option.none())
            : Effect.as(holder.data("https://api.test/token"), Option.some(tokenOf("t1")))
      })
      holder = session
      assert.strictEqual(yield* status(session, api), 200)
      assert.deepStrictEqual(yield* sent, [undefined, "Bearer t1"])
    }).pipe(scripted(() => TestTransport.respond(200)))
  })
})
