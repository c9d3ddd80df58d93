// NTLM and Negotiate against mod_auth_gssapi with gss-ntlmssp, which checks the response and its integrity code, beside curl.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Proxy from "@urlsession/core/Proxy"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { apache } from "./support/apache.ts"
import { curl } from "./support/curl.ts"
import { grace, gssapi } from "./support/gssapi.ts"
import { linesWhen, visits } from "./support/log.ts"
import { ours } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { trusting, withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { asParameter, type User } from "./support/site.ts"
import { squid } from "./support/squid.ts"
import { plainText } from "./support/transfers.ts"

const hello = plainText("hello\n")
const wrong: User = { name: grace.name, password: "wrong password" }

const signingIn = (scheme: "NTLM" | "Negotiate", user: User, seen: Array<AuthenticationChallenge> = []) => {
  const answer = (challenge: AuthenticationChallenge) =>
    Effect.sync(() => {
      seen.push(challenge)
      return challenge.previousFailureCount > 0
        ? Disposition.useNone
        : Disposition.use(Credential.password({ user: user.name, password: user.password }))
    })
  return Layer.unwrapEffect(Effect.map(trusting, (ServerTrust) =>
    scheme === "NTLM"
      ? ChallengeResolver.layer({ NTLM: answer, ServerTrust })
      : ChallengeResolver.layer({ Negotiate: answer, ServerTrust })))
}

describe.skipIf(lacking("apache2", "squid"))("squid: NTLM", () => {
  const both = Effect.all({ proxy: shared(squid), server: shared(apache) })

  // its helper checks the messages, and no password
  for (const over of ["plain", "tls"] as const) {
    it.scopedLive(`TRU-08 TRU-06 the exchange goes over one connection to the proxy, ${over}`, () =>
      Effect.gen(function*() {
        const { proxy, server } = yield* both
        const seen: Array<AuthenticationChallenge> = []
        const configuration = {
          proxies: [Proxy.make({ host: "127.0.0.1", port: proxy.closed })],
          disabledAuthenticationSchemes: ["Basic", "Digest"]
        }
        yield* withSession(
          { delegate: signingIn("NTLM", grace, seen), configuration },
          (session) =>
            Effect.gen(function*() {
              for (let i = 0; i < 3; i++) {
                assert.deepStrictEqual(yield* ours(session.data(`${server[over]}/hello.txt?${i}`)), hello)
              }
            })
        )
        assert.deepStrictEqual(seen.map(({ space }) => `${space.method} ${space.isProxy}`), ["NTLM true"])
      }))
  }
})

for (const [scheme, row, flag] of [["NTLM", "TRU-06", "--ntlm"], ["Negotiate", "TRU-07", undefined]] as const) {
  describe.skipIf(lacking("apache2", "gssapi"))(`mod_auth_gssapi: ${scheme}`, () => {
    const server = shared(gssapi)

    for (const over of ["plain", "tls"] as const) {
      it.scopedLive(`${row} lets the user in, ${over}, and the connection stays hers`, () =>
        Effect.gen(function*() {
          const site = yield* server
          const seen: Array<AuthenticationChallenge> = []
          yield* withSession({ delegate: signingIn(scheme, grace, seen) }, (session) =>
            Effect.gen(function*() {
              for (const path of ["/hello.txt", "/hello.txt?2", "/hello.txt?3"]) {
                assert.deepStrictEqual(yield* ours(session.data(`${site[over]}${path}`)), hello)
              }
            }))
          assert.deepStrictEqual(seen.map(({ space }) => space.method), [scheme])
          const lines = yield* linesWhen(site.accessLog, (all) => visits(all).includes("200 /hello.txt?3"))
          // one challenge before the exchange and one within it, and none after
          const port = new URL(site[over]).port
          const mine = lines.filter((line) => line.startsWith(port))
          assert.deepStrictEqual(visits(mine).slice(-5), [
            "401 /hello.txt",
            "401 /hello.txt",
            "200 /hello.txt",
            "200 /hello.txt?2",
            "200 /hello.txt?3"
          ])
        }))

      it.scopedLive(`refuses a wrong password, ${over}, and a name that nobody has`, () =>
        Effect.gen(function*() {
          const site = yield* server
          for (const user of [wrong, { name: "DOMAIN\\nobody", password: grace.password }]) {
            const outcome = yield* withSession(
              { delegate: signingIn(scheme, user) },
              (session) => ours(session.data(`${site[over]}/hello.txt`))
            )
            assert.propertyVal(outcome, "status", 401)
          }
        }))
    }

    it.scopedLive("a body goes with every message, and arrives", () =>
      Effect.gen(function*() {
        const { plain } = yield* server
        yield* withSession({ delegate: signingIn(scheme, grace) }, (session) =>
          Effect.gen(function*() {
            const request = HttpClientRequest.post(`${plain}/cgi/length`).pipe(
              HttpClientRequest.bodyText("x".repeat(50_000))
            )
            const [bytes] = yield* session.data(request)
            assert.strictEqual(new TextDecoder().decode(bytes).trim(), "50000")
          }))
      }))

    it.scopedLive("forty at a time get in over six connections", () =>
      Effect.gen(function*() {
        const { plain } = yield* server
        yield* withSession({ delegate: signingIn(scheme, grace) }, (session) =>
          Effect.forEach(
            Array.from({ length: 40 }, (_, index) => `${plain}/hello.txt?many${index}`),
            (url) => Effect.map(ours(session.data(url)), (outcome) => assert.deepStrictEqual(outcome, hello)),
            { concurrency: "unbounded", discard: true }
          ))
      }))

    if (flag !== undefined) {
      it.scopedLive("curl, whose first message has no version, is refused by it", () =>
        Effect.gen(function*() {
          const { plain } = yield* server
          const outcome = yield* curl(flag, "-u", asParameter(grace), `${plain}/hello.txt`)
          const refused = yield* curl(flag, "-u", asParameter(wrong), `${plain}/hello.txt`)
          assert.propertyVal(outcome, "status", 401)
          assert.propertyVal(refused, "status", 401)
        }))
    }
  })
}
