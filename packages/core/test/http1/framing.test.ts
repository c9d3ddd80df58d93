/** Where a body ends: the rules of RFC 9112 section 6.3, in their order. */
import { assert, describe, it } from "@effect/vitest"
import { type Exchange, framingTag, record } from "./recorder.ts"

const framed = (status: number, lines: ReadonlyArray<string>, exchange: Exchange = {}, version = "1.1") =>
  record([`HTTP/${version} ${status} X\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`], exchange)

const verdict = (status: number, lines: ReadonlyArray<string>, exchange: Exchange = {}, version = "1.1") => {
  const seen = framed(status, lines, exchange, version)
  return seen.fault?._tag ?? framingTag(seen)
}

describe("framing of responses (RFC 9112 section 6.3)", () => {
  const contradictory: ReadonlyArray<string> = ["Content-Length: 5", "Transfer-Encoding: chunked"]
  const withoutBody: ReadonlyArray<readonly [why: string, status: number, method: string]> = [
    ["a response to HEAD", 200, "HEAD"],
    ["an error response to HEAD", 404, "HEAD"],
    ["204", 204, "GET"],
    ["304", 304, "GET"]
  ]
  for (const [why, status, method] of withoutBody) {
    it(`rule 1: ${why} has no body, whatever the fields say`, () => {
      for (
        const lines of [[], ["Content-Length: 5"], ["Transfer-Encoding: chunked"], contradictory, ["Content-Length: x"]]
      ) {
        const seen = framed(status, lines, { method })
        assert.strictEqual(framingTag(seen), "None")
        assert.deepStrictEqual(seen.trailers, [])
        assert.strictEqual(seen.state, "complete")
        assert.strictEqual(seen.body, "")
      }
    })
  }

  it("rule 1: an informational response has no body", () => {
    const seen = record(["HTTP/1.1 103 E\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"])
    assert.strictEqual(seen.informational.length, 1)
    assert.strictEqual(seen.body, "x")
  })

  it("rule 2: 2xx to CONNECT is a tunnel, other answers to it are ordinary", () => {
    assert.strictEqual(verdict(200, contradictory, { method: "CONNECT" }), "Tunnel")
    assert.strictEqual(verdict(299, [], { method: "CONNECT" }), "Tunnel")
    assert.strictEqual(verdict(407, ["Content-Length: 5"], { method: "CONNECT" }), "Length")
    assert.strictEqual(verdict(204, [], { method: "CONNECT" }), "Tunnel")
  })

  it("rule 3: Transfer-Encoding with Content-Length is refused", () => {
    assert.strictEqual(verdict(200, contradictory), "BadFraming")
    assert.strictEqual(verdict(200, ["Transfer-Encoding: chunked", "Content-Length: 5"]), "BadFraming")
    assert.strictEqual(verdict(200, ["Transfer-Encoding: gzip", "Content-Length: 0"]), "BadFraming")
  })

  it("rule 4: exactly one chunked, in any case, is chunked", () => {
    assert.strictEqual(verdict(200, ["Transfer-Encoding: chunked"]), "Chunked")
    assert.strictEqual(verdict(200, ["TRANSFER-ENCODING:  CHUNKED "]), "Chunked")
  })

  for (
    const value of [
      "identity",
      "gzip",
      "gzip, chunked",
      "chunked, gzip",
      "chunked, chunked",
      "chunked;q=1",
      "\"chunked\"",
      "xchunked",
      "chunked,",
      ", chunked",
      "",
      "\x0bchunked".slice(1) + "\xa0"
    ]
  ) {
    it(`rule 4: Transfer-Encoding: ${JSON.stringify(value)} is refused`, () => {
      assert.strictEqual(verdict(200, [`Transfer-Encoding: ${value}`]), "BadFraming")
    })
  }

  it("rule 4: two Transfer-Encoding lines are refused", () => {
    assert.strictEqual(verdict(200, ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]), "BadFraming")
    assert.strictEqual(verdict(200, ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"]), "BadFraming")
    assert.strictEqual(verdict(200, ["Transfer-Encoding: chunked", "Transfer-Encoding:"]), "BadFraming")
  })

  it("rule 4: Transfer-Encoding in HTTP/1.0 is refused", () => {
    assert.strictEqual(verdict(200, ["Transfer-Encoding: chunked"], {}, "1.0"), "BadFraming")
  })

  it("rule 5: equal Content-Lengths are one, in one line or several", () => {
    for (const lines of [["Content-Length: 5"], ["Content-Length: 5, 5"], ["Content-Length: 5", "content-length: 5"]]) {
      assert.deepNestedPropertyVal(framed(200, lines), "head.framing", { _tag: "Length", length: 5 })
    }
    assert.deepNestedPropertyVal(framed(200, ["Content-Length: 9007199254740991"]), "head.framing", {
      _tag: "Length",
      length: 9007199254740991
    })
  })

  for (
    const lines of [
      ["Content-Length: 5, 6"],
      ["Content-Length: 5", "Content-Length: 6"],
      ["Content-Length: 5", "Content-Length: 6", "Content-Length: 5"],
      ["Content-Length: 5", "Content-Length:"],
      ["Content-Length:"],
      ["Content-Length: +5"],
      ["Content-Length: -5"],
      ["Content-Length: 5.0"],
      ["Content-Length: 0x5"],
      ["Content-Length: 5 5"],
      ["Content-Length: 5,"],
      ["Content-Length: ,5"],
      ["Content-Length: 5;"],
      ["Content-Length: 9007199254740992"],
      ["Content-Length: 99999999999999999999999999"],
      ["Content-Length: \xb2"]
    ]
  ) {
    it(`rule 5: ${lines.join(" / ")} is refused`, () => assert.strictEqual(verdict(200, lines), "BadFraming"))
  }

  it("rule 6: bytes of a known length are the body, and no more", () => {
    const seen = record(["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"])
    assert.strictEqual(seen.body, "hello")
    assert.strictEqual(seen.state, "complete")
    assert.isFalse(seen.surplus)
  })

  it("rule 6: a body that is too short ends in a fault that counts", () => {
    const seen = record(["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"], { eof: true })
    assert.deepStrictEqual(seen.fault, { _tag: "UnexpectedEnd", bytesReceived: 3, expected: 5 })
    assert.strictEqual(seen.body, "hel")
  })

  it("rule 8: without a length the body goes on until the connection ends, in 1.0 and 1.1", () => {
    for (const version of ["1.0", "1.1"]) {
      const seen = record([`HTTP/${version} 200 OK\r\nConnection: keep-alive\r\n\r\nall`, " of it"], { eof: true })
      assert.strictEqual(framingTag(seen), "Close")
      assert.strictEqual(seen.body, "all of it")
      assert.deepStrictEqual(seen.trailers, [])
      assert.isFalse(seen.keepAlive)
    }
  })

  it("a body of no bytes until the end of the connection is complete", () => {
    const seen = record(["HTTP/1.1 200 OK\r\n\r\n"], { eof: true })
    assert.strictEqual(seen.state, "complete")
    assert.strictEqual(seen.fault, undefined)
  })
})
