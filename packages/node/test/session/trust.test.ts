import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as tls from "node:tls"
import { until } from "../support/fakeControl.ts"
import { type Issued, makeAuthority, makeKey, selfSigned } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { authority, failsWith, leaf, text, withSession } from "./support.ts"

const day = 86_400_000
const past = { notBefore: new Date(Date.now() - 3 * day), notAfter: new Date(Date.now() - day) }
const future = { notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 3 * day) }
const names = ["127.0.0.1"]

const stranger = Effect.promise(() => makeAuthority({ commonName: "A Stranger" }))

const issue = (options: Parameters<Awaited<ReturnType<typeof makeAuthority>>["issue"]>[0]) =>
  Effect.flatMap(authority, (root) => Effect.promise(() => root.issue(options)))

const serving = (issued: Issued) => rawServer({ ...answering(response("secret")), tls: presenting(issued) })

const judging = (evaluator: ServerTrust.Evaluator) => ChallengeResolver.layer({ ServerTrust: evaluator })

/** A request to a server that presents this, judged like that. */
const visit = (issued: Issued, evaluator: ServerTrust.Evaluator) =>
  Effect.gen(function*() {
    const server = yield* serving(issued)
    const body = yield* withSession({ delegate: judging(evaluator) }, (session) =>
      Effect.map(session.data(`https://127.0.0.1:${server.port}/`), ([bytes]) => text(bytes)))
    yield* until(() =>
      server.open() === 0
    )
    return body
  })

const refused = (issued: Issued, evaluator: ServerTrust.Evaluator, name: string) =>
  Effect.gen(function*() {
    const server = yield* serving(issued)
    const error = yield* withSession({ delegate: judging(evaluator) }, (session) =>
      failsWith(session.data(`https://127.0.0.1:${server.port}/`), name))
    yield* until(() =>
      server.open() === 0
    )
    // not a byte of the request has left
    assert.deepStrictEqual(server.peers.map((peer) => peer.received), server.peers.map(() => ""))
    return error
  })

const trustingTheRoot = Effect.map(authority, (root) => ServerTrust.additionalRoots([root.cert]))

describe("TRU-01 what is wrong with a certificate", () => {
  const single = {
    "an expired one is ServerCertificateHasBadDate": [
      "TlsError/ServerCertificateHasBadDate",
      { names, ...past },
      -1201
    ],
    "one that is not valid yet is ServerCertificateNotYetValid": [
      "TlsError/ServerCertificateNotYetValid",
      { names, ...future },
      -1204
    ],
    "one for another name is ServerCertificateUntrusted": [
      "TlsError/ServerCertificateUntrusted",
      { names: ["other.test"] },
      -1202
    ],
    "one for clients is ServerCertificateUntrusted": [
      "TlsError/ServerCertificateUntrusted",
      { names, usage: "client" as const },
      -1202
    ]
  } as const
  for (const [name, [reason, options, code]] of Object.entries(single)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const error = yield* refused(yield* issue(options), yield* trustingTheRoot, reason)
        assert.strictEqual(error.code, code)
        assert.isFalse(error.isTransient)
      }))
  }

  it.scopedLive("one of an unknown authority is ServerCertificateHasUnknownRoot", () =>
    Effect.gen(function*() {
      const error = yield* refused(yield* leaf, ServerTrust.default, "TlsError/ServerCertificateHasUnknownRoot")
      assert.strictEqual(error.code, -1203)
    }))

  it.scopedLive("one that signed itself is ServerCertificateUntrusted", () =>
    Effect.gen(function*() {
      const issued = yield* Effect.promise(() => selfSigned({ names }))
      const error = yield* refused(issued, ServerTrust.default, "TlsError/ServerCertificateUntrusted")
      assert.deepInclude(error.reason, { why: "SelfSigned" })
      assert.strictEqual(error.code, -1202)
    }))

  const double = {
    "expired from an unknown authority": ["ServerCertificateHasUnknownRoot", { names, ...past }, false, ["Expired"]],
    "for another name from an unknown authority": [
      "ServerCertificateHasUnknownRoot",
      { names: ["other.test"] },
      false,
      ["WrongName"]
    ],
    "expired and for another name": ["ServerCertificateUntrusted", { names: ["other.test"], ...past }, true, [
      "Expired"
    ]],
    "all three": ["ServerCertificateHasUnknownRoot", { names: ["other.test"], ...past }, false, [
      "WrongName",
      "Expired"
    ]]
  } as const
  for (const [name, [reason, options, known, also]] of Object.entries(double)) {
    it.scopedLive(`double faults: ${name} names the worst and keeps the others`, () =>
      Effect.gen(function*() {
        const error = yield* refused(
          yield* issue(options),
          known ? yield* trustingTheRoot : ServerTrust.default,
          `TlsError/${reason}`
        )
        assert.deepStrictEqual("also" in error.reason ? error.reason.also : [], also)
      }))

    it.scopedLive(`double faults: ${name} is not forgiven by a pin of its own key`, () =>
      Effect.gen(function*() {
        const issued = yield* issue(options)
        yield* refused(
          issued,
          ServerTrust.composite(
            known ? yield* trustingTheRoot : ServerTrust.default,
            ServerTrust.pinned({ "127.0.0.1": [issued.pin] })
          ),
          `TlsError/${reason}`
        )
      }))
  }
})

