// Challenges of RFC 9110 11, well-formed and hostile.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { answerable } from "../../src/internal/protocol/strength.ts"
import {
  type Challenge,
  maximumChallenges,
  maximumCharacters,
  parseAuthParams,
  parseChallenges
} from "../../src/internal/protocol/wwwAuthenticate.ts"

const plain = (challenge: Challenge) => ({
  scheme: challenge.scheme,
  params: Object.fromEntries(challenge.params),
  token68: challenge.token68
})
const read = (...lines: ReadonlyArray<string>) => parseChallenges(lines).map(plain)
const one = (scheme: string, params: Record<string, string>, token68?: string) => ({ scheme, params, token68 })

/** How many code units a call looks at: the cost, without a clock. */
const looks = (f: () => unknown): number => {
  const original = String.prototype.charCodeAt
  let count = 0
  String.prototype.charCodeAt = function(index) {
    count++
    return original.call(this, index)
  }
  try {
    f()
    return count
  } finally {
    String.prototype.charCodeAt = original
  }
}

const render = (challenge: Challenge): string => {
  if (challenge.token68 !== undefined) return `${challenge.scheme} ${challenge.token68}`
  const params = [...challenge.params].map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&")}"`)
  return params.length === 0 ? challenge.scheme : `${challenge.scheme} ${params.join(", ")}`
}

const tokenCharacters = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
const token = FastCheck.string({ unit: FastCheck.constantFrom(...tokenCharacters), minLength: 1, maxLength: 12 })
const text = FastCheck.string({
  unit: FastCheck.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f).map((code) =>
    String.fromCharCode(code)
  ),
  maxLength: 20
})
const challenges = FastCheck.array(
  FastCheck.oneof(
    FastCheck.record({
      scheme: token,
      params: FastCheck.array(FastCheck.tuple(token, text), { maxLength: 5 }).map((pairs) => new Map(pairs)),
      token68: FastCheck.constant(undefined)
    }),
    FastCheck.record({
      scheme: token,
      params: FastCheck.constant(new Map<string, string>()),
      token68: FastCheck.stringMatching(/^[A-Za-z0-9._~+/-]{1,16}={0,2}$/)
    })
  ),
  { maxLength: 8 }
)

describe("PSP-07 WWW-Authenticate", () => {
  it("reads scheme and parameters, names in lower case, values unquoted", () => {
    assert.deepStrictEqual(read(`BASIC ReAlM="Test",Charset=UTF-8`), [
      one("basic", { realm: "Test", charset: "UTF-8" })
    ])
  })

  it("reads several challenges in one line (RFC 9110 11.6.1)", () => {
    assert.deepStrictEqual(
      read(`Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"`),
      [one("newauth", { realm: "apps", type: "1", title: "Login to \"apps\"" }), one("basic", { realm: "simple" })]
    )
  })

  it("reads several lines, each on its own", () => {
    assert.deepStrictEqual(read(`Digest realm="a"`, `nonce="b", Basic realm="c"`), [
      one("digest", { realm: "a" }),
      one("basic", { realm: "c" })
    ])
  })

  it("reads token68, with padding and without, and schemes alone", () => {
    assert.deepStrictEqual(read("Negotiate, NTLM TlRMTVNTUAAC==, Negotiate YII/+-._~"), [
      one("negotiate", {}),
      one("ntlm", {}, "TlRMTVNTUAAC=="),
      one("negotiate", {}, "YII/+-._~")
    ])
  })

  it("takes blanks around =, tabs, and empty list elements", () => {
    assert.deepStrictEqual(read(`,, Basic \t realm\t=  "x" ,, , charset = UTF-8 ,,Digest  nonce=y,`), [
      one("basic", { realm: "x", charset: "UTF-8" }),
      one("digest", { nonce: "y" })
    ])
    assert.deepStrictEqual(read(`Basic , realm="x"`, `Basic, realm="y"`), [
      one("basic", { realm: "x" }),
      one("basic", { realm: "y" })
    ])
  })

  it("takes values that should have been quoted", () => {
    assert.deepStrictEqual(read(`Digest realm=x, nonce=ab/c+d==, domain=/a/b, opaque=`), [
      one("digest", { realm: "x", nonce: "ab/c+d==", domain: "/a/b" })
    ])
  })

  it("keeps commas, schemes and escapes inside of quotes where they are", () => {
    assert.deepStrictEqual(read(`Basic realm="a, Digest nonce=\\"b\\", \\\\"`), [
      one("basic", { realm: `a, Digest nonce="b", \\` })
    ])
  })

  it("drops a challenge with an unterminated quote and keeps those before it", () => {
    assert.deepStrictEqual(read(`Digest nonce=a, Basic realm="x, Digest nonce=b`, "Basic realm=y"), [
      one("digest", { nonce: "a" }),
      one("basic", { realm: "y" })
    ])
    assert.deepStrictEqual(read(`Basic realm="x\\`), [])
    assert.deepStrictEqual(read(`Basic realm="`), [])
  })

  it("drops a challenge that says a parameter twice, in whatever case, and keeps those around it", () => {
    assert.deepStrictEqual(read(`A x=1, Basic realm="a", y=1, REALM="b", z=2, Digest nonce=n`), [
      one("a", { x: "1" }),
      one("digest", { nonce: "n" })
    ])
  })

  it("drops a challenge whose value is neither token nor quoted string", () => {
    assert.deepStrictEqual(read(`Basic realm=\\f\\o\\o, Digest nonce=n`), [one("digest", { nonce: "n" })])
    assert.deepStrictEqual(read(`Basic realm=foo bar, Digest nonce=n`), [one("digest", { nonce: "n" })])
    assert.deepStrictEqual(read(`Basic realm="x", @, algorithm=y, Digest nonce=n`), [one("digest", { nonce: "n" })])
    assert.deepStrictEqual(read(`NT LM realm=`), [])
    assert.deepStrictEqual(read(`Negotiate abc==d`), [])
    assert.deepStrictEqual(read(`Negotiate abc==, realm=x, Digest nonce=n`), [one("digest", { nonce: "n" })])
  })

  it("drops a line with NUL or another control character", () => {
    assert.deepStrictEqual(
      read(`Basic realm="a\0b"`, `Basic realm="\x07"`, `Basic realm="a"\r\nx: y`, `Basic realm=ok`),
      [
        one("basic", { realm: "ok" })
      ]
    )
  })

  it("ignores parameters without a scheme", () => {
    assert.deepStrictEqual(read(`realm="x", nonce=y`, "", " , ,"), [])
  })

  it("reads at most 64 challenges and 64 KiB, and nothing that the limit has cut", () => {
    assert.strictEqual(parseChallenges([Array(10_000).fill(`Basic realm="x"`).join(", ")]).length, maximumChallenges)
    assert.strictEqual(parseChallenges(Array(10_000).fill(`Basic realm="x"`)).length, maximumChallenges)
    const filler = `Digest nonce=n, opaque="${"x".repeat(maximumCharacters)}"`
    assert.deepStrictEqual(read(filler), [])
    assert.deepStrictEqual(read(`Basic realm=a, ${filler}`, "Basic realm=b"), [one("basic", { realm: "a" })])
    assert.deepStrictEqual(read(`Basic realm=${"x".repeat(maximumCharacters)}`), [])
  })

  it("looks at each character of hostile input a few times only", () => {
    const limit = maximumCharacters
    const hostile: ReadonlyArray<ReadonlyArray<string>> = [
      [",".repeat(1_048_576)],
      [" ".repeat(1_048_576)],
      ["\"".repeat(limit)],
      [`Basic realm="${"\\".repeat(limit)}`],
      [`Basic realm="${",".repeat(limit)}`],
      [`Basic realm="${"a,\"b".repeat(limit)}`],
      [`Basic ${"realm=\"a,b\"c,".repeat(limit)}`],
      ["Basic realm=\"a,".repeat(10_000)],
      [`Basic ${"a ".repeat(limit)}`],
      [`Basic ${"a=".repeat(limit)}`],
      [`Basic ${"=".repeat(limit)}`],
      ["a,".repeat(limit)],
      ["Basic realm=x, ".repeat(10_000)],
      Array<string>(100_000).fill("Digest nonce=\"")
    ]
    for (const lines of hostile) {
      const budget = 10 * Math.min(limit, lines.join("").length)
      assert.isAtMost(looks(() => parseChallenges(lines)), budget, lines[0]?.slice(0, 20))
      assert.isAtMost(looks(() => parseAuthParams(lines[0] ?? "")), budget, lines[0]?.slice(0, 20))
    }
  })

  it.prop("never throws, whatever it is given", [FastCheck.array(FastCheck.string({ unit: "binary" }))], ([lines]) => {
    for (const challenge of parseChallenges(lines)) {
      assert.strictEqual(challenge.scheme, challenge.scheme.toLowerCase())
    }
    for (const line of lines) parseAuthParams(line)
  })

  it.prop(
    "never throws on pieces of challenges",
    [FastCheck.array(
      FastCheck.constantFrom("Basic ", "Digest ", "realm", "=", "\"", "\\", ",", " ", "nonce=x", "a", "==", "/", "\t")
    )],
    ([pieces]) => {
      const challenges = parseChallenges([pieces.join("")])
      assert.isTrue(challenges.every(({ params, token68 }) => token68 === undefined || params.size === 0))
    },
    { fastCheck: { numRuns: 2000 } }
  )

  it.prop("reads back what was written", [challenges], ([written]) => {
    assert.deepStrictEqual(parseChallenges([written.map(render).join(", ")]).map(plain), written.map(plain))
    assert.deepStrictEqual(parseChallenges(written.map(render)).map(plain), written.map(plain))
  })
})

