import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import { type ExchangeError, TlsError } from "@urlsession/core/SessionError"
import * as NodeServerTrust from "@urlsession/node/NodeServerTrust"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type Made, make, ocsp, pem, purposes, type Recipe, revocationList } from "../support/certificates.ts"
import { until } from "../support/fakeControl.ts"
import { answering, type RawServer, rawServer, response } from "../support/rawServer.ts"
import { text, withSession } from "./support.ts"

const host = "www.example.test"
const lookup = () => Effect.succeed([{ address: "127.0.0.1", family: 4 as const }])
const shared = make({ commonName: "Evaluated Root", authority: true, from: -40 })
const root = Effect.promise(() => shared)

const leaf = (recipe: Recipe = {}) =>
  Effect.promise(() => shared.then((issuer) => make({ names: [host], authority: false, ...recipe }, issuer)))

const serving = (chain: ReadonlyArray<Made>, stapled?: Uint8Array) =>
  rawServer({
    ...answering(response("secret")),
    stapled,
    tls: { cert: chain.map((one) => one.cert).join(""), key: chain[0]?.key ?? "" }
  })

const visit = (server: RawServer, evaluator: ServerTrust.Evaluator) =>
  Effect.gen(function*() {
    const delegate = ChallengeResolver.layer({ ServerTrust: evaluator })
    const outcome = yield* withSession(
      { delegate, transport: { lookup } },
      (session) => Effect.either(session.data(`https://${host}:${server.port}/`))
    )
    yield* until(() => server.open() === 0)
    return outcome
  })

type Outcome = Effect.Effect.Success<ReturnType<typeof visit>>

const accepted = (outcome: Outcome): void => {
  assert.strictEqual(outcome._tag, "Right", outcome._tag === "Left" ? outcome.left.message : "")
  if (outcome._tag === "Right") assert.strictEqual(text(outcome.right[0]), "secret")
}

const refusedFor = (outcome: Outcome, why: string, server: RawServer): void => {
  if (outcome._tag === "Right") return assert.fail("accepted")
  const error: unknown = outcome.left
  if (!(error instanceof TlsError)) return assert.fail(String(error))
  assert.strictEqual("why" in error.reason ? error.reason.why : error.reason._tag, why, error.message)
  assert.strictEqual(server.peers.map((peer) => peer.received).join(""), "")
}

