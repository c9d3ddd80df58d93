import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { parseHttpDate } from "../../src/internal/protocol/httpDate.ts"

const now = Date.UTC(2026, 10, 25)
const known = Date.UTC(1994, 10, 6, 8, 49, 37)

describe("HTTP dates", () => {
  for (
    const text of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994"
    ]
  ) it(`${text} is read (RFC 9110 5.6.7)`, () => assert.strictEqual(parseHttpDate(text, now), known))

  it("a year of two digits is at most 50 years ahead (RFC 9110 5.6.7)", () => {
    assert.strictEqual(parseHttpDate("Sunday, 06-Nov-76 08:49:37 GMT", now), Date.UTC(2076, 10, 6, 8, 49, 37))
    assert.strictEqual(parseHttpDate("Sunday, 06-Nov-77 08:49:37 GMT", now), Date.UTC(1977, 10, 6, 8, 49, 37))
  })

  for (
    const text of [
      "",
      "0",
      "-1",
      "tomorrow",
      "2026-11-25T00:00:00Z",
      "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 06 Nox 1994 08:49:37 GMT",
      "Foo, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 6 Nov 1994 08:49:37 GMT"
    ]
  ) it(`"${text}" is none`, () => assert.isUndefined(parseHttpDate(text, now)))

  it.prop("what is written as a UTC string is read back", [
    FastCheck.integer({ min: 0, max: 4_000_000_000 })
  ], ([seconds]) => {
    assert.strictEqual(parseHttpDate(new Date(seconds * 1000).toUTCString(), now), seconds * 1000)
  })

  it.prop("nothing throws", [FastCheck.string()], ([text]) => {
    parseHttpDate(text, now)
  })
})
