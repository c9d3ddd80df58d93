// Resolvers that fail, die, hang or are interrupted, and servers that never let anybody in.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
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
  digestParams,
  digests,
  DigestServer,
  sent,
  wrong
} from "./authSupport.ts"
import { api, nothingOpen, requests, scripted, settle, text } from "./support.ts"

const answering = (answer: ChallengeResolver.Answer) =>
  ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(answer) })

/** The error of a request whose resolver answers so; and nothing is left open. */
const failing = (answer: ChallengeResolver.Answer) =>
  Effect.gen(function*() {
    const session = yield* UrlSession.make().pipe(Effect.provide(answering(answer)))
    const error = yield* Effect.flip(session.data(api))
    assert.strictEqual(error._tag, "AuthenticationError")
    assert.strictEqual(error.reason._tag, "ResolverFailed")
    assert.isFalse(error.isTransient)
    assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    const cause = "cause" in error ? error.cause : undefined
    assert.isTrue(Cause.isCause(cause))
    return Cause.isCause(cause) ? cause : Cause.empty
  }).pipe(scripted(basicServer(ada)))

describe("a resolver that", () => {
  it.scoped("fails ends the request with ResolverFailed and its failure", () =>
    Effect.gen(function*() {
      const cause = yield* failing(() => Effect.fail("no vault"))
      assert.deepStrictEqual(Cause.failureOption(cause), Option.some("no vault"))
    }))

  it.scoped("dies ends the request with ResolverFailed and its defect", () =>
    Effect.gen(function*() {
      const cause = yield* failing(() => Effect.dieMessage("a bug"))
      assert.isTrue(Option.isSome(Cause.dieOption(cause)))
    }))

  it.scoped("gives no answer, as a program without types may, is no different, and hears what to return", () =>
    Effect.gen(function*() {
      // @ts-expect-error an answer is a Disposition
      const cause = yield* failing(() => Effect.void)
      assert.include(Cause.pretty(cause), "Return a Disposition")
    }))

  it.scoped("throws before it gives an Effect is no different", () =>
    Effect.gen(function*() {
      const cause = yield* failing(() => {
        throw new Error("a bug")
      })
      assert.isTrue(Option.isSome(Cause.dieOption(cause)))
    }))

  it.scoped("interrupts itself ends the request as a failure, not as an interruption of its caller", () =>
    Effect.gen(function*() {
      const cause = yield* failing(() => Effect.interrupt)
      assert.isTrue(Cause.isInterrupted(cause))
    }))

  it.scoped("gives a user name that Basic cannot carry ends it with CredentialUnusable (TRU-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error._tag, "AuthenticationError")
      assert.strictEqual(error.reason._tag, "CredentialUnusable")
      assert.strictEqual((yield* requests).length, 1)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(
      Effect.provide(ChallengeResolver.layerFrom(always(Credential.password({ user: "a:da", password: "x" })))),
      scripted(basicServer(ada))
    ))

  const configuration = SessionConfiguration.make({
    timeoutIntervalForRequest: "10 seconds",
    timeoutIntervalForResource: "1 minute"
  })

  it.scoped("takes its time: the idle timer stands still, and the answer counts (AUT-11)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(configuration)
      const fiber = yield* Effect.fork(session.data(api))
      yield* TestClock.adjust("50 seconds")
      const [, response] = yield* Fiber.join(fiber)
      assert.strictEqual(response.status, 200)
    }).pipe(
      Effect.provide(answering(() => Effect.as(Effect.sleep("50 seconds"), Disposition.use(ada)))),
      scripted(basicServer(ada))
    ))

  it.scoped("never answers is interrupted by the total timer (AUT-11)", () =>
    Effect.gen(function*() {
      const interrupted = yield* Deferred.make<void>()
      const session = yield* UrlSession.make(configuration).pipe(
        Effect.provide(
          answering(() => Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined)))
        )
      )
      const fiber = yield* Effect.fork(Effect.flip(session.data(api)))
      yield* TestClock.adjust("59 seconds")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "TimeoutError")
      assert.strictEqual(error.reason._tag === "TimedOut" ? error.reason.timer : "", "resource")
      yield* Deferred.await(interrupted)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("never answers is interrupted with its task (AUT-11)", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      const session = yield* UrlSession.make().pipe(
        Effect.provide(answering(() =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.zipRight(Effect.never),
            Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
          )
        ))
      )
      const fiber = yield* Effect.fork(session.data(api))
      yield* Deferred.await(asked)
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
      yield* Deferred.await(interrupted)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("never answers is ended by cancelling the task, and by the end of the session", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(answering(() => Effect.never)))
      const task = yield* session.dataTask(api)
      const first = yield* Effect.fork(Effect.flip(task.data))
      yield* settle
      yield* task.cancel
      assert.strictEqual((yield* Fiber.join(first))._tag, "Cancelled")
      const second = yield* Effect.fork(Effect.flip(session.data(api)))
      yield* settle
      yield* session.invalidateAndCancel
      assert.strictEqual((yield* Fiber.join(second))._tag, "Cancelled")
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("waits holds up its own task only (AUT-11)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(answering(() => Effect.never)))
      yield* Effect.fork(session.data(api))
      yield* settle
      const [bytes] = yield* session.data("https://api.test/open")
      assert.strictEqual(text(bytes), "open")
    }).pipe(scripted((request) =>
      request.url.endsWith("/open") ? TestTransport.respond(200, { body: "open" }) : basicServer(ada)(request)
    )))
})

