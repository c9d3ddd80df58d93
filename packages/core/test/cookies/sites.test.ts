/** Cookies and sites: SameSite, partitions, secure ones that stay, scripts; and the storage asked by itself. */
import { assert, describe, it } from "@effect/vitest"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Effect from "effect/Effect"
import { type Case, exchange } from "./support.ts"

const shop = "https://www.shop.test"
const page = { mainDocumentUrl: `${shop}/` }
const elsewhere = { siteForCookies: "https://news.test/" }
const navigating = { ...elsewhere, isTopLevelNavigation: true }

const set = [
  "s=1; SameSite=Strict; Path=/",
  "l=1; SameSite=Lax; Path=/",
  "n=1; SameSite=None; Secure; Path=/",
  "d=1; Path=/",
  "u=1; SameSite=Sometimes; Path=/"
]
const everything = "s=1; l=1; n=1; d=1; u=1"

const all = (area: string, cases: ReadonlyArray<Case>) =>
  describe(area, () => {
    for (const one of cases) {
      it.effect(one.name, () => Effect.map(exchange(one), (sent) => assert.strictEqual(sent, one.sent)))
    }
  })

all("SameSite (RFC 6265bis 5.2, 5.7, 5.8)", [
  { name: "without a document all are sent", from: `${shop}/`, lines: set, sent: everything },
  { name: "in its own site", from: `${shop}/`, lines: set, asking: page, sent: everything },
  {
    name: "another host of the site",
    from: `${shop}/`,
    lines: set,
    asking: { siteForCookies: "https://shop.test/" },
    sent: everything
  },
  { name: "from another site, None alone", from: `${shop}/`, lines: set, asking: elsewhere, sent: "n=1" },
  {
    name: "a main document says the site too",
    from: `${shop}/`,
    lines: set,
    asking: { mainDocumentUrl: "https://news.test/" },
    sent: "n=1"
  },
  {
    name: "a user who comes from another site, all but Strict",
    from: `${shop}/`,
    lines: set,
    asking: navigating,
    sent: "l=1; n=1; d=1; u=1"
  },
  {
    name: "http and https are two sites",
    from: `${shop}/`,
    lines: set,
    asking: { siteForCookies: "http://www.shop.test/" },
    sent: "n=1"
  },
  {
    name: "neighbours under a public suffix are two",
    from: "https://a.github.io/",
    lines: set,
    asking: { siteForCookies: "https://b.github.io/" },
    sent: "n=1"
  },
  {
    name: "two addresses are two",
    from: "https://10.0.0.1/",
    lines: set,
    asking: { siteForCookies: "https://10.0.0.2/" },
    sent: "n=1"
  },
  {
    name: "ports are one",
    from: `${shop}/`,
    lines: set,
    asking: { siteForCookies: `${shop}:8443/` },
    sent: everything
  },
  {
    name: "a page without a site is another one",
    from: `${shop}/`,
    lines: set,
    asking: { siteForCookies: "about:blank" },
    sent: "n=1"
  },
  {
    name: "from another site only None is learned",
    from: `${shop}/`,
    lines: set,
    setting: elsewhere,
    asking: {},
    sent: "n=1"
  },
  {
    name: "a user who goes there learns all",
    from: `${shop}/`,
    lines: set,
    setting: navigating,
    asking: {},
    sent: everything
  },
  {
    name: "None needs Secure",
    from: `${shop}/`,
    lines: ["a=1; SameSite=None", "b=1; SameSite=nOnE; Secure"],
    sent: "b=1"
  },
  {
    name: "the last one counts",
    from: `${shop}/`,
    lines: "a=1; SameSite=None; SameSite=Lax",
    asking: elsewhere,
    sent: undefined
  },
  {
    name: "the last one counts, if it is none too",
    from: `${shop}/`,
    lines: "a=1; Secure; SameSite=None; SameSite=x",
    asking: elsewhere,
    sent: undefined
  },
  {
    name: "in any case",
    from: `${shop}/`,
    lines: ["a=1; samesite=STRICT", "b=1; SAMESITE=lax"],
    asking: navigating,
    sent: "b=1"
  },
  {
    name: "in any case, and an empty one is none",
    from: `${shop}/`,
    lines: "a=1; SameSite",
    asking: elsewhere,
    sent: undefined
  }
])

all("Partitioned (CHIPS, COO-05)", [
  { name: "its own page", from: `${shop}/`, lines: "p=1; Secure; Partitioned", sent: "p=1" },
  { name: "needs Secure", from: "http://www.shop.test/", lines: "p=1; Partitioned", sent: undefined },
  {
    name: "set in one site, not in another",
    from: `${shop}/`,
    lines: "p=1; Secure; SameSite=None; Partitioned",
    setting: elsewhere,
    asking: {},
    sent: undefined
  },
  {
    name: "set in one site, and asked there",
    from: `${shop}/`,
    lines: "p=1; Secure; SameSite=None; Partitioned",
    setting: elsewhere,
    sent: "p=1"
  },
  {
    name: "one site is one partition",
    from: `${shop}/`,
    lines: "p=1; Secure; Partitioned",
    asking: { mainDocumentUrl: "https://x.shop.test" },
    sent: "p=1"
  },
  {
    name: "a partition that is said",
    from: `${shop}/`,
    lines: "p=1; Secure; Partitioned",
    setting: { cookiePartitionKey: "https://a.test" },
    asking: { cookiePartitionKey: "https://b.test" },
    sent: undefined
  },
  { name: "beside one without", from: `${shop}/`, lines: ["p=1; Secure; Partitioned", "p=2; Secure"], sent: "p=1; p=2" }
])

