// Evaluators as values: which roots they want, what they say of a chain, and how they combine.
import { assert, describe, it } from "@effect/vitest"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Effect from "effect/Effect"
import { certificate, day, pem } from "./trustSupport.ts"

const host = "api.test"
const good = certificate("leaf")
const chain = [good, certificate("authority")]
const trusted = TestTransport.presented(host, 443, [], chain)
const untrusted = TestTransport.presented(host, 443, ["UnknownRoot"], chain)

const verdictOf = (evaluator: ServerTrust.Evaluator, trust: ServerTrust.ServerTrust) =>
  evaluator.judge === undefined ? Effect.succeed(ServerTrust.performDefault) : evaluator.judge(trust)

const says = (
  evaluator: ServerTrust.Evaluator,
  trust: ServerTrust.ServerTrust,
  expected: ServerTrust.Verdict["_tag"]
) => Effect.map(verdictOf(evaluator, trust), (verdict) => assert.strictEqual(verdict._tag, expected))

describe("named evaluators", () => {
  it("default: the platform's roots, and nothing to say (TRU-01)", () => {
    assert.deepStrictEqual(ServerTrust.default.roots, { _tag: "System" })
    assert.isUndefined(ServerTrust.default.judge)
    assert.isFalse(ServerTrust.default.mayAccept)
  })

  it("additionalRoots and onlyRoots: roots before the handshake, and nothing to say after it (TRU-02)", () => {
    const more = ServerTrust.additionalRoots([pem("a")])
    const only = ServerTrust.onlyRoots([pem("a")])
    assert.deepStrictEqual(more.roots, { _tag: "Additional", pem: [pem("a")] })
    assert.deepStrictEqual(only.roots, { _tag: "Only", pem: [pem("a")] })
    assert.isUndefined(more.judge)
    assert.isUndefined(only.judge)
  })

  it.effect("pinned: any key of the verified chain may match, others are a PinMismatch (TRU-02)", () =>
    Effect.gen(function*() {
      yield* says(ServerTrust.pinned({ [host]: ["sha256/leaf"] }), trusted, "Verify")
      yield* says(ServerTrust.pinned({ [host]: ["sha256/none", "sha256/authority"] }), trusted, "Verify")
      const verdict = yield* verdictOf(ServerTrust.pinned({ [host]: ["sha256/none"] }), trusted)
      assert.strictEqual(verdict._tag === "Reject" ? verdict.why : "", "PinMismatch")
      yield* says(ServerTrust.pinned({ [host]: [] }), trusted, "Reject")
    }))

  it.effect("pinned: a host that is not named is evaluated by default", () =>
    says(ServerTrust.pinned({ "other.test": ["sha256/none"] }), trusted, "Default"))

  it.effect("pinned: hosts are compared without case and without the final dot", () =>
    Effect.gen(function*() {
      const pins = ServerTrust.pinned({ "API.test.": ["sha256/none"] })
      yield* says(pins, trusted, "Reject")
      yield* says(pins, TestTransport.presented("api.test.", 443, [], chain), "Reject")
    }))

  for (const fault of ["UnknownRoot", "Untrusted", "WrongName", "Expired", "NotYetValid", "WrongUsage"] as const) {
    it.effect(`pinned: never satisfied by a chain that did not verify: ${fault}`, () =>
      Effect.gen(function*() {
        const presented = TestTransport.presented(host, 443, [fault], chain)
        yield* says(ServerTrust.pinned({ [host]: ["sha256/leaf"] }), presented, "Verify")
        yield* says(ServerTrust.pinned({ [host]: ["sha256/none"] }), presented, "Verify")
        yield* says(ServerTrust.pinnedCertificates({ [host]: [pem("leaf")] }), presented, "Verify")
      }))
  }

  it.effect("pinnedCertificates: whole certificates, however their PEM is broken into lines (TRU-02)", () =>
    Effect.gen(function*() {
      yield* says(ServerTrust.pinnedCertificates({ [host]: [pem("leaf")] }), trusted, "Verify")
      yield* says(
        ServerTrust.pinnedCertificates({ [host]: [pem("leaf").replaceAll("\n", "\r\n  ")] }),
        trusted,
        "Verify"
      )
      yield* says(ServerTrust.pinnedCertificates({ [host]: [pem("another")] }), trusted, "Reject")
    }))

  it.effect("custom: whatever the function says (TRU-02)", () =>
    Effect.gen(function*() {
      const evaluator = ServerTrust.custom((trust) =>
        Effect.succeed(trust.host === host ? ServerTrust.accept : ServerTrust.reject("not mine"))
      )
      assert.isTrue(evaluator.mayAccept)
      assert.isTrue(evaluator.usesServices)
      yield* says(evaluator, untrusted, "Accept")
      const verdict = yield* verdictOf(evaluator, TestTransport.presented("other.test", 443))
      assert.deepStrictEqual(verdict, { _tag: "Reject", why: "Refused", detail: "not mine" })
    }))
})