describe("NodeServerTrust.revocation", () => {
  const roots = Effect.map(root, (one) => ServerTrust.onlyRoots([one.cert]))
  const with_ = (options: NodeServerTrust.RevocationOptions) =>
    Effect.map(roots, (one) => ServerTrust.composite(one, NodeServerTrust.revocation(options)))

  it.scopedLive("refuses by a list, as PEM or DER, and says since when [TRU-02]", () =>
    Effect.gen(function*() {
      const [authority, mine] = [yield* root, yield* leaf()]
      const der = yield* Effect.promise(() => revocationList(authority, [mine]))
      for (const list of [der, pem("X509 CRL", der)]) {
        const server = yield* serving([mine])
        const outcome = yield* visit(server, yield* with_({ lists: [list] }))
        refusedFor(outcome, "Revoked", server)
        if (outcome._tag === "Left") assert.match(outcome.left.message, /revoked by its authority at \d{4}-/)
      }
    }))

  it.scopedLive("refuses an intermediate that is revoked", () =>
    Effect.gen(function*() {
      const authority = yield* root
      const between = yield* Effect.promise(() => make({ commonName: "B", authority: true }, authority))
      const mine = yield* Effect.promise(() => make({ names: [host], authority: false }, between))
      const list = yield* Effect.promise(() => revocationList(authority, [between]))
      const server = yield* serving([mine, between])
      refusedFor(yield* visit(server, yield* with_({ lists: [list] })), "Revoked", server)
    }))

  it.scopedLive("a list of others, or of somebody else, refuses nobody", () =>
    Effect.gen(function*() {
      const [authority, mine, other] = [yield* root, yield* leaf(), yield* leaf()]
      const stranger = yield* Effect.promise(() => make({ authority: true }))
      const lists = yield* Effect.promise(() =>
        Promise.all([revocationList(authority, [other]), revocationList(authority, [mine], { signer: stranger })])
      )
      accepted(yield* visit(yield* serving([mine]), yield* with_({ lists })))
    }))

  const staples = [
    ["no staple", undefined, "RevocationUnknown"],
    ["a current staple", { status: "good" }, undefined],
    ["a staple that has ended", { status: "good", from: -9, to: -2 }, "RevocationUnknown"],
    ["a staple of tomorrow", { status: "good", from: 2, to: 3 }, "RevocationUnknown"],
    ["a staple of an authority that does not know it", { status: "unknown" }, "RevocationUnknown"],
    ["a forged staple", { status: "good", forged: true }, "RevocationUnknown"],
    ["a staple that says revoked", { status: "revoked" }, "Revoked"]
  ] as const
  for (const [name, recipe, why] of staples) {
    it.scopedLive(`required of the leaf: ${name} is ${why ?? "accepted"} [TRU-02]`, () =>
      Effect.gen(function*() {
        const [issuer, of] = [yield* root, yield* leaf()]
        const stapled = recipe === undefined ? undefined : yield* Effect.promise(() => ocsp({ of, issuer, ...recipe }))
        const server = yield* serving([of], stapled)
        const outcome = yield* visit(server, yield* with_({ required: "leaf" }))
        if (why === undefined) accepted(outcome)
        else refusedFor(outcome, why, server)
        // soft: only what is known to be revoked is refused
        const soft = yield* serving([of], stapled)
        const softly = yield* visit(soft, yield* with_({}))
        if (why === "Revoked") refusedFor(softly, why, soft)
        else accepted(softly)
      }))
  }

  it.scopedLive("required of the chain: the staple is the leaf's, the intermediate needs a list", () =>
    Effect.gen(function*() {
      const authority = yield* root
      const between = yield* Effect.promise(() => make({ commonName: "B", authority: true }, authority))
      const of = yield* Effect.promise(() => make({ names: [host], authority: false }, between))
      const stapled = yield* Effect.promise(() => ocsp({ of, issuer: between, status: "good" }))
      const list = yield* Effect.promise(() => revocationList(authority, []))
      const server = yield* serving([of, between], stapled)
      refusedFor(yield* visit(server, yield* with_({ required: "chain" })), "RevocationUnknown", server)
      accepted(yield* visit(server, yield* with_({ required: "chain", lists: [list] })))
    }))

  it.scopedLive("a list that cannot be read refuses everybody", () =>
    Effect.gen(function*() {
      const server = yield* serving([yield* leaf()])
      refusedFor(yield* visit(server, yield* with_({ lists: ["no list"] })), "RevocationUnknown", server)
    }))

  it.scopedLive("the staple is in the trust value as it came [TRU-02]", () =>
    Effect.gen(function*() {
      const [issuer, of] = [yield* root, yield* leaf()]
      const stapled = yield* Effect.promise(() => ocsp({ of, issuer, status: "good" }))
      const seen: Array<Uint8Array | undefined> = []
      const looking = ServerTrust.custom((trust) => {
        seen.push(trust.stapledOcsp)
        return Effect.succeed(ServerTrust.performDefault)
      })
      accepted(yield* visit(yield* serving([of], stapled), ServerTrust.composite(yield* roots, looking)))
      accepted(yield* visit(yield* serving([of]), ServerTrust.composite(yield* roots, looking)))
      assert.deepStrictEqual(seen.map((one) => one && Buffer.from(one)), [Buffer.from(stapled), undefined])
    }))
})

