// TRU-03: client certificates on demand (engine rule 5).
import { assert, describe, it } from "@effect/vitest"
import type { ClientCertificateChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestBody from "@urlsession/core/RequestBody"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as http2 from "node:http2"
import type * as net from "node:net"
import * as tls from "node:tls"
import { until } from "../support/fakeControl.ts"
import { presenting, response } from "../support/rawServer.ts"
import {
  answering,
  asking,
  clientAuthority,
  identityOf,
  nameOf,
  person,
  showing,
  trusting,
  versions
} from "./mutual.ts"
import { failsWith, leaf, text, withSession } from "./support.ts"

const get = (session: UrlSession.Service, origin: string) =>
  Effect.map(session.data(`${origin}/`), ([body]) => text(body))

for (const version of versions) {
  describe(`TRU-03 client certificates over ${version}`, () => {
    for (const required of [true, false]) {
      it.scopedLive(`${required ? "required" : "optional"}: asked for once, shown on a connection of its own, and remembered`, () =>
        Effect.gen(function*() {
          const ada = identityOf(yield* person("ada"))
          const server = yield* asking({ version, required })
          const challenges: Array<ClientCertificateChallenge> = []
          const delegate = yield* answering((challenge) =>
            Effect.sync(() => {
              challenges.push(challenge)
              return Disposition.use(ada)
            })
          )
          yield* withSession({ delegate }, (session) =>
            Effect.gen(function*() {
              assert.strictEqual(yield* get(session, server.origin), "ada")
              assert.strictEqual(yield* get(session, server.origin), "ada")
              // what was sent on the connection that only asked
              assert.strictEqual(server.accepted(), 2)
              assert.deepStrictEqual(server.peers.map((peer) => peer.requests).filter((count) => count > 0), [2])
              assert.deepStrictEqual(
                challenges.map(({ distinguishedNames, previousFailureCount, proposedCredential, space }) => [
                  space.method,
                  space.origin,
                  space.isProxy,
                  distinguishedNames,
                  previousFailureCount,
                  Option.isNone(proposedCredential)
                ]),
                [["ClientCertificate", server.origin, false, [], 0, true]]
              )
              // later connections show it without being asked
              yield* session.flush
              assert.strictEqual(yield* get(session, server.origin), "ada")
              assert.strictEqual(server.accepted(), 3)
              assert.lengthOf(challenges, 1)
            }))
          yield* until(() => server.open() === 0)
        }))
    }

    it.scopedLive("optional: without an answer the connection goes on as it is, and nobody is asked again", () =>
      Effect.gen(function*() {
        const server = yield* asking({ version, required: false })
        let asked = 0
        const delegate = yield* answering(() =>
          Effect.sync(() => {
            asked++
            return Disposition.useNone
          })
        )
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* get(session, server.origin), "nobody")
            assert.strictEqual(server.accepted(), 1)
            yield* session.flush
            assert.strictEqual(yield* get(session, server.origin), "nobody")
            assert.strictEqual(server.accepted(), 2)
            assert.strictEqual(asked, 1)
          }))
      }))

    it.scopedLive("required: without an answer, and without anybody to ask, the request fails with ClientCertificateRequired", () =>
      Effect.gen(function*() {
        const server = yield* asking({ version, required: true })
        const silent = yield* answering(() => Effect.succeed(Disposition.next))
        for (const delegate of [silent, yield* trusting]) {
          const before = server.accepted()
          const error = yield* withSession(
            { delegate },
            (session) => failsWith(session.data(`${server.origin}/`), "TlsError/ClientCertificateRequired")
          )
          assert.strictEqual(error.code, -1206)
          assert.isFalse(error.isTransient)
          assert.strictEqual(server.accepted() - before, 1)
        }
        assert.isTrue(server.peers.every((peer) => peer.requests === 0))
      }))

    for (const name of ["stranger", "expired", "server"] as const) {
      it.scopedLive(`required: a certificate that is not accepted (${name}) is ClientCertificateRejected, once, and forgotten`, () =>
        Effect.gen(function*() {
          const refused = identityOf(yield* person(name))
          const ada = identityOf(yield* person("ada"))
          const server = yield* asking({ version, required: true })
          const failures: Array<readonly [number, boolean]> = []
          const delegate = yield* answering(({ previousFailureCount, proposedCredential }) =>
            Effect.sync(() => {
              failures.push([previousFailureCount, Option.contains(proposedCredential, refused)])
              return Disposition.use(previousFailureCount > 1 ? ada : refused)
            })
          )
          yield* withSession({ delegate }, (session) =>
            Effect.gen(function*() {
              const error = yield* failsWith(session.data(`${server.origin}/`), "TlsError/ClientCertificateRejected")
              assert.strictEqual(error.code, -1205)
              assert.isFalse(error.isTransient)
              assert.strictEqual(server.accepted(), 2)
              const large = RequestBody.bytes(new Uint8Array(2 * 1024 * 1024))
              yield* failsWith(session.upload(`${server.origin}/`, large), "TlsError/ClientCertificateRejected")
              assert.strictEqual(server.accepted(), 4)
              assert.strictEqual(yield* get(session, server.origin), "ada")
              assert.deepStrictEqual(failures, [[0, false], [1, true], [2, true]])
            }))
          assert.deepStrictEqual(server.peers.map((peer) => peer.requests).filter((count) => count > 0), [1])
          yield* until(() => server.open() === 0)
        }))
    }

    for (const how of ["end", "destroy"] as const) {
      it.scopedLive(`a server that sees the certificate and goes without a word (${how}) has refused it`, () =>
        Effect.gen(function*() {
          const server = yield* asking({
            version,
            required: false,
            behaviour: { onConnection: (peer) => nameOf(peer) === "nobody" || peer.socket[how]() }
          })
          const delegate = yield* showing(identityOf(yield* person("ada")))
          yield* withSession(
            { delegate },
            (session) => failsWith(session.data(`${server.origin}/`), "TlsError/ClientCertificateRejected")
          )
          assert.strictEqual(server.accepted(), 2)
        }))
    }

    for (const how of ["end", "destroy"] as const) {
      it.scopedLive(`a server that asks, sees no certificate and goes without a word (${how}) wanted one`, () =>
        Effect.gen(function*() {
          const server = yield* asking({
            version,
            required: false,
            behaviour: { onRequest: (peer) => peer.socket[how]() }
          })
          const delegate = yield* trusting
          yield* withSession(
            { delegate },
            (session) => failsWith(session.data(`${server.origin}/`), "TlsError/ClientCertificateRequired")
          )
        }))
    }

    it.scopedLive("a server that goes after it has served was not against the certificate", () =>
      Effect.gen(function*() {
        let asked = 0
        const ada = identityOf(yield* person("ada"))
        const server = yield* asking({
          version,
          required: false,
          behaviour: {
            onRequest: (peer) => peer.requests === 2 ? peer.socket.destroy() : peer.socket.write(response(nameOf(peer)))
          }
        })
        const delegate = yield* answering(() =>
          Effect.sync(() => {
            asked++
            return Disposition.use(ada)
          })
        )
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            // every other one finds its connection gone, and is sent again
            for (let i = 0; i < 4; i++) assert.strictEqual(yield* get(session, server.origin), "ada")
          }))
        assert.strictEqual(asked, 1)
      }))

    it.scopedLive("64 requests at a time ask once", () =>
      Effect.gen(function*() {
        const ada = identityOf(yield* person("ada"))
        const server = yield* asking({ version, required: true })
        let asked = 0
        const delegate = yield* answering(() =>
          Effect.as(
            Effect.zipRight(Effect.sync(() => asked++), Effect.yieldNow()),
            Disposition.use(ada)
          )
        )
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            const bodies = yield* Effect.all(Array.from({ length: 64 }, () => get(session, server.origin)), {
              concurrency: "unbounded"
            })
            assert.deepStrictEqual([...new Set(bodies)], ["ada"])
          }))
        assert.strictEqual(asked, 1)
      }))

    it.scopedLive("session.reset forgets the answer", () =>
      Effect.gen(function*() {
        const names = ["ada", "zoe"] as const
        let asked = 0
        const server = yield* asking({ version, required: true })
        const delegate = yield* answering(() =>
          Effect.map(person(names[asked++] ?? "stranger"), (one) => Disposition.use(identityOf(one)))
        )
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* get(session, server.origin), "ada")
            yield* session.reset
            assert.strictEqual(yield* get(session, server.origin), "zoe")
          }))
        assert.strictEqual(asked, 2)
      }))

    it.scopedLive("with persistence none every connection asks", () =>
      Effect.gen(function*() {
        const { chain, key } = yield* person("ada")
        const ada = Credential.identity({ certificates: chain, key, persistence: "none" })
        let asked = 0
        const server = yield* asking({ version, required: true })
        const delegate = yield* answering(() =>
          Effect.sync(() => {
            asked++
            return Disposition.use(ada)
          })
        )
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* get(session, server.origin), "ada")
            assert.strictEqual(yield* get(session, server.origin), "ada")
            assert.strictEqual(asked, 1)
            yield* session.flush
            assert.strictEqual(yield* get(session, server.origin), "ada")
            assert.strictEqual(asked, 2)
          }))
      }))

    it.scopedLive("a connection that one task has shown its certificate on is lent to no other's", () =>
      Effect.gen(function*() {
        const server = yield* asking({ version, required: false })
        const as = (name: "ada" | "zoe") =>
          Effect.map(
            person(name),
            (one) =>
              ChallengeResolver.make({ ClientCertificate: () => Effect.succeed(Disposition.use(identityOf(one))) })
          )
        const [ada, zoe] = [yield* as("ada"), yield* as("zoe")]
        yield* withSession({ delegate: yield* trusting }, (session) =>
          Effect.gen(function*() {
            const plain = get(session, server.origin)
            const twice = Effect.all([plain, plain])
            assert.strictEqual(yield* plain, "nobody")
            assert.deepStrictEqual(yield* ChallengeResolver.provideTask(ada)(twice), ["ada", "ada"])
            assert.strictEqual(yield* plain, "nobody")
            assert.deepStrictEqual(yield* ChallengeResolver.provideTask(zoe)(twice), ["zoe", "zoe"])
            assert.strictEqual(yield* plain, "nobody")
          }))
        // two that asked, two that were told, one that nobody was asked about
        assert.strictEqual(server.accepted(), 5)
      }).pipe(Effect.provide(NodeTransport.layer)))
  })
}

