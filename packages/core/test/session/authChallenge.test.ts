// What a resolver is told of a challenge, and how resolvers compose as values.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ada, Asked, basicOf, basicServer, bob, digests, sent, spaceOf, storageWith, wrong } from "./authSupport.ts"
import { api, Recorder, requests, scripted } from "./support.ts"

describe("what the resolver is told", () => {
  it.scoped("space, failure response and task (AUT-10, AUT-12, PSP-01)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://api.test:8443/a/b?c=d")
      const challenge = asked.last
      assert.strictEqual(challenge?.space.host, "api.test")
      assert.strictEqual(challenge?.space.port, 8443)
      assert.strictEqual(challenge?.space.protocol, "https")
      assert.strictEqual(challenge?.space.realm, "api")
      assert.strictEqual(challenge?.space.method, "Basic")
      assert.isFalse(challenge?.space.isProxy)
      assert.isTrue(challenge?.space.receivesCredentialSecurely)
      assert.isFalse(challenge?.crossOrigin)
      assert.strictEqual(challenge?.taskIdentifier, 1)
      const failure = Option.getOrThrow(challenge?.failureResponse ?? Option.none())
      assert.strictEqual(failure.status, 401)
      assert.strictEqual(failure.headers.get("www-authenticate"), "Basic realm=\"api\"")
    }).pipe(
      Effect.provide(ChallengeResolver.layer({ Basic: asked.basic(Disposition.useNone) })),
      scripted(basicServer(ada))
    )
  })

  it.scoped("how often this task has failed in this space, and no other (AUT-08)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const first = yield* Effect.flip(session.data(api))
      assert.strictEqual(first._tag, "AuthenticationError")
      assert.deepStrictEqual(
        asked.challenges.map((one) => [one.space.realm, one.previousFailureCount]),
        [["a", 0], ["b", 0], ["a", 1], ["b", 1]]
      )
      yield* Effect.flip(session.data(api))
      assert.strictEqual(asked.challenges[4]?.previousFailureCount, 0)
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(
          asked.answering((challenge) =>
            challenge.space.realm === "b" && challenge.previousFailureCount > 0
              ? Disposition.cancel
              : Disposition.use(wrong)
          )
        )
      })),
      scripted((request) => TestTransport.challenge(`Basic realm="${request.index % 2 === 0 ? "a" : "b"}"`))
    )
  })

  it.scoped("the stored default first, then the credential that has just failed (AUT-09)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const proposed = asked.challenges.map((one) => Option.getOrUndefined(one.proposedCredential))
      assert.deepStrictEqual(proposed, [bob, wrong])
    }).pipe(
      Effect.provide(Layer.mergeAll(
        storageWith([bob, spaceOf("Basic", "api")]),
        ChallengeResolver.layer({ Basic: asked.basic(Disposition.use(wrong), Disposition.useNone) })
      )),
      scripted(basicServer(ada))
    )
  })

  it.scoped("the user info of the URL before the stored default; decoded, and never on the wire (AUT-09)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://grace:h%40pper@api.test/")
      const proposed = Option.getOrThrow(asked.last?.proposedCredential ?? Option.none())
      assert.strictEqual(proposed.user, "grace")
      assert.deepStrictEqual(yield* sent, [undefined, `Basic ${Buffer.from("grace:h@pper").toString("base64")}`])
      for (const request of yield* requests) assert.strictEqual(request.url, "https://api.test/")
    }).pipe(
      Effect.provide(Layer.mergeAll(
        storageWith([bob, spaceOf("Basic", "api")]),
        ChallengeResolver.layer({ Basic: asked.basic(Disposition.performDefault, Disposition.useNone) })
      )),
      scripted((request) =>
        request.authorization === undefined
          ? TestTransport.challenge("Basic realm=\"api\"")
          : TestTransport.respond(200)
      )
    )
  })

  it.scoped("observers are told how each challenge was answered, in order, without the credential", () => {
    const recorder = new Recorder()
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.deepStrictEqual(
        recorder.of("ChallengeAnswered").map((one) => [one.disposition, one.previousFailureCount]),
        [["UseCredential", 0], ["UseCredential", 1], ["UseNone", 2]]
      )
    }).pipe(
      Effect.provide(Layer.mergeAll(
        recorder.layer,
        ChallengeResolver.layer({
          Basic: asked.basic(Disposition.use(wrong), Disposition.use(bob), Disposition.useNone)
        })
      )),
      scripted(basicServer(ada))
    )
  })
})

