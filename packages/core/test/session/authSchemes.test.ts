// Which schemes a session answers: not those that are disabled, none weaker than before, those of a connection session first.
import { assert, describe, it } from "@effect/vitest"
import * as AuthenticationScheme from "@urlsession/core/AuthenticationScheme"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ada, always, authorizationOf, basicOf, bob, digests, sent } from "./authSupport.ts"
import { api, scripted } from "./support.ts"

const digestLine = (algorithm: string, realm = "api") =>
  `Digest realm="${realm}", qop="auth", algorithm=${algorithm}, nonce="n"`
const basicLine = "Basic realm=\"api\""

const sessionWith = (options: SessionConfiguration.Options = {}) =>
  UrlSession.make(SessionConfiguration.make(options)).pipe(
    Effect.provide(ChallengeResolver.layerFrom(always(ada))),
    Effect.provide(digests)
  )

/** Lets in by any scheme; what it asks for may change. */
const changing = () => {
  const server = { offers: [digestLine("SHA-256"), basicLine] as ReadonlyArray<string>, expired: false }
  const answer = (request: TestTransport.ReceivedRequest) => {
    const value = authorizationOf(request)
    const offered = server.offers.some((line) => value?.split(" ")[0] === line.split(" ")[0])
    const stale = server.expired && value !== undefined && value.startsWith("Digest")
    return value !== undefined && offered && !stale
      ? TestTransport.respond(200)
      : TestTransport.challenge(...server.offers)
  }
  return { server, answer }
}

describe("a downgrade", () => {
  for (const [name, weaker] of [["Basic", [basicLine]], ["Digest with MD5", [digestLine("MD5"), basicLine]]] as const) {
    it.scoped(`from Digest with SHA-256 to ${name} is refused, and no password sent`, () => {
      const { answer, server } = changing()
      return Effect.gen(function*() {
        const session = yield* sessionWith()
        yield* session.data(api)
        server.offers = weaker
        server.expired = true
        const error = yield* Effect.flip(session.data(api))
        assert.strictEqual(error._tag, "AuthenticationError")
        if (error._tag !== "AuthenticationError") return
        assert.strictEqual(error.reason._tag, "DowngradeRefused")
        assert.include(error.message, "allowsAuthenticationDowngrade")
        const schemes = (yield* sent).map((value) => value?.split(" ")[0])
        assert.deepStrictEqual(schemes, [undefined, "Digest", "Digest"])
      }).pipe(scripted(answer))
    })
  }

  it.scoped("is answered where the configuration allows it", () => {
    const { answer, server } = changing()
    return Effect.gen(function*() {
      const session = yield* sessionWith({ allowsAuthenticationDowngrade: true })
      yield* session.data(api)
      server.offers = [basicLine]
      const [, head] = yield* session.data(api)
      assert.strictEqual(head.status, 200)
    }).pipe(scripted(answer))
  })

  it.scoped("is forgotten by a reset", () => {
    const { answer, server } = changing()
    return Effect.gen(function*() {
      const session = yield* sessionWith()
      yield* session.data(api)
      yield* session.reset
      server.offers = [basicLine]
      const [, head] = yield* session.data(api)
      assert.strictEqual(head.status, 200)
    }).pipe(scripted(answer))
  })

  it.scoped("is none in another realm, nor upwards", () => {
    const { answer, server } = changing()
    return Effect.gen(function*() {
      const session = yield* sessionWith()
      server.offers = [basicLine]
      yield* session.data(`${api}a/`)
      server.offers = [digestLine("SHA-256")]
      yield* session.data(`${api}a/`)
      server.offers = ["Basic realm=\"other\""]
      const [, head] = yield* session.data(`${api}b/`)
      assert.strictEqual(head.status, 200)
    }).pipe(scripted(answer))
  })
})

describe("a disabled scheme", () => {
  it.scoped("is passed over for the next one", () => {
    const { answer } = changing()
    return Effect.gen(function*() {
      const session = yield* sessionWith({ disabledAuthenticationSchemes: ["digest"] })
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada)])
    }).pipe(scripted(answer))
  })

  it.scoped("is as good as none where there is no other", () => {
    const { answer } = changing()
    return Effect.gen(function*() {
      const session = yield* sessionWith({ disabledAuthenticationSchemes: ["Digest", "BASIC"] })
      const [, head] = yield* session.data(api)
      assert.strictEqual(head.status, 401)
      assert.deepStrictEqual(yield* sent, [undefined])
    }).pipe(scripted(answer))
  })
})

/** One message, in the clear. */
const plain = (name: string, binding: "request" | "connection"): AuthenticationScheme.AuthenticationScheme => ({
  name,
  strength: 20,
  binding,
  hidesSecret: false,
  answers: () => true,
  begin: (_challenge, { user }) =>
    Effect.succeed({
      next: () => Effect.succeed(Redacted.make(`${name} ${user}`)),
      challenged: () => Effect.succeed("Refused"),
      accepted: () => Effect.void
    })
})

describe("who is asked", () => {
  for (const [method, first] of [["NTLM", "session"], ["Negotiate", "session"], ["Own", "task"]] as const) {
    it.scoped(`about ${method} is the ${first} first [AUT-01]`, () => {
      const log: Array<string> = []
      const level = (name: string, credential: typeof ada) => {
        const answer = ChallengeResolver.anyOrigin(() =>
          Effect.sync(() => {
            log.push(name)
            return name === first ? Disposition.next : Disposition.use(credential)
          })
        )
        return method === "Own"
          ? ChallengeResolver.make({ schemes: { Own: answer } })
          : method === "NTLM"
          ? ChallengeResolver.make({ NTLM: answer })
          : ChallengeResolver.make({ Negotiate: answer })
      }
      return Effect.gen(function*() {
        const session = yield* UrlSession.make().pipe(
          Effect.provide(Layer.merge(
            AuthenticationScheme.layer(plain(method, method === "Own" ? "request" : "connection")),
            ChallengeResolver.layerFrom(level("session", ada))
          ))
        )
        yield* session.data(api).pipe(ChallengeResolver.provideTask(level("task", bob)))
        assert.deepStrictEqual(log, first === "session" ? ["session", "task"] : ["task", "session"])
        assert.deepStrictEqual(yield* sent, [undefined, `${method} ${first === "session" ? "bob" : "ada"}`])
      }).pipe(
        scripted((request) =>
          authorizationOf(request) === undefined ? TestTransport.challenge(method) : TestTransport.respond(200)
        )
      )
    })
  }

  it.scoped("about nothing that needs a connection of its own, where the transport keeps none", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(
        Effect.provide(Layer.merge(
          AuthenticationScheme.layer(plain("Own", "connection")),
          ChallengeResolver.layer({
            schemes: { Own: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.use(ada))) }
          })
        ))
      )
      const [, head] = yield* session.data(api)
      assert.strictEqual(head.status, 401)
    }).pipe(
      Effect.provide(TestTransport.layer({ answer: () => TestTransport.challenge("Own"), capabilities: [] }))
    ))
})