describe("composite", () => {
  const accepting = ServerTrust.custom(() => Effect.succeed(ServerTrust.accept))
  const rejecting = ServerTrust.custom(() => Effect.succeed(ServerTrust.reject("no")))

  const roots = (...evaluators: ReadonlyArray<ServerTrust.Evaluator>) => ServerTrust.composite(...evaluators).roots

  it("adds additional roots up, in their order (TRU-02)", () => {
    assert.deepStrictEqual(
      roots(ServerTrust.additionalRoots(["a"]), ServerTrust.default, ServerTrust.additionalRoots(["b", "c"])),
      { _tag: "Additional", pem: ["a", "b", "c"] }
    )
  })

  it("onlyRoots is the narrower promise: it holds against additional ones, on either side (TRU-02)", () => {
    const only: ServerTrust.Roots = { _tag: "Only", pem: ["a"] }
    assert.deepStrictEqual(roots(ServerTrust.onlyRoots(["a"]), ServerTrust.additionalRoots(["b"])), only)
    assert.deepStrictEqual(roots(ServerTrust.additionalRoots(["b"]), ServerTrust.onlyRoots(["a"])), only)
    assert.deepStrictEqual(roots(ServerTrust.onlyRoots(["a"]), ServerTrust.default), only)
  })

  it("two onlyRoots leave what both have; that may be nothing at all", () => {
    assert.deepStrictEqual(
      roots(ServerTrust.onlyRoots([pem("a"), pem("b")]), ServerTrust.onlyRoots([pem("b").replaceAll("\n", "\r\n")])),
      { _tag: "Only", pem: [pem("b")] }
    )
    // a text may hold several
    assert.deepStrictEqual(
      roots(ServerTrust.onlyRoots([`${pem("a")}\n${pem("b")}`]), ServerTrust.onlyRoots([pem("b")])),
      { _tag: "Only", pem: [pem("b").trim()] }
    )
    assert.deepStrictEqual(roots(ServerTrust.onlyRoots([pem("a")]), ServerTrust.onlyRoots([pem("b")])), {
      _tag: "Only",
      pem: []
    })
  })

  it("of evaluators without a function has none: nobody is asked", () => {
    assert.isUndefined(ServerTrust.composite(ServerTrust.default, ServerTrust.additionalRoots(["a"])).judge)
    assert.isUndefined(ServerTrust.composite().judge)
  })

  it.effect("the first rejection decides, whoever accepts (TRU-02)", () =>
    Effect.gen(function*() {
      yield* says(ServerTrust.composite(accepting, rejecting), trusted, "Reject")
      yield* says(ServerTrust.composite(rejecting, accepting), trusted, "Reject")
      yield* says(ServerTrust.composite(ServerTrust.pinned({ [host]: ["sha256/none"] }), accepting), trusted, "Reject")
    }))

  it.effect("asks in order, and nobody after a rejection", () => {
    const log: Array<string> = []
    const noting = (name: string, verdict: ServerTrust.Verdict) =>
      ServerTrust.custom(() =>
        Effect.sync(() => {
          log.push(name)
          return verdict
        })
      )
    return Effect.gen(function*() {
      yield* says(
        ServerTrust.composite(
          noting("1", ServerTrust.performDefault),
          noting("2", ServerTrust.reject("no")),
          noting("3", ServerTrust.accept)
        ),
        trusted,
        "Reject"
      )
      assert.deepStrictEqual(log, ["1", "2"])
    })
  })

  it.effect("an acceptance holds where nobody else minds", () =>
    says(ServerTrust.composite(ServerTrust.default, accepting), untrusted, "Accept"))

  it.effect("an acceptance does not get past a pin for the host, on either side", () =>
    Effect.gen(function*() {
      const pins = ServerTrust.pinned({ [host]: ["sha256/leaf"] })
      yield* says(ServerTrust.composite(pins, accepting), untrusted, "Verify")
      yield* says(ServerTrust.composite(accepting, pins), untrusted, "Verify")
      yield* says(
        ServerTrust.composite(accepting, pins),
        TestTransport.presented("other.test", 443, ["UnknownRoot"]),
        "Accept"
      )
    }))

  it.effect("an evaluator that says it accepts nobody does not, whatever its function answers", () => {
    const liar = ServerTrust.evaluator({ _tag: "System" }, () => Effect.succeed(ServerTrust.accept), {
      mayAccept: false
    })
    return says(ServerTrust.composite(liar, ServerTrust.default), untrusted, "Default")
  })

  it("knows whether one of its parts uses services, and may accept", () => {
    const pins = ServerTrust.pinned({})
    assert.deepStrictEqual(
      [pins, ServerTrust.composite(pins), ServerTrust.composite(pins, accepting)].map((one) => [
        one.usesServices,
        one.mayAccept
      ]),
      [[false, false], [false, false], [true, true]]
    )
  })
})

