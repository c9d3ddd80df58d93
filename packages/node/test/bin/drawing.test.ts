/** The drawings of the command line, as text. */
import { assert, describe, it } from "@effect/vitest"
import type { TransactionMetrics } from "@urlsession/core/TaskMetrics"
import { bar, steps, tenth } from "../../src/bin/progress.ts"
import { json } from "../../src/bin/report.ts"
import { bytes, time } from "../../src/bin/units.ts"
import { duration, phases, shownUrl, waterfall } from "../../src/bin/waterfall.ts"

const mebibyte = 1024 * 1024

const nothing: TransactionMetrics = {
  method: "GET",
  url: "https://example.com/file?signature=secret",
  status: undefined,
  fetchStart: 1000,
  fetchType: "networkLoad",
  domainLookupStart: undefined,
  domainLookupEnd: undefined,
  connectStart: undefined,
  secureConnectionStart: undefined,
  secureConnectionEnd: undefined,
  connectEnd: undefined,
  requestStart: undefined,
  requestEnd: undefined,
  responseStart: undefined,
  responseEnd: undefined,
  reused: false,
  proxied: false,
  connection: undefined,
  requestHeaderBytes: 0,
  requestBodyBytes: 0,
  responseHeaderBytes: 0,
  responseBodyBytes: 0,
  networkProtocolName: undefined,
  localAddress: undefined,
  localPort: undefined,
  remoteAddress: undefined,
  remotePort: undefined,
  negotiatedTlsProtocolVersion: undefined,
  negotiatedTlsCipherSuite: undefined,
  requestBodyBytesBeforeEncoding: 0,
  responseBodyBytesAfterDecoding: 0,
  domainResolutionProtocol: "unknown",
  isCellular: false,
  isProxyConnection: false,
  isExpensive: false,
  isConstrained: false,
  isMultipath: false
}

const whole: TransactionMetrics = {
  ...nothing,
  status: 200,
  domainLookupStart: 1000,
  domainLookupEnd: 1010,
  connectStart: 1010,
  secureConnectionStart: 1020,
  secureConnectionEnd: 1040,
  connectEnd: 1040,
  requestStart: 1040,
  requestEnd: 1050,
  responseStart: 1060,
  responseEnd: 1100,
  responseBodyBytes: 2 * mebibyte
}

describe("units", () => {
  it("writes bytes in binary units with one decimal, and whole below a KiB", () => {
    assert.deepStrictEqual([0, 1023, 1024, 24 * mebibyte, 1.5 * 1024 ** 3].map(bytes), [
      "0 B",
      "1023 B",
      "1.0 KiB",
      "24.0 MiB",
      "1.5 GiB"
    ])
  })

  it("writes times with about three digits", () => {
    assert.deepStrictEqual([0.004, 9.994, 10, 999.94, 1234, 90_000, 5_400_000].map(time), [
      "0.00 ms",
      "9.99 ms",
      "10.0 ms",
      "999.9 ms",
      "1.23 s",
      "1.5 min",
      "1.5 h"
    ])
  })
})

describe("progress", () => {
  it("draws percentage, bar, amount and speed", () => {
    assert.strictEqual(
      bar({ done: 24 * mebibyte, total: 64 * mebibyte, elapsed: 500 }, 100),
      ` 37 % [${"█".repeat(15)}${"░".repeat(25)}]  24.0 MiB of 64.0 MiB    48.0 MiB/s`
    )
  })

  it("is full at the end and empty at the start", () => {
    assert.include(bar({ done: 10, total: 10, elapsed: 1 }, 100), `100 % [${"█".repeat(40)}]`)
    assert.include(bar({ done: 0, total: 10, elapsed: 0 }, 100), `  0 % [${"░".repeat(40)}]`)
  })

  it("never passes the width, and leaves the bar out where there is no room", () => {
    for (let columns = 1; columns <= 200; columns++) {
      assert.isAtMost(bar({ done: 1024, total: 1024 ** 3, elapsed: 77 }, columns).length, columns)
      assert.isAtMost(bar({ done: 1024, total: undefined, elapsed: 77 }, columns).length, columns)
    }
    assert.strictEqual(bar({ done: 512, total: 1024, elapsed: 1 }, 40), " 50 %  512 B of 1.0 KiB")
  })

  it("shows the amount alone where the total is not known", () => {
    assert.match(bar({ done: mebibyte, total: undefined, elapsed: 1000 }, 80), /^1\.0 MiB +1\.0 MiB\/s$/)
  })

  it("counts tenths, and none of a total that is not known or zero", () => {
    assert.deepStrictEqual(
      [0, 9, 10, 99, 100, 120].map((done) => tenth({ done, total: 100, elapsed: 0 })),
      [0, 0, 1, 9, 10, 10]
    )
    assert.strictEqual(tenth({ done: 7, total: undefined, elapsed: 0 }), 0)
    assert.strictEqual(tenth({ done: 0, total: 0, elapsed: 0 }), 0)
    // three tenths are not quite 0.3 in binary
    assert.strictEqual(tenth({ done: 3, total: 10, elapsed: 0 }), 3)
    assert.deepStrictEqual(steps({ done: 31, total: 100, elapsed: 0 }, 1), [
      " 20 %  20 B of 100 B",
      " 30 %  30 B of 100 B"
    ])
    assert.deepStrictEqual(steps({ done: 31, total: 100, elapsed: 0 }, 3), [])
    assert.deepStrictEqual(steps({ done: 31, total: undefined, elapsed: 0 }, 0), [])
  })
})

