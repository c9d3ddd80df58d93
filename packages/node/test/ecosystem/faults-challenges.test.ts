// Where other implementations misread a challenge, and a session does not.
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { rawServer, response } from "../support/rawServer.ts"
import { builtIn, client } from "./support.ts"

/** A server that says this in `WWW-Authenticate` to whoever comes without credentials. */
const asking = (challenges: string) =>
  rawServer({
    onRequest: (peer, head) =>
      peer.socket.write(
        /^authorization:/im.test(head)
          ? response("welcome")
          : response("", { status: "401 Unauthorized", fields: [`WWW-Authenticate: ${challenges}`] })
      )
  })

/** The value of Authorization that a delegate with this user makes of a challenge. */
const answered = (challenges: string, user = "ada") =>
  Effect.gen(function*() {
    const server = yield* asking(challenges)
    const answer = () => Effect.succeed(Disposition.use(Credential.password({ user, password: "p" })))
    const delegate = ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(answer), Digest: answer })
    const text = yield* HttpClient.get(`${server.origin}/x`).pipe(
      Effect.flatMap((one) => one.text),
      Effect.provide(client(delegate))
    )
    assert.strictEqual(text, "welcome")
    return /^authorization: (.*)\r$/im.exec(server.peers.map(({ received }) => received).join(""))?.[1] ?? ""
  })

const parameter = (value: string, name: string): string | undefined =>
  new RegExp(`\\b${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,]+))`).exec(value)?.slice(1).find((one) => one !== undefined)

const hash = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest("hex")

describe("challenges", () => {
  it.scopedLive("RFC 9110 11.6.1: several in one field are several, each with its own parameters", () =>
    Effect.gen(function*() {
      const value = yield* answered(
        "Basic realm=\"b\", charset=\"UTF-8\", Digest realm=\"d, e\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"
      )
      assert.match(value, /^Digest /)
      assert.strictEqual(parameter(value, "realm"), "d, e")
      assert.strictEqual(parameter(value, "nonce"), "n")
    }))

  it.scopedLive("TRU-05 RFC 7616 3.7: of two algorithms the server's stronger one is used, whatever their order", () =>
    Effect.gen(function*() {
      const md5 = "Digest realm=\"r\", nonce=\"m\", qop=\"auth\", algorithm=MD5"
      const sha = "Digest realm=\"r\", nonce=\"s\", qop=\"auth\", algorithm=SHA-256"
      for (const challenges of [`${md5}, ${sha}`, `${sha}, ${md5}`]) {
        const value = yield* answered(challenges)
        const form = ["s", parameter(value, "nc"), parameter(value, "cnonce"), "auth"].join(":")
        assert.strictEqual(
          parameter(value, "response"),
          hash("sha256", `${hash("sha256", "ada:r:p")}:${form}:${hash("sha256", "GET:/x")}`)
        )
      }
    }))

  it.scopedLive("TRU-05 a user's name cannot end its own parameter", () =>
    Effect.gen(function*() {
      const value = yield* answered(
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256",
        "a\", uri=\"/y\\"
      )
      assert.strictEqual(parameter(value, "username"), "a\\\", uri=\\\"/y\\\\")
    }))

  it.scopedLive("TRU-05 two clients do not choose the same client nonce", () =>
    Effect.gen(function*() {
      const challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"
      const nonces = yield* Effect.all([answered(challenge), answered(challenge)])
      assert.strictEqual(new Set(nonces.map((value) => parameter(value, "cnonce"))).size, 2)
    }))

  it.scopedLive("the built-in client answers none", () =>
    Effect.gen(function*() {
      const server = yield* asking("Basic realm=\"r\"")
      const { status } = yield* HttpClient.get(server.origin).pipe(Effect.provide(builtIn["node:http"]))
      assert.strictEqual(status, 401)
    }))
})
