import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { FakeControl, readText, transportOptions, wireRequest } from "../support/fakeControl.ts"
import { openEngine } from "../support/engine.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"

describe("an exchange", () => {
  it.scopedLive("sends a request and reads its response", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hello", { fields: ["X-A: 1"] })))
      const engine = yield* openEngine(transportOptions())
      const control = new FakeControl()
      const answer = yield* engine.exchange(wireRequest(`${server.origin}/path?q`), control)
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.fields.get("x-a"), "1")
      assert.strictEqual(yield* readText(answer), "hello")
      assert.match(server.peers[0]?.received ?? "", /^GET \/path\?q HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/)
      assert.strictEqual(control.arrivals, 1)
      assert.strictEqual(control.closeables.size, 0)
      assert.isFalse(control.waiting)
    }))
})
