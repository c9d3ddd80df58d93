// Who is asked about a challenge, in which order, and what each answer does: the table of DESIGN section 6.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  ada,
  always,
  Asked,
  authorizationOf,
  basicOf,
  basicServer,
  bob,
  digests,
  DigestServer,
  sent,
  spaceOf,
  storageWith,
  wrong
} from "./authSupport.ts"
import { api, requests, scripted, text } from "./support.ts"

type Method = "Basic" | "Digest"
type Level = "absent" | "no entry" | "next" | "answers"

const levels: ReadonlyArray<Level> = ["absent", "no entry", "next", "answers"]

/** A resolver for one level of the table: it notes its name where it is asked. */
const levelOf = (level: Level, method: Method, name: string, log: Array<string>) => {
  if (level === "absent") return undefined
  const asked = ChallengeResolver.anyOrigin(() =>
    Effect.sync((): Disposition.Disposition => {
      log.push(name)
      return level === "next" ? Disposition.next : Disposition.use(name === "task" ? ada : bob)
    })
  )
  const other = ChallengeResolver.anyOrigin(() => Effect.dieMessage("asked about another method"))
  const entries = level === "no entry" ? { own: undefined, other } : { own: asked, other: undefined }
  const [basic, digest] = method === "Basic" ? [entries.own, entries.other] : [entries.other, entries.own]
  return ChallengeResolver.make({
    ...(basic === undefined ? {} : { Basic: basic }),
    ...(digest === undefined ? {} : { Digest: digest })
  })
}

const sessionWith = (resolver: ChallengeResolver.Resolver | undefined) =>
  UrlSession.make().pipe(
    resolver === undefined ? (self) => self : Effect.provide(ChallengeResolver.layerFrom(resolver)),
    Effect.provide(digests)
  )

const withTask = (resolver: ChallengeResolver.Resolver | undefined) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  resolver === undefined ? effect : ChallengeResolver.provideTask(resolver)(effect)

/** Which levels are asked, and whose credential is sent. */
const expected = (task: Level, session: Level) => {
  const asked = [
    ...(task === "next" || task === "answers" ? ["task"] : []),
    ...(task !== "answers" && (session === "next" || session === "answers") ? ["session"] : [])
  ]
  return { asked, user: task === "answers" ? "ada" : session === "answers" ? "bob" : undefined }
}

describe("routing: the task's resolver, then the session's, then the default", () => {
  for (const method of ["Basic", "Digest"] as const) {
    for (const task of levels) {
      for (const session of levels) {
        const { asked, user } = expected(task, session)
        it.scoped(
          `${method}, task: ${task}, session: ${session}: asks ${asked.join(", ") || "nobody"} (AUT-01, AUT-02)`,
          () => {
            const log: Array<string> = []
            const line = method === "Basic" ? "Basic realm=\"api\"" : new DigestServer(ada).line()
            return Effect.gen(function*() {
              const one = yield* sessionWith(levelOf(session, method, "session", log))
              const [, response] = yield* one.data(api).pipe(withTask(levelOf(task, method, "task", log)))
              assert.deepStrictEqual(log, asked)
              assert.strictEqual(response.status, user === undefined ? 401 : 200)
              const [first, second, third] = yield* sent
              assert.isUndefined(first)
              assert.isUndefined(third)
              if (user === undefined) assert.isUndefined(second)
              else if (method === "Basic") assert.strictEqual(second, basicOf(user === "ada" ? ada : bob))
              else assert.include(second, `username="${user}"`)
            }).pipe(
              scripted((request) =>
                request.authorization === undefined ? TestTransport.challenge(line) : TestTransport.respond(200)
              )
            )
          }
        )
      }
    }
  }
})

