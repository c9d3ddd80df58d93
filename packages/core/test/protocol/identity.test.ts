// RFC 9525: which names a certificate is good for.
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { matches } from "../../src/internal/protocol/identity.ts"

const dns = (host: string, ...names: ReadonlyArray<string>) => matches(host, { dns: names, ip: [] })
const ip = (host: string, ...names: ReadonlyArray<string>) => matches(host, { dns: [], ip: names })

const label = FastCheck.stringMatching(/^[a-z][a-z0-9]{0,8}$/)

describe("server identity (RFC 9525)", () => {
  it("compares DNS names by label, without regard to case and to a final dot", () => {
    assert.isTrue(dns("www.example.com", "www.example.com"))
    assert.isTrue(dns("WWW.example.COM.", "www.EXAMPLE.com"))
    assert.isTrue(dns("www.example.com", "www.example.com."))
    assert.isTrue(dns("localhost", "other", "localhost"))
    assert.isTrue(dns("a_b.example.com", "a_b.example.com"))
    assert.isFalse(dns("example.com", "www.example.com"))
    assert.isFalse(dns("www.example.com", "example.com"))
    assert.isFalse(dns("www.example.com.evil", "www.example.com"))
    assert.isFalse(dns("www.example.com"))
  })

  it("lets a wildcard be the whole left-most label and stand for one label", () => {
    assert.isTrue(dns("www.example.com", "*.example.com"))
    assert.isTrue(dns("xn--bcher-kva.example.com", "*.example.com"))
    assert.isTrue(dns("WWW.Example.com.", "*.EXAMPLE.com."))
    assert.isFalse(dns("example.com", "*.example.com"))
    assert.isFalse(dns("a.b.example.com", "*.example.com"))
    assert.isFalse(dns("a.b.example.com", "a.*.example.com"))
    assert.isFalse(dns("a.b.example.com", "*.*.example.com"))
  })

  it("refuses partial wildcards, and those over a single label", () => {
    for (const name of ["w*.example.com", "*w.example.com", "w*w.example.com", "**.example.com", "*www.example.com"]) {
      assert.isFalse(dns("www.example.com", name), name)
    }
    assert.isFalse(dns("example.com", "*.com"))
    assert.isFalse(dns("com", "*"))
    assert.isFalse(dns("example.com", "*."))
    assert.isFalse(dns("a.localhost", "*.localhost"))
  })

  it("takes international names in A-label form", () => {
    assert.isTrue(dns("b\u00fccher.example", "xn--bcher-kva.example"))
    assert.isFalse(dns("b\u00fccher.example", "b\u00fccher.example"))
  })

  it("compares addresses by value, with iPAddress entries only", () => {
    assert.isTrue(ip("127.0.0.1", "10.0.0.1", "127.0.0.1"))
    assert.isTrue(ip("[2001:DB8::1]", "2001:db8:0:0:0:0:0:1"))
    assert.isTrue(ip("2001:db8::1", "2001:db8::0:1"))
    assert.isFalse(ip("127.0.0.1", "::ffff:127.0.0.1"))
    assert.isFalse(ip("www.example.com", "127.0.0.1"))
    assert.isFalse(dns("127.0.0.1", "127.0.0.1"))
    assert.isFalse(dns("[::1]", "::1", "[::1]"))
    assert.isFalse(dns("1.2.3.4", "*.2.3.4"))
    assert.isFalse(dns("127.1", "127.1"))
    assert.isFalse(dns("0x7f.1", "0x7f.1"))
    assert.isFalse(matches("127.0.0.1", { dns: ["127.0.0.1"], ip: ["not an address"] }))
  })

  it("refuses names that are none: empty labels, NUL, lengths", () => {
    assert.isFalse(dns("", ""))
    assert.isFalse(dns("www.example.com", "www.example.com\0.evil.com"))
    assert.isFalse(dns("www.example.com\0.evil.com", "www.example.com\0.evil.com"))
    assert.isFalse(dns("a..com", "a..com"))
    assert.isFalse(dns("-a.com", "-a.com"))
    assert.isFalse(dns(`${"a".repeat(64)}.com`, `${"a".repeat(64)}.com`))
    assert.isTrue(dns(`${"a".repeat(63)}.com`, `${"a".repeat(63)}.com`))
    const long = Array(130).fill("a").join(".")
    assert.isFalse(dns(long, long))
  })

  it.prop(
    "a wildcard matches exactly the names one label longer than its rest",
    [FastCheck.array(label, { minLength: 1, maxLength: 5 }), FastCheck.array(label, { minLength: 1, maxLength: 4 })],
    ([host, rest]) => {
      const expected = rest.length >= 2 && host.length === rest.length + 1 && host.slice(1).join() === rest.join()
      assert.strictEqual(dns(host.join("."), `*.${rest.join(".")}`), expected)
      assert.isTrue(rest.length < 2 || dns(["x", ...rest].join("."), `*.${rest.join(".")}`))
    }
  )

  it.prop(
    "never throws",
    [FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" })],
    ([host, name]) => {
      assert.isBoolean(matches(host, { dns: [name], ip: [name] }))
    }
  )
})
