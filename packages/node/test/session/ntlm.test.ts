// NTLM and Negotiate over real sockets, against a server that checks the proof, the integrity code and the channel.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { ntlmServer } from "../support/ntlmServer.ts"
import { type Peer, presenting, response } from "../support/rawServer.ts"
import { authority, failsWith, leaf, text, withSession } from "./support.ts"

const passwords = { ada: "lovelace-of-ntlm", bob: "bobs-own-builder" }

type Scheme = "NTLM" | "Negotiate"

const resolver = (scheme: Scheme, user: string, password: string, ca?: string) => {
  const answer = ({ previousFailureCount }: { readonly previousFailureCount: number }) =>
    Effect.succeed(
      previousFailureCount > 0 ? Disposition.useNone : Disposition.use(Credential.password({ user, password }))
    )
  const entries = scheme === "NTLM"
    ? ChallengeResolver.make({ NTLM: answer })
    : ChallengeResolver.make({ Negotiate: answer })
  return ca === undefined
    ? entries
    : entries.pipe(ChallengeResolver.orElse(ChallengeResolver.make({ ServerTrust: ServerTrust.onlyRoots([ca]) })))
}

const as = (scheme: Scheme, user: "ada" | "bob", ca?: string) => resolver(scheme, user, passwords[user], ca)

const get = (session: UrlSession.Service, url: string) =>
  Effect.map(session.data(url), ([bytes, head]) => `${head.status} ${text(bytes)}`)

for (const scheme of ["NTLM", "Negotiate"] as const) {
  const row = scheme === "NTLM" ? "TRU-06" : "TRU-07"
  describe(scheme, () => {
    it.scopedLive(`${row} lets in over one connection, which stays the user's`, () =>
      Effect.gen(function*() {
        const server = yield* ntlmServer({ passwords })
        yield* withSession({ delegate: ChallengeResolver.layerFrom(as(scheme, "ada")) }, (session) =>
          Effect.gen(function*() {
            for (let i = 0; i < 3; i++) {
              assert.strictEqual(yield* get(session, `${server.origin}/${i}`), "200 ada")
            }
          }))
        assert.deepStrictEqual(server.log, ["unasked", "challenged", "in"])
      }))

    it.scopedLive("binds to the certificate of the server that it talks to (RFC 5929)", () =>
      Effect.gen(function*() {
        const root = yield* authority
        const issued = yield* leaf
        const rules = { passwords, tls: presenting(issued) }
        const session = { delegate: ChallengeResolver.layerFrom(as(scheme, "ada", root.cert)) }
        const good = yield* ntlmServer({ ...rules, certificate: issued.der })
        yield* withSession(session, (one) =>
          Effect.map(get(one, good.origin), (answer) => assert.strictEqual(answer, "200 ada")))
        const relayed = yield* ntlmServer({ ...rules, certificate: root.der })
        yield* withSession(session, (one) =>
          Effect.map(get(one, relayed.origin), (answer) =>
            assert.strictEqual(answer, "401 no")))
        assert.include(relayed.log, "bound to another channel")
      }))

    it.scopedLive("does not let in with a wrong password, or a name that nobody has", () =>
      Effect.gen(function*() {
        for (
          const [user, password, why] of [["ada", "a wrong guess", "wrong password"], [
            "eve",
            passwords.ada,
            "nobody is eve"
          ]] as const
        ) {
          const server = yield* ntlmServer({ passwords })
          yield* withSession({ delegate: ChallengeResolver.layerFrom(resolver(scheme, user, password)) }, (session) =>
            Effect.map(get(session, server.origin), (answer) => assert.strictEqual(answer, "401 no")))
          assert.deepStrictEqual(server.log, ["unasked", "challenged", why])
        }
      }))

    it.scopedLive("keeps two users apart, two hundred requests at a time", () =>
      Effect.gen(function*() {
        const server = yield* ntlmServer({ passwords })
        const sessions = yield* Effect.forEach(["ada", "bob"] as const, (user) =>
          Effect.fork(withSession({ delegate: ChallengeResolver.layerFrom(as(scheme, user)) }, (session) =>
            Effect.forEach(
              Array.from({ length: 100 }, (_, index) =>
                index),
              (index) =>
                Effect.map(get(session, `${server.origin}/${index}`), (answer) =>
                  assert.strictEqual(answer, `200 ${user}`)),
              { concurrency: "unbounded", discard: true }
            ))))
        yield* Effect.forEach(sessions, Fiber.join)
      }))

    const lies: ReadonlyArray<readonly [string, (challenge: Buffer) => Buffer]> = [
      ["cut short", (challenge) => challenge.subarray(0, 30)],
      ["without its signature", (challenge) => Buffer.concat([Buffer.from("XXXX"), challenge.subarray(4)])],
      ["whose target lies outside", (challenge) => {
        const changed = Buffer.from(challenge)
        changed.writeUInt32LE(0xffffff, 44)
        return changed
      }],
      ["that is the first message again", (challenge) => {
        const changed = Buffer.from(challenge)
        changed.writeUInt32LE(1, 8)
        return changed
      }],
      ["of a server that knows no Unicode", (challenge) => {
        const changed = Buffer.from(challenge)
        changed.writeUInt32LE(0x2, 20)
        return changed
      }],
      ["of 40,000 bytes", (challenge) => Buffer.concat([challenge, Buffer.alloc(40_000)])]
    ]
    for (const [name, garbled] of lies) {
      it.scopedLive(`ends with a reason at a second message ${name}`, () =>
        Effect.gen(function*() {
          const server = yield* ntlmServer({ passwords, garbled })
          yield* withSession({ delegate: ChallengeResolver.layerFrom(as(scheme, "ada")) }, (session) =>
            failsWith(session.data(server.origin), "AuthenticationError/ExchangeFailed"))
        }))
    }

    for (const message of [1, 3]) {
      it.scopedLive(`begins anew where the server closes at message ${message}, once`, () =>
        Effect.gen(function*() {
          let times = 0
          const instead = (peer: Peer, type: number): boolean => {
            if (type !== message || ++times > 1) return false
            peer.socket.destroy()
            return true
          }
          const server = yield* ntlmServer({ passwords, instead })
          const delegate = ChallengeResolver.layerFrom(as(scheme, "ada"))
          // the first message may have been processed, and is not sent again by itself
          if (message === 1) {
            yield* withSession({ delegate }, (session) =>
              failsWith(session.data(server.origin), "ConnectionError/NetworkConnectionLost"))
          } else {
            yield* withSession({ delegate }, (session) =>
              Effect.map(get(session, server.origin), (answer) =>
                assert.strictEqual(answer, "200 ada")))
          }
        }))
    }

    it.scopedLive("is cut at any byte of the answer that lets in, and fails or is whole, and nothing is left", () =>
      Effect.gen(function*() {
        const whole = response("ada")
        for (let length = 0; length < whole.length; length += 3) {
          const server = yield* ntlmServer({
            passwords,
            instead: (peer, type) => {
              if (type !== 3) return false
              peer.socket.end(whole.slice(0, length), "latin1")
              return true
            }
          })
          yield* withSession(
            { delegate: ChallengeResolver.layerFrom(as(scheme, "ada")) },
            (session) => Effect.flip(session.data(server.origin))
          )
        }
      }))
  })
}