describe("a chain at another time", () => {
  const past = { from: -20, to: -10 }
  const rows: ReadonlyArray<readonly [name: string, Recipe, why: string | undefined]> = [
    ["expired", past, undefined],
    ["expired, and another name", { ...past, names: ["other.test"] }, "WrongName"],
    ["expired, and for clients", { ...past, purposes: ["1.3.6.1.5.5.7.3.2"] }, "ServerCertificateHasBadDate"],
    ["expired, and an authority", { ...past, authority: true, usage: 0x86 }, "ServerCertificateHasBadDate"],
    [
      "expired, and with a critical extension that nobody knows",
      { ...past, critical: "1.3.6.1.4.1.99999.1" },
      "InvalidChain"
    ],
    ["expired long ago", { from: -90, to: -60 }, "ServerCertificateHasBadDate"],
    ["not valid yet", { from: 5, to: 9 }, "ServerCertificateNotYetValid"]
  ]
  for (const [name, recipe, why] of rows) {
    it.scopedLive(`allowExpired: ${name} is ${why ?? "accepted"} [TRU-02]`, () =>
      Effect.gen(function*() {
        const server = yield* serving([yield* leaf(recipe)])
        const evaluator = ServerTrust.onlyRoots([(yield* root).cert]).pipe(NodeServerTrust.allowExpired("30 days"))
        const outcome = yield* visit(server, evaluator)
        if (why === undefined) accepted(outcome)
        else refusedFor(outcome, why, server)
      }))
  }

  it.scopedLive("allowExpired forgives no unknown root, wherever the roots are named", () =>
    Effect.gen(function*() {
      const stranger = yield* Effect.promise(() => make({ authority: true, from: -40 }))
      const mine = yield* Effect.promise(() => make({ names: [host], authority: false, ...past }, stranger))
      const server = yield* serving([mine])
      const only = ServerTrust.onlyRoots([(yield* root).cert])
      const forgiving = NodeServerTrust.allowExpired("30 days")
      refusedFor(yield* visit(server, forgiving(only)), "ServerCertificateHasUnknownRoot", server)
      const known = forgiving(ServerTrust.additionalRoots([stranger.cert]))
      refusedFor(yield* visit(server, ServerTrust.composite(known, only)), "ServerCertificateHasUnknownRoot", server)
      accepted(yield* visit(server, known))
    }))

  it.scopedLive("what is revoked, or not pinned, is refused although its dates are forgiven", () =>
    Effect.gen(function*() {
      const [issuer, of, other] = [yield* root, yield* leaf(past), yield* leaf()]
      const roots = ServerTrust.onlyRoots([issuer.cert])
      const forgiving = NodeServerTrust.allowExpired("30 days")
      const list = yield* Effect.promise(() => revocationList(issuer, [of]))
      const server = yield* serving([of])
      const listed = ServerTrust.composite(roots, NodeServerTrust.revocation({ lists: [list] }))
      refusedFor(yield* visit(server, forgiving(listed)), "Revoked", server)
      const pins = (made: Made) => ServerTrust.composite(roots, ServerTrust.pinnedCertificates({ [host]: [made.cert] }))
      refusedFor(yield* visit(server, forgiving(pins(other))), "PinMismatch", server)
      accepted(yield* visit(server, forgiving(pins(of))))
      const stapled = yield* Effect.promise(() => ocsp({ of, issuer, status: "revoked" }))
      const stapling = yield* serving([of], stapled)
      refusedFor(yield* visit(stapling, forgiving(roots)), "Revoked", stapling)
    }))

  it.scopedLive("validatedAt judges as of its date, and as of no other [TRU-02]", () =>
    Effect.gen(function*() {
      const issuer = yield* Effect.promise(() => make({ commonName: "Old", authority: true, from: -40 }))
      const [old, today] = yield* Effect.promise(() =>
        Promise.all([past, {}].map((recipe) => make({ names: [host], authority: false, ...recipe }, issuer)))
      )
      if (old === undefined || today === undefined) return assert.fail("no certificates")
      const then = NodeServerTrust.validatedAt(new Date(Date.now() - 15 * 86_400_000))
      const own = ServerTrust.onlyRoots([issuer.cert])
      accepted(yield* visit(yield* serving([old]), then(own)))
      const server = yield* serving([today])
      refusedFor(yield* visit(server, then(own)), "Refused", server)
    }))
})

