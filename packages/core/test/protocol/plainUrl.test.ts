import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { targetBehind } from "../../src/internal/protocol/plainUrl.ts"

const origin = "https://example.com:8443"

describe("a URL that parsing does not change", () => {
  for (const target of ["/", "/a", "/a/b.html", "/a//b", "/a.b/c.d", "/a?b=c&d=/e.f", "/@me/a:b;c=d,e(f)*!$+"]) {
    it(`${target} is taken as it is`, () => {
      assert.strictEqual(targetBehind(origin, `${origin}${target}`), target)
    })
  }

  for (
    const rest of [
      "",
      "?a",
      "0/a",
      "/a/../b",
      "/./a",
      "/.",
      "/..",
      "/%2e%2e/a",
      "/a b",
      "/a#b",
      "/a\\b",
      "/ä",
      "/a\n",
      "@b/c",
      ".org/a"
    ]
  ) {
    it(`${JSON.stringify(rest)} is left to a parser`, () => {
      assert.strictEqual(targetBehind(origin, `${origin}${rest}`), undefined)
    })
  }

  it("is left to a parser for another origin", () => {
    assert.strictEqual(targetBehind(origin, "https://example.com/a"), undefined)
  })

  it.prop(
    "is what the platform's parser makes of it",
    [FastCheck.stringMatching(/^[/?.a-zA-Z0-9_~\-!$&'()*+,;=:@%#\\ {}|^"<>\t\né]{0,12}$/)],
    ([rest]) => {
      const target = targetBehind(origin, `${origin}${rest}`)
      if (target === undefined) return
      const url = new URL(`${origin}${rest}`)
      assert.strictEqual(url.href, `${origin}${rest}`)
      assert.strictEqual(url.origin, origin)
      assert.strictEqual(`${url.pathname}${url.search}`, target)
      assert.strictEqual(`${url.username}${url.password}${url.hash}`, "")
    },
    { fastCheck: { numRuns: 5000 } }
  )
})
