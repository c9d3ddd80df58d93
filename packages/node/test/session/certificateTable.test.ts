import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import { TlsError } from "@urlsession/core/SessionError"
import * as Effect from "effect/Effect"
import { until } from "../support/fakeControl.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"
import { makeWorld, type Presented, type Row } from "./certificateRows.ts"
import { groups } from "./certificateTable.ts"
import { text, withSession } from "./support.ts"

const shared = makeWorld()

const lookup = () => Effect.succeed([{ address: "127.0.0.1", family: 4 as const }])

const visited = (row: Row, { chain, roots, stapled, tls }: Presented) =>
  Effect.gen(function*() {
    const { host = "www.example.test" } = row
    const server = yield* rawServer({
      ...answering(response("secret")),
      stapled,
      host: host === "[::1]" ? "::1" : "127.0.0.1",
      tls: {
        cert: chain.map((one) => one.cert).join(""),
        key: chain[0]?.key ?? "",
        // a server may be as weak as it likes: it is for the client to refuse
        ciphers: "DEFAULT@SECLEVEL=0",
        ...tls
      }
    })
    const delegate = ChallengeResolver.layer({ ServerTrust: ServerTrust.onlyRoots(roots.map((one) => one.cert)) })
    const outcome = yield* withSession(
      { delegate, transport: { lookup } },
      (session) => Effect.either(session.data(`https://${host}:${server.port}/`))
    )
    yield* until(() => server.open() === 0)
    return { outcome, received: server.peers.map((peer) => peer.received).join("") }
  })

for (const [group, rows] of Object.entries(groups)) {
  describe(`what servers present: ${group}`, () => {
    for (const row of rows) {
      it.scopedLive(`${row.name} -> ${row.refused?.why ?? row.refused?.tag ?? "accepted"} [TRU-01] [TRU-02]`, () =>
        Effect.gen(function*() {
          const presented = yield* Effect.promise(() => shared.then(row.presented))
          const { outcome, received } = yield* visited(row, presented)
          if (row.refused === undefined) {
            assert.strictEqual(outcome._tag, "Right", outcome._tag === "Left" ? outcome.left.message : "")
            return assert.strictEqual(outcome._tag === "Right" ? text(outcome.right[0]) : "", "secret")
          }
          if (outcome._tag === "Right") return assert.fail("accepted")
          const error = outcome.left
          if (!(error instanceof TlsError)) return assert.fail(error.message)
          assert.strictEqual(received, "")
          const { reason } = error
          assert.deepStrictEqual(
            {
              tag: reason._tag,
              code: error.code,
              ...("why" in reason ? { why: reason.why } : {}),
              ...("trust" in reason ? { faults: reason.trust.faults } : {})
            },
            row.refused,
            error.message
          )
          if ("also" in reason && "trust" in reason) assert.deepStrictEqual(reason.also, reason.trust.faults.slice(1))
        }))
    }
  })
}