describe("TRU-02 evaluators", () => {
  it.scopedLive("additionalRoots adds an authority", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* visit(yield* leaf, yield* trustingTheRoot), "secret")
    }))

  it.scopedLive("onlyRoots takes its own and no other", () =>
    Effect.gen(function*() {
      const [root, other, issued] = [yield* authority, yield* stranger, yield* leaf]
      assert.strictEqual(yield* visit(issued, ServerTrust.onlyRoots([root.cert])), "secret")
      yield* refused(issued, ServerTrust.onlyRoots([other.cert]), "TlsError/ServerCertificateHasUnknownRoot")
      yield* refused(
        issued,
        ServerTrust.composite(ServerTrust.additionalRoots([root.cert]), ServerTrust.onlyRoots([other.cert])),
        "TlsError/ServerCertificateHasUnknownRoot"
      )
    }))

  it.scopedLive("pinned takes the key, also of an authority in the chain, and refuses every other", () =>
    Effect.gen(function*() {
      const root = yield* authority
      const middle = yield* Effect.promise(() => root.intermediate())
      const issued = yield* Effect.promise(() => middle.issue({ names }))
      const roots = ServerTrust.additionalRoots([root.cert])
      for (const pin of [issued.pin, middle.pin, root.pin]) {
        const body = yield* visit(issued, ServerTrust.composite(roots, ServerTrust.pinned({ "127.0.0.1": [pin] })))
        assert.strictEqual(body, "secret")
      }
      const other = yield* stranger
      const error = yield* refused(
        issued,
        ServerTrust.composite(roots, ServerTrust.pinned({ "127.0.0.1": [other.pin] })),
        "TlsError/ServerCertificateUntrusted"
      )
      assert.deepInclude(error.reason, { why: "PinMismatch" })
      assert.match(error.message, /pin/)
      // pins of another host say nothing about this one
      assert.strictEqual(
        yield* visit(issued, ServerTrust.composite(roots, ServerTrust.pinned({ "other.test": [other.pin] }))),
        "secret"
      )
    }))

  it.scopedLive("pinnedCertificates takes the certificate itself", () =>
    Effect.gen(function*() {
      const roots = yield* trustingTheRoot
      const key = yield* Effect.promise(makeKey)
      const first = yield* issue({ names, key })
      const second = yield* issue({ names, key })
      const pins = ServerTrust.pinnedCertificates({ "127.0.0.1": [first.cert] })
      assert.strictEqual(yield* visit(first, ServerTrust.composite(roots, pins)), "secret")
      // the same key in another certificate: what distinguishes it from a pinned key
      yield* refused(second, ServerTrust.composite(roots, pins), "TlsError/ServerCertificateUntrusted")
      const keyPin = ServerTrust.pinned({ "127.0.0.1": [first.pin] })
      assert.strictEqual(yield* visit(second, ServerTrust.composite(roots, keyPin)), "secret")
    }))

  it.scopedLive("custom sees the chain and may refuse what is fine", () =>
    Effect.gen(function*() {
      const issued = yield* leaf
      const seen: Array<ServerTrust.ServerTrust> = []
      const evaluator = ServerTrust.composite(
        yield* trustingTheRoot,
        ServerTrust.custom((trust) => {
          seen.push(trust)
          return Effect.succeed(ServerTrust.reject("not today"))
        })
      )
      const error = yield* refused(issued, evaluator, "TlsError/ServerCertificateUntrusted")
      assert.deepInclude(error.reason, { why: "Refused", detail: "not today" })
      assert.strictEqual(seen.length, 1)
      assert.isTrue(seen[0]?.trusted)
      assert.strictEqual(seen[0]?.host, "127.0.0.1")
      assert.deepStrictEqual(Buffer.from(seen[0]?.chain[0]?.der ?? []), Buffer.from(issued.der))
    }))

  it.scopedLive("custom may accept what the platform would refuse, and nothing is then sent ahead on it", () =>
    Effect.gen(function*() {
      const issued = yield* Effect.promise(() => selfSigned({ names: ["other.test"] }))
      const server = yield* rawServer({
        tls: presenting(issued),
        onRequest: (peer, head) =>
          peer.socket.write(
            /^authorization/im.test(head)
              ? response("in")
              : response("", { status: "401 Unauthorized", fields: ["WWW-Authenticate: Basic realm=\"r\""] })
          )
      })
      const delegate = ChallengeResolver.layer({
        ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.accept)),
        Basic: ChallengeResolver.anyOrigin(() =>
          Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "secret" })))
        )
      })
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          for (let i = 0; i < 3; i++) {
            const [bytes] = yield* session.data(`https://127.0.0.1:${server.port}/`)
            assert.strictEqual(text(bytes), "in")
          }
        }))
      // each time without the secret first
      assert.strictEqual(server.peers.reduce((sum, peer) => sum + peer.requests, 0), 6)
    }))

  it.scopedLive("an evaluator that fails or dies is AuthenticationError ResolverFailed", () =>
    Effect.gen(function*() {
      const issued = yield* leaf
      yield* refused(issued, ServerTrust.custom(() => Effect.fail("no")), "AuthenticationError/ResolverFailed")
      yield* refused(issued, ServerTrust.custom(() => Effect.die("no")), "AuthenticationError/ResolverFailed")
      const throwing = ServerTrust.custom((): Effect.Effect<ServerTrust.Verdict> => {
        throw new Error("no")
      })
      yield* refused(issued, throwing, "AuthenticationError/ResolverFailed")
    }))

  it.scopedLive("one that never returns holds up its host only, and ends with the session", () =>
    Effect.gen(function*() {
      let asked = 0
      let interrupted = 0
      const secure = yield* serving(yield* leaf)
      const plain = yield* rawServer(answering(response("plain")))
      const never = ServerTrust.custom(() => {
        asked++
        return Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            interrupted++
          }))
      })
      yield* withSession({ delegate: judging(never) }, (session) =>
        Effect.gen(function*() {
          const first = yield* Effect.fork(session.data(`https://127.0.0.1:${secure.port}/`))
          yield* until(() => asked === 1)
          for (let i = 0; i < 10; i++) yield* session.data(plain.origin)
          assert.isNull(first.unsafePoll())
          // the last that waits takes the connection and the decider with it
          yield* Fiber.interrupt(first)
          yield* until(() => secure.open() === 0)
          assert.strictEqual(interrupted, 1)
          yield* Effect.fork(session.data(`https://127.0.0.1:${secure.port}/`))
          yield* until(() => asked === 2)
        }))
      assert.strictEqual(interrupted, 2)
      yield* until(() => secure.open() === 0)
    }))
})

