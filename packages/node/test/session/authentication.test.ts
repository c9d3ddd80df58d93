import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { answering, rawServer, response } from "../support/rawServer.ts"
import { digestServer } from "./digestServer.ts"
import { text, withSession } from "./support.ts"

const ada = Disposition.use(Credential.password({ user: "ada", password: "correct: horse" }))

const count = (log: ReadonlyArray<string>, what: string): number => log.filter((one) => one === what).length

const always = (disposition: Disposition.Disposition, seen: Array<AuthenticationChallenge> = []) =>
(
  challenge: AuthenticationChallenge
) => {
  seen.push(challenge)
  return Effect.succeed(disposition)
}

const digest = (answer: ChallengeResolver.Answer) => ChallengeResolver.layer({ Digest: answer })

const rules = { user: "ada", password: "correct: horse" } as const

const forms = [
  { algorithm: "MD5" },
  { algorithm: "MD5", qop: "auth" },
  { algorithm: "MD5-sess", qop: "auth" },
  { algorithm: "SHA-256", qop: "auth" },
  { algorithm: "SHA-256-sess", qop: "auth" }
] as const

describe("TRU-05 Digest against a server that verifies", () => {
  for (const form of forms) {
    it.scopedLive(`${form.algorithm}${"qop" in form ? " with auth" : " without qop"} is answered, and the nonce used again`, () =>
      Effect.gen(function*() {
        const server = yield* digestServer({ ...rules, ...form })
        const seen: Array<AuthenticationChallenge> = []
        yield* withSession({ delegate: digest(always(ada, seen)) }, (session) =>
          Effect.gen(function*() {
            for (const path of ["/a", "/a/b?c=d%20e&f", "/"]) {
              const [bytes, head] = yield* session.data(`${server.origin}${path}`)
              assert.strictEqual(head.status, 200)
              assert.strictEqual(text(bytes), `welcome ${path}`)
            }
          }))
        assert.deepStrictEqual(server.log, ["no credentials", "ok", "ok", "ok"])
        assert.strictEqual(seen.length, 1)
        assert.strictEqual(
          Option.getOrUndefined(seen[0]?.space.realm === undefined ? Option.none() : Option.some(seen[0].space.realm)),
          "the \"vault\""
        )
        assert.strictEqual(server.nonces(), 1)
        assert.strictEqual(server.connections(), 1)
      }))
  }

  it.scopedLive("AUT-13 a hundred requests at a time share one nonce, each with a count of its own", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, algorithm: "SHA-256", qop: "auth" })
      yield* withSession({ delegate: digest(always(ada)) }, (session) =>
        Effect.gen(function*() {
          yield* session.data(server.origin)
          const statuses = yield* Effect.forEach(
            Array.from({ length: 100 }, (_, index) => `${server.origin}/${index}`),
            (url) => Effect.map(session.data(url), ([, head]) => head.status),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(statuses), new Set([200]))
        }))
      assert.strictEqual(count(server.log, "ok"), 101)
      assert.strictEqual(server.log.length, 102)
      assert.strictEqual(server.nonces(), 1)
    }))

  it.scopedLive("a hundred cold requests at a time all get in", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, algorithm: "SHA-256", qop: "auth" })
      yield* withSession({ delegate: digest(always(ada)) }, (session) =>
        Effect.gen(function*() {
          const statuses = yield* Effect.forEach(
            Array.from({ length: 100 }, (_, index) => `${server.origin}/${index}`),
            (url) => Effect.map(session.data(url), ([, head]) => head.status),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(new Set(statuses), new Set([200]))
        }))
      assert.strictEqual(count(server.log, "ok"), 100)
      assert.strictEqual(count(server.log, "replayed") + count(server.log, "wrong"), 0)
    }))

  it.scopedLive("AUT-08 a stale nonce is renewed without asking anybody, and counts as no failure", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, algorithm: "SHA-256", qop: "auth", usesOfANonce: 3 })
      const seen: Array<AuthenticationChallenge> = []
      yield* withSession({ delegate: digest(always(ada, seen)) }, (session) =>
        Effect.gen(function*() {
          for (let i = 0; i < 10; i++) {
            const [, head] = yield* session.data(server.origin)
            assert.strictEqual(head.status, 200)
          }
        }))
      assert.strictEqual(count(server.log, "ok"), 10)
      assert.strictEqual(count(server.log, "stale"), 3)
      assert.strictEqual(seen.length, 1)
    }))

  it.scopedLive("stale nonces under concurrency get everybody in", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, algorithm: "MD5", qop: "auth", usesOfANonce: 5 })
      const seen: Array<AuthenticationChallenge> = []
      yield* withSession({ delegate: digest(always(ada, seen)) }, (session) =>
        Effect.gen(function*() {
          yield* session.data(server.origin)
          const statuses = yield* Effect.forEach(
            Array.from({ length: 60 }),
            () => Effect.map(session.data(server.origin), ([, head]) => head.status),
            { concurrency: 20 }
          )
          assert.deepStrictEqual(new Set(statuses), new Set([200]))
        }))
      assert.strictEqual(count(server.log, "ok"), 61)
      assert.strictEqual(seen.length, 1)
    }))

  it.scopedLive("nextnonce is used for the request that follows", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({
        ...rules,
        algorithm: "SHA-256",
        qop: "auth",
        usesOfANonce: 1,
        nextnonce: true
      })
      yield* withSession({ delegate: digest(always(ada)) }, (session) =>
        Effect.gen(function*() {
          for (let i = 0; i < 5; i++) yield* session.data(server.origin)
        }))
      assert.deepStrictEqual(server.log, ["no credentials", "ok", "ok", "ok", "ok", "ok"])
    }))

  it.scopedLive("BOD-03 a POST is sent again with its body", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, algorithm: "SHA-256", qop: "auth" })
      const large = "x".repeat(300_000)
      yield* withSession({ delegate: digest(always(ada)) }, (session) =>
        Effect.gen(function*() {
          for (const body of ["small", large]) {
            const [, head] = yield* session.data(
              HttpClientRequest.bodyText(HttpClientRequest.post(`${server.origin}/form`), body)
            )
            assert.strictEqual(head.status, 200)
          }
        }))
      assert.deepStrictEqual(server.bodies, ["small", large])
      assert.deepStrictEqual(server.log, ["no credentials", "ok", "ok"])
    }))

  it.scopedLive("AUT-09 AUT-10 a wrong password is asked about again, with what had failed", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, algorithm: "SHA-256", qop: "auth" })
      const seen: Array<AuthenticationChallenge> = []
      const delegate = digest((challenge) => {
        seen.push(challenge)
        return Effect.succeed(
          challenge.previousFailureCount < 2
            ? Disposition.use(Credential.password({ user: "ada", password: `wrong ${challenge.previousFailureCount}` }))
            : ada
        )
      })
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          const [, head] = yield* session.data(server.origin)
          assert.strictEqual(head.status, 200)
        }))
      assert.deepStrictEqual(server.log, ["no credentials", "wrong", "wrong", "ok"])
      assert.deepStrictEqual(seen.map((one) => one.previousFailureCount), [0, 1, 2])
      assert.deepStrictEqual(seen.map((one) => Option.isSome(one.proposedCredential)), [false, true, true])
      assert.deepStrictEqual(
        seen.map((one) => Option.getOrUndefined(Option.map(one.failureResponse, (failed) => failed.status))),
        [401, 401, 401]
      )
    }))

  it.scopedLive("AUT-05 AUT-07 useNone and a rejected space deliver the 401 with its body", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, algorithm: "MD5", qop: "auth" })
      for (
        const disposition of [Disposition.useNone, Disposition.reject, Disposition.performDefault, Disposition.next]
      ) {
        yield* withSession({ delegate: digest(always(disposition)) }, (session) =>
          Effect.gen(function*() {
            const [bytes, head] = yield* session.data(server.origin)
            assert.strictEqual(head.status, 401)
            assert.strictEqual(text(bytes), "who are you?")
          }))
      }
    }))

  it.scopedLive("a redirect that ends at a 401 is answered for the place it leads to", () =>
    Effect.gen(function*() {
      const vault = yield* digestServer({ ...rules, algorithm: "SHA-256", qop: "auth" })
      const door = yield* rawServer(
        answering(response("", { status: "302 Found", fields: [`Location: ${vault.origin}/inside`] }))
      )
      const seen: Array<AuthenticationChallenge> = []
      yield* withSession({ delegate: digest(always(ada, seen)) }, (session) =>
        Effect.gen(function*() {
          const [bytes, head] = yield* session.data(door.origin)
          assert.strictEqual(text(bytes), "welcome /inside")
          assert.strictEqual(head.url, `${vault.origin}/inside`)
        }))
      assert.strictEqual(seen.length, 1)
      assert.isTrue(seen[0]?.crossOrigin)
      assert.notMatch(door.peers.map((peer) => peer.received).join(), /authorization/i)
    }))
})

