/** A parser over the life of a connection: several exchanges, informational responses, tunnels, surplus. */
import { assert, describe, it } from "@effect/vitest"
import {
  type HeaderFields,
  type ParseFault,
  type ParserEvents,
  type ResponseHead,
  ResponseParser
} from "@urlsession/core/Http1"
import { framingTag, latin1, record, statusOf, text } from "./recorder.ts"

const GET = { method: "GET", expectContinue: false, upgrade: false }

const listen = (also: Partial<ParserEvents> = {}) => {
  const log: Array<string> = []
  const events: ParserEvents = {
    onInformational: (head: ResponseHead) => log.push(`informational ${head.status}`),
    onHead: (head: ResponseHead) => log.push(`head ${head.status}`),
    onBody: (bytes: Uint8Array) => log.push(`body ${text(bytes)}`),
    onComplete: (trailers: HeaderFields) => log.push(`complete ${trailers.size}`),
    onFault: (fault: ParseFault) => log.push(`fault ${fault._tag}`),
    ...also
  }
  return { log, events }
}

describe("several exchanges on one connection", () => {
  it("are read one after the other, with everything of the one before forgotten", () => {
    const { events, log } = listen()
    const parser = new ResponseParser(events)
    assert.strictEqual(parser.state, "idle")
    parser.begin(GET)
    assert.isFalse(parser.started)
    parser.execute(latin1("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=10\r\nContent-Length: 3\r\n\r\nab"))
    assert.strictEqual(parser.state, "body")
    assert.strictEqual(parser.remaining(), 1)
    assert.strictEqual(parser.bodyBytes, 2)
    assert.strictEqual(parser.keepAliveTimeout, 5)
    parser.execute(latin1("c"))
    assert.strictEqual(parser.state, "complete")
    assert.strictEqual(parser.remaining(), 0)
    parser.begin({ ...GET, method: "HEAD" })
    assert.strictEqual(parser.state, "head")
    assert.isFalse(parser.started)
    assert.strictEqual(parser.bodyBytes, 0)
    assert.strictEqual(parser.keepAliveTimeout, undefined)
    parser.execute(latin1("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"))
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 204 OK\r\n\r\n"))
    assert.deepStrictEqual(log, [
      "head 200",
      "body ab",
      "body c",
      "complete 0",
      "head 200",
      "complete 0",
      "head 204",
      "complete 0"
    ])
  })

  it("no empty line is tolerated before a later status line", () => {
    const { events, log } = listen()
    const parser = new ResponseParser(events)
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 204 OK\r\n\r\n"))
    parser.begin(GET)
    parser.execute(latin1("\r\nHTTP/1.1 204 OK\r\n\r\n"))
    assert.deepStrictEqual(log, ["head 204", "complete 0", "fault Malformed"])
  })

  it("the next one may begin out of onComplete", () => {
    const { events, log } = listen({ onComplete: () => parser.begin(GET) })
    const parser: ResponseParser = new ResponseParser(events)
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"))
    parser.execute(latin1("HTTP/1.1 201 OK\r\nContent-Length: 1\r\n\r\nb"))
    assert.deepStrictEqual(log, ["head 200", "body a", "head 201", "body b"])
    assert.strictEqual(parser.state, "head")
  })
})

