import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { parseSts, secureUrl, stsCandidates, stsHost } from "../../src/internal/protocol/hsts.ts"

describe("Strict-Transport-Security (RFC 6797 6.1)", () => {
  const good: ReadonlyArray<readonly [value: string, maxAge: number, includeSubDomains: boolean]> = [
    ["max-age=31536000", 31536000, false],
    ["max-age=15768000 ; includeSubDomains", 15768000, true],
    ["max-age=\"31536000\"", 31536000, false],
    ["max-age=0", 0, false],
    ["max-age=0; includeSubDomains", 0, true],
    ["includeSubDomains; max-age=1", 1, true],
    ["MAX-AGE=1;INCLUDESUBDOMAINS", 1, true],
    [";; max-age = 1 ;", 1, false],
    ["max-age=1; preload; unknown=\"a;b\"", 1, false]
  ]
  for (const [value, maxAge, includeSubDomains] of good) {
    it(value, () => assert.deepStrictEqual(parseSts(value), { maxAge, includeSubDomains }))
  }

  for (
    const value of [
      "",
      "includeSubDomains",
      "max-age",
      "max-age=",
      "max-age=-1",
      "max-age=1.5",
      "max-age=1e3",
      "max-age=1; max-age=2",
      "max-age=1; includeSubDomains=true",
      "max-age=1, max-age=2",
      "max-age=1; =x",
      "max-age=\"1",
      "max-age=99999999999999999999"
    ]
  ) it(`"${value}" says nothing`, () => assert.isUndefined(parseSts(value)))

  it.prop("nothing throws", [FastCheck.string()], ([value]) => {
    parseSts(value)
    parseSts(`max-age=1;${value}`)
  })
})

it("addresses are never such hosts (RFC 6797 8.1.1)", () => {
  for (const host of ["127.0.0.1", "192.0.2.1", "::1", "[::1]", "2001:db8::1", ""]) assert.isUndefined(stsHost(host))
  assert.strictEqual(stsHost("Example.COM."), "example.com")
})

it("a name is looked up with each domain above it", () => {
  assert.deepStrictEqual(stsCandidates("a.b.test"), ["a.b.test", "b.test", "test"])
})

it("port 80 becomes that of https, every other stays (RFC 6797 8.3)", () => {
  const url = { scheme: "http", host: "a.test", port: 80, target: "/x?y" }
  assert.strictEqual(secureUrl(url), "https://a.test/x?y")
  assert.strictEqual(secureUrl({ ...url, port: 8080 }), "https://a.test:8080/x?y")
  assert.strictEqual(secureUrl({ ...url, scheme: "ws" }), "wss://a.test/x?y")
})
