// What an application sees of HTTP/2, against the server of Node.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { text } from "../session/support.ts"
import { say, serve, session } from "./support.ts"

describe("HTTP/2", () => {
  it.scopedLive("is spoken where ALPN says so, and the metrics tell: NET-04 MET-03", () =>
    Effect.gen(function*() {
      const server = yield* serve(say("hello", { "x-a": "1" }))
      yield* session((session) =>
        Effect.gen(function*() {
          const [bytes, response] = yield* session.data(`${server.origin}/path?q`)
          assert.strictEqual(text(bytes), "hello")
          assert.strictEqual(response.status, 200)
          assert.strictEqual(response.headers.get("x-a"), "1")
          const { transactions } = yield* response.metrics
          assert.strictEqual(transactions[0]?.connection?.protocol, "h2")
          assert.strictEqual(transactions[0]?.responseBodyBytes, 5)
        })
      )
    }))

  it.scopedLive("carries 64 cold requests over one connection: NET-04", () =>
    Effect.gen(function*() {
      const server = yield* serve(say("hello"))
      yield* session((session) =>
        Effect.gen(function*() {
          const all = yield* Effect.all(
            Array.from({ length: 64 }, (_, i) => session.data(`${server.origin}/${i}`)),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(all.length, 64)
          assert.isTrue(all.every(([bytes]) => text(bytes) === "hello"))
          assert.strictEqual(server.sessions.length, 1)
          assert.strictEqual(server.streams(), 64)
          assert.strictEqual(server.open(), 1)
        })
      )
    }))
})