describe("the space of a 401", () => {
  /** The spaces that a resolver is asked about, in words. */
  const spaces = (url: string, line: string) => {
    const asked = new Asked()
    const rejecting = asked.answering(() => Disposition.reject)
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(url)
      return asked.challenges.map((one) => one.space)
    }).pipe(
      Effect.scoped,
      Effect.provide(ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(rejecting), Digest: rejecting })),
      Effect.provide(digests),
      scripted(() => TestTransport.challenge(line))
    )
  }

  const rows = [
    ["Basic realm=\"Fake Relam\"", "Basic", "Fake Relam"],
    ["bAsIc RealM=\"\"", "Basic", ""],
    ["Digest realm=\"Test\", nonce=\"n\", domain=\"/protected\"", "Digest", "Test"]
  ] as const

  for (const [line, method, realm] of rows) {
    it.effect(`${line}: with the default port of its scheme (PSP-02, TestURLProtectionSpace/test_createWithHTTPURLresponse)`, () =>
      Effect.gen(function*() {
        for (const [protocol, port] of [["https", 443], ["http", 80]] as const) {
          const [space, more] = yield* spaces(`${protocol}://jigsaw.w3.org/HTTP/Basic/`, line)
          assert.isUndefined(more)
          assert.deepStrictEqual(
            space,
            ProtectionSpace.make({ host: "jigsaw.w3.org", port, protocol, method, realm, isProxy: false })
          )
        }
      }))
  }

  for (const line of ["NTLM realm=\"\"", "Basic", "Basic realm", "Basic realm=", "Basic realm=\"open", ""]) {
    it.effect(`none in ${JSON.stringify(line)} (TestURLProtectionSpace/test_createWithHTTPURLresponse)`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* spaces(api, line), [])
      }))
  }

  it.effect("none in what is no challenge (TestURLProtectionSpace/test_createWithInvalidAuth)", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* spaces(api, "fdsfds"), [])
    }))
})

describe("resolvers compose as values", () => {
  const answer = (credential: typeof ada, origin: string, realm?: string) =>
    ChallengeResolver.make({
      Basic: ChallengeResolver.forSpace(
        realm === undefined ? { origin } : { origin, realm },
        () => Effect.succeed(Disposition.use(credential))
      )
    })

  it.scoped("orElse asks the second where the first has nothing to say, by origin and realm (PSP-06)", () =>
    Effect.gen(function*() {
      const resolver = answer(bob, "https://other.test").pipe(
        ChallengeResolver.orElse(answer(wrong, api, "elsewhere")),
        ChallengeResolver.orElse(answer(ada, "https://api.test:443/anything"))
      )
      const session = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(resolver)))
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada)])
    }).pipe(scripted(basicServer(ada))))

  it.scoped("an origin that is not a URL matches nothing, and other ports and schemes are other origins", () =>
    Effect.gen(function*() {
      const resolver = answer(ada, "api.test").pipe(
        ChallengeResolver.orElse(answer(ada, "http://api.test")),
        ChallengeResolver.orElse(answer(ada, "https://api.test:444")),
        ChallengeResolver.orElse(answer(ada, "https://api.test.evil.test")),
        ChallengeResolver.orElse(answer(ada, "data:text/plain,x"))
      )
      const session = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(resolver)))
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
    }).pipe(scripted(basicServer(ada))))
})
