import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as Effect from "effect/Effect"
import { curl } from "./support/curl.ts"
import { signingIn } from "./support/delegates.ts"
import { nginx } from "./support/nginx.ts"
import { ours } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { ada, asParameter, zoe } from "./support/site.ts"
import { decoding, plainText, reading, redirecting, trust } from "./support/transfers.ts"
import { putting, refusing } from "./support/uploads.ts"

for (const over of ["plain", "tls"] as const) {
  describe.skipIf(lacking("nginx"))(`nginx, ${over}`, () => {
    const server = Effect.map(shared(nginx), (one) => ({ origin: one[over], path: one.path }))
    reading(server)
    decoding(server, ["gzip"])
    redirecting(server)
    putting(server)
    refusing(server, "PUT")

    it.scopedLive("TRU-04 AUT-13 Basic lets users in, as curl, and the credential goes ahead from then on", () =>
      Effect.gen(function*() {
        const { origin, path } = yield* server
        const url = `${origin}/basic/inside.txt`
        for (const user of [ada, zoe]) {
          const seen: Array<AuthenticationChallenge> = []
          yield* withSession({ delegate: signingIn(user, seen) }, (session) =>
            Effect.gen(function*() {
              const outcome = yield* ours(session.data(url))
              assert.deepStrictEqual(outcome, plainText("inside\n"))
              assert.deepStrictEqual(outcome, yield* curl(...trust(path), "--basic", "-u", asParameter(user), url))
              const [, response] = yield* session.data(url)
              assert.strictEqual((yield* response.metrics).transactions.length, 1)
            }))
          assert.strictEqual(seen.length, 1)
        }
      }))
  })
}
