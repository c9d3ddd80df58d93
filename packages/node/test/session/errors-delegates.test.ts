import { assert, describe, it } from "@effect/vitest"
import * as AddressPolicy from "@urlsession/core/AddressPolicy"
import type { RedirectControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as ResponseHandler from "@urlsession/core/ResponseHandler"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { until } from "../support/fakeControl.ts"
import { answering, type Peer, rawServer, response } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

describe("authentication that fails", () => {
  const challenge = (scheme = "Basic realm=\"r\"") =>
    answering(response("who?", { status: "401 Unauthorized", fields: [`WWW-Authenticate: ${scheme}`] }))

  const asking = (scheme: string, delegate: ChallengeResolver.Answer, name: string) =>
    Effect.gen(function*() {
      const server = yield* rawServer(challenge(scheme))
      const answer = ChallengeResolver.anyOrigin(delegate)
      const error = yield* withSession(
        { delegate: ChallengeResolver.layer({ Basic: answer, Digest: answer }) },
        (session) => failsWith(session.data(server.origin), name)
      )
      yield* until(() => server.open() === 0)
      return { error, server }
    })

  it.scopedLive("AUT-06 a cancelled challenge is AuthenticationError Cancelled", () =>
    Effect.gen(function*() {
      const { error } = yield* asking("Basic realm=\"r\"", () =>
        Effect.succeed(Disposition.cancel), "AuthenticationError/Cancelled")
      assert.strictEqual(error.code, -999)
    }))

  for (const scheme of ["Basic realm=\"r\"", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"]) {
    it.scopedLive(`401 for ever to ${scheme.slice(0, 6).trim()} is TooManyRounds`, () =>
      Effect.gen(function*() {
        const { error, server } = yield* asking(
          scheme,
          ({ previousFailureCount }) =>
            Effect.succeed(
              Disposition.use(Credential.password({ user: "ada", password: `guess ${previousFailureCount}` }))
            ),
          "AuthenticationError/TooManyRounds"
        )
        assert.deepInclude(error.reason, { limit: 20 })
        assert.strictEqual(server.peers.reduce((sum, peer) => sum + peer.requests, 0), 21)
        // small 401 bodies are drained: one connection serves all rounds
        assert.strictEqual(server.peers.length, 1)
      }))
  }

  it.scopedLive("a resolver that fails or dies is ResolverFailed, its cause kept", () =>
    Effect.gen(function*() {
      const { error } = yield* asking("Basic realm=\"r\"", () =>
        Effect.fail("no vault"), "AuthenticationError/ResolverFailed")
      assert.include(String(error.cause), "no vault")
      yield* asking("Basic realm=\"r\"", () =>
        Effect.die("broken"), "AuthenticationError/ResolverFailed")
      yield* asking("Digest realm=\"r\", nonce=\"n\"", () => {
        throw new Error("thrown")
      }, "AuthenticationError/ResolverFailed")
    }))

  it.scopedLive("a user name that Basic cannot carry is CredentialUnusable", () =>
    asking(
      "Basic realm=\"r\"",
      () => Effect.succeed(Disposition.use(Credential.password({ user: "a:b", password: "p" }))),
      "AuthenticationError/CredentialUnusable"
    ))

  it.scopedLive("a resolver that never returns holds up its own request only, and is interrupted with it", () =>
    Effect.gen(function*() {
      let asked = false
      let interrupted = false
      const server = yield* rawServer({
        onRequest: (peer, head) =>
          peer.socket.write(
            head.startsWith("GET /closed")
              ? response("who?", { status: "401 Unauthorized", fields: ["WWW-Authenticate: Basic realm=\"r\""] })
              : response("open")
          )
      })
      const never = ChallengeResolver.anyOrigin(() => {
        asked = true
        return Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            interrupted = true
          }))
      })
      yield* withSession({ delegate: ChallengeResolver.layer({ Basic: never }) }, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(`${server.origin}/closed`))
          yield* until(() => asked)
          for (let i = 0; i < 20; i++) {
            const [bytes] = yield* session.data(`${server.origin}/${i}`)
            assert.strictEqual(text(bytes), "open")
          }
          assert.isNull(fiber.unsafePoll())
        }))
      assert.isTrue(interrupted)
      yield* until(() => server.open() === 0)
    }))
})

describe("delegates that fail", () => {
  const slots: ReadonlyArray<readonly [string, Layer.Layer<never, never, RedirectControl>]> = [
    ["ResponseHandler", ResponseHandler.layer(() => Effect.fail("broken"))],
    ["RedirectHandler", RedirectHandler.layer(() => Effect.die("broken"))],
    ["AddressPolicy", AddressPolicy.layer(() => Effect.fail("broken"))]
  ]
  for (const [slot, delegate] of slots) {
    it.scopedLive(`a ${slot} that fails ends its request with DelegateFailed`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer({
          onRequest: (peer, head) =>
            peer.socket.write(
              head.startsWith("GET /next ")
                ? response("there")
                : response("gone", { status: "302 Found", fields: ["Location: /next"] })
            )
        })
        const error = yield* withSession({ delegate }, (session) =>
          failsWith(session.data(server.origin), "DelegateFailed/HandlerFailed"))
        assert.deepInclude(error.reason, { slot })
        yield* until(() =>
          server.open() === 0
        )
      }))
  }

  it.scopedLive("DDL-01 a ResponseHandler that cancels gives Cancelled, and the body is not read", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer: Peer) => peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nsome")
      })
      const error = yield* withSession(
        { delegate: ResponseHandler.layer(() => Effect.succeed("cancel")) },
        (session) => failsWith(session.data(server.origin), "Cancelled/Cancelled")
      )
      assert.deepInclude(error.reason, { by: "responseHandler" })
      yield* until(() => server.open() === 0)
    }))
})
