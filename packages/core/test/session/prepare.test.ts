import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { api, ok, requests, scripted, text } from "./support.ts"

const send = (request: SessionRequest.Input, options: SessionConfiguration.Options = {}) =>
  Effect.gen(function*() {
    const session = yield* UrlSession.make(SessionConfiguration.make(options))
    yield* session.data(request)
    const all = yield* requests
    const last = all[all.length - 1]
    if (last === undefined) throw new Error("nothing was sent")
    return last
  })

const refused = (request: SessionRequest.Input) =>
  Effect.gen(function*() {
    const session = yield* UrlSession.make()
    const error = yield* Effect.flip(session.data(request))
    assert.deepStrictEqual(yield* requests, [])
    assert.strictEqual(error._tag, "InvalidRequest")
    return error
  })

describe("fields of a request", () => {
  it.scoped("are sent, and a request that is changed later is another one (TestURLSession/test_verifyRequestHeaders)", () =>
    Effect.gen(function*() {
      const original = HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("X-Own", "1"))
      HttpClientRequest.setHeader(original, "x-own", "2")
      assert.strictEqual((yield* send(original)).header("x-own"), "1")
    }).pipe(scripted(() => ok())))

  it.scoped("win over configured ones, whatever their case (CFG-22, TestURLSession/test_verifyHttpAdditionalHeaders)", () =>
    Effect.gen(function*() {
      const request = yield* send(
        HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("ACCEPT-language", "fr")),
        {
          httpAdditionalHeaders: { "Accept-Language": "de", "X-Session": "all", "User-Agent": "test/1" }
        }
      )
      assert.strictEqual(request.header("accept-language"), "fr")
      assert.strictEqual(request.header("x-session"), "all")
      assert.strictEqual(request.header("user-agent"), "test/1")
    }).pipe(scripted(() => ok())))

  for (
    const name of [
      "Authorization",
      "Connection",
      "Content-Length",
      "Host",
      "Proxy-Authenticate",
      "Proxy-Authorization",
      "WWW-Authenticate"
    ]
  ) {
    it.effect(`a configuration with the reserved name ${name} is a defect that names it (CFG-22, REQ-03)`, () =>
      Effect.gen(function*() {
        const configuration = SessionConfiguration.make({ httpAdditionalHeaders: { [name]: "x" } })
        const exit = yield* Effect.exit(Effect.scoped(UrlSession.make(configuration)))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", name.toLowerCase())
      }).pipe(scripted(() => ok())))
  }

  const injections: ReadonlyArray<readonly [string, string]> = [
    ["CR LF", "a\r\nx-evil: 1"],
    ["LF", "a\nx-evil: 1"],
    ["CR", "a\rb"],
    ["NUL", "a\0b"],
    ["CR LF at the end", "a\r\n"],
    ["U+010D U+010A, which are CR LF when cut to bytes", "a\u010d\u010ax-evil: 1"],
    ["DEL", "a\x7fb"]
  ]
  for (const [name, value] of injections) {
    it.scoped(`a value with ${name} is refused (REQ-04, TestURLRequest/test_invalidHeaderValues, TestNSURLRequest/test_invalidHeaderValues)`, () =>
      Effect.gen(function*() {
        const error = yield* refused(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("x-a", value)))
        assert.strictEqual(error.reason._tag, "InvalidHeader")
        assert.notInclude(error.message, "evil")
      }).pipe(scripted(() => ok())))

    it.effect(`a configured value with ${name} is a defect`, () =>
      Effect.gen(function*() {
        const configuration = SessionConfiguration.make({ httpAdditionalHeaders: { "x-a": value } })
        const exit = yield* Effect.exit(Effect.scoped(UrlSession.make(configuration)))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      }).pipe(scripted(() => ok())))
  }

  for (const name of ["a b", "a:b", "a\r\nb", "", "ä", "a\u010a"]) {
    it.scoped(`the name ${JSON.stringify(name)} is refused`, () =>
      Effect.map(
        refused(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader(name, "x"))),
        (error) => assert.strictEqual(error.reason._tag, "InvalidHeader")
      ).pipe(scripted(() => ok())))
  }

  for (const name of ["Host", "Connection", "Transfer-Encoding", "Upgrade"]) {
    it.scoped(`${name} is the session's to write (REQ-03)`, () =>
      Effect.map(
        refused(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader(name, "x"))),
        (error) => assert.strictEqual(error.reason._tag, "InvalidHeader")
      ).pipe(scripted(() => ok())))
  }
})

