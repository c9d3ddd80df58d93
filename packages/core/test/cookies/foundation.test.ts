/** Cookies as HTTPCookie has them: made from properties, read from response fields, written to request fields. */
import { assert, describe, it } from "@effect/vitest"
import * as Cookie from "@urlsession/core/Cookie"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"

const url = "https://www.shop.test/a/b"
const made = (properties: Cookie.Properties): Cookie.Cookie =>
  Either.getOrThrowWith(Cookie.make(properties), (error) => error)
const fault = (properties: Cookie.Properties): Cookie.InvalidCookie =>
  Either.getOrThrowWith(Either.flip(Cookie.make(properties)), () => new Error("it was made"))
const read = (...lines: ReadonlyArray<string>) =>
  Cookie.fromResponseFields(lines.map((line) => ["Set-Cookie", line] as const), url)
const [nothing] = read("")

describe("from properties", () => {
  it("name, value and a domain or the URL of origin (COO-01, TestHTTPCookie/test_BasicConstruction)", () => {
    const base = { name: "a", value: "1", path: "/" }
    assert.strictEqual(fault(base).property, "domain")
    assert.strictEqual(made({ ...base, domain: "shop.test" }).domain, "shop.test")
    assert.strictEqual(made({ ...base, originUrl: url }).domain, "www.shop.test")
    assert.strictEqual(made({ ...base, originUrl: url, domain: "other.test" }).domain, "other.test")
    const old = { ...base, domain: "shop.test", version: 0, maximumAge: 1000, createdAt: 5 } as const
    assert.strictEqual(made(old).expires, undefined)
    assert.strictEqual(made({ ...old, version: 1 }).expires, 1_000_005)
    const discarded = made({ ...base, domain: "shop.test", expires: new Date(9), discard: true })
    assert.isTrue(discarded.isSessionOnly)
    const described = made({
      ...base,
      domain: "shop.test",
      comment: "why",
      commentUrl: "https://x.test/",
      ports: [80, 443]
    })
    assert.strictEqual(described.comment, "why")
    assert.strictEqual(described.commentUrl, "https://x.test/")
    assert.deepStrictEqual(described.ports, [80, 443])
  })

  it("all properties (COO-02)", () => {
    const cookie = made({
      name: "a",
      value: "1",
      domain: ".Shop.TEST",
      path: "/x",
      secure: true,
      httpOnly: true,
      sameSite: "Lax",
      expires: 7,
      createdAt: 3,
      partitionKey: "https://x.test"
    })
    assert.strictEqual(cookie.version, 0)
    assert.strictEqual(cookie.name, "a")
    assert.strictEqual(cookie.value, "1")
    assert.strictEqual(cookie.domain, "shop.test")
    assert.isFalse(cookie.hostOnly)
    assert.strictEqual(cookie.path, "/x")
    assert.isTrue(cookie.secure)
    assert.isTrue(cookie.httpOnly)
    assert.strictEqual(cookie.sameSite, "Lax")
    assert.strictEqual(cookie.expires, 7)
    assert.isFalse(cookie.isSessionOnly)
    assert.strictEqual(cookie.createdAt, 3)
    assert.strictEqual(cookie.partitionKey, "https://x.test")
    assert.isTrue(Cookie.isCookie(cookie))
  })

  it("what no server could have set is InvalidCookie, which says what is wrong and not the value (COO-01)", () => {
    const base = { name: "a", value: "hidden", domain: "shop.test" }
    const wrong: ReadonlyArray<readonly [Partial<Cookie.Properties>, Cookie.InvalidCookie["property"]]> = [
      [{ name: "", value: "" }, "name"],
      [{ name: "a=b" }, "name"],
      [{ name: "a;b" }, "name"],
      [{ name: "a\r\nb" }, "name"],
      [{ name: " a" }, "name"],
      [{ name: "", value: "x=hidden" }, "name"],
      [{ value: "hidden; Secure" }, "value"],
      [{ value: "hidden\r\nX: 1" }, "value"],
      [{ value: "hidden " }, "value"],
      [{ value: "hidden".repeat(700) }, "value"],
      [{ path: "x" }, "path"],
      [{ path: "/;" }, "path"],
      [{ path: "/é" }, "path"],
      [{ path: `/${"x".repeat(1024)}` }, "path"],
      [{ domain: "" }, "domain"],
      [{ domain: "." }, "domain"],
      [{ domain: "a b" }, "domain"],
      [{ domain: "shop.test/x" }, "domain"],
      [{ domain: ".co.uk" }, "domain"],
      [{ domain: ".test" }, "domain"],
      [{ originUrl: "nowhere" }, "originUrl"],
      [{ name: "__Host-a" }, "prefix"],
      [{ name: "", value: "__Host-hidden" }, "prefix"],
      [{ sameSite: "None" }, "secure"],
      [{ partitionKey: "https://x.test" }, "secure"]
    ]
    for (const [change, property] of wrong) {
      const error = fault({ ...base, ...change })
      assert.strictEqual(error.property, property, JSON.stringify(change))
      assert.notInclude(error.message, "hidden")
    }
  })
})

