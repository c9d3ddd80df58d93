// Who decides on a server for a request: the session's evaluator, the task's, or both; and what an accepted fault costs.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import { CredentialStorage } from "@urlsession/core/CredentialStorage"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TrustAskers } from "../../src/internal/session/trustAskers.ts"
import { ada, always, basicOf, basicServer, sent, spaceOf, storageWith } from "./authSupport.ts"
import { api, ok, Recorder, requests, settle } from "./support.ts"
import { certificate } from "./trustSupport.ts"

const chain = [certificate("leaf")]

/** A platform whose every server has these faults. */
const presenting = (
  faults: ReadonlyArray<SessionError.CertificateFault>,
  answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script = () => ok()
) =>
  Effect.provide(
    TestTransport.layer({ answer, trust: (host, port) => TestTransport.presented(host, port, faults, chain) })
  )

const resolverOf = (evaluator: ServerTrust.Evaluator) => ChallengeResolver.make({ ServerTrust: evaluator })
const sessionOf = (evaluator: ServerTrust.Evaluator | undefined) =>
  evaluator === undefined
    ? UrlSession.make()
    : UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(resolverOf(evaluator))))

const accepting = ServerTrust.custom(() => Effect.succeed(ServerTrust.accept))
const rejecting = ServerTrust.custom(() => Effect.succeed(ServerTrust.reject("not this one")))
const abstaining = ServerTrust.custom(() => Effect.succeed(ServerTrust.performDefault))

/** A resolver that has been given its services. */
const bound = (evaluator: ServerTrust.Evaluator): ChallengeResolver.Resolver => ({
  ...ChallengeResolver.make({}),
  trust: evaluator
})

/** `data`, or the reason of its TlsError. */
const outcome = (
  session: UrlSession.Service,
  task: ServerTrust.Evaluator | undefined
) =>
  session.data(api).pipe(
    task === undefined ? (self) => self : ChallengeResolver.provideTask(resolverOf(task)),
    Effect.match({
      onFailure: (error) => error._tag === "TlsError" ? error.reason._tag : error._tag,
      onSuccess: ([, response]) => response.status
    })
  )