describe("other roots after a look", () => {
  const looking = (pem: ReadonlyArray<string>, seen: Array<boolean>) =>
    ServerTrust.custom((trust) => {
      seen.push(trust.trusted)
      return Effect.succeed(
        trust.trusted ? ServerTrust.performDefault : ServerTrust.retryWith({ _tag: "Only", pem })
      )
    })

  it.scopedLive("the connection is made anew, once, before a byte of the request [TRU-02]", () =>
    Effect.gen(function*() {
      const server = yield* serving([yield* leaf()])
      const seen: Array<boolean> = []
      accepted(yield* visit(server, looking([(yield* root).cert], seen)))
      assert.deepStrictEqual(seen, [false, true])
      assert.strictEqual(server.accepted(), 2)
      assert.strictEqual(server.peers.reduce((sum, peer) => sum + peer.requests, 0), 1)
    }))

  it.scopedLive("a client certificate is shown over the other roots, and only there", () =>
    Effect.gen(function*() {
      const authority = yield* root
      const mine = yield* leaf()
      const me = yield* leaf({ commonName: "me", names: [], purposes: [purposes.client] })
      const server = yield* rawServer({
        ...answering(response("secret")),
        tls: { cert: mine.cert, key: mine.key, requestCert: true, rejectUnauthorized: true, ca: [authority.cert] }
      })
      const seen: Array<boolean> = []
      let asked = 0
      const delegate = ChallengeResolver.layer({
        ServerTrust: looking([authority.cert], seen),
        ClientCertificate: ChallengeResolver.anyOrigin(() =>
          Effect.sync(() => {
            asked++
            return Disposition.use(Credential.identity({ certificates: me.cert, key: Redacted.make(me.key) }))
          })
        )
      })
      const [bytes] = yield* withSession(
        { delegate, transport: { lookup } },
        (session) => session.data(`https://${host}:${server.port}/`)
      )
      assert.strictEqual(text(bytes), "secret")
      // refused with the platform's roots, judged with the others, and once more with the certificate
      assert.deepStrictEqual(seen, [false, true, true])
      assert.strictEqual(asked, 1)
    }))

  it.scopedLive("who wants other roots a second time has refused", () =>
    Effect.gen(function*() {
      const stranger = yield* Effect.promise(() => make({ authority: true }))
      const server = yield* serving([yield* leaf()])
      const seen: Array<boolean> = []
      refusedFor(yield* visit(server, looking([stranger.cert], seen)), "Refused", server)
      assert.deepStrictEqual(seen, [false, false])
      assert.strictEqual(server.accepted(), 2)
    }))

  it.scopedLive("the roots that others promise hold, and so do their pins", () =>
    Effect.gen(function*() {
      const [authority, stranger] = [yield* root, yield* Effect.promise(() => make({ authority: true }))]
      const retrying = looking([authority.cert], [])
      const only = yield* serving([yield* leaf()])
      refusedFor(
        yield* visit(only, ServerTrust.composite(retrying, ServerTrust.onlyRoots([stranger.cert]))),
        "Refused",
        only
      )
      const pinning = yield* serving([yield* leaf()])
      const pins = ServerTrust.pinned({ [host]: ["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="] })
      refusedFor(yield* visit(pinning, ServerTrust.composite(retrying, pins)), "PinMismatch", pinning)
    }))
})

describe("roots that cannot be read", () => {
  for (
    const [name, pem] of [
      ["no PEM text", "root.pem"],
      ["an empty text", ""],
      ["a text that is cut", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]
    ] as const
  ) {
    it.scopedLive(`${name}: refused before the handshake, with what to do, even beside one that is good [TRU-02]`, () =>
      Effect.gen(function*() {
        const server = yield* serving([yield* leaf()])
        for (
          const evaluator of [ServerTrust.additionalRoots([pem]), ServerTrust.onlyRoots([(yield* root).cert, pem])]
        ) {
          const outcome = yield* visit(server, evaluator)
          const error: unknown = outcome._tag === "Left" ? outcome.left : undefined
          if (!(error instanceof TlsError)) return assert.fail(String(error))
          assert.strictEqual(error.reason._tag, "SecureConnectionFailed")
          assert.match(error.message, /one of the roots given to ServerTrust cannot be read\. Give PEM texts/)
        }
        assert.strictEqual(server.peers.map((peer) => peer.received).join(""), "")
      }))
  }
})

describe("roots by host", () => {
  it.scopedLive("perHost trusts a root for its hosts only [TRU-02]", () =>
    Effect.gen(function*() {
      const mine = yield* leaf({ names: [host, "other.test"] })
      const server = yield* serving([mine])
      const evaluator = ServerTrust.perHost({ "*.example.test": ServerTrust.onlyRoots([(yield* root).cert]) })
      const delegate = ChallengeResolver.layer({ ServerTrust: evaluator })
      yield* withSession({ delegate, transport: { lookup } }, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.data(`https://${host}:${server.port}/`)
          assert.strictEqual(text(bytes), "secret")
          const error: ExchangeError | object = yield* Effect.flip(session.data(`https://other.test:${server.port}/`))
          assert.instanceOf(error, TlsError)
        }))
    }))
})