describe("from response fields", () => {
  const first = (line: string): Cookie.Cookie => {
    const [cookie] = read(line)
    if (cookie === undefined) throw new Error("there was no cookie")
    return cookie
  }

  it("one (TestHTTPCookie/test_cookiesWithResponseHeader1cookie)", () => {
    const [cookie, more] = read("fr=anjd&232; Max-Age=7776000; path=/; domain=.shop.test; secure; httponly")
    assert.strictEqual(cookie?.name, "fr")
    assert.strictEqual(cookie?.value, "anjd&232")
    assert.strictEqual(more, undefined)
  })

  it("none (TestHTTPCookie/test_cookiesWithResponseHeader0cookies)", () => {
    assert.deepStrictEqual(Cookie.fromResponseFields([["content-type", "a=1"]], url), [])
    assert.deepStrictEqual(Cookie.fromResponseFields([["set-cookie", "a=1"]], "nowhere"), [])
    assert.strictEqual(nothing, undefined)
  })

  it("two in one line (COO-03, TestHTTPCookie/test_cookiesWithResponseHeader2cookies)", () => {
    const [one, two] = read("fr=a@#12; path=/; domain=.shop.test; secure,xd=plm!@#; path=/; domain=.x.test")
    assert.isTrue(one?.secure)
    assert.strictEqual(two?.name, "xd")
    assert.strictEqual(two?.value, "plm!@#")
    assert.isFalse(two?.secure)
  })

  it("without a domain, the host's alone; the date of its end (COO-03, TestHTTPCookie/test_cookiesWithResponseHeaderNoDomain)", () => {
    const cookie = first("a=1; expires=Wed, 21 Sep 2044 05:33:00 GMT; Path=/")
    assert.isTrue(cookie.hostOnly)
    assert.strictEqual(cookie.domain, "www.shop.test")
    assert.strictEqual(cookie.expires, Date.UTC(2044, 8, 21, 5, 33))
    assert.strictEqual(cookie.version, 0)
  })

  it("without a path, the root (COO-03, TestHTTPCookie/test_cookiesWithResponseHeaderNoPathNoDomain)", () => {
    assert.strictEqual(first("a=1").path, "/")
    assert.isTrue(first("a=1").hostOnly)
  })

  it("no pair, no cookie (TestHTTPCookie/test_cookiesWithResponseHeaderNoNameValue)", () => {
    assert.deepStrictEqual(read(";attr=v"), [])
  })

  it("no name, no cookie (TestHTTPCookie/test_cookiesWithResponseHeaderNoName, TestHTTPCookie/test_cookiesWithResponseHeaderEmptyName)", () => {
    assert.deepStrictEqual(read("=v;attr=v"), [])
    assert.deepStrictEqual(read("    =v;attr=v"), [])
  })

  it("no =, no cookie (TestHTTPCookie/test_cookiesWithResponseHeaderNoValue)", () => {
    assert.deepStrictEqual(read("name;attr=v"), [])
  })

  it("an attribute without a name is passed over (TestHTTPCookie/test_cookiesWithResponseHeaderAttributeWithoutNameIsIgnored)", () => {
    const cookie = first("a=1;Comment=c;=x;Secure;Path=/p")
    assert.strictEqual(cookie.comment, "c")
    assert.isTrue(cookie.secure)
    assert.strictEqual(cookie.path, "/p")
  })

  it("flags, and attributes that say nothing (TestHTTPCookie/test_cookiesWithResponseHeaderValuelessAttributes)", () => {
    const cookie = first("a=1;Secure;Comment;Discard;CommentURL;HttpOnly;Max-Age=9")
    assert.isTrue(cookie.secure)
    assert.isTrue(cookie.isSessionOnly)
    assert.isTrue(cookie.httpOnly)
    assert.strictEqual(cookie.comment, undefined)
    assert.strictEqual(cookie.commentUrl, undefined)
  })

  it("a flag with a value is one (TestHTTPCookie/test_cookiesWithResponseHeaderValuedAttributes)", () => {
    const cookie = first("a=1;Secure=1;HttpOnly=Yes")
    assert.isTrue(cookie.secure)
    assert.isTrue(cookie.httpOnly)
  })

  it("a path that is none is the root (TestHTTPCookie/test_cookiesWithResponseHeaderInvalidPath)", () => {
    assert.strictEqual(first("a=1; Path=p").path, "/")
  })

  it("only the first = divides (TestHTTPCookie/test_cookiesWithResponseHeaderWithEqualsInValue)", () => {
    assert.strictEqual(first("a=v1=v2=v3").value, "v1=v2=v3")
  })

  it("what follows a comma and is no cookie stays where it is (TestHTTPCookie/test_cookiesWithResponseHeaderSecondCookieInvalidToken)", () => {
    const [cookie, more] = read("n=v; Comment=real, tok@en=second; CommentURL=https://x.test/")
    assert.strictEqual(cookie?.comment, "real, tok@en=second")
    assert.strictEqual(cookie?.commentUrl, "https://x.test/")
    assert.strictEqual(more, undefined)
  })

  it("the comma of a date divides nothing (TestHTTPCookie/test_cookiesWithExpiresAsLastAttribute)", () => {
    const [one, two] = read("a=1; expires=Wed, 21 Sep 2044 05:33:00 GMT, b=2; Path=/")
    assert.strictEqual(one?.expires, Date.UTC(2044, 8, 21, 5, 33))
    assert.strictEqual(two?.name, "b")
  })

  it("blanks around names go (TestHTTPCookie/test_cookiesWithResponseHeaderTrimsNames)", () => {
    assert.strictEqual(first(" a =1;").name, "a")
    assert.strictEqual(first("\t a \t=1; Path =/p").path, "/p")
  })

  it("domains in lower case; an address is one (TestHTTPCookie/test_cookieDomainCanonicalization)", () => {
    assert.strictEqual(first("a=1; domain=SHOP.TEST").domain, "shop.test")
    assert.isFalse(first("a=1; domain=SHOP.TEST").hostOnly)
    const [own] = Cookie.fromResponseFields([["set-cookie", "a=1"]], "https://SHOP.test/")
    assert.strictEqual(own?.domain, "shop.test")
    assert.strictEqual(first("a=1; domain=1.2.3.4").domain, "1.2.3.4")
  })

  it("three forms of dates (COO-03, TestHTTPCookie/test_cookieExpiresDateFormats)", () => {
    const date = Date.UTC(2044, 8, 21, 5, 33)
    for (
      const text of [
        "Wed, 21 Sep 2044 05:33:00 GMT",
        "Wed Sep 21 05:33:00 2044",
        "Wednesday, 21-Sep-44 05:33:00 GMT"
      ]
    ) assert.strictEqual(first(`a=1; expires=${text}`).expires, date, text)
  })
})

describe("to request fields", () => {
  it("in their order, and none for none (COO-04, TestHTTPCookie/test_RequestHeaderFields)", () => {
    assert.deepStrictEqual(Cookie.toRequestFields([]), {})
    const two = [made({ name: "a", value: "1", domain: "x.test" }), made({ name: "b", value: "2", domain: "x.test" })]
    assert.deepStrictEqual(Cookie.toRequestFields(two), { Cookie: "a=1; b=2" })
  })
})

describe("as it is written down", () => {
  it("comes back equal, property by property", () => {
    const cookie = made({
      name: "a",
      value: "\xffé",
      domain: ".shop.test",
      secure: true,
      sameSite: "None",
      partitionKey: "https://x.test",
      expires: 99,
      createdAt: 4
    })
    const written = Schema.encodeSync(Cookie.Stored)(cookie)
    const again = Schema.decodeSync(Cookie.Stored)(written)
    assert.deepStrictEqual(Schema.encodeSync(Cookie.Stored)(again), written)
    assert.strictEqual(again.value, cookie.value)
    assert.isFalse(Equal.equals(again, cookie))
  })
})
