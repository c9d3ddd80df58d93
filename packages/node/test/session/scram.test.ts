// A scheme from outside core: SCRAM-SHA-256 (RFC 7804), as examples/scram.ts builds it on the extension point.
import { assert, describe, it } from "@effect/vitest"
import * as AuthenticationScheme from "@urlsession/core/AuthenticationScheme"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto"
import { scramSha256 } from "../../../../examples/scram.ts"
import { HeaderFields } from "../../../core/src/HeaderFields.ts"
import { rawServer, response } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

const user = Credential.password({ user: "user", password: "pencil" })
const request = { method: "GET", target: "/resource", connection: undefined }
const base64 = (message: string): string => Buffer.from(message).toString("base64")
const unbase64 = (data: string): string => Buffer.from(data, "base64").toString("utf8")

const space = ProtectionSpace.make({
  host: "server.example.com",
  port: 80,
  protocol: "http",
  method: "SCRAM-SHA-256",
  realm: "testrealm@example.com"
})
const challenge = (params: Record<string, string>): AuthenticationScheme.SchemeChallenge => ({
  space,
  params: new Map(Object.entries(params)),
  token68: undefined
})
const dataOf = (value: Redacted.Redacted): string =>
  unbase64(/data=([A-Za-z0-9+/=]+)/.exec(Redacted.value(value))?.[1] ?? "")

describe("the vector of RFC 7677 3, in the words of RFC 7804 5", () => {
  const begun = scramSha256(() => "rOprNGfwEbeRWgbNEkqO").begin(challenge({ realm: space.realm ?? "" }), user)
  const first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
  const final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
  const accepted = (message: string, status = 200) => ({
    status,
    fields: HeaderFields.fromEntries([["Authentication-Info", `sid=AAAABBBBCCCCDDDD, data=${base64(message)}`]])
  })

  it.effect("is what is sent and taken", () =>
    Effect.gen(function*() {
      const exchange = yield* begun
      const hello = yield* exchange.next(request)
      assert.strictEqual(dataOf(hello), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
      assert.include(Redacted.value(hello), "SCRAM-SHA-256 realm=\"testrealm@example.com\", data=")
      const verdict = yield* exchange.challenged(challenge({ sid: "AAAABBBBCCCCDDDD", data: base64(first) }))
      assert.strictEqual(verdict, "Continue")
      const proof = yield* exchange.next(request)
      assert.match(Redacted.value(proof), /^SCRAM-SHA-256 sid=AAAABBBBCCCCDDDD, data=/)
      assert.strictEqual(
        dataOf(proof),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
      )
      yield* exchange.accepted(accepted(final))
      yield* exchange.accepted(accepted("", 500))
      const forged = yield* Effect.flip(exchange.accepted(accepted("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")))
      assert.strictEqual(forged.reason, "ServerNotAuthenticated")
    }))

  const bad: ReadonlyArray<readonly [string, string]> = [
    ["a nonce that is not ours", "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"],
    ["a nonce that adds nothing", "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"],
    ["too few iterations", "r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"],
    ["too many iterations", "r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999"],
    ["no salt", "r=rOprNGfwEbeRWgbNEkqO1,i=4096"],
    ["an unknown extension", "m=x,r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"],
    ["nothing at all", ""]
  ]
  for (const [name, message] of bad) {
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function*() {
        const exchange = yield* begun
        yield* exchange.next(request)
        const error = yield* Effect.flip(exchange.challenged(challenge({ sid: "1", data: base64(message) })))
        assert.strictEqual(error.reason, "Malformed")
        assert.notInclude(String(error), "pencil")
      }))
  }
})

