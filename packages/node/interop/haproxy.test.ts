import { assert, describe, it } from "@effect/vitest"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as Effect from "effect/Effect"
import { apache } from "./support/apache.ts"
import { haproxy, hint } from "./support/haproxy.ts"
import { ours } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { reusing } from "./support/reuse.ts"
import { withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { decoding, plainText, reading, redirecting } from "./support/transfers.ts"
import { inviting, refusing, uploading } from "./support/uploads.ts"

const inFront = Effect.flatMap(
  apache,
  (behind) =>
    Effect.map(haproxy(Number(new URL(behind.plain).port)), (one) => ({ ...one, path: behind.path, pem: one.path }))
)

for (const over of ["plain", "tls"] as const) {
  describe.skipIf(lacking("haproxy", "apache2"))(`haproxy in front of apache2, ${over}`, () => {
    const server = Effect.map(shared(inFront), (one) => ({ origin: one[over], path: one.path }))
    reading(server)
    decoding(server, ["gzip", "br"])
    redirecting(server)
    uploading(server)
    refusing(server, "POST")
    inviting(server)
  })
}

describe.skipIf(lacking("haproxy"))("haproxy: connections", () => {
  const server = shared(haproxy())
  reusing(server)

  it.scopedLive("one that is good for one request is used for one request (RFC 9112 9.6)", () =>
    Effect.gen(function*() {
      const { closing } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (let i = 0; i < 20; i++) {
            const [, response] = yield* session.data(`${closing}/hello.txt`)
            assert.strictEqual(response.headers.get("connection"), "close")
            const { transactions } = yield* response.metrics
            assert.deepStrictEqual(transactions.map((one) => one.reused), [false])
          }
        }))
    }))

  it.scopedLive("early hints are told, and are not the answer (RFC 8297)", () =>
    Effect.gen(function*() {
      const { hinting } = yield* server
      const hints: Array<string | undefined> = []
      const delegate = SessionEvent.layer({
        InformationalResponse: (event) => Effect.sync(() => hints.push(`${event.status} ${event.headers.get("link")}`))
      })
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* ours(session.data(`${hinting}/hello.txt`)), plainText("hello\n"))
          assert.deepStrictEqual(yield* ours(session.data(`${hinting}/hello.txt`)), plainText("hello\n"))
        }))
      assert.deepStrictEqual(hints, [`103 ${hint}`, `103 ${hint}`])
    }))

  it.scopedLive("CON-05 no GET fails while a new process takes over from the old one", () =>
    Effect.gen(function*() {
      const { plain, reload, tls } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          let done = false
          const asking = (origin: string) =>
            Effect.iterate(0, {
              while: () => !done,
              body: (count) =>
                Effect.map(ours(session.data(`${origin}/hello.txt`)), (outcome) => {
                  assert.deepStrictEqual(outcome, plainText("hello\n"))
                  return count + 1
                })
            })
          const reloading = Effect.ensuring(
            Effect.repeatN(reload, 2),
            Effect.sync(() => {
              done = true
            })
          )
          const [, ...counts] = yield* Effect.all(
            [reloading, asking(plain), asking(plain), asking(tls), asking(tls)],
            { concurrency: "unbounded" }
          )
          for (const count of counts) assert.isAbove(count, 0)
        }))
    }))
})
