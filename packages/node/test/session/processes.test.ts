import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { run } from "./child/run.ts"
import { authority, leaf } from "./support.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "urlsession-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe("a process of its own", () => {
  it.scopedLive("ends by itself although its session is never closed", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          // one connection stays idle, the other in the middle of a large body that nobody reads
          if (head.startsWith("GET /large")) {
            peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            peer.socket.write(Buffer.alloc(1024 * 1024))
          } else peer.socket.write(response("done"))
        }
      })
      const ended = yield* run("never-closed.ts", [`${server.origin}/`])
      assert.deepStrictEqual(ended, { code: 0, output: "done", errors: "" })
    }))

  it.scopedLive("TRU-01 trusts the roots of NODE_EXTRA_CA_CERTS", () =>
    Effect.gen(function*() {
      const root = yield* authority
      const server = yield* rawServer({ ...answering(response("trusted")), tls: presenting(yield* leaf) })
      const path = join(yield* folder, "roots.pem")
      yield* Effect.promise(() => writeFile(path, root.cert))
      const url = `https://127.0.0.1:${server.port}/`
      const [without, with_] = yield* Effect.all(
        [run("one-request.ts", [url]), run("one-request.ts", [url], { NODE_EXTRA_CA_CERTS: path })],
        { concurrency: 2 }
      )
      assert.strictEqual(without.output, "ServerCertificateHasUnknownRoot", without.errors)
      assert.strictEqual(with_.output, "trusted", with_.errors)
    }))
})
