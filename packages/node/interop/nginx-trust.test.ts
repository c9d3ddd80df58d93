import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Effect from "effect/Effect"
import { certificates } from "./support/certificates.ts"
import { curl } from "./support/curl.ts"
import { nginx } from "./support/nginx.ts"
import { ours, type Outcome } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { plainText, trust } from "./support/transfers.ts"
import { withIdentity, withoutIdentity } from "./support/trusts.ts"

const refused: Outcome = { _tag: "Failed", how: "the certificate of the server" }

describe.skipIf(lacking("nginx"))("nginx: certificates", () => {
  const server = shared(nginx)
  withoutIdentity(server)
  withIdentity(server)

  it.scopedLive("TRU-01 of an authority that nobody trusts, out of date, and for another name: refused, as by curl", () =>
    Effect.gen(function*() {
      const { elsewhere, expired, path, tls } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (
            const [origin, expected] of [[tls, plainText("hello\n")], [expired, refused], [elsewhere, refused]] as const
          ) {
            const outcome = yield* ours(session.data(`${origin}/hello.txt`))
            assert.deepStrictEqual(outcome, expected)
            assert.deepStrictEqual(outcome, yield* curl(...trust(path), `${origin}/hello.txt`))
          }
        }))
      const delegate = ChallengeResolver.layer({ ServerTrust: ServerTrust.default })
      const outcome = yield* withSession({ delegate }, (session) => ours(session.data(`${tls}/hello.txt`)))
      assert.deepStrictEqual(outcome, refused)
      assert.deepStrictEqual(outcome, yield* curl(`${tls}/hello.txt`))
    }))

  it.scopedLive("TRU-02 a pinned key is let in, another one is not, as with curl", () =>
    Effect.gen(function*() {
      const { path, tls } = yield* server
      const { ada, root, server: leaf } = yield* certificates
      const host = "localhost"
      for (const [pin, expected] of [[leaf.pin, plainText("hello\n")], [ada.pin, refused]] as const) {
        const delegate = ChallengeResolver.layer({
          ServerTrust: ServerTrust.composite(
            ServerTrust.additionalRoots([root.cert]),
            ServerTrust.pinned({ [host]: [pin] })
          )
        })
        const outcome = yield* withSession({ delegate }, (session) => ours(session.data(`${tls}/hello.txt`)))
        assert.deepStrictEqual(outcome, expected)
        const curlsPin = pin.replace("sha256/", "sha256//")
        assert.deepStrictEqual(outcome, yield* curl(...trust(path), "--pinnedpubkey", curlsPin, `${tls}/hello.txt`))
      }
    }))

  it.scopedLive("https to a port that speaks no TLS fails as with curl", () =>
    Effect.gen(function*() {
      const { path, plain } = yield* server
      const url = `${plain.replace("http:", "https:")}/hello.txt`
      const outcome = yield* withSession({}, (session) => ours(session.data(url)))
      assert.deepStrictEqual(outcome, { _tag: "Failed", how: "TLS" })
      assert.deepStrictEqual(outcome, yield* curl(...trust(path), url))
    }))

  it.scopedLive("http to a port that speaks TLS is the 400 that curl gets", () =>
    Effect.gen(function*() {
      const { tls } = yield* server
      const url = `${tls.replace("https:", "http:")}/hello.txt`
      const outcome = yield* withSession({}, (session) => ours(session.data(url)))
      assert.propertyVal(outcome, "status", 400)
      assert.deepStrictEqual(outcome, yield* curl(url))
    }))
})
