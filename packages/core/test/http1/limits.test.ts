/** What a peer may make the parser hold or count, whole or in pieces. */
import { assert, describe, it } from "@effect/vitest"
import { ResponseParser } from "@urlsession/core/Http1"
import { latin1, record, statusOf } from "./recorder.ts"

const begun = () => {
  const faults: Array<string> = []
  const parser = new ResponseParser({
    onInformational: () => {},
    onHead: () => {},
    onBody: () => {},
    onComplete: () => {},
    onFault: (fault) => faults.push(fault._tag)
  })
  parser.begin({ method: "GET", expectContinue: false, upgrade: false })
  return { faults, parser }
}

describe("limits", () => {
  const head = (bytes: number) => {
    const frame = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \r\n\r\n"
    return frame.replace("X: ", `X: ${"x".repeat(bytes - frame.length)}`)
  }

  it("a head of 64 KiB passes, one byte more does not, whole or in pieces", () => {
    assert.strictEqual(statusOf(record([head(65536)])), 200)
    assert.strictEqual(record([head(65537)]).fault?._tag, "HeadTooLarge")
    for (const size of [1, 7, 1000, 65535]) {
      const cut = (bytes: string) =>
        Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size))
      assert.strictEqual(statusOf(record(cut(head(65536)))), 200)
      assert.strictEqual(record(cut(head(65537))).fault?._tag, "HeadTooLarge")
    }
  })

  it("a head without an end is refused as soon as it is too large, and only so much is kept", () => {
    const { faults, parser } = begun()
    parser.execute(latin1("HTTP/1.1 200 OK\r\nX: "))
    const piece = new Uint8Array(1024).fill(0x78)
    let pieces = 0
    while (parser.state === "head" && pieces < 100_000) {
      parser.execute(piece)
      pieces++
    }
    assert.deepStrictEqual(faults, ["HeadTooLarge"])
    assert.strictEqual(pieces, 64)
  })

  it("a head of many megabytes in one read is refused without being copied", () => {
    const { faults, parser } = begun()
    const large = new Uint8Array(32 * 1024 * 1024).fill(0x78)
    large.set(latin1("HTTP/1.1 200 OK\r\nX: "))
    parser.execute(large)
    assert.deepStrictEqual(faults, ["HeadTooLarge"])
  })

  it("1,000 field lines pass, 1,001 do not, folds counted", () => {
    const lines = (count: number, line: string) => `HTTP/1.1 204 OK\r\nX: y\r\n${line.repeat(count - 1)}\r\n`
    assert.strictEqual(statusOf(record([lines(1000, "X: y\r\n")])), 204)
    assert.strictEqual(record([lines(1001, "X: y\r\n")]).fault?._tag, "TooManyFields")
    assert.strictEqual(statusOf(record([lines(1000, " y\r\n")])), 204)
    assert.strictEqual(record([lines(1001, " y\r\n")]).fault?._tag, "TooManyFields")
  })

  it("16 KiB of chunk extensions pass in one message, more do not", () => {
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    const extension = `1;${"x".repeat(8191)}\r\na\r\n`
    assert.strictEqual(record([`${chunked}${extension.repeat(2)}0\r\n\r\n`]).state, "complete")
    assert.strictEqual(record([`${chunked}${extension.repeat(2)}0;\r\n\r\n`]).fault?._tag, "BadChunk")
  })

  it("trailers are bounded like heads", () => {
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    const exact = `X: ${"x".repeat(65536 - 7)}\r\n\r\n`
    assert.strictEqual(exact.length, 65536)
    assert.strictEqual(record([chunked + exact]).state, "complete")
    assert.strictEqual(record([`${chunked}x${exact}`]).fault?._tag, "HeadTooLarge")
    assert.strictEqual(record([`${chunked}${"X: y\r\n".repeat(1000)}\r\n`]).state, "complete")
    assert.strictEqual(record([`${chunked}${"X: y\r\n".repeat(1001)}\r\n`]).fault?._tag, "TooManyFields")
  })
})