describe("certificates that change", () => {
  /** Presents one certificate to the first connection and the other to those after it; closes after each response. */
  const changing = (first: Issued, second: Issued) => {
    let handshakes = 0
    return rawServer({
      tls: {
        ...presenting(first),
        // asked once a handshake
        SNICallback: (_name, answer) => {
          const { chain, key } = handshakes++ === 0 ? first : second
          answer(null, tls.createSecureContext({ cert: chain, key }))
        }
      },
      onRequest: (peer) => peer.socket.end(response(`answer ${peer.index}`, { fields: ["Connection: close"] }))
    })
  }

  it.scopedLive("a changed certificate that verifies is legal without a pin, and refused with one", () =>
    Effect.gen(function*() {
      const roots = yield* trustingTheRoot
      const first = yield* issue({ names: ["localhost"] })
      const second = yield* issue({ names: ["localhost"] })
      const lookup = () => Effect.succeed([{ address: "127.0.0.1", family: 4 as const }])
      const twice = (evaluator: ServerTrust.Evaluator) =>
        Effect.gen(function*() {
          const server = yield* changing(first, second)
          return yield* withSession({ delegate: judging(evaluator), transport: { lookup } }, (session) =>
            Effect.gen(function*() {
              const url = `https://localhost:${server.port}/`
              const [one] = yield* session.data(url)
              assert.strictEqual(text(one), "answer 0")
              return yield* Effect.either(session.data(url))
            }))
        })
      const legal = yield* twice(roots)
      assert.strictEqual(legal._tag, "Right")
      const illegal = yield* twice(ServerTrust.composite(roots, ServerTrust.pinned({ localhost: [first.pin] })))
      assert.strictEqual(illegal._tag, "Left")
      if (illegal._tag === "Left") assert.deepInclude(illegal.left.reason, { why: "PinMismatch" })
    }))
})

