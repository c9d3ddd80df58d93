/** Chunked bodies: RFC 9112 section 7.1, extensions and trailers. */
import { assert, describe, it } from "@effect/vitest"
import { record } from "./recorder.ts"

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
const chunked = (body: string, eof = true) => record([HEAD + body], { eof })

describe("chunks (RFC 9112 section 7.1)", () => {
  const accepted: ReadonlyArray<readonly [body: string, seen: string, why: string]> = [
    ["0\r\n\r\n", "", "the last chunk alone"],
    ["5\r\nhello\r\n0\r\n\r\n", "hello", "one chunk"],
    ["1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", "two chunks"],
    ["A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", "hexadecimal digits of both cases"],
    ["0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello", "16 digits"],
    ["5;a\r\nhello\r\n0;b\r\n\r\n", "hello", "extensions without values"],
    ["5;a=b;c=\"d;\\\"e\"\r\nhello\r\n0\r\n\r\n", "hello", "extensions with values, quoted ones too"],
    ["5 \t;a\r\nhello\r\n0\r\n\r\n", "hello", "white space before an extension"],
    ["5;\xe9\r\nhello\r\n0\r\n\r\n", "hello", "obs-text in an extension"],
    ["4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "line ends as data"]
  ]
  for (const [body, expected, why] of accepted) {
    it(`accepted: ${why}`, () => {
      const seen = chunked(body)
      assert.strictEqual(seen.fault, undefined)
      assert.strictEqual(seen.body, expected)
      assert.strictEqual(seen.state, "complete")
      assert.isFalse(seen.surplus)
    })
  }

  const refused: ReadonlyArray<readonly [body: string, received: number, why: string]> = [
    ["\r\n", 0, "an empty size"],
    ["g\r\n", 0, "a size that is no digit"],
    [" 5\r\nhello\r\n", 0, "white space before a size"],
    ["-5\r\nhello\r\n", 0, "a sign"],
    ["0x5\r\nhello\r\n", 0, "0x"],
    ["5h\r\nhello\r\n", 0, "a wrong digit"],
    ["5 \r\nhello\r\n", 0, "white space behind a size"],
    ["5\nhello\r\n", 0, "LF alone behind a size"],
    ["5\rhello\r\n", 0, "CR alone behind a size"],
    ["5;a\nhello\r\n", 0, "LF alone behind an extension"],
    ["5;\x00\r\nhello\r\n", 0, "NUL in an extension"],
    ["5;a\r\r\nhello\r\n", 0, "two CR"],
    ["00000000000000005\r\nhello\r\n", 0, "17 digits"],
    ["20000000000000\r\n", 0, "a size of 2^53"],
    ["ffffffffffffffff\r\n", 0, "a size of 2^64-1"],
    ["5\r\nhello0\r\n\r\n", 5, "no line end behind the data"],
    ["5\r\nhello\n0\r\n\r\n", 5, "LF alone behind the data"],
    ["5\r\nhello\r0\r\n\r\n", 5, "CR alone behind the data"],
    ["4\r\nhello\r\n0\r\n\r\n", 4, "a chunk longer than its size"],
    ["5\r\nhello\r\n\r\n0\r\n\r\n", 5, "an empty line between chunks"]
  ]
  for (const [body, received, why] of refused) {
    it(`refused: ${why}`, () => {
      const seen = chunked(body)
      assert.deepStrictEqual(seen.fault, { _tag: "BadChunk", bytesReceived: received, expected: undefined })
    })
  }

  for (
    const body of ["", "5", "5\r", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "0\r\nX: y\r\n"]
  ) {
    it(`the end of the connection behind ${JSON.stringify(body)} is unexpected`, () => {
      const seen = chunked(body)
      assert.strictEqual(seen.fault?._tag, "UnexpectedEnd")
      assert.strictEqual(seen.trailers, undefined)
    })
  }
})

describe("trailers (RFC 9112 section 7.1.2, RFC 9110 section 6.5)", () => {
  const trailers = (lines: string) => {
    const seen = chunked(`1\r\nx\r\n0\r\n${lines}\r\n`)
    return seen.fault?._tag ?? seen.trailers
  }

  it("come by themselves, at the end", () => {
    assert.deepStrictEqual(trailers("Server-Timing: a;dur=1\r\nX-Check: \t1 \r\n"), [
      "server-timing",
      "a;dur=1",
      "x-check",
      "1"
    ])
  })

  it("never carry framing, routing, authentication or controls", () => {
    const lines = [
      "Content-Length: 5",
      "Transfer-Encoding: chunked",
      "Host: a",
      "Connection: close",
      "Keep-Alive: timeout=5",
      "Trailer: x",
      "TE: x",
      "Upgrade: x",
      "Authorization: x",
      "WWW-Authenticate: Basic realm=x",
      "Proxy-Authenticate: x",
      "Proxy-Authorization: x",
      "Set-Cookie: a=b",
      "Cookie: a=b",
      "Content-Encoding: gzip",
      "Content-Type: text/html",
      "Content-Range: bytes 0-1/2",
      "Cache-Control: no-store",
      "Location: /x",
      "Alt-Svc: clear",
      "Strict-Transport-Security: max-age=1",
      "If-Match: x"
    ]
    assert.deepStrictEqual(trailers(`${lines.join("\r\n")}\r\nX-Kept: 1\r\n`), ["x-kept", "1"])
    assert.deepStrictEqual(trailers("Set-Cookie: a=b;\r\n c\r\nX-Kept: 1\r\n 2\r\n"), ["x-kept", "1 2"])
  })

  it("do not change what the head said about the connection", () => {
    const seen = chunked("0\r\nConnection: close\r\nKeep-Alive: timeout=1\r\n\r\n")
    assert.isTrue(seen.keepAlive)
    assert.strictEqual(seen.keepAliveTimeout, undefined)
  })

  for (const lines of [" X: y\r\n", "X : y\r\n", "X\r\n", "X: y\nZ: z\r\n", "X: \x00\r\n", "HTTP/1.1 200 OK\r\n"]) {
    it(`malformed: ${JSON.stringify(lines)}`, () => assert.strictEqual(trailers(lines), "Malformed"))
  }
})