describe("TestURLProtectionSpace/test_challenge", () => {
  const basics = (line: string) =>
    parseChallenges([line]).filter(({ params, scheme }) => scheme === "basic" && params.has("realm")).map((challenge) =>
      Object.fromEntries(challenge.params)
    )

  it("TestURLProtectionSpace/test_challenge: answers hold for lists, quotes, case, and broken ends", () => {
    assert.deepStrictEqual(basics(""), [])
    assert.deepStrictEqual(answerable(parseChallenges(["maybe challenge, maybe not"])), [])
    assert.deepStrictEqual(basics(`Basic Realm="Test",charset="utf-8", other="be2e96"`), [
      { realm: "Test", charset: "utf-8", other: "be2e96" }
    ])
    assert.deepStrictEqual(
      basics(`Digest realm="Other", Basic, basic realm =    "First \\" realm", Basic realm="Second realm"`),
      [{ realm: "First \" realm" }, { realm: "Second realm" }]
    )
    assert.deepStrictEqual(basics(`not real, Basic realm="Second realm"`), [{ realm: "Second realm" }])
    assert.deepStrictEqual(basics(`Basic realm="Second realm"charset=`), [{ realm: "Second realm" }])
    assert.deepStrictEqual(basics(`Basic reALm = "Second realm",charset=`), [{ realm: "Second realm" }])
    assert.deepStrictEqual(basics(`Basic realm="Broken realm`), [])
    assert.deepStrictEqual(basics(`Basic charset="utf-8"`), [])
    assert.deepStrictEqual(basics(`Basic realm="Oh no,basic REALM="The other realm", param=""`), [
      { realm: "Oh no,basic REALM=" },
      { realm: "The other realm", param: "" }
    ])
  })
})

describe("Authentication-Info (RFC 9110 11.6.3)", () => {
  it("reads parameters in any case", () => {
    assert.deepStrictEqual(
      Object.fromEntries(parseAuthParams(`NextNonce="a b", qop=auth , ,nc = 00000001,rspauth="6629"`)),
      { nextnonce: "a b", qop: "auth", nc: "00000001", rspauth: "6629" }
    )
  })

  it("leaves out what is broken, and all of it where a parameter comes twice", () => {
    assert.deepStrictEqual(Object.fromEntries(parseAuthParams(`x, @=1, qop=auth, nextnonce="a`)), {})
    assert.deepStrictEqual(Object.fromEntries(parseAuthParams(`x, @=1, qop=auth`)), { qop: "auth" })
    assert.deepStrictEqual(Object.fromEntries(parseAuthParams(`nextnonce=a, NEXTNONCE=b`)), {})
    assert.deepStrictEqual(Object.fromEntries(parseAuthParams(`nextnonce="a\0"`)), {})
  })
})