describe("the body of a request", () => {
  it.scoped("POST gets a form's type when it has none, other methods do not (BOD-03)", () =>
    Effect.gen(function*() {
      const untyped = HttpBody.raw("a=1")
      const post = yield* send(HttpClientRequest.setBody(HttpClientRequest.post(api), untyped))
      assert.strictEqual(post.header("content-type"), "application/x-www-form-urlencoded")
      const put = yield* send(HttpClientRequest.setBody(HttpClientRequest.put(api), untyped))
      assert.strictEqual(put.header("content-type"), undefined)
      assert.strictEqual(text(put.body ?? new Uint8Array()), "a=1")
      const typed = yield* send(HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("{}", "application/json")))
      assert.strictEqual(typed.header("content-type"), "application/json")
    }).pipe(scripted(() => ok())))

  it.scoped("an empty one is none, for every method (BOD-05, TestURLSession/test_requestWithEmptyBody, TestURLSession/test_postWithEmptyBody)", () =>
    Effect.gen(function*() {
      for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE"] as const) {
        for (const body of [HttpBody.empty, HttpBody.raw(new Uint8Array(0)), HttpBody.raw("")]) {
          const request = yield* send(HttpClientRequest.setBody(HttpClientRequest.make(method)(api), body))
          assert.strictEqual(request.method, method)
          assert.strictEqual(request.body, undefined)
          assert.strictEqual(request.header("content-type"), undefined)
        }
      }
    }).pipe(scripted(() => ok())))

  it.scoped("GET with one is refused: GetWithBody, -1103 (BOD-04)", () =>
    Effect.gen(function*() {
      const error = yield* refused(HttpClientRequest.get(api).pipe(HttpClientRequest.bodyText("x")))
      assert.deepStrictEqual(error.reason, { _tag: "GetWithBody", method: "GET" })
      assert.strictEqual(error.code, -1103)
      assert.strictEqual(error.url, api)
    }).pipe(scripted(() => ok())))

  it.scoped("one of a kind that is not served is refused, and names the kind", () =>
    Effect.gen(function*() {
      const raw = yield* refused(HttpClientRequest.setBody(HttpClientRequest.post(api), HttpBody.raw({ a: 1 })))
      assert.strictEqual(raw.reason._tag, "UnsupportedBody")
    }).pipe(scripted(() => ok())))
})

describe("the URL of a request", () => {
  const bad = ["", "not a url", "/relative", "http://", "https://api.test:999999/", "http://a b/", "http://[::1"]
  for (const url of bad) {
    it.scoped(`${JSON.stringify(url)} is BadURL, -1000 (TestURLSession/test_taskError)`, () =>
      Effect.gen(function*() {
        const error = yield* refused(url)
        assert.strictEqual(error.reason._tag, "BadURL")
        assert.strictEqual(error.code, -1000)
        assert.strictEqual((yield* refused(HttpClientRequest.get(url))).reason._tag, "BadURL")
      }).pipe(scripted(() => ok())))
  }

  it.scoped("a literal IPv6 address is none of these (TestURLSession/test_downloadTaskWithIPv6URLRequest)", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* send("http://[::1]:8080/")).url, "http://[::1]:8080/")
    }).pipe(scripted(() => ok())))

  it.scoped("loses its user info before anything is sent, and no error shows it", () =>
    Effect.gen(function*() {
      const request = yield* send("https://ada:secret@api.test/a?b=1")
      assert.strictEqual(request.url, `${api}a?b=1`)
      assert.strictEqual(request.authorization, undefined)
      const error = yield* Effect.flip(Effect.flatMap(UrlSession.make(), (one) => one.data("https://ada:secret@a:b/")))
      assert.notInclude(error.message, "secret")
      assert.notInclude(JSON.stringify(error), "secret")
    }).pipe(scripted(() => ok())))

  it.scoped("takes the parameters and the hash of a platform request", () =>
    Effect.gen(function*() {
      const request = yield* send(
        HttpClientRequest.get(api, { urlParams: { q: "a b", r: "ü" } }).pipe(HttpClientRequest.setHash("part"))
      )
      assert.strictEqual(request.url, `${api}?q=a+b&r=%C3%BC#part`)
    }).pipe(scripted(() => ok())))

  it.scoped("a URL object is as good as a text", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* send(new URL("/b", api))).url, `${api}b`)
    }).pipe(scripted(() => ok())))
})

describe("a request as a value", () => {
  it("is a GET without fields when it is only a URL (REQ-01, TestURLRequest/test_construction, TestNSURLRequest/test_construction)", () => {
    const { request } = Either.getOrThrow(SessionRequest.prepare(api))
    assert.strictEqual(request.method, "GET")
    assert.deepStrictEqual(request.fields, [])
    assert.strictEqual(request.body, undefined)
  })

  it("knows fields in any case, and adding joins with a comma (REQ-02)", () => {
    const { fields } = Either.getOrThrow(SessionRequest.prepare(
      HttpClientRequest.get(api).pipe(
        HttpClientRequest.setHeaders({ "X-A": "1" }),
        HttpClientRequest.setHeader("x-a", "2")
      )
    )).request
    assert.deepStrictEqual(fields.map(({ name, value }) => [name, value]), [["x-a", "2"]])
  })

  it("gives a changed copy, and stays what it was (TestURLRequest/test_copy, TestURLRequest/test_mutableCopy_1, TestURLRequest/test_mutableCopy_2, TestNSURLRequest/test_copy, TestNSURLRequest/test_mutableCopy_1, TestNSURLRequest/test_mutableCopy_2)", () => {
    const original = HttpClientRequest.post(api).pipe(
      HttpClientRequest.setHeader("x-a", "1"),
      HttpClientRequest.bodyText("b")
    )
    const copy = original.pipe(HttpClientRequest.setUrl(`${api}b`), HttpClientRequest.setHeader("x-a", "2"))
    const a = Either.getOrThrow(SessionRequest.prepare(original)).request
    const b = Either.getOrThrow(SessionRequest.prepare(copy)).request
    assert.strictEqual(a.url.href, api)
    assert.strictEqual(b.url.href, `${api}b`)
    assert.strictEqual(a.fields.find((field) => field.name === "x-a")?.value, "1")
    assert.strictEqual(b.fields.find((field) => field.name === "x-a")?.value, "2")
    assert.deepStrictEqual(b.body, a.body)
  })

  it("refuses methods that are no tokens", () => {
    for (const method of ["", "GET ", "G\r\nET", "GÉT", "GET/1"]) {
      const made = SessionRequest.wire(method, api)
      assert.strictEqual(Either.isLeft(made) ? made.left.reason._tag : "made", "InvalidMethod", JSON.stringify(method))
    }
  })
})
