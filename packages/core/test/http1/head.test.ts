/** Message syntax of response heads: RFC 9112 sections 2 to 5. */
import { assert, describe, it } from "@effect/vitest"
import { fieldsOf, record, statusOf } from "./recorder.ts"

const answer = (head: string, eof = true) => record([head], { eof })

describe("status line (RFC 9112 section 4)", () => {
  it("is read into version, status and reason", () => {
    const seen = answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    assert.deepStrictEqual(seen.head, {
      version: "1.1",
      status: 404,
      reason: "Not Found",
      fields: ["content-length", "0"],
      headBytes: 45,
      framing: { _tag: "Length", length: 0 }
    })
    assert.deepStrictEqual(seen.trailers, [])
  })

  const accepted: ReadonlyArray<readonly [line: string, status: number, reason: string, why: string]> = [
    ["HTTP/1.1 200 ", 200, "", "an empty phrase"],
    ["HTTP/1.1 200", 200, "", "a missing phrase without its space, as many servers send it"],
    ["HTTP/1.0 200 OK", 200, "OK", "HTTP/1.0"],
    ["HTTP/1.1 999 Odd", 999, "Odd", "a code outside 100 to 599"],
    ["HTTP/1.1 600 Odd", 600, "Odd", "another one"],
    ["HTTP/1.1 200 \tO\xe9 K", 200, "\tO\xe9 K", "HTAB and obs-text in the phrase"]
  ]
  for (const [line, status, reason, why] of accepted) {
    it(`NET-06 is accepted: ${why}`, () => {
      const seen = answer(`${line}\r\nContent-Length: 0\r\n\r\n`)
      assert.strictEqual(seen.fault, undefined)
      assert.strictEqual(statusOf(seen), status)
      assert.propertyVal(seen.head, "reason", reason)
    })
  }

  const refused: ReadonlyArray<readonly [line: string, why: string]> = [
    ["HTTP/1.1", "no code"],
    ["HTTP/1.1 ", "no code behind a space"],
    ["HTTP/1.1 20", "two digits"],
    ["HTTP/1.1 2000", "four digits"],
    ["HTTP/1.1 2OO OK", "letters in the code"],
    ["HTTP/1.1  200 OK", "two spaces before the code"],
    ["HTTP/1.1\t200 OK", "HTAB before the code"],
    ["HTTP/1.1 200\tOK", "HTAB behind the code"],
    ["HTTP/1.1 -20 OK", "a sign"],
    ["HTTP/1.2 200 OK", "version 1.2"],
    ["HTTP/2.0 200 OK", "version 2.0"],
    ["HTTP/0.9 200 OK", "version 0.9"],
    ["HTTP/1.10 200 OK", "two digits of minor version"],
    ["HTTP/01.1 200 OK", "two digits of major version"],
    ["http/1.1 200 OK", "lower case"],
    ["ICY 200 OK", "another protocol"],
    ["HTTP /1.1 200 OK", "a space inside the version"],
    [" HTTP/1.1 200 OK", "a space before the version"],
    ["HTTP/1.1 200 O\x00K", "NUL in the phrase"],
    ["HTTP/1.1 200 O\x7fK", "DEL in the phrase"],
    ["HTTP/1.1 200 O\rK", "CR in the phrase"],
    ["HTTP/1.1 200 OK\nX: y", "LF without CR"],
    ["\xef\xbb\xbfHTTP/1.1 200 OK", "a byte order mark"]
  ]
  for (const [line, why] of refused) {
    it(`NET-06 is refused: ${why}`, () => {
      const seen = answer(`${line}\r\nContent-Length: 0\r\n\r\n`)
      assert.strictEqual(seen.fault?._tag, "Malformed")
      assert.strictEqual(seen.head, undefined)
      assert.strictEqual(seen.state, "failed")
    })
  }

  it("what is no HTTP is refused at its first wrong byte, with no line end and no end of stream", () => {
    assert.strictEqual(record(["SSH-2.0-OpenSSH_9.2"]).fault?._tag, "Malformed")
    assert.strictEqual(record(["H", "T", "T", "P", "/", "2"]).fault?._tag, "Malformed")
    assert.strictEqual(record(["HTTP/1.1 2xx"]).fault, undefined)
  })

  it("one empty line is tolerated before the first status line, not two", () => {
    const one = answer("\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert.strictEqual(statusOf(one), 204)
    assert.propertyVal(one.head, "headBytes", 29)
    assert.strictEqual(answer("\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").fault?._tag, "Malformed")
    assert.strictEqual(answer("\nHTTP/1.1 204 No Content\r\n\r\n").fault?._tag, "Malformed")
    assert.strictEqual(answer("\rHTTP/1.1 204 No Content\r\n\r\n").fault?._tag, "Malformed")
  })

  it("no empty line is tolerated behind an informational response", () => {
    const seen = answer("HTTP/1.1 103 Early Hints\r\n\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert.strictEqual(seen.informational.length, 1)
    assert.strictEqual(seen.fault?._tag, "Malformed")
  })
})

describe("field lines (RFC 9112 section 5)", () => {
  const fields = (lines: string) => {
    const seen = answer(`HTTP/1.1 204 No Content\r\n${lines}\r\n`)
    return seen.fault === undefined ? fieldsOf(seen) : seen.fault._tag
  }

  it("names come in lower case, values without white space around them", () => {
    assert.deepStrictEqual(fields("ETag:  \t\"x y\" \t \r\nX-Own-Name:v\r\nX-Empty:\r\nX-Blank: \t \r\n"), [
      "etag",
      "\"x y\"",
      "x-own-name",
      "v",
      "x-empty",
      "",
      "x-blank",
      ""
    ])
  })

  it("repeated lines stay apart and in order", () => {
    assert.deepStrictEqual(fields("Set-Cookie: a=1\r\nVia: x\r\nset-cookie: b=2, c\r\n"), [
      "set-cookie",
      "a=1",
      "via",
      "x",
      "set-cookie",
      "b=2, c"
    ])
  })

  it("every token character may be in a name, every byte above 0x7F in a value", () => {
    assert.deepStrictEqual(fields("a!#$%&'*+-.^_`|~09Z: \x80\xe9\xff\r\n"), ["a!#$%&'*+-.^_`|~09z", "\x80\xe9\xff"])
  })

  it("well-known names are known in any case, and others of the same length are not taken for them", () => {
    assert.deepStrictEqual(fields("CoNtEnT-tYpE: a\r\nContent-Typf: b\r\nDate: c\r\nDatf: d\r\n"), [
      "content-type",
      "a",
      "content-typf",
      "b",
      "date",
      "c",
      "datf",
      "d"
    ])
  })

  it("NET-06 a folded value reads as one space", () => {
    assert.deepStrictEqual(fields("X-Fold: Test\r\n ing\r\nX-Two:a \r\n\t  b\t\r\n c\r\nX-Late:\r\n  x\r\n"), [
      "x-fold",
      "Test ing",
      "x-two",
      "a b c",
      "x-late",
      "x"
    ])
  })

  const refused: ReadonlyArray<readonly [lines: string, why: string]> = [
    [" X: folded\r\n", "white space before the first field"],
    ["\tX: folded\r\n", "HTAB before the first field"],
    ["Content-Length: 1\r\n 2\r\n", "a folded Content-Length"],
    ["Transfer-Encoding:\r\n chunked\r\n", "a folded Transfer-Encoding"],
    ["Connection: keep-alive,\r\n close\r\n", "a folded Connection"],
    ["X: a\r\n \r\n", "a fold of nothing, which others take for the end of the head"],
    ["X: a\r\n\t \t\r\nY: b\r\n", "the same in the middle"],
    ["X : a\r\n", "a space before the colon"],
    ["X\t: a\r\n", "HTAB before the colon"],
    [": a\r\n", "an empty name"],
    ["X\r\n", "no colon"],
    ["X Y: a\r\n", "a space in the name"],
    ["X(: a\r\n", "a separator in the name"],
    ["X\xe9: a\r\n", "obs-text in the name"],
    ["X\x00: a\r\n", "NUL in the name"],
    ["X: a\x00b\r\n", "NUL in the value"],
    ["X: a\rb\r\n", "CR in the value"],
    ["X: a\nb: c\r\n", "LF without CR behind a value"],
    ["X: a\r\r\n", "two CR"],
    ["X: a\x1bb\r\n", "an escape in the value"],
    ["X: a\x7fb\r\n", "DEL in the value"],
    ["\rX: a\r\n", "CR at the beginning of a line"],
    ["\nX: a\r\n", "LF alone as an empty line"]
  ]
  for (const [lines, why] of refused) {
    it(`refused: ${why}`, () => assert.strictEqual(fields(lines), "Malformed"))
  }
})

describe("the end of the stream around a head", () => {
  it("before any byte is an empty response", () => {
    assert.strictEqual(record([], { eof: true }).fault?._tag, "EmptyResponse")
  })

  it("inside a head is an unexpected end", () => {
    assert.strictEqual(answer("HTTP/1.1 200 OK\r\nContent-Le").fault?._tag, "UnexpectedEnd")
    assert.strictEqual(answer("H").fault?._tag, "UnexpectedEnd")
    assert.strictEqual(answer("\r\n").fault?._tag, "UnexpectedEnd")
    assert.strictEqual(answer("HTTP/1.1 200 OK\r\nX: y\r\n\r").fault?._tag, "UnexpectedEnd")
  })

  it("behind an informational response is an unexpected end", () => {
    assert.strictEqual(answer("HTTP/1.1 100 Continue\r\n\r\n").fault?._tag, "UnexpectedEnd")
  })
})