describe("refusal: the reason by the first fault, the others in also (DESIGN 10)", () => {
  const old = certificate("old", { notBefore: day(-20), notAfter: day(-10) })
  const older = certificate("older", { notBefore: day(-20), notAfter: day(-15) })
  const young = certificate("young", { notBefore: day(10), notAfter: day(20) })
  const self = certificate("self", { issuer: "self" })

  const of = (
    faults: ReadonlyArray<SessionError.CertificateFault>,
    presented: ReadonlyArray<ServerTrust.Certificate> = chain
  ) => ServerTrust.refusal(TestTransport.presented(host, 443, faults, presented), "https://api.test/x?secret").reason

  const cases: ReadonlyArray<
    readonly [SessionError.TlsReason["_tag"], number, ReturnType<typeof of>]
  > = [
    ["ServerCertificateHasUnknownRoot", -1203, of(["UnknownRoot"])],
    ["ServerCertificateHasUnknownRoot", -1203, of(["UnknownRoot", "WrongName", "Expired"])],
    ["ServerCertificateUntrusted", -1202, of(["Untrusted"], [self])],
    ["ServerCertificateUntrusted", -1202, of(["Untrusted", "WrongName"])],
    ["ServerCertificateUntrusted", -1202, of(["WrongName"])],
    ["ServerCertificateUntrusted", -1202, of(["WrongName", "Expired"], [old])],
    ["ServerCertificateUntrusted", -1202, of(["WrongUsage"])],
    ["ServerCertificateHasBadDate", -1201, of(["Expired"], [old])],
    ["ServerCertificateHasBadDate", -1201, of(["Expired", "WrongUsage"], [old])],
    ["ServerCertificateNotYetValid", -1204, of(["NotYetValid"], [young])]
  ]

  for (const [tag, code, reason] of cases) {
    const also = "also" in reason ? reason.also : []
    it(`${tag}${also.length === 0 ? "" : ` with ${also.join(", ")}`} is ${code} (TRU-02)`, () => {
      assert.strictEqual(reason._tag, tag)
      const faults = "trust" in reason ? reason.trust.faults : []
      assert.deepStrictEqual(also, faults.slice(1))
      const error = ServerTrust.refusal(
        TestTransport.presented(host, 443, faults, "trust" in reason ? reason.trust.chain : [])
      )
      assert.strictEqual(error.code, code)
      assert.include(error.message, host)
    })
  }

  it("says why a chain is not trusted", () => {
    const why = (reason: ReturnType<typeof of>) => reason._tag === "ServerCertificateUntrusted" ? reason.why : undefined
    assert.strictEqual(why(of(["Untrusted"], [self])), "SelfSigned")
    assert.strictEqual(why(of(["Untrusted"])), "Unknown")
    assert.strictEqual(why(of(["WrongName"], [self])), "WrongName")
    assert.strictEqual(why(of(["WrongUsage"])), "Usage")
  })

  it("gives the date that is out: the earliest end, the latest begin of the chain", () => {
    const expired = of(["Expired"], [old, older])
    assert.deepStrictEqual(expired._tag === "ServerCertificateHasBadDate" ? expired.notAfter : undefined, day(-15))
    const early = of(["NotYetValid"], [good, young])
    assert.deepStrictEqual(early._tag === "ServerCertificateNotYetValid" ? early.notBefore : undefined, day(10))
  })

  it("a trust value without certificates is refused without a date", () => {
    assert.strictEqual(of(["Expired"], [])._tag, "ServerCertificateUntrusted")
    assert.strictEqual(of([], [])._tag, "ServerCertificateUntrusted")
  })
})

