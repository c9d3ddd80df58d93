import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as Effect from "effect/Effect"
import { apache } from "./support/apache.ts"
import { curl } from "./support/curl.ts"
import { signingIn } from "./support/delegates.ts"
import { linesWhen, visits } from "./support/log.ts"
import { answered, ours } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { ada, asParameter, juergen, large, measured, type User, zoe } from "./support/site.ts"

const inside = answered({
  status: 200,
  body: new TextEncoder().encode("inside\n"),
  type: "text/plain"
})

const wrong: User = { name: "ada", password: "wrong" }

describe.skipIf(lacking("apache2"))("apache2: Basic (RFC 7617)", () => {
  const server = shared(apache)

  const users = [["", ada], [" of Latin-1", juergen], [" outside Latin-1 (RFC 7617 2.1)", zoe]] as const
  for (const [name, user] of users) {
    it.scopedLive(`TRU-04 lets a user with a name and a password${name} in, as curl`, () =>
      Effect.gen(function*() {
        const { plain } = yield* server
        const url = `${plain}/basic/inside.txt`
        const outcome = yield* withSession({ delegate: signingIn(user) }, (session) => ours(session.data(url)))
        assert.deepStrictEqual(outcome, inside)
        assert.deepStrictEqual(outcome, yield* curl("--basic", "-u", asParameter(user), url))
      }))
  }

  it.scopedLive("AUT-05 gives the 401 to a user whose password is wrong, as curl does", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      const url = `${plain}/basic/inside.txt`
      const seen: Array<AuthenticationChallenge> = []
      const outcome = yield* withSession({ delegate: signingIn(wrong, seen) }, (session) => ours(session.data(url)))
      assert.propertyVal(outcome, "status", 401)
      assert.deepStrictEqual(outcome, yield* curl("--basic", "-u", asParameter(wrong), url))
      assert.deepStrictEqual(seen.map((challenge) => challenge.previousFailureCount), [0, 1])
    }))
})

describe.skipIf(lacking("apache2"))("apache2: Digest with MD5 (RFC 7616)", () => {
  const server = shared(apache)

  it.scopedLive("TRU-05 AUT-13 answers one challenge and uses its nonce for all that follow, as the log says", () =>
    Effect.gen(function*() {
      const { accessLog, plain } = yield* server
      const seen: Array<AuthenticationChallenge> = []
      yield* withSession({ delegate: signingIn(ada, seen) }, (session) =>
        Effect.gen(function*() {
          for (const path of ["inside.txt", "deeper/inside.txt?a=b%20c&d", "inside.txt?last"]) {
            const [, response] = yield* session.data(`${plain}/digest/${path}`)
            assert.strictEqual(response.status, 200)
          }
        }))
      const lines = yield* linesWhen(accessLog, (all) => visits(all).includes("200 /digest/inside.txt?last"))
      assert.deepStrictEqual(visits(lines), [
        "401 /digest/inside.txt",
        "200 /digest/inside.txt",
        "200 /digest/deeper/inside.txt?a=b%20c&d",
        "200 /digest/inside.txt?last"
      ])
      assert.strictEqual(new Set(lines.map((line) => line.split(" ")[0])).size, 1)
      assert.strictEqual(seen.length, 1)
    }))

  it.scopedLive("comes to curl's verdict, with the right password and with a wrong one", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      const url = `${plain}/digest/inside.txt`
      for (const [user, status] of [[ada, 200], [juergen, 200], [zoe, 200], [wrong, 401]] as const) {
        const outcome = yield* withSession({ delegate: signingIn(user) }, (session) => ours(session.data(url)))
        assert.propertyVal(outcome, "status", status)
        assert.deepStrictEqual(outcome, yield* curl("--digest", "-u", asParameter(user), url))
      }
    }))

  it.scopedLive("AUT-08 takes a nonce that a restart made stale for no failure", () =>
    Effect.gen(function*() {
      const { plain, restart } = yield* server
      const seen: Array<AuthenticationChallenge> = []
      yield* withSession({ delegate: signingIn(ada, seen) }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`${plain}/digest/inside.txt`)
          yield* restart
          const [, response] = yield* session.data(`${plain}/digest/inside.txt`)
          assert.strictEqual(response.status, 200)
          const { transactions } = yield* response.metrics
          assert.deepStrictEqual(transactions.map((one) => one.status), [401, 200])
        }))
      assert.strictEqual(seen.length, 1)
    }))

  it.scopedLive("AUT-08 renews a nonce that has lived its second, and asks nobody", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      const seen: Array<AuthenticationChallenge> = []
      yield* withSession({ delegate: signingIn(ada, seen) }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`${plain}/short/inside.txt`)
          // the time that passes is what is tested, and the server's clock is not ours to turn
          yield* Effect.sleep("1100 millis")
          const [, response] = yield* session.data(`${plain}/short/inside.txt`)
          assert.strictEqual(response.status, 200)
          const { transactions } = yield* response.metrics
          assert.deepStrictEqual(transactions.map((one) => one.status), [401, 200])
        }))
      assert.strictEqual(seen.length, 1)
    }))

  it.scopedLive("nextnonce: nonces that are good for one request cost no round of their own", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      yield* withSession({ delegate: signingIn(ada) }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`${plain}/once/inside.txt`)
          for (let i = 0; i < 5; i++) {
            const [, response] = yield* session.data(`${plain}/once/inside.txt`)
            assert.strictEqual(response.status, 200)
            assert.match(response.headers.get("authentication-info") ?? "", /nextnonce=/)
            assert.strictEqual((yield* response.metrics).transactions.length, 1)
          }
        }))
    }))

  it.scopedLive("BOD-03 sends a POST again with its body", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      const url = `${plain}/digest/measure`
      for (const body of ["small", large.subarray(0, 3_000_000)]) {
        const request = HttpClientRequest.bodyUint8Array(
          HttpClientRequest.post(url),
          typeof body === "string" ? new TextEncoder().encode(body) : body
        )
        const outcome = yield* withSession({ delegate: signingIn(ada) }, (session) => ours(session.data(request)))
        assert.propertyVal(outcome, "body", measured("POST", body))
      }
    }))
})
