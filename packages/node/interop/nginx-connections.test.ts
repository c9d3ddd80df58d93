import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { curl } from "./support/curl.ts"
import { linesWhen } from "./support/log.ts"
import { nginx } from "./support/nginx.ts"
import { ours } from "./support/outcome.ts"
import { lacking } from "./support/present.ts"
import { reusing } from "./support/reuse.ts"
import { withSession } from "./support/session.ts"
import { shared } from "./support/shared.ts"
import { large } from "./support/site.ts"
import { plainText } from "./support/transfers.ts"

describe.skipIf(lacking("nginx"))("nginx: connections", () => {
  const server = shared(nginx)
  reusing(server)
  reusing(Effect.map(server, ({ hastyTls, path }) => ({ hasty: hastyTls, path })), "HTTP/2")

  it.scopedLive("NET-04 over TLS it is HTTP/2, and 64 cold requests have one connection", () =>
    Effect.gen(function*() {
      const { tls } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const all = yield* Effect.all(Array.from({ length: 64 }, () => session.data(`${tls}/hello.txt`)), {
            concurrency: "unbounded"
          })
          const used = yield* Effect.forEach(all, ([, response]) => response.metrics)
          const connections = used.flatMap(({ transactions }) => transactions.map(({ connection }) => connection))
          assert.strictEqual(connections.length, 64)
          assert.strictEqual(new Set(connections).size, 1)
          assert.strictEqual(connections[0]?.protocol, "h2")
        }))
    }))

  it.scopedLive("one that is reset instead of an answer is lost, as for curl, and the session goes on", () =>
    Effect.gen(function*() {
      const { plain } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const outcome = yield* ours(session.data(`${plain}/reset`))
          assert.deepStrictEqual(outcome, { _tag: "Failed", how: "the connection was lost" })
          assert.deepStrictEqual(outcome, yield* curl(`${plain}/reset`))
          assert.deepStrictEqual(yield* ours(session.data(`${plain}/hello.txt`)), plainText("hello\n"))
        }))
    }))

  it.scopedLive("a body whose reader stalls for too long is lost and never taken for whole (reset_timedout_connection)", () =>
    Effect.gen(function*() {
      const { accessLog, plain } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const response = yield* session.execute(`${plain}/stalled/large.bin`)
          // reads on once the server has given up, which is when it writes its line
          const waits = linesWhen(accessLog, (lines) => lines.some((line) => line.includes("/stalled/")))
          const error = yield* Effect.flip(
            response.stream.pipe(Stream.mapEffect(() => waits), Stream.runDrain)
          )
          assert.strictEqual(error._tag, "ConnectionError")
          assert.propertyVal(error.reason, "_tag", "NetworkConnectionLost")
          assert.propertyVal(error.reason, "bytesExpected", large.length)
          assert.deepStrictEqual(yield* ours(session.data(`${plain}/hello.txt`)), plainText("hello\n"))
        }))
    }))
})
