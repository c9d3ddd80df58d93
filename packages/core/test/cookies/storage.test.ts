/** The storage by itself: keeping, finding, removing, bounds, policies, changes, and cookies.txt. */
import { assert, describe, it } from "@effect/vitest"
import { CookieControl } from "@urlsession/core/Capability"
import * as Cookie from "@urlsession/core/Cookie"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { today } from "./support.ts"

const shop = "https://www.shop.test/"
const made = (properties: Cookie.Properties): Cookie.Cookie =>
  Either.getOrThrowWith(Cookie.make(properties), (error) => error)
const cookie = (name: string, domain = ".swift.test", more: Partial<Cookie.Properties> = {}) =>
  made({ name, value: "1", domain, ...more })
const names = (cookies: ReadonlyArray<Cookie.Cookie>) => cookies.map((one) => one.name)
const atToday = TestClock.setTime(today)

describe("keeping and finding", () => {
  it.effect("an expired one is not kept, its like is replaced, another domain is another (COS-03, TestHTTPCookieStorage/test_BasicStorageAndRetrieval)", () =>
    Effect.gen(function*() {
      yield* atToday
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.set(cookie("old", ".swift.test", { expires: today - 1 }))
      assert.strictEqual(yield* storage.size, 0)
      yield* storage.set(cookie("a"))
      yield* storage.set(made({ name: "a", value: "2", domain: ".swift.test" }))
      yield* storage.set(cookie("a", ".example.test"))
      assert.deepStrictEqual((yield* storage.all).map((one) => [one.domain, one.value]), [["swift.test", "2"], [
        "example.test",
        "1"
      ]])
    }))

  it.effect("removes exactly that one (COS-04, TestHTTPCookieStorage/test_deleteCookie)", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      const [a, b] = [cookie("a"), cookie("b")]
      yield* storage.set(a)
      yield* storage.set(b)
      yield* storage.remove(a)
      yield* storage.remove(a)
      yield* storage.remove(cookie("b", ".other.test"))
      assert.deepStrictEqual(names(yield* storage.all), ["b"])
    }))

  it.effect("removes what was created after a time (COS-04, TestHTTPCookieStorage/test_removeCookies)", () =>
    Effect.gen(function*() {
      yield* atToday
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.setFromResponse(shop, ["a=1"])
      yield* TestClock.adjust("1 minute")
      yield* storage.setFromResponse(shop, ["b=1", "a=2"])
      yield* storage.removeSince(today + 1)
      assert.deepStrictEqual(names(yield* storage.all), ["a"])
      yield* storage.removeSince(new Date(0))
      assert.strictEqual(yield* storage.size, 0)
    }))

  it.effect("keeps what belongs to a URL, and gives it back (COS-03, COS-05, TestHTTPCookieStorage/test_cookiesForURL)", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.setAll([cookie("a"), cookie("b", ".other.test")], "https://swift.test")
      assert.deepStrictEqual(names(yield* storage.all), ["a"])
      assert.deepStrictEqual(names(yield* storage.cookies("https://swift.test")), ["a"])
      assert.deepStrictEqual(yield* storage.cookies("https://example.test"), [])
    }))

  it.effect("with a main document, its host and those above it (COS-02, TestHTTPCookieStorage/test_cookiesForURLWithMainDocumentURL)", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      assert.strictEqual(yield* storage.acceptPolicy, "onlyFromMainDocumentDomain")
      const mainDocumentUrl = "https://ci.swift.test"
      yield* storage.setAll([cookie("a")], "https://swift.test", { mainDocumentUrl })
      assert.strictEqual(yield* storage.size, 1)
      yield* storage.setAll([cookie("b", "dt.swift.test")], "https://dt.swift.test", { mainDocumentUrl })
      assert.strictEqual(yield* storage.size, 1)
      yield* storage.setAcceptPolicy("never")
      yield* storage.setAll([cookie("c")], "https://swift.test")
      const [refused] = yield* storage.setFromResponse("https://swift.test", ["c=1"])
      assert.deepStrictEqual(refused, { _tag: "Refused", name: "c", reason: "Policy" })
      yield* storage.setAcceptPolicy("always")
      yield* storage.setAll([cookie("b", "dt.swift.test")], "https://dt.swift.test", { mainDocumentUrl })
      assert.strictEqual(yield* storage.size, 2)
    }))

  it.effect("its size follows it (TestHTTPCookieStorage/test_descriptionCookie)", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      assert.strictEqual(yield* storage.size, 0)
      yield* storage.set(cookie("a"))
      assert.strictEqual(yield* storage.size, 1)
      yield* storage.removeAll
      assert.strictEqual(yield* storage.size, 0)
    }))

  it.effect("hosts match as a whole (COS-05, TestHTTPCookieStorage/test_cookieDomainMatching)", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.setAll([cookie("a", "swift.test")], "https://swift.test")
      yield* storage.setAll([cookie("b")], "https://www.swift.test")
      yield* storage.setAll([cookie("c", ".Swift.Test")], "https://SWIFT.test")
      const at = (host: string) => Effect.map(storage.cookies(`https://${host}/`), names)
      assert.deepStrictEqual(yield* at("swift.test"), ["a", "b", "c"])
      assert.deepStrictEqual(yield* at("www.swift.test"), ["b", "c"])
      assert.deepStrictEqual(yield* at("superswift.test"), [])
    }))

  it.effect("sorts by any order (COS-06, TestHTTPCookieStorage/test_sorting)", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      for (const [name, path] of [["a", "/1"], ["b", "/2"], ["c", "/1"]] as const) {
        yield* storage.set(cookie(name, ".swift.test", { path }))
      }
      const order = Order.combine(
        Order.mapInput(Order.string, (one: Cookie.Cookie) => one.path),
        Order.reverse(Order.mapInput(Order.string, (one: Cookie.Cookie) => one.name))
      )
      assert.deepStrictEqual(names(yield* storage.sorted(order)), ["c", "a", "b"])
    }))

  it.effect("one Layer is one storage for 64 fibers (TestHTTPCookieStorage/test_sharedCookieStorageAccessedFromMultipleThreads)", () =>
    Effect.gen(function*() {
      const all = yield* Effect.all(Array.from({ length: 64 }, () => CookieStorage.CookieStorage), {
        concurrency: "unbounded"
      })
      assert.strictEqual(new Set(all).size, 1)
    }).pipe(
      Effect.provide(CookieStorage.layerMemory),
      Effect.provideService(CookieControl, { name: "CookieControl", platform: "none" })
    ))

  it.effect("by URL and name", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.setFromResponse(`${shop}x/y`, ["a=1", "a=2; Path=/", "b=3"])
      assert.strictEqual(Option.getOrThrow(yield* storage.get(`${shop}x/z`, "a")).value, "1")
      assert.isTrue(Option.isNone(yield* storage.get(shop, "b")))
      yield* storage.removeFor(`${shop}x/z`, "a")
      assert.deepStrictEqual(names(yield* storage.all), ["b"])
      const error = yield* Effect.flip(storage.cookies("nowhere"))
      assert.strictEqual(error.reason._tag, "BadURL")
    }))

  it.effect("is kept for 400 days at most, and not a moment past its end (RFC 6265bis 5.5)", () =>
    Effect.gen(function*() {
      yield* atToday
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.setFromResponse(shop, ["a=1; Max-Age=99999999", "b=1; Expires=1 Jan 2038 0:0:0", "c=1; Max-Age=2"])
      const ends = (yield* storage.all).map((one) => one.expires)
      const longest = today + 400 * 24 * 60 * 60 * 1000
      assert.deepStrictEqual(ends, [longest, longest, today + 2000])
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(yield* storage.cookieHeader(shop), "a=1; b=1; c=1")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* storage.cookieHeader(shop), "a=1; b=1")
      assert.strictEqual(yield* storage.size, 2)
      yield* TestClock.setTime(longest)
      assert.strictEqual(yield* storage.cookieHeader(shop), undefined)
    }))

  it.effect("a clock that jumps back brings nothing back, and order stays that of creation", () =>
    Effect.gen(function*() {
      yield* atToday
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.setFromResponse(shop, ["a=1; Max-Age=5"])
      yield* TestClock.setTime(today + 6000)
      assert.strictEqual(yield* storage.cookieHeader(shop), undefined)
      yield* atToday
      assert.strictEqual(yield* storage.cookieHeader(shop), undefined)
    }))
})

