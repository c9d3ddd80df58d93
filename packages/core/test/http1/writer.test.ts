/** Requests on the wire: RFC 9112 sections 3, 5, 6 and 7.1, and everything that must not get into them. */
import { assert, describe, it } from "@effect/vitest"
import {
  checkCallerField,
  checkContentLength,
  chunkEnd,
  chunkHead,
  declaredLength,
  encodeHead,
  HeaderFields,
  lastChunk,
  type RequestHead
} from "@urlsession/core/Http1"
import * as FastCheck from "effect/FastCheck"

const base: RequestHead = {
  method: "GET",
  target: "/a?b=c",
  host: "example.com:8080",
  fields: [],
  bodyLength: undefined,
  keepAlive: true,
  expectContinue: false
}
const encoded = (request: Partial<RequestHead>): string => {
  const head = encodeHead({ ...base, ...request })
  return typeof head === "string" ? head : `${head._tag} ${head.name}`
}

describe("request heads", () => {
  it("are a request line, Host first, the fields in order, and an empty line", () => {
    assert.strictEqual(
      encoded({
        fields: [{ name: "Accept", value: "*/*" }, { name: "X-B", value: "" }, { name: "accept", value: "a b" }]
      }),
      "GET /a?b=c HTTP/1.1\r\nHost: example.com:8080\r\nAccept: */*\r\nX-B: \r\naccept: a b\r\nConnection: keep-alive\r\n\r\n"
    )
  })

  it("say Connection: close where the connection will not persist", () => {
    assert.include(encoded({ keepAlive: false }), "\r\nConnection: close\r\n\r\n")
  })

  it("BOD-01 a known length is a Content-Length, an unknown one is chunked", () => {
    assert.include(encoded({ method: "POST", bodyLength: 5 }), "\r\nContent-Length: 5\r\n")
    assert.include(encoded({ method: "DELETE", bodyLength: 0 }), "\r\nContent-Length: 0\r\n")
    const chunked = encoded({ method: "POST", bodyLength: "chunked" })
    assert.include(chunked, "\r\nTransfer-Encoding: chunked\r\n")
    assert.notInclude(chunked, "Content-Length")
  })

  it("POST, PUT and PATCH without a body say so, other methods are silent", () => {
    for (const method of ["POST", "PUT", "PATCH"]) {
      assert.include(encoded({ method }), "\r\nContent-Length: 0\r\n")
    }
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "CONNECT", "post", "X"]) {
      assert.notInclude(encoded({ method }), "Content-Length")
    }
  })

  it("ask for 100 Continue and for an upgrade where told", () => {
    assert.include(encoded({ method: "PUT", bodyLength: 5, expectContinue: true }), "\r\nExpect: 100-continue\r\n")
    assert.include(encoded({ upgrade: "websocket" }), "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert.notInclude(encoded({ upgrade: "websocket" }), "keep-alive")
  })

  it("keep the code units 0x80 to 0xFF of values and HTAB", () => {
    assert.include(encoded({ fields: [{ name: "X", value: "\t\x80\xe9\xff" }] }), "\r\nX: \t\x80\xe9\xff\r\n")
  })

  it("refuse the fields that are written here, in any case", () => {
    for (const name of ["Host", "CONNECTION", "Content-length", "transfer-Encoding", "Expect", "upgrade"]) {
      assert.strictEqual(encoded({ fields: [{ name, value: "x" }] }), `ReservedName ${name}`)
    }
    for (const name of ["Hosts", "xhost", "Via", "Trailers"]) {
      assert.include(encoded({ fields: [{ name, value: "x" }] }), `\r\n${name}: x\r\n`)
    }
  })

  it("refuse a length that is none", () => {
    for (const bodyLength of [-1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
      assert.strictEqual(encoded({ method: "POST", bodyLength }), "ContentLengthMismatch content-length")
    }
  })
})

// Written as Latin-1, U+010D U+010A become CR LF: the low bytes of both.
const splitting = ["\r\n", "\r", "\n", "\0", "\u010d\u010a", "\u{1f600}", "\u2028", "\x7f", "\x1b", "\x0b"]