describe("the session's evaluator and the task's (DEL-02)", () => {
  const named: ReadonlyArray<readonly [string, ServerTrust.Evaluator | undefined]> = [
    ["none", undefined],
    ["default", ServerTrust.default],
    ["abstaining", abstaining],
    ["accepting", accepting],
    ["rejecting", rejecting],
    ["pinned", ServerTrust.pinned({ "api.test": ["sha256/leaf"] })],
    ["mispinned", ServerTrust.pinned({ "api.test": ["sha256/none"] })]
  ]
  const lets = (name: string, faulty: boolean): boolean =>
    name === "accepting" || (!faulty && name !== "rejecting" && name !== "mispinned")

  for (const faulty of [false, true]) {
    for (const [sessionName, session] of named) {
      for (const [taskName, task] of named) {
        const accepted = session === undefined
          ? lets(taskName, faulty)
          : task === undefined
          ? lets(sessionName, faulty)
          : lets(sessionName, faulty) && lets(taskName, faulty)
        it.scoped(
          `${faulty ? "an unknown root" : "a good chain"}, session: ${sessionName}, task: ${taskName}: ${
            accepted ? "accepted" : "refused"
          } (TRU-01, TRU-02, AUT-01)`,
          () =>
            Effect.gen(function*() {
              const result = yield* outcome(yield* sessionOf(session), task)
              if (accepted) assert.strictEqual(result, 200)
              else assert.match(String(result), /^ServerCertificate(?:Untrusted|HasUnknownRoot)$/)
              assert.strictEqual((yield* requests).length, accepted ? 1 : 0)
            }).pipe(presenting(faulty ? ["UnknownRoot"] : []))
        )
      }
    }
  }

  describe("other roots after a look (TRU-02)", () => {
    const other: ServerTrust.Roots = { _tag: "Only", pem: [] }
    const onceMore = ServerTrust.custom((trust) =>
      Effect.succeed(trust.trusted ? ServerTrust.performDefault : ServerTrust.retryWith(other))
    )
    /** A platform that knows the root in the second handshake, or never. */
    const learning = (learns: boolean) => {
      let handshakes = 0
      return TestTransport.layer({
        answer: () => ok(),
        trust: (host, port) =>
          TestTransport.presented(host, port, ++handshakes > 1 && learns ? [] : ["UnknownRoot"], chain)
      })
    }

    for (const [at, session, task] of [["session", onceMore, undefined], ["task", undefined, onceMore]] as const) {
      it.scoped(`of the ${at}: judged again, and accepted then`, () =>
        Effect.gen(function*() {
          assert.strictEqual(yield* outcome(yield* sessionOf(session), task), 200)
        }).pipe(Effect.provide(learning(true))))

      it.scoped(`of the ${at}: refused where it asks again`, () =>
        Effect.gen(function*() {
          assert.strictEqual(yield* outcome(yield* sessionOf(session), task), "ServerCertificateUntrusted")
          assert.strictEqual((yield* requests).length, 0)
        }).pipe(Effect.provide(learning(false))))
    }

    it.scoped("the other level is asked about the second handshake as well", () =>
      Effect.gen(function*() {
        const session = yield* sessionOf(onceMore)
        const pin = ServerTrust.pinned({ "api.test": ["sha256/none"] })
        assert.strictEqual(yield* outcome(session, pin), "ServerCertificateUntrusted")
        assert.strictEqual((yield* requests).length, 0)
      }).pipe(Effect.provide(learning(true))))

    it.effect("what the other level promises of its roots holds", () =>
      Effect.gen(function*() {
        const root = "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----"
        const wanting = ServerTrust.custom(() =>
          Effect.succeed(ServerTrust.retryWith({ _tag: "Additional", pem: [root] }))
        )
        const askers = new TrustAskers(bound(wanting))
        const asker = askers.of(bound(ServerTrust.onlyRoots([])))
        const decision = yield* asker.decide?.(TestTransport.presented("api.test", 443, ["UnknownRoot"])) ??
          Effect.succeed({ overridden: false })
        assert.deepStrictEqual(decision, { overridden: false, retryWith: { _tag: "Only", pem: [] } })
      }))
  })

  it.scoped("a pin that does not match is -1202 with PinMismatch, and no request byte is sent (TRU-02)", () =>
    Effect.gen(function*() {
      const session = yield* sessionOf(ServerTrust.pinned({ "api.test": ["sha256/none"] }))
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error._tag, "TlsError")
      assert.strictEqual(error.code, -1202)
      assert.strictEqual(
        error._tag === "TlsError" && error.reason._tag === "ServerCertificateUntrusted" ? error.reason.why : "",
        "PinMismatch"
      )
      assert.strictEqual((yield* requests).length, 0)
    }).pipe(presenting([])))

  for (
    const [name, judge] of [
      ["fails", () => Effect.fail("no")],
      ["dies", () => Effect.dieMessage("a bug")],
      // @ts-expect-error a verdict is one of ServerTrust
      ["gives no verdict", (): Effect.Effect<ServerTrust.Verdict> => Effect.void]
    ] as const
  ) {
    it.scoped(`an evaluator that ${name} refuses the server with ResolverFailed`, () =>
      Effect.gen(function*() {
        const session = yield* sessionOf(ServerTrust.custom(judge))
        const error = yield* Effect.flip(session.data(api))
        assert.strictEqual(error._tag, "AuthenticationError")
        assert.strictEqual(error.reason._tag, "ResolverFailed")
        assert.isTrue("cause" in error && Cause.isCause(error.cause))
        assert.strictEqual((yield* requests).length, 0)
      }).pipe(presenting([])))
  }

  it.scoped("observers hear of a verdict on a scripted platform as on a real one", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      const resolver = ChallengeResolver.layerFrom(resolverOf(accepting))
      const session = yield* UrlSession.make().pipe(Effect.provide(Layer.merge(resolver, recorder.layer)))
      yield* session.data(api)
      yield* settle
      assert.deepStrictEqual(
        recorder.of("ChallengeAnswered").map(({ disposition, space }) => [space, disposition]),
        [["ServerTrust space of https://api.test", "UseCredential"]]
      )
    }).pipe(presenting([])))

  it.scoped("an evaluator is asked once per server and decider (AUT-03)", () => {
    let asked = 0
    const counting = ServerTrust.custom(() =>
      Effect.sync(() => {
        asked++
        return ServerTrust.performDefault
      })
    )
    return Effect.gen(function*() {
      const session = yield* sessionOf(counting)
      yield* session.data(api)
      yield* session.data(api)
      assert.strictEqual(asked, 1)
      yield* session.data("https://other.test/")
      assert.strictEqual(asked, 2)
      yield* session.data(api).pipe(ChallengeResolver.provideTask(resolverOf(accepting)))
      assert.strictEqual(asked, 3)
    }).pipe(presenting([]))
  })

  it.scoped("composite resolvers judge together: orElse (TRU-02)", () =>
    Effect.gen(function*() {
      const resolver = resolverOf(accepting).pipe(ChallengeResolver.orElse(resolverOf(rejecting)))
      const session = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(resolver)))
      assert.strictEqual(yield* outcome(session, undefined), "ServerCertificateUntrusted")
    }).pipe(presenting([])))

  it.scoped("an evaluator runs with the services of where it was provided, for each session its own", () => {
    class Verdicts extends Context.Tag("Verdicts")<Verdicts, ServerTrust.Verdict>() {}
    const byService = ServerTrust.evaluator({ _tag: "System" }, () => Verdicts)
    const delegate = (verdict: ServerTrust.Verdict) =>
      ChallengeResolver.layer({ ServerTrust: byService }).pipe(Layer.provide(Layer.succeed(Verdicts, verdict)))
    return Effect.gen(function*() {
      const lenient = yield* UrlSession.make().pipe(Effect.provide(delegate(ServerTrust.accept)))
      const strict = yield* UrlSession.make().pipe(Effect.provide(delegate(ServerTrust.reject("no"))))
      assert.strictEqual(yield* outcome(lenient, undefined), 200)
      assert.strictEqual(yield* outcome(strict, undefined), "ServerCertificateUntrusted")
    }).pipe(presenting(["UnknownRoot"]))
  })
})

