/** Verdicts on certificates, of servers and of clients, that must be those of curl. */
import { assert, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { certificates } from "./certificates.ts"
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
          const theirs = yield* curl(...trust(path), `${mutual}/hello.txt`)
          assert.notDeepEqual(refused, plainText("hello\n"))
          // a server that resets the connection may take its alert along, and then curl sees no more than that
          if (theirs._tag === "Failed") assert.deepStrictEqual(refused, { _tag: "Failed", how: "TLS" })
          else assert.deepStrictEqual(refused, theirs)
          assert.deepStrictEqual(yield* ours(session.data(`${optional}/hello.txt`)), plainText("hello\n"))
        }))
    }))
}

/** What it says to those who have one: of the authority that it knows, and of another. */
export const withIdentity = <E>(server: Effect.Effect<Mutual, E>): void => {
  it.scopedLive("TRU-03 with a certificate: served with a good one, turned away with a strange one, as curl is", () =>
    Effect.gen(function*() {
      const { mutual, optional, path } = yield* server
      const { ada, root, stranger } = yield* certificates
      for (const [name, { chain, key }] of [["ada", ada], ["stranger", stranger]] as const) {
        let asked = 0
        const delegate = ChallengeResolver.layer({
          ServerTrust: ServerTrust.additionalRoots([root.cert]),
          ClientCertificate: () =>
            Effect.sync(() => {
              asked++
              return Disposition.use(Credential.identity({ certificates: chain, key }))
            })
        })
        const parameters = [...trust(path), "--cert", join(path, `${name}.pem`), "--key", join(path, `${name}.key`)]
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            const outcome = yield* ours(session.data(`${mutual}/hello.txt`))
            const theirs = yield* curl(...parameters, `${mutual}/hello.txt`)
            if (name === "ada") {
              assert.deepStrictEqual(outcome, plainText("hello\n"))
              const [, head] = yield* session.data(`${optional}/hello.txt`)
              assert.match(head.headers.get("x-client") ?? "", /ada/)
              assert.strictEqual(asked, 2)
              assert.deepStrictEqual(outcome, theirs)
            } else {
              assert.notDeepEqual(outcome, plainText("hello\n"))
              assert.strictEqual(outcome._tag, theirs._tag)
            }
          }))
      }
    }))
}
