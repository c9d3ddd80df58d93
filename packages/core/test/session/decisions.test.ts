/** The decision log: what each stage says of itself, and that nothing is there, and nothing differs, where nobody asks. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Decision from "@urlsession/core/Decision"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { layer as inflating } from "./codings.ts"
import { api, inTurn, ok, scripted } from "./support.ts"

const logging = SessionConfiguration.make({ logDecisions: true })

const logOf = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function*() {
    const session = yield* UrlSession.make(logging)
    const task = yield* session.dataTask(request)
    yield* Effect.exit(task.data)
    return yield* task.decisions
  })

const tags = (log: ReadonlyArray<Decision.LoggedDecision>) =>
  log.map(({ attempt, decision }) => [attempt, decision._tag])

const Ada = ChallengeResolver.layer({
  Basic: ChallengeResolver.forSpace(
    { origin: "https://api.test" },
    () => Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "hunter2" })))
  )
})

describe("the decision log", () => {
  it.scoped("says what a redirect changes and which fields stay behind (RFC 9110 15.4)", () =>
    Effect.gen(function*() {
      const log = yield* logOf(
        HttpClientRequest.post(`${api}form?token=s3cret`).pipe(
          HttpClientRequest.bodyText("a=b", "text/plain"),
          HttpClientRequest.setHeaders({ authorization: "Bearer s3cret", "x-own": "s3cret" })
        )
      )
      assert.deepStrictEqual(tags(log), [[0, "AttemptBegan"], [1, "RedirectDecided"], [1, "AttemptBegan"]])
      assert.deepInclude(log[1]?.decision, {
        status: 303,
        from: `${api}form?…`,
        to: "https://other.test/?…",
        action: "Follow",
        method: "GET",
        methodChanged: true,
        bodyDropped: true,
        crossOrigin: true,
        droppedFields: ["content-type", "authorization", "x-own"]
      })
      assert.notInclude(JSON.stringify(log), "s3cret")
    }).pipe(scripted(inTurn(TestTransport.redirect(303, "https://other.test/?key=s3cret"), ok()))))

  it.scoped("says by which scheme a credential goes, for which space, and never whose", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(UrlSession.make(logging), Ada)
      const [, first] = yield* session.data(api)
      const [, second] = yield* session.data(api)
      const space = "Basic space \"api\" of https://api.test"
      assert.deepStrictEqual(tags(yield* first.decisions), [
        [0, "AttemptBegan"],
        [0, "ChallengeAnswered"],
        [1, "CredentialAttached"],
        [1, "AttemptBegan"]
      ])
      const log = [...yield* first.decisions, ...yield* second.decisions].map(({ decision }) => decision)
      assert.deepStrictEqual(log.filter((one) => one._tag === "CredentialAttached"), [
        { _tag: "CredentialAttached", scheme: "Basic", space, ahead: false },
        { _tag: "CredentialAttached", scheme: "Basic", space, ahead: true }
      ])
      assert.deepInclude(log[1], { disposition: "UseCredential", previousFailureCount: 0, crossOrigin: false })
      assert.notMatch(log.map(Decision.format).join("\n"), /ada|hunter2/)
    }).pipe(
      scripted((request) =>
        request.header("authorization") === undefined ? TestTransport.challenge("Basic realm=\"api\"") : ok()
      )
    ))

  it.scoped("says why a request was sent again", () =>
    Effect.gen(function*() {
      const log = yield* logOf(HttpClientRequest.get(api))
      assert.deepStrictEqual(tags(log), [[0, "AttemptBegan"], [1, "SentAgain"], [1, "AttemptBegan"]])
      assert.deepInclude(log[1]?.decision, { by: "recover", after: 0 })
      assert.match(log.map(({ decision }) => Decision.format(decision)).join(), /421/)
    }).pipe(scripted(inTurn(TestTransport.respond(421), ok()))))

  it.scoped("says what a policy refuses, and by which rule", () =>
    Effect.gen(function*() {
      const log = yield* logOf(HttpClientRequest.get("http://api.test/?key=s3cret"))
      assert.deepStrictEqual(log.map(({ decision }) => decision), [{
        _tag: "RequestRefused",
        url: "http://api.test/?…",
        rule: "plain http to api.test; use https, or leave TransportSecurity.strict out"
      }])
    }).pipe(Effect.provide(TransportSecurity.strict), scripted(() => ok())))

  it.scoped("says which codings are undone", () =>
    Effect.gen(function*() {
      const log = yield* logOf(HttpClientRequest.get(api))
      assert.deepInclude(log[1], {
        attempt: 0,
        decision: { _tag: "CodingDecided", action: "Fail", codings: ["rot13"], why: "the coding is not known" }
      })
    }).pipe(
      Effect.provide(inflating),
      scripted(() => TestTransport.respond(200, { body: "uryyb", headers: { "content-encoding": "rot13" } }))
    ))

  it.scoped("is the request's to ask for, and the metrics have it", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, plain] = yield* session.data(api)
      const [, asked] = yield* session.data(api).pipe(RequestOptions.with({ logDecisions: true }))
      assert.deepStrictEqual(yield* plain.decisions, [])
      assert.strictEqual((yield* plain.metrics).decisions, undefined)
      assert.deepStrictEqual((yield* asked.metrics).decisions, yield* asked.decisions)
      assert.strictEqual((yield* asked.decisions).length, 1)
    }).pipe(scripted(() => ok())))

  const step = FastCheck.constantFrom(
    TestTransport.redirect(302, "/next"),
    TestTransport.redirect(307, "https://other.test/"),
    TestTransport.challenge("Basic realm=\"api\""),
    TestTransport.respond(421),
    ok()
  )
  it.effect.prop(
    "changes nothing of what is sent and answered, and is not there unless it is asked for",
    { steps: FastCheck.array(step, { maxLength: 5 }) },
    ({ steps }) => {
      const scripts = [...steps, ok()]
      const run = (logDecisions: boolean) =>
        Effect.gen(function*() {
          const session = yield* UrlSession.make(SessionConfiguration.make({ logDecisions }))
          const task = yield* session.dataTask(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("x-a", "b")))
          const [bytes, response] = yield* task.data
          const transport = yield* TestTransport.TestTransport
          const sent = (yield* transport.requests).map((
            one
          ) => [one.method, one.url, one.header("x-a"), one.header("authorization")])
          return { log: (yield* task.metrics).decisions, sent, answer: [response.status, bytes] }
        }).pipe(Effect.provide(Ada), scripted(inTurn(...scripts)), Effect.scoped)
      return Effect.gen(function*() {
        const on = yield* run(true)
        const off = yield* run(false)
        assert.deepStrictEqual([on.sent, on.answer], [off.sent, off.answer])
        assert.strictEqual(off.log, undefined)
        const began = on.log?.filter(({ decision }) => decision._tag === "AttemptBegan").map(({ attempt }) => attempt)
        assert.deepStrictEqual(began, on.sent.map((_, index) => index))
        for (const { decision } of on.log ?? []) assert.notMatch(Decision.format(decision), /hunter2|undefined/)
      })
    },
    { fastCheck: { numRuns: 30 } }
  )
})