/** A server by RFC 7804, written against the text. */
const scramServer = (options: { readonly knowsPassword?: boolean } = {}) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const exchanges = new Map<string, { readonly bare: string; readonly first: string }>()
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64")
    const salted = pbkdf2Sync("pencil", salt, 4096, 32, "sha256")
    const hmac = (key: Buffer, message: string) => createHmac("sha256", key).update(message).digest()
    const clientKey = hmac(salted, "Client Key")
    const storedKey = createHash("sha256").update(clientKey).digest()
    const refuse = (params: string) => response("no", { status: "401 No", fields: [`WWW-Authenticate: ${params}`] })
    const server = yield* rawServer({
      onRequest: (peer, head) => {
        const value = /^authorization: SCRAM-SHA-256 (.*)$/im.exec(head)?.[1]
        const sid = /sid="?([\w-]+)/.exec(value ?? "")?.[1]
        const message = unbase64(/data="?([A-Za-z0-9+/=]+)/.exec(value ?? "")?.[1] ?? "")
        const known = exchanges.get(sid ?? "")
        const say = (answer: string): void => {
          peer.socket.write(answer, "latin1")
        }
        if (value === undefined) {
          log.push("unasked")
          return say(refuse("Basic realm=weak, SCRAM-SHA-256 realm=\"r\""))
        }
        if (known === undefined) {
          log.push("first")
          const bare = message.replace(/^n,,/, "")
          const id = randomBytes(8).toString("hex")
          const first = `${bare.slice(bare.indexOf("r="))}${randomBytes(9).toString("base64")},s=${
            salt.toString("base64")
          },i=4096`
          exchanges.set(id, { bare, first })
          return say(refuse(`SCRAM-SHA-256 sid=${id}, data=${base64(first)}`))
        }
        const [withoutProof = "", proof = ""] = message.split(",p=")
        const whole = `${known.bare},${known.first},${withoutProof}`
        const signature = hmac(storedKey, whole)
        const key = Buffer.from(proof, "base64").map((byte, index) => byte ^ (signature[index] ?? 0))
        const good = createHash("sha256").update(key).digest().equals(storedKey)
        log.push(good ? "good" : "bad")
        if (!good) return say(refuse("SCRAM-SHA-256 realm=\"r\""))
        const proofOf = options.knowsPassword === false ? randomBytes(32) : hmac(hmac(salted, "Server Key"), whole)
        return say(response("in", {
          fields: [`Authentication-Info: sid=${sid}, data=${base64(`v=${proofOf.toString("base64")}`)}`]
        }))
      }
    })
    return { origin: server.origin, log }
  })

const delegate = (credential: Credential.PasswordCredential, failures: Array<number> = []) =>
  Layer.merge(
    AuthenticationScheme.layer(scramSha256()),
    ChallengeResolver.layer({
      schemes: {
        "SCRAM-SHA-256": ChallengeResolver.anyOrigin(({ previousFailureCount }) => {
          failures.push(previousFailureCount)
          return Effect.succeed(previousFailureCount < 2 ? Disposition.use(credential) : Disposition.useNone)
        })
      }
    })
  )

describe("a session that was given SCRAM-SHA-256", () => {
  it.scopedLive("is let in by the stronger of two schemes, and begins at once inside the space [TRU-09]", () =>
    Effect.gen(function*() {
      const server = yield* scramServer()
      const failures: Array<number> = []
      yield* withSession({ delegate: delegate(user, failures) }, (session) =>
        Effect.gen(function*() {
          for (const path of ["/a/1", "/a/2"]) {
            const [bytes, head] = yield* session.data(`${server.origin}${path}`)
            assert.deepStrictEqual([head.status, text(bytes)], [200, "in"])
          }
        }))
      assert.deepStrictEqual(server.log, ["unasked", "first", "good", "first", "good"])
      assert.deepStrictEqual(failures, [0])
    }))

  it.scopedLive("counts a wrong password as a failure, and delivers the refusal in the end", () =>
    Effect.gen(function*() {
      const server = yield* scramServer()
      const failures: Array<number> = []
      yield* withSession(
        { delegate: delegate(Credential.password({ user: "user", password: "pen" }), failures) },
        (session) =>
          Effect.gen(function*() {
            const [, head] = yield* session.data(server.origin)
            assert.strictEqual(head.status, 401)
          })
      )
      assert.deepStrictEqual(server.log, ["unasked", "first", "bad", "first", "bad"])
      assert.deepStrictEqual(failures, [0, 1, 2])
    }))

  it.scopedLive("trusts nothing of a server that does not know the password", () =>
    Effect.gen(function*() {
      const server = yield* scramServer({ knowsPassword: false })
      yield* withSession({ delegate: delegate(user) }, (session) =>
        failsWith(session.data(server.origin), "AuthenticationError/ServerNotAuthenticated"))
    }))

  it.scopedLive("does nothing where the scheme is disabled", () =>
    Effect.gen(function*() {
      const server = yield* scramServer()
      yield* withSession(
        { delegate: delegate(user), configuration: { disabledAuthenticationSchemes: ["scram-sha-256"] } },
        (session) => Effect.map(session.data(server.origin), ([, head]) => assert.strictEqual(head.status, 401))
      )
      assert.deepStrictEqual(server.log, ["unasked"])
    }))
})
