/** Parsers of the cache: whatever comes, they answer. */
import { assert, describe, it } from "@effect/vitest"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as FastCheck from "effect/FastCheck"
import * as byteRange from "../../src/internal/protocol/byteRange.ts"
import * as cacheControl from "../../src/internal/protocol/cacheControl.ts"
import { judge, mayStore } from "../../src/internal/protocol/cacheEntry.ts"
import { formatCacheStatus } from "../../src/internal/protocol/cacheStatus.ts"
import { formatHttpDate, parseHttpDate } from "../../src/internal/protocol/httpDate.ts"
import { hex, hmacSha256, sha256 } from "../../src/internal/protocol/sha256.ts"
import { parseTargeted } from "../../src/internal/protocol/targetedCacheControl.ts"

const junk = FastCheck.oneof(
  FastCheck.string({ maxLength: 60 }),
  FastCheck.string({ unit: "binary", maxLength: 60 }),
  FastCheck.array(
    FastCheck.constantFrom(
      "max-age",
      "=",
      "\"",
      ",",
      "\\",
      " ",
      "\t",
      "60",
      "no-cache",
      "private",
      ";",
      "?1",
      "-",
      "\0",
      "é"
    ),
    {
      maxLength: 20
    }
  ).map((parts) => parts.join(""))
)

describe("Cache-Control", () => {
  it.prop("of any bytes is read without a throw, and bounded", [FastCheck.array(junk, { maxLength: 4 })], ([lines]) => {
    const directives = cacheControl.parseDirectives(lines)
    const control = cacheControl.responseControl(directives)
    for (const age of [control.maxAge, control.sharedMaxAge, control.staleIfError]) {
      assert.isTrue(age === undefined || (age >= 0 && age <= cacheControl.maximumAge))
    }
    cacheControl.requestControl(lines[0], lines[1])
    parseTargeted(lines)
  }, { fastCheck: { numRuns: 5000 } })

  it.prop("what is written is read again", [
    FastCheck.array(
      FastCheck.tuple(
        FastCheck.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
        FastCheck.option(FastCheck.string({ unit: "grapheme-ascii", maxLength: 12 }), { nil: undefined })
      ),
      { maxLength: 6 }
    )
  ], ([directives]) => {
    const line = directives.map(([name, value]) =>
      value === undefined ? name : `${name}="${value.replace(/["\\]/g, "\\$&")}"`
    ).join(", ")
    assert.deepStrictEqual(cacheControl.parseDirectives([line]), directives.map(([name, value]) => ({ name, value })))
  })

  it.prop("any response is judged without a throw", [
    FastCheck.array(
      FastCheck.tuple(
        FastCheck.constantFrom(
          "cache-control",
          "age",
          "date",
          "expires",
          "last-modified",
          "vary",
          "etag",
          "content-range",
          "connection",
          "content-location"
        ),
        junk
      ),
      { maxLength: 8 }
    ),
    FastCheck.constantFrom(200, 204, 206, 304, 404, 599),
    FastCheck.boolean()
  ], ([fields, status, shared]) => {
    const mode = { shared, targets: ["cdn-cache-control"] }
    const head = {
      url: "https://a.test/",
      status,
      reason: "",
      fields: HeaderFields.fromEntries(fields),
      requestTime: 0,
      responseTime: 0,
      vary: [],
      part: undefined
    }
    const { freshness } = judge(head, mode)
    assert.isFalse(Number.isNaN(freshness.freshUntil))
    assert.isAtLeast(freshness.lifetime, 0)
    assert.isAtLeast(freshness.initialAge, 0)
    mayStore({ ...head, method: "GET", authorized: false, requestNoStore: false }, mode)
  }, { fastCheck: { numRuns: 3000 } })
})

describe("dates (RFC 9110 5.6.7)", () => {
  const moment = Date.UTC(1994, 10, 6, 8, 49, 37)
  for (const text of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]) {
    for (const written of [text, text.toLowerCase(), text.toUpperCase()]) {
      it(written, () => assert.strictEqual(parseHttpDate(written, Date.UTC(2026, 0, 1)), moment))
    }
  }
  for (
    const text of [
      "",
      "0",
      "-1",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37",
      "sun, 06 nov 1994 08:49:37 utc",
      "Sun, 06  Nov 1994 08:49:37 GMT",
      "Sun 06 Nov 1994 08:49:37 GMT",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "1994-11-06T08:49:37Z",
      "Sun, 06 Nov 94 08:49:37 GMT"
    ]
  ) {
    it(`"${text}" is none`, () => assert.strictEqual(parseHttpDate(text, 0), undefined))
  }
  it("two digits lie at most 50 years ahead", () => {
    assert.strictEqual(
      parseHttpDate("Sunday, 06-Nov-60 08:49:37 GMT", Date.UTC(2026, 0, 1)),
      Date.UTC(2060, 10, 6, 8, 49, 37)
    )
    assert.strictEqual(
      parseHttpDate("Sunday, 06-Nov-80 08:49:37 GMT", Date.UTC(2026, 0, 1)),
      Date.UTC(1980, 10, 6, 8, 49, 37)
    )
  })
  it.prop(
    "what is written is read again",
    [FastCheck.integer({ min: 0, max: 4e9 })],
    ([seconds]) => assert.strictEqual(parseHttpDate(formatHttpDate(seconds * 1000), 0), seconds * 1000)
  )
})

describe("parts", () => {
  it.prop(
    "of a range lie inside of the whole",
    [junk, FastCheck.nat(50), FastCheck.nat(50), FastCheck.nat(40)],
    ([text, a, b, total]) => {
      for (const value of [text, `bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
        const range = byteRange.parseRange(value)
        const part = range === undefined ? undefined : byteRange.partOf(range, total)
        if (part === undefined) continue
        assert.isTrue(part.first >= 0 && part.first <= part.last && part.last < total)
      }
    }
  )
  it("of more than a number can count are none", () => {
    assert.strictEqual(byteRange.parseRange("bytes=0-99999999999999999999"), undefined)
    assert.strictEqual(byteRange.parseContentRange("bytes 0-1/99999999999999999999"), undefined)
  })
})

describe("SHA-256", () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  it("of the standard's own texts (FIPS 180-4)", () => {
    assert.strictEqual(hex(sha256(bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert.strictEqual(hex(sha256(bytes(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })
  it("as a keyed hash (RFC 4231 4.3)", () =>
    assert.strictEqual(
      hex(hmacSha256(bytes("Jefe"), bytes("what do ya want for nothing?"))),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ))
})

describe("Cache-Status (RFC 9211)", () => {
  it("as a field", () => {
    assert.strictEqual(
      formatCacheStatus({ hit: true, ttl: 9.5, detail: "fresh" }),
      "urlsession; hit; ttl=9; detail=\"fresh\""
    )
    assert.strictEqual(
      formatCacheStatus({ hit: false, forward: "stale", forwardStatus: 304, stored: true, detail: "a \"b\"" }),
      "urlsession; fwd=stale; fwd-status=304; stored; detail=\"a \\\"b\\\"\""
    )
  })
})