describe("askers: under which decider a connection is kept (engine rule 6)", () => {
  // as the session sees it: what it needs has been provided

  it("the same evaluator is the same asker, another one is another, and none is the session's", () => {
    const askers = new TrustAskers(undefined)
    const pins = ServerTrust.pinned({ "api.test": ["sha256/a"] })
    const first = askers.of(bound(pins))
    assert.strictEqual(askers.of(bound(pins)), first)
    assert.notStrictEqual(askers.of(bound(ServerTrust.pinned({ "api.test": ["sha256/a"] }))), first)
    assert.strictEqual(askers.of(undefined), askers.session)
    assert.strictEqual(
      askers.of(ChallengeResolver.make({ Digest: () => Effect.dieMessage("never") })),
      askers.session
    )
  })

  it("has nobody to ask where only roots are given, and merges those of both levels", () => {
    const askers = new TrustAskers(bound(ServerTrust.additionalRoots(["a"])))
    assert.isUndefined(askers.session.decide)
    const task = askers.of(bound(ServerTrust.additionalRoots(["b"])))
    assert.isUndefined(task.decide)
    assert.deepStrictEqual(task.roots, { _tag: "Additional", pem: ["a", "b"] })
    assert.deepStrictEqual(askers.of(bound(ServerTrust.onlyRoots(["c"]))).roots, { _tag: "Only", pem: ["c"] })
  })

  it("knows which of them may accept against the platform", () => {
    const may = (session: ServerTrust.Evaluator | undefined, task: ServerTrust.Evaluator | undefined) => {
      const askers = new TrustAskers(session === undefined ? undefined : bound(session))
      return askers.mayAccept(askers.of(task === undefined ? undefined : bound(task)))
    }
    const pins = ServerTrust.pinned({})
    assert.isFalse(may(undefined, undefined))
    assert.isFalse(may(pins, undefined))
    assert.isTrue(may(accepting, undefined))
    assert.isTrue(may(undefined, accepting))
    assert.isTrue(may(accepting, accepting))
    assert.isFalse(may(pins, accepting))
    assert.isFalse(may(accepting, pins))
  })

  it.scoped("a task's pin is asked although the session has a connection already (effect.md 10)", () =>
    Effect.gen(function*() {
      const session = yield* sessionOf(undefined)
      assert.strictEqual(yield* outcome(session, undefined), 200)
      assert.strictEqual(
        yield* outcome(session, ServerTrust.pinned({ "api.test": ["sha256/none"] })),
        "ServerCertificateUntrusted"
      )
    }).pipe(presenting([])))
})

describe("a server accepted against the platform's verdict", () => {
  const both = ChallengeResolver.layerFrom(always(ada).pipe(ChallengeResolver.orElse(resolverOf(accepting))))

  it.scoped("gets an answer to its challenge, and nothing ahead of one: nothing is remembered or stored (AUT-14)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), undefined, basicOf(ada)])
      assert.strictEqual((yield* (yield* CredentialStorage).allCredentials).length, 0)
    }).pipe(Effect.provide(both), Effect.provide(storageWith()), presenting(["Untrusted"], basicServer(ada))))

  it.scoped("gets nothing of what was learned before, over a connection that verified", () => {
    let faults: ReadonlyArray<SessionError.CertificateFault> = []
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), basicOf(ada)])
      // now somebody else answers there, and a task accepts whoever answers
      faults = ["Untrusted"]
      const [, response] = yield* session.data(api).pipe(ChallengeResolver.provideTask(resolverOf(accepting)))
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual((yield* sent).slice(3), [undefined])
    }).pipe(
      Effect.provide(Layer.mergeAll(
        storageWith(),
        ChallengeResolver.layer({
          Basic: ChallengeResolver.anyOrigin(({ taskIdentifier }) =>
            Effect.succeed(
              taskIdentifier === 1 ? { _tag: "UseCredential", credential: ada } : { _tag: "UseNone" }
            )
          )
        })
      )),
      Effect.provide(TestTransport.layer({
        answer: basicServer(ada),
        trust: (host, port) => TestTransport.presented(host, port, faults, chain)
      }))
    )
  })

  it.scoped("an evaluator that could accept, and did not need to: answers are stored, but nothing is sent ahead", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), undefined, basicOf(ada)])
      const storage = yield* CredentialStorage
      assert.strictEqual((yield* storage.credentials(spaceOf("Basic", "api"))).size, 1)
    }).pipe(Effect.provide(both), Effect.provide(storageWith()), presenting([], basicServer(ada))))

  it.scoped("pins only narrow, so they cost no challenge", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), basicOf(ada)])
    }).pipe(
      Effect.provide(ChallengeResolver.layerFrom(
        always(ada).pipe(ChallengeResolver.orElse(resolverOf(ServerTrust.pinned({ "api.test": ["sha256/leaf"] }))))
      )),
      presenting([], basicServer(ada))
    ))
})
