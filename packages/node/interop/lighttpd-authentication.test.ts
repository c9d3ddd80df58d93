import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as Effect from "effect/Effect"
import { curl } from "./support/curl.ts"
import { signingIn } from "./support/delegates.ts"
import { lighttpd } from "./support/lighttpd.ts"
import { linesWhen, visits } from "./support/log.ts"
import { ours } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { ada, asParameter, juergen, type User, zoe } from "./support/site.ts"
import { plainText } from "./support/transfers.ts"

const wrong: User = { name: "ada", password: "wrong" }

describe.skipIf(lacking("lighttpd"))("lighttpd: Basic (RFC 7617)", () => {
  const server = shared(lighttpd)

  it.scopedLive("TRU-04 AUT-05 comes to curl's verdict, also outside ASCII and Latin-1 and with a wrong password", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      const url = `${plain}/basic/inside.txt`
      for (const [user, status] of [[ada, 200], [juergen, 200], [zoe, 200], [wrong, 401]] as const) {
        const outcome = yield* withSession({ delegate: signingIn(user) }, (session) => ours(session.data(url)))
        assert.propertyVal(outcome, "status", status)
        assert.deepStrictEqual(outcome, yield* curl("--basic", "-u", asParameter(user), url))
      }
    }))
})

describe.skipIf(lacking("lighttpd"))("lighttpd: Digest with SHA-256 (RFC 7616)", () => {
  const server = shared(lighttpd)

  it.scopedLive("TRU-05 AUT-13 answers one challenge and uses its nonce for all that follow, as the log says", () =>
    Effect.gen(function*() {
      const { accessLog, plain, restart } = yield* server
      const seen: Array<AuthenticationChallenge> = []
      yield* withSession({ delegate: signingIn(ada, seen) }, (session) =>
        Effect.gen(function*() {
          for (const path of ["inside.txt", "deeper/inside.txt?a=b%20c&d", "inside.txt?last"]) {
            const [, response] = yield* session.data(`${plain}/digest/${path}`)
            assert.strictEqual(response.status, 200)
          }
        }))
      yield* restart
      const lines = yield* linesWhen(accessLog, (all) => visits(all).includes("200 /digest/inside.txt?last"))
      assert.deepStrictEqual(visits(lines), [
        "401 /digest/inside.txt?",
        "200 /digest/inside.txt?",
        "200 /digest/deeper/inside.txt?a=b%20c&d",
        "200 /digest/inside.txt?last"
      ])
      assert.strictEqual(seen.length, 1)
    }))

  it.scopedLive("comes to curl's verdict, with the right password and with a wrong one", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      const url = `${plain}/digest/inside.txt`
      const [, refusal] = yield* withSession({}, (session) => session.data(url))
      assert.match(refusal.headers.get("www-authenticate") ?? "", /algorithm=SHA-256/)
      for (const [user, expected] of [[ada, plainText("inside\n")], [wrong, undefined]] as const) {
        const outcome = yield* withSession({ delegate: signingIn(user) }, (session) => ours(session.data(url)))
        if (expected === undefined) assert.propertyVal(outcome, "status", 401)
        else assert.deepStrictEqual(outcome, expected)
        assert.deepStrictEqual(outcome, yield* curl("--digest", "-u", asParameter(user), url))
      }
    }))
})
