// A whole session against servers that say anything: it comes to an end, answers each challenge once, and no secret strays.
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge, BearerChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { authorizationOf, digestParams, digests } from "./authSupport.ts"
import { nothingOpen } from "./support.ts"

/** A CHALLENGE of NTLM that can be answered, from MS-NLMP 4.2.4.3. */
const ntlm = Buffer.from(
  "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000060070170000000f" +
    "53006500720076006500720002000c0044006f006d00610069006e0001000c0053006500720076006500720000000000",
  "hex"
).toString("base64")

const hosts = ["one.test", "two.test"]

const challengeLine = FastCheck.constantFrom(
  "Basic realm=\"a\"",
  "Basic realm=\"b\"",
  "Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256",
  "Digest realm=\"a\", nonce=\"2\", qop=\"auth\", algorithm=SHA-256, stale=true",
  "Digest realm=\"b\", nonce=\"3\", algorithm=MD5",
  "Bearer",
  "Bearer realm=\"a\", error=\"invalid_token\"",
  "NTLM",
  `NTLM ${ntlm}`,
  "NTLM Z2FyYmFnZQ==",
  "Negotiate",
  `Negotiate ${ntlm}`,
  "Basic",
  "\"",
  ", ,Digest realm=a nonce"
)

type Said =
  | { readonly _tag: "Challenge"; readonly lines: ReadonlyArray<string> }
  | { readonly _tag: "Let in" }
  | { readonly _tag: "Fails" }
  | { readonly _tag: "Leads"; readonly host: string }

const said: FastCheck.Arbitrary<Said> = FastCheck.oneof(
  {
    weight: 6,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("Challenge" as const),
      lines: FastCheck.array(challengeLine, { maxLength: 4 })
    })
  },
  { weight: 1, arbitrary: FastCheck.constant({ _tag: "Let in" as const }) },
  { weight: 1, arbitrary: FastCheck.constant({ _tag: "Fails" as const }) },
  {
    weight: 2,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("Leads" as const),
      host: FastCheck.constantFrom(...hosts)
    })
  }
)

const script = (one: Said): TestTransport.Script => {
  switch (one._tag) {
    case "Challenge":
      return TestTransport.challenge(...one.lines)
    case "Let in":
      return TestTransport.respond(200)
    case "Fails":
      return TestTransport.respond(500)
    case "Leads":
      return TestTransport.redirect(302, `https://${one.host}/x`)
  }
}

const answers = FastCheck.array(
  FastCheck.constantFrom("use", "use", "use", "next", "reject", "default", "none", "cancel"),
  {
    minLength: 1,
    maxLength: 10
  }
)

/** Whose secret it is can be read in it. */
const secretOf = (host: string, realm: string | undefined): string => `${host}~${realm ?? ""}`

const hostOf = (url: string): string => new URL(url).hostname

/** The secret in a request, or the user where only that shows. */
const secretIn = (authorization: string): string | undefined => {
  const [scheme = "", rest = ""] = authorization.split(/ (.*)/s)
  switch (scheme) {
    case "Basic":
      return Buffer.from(rest, "base64").toString().split(":")[0]
    case "Bearer":
      return rest
    case "Digest":
      return digestParams(authorization).get("username")
    default: {
      const message = Buffer.from(rest, "base64")
      return message[8] === 3
        ? message.subarray(message.readUInt32LE(40), message.readUInt32LE(40) + message.readUInt16LE(36)).toString(
          "utf16le"
        )
        : undefined
    }
  }
}

describe("a session, whatever servers say and resolvers answer", () => {
  it.effect.prop(
    "ends, asks about each challenge once at most, counts upwards, and sends no secret where it does not belong",
    [FastCheck.array(said, { minLength: 1, maxLength: 14 }), answers, FastCheck.integer({ min: 1, max: 8 })],
    ([sayings, dispositions, limit]) => {
      const asked = new Map<string, number>()
      const counts = new Map<string, number>()
      const wrong: Array<string> = []
      let turn = 0
      let requestCount = 0
      const heard = (challenge: AuthenticationChallenge | BearerChallenge): string => {
        const { previousFailureCount, space, taskIdentifier } = challenge
        const key = `${requestCount} ${space.method} ${space.origin} ${space.realm}`
        asked.set(key, (asked.get(key) ?? 0) + 1)
        const counted = `${taskIdentifier} ${space.method} ${space.origin} ${space.realm}`
        if (previousFailureCount < (counts.get(counted) ?? 0)) wrong.push(`counted down: ${counted}`)
        counts.set(counted, previousFailureCount)
        return dispositions[turn++ % dispositions.length] ?? "none"
      }
      const decided = <C extends Credential.HttpCredential>(what: string, credential: C): Disposition.Disposition<C> =>
        what === "use"
          ? Disposition.use(credential)
          : what === "next"
          ? Disposition.next
          : what === "reject"
          ? Disposition.reject
          : what === "default"
          ? Disposition.performDefault
          : what === "none"
          ? Disposition.useNone
          : Disposition.cancel
      const password = (challenge: AuthenticationChallenge) =>
        Effect.sync(() => {
          const secret = secretOf(challenge.space.host, challenge.space.realm)
          return decided(heard(challenge), Credential.password({ user: secret, password: secret }))
        })
      const token = (challenge: BearerChallenge) =>
        Effect.sync(() => {
          const secret = secretOf(challenge.space.host, challenge.space.realm)
          return decided(heard(challenge), Credential.token({ token: secret }))
        })
      const entry = ChallengeResolver.anyOrigin(password)
      const delegate = ChallengeResolver.layer({
        Basic: entry,
        Digest: entry,
        NTLM: password,
        Negotiate: password,
        Bearer: ChallengeResolver.anyOrigin(token)
      })
      const answer = (request: TestTransport.ReceivedRequest): TestTransport.Script => {
        requestCount++
        const value = authorizationOf(request)
        const secret = value === undefined ? undefined : secretIn(value)
        if (secret !== undefined && !secret.startsWith(`${hostOf(request.url)}~`)) {
          wrong.push(`${hostOf(request.url)} got the secret of another`)
        }
        return script(sayings[request.index % sayings.length] ?? { _tag: "Let in" })
      }
      const configuration = SessionConfiguration.make({ authenticationRoundLimit: limit, redirectLimit: 3 })
      return Effect.gen(function*() {
        const session = yield* UrlSession.make(configuration).pipe(Effect.provide(delegate), Effect.provide(digests))
        for (let task = 0; task < 3; task++) {
          yield* Effect.either(session.data(`https://${hosts[task % 2]}/p`))
        }
        assert.deepStrictEqual(wrong, [])
        assert.isTrue([...asked.values()].every((times) => times === 1), JSON.stringify([...asked]))
        // of three tasks: each hop once, and each round of an authentication, with one more for a fresh connection
        assert.isAtMost(requestCount, 3 * (4 + 2 * limit + 2))
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(Effect.scoped, Effect.provide(TestTransport.layer({ answer })))
    },
    { fastCheck: { numRuns: 200 } }
  )
})
