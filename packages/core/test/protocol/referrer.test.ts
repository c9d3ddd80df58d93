// What a Referer becomes on the way (W3C Referrer Policy), and what languages and networks a request may name.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { acceptLanguage } from "../../src/internal/protocol/languages.ts"
import {
  namedPolicy,
  redirectedReferrer,
  referrerFor,
  type ReferrerPolicy
} from "../../src/internal/protocol/referrer.ts"
import { networkAccess, priorityOf, resourceLimit } from "../../src/internal/protocol/requestPolicy.ts"

const page = "https://ada:pw@a.test/page?q=1#part"
const full = "https://a.test/page?q=1"
const origin = "https://a.test/"
const same = "https://a.test/next"
const other = "https://b.test/"
const plain = "http://b.test/"

const policies: ReadonlyArray<ReferrerPolicy> = [
  "no-referrer",
  "no-referrer-when-downgrade",
  "same-origin",
  "origin",
  "strict-origin",
  "origin-when-cross-origin",
  "strict-origin-when-cross-origin",
  "unsafe-url"
]

describe("a referrer under its policy", () => {
  const table: Readonly<Record<ReferrerPolicy, readonly [string | undefined, string | undefined]>> = {
    "no-referrer": [undefined, undefined],
    "no-referrer-when-downgrade": [full, full],
    "same-origin": [full, undefined],
    "origin": [origin, origin],
    "strict-origin": [origin, origin],
    "origin-when-cross-origin": [full, origin],
    "strict-origin-when-cross-origin": [full, origin],
    "unsafe-url": [full, full]
  }
  for (const policy of policies) {
    it(`${policy}: inside the origin, to another one, and never from https to http`, () => {
      const [inside, outside] = table[policy]
      assert.strictEqual(referrerFor(page, same, policy), inside)
      assert.strictEqual(referrerFor(page, other, policy), outside)
      assert.isUndefined(referrerFor(page, plain, policy))
      assert.isUndefined(referrerFor(page, "http://a.test/", policy))
    })
  }

  it("of plain http may go anywhere", () => {
    assert.strictEqual(referrerFor("http://a.test/x", plain, "strict-origin-when-cross-origin"), "http://a.test/")
    assert.strictEqual(referrerFor("http://a.test/x", other, "strict-origin-when-cross-origin"), "http://a.test/")
  })

  it("that is no web address, or too long, is not told", () => {
    for (const bad of ["", "page", "about:blank", "data:,x", "file:///etc/passwd", "https://["]) {
      assert.isUndefined(referrerFor(bad, same, "unsafe-url"), bad)
    }
    assert.strictEqual(referrerFor(`${origin}${"x".repeat(5000)}`, other, "unsafe-url"), origin)
  })

  it.prop(
    "never has user info or a fragment, nor https over http",
    [FastCheck.constantFrom(...policies), FastCheck.webUrl({ withFragments: true }), FastCheck.webUrl()],
    ([policy, from, to]) => {
      const told = referrerFor(from.replace("://", "://u:p@"), to, policy)
      if (told === undefined) return
      const url = new URL(told)
      assert.strictEqual(url.username + url.password + url.hash, "")
      assert.isFalse(url.protocol === "https:" && to.startsWith("http:"))
    }
  )
})

describe("the policy of a response", () => {
  it("is the last one that is known", () => {
    assert.strictEqual(namedPolicy(["origin, no-referrer"]), "no-referrer")
    assert.strictEqual(namedPolicy(["No-Referrer", "made-up"]), "no-referrer")
    assert.isUndefined(namedPolicy([]))
    assert.isUndefined(namedPolicy(["made-up", ""]))
  })

  const redirected = (said: ReadonlyArray<string>, target = other) =>
    redirectedReferrer({
      referrer: full,
      target,
      crossOrigin: target !== same,
      policy: "strict-origin-when-cross-origin",
      said
    })

  it("holds back more than ours, and tells no more", () => {
    assert.strictEqual(redirected(["unsafe-url"]), origin)
    assert.isUndefined(redirected(["no-referrer"]))
    assert.isUndefined(redirected(["no-referrer"], same))
    assert.strictEqual(redirected([], same), full)
    assert.strictEqual(redirected(["origin"], same), origin)
  })
})

describe("Accept-Language (RFC 9110 12.5.4)", () => {
  it("weighs languages by their order", () => {
    assert.strictEqual(acceptLanguage(["de-AT", "de", "en"]), "de-AT, de;q=0.9, en;q=0.8")
    assert.strictEqual(acceptLanguage(["de", "de"]), "de")
    assert.strictEqual(acceptLanguage(["fr", "*"]), "fr, *;q=0.9")
    assert.isUndefined(acceptLanguage([]))
  })

  it("leaves out what is no language, and all but six", () => {
    assert.strictEqual(acceptLanguage(["", "d e", "x\r\ny", "en;q=1", "toolongforalanguage", "en"]), "en")
    assert.lengthOf((acceptLanguage(["a", "b", "c", "d", "e", "f", "g"]) ?? "").split(","), 6)
  })
})

describe("of two policies the more restrictive one holds (CFG-31)", () => {
  it("for networks", () => {
    const session = { allowsCellularAccess: false, allowsExpensiveNetworkAccess: true }
    const request = { allowsCellularAccess: true, allowsExpensiveNetworkAccess: false }
    assert.deepStrictEqual(networkAccess(session, request), { cellular: false, expensive: false, constrained: true })
  })

  it("for the time of a whole task", () => {
    assert.strictEqual(resourceLimit(1000, 500), 500)
    assert.strictEqual(resourceLimit(1000, 5000), 1000)
    assert.strictEqual(resourceLimit(1000, undefined), 1000)
    assert.strictEqual(resourceLimit(1000, -1), 0)
  })

  it("and what is waited for comes before what is not", () => {
    assert.isBelow(priorityOf("background"), priorityOf("default"))
    assert.isBelow(priorityOf("default"), priorityOf("video"))
    assert.isBelow(priorityOf("video"), priorityOf("responsiveData"))
  })
})