describe("AUT-01 tasks with evaluators of their own", () => {
  it.scopedLive("never share a connection with the session's tasks, nor with each other", () =>
    Effect.gen(function*() {
      const root = yield* authority
      const server = yield* serving(yield* leaf)
      const roots = ServerTrust.additionalRoots([root.cert])
      yield* withSession({ delegate: judging(roots) }, (session) =>
        Effect.gen(function*() {
          const get = session.data(`https://127.0.0.1:${server.port}/`)
          const own = ChallengeResolver.make({
            ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.performDefault))
          })
          const other = ChallengeResolver.make({
            ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.performDefault))
          })
          const refusing = ChallengeResolver.make({
            ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.reject("no")))
          })
          yield* get
          yield* get
          assert.strictEqual(server.peers.length, 1)
          yield* ChallengeResolver.provideTask(own)(get)
          assert.strictEqual(server.peers.length, 2)
          yield* ChallengeResolver.provideTask(other)(get)
          assert.strictEqual(server.peers.length, 3)
          yield* failsWith(ChallengeResolver.provideTask(refusing)(get), "TlsError/ServerCertificateUntrusted")
          yield* get
          assert.deepStrictEqual(server.peers.slice(0, 3).map((peer) => peer.requests), [3, 1, 1])
        }))
      yield* until(() => server.open() === 0)
    }).pipe(Effect.provide(NodeTransport.layer)))

  it.scopedLive("a task's pin holds although the session has a connection that would pass without it", () =>
    Effect.gen(function*() {
      const [root, other] = [yield* authority, yield* stranger]
      const server = yield* serving(yield* leaf)
      yield* withSession(
        { delegate: judging(ServerTrust.additionalRoots([root.cert])) },
        (session) =>
          Effect.gen(function*() {
            const get = session.data(`https://127.0.0.1:${server.port}/`)
            const pin = ChallengeResolver.make({ ServerTrust: ServerTrust.pinned({ "127.0.0.1": [other.pin] }) })
            yield* get
            const error = yield* failsWith(
              ChallengeResolver.provideTask(pin)(get),
              "TlsError/ServerCertificateUntrusted"
            )
            assert.deepInclude(error.reason, { why: "PinMismatch" })
          })
      )
    }).pipe(Effect.provide(NodeTransport.layer)))
})