describe("surplus bytes", () => {
  it("behind a response are seen before its completion is told, and never parsed", () => {
    let told: boolean | undefined = undefined
    const { events, log } = listen({ onComplete: () => (told = parser.surplus) })
    const parser: ResponseParser = new ResponseParser(events)
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 500 Injected\r\n\r\n"))
    assert.isTrue(told)
    assert.isTrue(parser.surplus)
    assert.deepStrictEqual(log, ["head 200", "body a"])
  })

  for (
    const [why, method, response] of [
      ["a body behind a response to HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"],
      ["a body behind 204", "GET", "HTTP/1.1 204 OK\r\n\r\na"],
      ["a body behind 304", "GET", "HTTP/1.1 304 OK\r\nContent-Length: 1\r\n\r\na"],
      ["a byte behind an empty body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\na"],
      ["a byte behind the last chunk", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r"]
    ] as const
  ) {
    it(`${why} is surplus, whole or byte by byte`, () => {
      const whole = record([response], { method })
      assert.isTrue(whole.surplus)
      assert.strictEqual(whole.state, "complete")
      assert.strictEqual(whole.body, "")
      assert.isTrue(record([...response], { method }).surplus)
    })
  }

  it("while idle are surplus, and the next exchange fails at once", () => {
    const { events, log } = listen()
    const parser = new ResponseParser(events)
    parser.execute(latin1("HTTP/1.1 408 Request Time-out\r\n\r\n"))
    assert.isTrue(parser.surplus)
    parser.begin(GET)
    assert.strictEqual(parser.state, "failed")
    assert.deepStrictEqual(log, ["fault BadFraming"])
  })

  it("an exchange that begins inside another is a fault", () => {
    const { events, log } = listen()
    const parser = new ResponseParser(events)
    parser.begin(GET)
    parser.begin(GET)
    assert.deepStrictEqual(log, ["fault BadFraming"])
  })
})

describe("persistence (RFC 9112 section 9.3)", () => {
  const persistent = (version: string, lines: string) =>
    record([`HTTP/${version} 200 OK\r\nContent-Length: 0\r\n${lines}\r\n`]).keepAlive
  const table: ReadonlyArray<readonly [version: string, lines: string, expected: boolean]> = [
    ["1.1", "", true],
    ["1.1", "Connection: close\r\n", false],
    ["1.1", "Connection: CLOSE\r\n", false],
    ["1.1", "Connection: upgrade, Close\r\n", false],
    ["1.1", "Connection: keep-alive\r\nConnection: close\r\n", false],
    ["1.1", "Connection: keep-alive, close\r\n", false],
    ["1.1", "Connection: closed\r\n", true],
    ["1.1", "Connection: not close\r\n", false],
    ["1.0", "", false],
    ["1.0", "Connection: keep-alive\r\n", true],
    ["1.0", "Connection: x ,, Keep-Alive\r\n", true],
    ["1.0", "Connection: keep-alive\r\nConnection: close\r\n", false],
    ["1.1", "Connection:\r\n", true]
  ]
  for (const [version, lines, expected] of table) {
    it(`HTTP/${version} with ${JSON.stringify(lines)}: ${expected}`, () => {
      assert.strictEqual(persistent(version, lines), expected)
    })
  }

  it("Keep-Alive gives the seconds of its timeout, the least of several", () => {
    const timeout = (lines: string) => record([`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${lines}\r\n`]).keepAliveTimeout
    assert.strictEqual(timeout("Keep-Alive: timeout=5\r\n"), 5)
    assert.strictEqual(timeout("Keep-Alive: max=100, Timeout = \"7\"\r\n"), 7)
    assert.strictEqual(timeout("Keep-Alive: timeout=9\r\nKeep-Alive: timeout=3\r\n"), 3)
    assert.strictEqual(timeout("Keep-Alive: max=100\r\n"), undefined)
    assert.strictEqual(timeout("Keep-Alive: timeout, max=3\r\n"), undefined)
    assert.strictEqual(timeout("Keep-Alive: xtimeout=3\r\n"), undefined)
    assert.strictEqual(timeout(`Keep-Alive: timeout=${"9".repeat(400)}\r\n`), 1e9)
  })
})

describe("informational responses (RFC 9110 section 15.2)", () => {
  it("are delivered, 100 to a request without Expect too, and the final one follows", () => {
    const seen = record([
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    ])
    assert.strictEqual(seen.informational.length, 2)
    assert.deepNestedPropertyVal(seen.informational[1], "fields", ["link", "</a>"])
    assert.strictEqual(statusOf(seen), 200)
  })

  it("say nothing about the connection", () => {
    const seen = record(["HTTP/1.1 103 E\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    assert.isTrue(seen.keepAlive)
  })

  it("32 are allowed, 33 are a fault", () => {
    const one = "HTTP/1.1 103 Early Hints\r\n\r\n"
    const last = "HTTP/1.1 204 OK\r\n\r\n"
    assert.strictEqual(statusOf(record([one.repeat(32) + last])), 204)
    const seen = record([one.repeat(33) + last])
    assert.strictEqual(seen.fault?._tag, "TooManyInformational")
    assert.strictEqual(seen.informational.length, 32)
  })

  it("64 KiB of them are allowed, more are a fault", () => {
    const one = `HTTP/1.1 103 Early Hints\r\nX: ${"x".repeat(8192 - 31)}\r\n\r\n`
    assert.strictEqual(one.length, 8192 + 2)
    const exact = one.replace("xxx", "x")
    assert.strictEqual(record([exact.repeat(8)]).informational.length, 8)
    assert.strictEqual(record([exact.repeat(7) + one]).fault?._tag, "TooManyInformational")
  })

  it("the count begins anew with each exchange", () => {
    const { events, log } = listen()
    const parser = new ResponseParser(events, { limits: { maxInformational: 1 } })
    for (let i = 0; i < 3; i++) {
      parser.begin(GET)
      parser.execute(latin1("HTTP/1.1 103 E\r\n\r\nHTTP/1.1 204 OK\r\n\r\n"))
    }
    assert.strictEqual(log.filter((line) => line === "complete 0").length, 3)
  })
})

describe("tunnels", () => {
  it("an awaited 101 gives the bytes behind it, as a copy", () => {
    for (const cut of [false, true]) {
      const wire = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00"
      const seen = record(cut ? [...wire] : [wire], { upgrade: true })
      assert.strictEqual(framingTag(seen), "Tunnel")
      assert.strictEqual(seen.state, "tunnel")
      assert.strictEqual(seen.tunnel, "\x81\x00")
      assert.strictEqual(seen.trailers, undefined)
      assert.isFalse(seen.keepAlive)
    }
  })

  it("are known, with their bytes, when the head is told", () => {
    let known: string | undefined = undefined
    const { events } = listen({ onHead: () => (known = text(parser.tunnelBytes ?? new Uint8Array(0))) })
    const parser: ResponseParser = new ResponseParser(events)
    parser.begin({ ...GET, method: "CONNECT" })
    parser.execute(latin1("HTTP/1.1 200 Connected\r\n\r\n\x16\x03"))
    assert.strictEqual(known, "\x16\x03")
    parser.eof()
    assert.strictEqual(parser.state, "tunnel")
  })

  it("an awaited upgrade that is refused is an ordinary response", () => {
    const seen = record(["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"], { upgrade: true })
    assert.strictEqual(seen.body, "no")
  })

  it("a 101 that nobody asked for is a fault", () => {
    const seen = record(["HTTP/1.1 101 Switching Protocols\r\n\r\n"])
    assert.strictEqual(seen.fault?._tag, "UnexpectedUpgrade")
  })

  it("bytes that nobody takes are bounded", () => {
    const { events, log } = listen()
    const parser = new ResponseParser(events)
    parser.begin({ ...GET, method: "CONNECT" })
    parser.execute(latin1("HTTP/1.1 200 Connected\r\n\r\n"))
    parser.execute(new Uint8Array(65536))
    assert.strictEqual(parser.tunnelBytes?.length, 65536)
    parser.execute(new Uint8Array(1))
    assert.deepStrictEqual(log, ["head 200", "fault BadFraming"])
  })
})

describe("the parser as a value", () => {
  it("hears nothing behind a fault, and says so once", () => {
    const { events, log } = listen()
    const parser = new ResponseParser(events)
    parser.begin(GET)
    parser.execute(latin1("nonsense"))
    parser.execute(latin1("HTTP/1.1 204 OK\r\n\r\n"))
    parser.eof()
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 204 OK\r\n\r\n"))
    assert.deepStrictEqual(log, ["fault Malformed"])
  })

  it("abort silences even the read that is running", () => {
    const { events, log } = listen({ onHead: () => parser.abort() })
    const parser: ResponseParser = new ResponseParser(events)
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"))
    parser.eof()
    assert.deepStrictEqual(log, [])
    assert.strictEqual(parser.state, "failed")
  })

  it("abort inside the body silences its completion", () => {
    for (const framing of ["Content-Length: 1\r\n\r\na", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"]) {
      const { events, log } = listen({ onBody: () => parser.abort() })
      const parser: ResponseParser = new ResponseParser(events)
      parser.begin(GET)
      parser.execute(latin1(`HTTP/1.1 200 OK\r\n${framing}`))
      assert.deepStrictEqual(log, ["head 200"])
    }
  })

  it("takes a range of a larger buffer, and gives the body as a view of it", () => {
    const views: Array<Uint8Array> = []
    const { events } = listen({ onBody: (bytes) => views.push(bytes) })
    const parser = new ResponseParser(events)
    parser.begin(GET)
    const wire = latin1("??HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc??")
    parser.execute(wire, 2, wire.length - 2)
    assert.isFalse(parser.surplus)
    assert.strictEqual(views.length, 1)
    assert.strictEqual(views[0]?.buffer, wire.buffer)
    assert.strictEqual(views[0]?.byteOffset, wire.length - 5)
  })

  it("a whole read of body is handed over as it is", () => {
    const { events } = listen({ onBody: (bytes) => assert.strictEqual(bytes, read) })
    const parser = new ResponseParser(events)
    const read = new Uint8Array(65536)
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n"))
    parser.execute(read)
    assert.strictEqual(parser.remaining(), 1)
  })

  it("reads nothing out of an empty piece", () => {
    const { events } = listen()
    const parser = new ResponseParser(events)
    parser.execute(new Uint8Array(0))
    assert.isFalse(parser.surplus)
    parser.begin(GET)
    parser.execute(new Uint8Array(0))
    assert.isFalse(parser.started)
  })

  it("uses the runtime's decoder for what it was given", () => {
    let asked = 0
    const { events } = listen()
    const parser = new ResponseParser(events, {
      latin1: (bytes, start, end) => {
        asked++
        return text(bytes.subarray(start, end))
      }
    })
    parser.begin(GET)
    parser.execute(latin1("HTTP/1.1 204 OK\r\nX: y\r\n\r\n"))
    assert.strictEqual(asked, 1)
  })
})