describe("dispositions (DEL-04)", () => {
  for (const level of ["task", "session"] as const) {
    const at = (resolver: ChallengeResolver.Resolver) =>
      Effect.map(sessionWith(level === "session" ? resolver : undefined), (session) => ({
        data: session.data(api).pipe(withTask(level === "task" ? resolver : undefined))
      }))

    it.scoped(`use, at the ${level} level, sends again with the credential (TestURLSession/test_basicAuthRequest)`, () =>
      Effect.gen(function*() {
        const session = yield* at(always(ada))
        const [bytes, response] = yield* session.data
        assert.strictEqual(response.status, 200)
        assert.strictEqual(text(bytes), "in")
        assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada)])
      }).pipe(scripted(basicServer(ada))))

    it.scoped(`useNone, at the ${level} level, delivers the 401 with its body (AUT-05)`, () => {
      const asked = new Asked()
      return Effect.gen(function*() {
        const session = yield* at(ChallengeResolver.make({ Basic: asked.basic(Disposition.useNone) }))
        const [bytes, response] = yield* session.data
        assert.strictEqual(response.status, 401)
        assert.strictEqual(text(bytes), "who are you?")
        assert.strictEqual(asked.count, 1)
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(scripted(() =>
        TestTransport.respond(401, {
          headers: { "www-authenticate": "Basic realm=\"a\", Basic realm=\"b\"" },
          body: "who are you?"
        })
      ))
    })

    it.scoped(`cancel, at the ${level} level, fails with reason Cancelled and code -999 (AUT-06)`, () => {
      const asked = new Asked()
      return Effect.gen(function*() {
        const session = yield* at(ChallengeResolver.make({ Basic: asked.basic(Disposition.cancel) }))
        const error = yield* Effect.flip(session.data)
        assert.strictEqual(error._tag, "AuthenticationError")
        assert.strictEqual(error.reason._tag, "Cancelled")
        assert.strictEqual(error.code, -999)
        assert.isFalse(error.isTransient)
        assert.include(error.message, "Basic space \"api\" of https://api.test")
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(scripted(basicServer(ada)))
    })

    it.scoped(`reject, at the ${level} level, goes on to the next challenge of the response (AUT-07)`, () => {
      const asked = new Asked()
      return Effect.gen(function*() {
        const session = yield* at(
          ChallengeResolver.make({
            Basic: ChallengeResolver.anyOrigin(
              asked.answering((challenge) =>
                challenge.space.realm === "second" ? Disposition.use(ada) : Disposition.reject
              )
            )
          })
        )
        const [, response] = yield* session.data
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(asked.challenges.map((one) => one.space.realm), ["first", "second"])
      }).pipe(scripted((request) =>
        authorizationOf(request) === basicOf(ada)
          ? TestTransport.respond(200)
          : TestTransport.challenge("Basic realm=\"first\", Basic realm=\"second\"")
      ))
    })

    it.scoped(`reject of every challenge, at the ${level} level, delivers the 401 (AUT-07)`, () => {
      const asked = new Asked()
      return Effect.gen(function*() {
        const session = yield* at(ChallengeResolver.make({ Basic: asked.basic(Disposition.reject) }))
        const [, response] = yield* session.data
        assert.strictEqual(response.status, 401)
        assert.strictEqual(asked.count, 2)
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(scripted(() => TestTransport.challenge("Basic realm=\"first\"", "Basic realm=\"second\"")))
    })
  }

  it.scoped("a task's reject does not ask the session about the same space", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* sessionWith(ChallengeResolver.make({ Basic: asked.basic(Disposition.use(ada)) }))
      const resolver = ChallengeResolver.make({
        Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.reject))
      })
      const [, response] = yield* session.data(api).pipe(ChallengeResolver.provideTask(resolver))
      assert.strictEqual(response.status, 401)
      assert.strictEqual(asked.count, 0)
    }).pipe(scripted(basicServer(ada)))
  })

  it.scoped("performDefault uses the stored default credential, and only once (AUT-04)", () => {
    const asked = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(wrong)])
      assert.deepStrictEqual(asked.challenges.map((one) => one.previousFailureCount), [0, 1])
    }).pipe(
      Effect.provide(Layer.mergeAll(
        storageWith([wrong, spaceOf("Basic", "api")]),
        ChallengeResolver.layer({ Basic: asked.basic(Disposition.performDefault) })
      )),
      scripted(basicServer(ada))
    )
  })

  it.scoped("performDefault without a credential goes on to the next challenge of the list (AUT-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada)])
    }).pipe(
      Effect.provide(storageWith([ada, spaceOf("Basic", "second")])),
      scripted((request) =>
        authorizationOf(request) === basicOf(ada)
          ? TestTransport.respond(200)
          : TestTransport.challenge("Basic realm=\"first\", Basic realm=\"second\"")
      )
    ))
})

describe("default handling, without any resolver (DEL-05)", () => {
  const delivered = (line: string | undefined) =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [bytes, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.strictEqual(text(bytes), "no")
      assert.strictEqual((yield* requests).length, 1)
      assert.deepStrictEqual(yield* session.openResources, {
        sockets: 0,
        connecting: 0,
        queued: 0,
        tasks: 0,
        timers: 0
      })
    }).pipe(
      Effect.provide(digests),
      scripted(() =>
        TestTransport.respond(401, { headers: line === undefined ? {} : { "www-authenticate": line }, body: "no" })
      )
    )

  it.scoped(
    "delivers a Basic 401 when nobody has a credential (AUT-04, " +
      "TestURLSession/test_basicAuthChallenge_whenNoCredentialsAvailable_completesWithResponse)",
    () => delivered("Basic realm=\"api\"")
  )
  it.scoped(
    "delivers a 401 that names nothing usable (TestURLSession/test_basicAuthWithUnauthorizedHeader)",
    () => Effect.all([delivered(undefined), delivered("fdsfds"), delivered("")], { discard: true })
  )
  it.scoped("delivers a 401 of a scheme that no challenge can answer (TRU-09)", () =>
    delivered("Bearer realm=\"api\", error=\"invalid_token\""))
  it.scoped("delivers a Digest 401 whose algorithm is not known here", () =>
    delivered("Digest realm=\"api\", nonce=\"n\", algorithm=SHA-512-256"))
})