/** What the storage sends to a URL after these. */
const storing = (
  ...responses: ReadonlyArray<readonly [url: string, line: string, context?: CookieStorage.CookieContext]>
) =>
  Effect.gen(function*() {
    const storage = yield* CookieStorage.makeMemory()
    for (const [url, line, context] of responses) yield* storage.setFromResponse(url, [line], context)
    return storage
  })

describe("secure cookies stay (RFC 6265bis 5.7, step 16)", () => {
  const cases: ReadonlyArray<
    readonly [string, first: string, second: readonly [url: string, line: string], string | undefined]
  > = [
    ["the same", "a=1; Secure", ["http://www.shop.test/", "a=2"], "a=1"],
    ["an end is refused too", "a=1; Secure", ["http://www.shop.test/", "a=; Max-Age=0"], "a=1"],
    ["over https it goes", "a=1; Secure", ["https://www.shop.test/", "a=2"], "a=2"],
    ["without Secure it goes", "a=1", ["http://www.shop.test/", "a=2"], "a=2"],
    ["of the domain above", "a=1; Secure; Domain=shop.test", ["http://www.shop.test/", "a=2"], "a=1"],
    ["of a domain below", "a=1; Secure", ["http://shop.test/", "a=2; Domain=shop.test"], "a=1"],
    ["another name", "a=1; Secure", ["http://www.shop.test/", "b=2"], "a=1; b=2"],
    ["a path above it may be overlaid", "a=1; Secure; Path=/x", ["http://www.shop.test/", "a=2; Path=/"], "a=1; a=2"],
    ["a path below it may not", "a=1; Secure; Path=/x", ["http://www.shop.test/", "a=2; Path=/x/y"], "a=1"]
  ]
  for (const [name, first, [url, line], expected] of cases) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const storage = yield* storing([`${shop}/`, first], [url, line])
        assert.strictEqual(yield* storage.cookieHeader(`${shop}/x/y/z`), expected)
      }))
  }

  it.effect("one that has expired is in nobody's way", () =>
    Effect.gen(function*() {
      const storage = yield* storing(
        [`${shop}/`, "a=1; Secure; Max-Age=1"],
        [`${shop}/`, "a=1; Secure; Max-Age=0"],
        ["http://www.shop.test/", "a=2"]
      )
      assert.strictEqual(yield* storage.cookieHeader(`${shop}/`), "a=2")
    }))
})

describe("what plays the part of a script (HttpOnly)", () => {
  const script = { isHttpApi: false }

  it.effect("neither sees, nor sets, nor overwrites HttpOnly", () =>
    Effect.gen(function*() {
      const storage = yield* storing([`${shop}/`, "a=1; HttpOnly"], [`${shop}/`, "b=1"])
      assert.strictEqual(yield* storage.cookieHeader(`${shop}/`, script), "b=1")
      const [own, over, free] = yield* storage.setFromResponse(`${shop}/`, ["c=1; HttpOnly", "a=2", "b=2"], script)
      assert.deepStrictEqual(own, { _tag: "Refused", name: "c", reason: "HttpOnly" })
      assert.deepStrictEqual(over, { _tag: "Refused", name: "a", reason: "HttpOnly" })
      assert.strictEqual(free?._tag, "Stored")
      assert.strictEqual(yield* storage.cookieHeader(`${shop}/`), "a=1; b=2")
    }))

  it.effect("a server takes HttpOnly away, and gives it, with the same value", () =>
    Effect.gen(function*() {
      const storage = yield* storing([`${shop}/`, "a=1; HttpOnly"], [`${shop}/`, "a=1"])
      assert.strictEqual(yield* storage.cookieHeader(`${shop}/`, script), "a=1")
      yield* storage.setFromResponse(`${shop}/`, ["a=1; HttpOnly"])
      assert.strictEqual(yield* storage.cookieHeader(`${shop}/`, script), undefined)
    }))

  it.effect("never gets what follows a link to another site", () =>
    Effect.gen(function*() {
      const storage = yield* storing([`${shop}/`, "a=1; SameSite=Lax"])
      const context = { ...navigating, isHttpApi: false }
      assert.strictEqual(yield* storage.cookieHeader(`${shop}/`, context), undefined)
    }))
})

describe("what is said of a refused line", () => {
  it.effect("its name alone, fit for a log", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      const lines = ["secret", "=secret", "a\nb\x1b=secret\n", `${"n".repeat(5000)}=secret`]
      const received = yield* storage.setFromResponse("https://shop.test/", lines.map((line) => `${line}; Domain=com`))
      assert.notInclude(JSON.stringify(received), "secret")
      const names = received.map((one) => one._tag === "Refused" ? one.name : "kept")
      assert.deepStrictEqual(names, ["", "", "a?b?", "n".repeat(128)])
    }))
})

describe("methods", () => {
  it.effect("Lax goes along with safe ones only", () =>
    Effect.gen(function*() {
      const storage = yield* storing([`${shop}/`, "a=1"])
      const sent = (method: string) => storage.cookieHeader(`${shop}/`, { ...navigating, method })
      for (const method of ["GET", "HEAD", "OPTIONS"]) assert.strictEqual(yield* sent(method), "a=1")
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "get"]) assert.strictEqual(yield* sent(method), undefined)
    }))

  it.effect("a request that was led out of its site and back comes from outside", () =>
    Effect.gen(function*() {
      const storage = yield* storing([`${shop}/`, "a=1"], [`${shop}/`, "b=1; SameSite=None; Secure"])
      assert.strictEqual(yield* storage.cookieHeader(`${shop}/`, { ...page, hasLeftSite: true }), "b=1")
    }))
})