describe("nothing splits a request (engine rule 10, RFC 9110 section 5.5)", () => {
  for (const evil of splitting) {
    const shown = JSON.stringify(evil)
    it(`REQ-04 ${shown} is refused in values, names, targets, methods and hosts`, () => {
      for (const text of [evil, `a${evil}`, `${evil}b`, `a${evil}X-Injected: 1`]) {
        assert.strictEqual(encoded({ fields: [{ name: "X", value: text }] }), "InvalidValue X")
        assert.strictEqual(encoded({ fields: [{ name: text, value: "x" }] }), `InvalidName ${text}`)
        assert.strictEqual(encoded({ target: `/${text}` }), "InvalidTarget :target")
        assert.strictEqual(encoded({ method: text }), "InvalidMethod :method")
        assert.strictEqual(encoded({ host: text }), "InvalidValue host")
        assert.strictEqual(encoded({ upgrade: text }), "InvalidValue upgrade")
        assert.strictEqual(checkCallerField("X", text)?._tag, "InvalidValue")
        assert.strictEqual(checkCallerField(text, "x")?._tag, "InvalidName")
      }
    })
  }

  it("white space is refused where a line would get another word", () => {
    assert.strictEqual(encoded({ target: "/ HTTP/1.0" }), "InvalidTarget :target")
    assert.strictEqual(encoded({ target: "" }), "InvalidTarget :target")
    assert.strictEqual(encoded({ method: "GET /" }), "InvalidMethod :method")
    assert.strictEqual(encoded({ method: "" }), "InvalidMethod :method")
    assert.strictEqual(encoded({ host: "a b" }), "InvalidValue host")
    assert.strictEqual(encoded({ fields: [{ name: "", value: "x" }] }), "InvalidName ")
    assert.strictEqual(encoded({ fields: [{ name: "X:", value: "x" }] }), "InvalidName X:")
    assert.strictEqual(encoded({ fields: [{ name: "X ", value: "x" }] }), "InvalidName X ")
  })

  it("a fault never shows the value", () => {
    const fault = checkCallerField("X", "secret\r\n")
    assert.notInclude(JSON.stringify(fault), "secret")
  })

  const anything = FastCheck.string({ unit: "binary" })
  it.prop(
    "whatever is given, a head has as many lines as fields and is Latin-1",
    [
      anything,
      anything,
      anything,
      FastCheck.array(FastCheck.record({ name: anything, value: anything }), { maxLength: 3 })
    ],
    ([method, target, host, fields]) => {
      const head = encodeHead({ ...base, method: `M${method}`, target: `/${target}`, host, fields })
      if (typeof head === "string") {
        const length = /^M(OST|UT)/.test(head) ? 1 : 0
        assert.strictEqual(head.split("\r\n").length, 1 + 1 + fields.length + length + 1 + 2)
        assert.isFalse(/[^\t\r\n\x20-\x7e\x80-\xff]/.test(head))
        assert.strictEqual(head.indexOf("\r\n\r\n"), head.length - 4)
        assert.strictEqual(head.replaceAll("\r\n", "").search(/[\r\n]/), -1)
      }
    },
    { fastCheck: { numRuns: 2000, seed: 2 } }
  )
})

describe("fields of a caller", () => {
  it("are refused where they belong to the connection", () => {
    for (
      const name of [
        "Transfer-Encoding",
        "Connection",
        "keep-alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Proxy-Authorization",
        "Proxy-Connection",
        "proxy-anything",
        "HTTP2-Settings",
        "HOST"
      ]
    ) {
      assert.strictEqual(checkCallerField(name, "x")?._tag, "ReservedName", name)
    }
  })

  it("pass otherwise", () => {
    for (const name of ["Accept", "Authorization", "Cookie", "X-Proxy", "Range", "Content-Type"]) {
      assert.strictEqual(checkCallerField(name, "x"), undefined)
    }
  })

  it("a Content-Length is digits and equals the body", () => {
    assert.strictEqual(checkCallerField("Content-Length", "5"), undefined)
    for (const value of ["", "+5", "5 ", "x", "5, 5", "99999999999999999", "9007199254740992"]) {
      assert.strictEqual(checkCallerField("Content-Length", value)?._tag, "InvalidValue")
      assert.strictEqual(declaredLength(value), undefined)
    }
    assert.strictEqual(declaredLength("9007199254740991"), 9007199254740991)
    assert.strictEqual(checkContentLength("5", 5), undefined)
    assert.strictEqual(checkContentLength("0", undefined), undefined)
    assert.strictEqual(checkContentLength("5", 6)?._tag, "ContentLengthMismatch")
    assert.strictEqual(checkContentLength("5", undefined)?._tag, "ContentLengthMismatch")
    assert.strictEqual(checkContentLength("5", "chunked")?._tag, "ContentLengthMismatch")
    assert.strictEqual(checkContentLength("x", undefined)?._tag, "ContentLengthMismatch")
  })
})

describe("chunks out", () => {
  it("a chunk is its size in hexadecimal, its bytes and a line end", () => {
    assert.strictEqual(`${chunkHead(26)}${"x".repeat(26)}${chunkEnd}`, `1a\r\n${"x".repeat(26)}\r\n`)
  })

  it("a chunk of no bytes, which would end the body, is refused", () => {
    for (const length of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => chunkHead(length), RangeError)
    }
  })

  it("the last chunk carries trailers, but none that frame, route, authenticate or split", () => {
    assert.strictEqual(lastChunk(), "0\r\n\r\n")
    assert.strictEqual(lastChunk(HeaderFields.empty), "0\r\n\r\n")
    const trailers = HeaderFields.fromEntries([
      ["X-Check", "1"],
      ["Content-Length", "5"],
      ["Authorization", "x"],
      ["X-Evil", "a\r\nb: c"],
      ["x\u010d\u010a", "y"]
    ])
    assert.strictEqual(lastChunk(trailers), "0\r\nx-check: 1\r\n\r\n")
  })
})