describe("bounds (RFC 6265bis 5.7)", () => {
  it.effect("100,000 cookies of one host stay 180, the newest", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      for (let batch = 0; batch < 100; batch++) {
        yield* storage.setFromResponse(shop, Array.from({ length: 1000 }, (_, i) => `n${batch * 1000 + i}=1`))
      }
      assert.strictEqual(yield* storage.size, 180)
      const header = (yield* storage.cookieHeader(shop)) ?? ""
      assert.isTrue(header.startsWith("n99820=1;") && header.endsWith("n99999=1"))
    }), 60_000)

  it.effect("20,000 hosts stay 3,000 cookies at most", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      for (let i = 0; i < 20_000; i++) yield* storage.setFromResponse(`https://h${i}.test/`, ["a=1"])
      const size = yield* storage.size
      assert.isTrue(size <= 3000 && size > 2900, `${size}`)
      assert.strictEqual(yield* storage.cookieHeader("https://h19999.test/"), "a=1")
      assert.strictEqual(yield* storage.cookieHeader("https://h0.test/"), undefined)
    }), 60_000)

  it.effect("of a domain: expired, then those without Secure, then the unused ones first", () =>
    Effect.gen(function*() {
      yield* atToday
      const storage = yield* CookieStorage.makeMemory({ maximumCookiesPerDomain: 3 })
      yield* storage.setFromResponse(shop, ["a=1; Secure", "b=1; Max-Age=1", "c=1"])
      yield* TestClock.adjust("2 seconds")
      yield* storage.setFromResponse(shop, ["d=1; Secure"])
      assert.deepStrictEqual(names(yield* storage.all), ["a", "c", "d"])
      yield* storage.setFromResponse(shop, ["e=1; Secure"])
      assert.deepStrictEqual(names(yield* storage.all), ["a", "d", "e"])
      yield* storage.setFromResponse(`${shop}x/`, ["f=1; Secure"])
      assert.deepStrictEqual(names(yield* storage.all), ["d", "e", "f"])
      // `d` and `e` are used, `f` is not
      assert.strictEqual(yield* storage.cookieHeader(shop), "d=1; e=1")
      yield* storage.setFromResponse(shop, ["g=1; Secure"])
      assert.deepStrictEqual(names(yield* storage.all), ["d", "e", "g"])
    }))

  it.effect("in all: domains that have many give first", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory({ maximumCookies: 60 })
      yield* storage.setFromResponse("https://small.test/", ["old=1"])
      yield* storage.setFromResponse(shop, Array.from({ length: 59 }, (_, i) => `n${i}=1; Secure`))
      yield* storage.setFromResponse("https://new.test/", ["new=1"])
      assert.strictEqual(yield* storage.cookieHeader("https://small.test/"), "old=1")
      assert.strictEqual(yield* storage.cookieHeader("https://new.test/"), "new=1")
      assert.strictEqual(yield* storage.size, 60)
    }))
})