describe("waterfall", () => {
  it("has every phase that happened, from the start of the exchange", () => {
    assert.deepStrictEqual(phases(whole, 1100).map(({ end, name, start }) => [name, start, end]), [
      ["dns", 0, 10],
      ["connect", 10, 20],
      ["tls", 20, 40],
      ["request", 40, 50],
      ["first byte", 50, 60],
      ["body", 60, 100]
    ])
    assert.strictEqual(duration(phases(whole, 1100)), 100)
  })

  it("leaves out what did not happen: a connection that was used before has no phases of its own", () => {
    const again = {
      ...whole,
      domainLookupStart: undefined,
      connectStart: undefined,
      secureConnectionStart: undefined,
      reused: true
    }
    assert.deepStrictEqual(phases(again, 1100).map(({ name }) => name), ["request", "first byte", "body"])
    assert.deepStrictEqual(phases(nothing, 1100), [])
  })

  it("ends a phase that never ended with the task, and says that it was cut", () => {
    const cut = phases({ ...whole, responseEnd: undefined }, 1080)
    assert.deepStrictEqual(cut[cut.length - 1], { name: "body", start: 60, end: 80, cut: true })
  })

  it("draws all phases on one scale", () => {
    assert.deepStrictEqual(waterfall(whole, { number: 3, taskEnd: 1100, columns: 47 }), [
      "3. GET https://example.com/file -> 200",
      "   100.0 ms, 2.0 MiB of body",
      "   dns        |██                  |    10.0 ms",
      "   connect    |  ██                |    10.0 ms",
      "   tls        |    ████            |    20.0 ms",
      "   request    |        ██          |    10.0 ms",
      "   first byte |          ██        |    10.0 ms",
      "   body       |            ████████|    40.0 ms"
    ])
  })

  it("marks where a body was cut, and an exchange without a response", () => {
    const cut = waterfall({ ...whole, responseEnd: undefined }, { number: 1, taskEnd: 1100, columns: 47 })
    assert.strictEqual(cut[0], "1. GET https://example.com/file -> 200, cut off")
    assert.strictEqual(cut[7], "   body       |            ███████╳|    40.0 ms")
    assert.deepStrictEqual(waterfall(nothing, { number: 1, taskEnd: 1100, columns: 80 }), [
      "1. GET https://example.com/file -> no response",
      "   0.00 ms, 0 B of body"
    ])
  })

  it("keeps inside the width whatever the times are", () => {
    for (const columns of [40, 80, 200]) {
      for (const end of [1060, 1060.0001, 1061, 100_000, 1e9]) {
        const lines = waterfall({ ...whole, responseEnd: end }, { number: 1, taskEnd: end, columns })
        const widths = new Set(lines.slice(2).map((line) => line.length))
        assert.strictEqual(widths.size, 1)
        assert.isAtMost(Math.max(...widths), columns)
      }
    }
  })

  it("shows no query, which may hold a signature", () => {
    assert.strictEqual(shownUrl("https://a.example/b?c=d#e"), "https://a.example/b")
    assert.strictEqual(shownUrl("https://a.example/b#e?f"), "https://a.example/b")
    assert.isAtMost(shownUrl(`https://a.example/${"x".repeat(1000)}`).length, 200)
  })
})

describe("json", () => {
  it("has the phases with their starts and lengths in milliseconds, and no query", () => {
    const one = json({ transaction: whole, taskEnd: 1100 })
    assert.strictEqual(one["url"], "https://example.com/file")
    assert.strictEqual(one["milliseconds"], 100)
    assert.strictEqual(one["complete"], true)
    assert.deepStrictEqual(one["phases"], {
      dns: { start: 0, milliseconds: 10 },
      connect: { start: 10, milliseconds: 10 },
      tls: { start: 20, milliseconds: 20 },
      request: { start: 40, milliseconds: 10 },
      firstByte: { start: 50, milliseconds: 10 },
      body: { start: 60, milliseconds: 40 }
    })
  })

  it("says null where there was no response and no connection", () => {
    const one = json({ transaction: nothing, taskEnd: 1100 })
    assert.strictEqual(one["status"], null)
    assert.strictEqual(one["connection"], null)
    assert.strictEqual(one["complete"], false)
  })
})
