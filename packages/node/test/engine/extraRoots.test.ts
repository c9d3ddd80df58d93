import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openEngine } from "../support/engine.ts"
import { FakeControl, transportOptions, trusting, wireRequest } from "../support/fakeControl.ts"
import { makeAuthority, selfSigned } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"

describe("added roots", () => {
  // a file of its own, since the variable is read once
  it.scopedLive("come beside the file of NODE_EXTRA_CA_CERTS, which Node itself would lose (engine rule 4)", () =>
    Effect.gen(function*() {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "urlsession-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const before = process.env.NODE_EXTRA_CA_CERTS
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (before === undefined) delete process.env.NODE_EXTRA_CA_CERTS
          else process.env.NODE_EXTRA_CA_CERTS = before
        })
      )
      const extra = yield* Effect.promise(() => makeAuthority())
      const own = yield* Effect.promise(() => makeAuthority())
      process.env.NODE_EXTRA_CA_CERTS = join(directory, "extra.pem")
      writeFileSync(process.env.NODE_EXTRA_CA_CERTS, `# a comment\n${extra.cert}`)
      const leaf = yield* Effect.promise(() => extra.issue({ names: ["127.0.0.1"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl({ trust: trusting(own.cert) })
      const answer = yield* engine.exchange(wireRequest(`https://127.0.0.1:${server.port}/`), control)
      assert.strictEqual(answer.status, 200)
    }))

  it.scopedLive("may be a server's own certificate", () =>
    Effect.gen(function*() {
      const leaf = yield* Effect.promise(() => selfSigned({ names: ["127.0.0.1"] }))
      const server = yield* rawServer({ ...answering(response("")), tls: presenting(leaf) })
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl({ trust: { roots: { _tag: "Only", pem: [leaf.cert] }, decide: undefined } })
      const answer = yield* engine.exchange(wireRequest(`https://127.0.0.1:${server.port}/`), control)
      assert.strictEqual(answer.status, 200)
    }))
})