describe("TRU-03 client certificates over HTTP/2", () => {
  const asking2 = (required: boolean) =>
    Effect.gen(function*() {
      const { cert } = yield* clientAuthority
      const server = http2.createSecureServer({
        ...presenting(yield* leaf, { ALPNProtocols: ["h2"] }),
        requestCert: true,
        rejectUnauthorized: required,
        ca: [cert]
      })
      const sockets = new Set<net.Socket>()
      let accepted = 0
      server.on("connection", (socket: net.Socket) => {
        accepted++
        sockets.add(socket)
      })
      server.on("stream", (stream) => {
        const name = stream.session?.socket
        stream.respond({ ":status": 200 })
        stream.end(name instanceof tls.TLSSocket ? name.getPeerCertificate().subject?.CN ?? "nobody" : "nobody")
      })
      server.on("sessionError", () => {})
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.void))
        }),
        () =>
          Effect.async<void>((resume) => {
            for (const socket of sockets) socket.destroy()
            server.close(() => resume(Effect.void))
          })
      )
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { origin: `https://localhost:${port}`, accepted: () => accepted }
    })

  it.scopedLive("64 requests at a time: one question, and one connection after the one that asked", () =>
    Effect.gen(function*() {
      const ada = identityOf(yield* person("ada"))
      const server = yield* asking2(true)
      let asked = 0
      const delegate = yield* answering(() =>
        Effect.sync(() => {
          asked++
          return Disposition.use(ada)
        })
      )
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          const bodies = yield* Effect.all(Array.from({ length: 64 }, () => get(session, server.origin)), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual([...new Set(bodies)], ["ada"])
        }))
      assert.strictEqual(asked, 1)
      assert.strictEqual(server.accepted(), 2)
    }))

  it.scopedLive("one that is refused is ClientCertificateRejected, one that is missing ClientCertificateRequired", () =>
    Effect.gen(function*() {
      const server = yield* asking2(true)
      const delegate = yield* showing(identityOf(yield* person("stranger")))
      yield* withSession(
        { delegate },
        (session) => failsWith(session.data(`${server.origin}/`), "TlsError/ClientCertificateRejected")
      )
      yield* withSession(
        { delegate: yield* trusting },
        (session) => failsWith(session.data(`${server.origin}/`), "TlsError/ClientCertificateRequired")
      )
    }))
})
