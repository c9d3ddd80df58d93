// Negotiate over a provider of contexts: a double of the package kerberos, and a server that says what it wants.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Negotiate from "@urlsession/core/Negotiate"
import * as NodeKerberos from "@urlsession/node/NodeKerberos"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { rawServer, response } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

const base64 = (value: string): string => Buffer.from(value).toString("base64")

interface Call {
  readonly service: string
  readonly options: unknown
  readonly steps: Array<string>
}

const double = (fails = false) => {
  const calls: Array<Call> = []
  const kerberos: NodeKerberos.Kerberos = {
    GSS_MECH_OID_SPNEGO: 6,
    initializeClient: (service, options) => {
      if (fails) return Promise.reject(new Error("no ticket for hunter2-of-kerberos"))
      const steps: Array<string> = []
      calls.push({ service, options, steps })
      return Promise.resolve({
        contextComplete: false,
        step: (challenge) => {
          steps.push(challenge)
          return Promise.resolve(base64(`ticket-${steps.length}`))
        }
      })
    }
  }
  return { kerberos, calls }
}

const delegate = (kerberos: NodeKerberos.Kerberos, user: string) =>
  Layer.merge(
    Layer.succeed(Negotiate.SecurityContextProvider, NodeKerberos.make(kerberos)),
    ChallengeResolver.layer({
      Negotiate: ({ previousFailureCount }) =>
        Effect.succeed(
          previousFailureCount > 0
            ? Disposition.useNone
            : Disposition.use(Credential.password({ user, password: "hunter2-of-kerberos" }))
        )
    })
  )

const server = (rounds: number) => {
  let heard = 0
  return rawServer({
    onRequest: (peer, head) => {
      const token = /^authorization: negotiate (\S+)/im.exec(head)?.[1]
      if (token !== undefined) heard++
      const fields = token !== undefined && heard >= rounds
        ? [`WWW-Authenticate: Negotiate ${base64("welcome")}`]
        : [`WWW-Authenticate: Negotiate${token === undefined ? "" : ` ${base64(`more-${heard}`)}`}`]
      const good = token !== undefined && heard >= rounds
      peer.socket.write(response(good ? "in" : "no", { status: good ? "200 OK" : "401 No", fields }), "latin1")
    }
  })
}

describe("Negotiate with Kerberos", () => {
  for (const rounds of [1, 2]) {
    it.scopedLive(`TRU-07 lets in after ${rounds} tokens, for the service of the host`, () =>
      Effect.gen(function*() {
        const { calls, kerberos } = double()
        const { origin } = yield* server(rounds)
        yield* withSession({ delegate: delegate(kerberos, "REALM\\ada") }, (session) =>
          Effect.map(session.data(origin), ([bytes]) => assert.strictEqual(text(bytes), "in")))
        assert.strictEqual(calls[0]?.service, "HTTP@127.0.0.1")
        assert.deepStrictEqual(calls[0]?.options, {
          mechOID: 6,
          domain: "REALM",
          user: "ada",
          password: "hunter2-of-kerberos"
        })
        assert.deepStrictEqual(calls[0]?.steps, ["", base64("more-1")].slice(0, rounds))
      }))
  }

  it.scopedLive("takes whoever is logged on where no user is named", () =>
    Effect.gen(function*() {
      const { calls, kerberos } = double()
      const { origin } = yield* server(1)
      yield* withSession({ delegate: delegate(kerberos, "") }, (session) => session.data(origin))
      assert.deepStrictEqual(calls[0]?.options, { mechOID: 6 })
    }))

  it.scopedLive("says what to do where there is no ticket, and shows no secret", () =>
    Effect.gen(function*() {
      const { origin } = yield* server(1)
      yield* withSession({ delegate: delegate(double(true).kerberos, "ada") }, (session) =>
        Effect.map(
          failsWith(session.data(origin), "AuthenticationError/CredentialUnusable"),
          (error) => assert.include(error.message, "klist")
        ))
    }))

  it.effect("is a typed error where the package is not there", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeKerberos.layer)))
      assert.include(error.message, "install it")
    }))
})
