/** What the metrics of a task say of its connections: the rows of URLSessionTaskMetrics that need a real one. */
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Effect from "effect/Effect"
import * as zlib from "node:zlib"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { hello, peerServer } from "./peer-server.ts"
import { authority, leaf, withSession } from "./support.ts"

describe("the metrics of a task", () => {
  it.scopedLive("name the protocol by its ALPN name, and nothing of TLS over plain http (MET-03, MET-07)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const [, head] = yield* withSession({}, (session) => session.data(server.origin))
      const [transaction] = (yield* head.metrics).transactions
      assert.strictEqual(transaction?.connection?.protocol, "http/1.1")
      assert.isUndefined(transaction?.connection?.trust)
      assert.isUndefined(transaction?.secureConnectionStart)
      assert.isUndefined(transaction?.secureConnectionEnd)
    }))

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it.scopedLive(`name what ${version} has negotiated (MET-03, MET-07)`, () =>
      Effect.gen(function*() {
        const root = yield* authority
        const server = yield* rawServer({
          ...answering(response("secret")),
          tls: presenting(yield* leaf, { minVersion: version, maxVersion: version })
        })
        const delegate = ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.cert]) })
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            const [first] = (yield* (yield* session.data(server.origin))[1].metrics).transactions
            const [second] = (yield* (yield* session.data(server.origin))[1].metrics).transactions
            for (const one of [first, second]) {
              assert.strictEqual(one?.connection?.protocol, "http/1.1")
              // names where URLSession has the numbers of the IANA registry
              assert.strictEqual(one?.connection?.trust?.protocol, version)
              assert.match(one?.connection?.trust?.cipher ?? "", /^(TLS_|ECDHE-)[A-Z0-9_-]+$/)
            }
            const { connectEnd = 0, connectStart = 0, secureConnectionEnd = 0, secureConnectionStart = 0 } = first ?? {}
            assert.deepStrictEqual(
              [connectStart, secureConnectionStart, secureConnectionEnd, connectEnd],
              [connectStart, secureConnectionStart, secureConnectionEnd, connectEnd].sort((a, b) => a - b)
            )
            assert.isAbove(secureConnectionStart, 0)
            // a connection that is used again has no handshake to tell of
            assert.isTrue(second?.reused)
            assert.isUndefined(second?.secureConnectionStart)
          }))
      }))
  }

  it.scopedLive("have one transaction for each redirect and each round of authentication (MET-01, MET-04)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const credential = Credential.password({ user: "user", password: "passwd" })
      const delegate = ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.use(credential)))
      })
      const [, head] = yield* withSession(
        { delegate },
        (session) => session.data(`${server.origin}/302?location=/basic`)
      )
      const { redirectCount, transactions } = yield* head.metrics
      assert.strictEqual(redirectCount, 1)
      assert.deepStrictEqual(
        transactions.map((one) => [one.url.slice(server.origin.length), one.status, one.fetchType, one.reused]),
        [["/302?…", 302, "networkLoad", false], ["/basic", 401, "networkLoad", true], [
          "/basic",
          200,
          "networkLoad",
          true
        ]]
      )
    }))

  it.scopedLive("count bytes as they were on the wire; what they were decoded to is the task's progress (MET-05, TSK-10)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const task = yield* session.dataTask(`${server.origin}/gzip`)
          yield* task.data
          const [transaction] = (yield* task.metrics).transactions
          assert.strictEqual(transaction?.responseBodyBytes, zlib.gzipSync(hello).length)
          assert.strictEqual((yield* task.snapshot).bytesReceived, hello.length)
        }).pipe(Effect.scoped))
    }))

  it.scopedLive("of what never was on a network say so (MET-04, MET-06)", () =>
    Effect.gen(function*() {
      const [, head] = yield* withSession({}, (session) => session.data("data:,123"))
      const [transaction] = (yield* head.metrics).transactions
      assert.strictEqual(transaction?.fetchType, "local")
      assert.isUndefined(transaction?.connection)
      assert.isUndefined(transaction?.requestStart)
    }))
})
