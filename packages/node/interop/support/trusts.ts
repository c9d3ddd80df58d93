/** Verdicts on certificates, of servers and of clients, that must be those of curl. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { curl } from "./curl.ts"
import { ours } from "./outcome.ts"
import { withSession } from "./session.ts"
import { plainText, trust } from "./transfers.ts"

/** Where a server asks for client certificates. */
export interface Mutual {
  readonly path: string
  /** Nobody is served without one. */
  readonly mutual: string
  /** Everybody is served. */
  readonly optional: string
}

/** What a server that asks for a client certificate says to a client that has none. */
export const withoutIdentity = <E>(server: Effect.Effect<Mutual, E>): void => {
  it.scopedLive("without a certificate: served where it is optional, turned away where it is not, as curl is", () =>
    Effect.gen(function*() {
      const { mutual, optional, path } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* ours(session.data(`${optional}/hello.txt`)), plainText("hello\n"))
          const refused = yield* ours(session.data(`${mutual}/hello.txt`))
          assert.notDeepEqual(refused, plainText("hello\n"))
          assert.deepStrictEqual(refused, yield* curl(...trust(path), `${mutual}/hello.txt`))
          assert.deepStrictEqual(yield* ours(session.data(`${optional}/hello.txt`)), plainText("hello\n"))
        }))
    }))
}
