/** A message means the same however it is cut into reads. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { type Exchange, latin1, record } from "./recorder.ts"

const wires: ReadonlyArray<readonly [why: string, wire: string, exchange?: Exchange]> = [
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n\r\nhello"],
  ["an empty line first", "\r\nHTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"],
  ["a surplus", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nhello"],
  ["a short body", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"],
  ["until close", "HTTP/1.0 200 OK\r\nServer: a\r\n b\r\n\r\nhello"],
  [
    "chunks, extensions, trailers",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n01\r\n!\r\n0\r\nX: y\r\n z\r\nTE: x\r\n\r\n"
  ],
  ["informational", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 204 OK\r\nA: b\r\n\r\n"],
  ["an upgrade", "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nnot HTTP", { upgrade: true }],
  ["a tunnel", "HTTP/1.1 200 S\r\n\r\nnot HTTP", { method: "CONNECT" }],
  ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", { method: "HEAD" }],
  ["a bad status line", "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello"],
  ["a bad version", "HTTP/1.7 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
  ["a bad field line", "HTTP/1.1 200 OK\r\nGood: x\r\nBad y\r\n\r\nhello"],
  ["a bad unfinished line", "HTTP/1.1 200 OK\r\nGood: x\r\nBad y"],
  ["LF alone", "HTTP/1.1 200 OK\r\nGood: x\nGood: x\r\n\r\nhello"],
  ["LF alone at the end", "HTTP/1.1 200 OK\r\nGood: x\n"],
  ["CR alone", "HTTP/1.1 200 OK\r\nGood: x\r\n\rGood: x\r\n\r\nhello"],
  ["a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n"],
  ["bad framing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello"],
  ["bad trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nBad y\r\n\r\n"],
  ["a large head", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(80)}\r\n\r\nhello`, { limits: { maxHeadBytes: 90 } }],
  ["a large bad head", `HTTP/1.1 200 OK\r\nX y ${"x".repeat(80)}\r\n\r\nhello`, { limits: { maxHeadBytes: 90 } }],
  ["many fields", "HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\n\r\nhello", { limits: { maxFields: 2 } }],
  ["many 1xx", "HTTP/1.1 103 E\r\n\r\n".repeat(4), { limits: { maxInformational: 3 } }],
  ["nothing", ""]
]

describe("cuts", () => {
  for (const [why, wire, exchange = {}] of wires) {
    it(`${why}: every single cut, and byte by byte, with and without the end of the stream`, () => {
      const bytes = latin1(wire)
      for (const eof of [false, true]) {
        const options = { ...exchange, eof }
        const whole = record([bytes], options)
        assert.deepStrictEqual(whole.violations, [])
        for (let cut = 0; cut <= bytes.length; cut++) {
          assert.deepStrictEqual(record([bytes.subarray(0, cut), bytes.subarray(cut)], options), whole)
        }
        assert.deepStrictEqual(record([...wire], options), whole)
      }
    })
  }

  it.prop(
    "any message in any pieces",
    [
      FastCheck.constantFrom(...wires),
      FastCheck.array(FastCheck.integer({ min: 1, max: 40 }), { maxLength: 20 }),
      FastCheck.boolean()
    ],
    ([[, wire, exchange = {}], sizes, eof]) => {
      const pieces: Array<string> = []
      let from = 0
      for (const size of sizes) {
        pieces.push(wire.slice(from, from + size))
        from += size
      }
      pieces.push(wire.slice(from))
      assert.deepStrictEqual(record(pieces, { ...exchange, eof }), record([wire], { ...exchange, eof }))
    },
    { fastCheck: { numRuns: 500, seed: 2 } }
  )

  it("a connection that closes at every offset ends in a fault, a whole message, or a body until close", () => {
    for (const [why, wire, exchange = {}] of wires) {
      for (let length = 0; length <= wire.length; length++) {
        const seen = record([wire.slice(0, length)], { ...exchange, eof: true })
        assert.include(["complete", "failed", "tunnel"], seen.state, `${why} at ${length}`)
        assert.strictEqual(seen.fault !== undefined, seen.state === "failed")
        assert.strictEqual(seen.trailers !== undefined, seen.state === "complete")
      }
    }
  })
})
