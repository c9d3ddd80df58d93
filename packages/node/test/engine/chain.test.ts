// Engine rule 3: the chain is read in the one way that leaves it where it is.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as tls from "node:tls"
import { tlsOptions } from "../../src/internal/connection.ts"
import { contextFor } from "../../src/internal/secureContext.ts"
import { shownBy, trustOf } from "../../src/internal/trust.ts"
import { makeAuthority } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"

describe("the chain of a server", () => {
  it.scopedLive("is whole however often it is read, and still on the socket afterwards (engine rule 3)", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["localhost"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const made = contextFor({ _tag: "Additional", pem: [root.cert] }, "TLSv1.2", "TLSv1.3")
      const { context } = made
      const { port } = new URL(server.origin)
      const socket = yield* Effect.acquireRelease(
        Effect.async<tls.TLSSocket>((resume) => {
          const connecting = tls.connect({
            host: "127.0.0.1",
            port: Number(port),
            ...tlsOptions({ context, servername: "localhost", alpnProtocols: ["http/1.1"] })
          })
          connecting.once("secureConnect", () => resume(Effect.succeed(connecting)))
        }),
        (connected) => Effect.sync(() => connected.destroy())
      )
      const target = { host: "localhost", port: Number(port), context: made, now: Date.now() }
      const first = trustOf(shownBy(socket, undefined), target)
      const second = trustOf(shownBy(socket, undefined), target)
      assert.isTrue(first.trusted)
      assert.strictEqual(first.chain.length, 2)
      assert.deepStrictEqual(second.chain.map((one) => one.spkiSha256), first.chain.map((one) => one.spkiSha256))
      assert.isDefined(socket.getPeerCertificate(true).raw)
    }))
})