describe("a server that never lets anybody in", () => {
  const rounds = (
    limit: number | undefined,
    answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script
  ) =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(
        limit === undefined
          ? SessionConfiguration.default
          : SessionConfiguration.make({ authenticationRoundLimit: limit })
      )
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error._tag, "AuthenticationError")
      assert.deepStrictEqual(error.reason, { _tag: "TooManyRounds", limit: limit ?? 20 })
      assert.strictEqual((yield* requests).length, (limit ?? 20) + 1)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(Effect.provide(ChallengeResolver.layerFrom(always(ada))), Effect.provide(digests), scripted(answer))

  it.scoped("answers 401 for ever: 20 rounds, then TooManyRounds", () =>
    rounds(undefined, () => TestTransport.challenge("Basic realm=\"api\"")))

  it.scoped("answers 401 for ever: the limit is a setting", () =>
    rounds(3, () => TestTransport.challenge("Basic realm=\"api\"")))

  it.scoped("names another realm each time", () =>
    rounds(undefined, (request) => TestTransport.challenge(`Basic realm="${request.index}"`)))

  it.scoped("changes scheme and algorithm each time", () =>
    rounds(undefined, (request) =>
      TestTransport.challenge(
        [
          "Basic realm=\"r\"",
          "Digest realm=\"r\", nonce=\"n\", algorithm=MD5",
          "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256-sess, qop=\"auth\""
        ][
          request.index % 3
        ] ?? ""
      )))

  it.scoped("calls every nonce stale", () =>
    rounds(
      undefined,
      (request) => TestTransport.challenge(`Digest realm="r", nonce="${request.index}", stale=true, qop="auth"`)
    ))

  it.scoped("challenges at every hop of a redirect: the rounds are counted over the whole task", () => {
    const seen = new Set<string>()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ authenticationRoundLimit: 5 }))
      const error = yield* Effect.flip(session.data("https://api.test/1"))
      assert.strictEqual(error._tag, "AuthenticationError")
      assert.deepStrictEqual(error.reason, { _tag: "TooManyRounds", limit: 5 })
      const last = (yield* requests).at(-1)
      assert.strictEqual(last?.url, "https://api.test/6")
    }).pipe(
      Effect.provide(ChallengeResolver.layerFrom(always(ada))),
      scripted((request) => {
        const page = Number(new URL(request.url).pathname.slice(1))
        if (seen.has(request.url)) return TestTransport.redirect(302, `/${page + 1}`)
        seen.add(request.url)
        return TestTransport.challenge(`Basic realm="${page}"`)
      })
    )
  })

  it.scoped("is left alone when the resolver gives up: cancel after a failure", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error._tag, "AuthenticationError")
      assert.strictEqual(error.code, -999)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(wrong)])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: asked.basic(Disposition.use(wrong), Disposition.cancel)
      })),
      scripted(basicServer(ada))
    )
  })
})

