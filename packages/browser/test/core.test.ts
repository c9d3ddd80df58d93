// Core in a real browser: that it loads there, and that the parts without a transport give the answers they give on Node.
import { assert, describe, it } from "@effect/vitest"
import { encodeHead, type ParseFault, ResponseParser } from "@urlsession/core/Http1"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

const read = (pieces: ReadonlyArray<Uint8Array>) => {
  const seen: { status?: number; type?: string | undefined; body: Array<number>; ends: number; fault?: ParseFault } = {
    body: [],
    ends: 0
  }
  const parser = new ResponseParser({
    onInformational: () => {},
    onHead: (head) => {
      seen.status = head.status
      seen.type = head.fields.get("content-type")
    },
    onBody: (bytes) => {
      seen.body.push(...bytes)
    },
    onComplete: () => {
      seen.ends += 1
    },
    onFault: (fault) => {
      seen.fault = fault
    }
  })
  parser.begin({ method: "GET", expectContinue: false, upgrade: false })
  for (const piece of pieces) parser.execute(piece)
  return { ...seen, keepAlive: parser.keepAlive, body: new TextDecoder().decode(new Uint8Array(seen.body)) }
}

describe("core in a browser", () => {
  it("runs in a real one", () => {
    assert.match(navigator.userAgent, /Chrome/)
    assert.isTrue("document" in globalThis)
  })

  it("loads with all its modules", async () => {
    const core = await import("@urlsession/core")
    assert.containsAllKeys(core, ["UrlSession", "ChallengeResolver", "SessionHttpClient", "TestTransport"])
  })

  it("reads a chunked response the same, cut at every byte", () => {
    const bytes = new TextEncoder().encode(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "5\r\nhello\r\n7;a=b\r\n, world\r\n0\r\n\r\n"
    )
    const expected = { status: 200, type: "text/plain", body: "hello, world", ends: 1, keepAlive: true }
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.deepStrictEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`)
    }
  })

  it("refuses a head with a line break in a value", () => {
    const head = encodeHead({
      method: "GET",
      target: "/",
      host: "example.com",
      fields: [{ name: "x", value: "a\r\nb: c" }],
      bodyLength: undefined,
      keepAlive: true,
      expectContinue: false
    })
    assert.isObject(head)
    assert.propertyVal(head, "_tag", "InvalidValue")
  })

  it.effect("has virtual time", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.as(Effect.sleep("1 hour"), "slept"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(fiber), "slept")
    }))
})