const basicServer = rawServer({
  onRequest: (peer, head) => {
    const path = /^\w+ (\S+)/.exec(head)?.[1] ?? ""
    const given = /^authorization: Basic (\S+)/im.exec(head)?.[1]
    const right = given !== undefined && Buffer.from(given, "base64").toString() === "ada:correct: horse"
    if (path.startsWith("/away")) {
      const to = Buffer.from(path.slice(6), "base64url").toString()
      return void peer.socket.write(response("", { status: "302 Found", fields: [`Location: ${to}`] }))
    }
    peer.socket.write(
      right || path.startsWith("/public")
        ? response(`welcome ${path}`)
        : response("who?", {
          status: "401 Unauthorized",
          fields: [`WWW-Authenticate: Basic realm="r", charset="UTF-8"`]
        })
    )
  }
})

const requestsWith = (server: { readonly peers: ReadonlyArray<{ readonly received: string }> }): number =>
  server.peers.reduce((sum, peer) => sum + (peer.received.match(/^authorization:/gim) ?? []).length, 0)

describe("TRU-04 Basic", () => {
  it.scopedLive("TestURLSession/test_basicAuthRequest: a task's own resolver answers", () =>
    Effect.gen(function*() {
      const server = yield* basicServer
      const resolver = ChallengeResolver.make({
        Basic: ChallengeResolver.forSpace({ origin: server.origin }, always(ada))
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* ChallengeResolver.provideTask(resolver)(session.data(`${server.origin}/x`))
          assert.strictEqual(text(bytes), "welcome /x")
          // and for nobody else
          const [, other] = yield* session.data(`${server.origin}/x`)
          assert.strictEqual(other.status, 401)
        }))
    }))

  it.scopedLive("TestURLSession/test_basicAuthChallenge_whenNoCredentialsAvailable_completesWithResponse", () =>
    Effect.gen(function*() {
      const server = yield* basicServer
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes, head] = yield* session.data(server.origin)
          assert.strictEqual(head.status, 401)
          assert.strictEqual(text(bytes), "who?")
        }))
    }))

  for (
    const [name, field] of [
      ["without WWW-Authenticate", "X-None: 1"],
      ["with an unterminated quote", "WWW-Authenticate: Basic realm=\"open"],
      ["with an unknown scheme", "WWW-Authenticate: Sphinx riddle=\"?\""],
      ["with 10,000 challenges", `WWW-Authenticate: ${"Sphinx a=b, ".repeat(4000)}Sphinx c=d`],
      ["with one parameter twice", "WWW-Authenticate: Basic realm=\"a\", realm=\"b\""]
    ] as const
  ) {
    it.scopedLive(`TestURLSession/test_basicAuthWithUnauthorizedHeader: a 401 ${name} is delivered, nobody is asked`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer(answering(response("no", { status: "401 Unauthorized", fields: [field] })))
        const seen: Array<AuthenticationChallenge> = []
        const delegate = ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(always(ada, seen)) })
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            const [bytes, head] = yield* session.data(server.origin)
            assert.strictEqual(head.status, 401)
            assert.strictEqual(text(bytes), "no")
          }))
        assert.deepStrictEqual(seen, [])
      }))
  }

  it.scopedLive("AUT-13 a credential that worked goes ahead inside its path, and not beside it", () =>
    Effect.gen(function*() {
      const server = yield* basicServer
      const seen: Array<AuthenticationChallenge> = []
      const delegate = ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(always(ada, seen)) })
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`${server.origin}/admin/a`)
          yield* session.data(`${server.origin}/admin/b/c`)
          yield* session.data(`${server.origin}/admin/../admin/d`)
          assert.strictEqual(requestsWith(server), 3)
          yield* session.data(`${server.origin}/public`)
          yield* session.data(`${server.origin}/public/administrator`)
          assert.strictEqual(requestsWith(server), 3)
        }))
      assert.strictEqual(seen.length, 1)
    }))

  it.scopedLive("no credential follows a redirect to another origin, nor is one sent there ahead", () =>
    Effect.gen(function*() {
      const server = yield* basicServer
      const other = yield* rawServer(answering(response("elsewhere")))
      const away = `${server.origin}/away/${Buffer.from(`${other.origin}/`).toString("base64url")}`
      const delegate = ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(always(ada)) })
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`${server.origin}/`)
          for (
            const request of [
              HttpClientRequest.get(away),
              HttpClientRequest.setHeaders(HttpClientRequest.get(away), {
                authorization: "Basic c2VjcmV0",
                cookie: "secret=1",
                "x-api-key": "secret"
              })
            ]
          ) {
            const [bytes] = yield* session.data(request)
            assert.strictEqual(text(bytes), "elsewhere")
          }
        }))
      assert.notMatch(other.peers.map((peer) => peer.received).join(), /authorization|cookie|secret|api-key/i)
    }))
})