describe("hostile WWW-Authenticate through the whole session", () => {
  const long = "a".repeat(200_000)
  const hostile: ReadonlyArray<readonly [name: string, lines: ReadonlyArray<string>]> = [
    ["an unterminated quote", ["Basic realm=\"api"]],
    ["an unterminated quote before a good challenge", ["Digest realm=\"x, Basic realm=\"api\""]],
    ["10,000 challenges in one line", [Array.from({ length: 10_000 }, (_, i) => `Basic realm="${i}"`).join(", ")]],
    ["10,000 lines", Array.from({ length: 10_000 }, (_, i) => `Basic realm="${i}"`)],
    ["a realm twice", ["Basic realm=\"a\", realm=\"b\""]],
    ["a nonce twice", ["Digest realm=\"a\", nonce=\"1\", nonce=\"2\""]],
    ["NUL", ["Basic realm=\"a\0b\""]],
    ["line ends", ["Basic realm=\"a\r\nx: y\""]],
    ["a realm of 200,000 characters", [`Basic realm="${long}"`]],
    ["a nonce of 200,000 characters", [`Digest realm="a", nonce="${long}", qop="auth"`]],
    ["nothing but commas", [",".repeat(100_000)]],
    ["nothing but quotes", ["\"".repeat(100_000)]],
    ["backslashes to the end", [`Basic realm="${"\\".repeat(100_001)}`]],
    ["a nonce with quotes and backslashes", ["Digest realm=\"a\\\"b\", nonce=\"\\\\\\\"\", qop=\"auth\""]],
    ["no realm", ["Basic"]],
    ["a token68", ["Basic YWRhOmxvdmVsYWNl"]],
    ["Latin-1 and C1 controls", ["Basic realm=\"é\u0085\u009b\""]]
  ]

  for (const [name, lines] of hostile) {
    it.scoped(`${name}: the 401, or a limited number of answers, and nothing else`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const result = yield* Effect.either(session.data(api))
        if (result._tag === "Right") assert.strictEqual(result.right[1].status, 401)
        else assert.strictEqual(result.left._tag, "AuthenticationError")
        const all = yield* sent
        assert.isAtMost(all.length, 21)
        for (const value of all) {
          if (value !== undefined) assert.match(value, /^(?:Basic|Digest) [^\0\r\n]*$/)
        }
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(
        Effect.provide(ChallengeResolver.layerFrom(always(ada))),
        Effect.provide(digests),
        scripted(() => TestTransport.challenge(...lines))
      ))
  }

  it.scoped("a broken challenge does not hide a good one in the next line (PSP-07)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
    }).pipe(
      Effect.provide(ChallengeResolver.layerFrom(always(ada))),
      scripted((request) =>
        authorizationOf(request) === basicOf(ada)
          ? TestTransport.respond(200)
          : TestTransport.challenge("Digest realm=\"x", "Basic realm=\"api\"")
      )
    ))

  it.scoped("quotes in realm and nonce come back escaped, so that the answer is right (TRU-05)", () => {
    const server = new DigestServer(ada)
    server.nonce = "n\\\"1"
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const [, answer] = (yield* sent).map(digestParams)
      assert.strictEqual(answer?.get("nonce"), "n\"1")
      assert.strictEqual(answer?.get("realm"), "a\"p\\i")
    }).pipe(
      Effect.provide(ChallengeResolver.layerFrom(always(ada))),
      Effect.provide(digests),
      scripted((request) =>
        request.authorization === undefined
          ? TestTransport.challenge(`Digest realm="a\\"p\\\\i", nonce="${server.nonce}", qop="auth"`)
          : TestTransport.respond(200)
      )
    )
  })

  it.scoped("a hostile nextnonce changes nothing that was let in", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [first] = [yield* session.data(api)]
      assert.strictEqual(first[1].status, 200)
      const [, second] = yield* session.data(api)
      assert.strictEqual(second.status, 200)
      for (const value of yield* sent) if (value !== undefined) assert.notMatch(value, /[\0\r\n]/)
    }).pipe(
      Effect.provide(ChallengeResolver.layerFrom(always(ada))),
      Effect.provide(digests),
      scripted((request) =>
        request.authorization === undefined
          ? TestTransport.challenge("Digest realm=\"api\", nonce=\"n\", qop=\"auth\"")
          : TestTransport.respond(200, {
            headers: { "authentication-info": "nextnonce=\"x\0\r\ny\", nextnonce=\"z\", rspauth=\"" }
          })
      )
    ))
})
