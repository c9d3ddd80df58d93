/** What the options mean together. */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { fileName, type Given, parseUser, type Pin, plan, separated } from "../../src/bin/options.ts"

const given: Given = {
  url: Option.none(),
  user: Option.none(),
  pin: [],
  ca: [],
  output: Option.none(),
  sha256: Option.none(),
  json: false
}

const pin: Pin = `sha256/${"A".repeat(43)}=`
const url = Option.some("https://example.com/a/b.iso")
const refusal = (fields: Partial<Given>): string | undefined =>
  Option.getOrUndefined(Either.getLeft(plan({ ...given, ...fields })))?.message

describe("options", () => {
  it("plans a download of a URL with all that was said", () => {
    const planned = Either.getOrThrow(plan({
      ...given,
      url,
      user: Option.some("ada"),
      pin: [pin],
      ca: ["root.pem"],
      output: Option.some("b.iso"),
      sha256: Option.some("AB".repeat(32))
    }))
    assert.strictEqual(planned?.url.href, "https://example.com/a/b.iso")
    assert.deepStrictEqual(planned?.user, { name: "ada", password: undefined })
    assert.deepStrictEqual(planned?.pins, [pin])
    assert.deepStrictEqual(planned?.ca, ["root.pem"])
    assert.strictEqual(planned?.output, "b.iso")
    assert.strictEqual(planned?.sha256, "ab".repeat(32))
  })

  it("has no plan without a URL, and refuses what would need one", () => {
    assert.isUndefined(Either.getOrThrow(plan(given)))
    assert.match(refusal({ pin: [pin] }) ?? "", /need a URL/)
    assert.match(refusal({ user: Option.some("ada") }) ?? "", /need a URL/)
  })

  it("refuses what is no http or https URL, and does not repeat it", () => {
    for (const word of ["ftp://example.com/", "file:///etc/passwd", "example.com", "javascript:1", "ada:secret@host"]) {
      const message = refusal({ url: Option.some(word) })
      assert.strictEqual(message, "the URL is not an absolute http or https URL", word)
    }
  })

  it("refuses a URL with a password, and does not repeat it", () => {
    const message = refusal({ url: Option.some("https://ada:secret@example.com/") })
    assert.match(message ?? "", /--user/)
    assert.notInclude(message ?? "", "secret")
  })

  it("takes an unknown option for what it is", () => {
    assert.match(refusal({ url: Option.some("--bogus") }) ?? "", /no option --bogus/)
  })

  it("refuses pins that are no SHA-256, and pins without TLS", () => {
    assert.match(refusal({ url, pin: [pin, "sha256/short"] }) ?? "", /a pin is/)
    assert.match(refusal({ url, pin: [`sha1/${"A".repeat(27)}=`] }) ?? "", /a pin is/)
    assert.match(refusal({ url: Option.some("http://example.com/"), pin: [pin] }) ?? "", /needs https/)
  })

  it("refuses a digest that is none, and a user without a name", () => {
    assert.match(refusal({ url, sha256: Option.some("abc") }) ?? "", /64/)
    assert.match(refusal({ url, user: Option.some("") }) ?? "", /needs a name/)
    assert.match(refusal({ url, user: Option.some(":secret") }) ?? "", /needs a name/)
  })

  it("splits name and password at the first colon, and hides the password", () => {
    const user = parseUser("ada:love:lace")
    assert.strictEqual(user.name, "ada")
    assert.strictEqual(user.password === undefined ? undefined : Redacted.value(user.password), "love:lace")
    assert.notInclude(JSON.stringify(user), "lace")
    const empty = parseUser("ada:")
    assert.strictEqual(empty.password === undefined ? undefined : Redacted.value(empty.password), "")
  })

  it("takes --name=value apart at the first equals sign, for its own options only", () => {
    assert.deepStrictEqual(separated([`--pin=${pin}`, "--json", "https://a/?--user=x", "--other=1"]), [
      "--pin",
      pin,
      "--json",
      "https://a/?--user=x",
      "--other=1"
    ])
    assert.deepStrictEqual(separated(["--", "--user=x"]), ["--", "--user=x"])
  })

  it("names a file by the last part of the path, and never a path", () => {
    const name = (path: string) => fileName(new URL(`https://example.com${path}`))
    assert.strictEqual(name("/a/b%20c.iso?d"), "b c.iso")
    assert.strictEqual(name("/"), "download")
    assert.strictEqual(name(""), "download")
    assert.strictEqual(name("/a/"), "download")
    assert.strictEqual(name("/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), "_.._etc_passwd")
    assert.strictEqual(name("/.bashrc"), "bashrc")
    assert.strictEqual(name("/%"), "%")
    assert.strictEqual(name("/a%00b%0a"), "a_b_")
    assert.isAtMost(name(`/${"x".repeat(1000)}`).length, 200)
  })
})
