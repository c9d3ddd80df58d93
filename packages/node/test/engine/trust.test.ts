import { assert, describe, it } from "@effect/vitest"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import { AuthenticationError, type CertificateFault, type ExchangeError, TlsError } from "@urlsession/core/SessionError"
import type { TrustAsker, TrustDecision } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as tls from "node:tls"
import { openEngine } from "../support/engine.ts"
import { FakeControl, readText, transportOptions, trusting, turns, until, wireRequest } from "../support/fakeControl.ts"
import { type Authority, type Issued, makeAuthority, selfSigned } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"

const day = 86_400_000
const past = { notBefore: new Date(Date.now() - 20 * day), notAfter: new Date(Date.now() - 10 * day) }
const future = { notBefore: new Date(Date.now() + 10 * day), notAfter: new Date(Date.now() + 20 * day) }

const local = (address: string) =>
  Effect.succeed([{ address, family: address.includes(":") ? 6 as const : 4 as const }])

/** An engine that finds every name at 127.0.0.1. */
const engineFor = (changes: Parameters<typeof transportOptions>[0] = {}) =>
  openEngine(transportOptions(changes), { lookup: () => local("127.0.0.1") })

const deciding = (
  roots: ServerTrust.Roots,
  decide: (trust: ServerTrust.ServerTrust) => Effect.Effect<TrustDecision, TlsError | AuthenticationError>
): TrustAsker => ({ roots, decide })

const tlsReason = (error: ExchangeError) => {
  assert.instanceOf(error, TlsError)
  return error instanceof TlsError ? error.reason : undefined
}