describe("make: what a platform knows, completed", () => {
  const now = day(0).getTime()
  const base: ServerTrust.Presented = {
    host,
    port: 443,
    chain,
    chainTrusted: true,
    systemFault: undefined,
    reachesRoot: true,
    now,
    protocol: "TLSv1.3",
    cipher: "x"
  }
  const faults = (presented: Partial<ServerTrust.Presented>) => {
    const trust = ServerTrust.make({ ...base, ...presented })
    assert.strictEqual(trust.trusted, trust.faults.length === 0)
    return trust.faults
  }
  const old = certificate("old", { notBefore: day(-20), notAfter: day(-10) })
  const young = certificate("young", { notBefore: day(10), notAfter: day(20) })
  const self = certificate("self", { issuer: "self" })
  const refused = { chainTrusted: false } as const

  it("a verified chain for this name has no fault, whatever the clock says here", () => {
    assert.deepStrictEqual(faults({}), [])
    assert.deepStrictEqual(faults({ chain: [old] }), [])
  })

  it("a verified chain for another name is WrongName: the platform's verdict is none on the name", () => {
    assert.deepStrictEqual(faults({ host: "other.test" }), ["WrongName"])
    assert.deepStrictEqual(faults({ chain: [] }), ["WrongName"])
  })

  it("double faults are found again behind the one that the platform tells (TRU-02)", () => {
    assert.deepStrictEqual(faults({ ...refused, systemFault: "Expired", chain: [old], reachesRoot: true }), ["Expired"])
    assert.deepStrictEqual(faults({ ...refused, systemFault: "Expired", chain: [old], reachesRoot: false }), [
      "UnknownRoot",
      "Expired"
    ])
    assert.deepStrictEqual(faults({ ...refused, systemFault: "UnknownRoot", reachesRoot: false, host: "other.test" }), [
      "UnknownRoot",
      "WrongName"
    ])
    assert.deepStrictEqual(faults({ ...refused, systemFault: "Expired", chain: [old], host: "other.test" }), [
      "WrongName",
      "Expired"
    ])
    assert.deepStrictEqual(faults({ ...refused, systemFault: "NotYetValid", chain: [young, old] }), [
      "Expired",
      "NotYetValid"
    ])
  })

  it("a self-signed certificate that is not a root here is Untrusted", () => {
    assert.deepStrictEqual(faults({ ...refused, systemFault: "Untrusted", chain: [self], reachesRoot: false }), [
      "Untrusted"
    ])
    assert.deepStrictEqual(faults({ ...refused, systemFault: "Expired", chain: [self], reachesRoot: false }), [
      "Untrusted",
      "Expired"
    ])
  })

  it("a refusal without a reason is Untrusted", () => {
    assert.deepStrictEqual(faults({ ...refused, reachesRoot: undefined }), ["Untrusted"])
  })
})