describe("changes (COS-08)", () => {
  it.scoped("of cookies and of the policy, real ones only", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      const changes = yield* storage.subscribe
      yield* storage.setFromResponse(shop, ["a=1", "b=2"])
      yield* storage.setFromResponse(shop, ["a=1"])
      yield* storage.setAcceptPolicy("onlyFromMainDocumentDomain")
      yield* storage.setAcceptPolicy("always")
      yield* storage.removeAll
      yield* storage.removeAll
      const seen = yield* Stream.runCollect(Stream.take(changes, 3))
      const shown = Array.from(seen, (change) =>
        change._tag === "CookiesChanged"
          ? [names(change.stored), names(change.removed)]
          : change._tag)
      assert.deepStrictEqual(shown, [[["a", "b"], []], "AcceptPolicyChanged", [[], ["a", "b"]]])
    }))
})

describe("cookies.txt", () => {
  const file = [
    "# Netscape HTTP Cookie File",
    "",
    ".shop.test\tTRUE\t/\tTRUE\t0\ta\t1",
    "#HttpOnly_www.shop.test\tFALSE\t/x\tFALSE\t1900000000\tb\t",
    "www.shop.test\tFALSE\t/\tFALSE\t1900000000\tc\t3\r",
    ""
  ].join("\n")

  it.effect("is read as curl writes it, and written as curl reads it", () =>
    Effect.gen(function*() {
      yield* atToday
      const storage = yield* CookieStorage.makeMemory()
      const { cookies, skipped } = yield* storage.importCookiesTxt(file)
      assert.deepStrictEqual(skipped, [])
      assert.deepStrictEqual(
        cookies.map((
          one
        ) => [one.name, one.value, one.domain, one.hostOnly, one.path, one.secure, one.httpOnly, one.expires]),
        [
          ["a", "1", "shop.test", false, "/", true, false, undefined],
          ["b", "", "www.shop.test", true, "/x", false, true, 1_900_000_000_000],
          ["c", "3", "www.shop.test", true, "/", false, false, 1_900_000_000_000]
        ]
      )
      assert.strictEqual(yield* storage.cookieHeader(`${shop}x`), "b=; a=1; c=3")
      const lines = (yield* storage.exportCookiesTxt).split("\n").filter((line) =>
        !line.startsWith("# ") && line !== ""
      )
      assert.deepStrictEqual(lines, [
        ".shop.test\tTRUE\t/\tTRUE\t0\ta\t1",
        "#HttpOnly_www.shop.test\tFALSE\t/x\tFALSE\t1900000000\tb\t",
        "www.shop.test\tFALSE\t/\tFALSE\t1900000000\tc\t3"
      ])
    }))

  it.effect("bad lines are skipped, and named by their numbers", () =>
    Effect.gen(function*() {
      yield* atToday
      const storage = yield* CookieStorage.makeMemory()
      const { cookies, skipped } = yield* storage.importCookiesTxt([
        "nonsense",
        ".co.uk\tTRUE\t/\tFALSE\t0\ta\t1",
        "x.test\tMAYBE\t/\tFALSE\t0\ta\t1",
        "x.test\tFALSE\t/\tFALSE\tsoon\ta\t1",
        "x.test\tFALSE\tnowhere\tFALSE\t0\ta\t1",
        "\tFALSE\t/\tFALSE\t0\ta\t1",
        "x.test\tFALSE\t/\tFALSE\t0\t__Host-a\t1",
        "x.test\tFALSE\t/\tFALSE\t0\ta\tb;c",
        "x.test\tFALSE\t/\tFALSE\t0\tgood\t1"
      ].join("\n"))
      assert.deepStrictEqual(names(cookies), ["good"])
      assert.deepStrictEqual(skipped, [1, 2, 3, 4, 5, 6, 7, 8])
    }))

  it.effect("what its columns cannot hold is left out", () =>
    Effect.gen(function*() {
      const storage = yield* CookieStorage.makeMemory()
      yield* storage.setFromResponse(shop, ["nameless", "a=b\tc", "d=1"])
      const text = yield* storage.exportCookiesTxt
      assert.isTrue(text.endsWith("\td\t1\n"))
      assert.notInclude(text, "nameless")
    }))

  it.effect.prop(
    "any text is read without a fault",
    [FastCheck.string({ unit: "binary", maxLength: 200 })],
    ([text]) =>
      Effect.gen(function*() {
        const storage = yield* CookieStorage.makeMemory()
        yield* storage.importCookiesTxt(text)
        yield* storage.importCookiesTxt(text.replace(/[,;]/g, "\t"))
      })
  )
})