describe("the verdict on a server", () => {
  it.scopedLive("TRU-01: is good for a chain that ends in an added root, by name and by address", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["localhost", "127.0.0.1"] }))
      const names: Array<string | false> = []
      const server = yield* rawServer({
        ...answering(response("secret")),
        onConnection: (peer) => {
          if (peer.socket instanceof tls.TLSSocket) names.push(peer.socket.servername ?? false)
        },
        tls: presenting(leaf)
      })
      const engine = yield* engineFor()
      for (const host of ["localhost", "127.0.0.1", "localhost."]) {
        const control = new FakeControl({ trust: trusting(root.cert) })
        const answer = yield* engine.exchange(wireRequest(`https://${host}:${server.port}/`), control)
        assert.strictEqual(yield* readText(answer), "secret")
        const { connection, connectEnd, secureConnectionEnd, secureConnectionStart } = control.transaction
        assert.isTrue(connection?.trust?.trusted)
        assert.isFalse(connection?.overridden)
        assert.deepStrictEqual(connection?.trust?.faults, [])
        assert.strictEqual(`sha256/${connection?.trust?.chain[0]?.spkiSha256}`, leaf.pin)
        assert.strictEqual(connection?.trust?.protocol, "TLSv1.3")
        assert.isNumber(secureConnectionStart)
        assert.strictEqual(secureConnectionEnd, connectEnd)
      }
      // no name for an address, and none with a dot at its end (engine rule 4)
      assert.deepStrictEqual(names, ["localhost", false, "localhost"])
      assert.match(server.peers[2]?.received ?? "", /\r\nHost: localhost\.:/)
    }))

  it.scopedLive("knows intermediates that the server sends, and misses those that it does not", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const between = yield* Effect.promise(() => root.intermediate())
      const leaf = yield* Effect.promise(() => between.issue({ names: ["localhost"] }))
      const whole = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const cut = yield* rawServer({ ...answering(response("")), tls: presenting({ ...leaf, chain: leaf.cert }) })
      const engine = yield* engineFor()
      const control = new FakeControl({ trust: trusting(root.cert) })
      yield* engine.exchange(wireRequest(whole.origin), control)
      assert.deepStrictEqual(
        control.transaction.connection?.trust?.chain.map((one) => one.subject),
        ["CN=localhost", "CN=Test Intermediate", /CN=(.*)/.exec("CN=" + root.commonName)?.[0] ?? ""]
      )
      const error = yield* Effect.flip(
        engine.exchange(wireRequest(cut.origin), new FakeControl({ trust: trusting(root.cert) }))
      )
      assert.deepInclude(tlsReason(error), { _tag: "ServerCertificateHasUnknownRoot" })
    }))

  it.scopedLive("with `Only` roots does not know the platform's, and with none knows nothing", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const other = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["localhost"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* engineFor()
      const only = (...pem: ReadonlyArray<string>): TrustAsker => ({ roots: { _tag: "Only", pem }, decide: undefined })
      const answer = yield* engine.exchange(
        wireRequest(server.origin),
        new FakeControl({ trust: only(root.cert, other.cert) })
      )
      assert.strictEqual(answer.status, 200)
      for (const trust of [only(other.cert), only()]) {
        const error = yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl({ trust })))
        assert.deepInclude(tlsReason(error), { _tag: "ServerCertificateHasUnknownRoot" })
      }
    }))

  interface Row {
    readonly name: string
    readonly leaf: (root: Authority) => Promise<Issued>
    readonly knownRoot: boolean
    /** The root is part of what the server sends. */
    readonly rootSent?: boolean
    readonly tag: string
    readonly faults: ReadonlyArray<CertificateFault>
  }

  const table: ReadonlyArray<Row> = [
    {
      name: "unknown root",
      leaf: (root) => root.issue({ names: ["localhost"] }),
      knownRoot: false,
      tag: "ServerCertificateHasUnknownRoot",
      faults: ["UnknownRoot"]
    },
    {
      name: "unknown root that the server sends",
      leaf: (root) => root.issue({ names: ["localhost"] }),
      knownRoot: false,
      rootSent: true,
      tag: "ServerCertificateUntrusted",
      faults: ["Untrusted"]
    },
    {
      name: "self-signed leaf",
      leaf: () => selfSigned({ names: ["localhost"] }),
      knownRoot: false,
      tag: "ServerCertificateUntrusted",
      faults: ["Untrusted"]
    },
    {
      name: "wrong name",
      leaf: (root) => root.issue({ names: ["other.example"] }),
      knownRoot: true,
      tag: "ServerCertificateUntrusted",
      faults: ["WrongName"]
    },
    {
      name: "no name at all (the common name does not count)",
      leaf: (root) => root.issue({ commonName: "localhost" }),
      knownRoot: true,
      tag: "ServerCertificateUntrusted",
      faults: ["WrongName"]
    },
    {
      name: "expired",
      leaf: (root) => root.issue({ names: ["localhost"], ...past }),
      knownRoot: true,
      tag: "ServerCertificateHasBadDate",
      faults: ["Expired"]
    },
    {
      name: "not yet valid",
      leaf: (root) => root.issue({ names: ["localhost"], ...future }),
      knownRoot: true,
      tag: "ServerCertificateNotYetValid",
      faults: ["NotYetValid"]
    },
    {
      name: "for clients only",
      leaf: (root) => root.issue({ names: ["localhost"], usage: "client" }),
      knownRoot: true,
      tag: "ServerCertificateUntrusted",
      faults: ["WrongUsage"]
    },
    {
      name: "expired and unknown root",
      leaf: (root) => root.issue({ names: ["localhost"], ...past }),
      knownRoot: false,
      tag: "ServerCertificateHasUnknownRoot",
      faults: ["UnknownRoot", "Expired"]
    },
    {
      name: "expired and unknown root that the server sends",
      leaf: (root) => root.issue({ names: ["localhost"], ...past }),
      knownRoot: false,
      rootSent: true,
      tag: "ServerCertificateUntrusted",
      faults: ["Untrusted", "Expired"]
    },
    {
      name: "unknown root and wrong name",
      leaf: (root) => root.issue({ names: ["other.example"] }),
      knownRoot: false,
      tag: "ServerCertificateHasUnknownRoot",
      faults: ["UnknownRoot", "WrongName"]
    },
    {
      name: "expired and wrong name",
      leaf: (root) => root.issue({ names: ["other.example"], ...past }),
      knownRoot: true,
      tag: "ServerCertificateUntrusted",
      faults: ["WrongName", "Expired"]
    },
    {
      name: "self-signed, expired and wrong name",
      leaf: () => selfSigned({ names: ["other.example"], ...past }),
      knownRoot: false,
      tag: "ServerCertificateUntrusted",
      faults: ["Untrusted", "WrongName", "Expired"]
    }
  ]

  for (const row of table) {
    it.scopedLive(`TRU-02: ${row.name} -> ${row.tag}`, () =>
      Effect.gen(function*() {
        const root = yield* Effect.promise(() => makeAuthority())
        const leaf = yield* Effect.promise(() => row.leaf(root))
        const chain = row.rootSent === true ? leaf.chain + root.cert : leaf.chain
        const server = yield* rawServer({ ...answering(response("")), tls: presenting({ ...leaf, chain }) })
        const engine = yield* engineFor()
        const trust = row.knownRoot ? trusting(root.cert) : trusting()
        const reason = tlsReason(
          yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl({ trust })))
        )
        assert.strictEqual(reason?._tag, row.tag)
        if (reason === undefined || !("trust" in reason)) return assert.fail("no trust value")
        assert.deepStrictEqual(reason.trust.faults, row.faults)
        assert.deepStrictEqual(reason.also, row.faults.slice(1))
        assert.strictEqual(reason.trust.identityMatches, !row.faults.includes("WrongName"))
        yield* until(() => server.open() === 0)
        assert.strictEqual(server.peers.map((peer) => peer.received).join(""), "")
      }))
  }
})

