// CFG-16, CFG-17: which URL goes through which proxy.
import { assert, describe, it } from "@effect/vitest"
import * as Proxy from "@urlsession/core/Proxy"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { covers } from "../../src/internal/protocol/proxySelection.ts"

const at = (host: string, port = 80, scheme = "http") => ({ scheme, host, port })

describe("what a pattern is about", () => {
  const cases: ReadonlyArray<readonly [pattern: string, host: string, covered: boolean, port?: number]> = [
    ["*", "a.test", true],
    ["example.com", "example.com", true],
    ["example.com", "www.example.com", true],
    ["example.com", "notexample.com", false],
    [".example.com", "example.com", true],
    ["*.example.com", "www.example.com", true],
    ["EXAMPLE.com.", "example.com", true],
    ["example.com", "example.com.", true],
    ["example.com:8080", "example.com", true, 8080],
    ["example.com:8080", "example.com", false, 80],
    ["127.0.0.1", "127.0.0.1", true],
    ["0.0.1", "127.0.0.1", false],
    ["10.0.0.0/8", "10.200.3.4", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["192.168.4.0/22", "192.168.7.255", true],
    ["192.168.4.0/22", "192.168.8.0", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["10.0.0.0/33", "10.0.0.1", false],
    ["10.0.0.0/8", "10.example.com", false],
    ["::1", "::1", true],
    ["[::1]:443", "::1", true, 443],
    ["[::1]:443", "::1", false, 80],
    ["fd00::/8", "fd12::1", true],
    ["fd00::/8", "fe80::1", false],
    ["", "a.test", false],
    [".", "a.test", false],
    ["/", "a.test", false]
  ]
  for (const [pattern, host, covered, port] of cases) {
    it(`${JSON.stringify(pattern)} ${covered ? "is" : "is not"} about ${host}${port === undefined ? "" : `:${port}`}`, () => {
      assert.strictEqual(covers(pattern, at(host, port)), covered)
    })
  }
})

const rules = (environment: Record<string, string>) => Either.getOrThrow(Proxy.fromEnvironment(environment))
const chosen = (environment: Record<string, string>, host: string, scheme = "http") => {
  const server = Proxy.select(rules(environment), at(host, scheme === "http" ? 80 : 443, scheme))
  return server === undefined ? undefined : Proxy.originOf(server)
}

describe("the environment (engine rule 17)", () => {
  it("each scheme has its variable, and all_proxy serves what has none", () => {
    const environment = { http_proxy: "http://one:3128", ALL_PROXY: "socks5h://two" }
    assert.strictEqual(chosen(environment, "a.test"), "http://one:3128")
    assert.strictEqual(chosen(environment, "a.test", "https"), "socks5://two:1080")
    assert.strictEqual(chosen({}, "a.test"), undefined)
  })

  it("lower case goes before upper case, and empty is not set", () => {
    assert.strictEqual(chosen({ https_proxy: "one:1", HTTPS_PROXY: "two:2" }, "a.test", "https"), "http://one:1")
    assert.strictEqual(chosen({ https_proxy: "", HTTPS_PROXY: "two:2" }, "a.test", "https"), "http://two:2")
  })

  it("HTTP_PROXY beside REQUEST_METHOD is a field of somebody's request (httpoxy)", () => {
    assert.strictEqual(chosen({ HTTP_PROXY: "evil:1" }, "a.test"), "http://evil:1")
    assert.strictEqual(chosen({ HTTP_PROXY: "evil:1", REQUEST_METHOD: "GET" }, "a.test"), undefined)
    assert.strictEqual(chosen({ http_proxy: "good:1", REQUEST_METHOD: "GET" }, "a.test"), "http://good:1")
  })

  it("no_proxy leaves out", () => {
    const environment = { all_proxy: "p:1", no_proxy: "localhost, .internal.test 10.0.0.0/8" }
    for (const host of ["localhost", "x.internal.test", "10.1.2.3"]) {
      assert.strictEqual(chosen(environment, host), undefined)
    }
    assert.strictEqual(chosen(environment, "a.test"), "http://p:1")
    assert.strictEqual(chosen({ all_proxy: "p:1", NO_PROXY: "*" }, "a.test"), undefined)
  })

  it("what names no proxy is an error that says which variable, and not the password in it", () => {
    for (
      const text of [
        "ftp://u:hush@p:1",
        "http://u:hush@p:1/path",
        "http://u:hush@",
        "http://u:hush%@p",
        "http://u:hush@p:99999"
      ]
    ) {
      const error = Either.getOrThrow(Either.flip(Proxy.fromEnvironment({ https_proxy: text })))
      assert.match(error.message, /https_proxy/)
      assert.notMatch(`${error} ${JSON.stringify(error)}`, /hush/)
    }
  })
})

describe("a proxy as a text", () => {
  const parsed = (text: string) => Either.getOrThrow(Proxy.fromUrl(text))

  it("scheme, host, port, and a credential that is percent-decoded", () => {
    const { credential, ...server } = parsed("https://a%40b:p%3Aw@Proxy.Example.com")
    assert.deepStrictEqual(server, { scheme: "https", host: "proxy.example.com", port: 443 })
    assert.strictEqual(credential?.user, "a@b")
    assert.strictEqual(credential === undefined ? "" : Redacted.value(credential.password), "p:w")
    assert.notMatch(JSON.stringify(credential), /p:w/)
  })

  it("defaults: http, and the port of the scheme", () => {
    assert.strictEqual(Proxy.originOf(parsed("p:3128")), "http://p:3128")
    assert.strictEqual(parsed("http://p").port, 80)
    assert.strictEqual(parsed("https://p:80").port, 80)
    assert.strictEqual(parsed("socks5://[::1]").port, 1080)
    assert.strictEqual(Proxy.originOf(parsed("socks5://[::1]")), "socks5://[::1]:1080")
  })
})
