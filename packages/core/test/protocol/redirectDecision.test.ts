// What a redirect means, by status, method and location.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import {
  decideRedirect,
  isBodyField,
  isSecretField,
  type RedirectInput
} from "../../src/internal/protocol/redirectDecision.ts"

const decide = (more: Partial<RedirectInput>) =>
  decideRedirect({
    status: 302,
    method: "GET",
    locations: ["/next"],
    currentUrl: "https://example.com/dir/page?q#frag",
    hops: 0,
    limit: 20,
    ...more
  })

const follow = (more: Partial<RedirectInput>) => {
  const decision = decide(more)
  if (decision._tag !== "Follow") throw new Error(`not followed: ${decision._tag}`)
  return decision
}

const target = (location: string, currentUrl = "https://example.com/dir/page?q#frag") =>
  follow({ locations: [location], currentUrl }).url

describe("redirects (RFC 9110 15.4)", () => {
  it("RED-01 follows 301, 302, 303, 307 and 308, and delivers every other status", () => {
    for (const status of [301, 302, 303, 307, 308]) assert.strictEqual(decide({ status })._tag, "Follow", `${status}`)
    for (const status of [300, 304, 305, 306, 309, 399, 200, 401]) {
      assert.strictEqual(decide({ status })._tag, "Deliver", `${status}`)
    }
  })

  it("RED-01 delivers a redirect without a Location", () => {
    assert.strictEqual(decide({ locations: [] })._tag, "Deliver")
    assert.strictEqual(decide({ locations: [" "] })._tag, "Deliver")
  })

  it("RED-02 turns POST into GET on 301 and 302, everything but HEAD into GET on 303, nothing on 307 and 308", () => {
    const table = [
      [301, "GET", "GET", false],
      [301, "HEAD", "HEAD", false],
      [301, "POST", "GET", true],
      [301, "PUT", "PUT", false],
      [302, "POST", "GET", true],
      [302, "DELETE", "DELETE", false],
      [303, "GET", "GET", true],
      [303, "HEAD", "HEAD", true],
      [303, "POST", "GET", true],
      [303, "PUT", "GET", true],
      [307, "POST", "POST", false],
      [308, "POST", "POST", false],
      [308, "HEAD", "HEAD", false]
    ] as const
    for (const [status, method, next, dropBody] of table) {
      const decision = follow({ status, method })
      assert.strictEqual(decision.method, next, `${status} ${method}`)
      assert.strictEqual(decision.dropBody, dropBody, `${status} ${method}`)
    }
  })

  it("RED-05 follows as many as the limit says and names the URL that was not followed", () => {
    assert.strictEqual(decide({ hops: 19 })._tag, "Follow")
    assert.deepStrictEqual(decide({ hops: 20 }), { _tag: "TooMany", limit: 20, url: "https://example.com/next#frag" })
    assert.strictEqual(decide({ limit: 0 })._tag, "TooMany")
    assert.strictEqual(decide({ hops: 20, status: 304 })._tag, "Deliver")
  })

  it("RED-08 resolves against the current URL, drops a default port, and keeps the fragment where there is no new one", () => {
    assert.strictEqual(target("/a"), "https://example.com/a#frag")
    assert.strictEqual(target("a/b"), "https://example.com/dir/a/b#frag")
    assert.strictEqual(target("../a?x"), "https://example.com/a?x#frag")
    assert.strictEqual(target("?x"), "https://example.com/dir/page?x#frag")
    assert.strictEqual(target("#new"), "https://example.com/dir/page?q#new")
    assert.strictEqual(target("/a#"), "https://example.com/a#")
    assert.strictEqual(target("//other.example/a"), "https://other.example/a#frag")
    assert.strictEqual(target("http://127.0.0.1:80/a", "http://127.0.0.1:80/"), "http://127.0.0.1/a")
    assert.strictEqual(target("/a%3Fb=c", "http://h/"), "http://h/a%3Fb=c")
    assert.strictEqual(target("  /a ", "http://h/"), "http://h/a")
  })

  it("RED-08 reads backslashes and blanks inside as browsers do", () => {
    assert.strictEqual(target("\\\\other.example\\a", "http://h/"), "http://other.example/a")
    assert.strictEqual(target("/\\other.example/a", "http://h/"), "http://other.example/a")
    assert.strictEqual(target("/a b?c d#e f", "http://h/"), "http://h/a%20b?c%20d#e%20f")
    assert.strictEqual(target(".", "http://h/x/y"), "http://h/x/")
    assert.strictEqual(target("http:a", "http://h/x/y"), "http://h/x/a")
    assert.isTrue(follow({ locations: ["/\\other.example/"] }).crossOrigin)
  })

  it("RED-08 keeps bytes above ASCII as they came", () => {
    assert.strictEqual(target("/caf\u00c3\u00a9", "http://h/"), "http://h/caf%C3%A9")
    assert.strictEqual(target("/caf\u00e9", "http://h/"), "http://h/caf%E9")
  })

  it("RED-09 tells another origin, a downgrade, and the scheme it leads to", () => {
    const same = follow({ locations: ["https://EXAMPLE.com:443/x"] })
    assert.isFalse(same.crossOrigin || same.downgrade)
    for (const location of ["https://www.example.com/", "https://example.com:8443/", "http://example.com/"]) {
      assert.isTrue(follow({ locations: [location] }).crossOrigin, location)
    }
    assert.isTrue(follow({ locations: ["http://example.com/"] }).downgrade)
    const upgrade = follow({ currentUrl: "http://example.com/", locations: ["https://example.com/"] })
    assert.isTrue(upgrade.crossOrigin)
    assert.isFalse(upgrade.downgrade)
    for (const location of ["file:///etc/passwd", "javascript:alert(1)", "data:,x", "ftp://example.com/"]) {
      const decision = follow({ locations: [location] })
      assert.strictEqual(`${decision.scheme}:`, new URL(location).protocol)
      assert.isTrue(decision.crossOrigin)
    }
  })

  it("refuses a location that is no URL, has control characters, or comes in two versions", () => {
    assert.deepStrictEqual(decide({ locations: ["http://["] }), { _tag: "BadLocation", location: "http://[" })
    assert.strictEqual(decide({ locations: ["http:///\0"] })._tag, "BadLocation")
    assert.strictEqual(decide({ locations: ["java\tscript:x"] })._tag, "BadLocation")
    assert.deepStrictEqual(decide({ locations: ["/a", "/b"] }), { _tag: "BadLocation", location: "/a, /b" })
    assert.strictEqual(decide({ locations: ["/a", " /a"] })._tag, "Follow")
  })

  it.prop(
    "never takes user info along",
    [
      FastCheck.constantFrom("http:", "https:", "HTTPS:", "", "ftp:", "foo:"),
      FastCheck.constantFrom("//", "/\\", "\\\\", "///"),
      FastCheck.string({
        unit: FastCheck.constantFrom("u", "p", ":", "@", "%", "4", "0", "\u00e9", "/", "?", "#", ".")
      })
    ],
    ([scheme, slashes, rest]) => {
      const decision = decide({ locations: [`${scheme}${slashes}user:pass@${rest}`] })
      if (decision._tag !== "Follow") return
      const url = new URL(decision.url)
      assert.strictEqual(url.username + url.password, "")
    }
  )

  it.prop("never throws, and a same-origin decision is right", [FastCheck.string({ unit: "binary" })], ([location]) => {
    const decision = decide({ locations: [location] })
    if (decision._tag === "Follow") {
      assert.strictEqual(decision.crossOrigin, new URL(decision.url).origin !== "https://example.com")
    }
  })

  it("knows the fields that belong to a body, and the secrets of an origin", () => {
    for (const name of ["content-type", "content-length", "content-digest", "last-modified", "expect"]) {
      assert.isTrue(isBodyField(name), name)
    }
    for (const name of ["accept", "authorization", "x-content-type"]) assert.isFalse(isBodyField(name), name)
    for (const name of ["authorization", "cookie", "proxy-authorization"]) assert.isTrue(isSecretField(name), name)
    assert.isFalse(isSecretField("accept"))
  })
})
