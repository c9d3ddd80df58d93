import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import { UrlSession } from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as zlib from "node:zlib"
import { until } from "../support/fakeControl.ts"
import { makeAuthority } from "../support/pki.ts"
import { presenting, rawServer } from "../support/rawServer.ts"

describe("a session on Node", () => {
  it.scopedLive("pins a key, decodes a body and leaves nothing open", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["127.0.0.1"] }))
      const body = zlib.gzipSync("decoded")
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`)
          peer.socket.write(body)
        },
        tls: presenting(leaf)
      })
      const delegate = ChallengeResolver.layer({
        ServerTrust: ServerTrust.composite(
          ServerTrust.additionalRoots([root.cert]),
          ServerTrust.pinned({ "127.0.0.1": [leaf.pin] })
        )
      })
      yield* Effect.gen(function*() {
        const session = yield* UrlSession
        const [bytes, response] = yield* session.data(`https://127.0.0.1:${server.port}/`)
        assert.strictEqual(new TextDecoder().decode(bytes), "decoded")
        assert.strictEqual(response.status, 200)
        assert.match(server.peers[0]?.received ?? "", /accept-encoding: gzip, deflate, br/i)
        assert.strictEqual((yield* session.openResources).sockets, 1)
      }).pipe(Effect.provide(NodeSession.layer(SessionConfiguration.default, delegate)))
      yield* until(() => server.open() === 0)
      assert.strictEqual(process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length, 0)
    }))
})