describe("the decider of an exchange", () => {
  it.scopedLive("TRU-01: is asked once per connection, before the first byte of the request, and may override", () =>
    Effect.gen(function*() {
      const leaf = yield* Effect.promise(() => selfSigned({ names: ["localhost"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* engineFor()
      const seen: Array<string> = []
      const trust = deciding({ _tag: "System" }, (presented) =>
        Effect.sync(() => {
          seen.push(`${presented.host} ${presented.trusted} ${server.peers[0]?.received.length ?? 0}`)
          return { overridden: true }
        }))
      const control = new FakeControl({ trust })
      yield* engine.exchange(wireRequest(server.origin), control)
      yield* engine.exchange(wireRequest(server.origin), new FakeControl({ trust }))
      assert.deepStrictEqual(seen, ["localhost false 0"])
      assert.isTrue(control.transaction.connection?.overridden)
    }))

  it.scopedLive("NET-03: does not share its connections with another decider", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["localhost"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* engineFor()
      const roots: ServerTrust.Roots = { _tag: "Additional", pem: [root.cert] }
      const one = deciding(roots, () => Effect.succeed({ overridden: false }))
      const two = deciding(roots, () => Effect.succeed({ overridden: false }))
      for (const trust of [one, two, trusting(root.cert), trusting(root.cert), one]) {
        yield* engine.exchange(wireRequest(server.origin), new FakeControl({ trust }))
      }
      assert.strictEqual(server.peers.length, 3)
      const none = yield* Effect.flip(engine.exchange(wireRequest(server.origin), new FakeControl()))
      assert.deepInclude(tlsReason(none), { _tag: "ServerCertificateHasUnknownRoot" })
    }))

  it.scopedLive("CON-04: is not waited for on the idle timer; its failure and its death end the request", () =>
    Effect.gen(function*() {
      const leaf = yield* Effect.promise(() => selfSigned({ names: ["localhost"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* engineFor()
      let asked: ((decision: TrustDecision) => void) | undefined
      const slow = new FakeControl({
        trust: deciding({ _tag: "System" }, () =>
          Effect.async((resume) => {
            asked = (decision) => resume(Effect.succeed(decision))
          }))
      })
      const fiber = yield* Effect.fork(engine.exchange(wireRequest(server.origin), slow))
      yield* until(() => asked !== undefined)
      assert.isFalse(slow.waiting)
      asked?.({ overridden: true })
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
      const failed = new AuthenticationError({ reason: { _tag: "ResolverFailed", space: "a space" } })
      const failing = new FakeControl({ trust: deciding({ _tag: "System" }, () => Effect.fail(failed)) })
      assert.deepStrictEqual(
        (yield* Effect.flip(engine.exchange(wireRequest(server.origin), failing))).reason,
        failed.reason
      )
      const dying = new FakeControl({ trust: deciding({ _tag: "System" }, () => Effect.die("oops")) })
      assert.strictEqual(
        (yield* Effect.flip(engine.exchange(wireRequest(server.origin), dying)))._tag,
        "DelegateFailed"
      )
      const giving = new FakeControl({ trust: deciding({ _tag: "System" }, () => Effect.interrupt) })
      assert.strictEqual(
        (yield* Effect.flip(engine.exchange(wireRequest(server.origin), giving)))._tag,
        "DelegateFailed"
      )
      yield* until(() => engine.open().sockets === 1)
    }))

  it.scopedLive("hears its interruption when the last request that waits for it leaves, and not before", () =>
    Effect.gen(function*() {
      const leaf = yield* Effect.promise(() => selfSigned({ names: ["localhost"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* engineFor({ maximumConnectionsPerHost: 1 })
      let asked = 0
      let interrupted = 0
      const trust = deciding({ _tag: "System" }, () =>
        Effect.onInterrupt(
          Effect.suspend(() => {
            asked++
            return Effect.never
          }),
          () => Effect.sync(() => interrupted++)
        ))
      const controls = [new FakeControl({ trust }), new FakeControl({ trust })]
      const fibers = yield* Effect.forEach(
        controls,
        (control) => Effect.fork(engine.exchange(wireRequest(server.origin), control))
      )
      yield* until(() => asked === 1 && engine.open().queued === 2)
      // the one it was begun for leaves: the other goes on waiting for the same connection
      controls[0]?.closeAll()
      yield* turns()
      assert.deepStrictEqual([asked, interrupted, engine.open().queued], [1, 0, 1])
      controls[1]?.closeAll()
      yield* until(() => interrupted === 1 && engine.open().sockets === 0)
      assert.deepStrictEqual(engine.open(), { sockets: 0, connecting: 0, queued: 0 })
      assert.strictEqual(asked, 1)
      yield* Fiber.interruptAll(fibers)
    }))

  it.scopedLive("gives its refusal to all that wait for the connection", () =>
    Effect.gen(function*() {
      const leaf = yield* Effect.promise(() => selfSigned({ names: ["localhost"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* engineFor({ maximumConnectionsPerHost: 1 })
      let asked = 0
      const trust = deciding({ _tag: "System" }, (presented) =>
        Effect.suspend(() => {
          asked++
          return Effect.zipRight(turns(20), Effect.fail(ServerTrust.refusal(presented)))
        }))
      const exits = yield* Effect.forEach(
        ["/a", "/b", "/c"],
        (path) => Effect.exit(engine.exchange(wireRequest(server.origin + path), new FakeControl({ trust }))),
        { concurrency: "unbounded" }
      )
      assert.isTrue(exits.every(Exit.isFailure))
      assert.strictEqual(asked, 1)
    }))

  it.scopedLive("is asked again for a changed certificate; one that verifies is legal without a pin", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaves = yield* Effect.promise(() =>
        Promise.all([root.issue({ names: ["localhost"] }), root.issue({ names: ["localhost"] })])
      )
      let turn = 0
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.end(response("", { fields: ["Connection: close"] }))
        },
        tls: {
          ...presenting(leaves[0]),
          SNICallback: (_, done) => {
            const leaf = leaves[turn++ % 2]
            done(null, tls.createSecureContext({ cert: leaf?.chain, key: leaf?.key }))
          }
        }
      })
      const engine = yield* engineFor()
      const pins: Array<string> = []
      const trust = deciding({ _tag: "Additional", pem: [root.cert] }, (presented) =>
        Effect.sync(() => {
          pins.push(`sha256/${presented.chain[0]?.spkiSha256}`)
          return { overridden: false }
        }))
      yield* engine.exchange(wireRequest(server.origin), new FakeControl({ trust }))
      yield* engine.exchange(wireRequest(server.origin), new FakeControl({ trust }))
      assert.deepStrictEqual(pins, leaves.map((leaf) => leaf.pin))
    }))
})
