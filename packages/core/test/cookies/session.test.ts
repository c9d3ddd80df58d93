/** A session with cookies: what it sends, what it learns, hop by hop, and what it leaves alone. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Cookie from "@urlsession/core/Cookie"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { inspect } from "node:util"
import { api, requests, scripted } from "../session/support.ts"

const setting = (line: string, status = 200, more: Readonly<Record<string, string>> = {}) =>
  TestTransport.respond(status, { headers: [["set-cookie", line], ...Object.entries(more)] })

/** Sets `a=1` at the first request, and nothing later. */
const once = (line = "a=1; Path=/") => (request: TestTransport.ReceivedRequest) =>
  request.index === 0 ? setting(line) : TestTransport.respond(200)

const sent = Effect.map(requests, (all) => all.map((request) => request.header("cookie")))

const withStorage = Effect.provide(CookieStorage.layerMemory)

describe("a session with a storage", () => {
  it.scoped("learns and sends (CFG-20, CFG-24, TestURLSession/test_previouslySetCookiesAreSentInLaterRequests)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (let i = 0; i < 3; i++) yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "a=1", "a=1"])
      const storage = Option.getOrThrow(session.cookies)
      assert.strictEqual((yield* storage.all)[0]?.name, "a")
    }).pipe(withStorage, scripted(once())))

  it.scoped("keeps what belongs to the host (TestURLSession/test_cookiesStorage)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "a=1"])
    }).pipe(
      withStorage,
      scripted((request) =>
        request.index === 0
          ? TestTransport.respond(200, {
            headers: [["set-cookie", "a=1"], ["set-cookie", "b=2; Domain=other.test"]]
          })
          : TestTransport.respond(200)
      )
    ))

  it.scoped("without one there are no cookies (CFG-24)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, undefined])
      assert.isTrue(Option.isNone(session.cookies))
    }).pipe(scripted(once())))

  it.scoped("two sessions with storages of their own share nothing (TestURLSession/test_cookieStorageForEphemeralConfiguration)", () =>
    Effect.gen(function*() {
      const first = yield* UrlSession.make().pipe(Effect.provide(Layer.fresh(CookieStorage.layerMemory)))
      const second = yield* UrlSession.make().pipe(Effect.provide(Layer.fresh(CookieStorage.layerMemory)))
      yield* first.data(api)
      yield* second.data(api)
      yield* first.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, undefined, "a=1"])
    }).pipe(scripted(once())))

  it.scoped("two sessions with one storage share it", () =>
    Effect.gen(function*() {
      const first = yield* UrlSession.make()
      const second = yield* UrlSession.make()
      yield* first.data(api)
      yield* second.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "a=1"])
    }).pipe(withStorage, scripted(once())))

  it.scoped("httpShouldSetCookies off: learns, and sends the caller's own (CFG-20, TestURLSession/test_setCookieHeadersCanBeIgnored)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ httpShouldSetCookies: false }))
      yield* session.data(api)
      yield* session.data(api)
      yield* session.data(HttpClientRequest.get(api, { headers: { cookie: "mine=1" } }))
      assert.deepStrictEqual(yield* sent, [undefined, undefined, "mine=1"])
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 1)
    }).pipe(withStorage, scripted(once())))

  it.scoped("policy never: the response shows them, nothing is kept (CFG-21, TestURLSession/test_disableCookiesStorage)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ httpCookieAcceptPolicy: "never" }))
      const [, response] = yield* session.data(api)
      assert.deepStrictEqual(response.headers.getAll("set-cookie"), ["a=1; Path=/"])
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 0)
    }).pipe(withStorage, scripted(once())))

  it.scoped("policy onlyFromMainDocumentDomain: the document's host and those above it (CFG-21, COS-02)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const of = (url: string) =>
        session.data(url).pipe(RequestOptions.with({ mainDocumentUrl: "https://ci.api.test/" }))
      yield* of("https://dt.api.test/")
      yield* of("https://api.test/")
      yield* of("https://ci.api.test/")
      const kept = yield* Option.getOrThrow(session.cookies).all
      assert.deepStrictEqual(kept.map((cookie) => cookie.domain), ["api.test", "ci.api.test"])
    }).pipe(withStorage, scripted(() => setting("a=1"))))

  it.scoped("httpShouldHandleCookies off for a request: neither sends nor learns (COS-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const request = HttpClientRequest.get(api, { headers: { cookie: "mine=1" } })
      yield* session.data(request).pipe(RequestOptions.with({ httpShouldHandleCookies: false }))
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "mine=1", "a=0"])
    }).pipe(withStorage, scripted((request) => setting(`a=${request.index}`))))

  it.scoped("a field of the caller's gives way to the storage's, and stays where that has none (COS-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ httpAdditionalHeaders: { Cookie: "all=1" } }))
      const request = HttpClientRequest.get(api, { headers: { cookie: "mine=1" } })
      yield* session.data(request)
      yield* session.data(request)
      yield* session.data("https://other.test/")
      assert.deepStrictEqual(yield* sent, ["mine=1", "a=1", "all=1"])
    }).pipe(withStorage, scripted(once())))

  it.scoped("reset empties it (SES-11)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.reset
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, undefined])
    }).pipe(withStorage, scripted(once())))
})

describe("a storage of one's own", () => {
  it.scoped("is asked and told by the session (COS-07)", () =>
    Effect.gen(function*() {
      const memory = yield* CookieStorage.makeMemory()
      const told: Array<string> = []
      const own: CookieStorage.CookieStorageService = {
        ...memory,
        cookieHeader: (url) => Effect.succeed(`asked=${typeof url === "string" || url instanceof URL ? "" : url.host}`),
        setFromResponse: (_, lines) =>
          Effect.sync(() => {
            told.push(...lines)
            return []
          })
      }
      const session = yield* UrlSession.make().pipe(Effect.provideService(CookieStorage.CookieStorage, own))
      yield* session.data(api)
      assert.deepStrictEqual(told, ["a=1; Path=/"])
      assert.deepStrictEqual(yield* sent, ["asked=api.test"])
    }).pipe(scripted(once())))

  it.scoped("that fails ends the request with its error, and sends nothing", () =>
    Effect.gen(function*() {
      const memory = yield* CookieStorage.makeMemory()
      const own: CookieStorage.CookieStorageService = { ...memory, cookieHeader: () => memory.cookieHeader("nowhere") }
      const session = yield* UrlSession.make().pipe(Effect.provideService(CookieStorage.CookieStorage, own))
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.reason._tag, "BadURL")
      assert.strictEqual((yield* requests).length, 0)
    }).pipe(scripted(once())))
})

describe("what is learned from", () => {
  for (const status of [200, 204, 206, 304, 400, 401, 403, 404, 421, 500, 503]) {
    it.scoped(`a ${status} (COS-09)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* session.data(api)
        assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 1)
      }).pipe(withStorage, scripted(() => setting("a=1", status))))
  }

  it.scoped("no 1xx", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 0)
    }).pipe(
      withStorage,
      scripted(() => [
        ...TestTransport.informational(103, { "set-cookie": "a=1" }),
        ...TestTransport.respond(200)
      ])
    ))

  it.scoped("no proxy: 407 to plain http is its own", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("http://api.test/")
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 0)
      // inside a tunnel it is the origin's
      yield* session.data(api)
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 1)
    }).pipe(withStorage, scripted(() => setting("a=1", 407))))

  it.scoped("no trailers", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 0)
    }).pipe(
      withStorage,
      scripted(() => [...TestTransport.head(200), ...TestTransport.endWith({ "set-cookie": "a=1" })])
    ))

  it.scoped("no data URL, and no scheme of an interceptor", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("data:,hello")
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 0)
    }).pipe(withStorage, scripted(() => setting("a=1"))))

  it.scoped("what an interceptor answers in place of the network is not learned", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual(yield* Option.getOrThrow(session.cookies).size, 0)
      assert.strictEqual((yield* requests).length, 0)
    }).pipe(
      Effect.provide(
        Interceptor.layer(
          Interceptor.make((request) =>
            Effect.succeed(Interceptor.respond(request, { status: 200, headers: { "set-cookie": "a=1" } }))
          )
        )
      ),
      withStorage,
      scripted(() => TestTransport.respond(200))
    ))
})

describe("redirects", () => {
  it.scoped("cookies of the 3xx go along with the next request (RED-06, TestURLSession/test_redirectionWithSetCookies)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "a=1"])
    }).pipe(
      withStorage,
      scripted((request) =>
        request.index === 0 ? setting("a=1; Path=/b", 302, { location: "/b" }) : TestTransport.respond(200)
      )
    ))

  it.scoped("each hop has the cookies of its own URL, and none of the last (RED-06)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(`${api}x`)
      assert.deepStrictEqual(yield* sent, [undefined, undefined, "first=1", "first=1", "other=2", "first=1"])
    }).pipe(
      withStorage,
      scripted((request) => {
        const url = new URL(request.url)
        if (url.host === "other.test") return setting("other=2; Path=/", 302, { location: `${api}end` })
        return url.pathname === "/end"
          ? TestTransport.respond(200)
          : setting("first=1; Path=/", 302, { location: "https://other.test/" })
      })
    ))

  it.scoped("a Secure cookie does not go along to plain http", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "b=2"])
    }).pipe(
      withStorage,
      scripted((request) =>
        request.index === 0
          ? TestTransport.respond(302, {
            headers: [["set-cookie", "a=1; Secure"], ["set-cookie", "b=2"], ["location", "http://api.test/"]]
          })
          : TestTransport.respond(200)
      )
    ))

  it.scoped("one that leads out of the site and back comes from outside (RFC 6265bis 5.2)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(`${api}set`)
      const mine = RequestOptions.with({ siteForCookies: api })
      yield* session.data(`${api}inside`).pipe(mine)
      yield* session.data(`${api}out`).pipe(mine)
      // a new task begins anew
      yield* session.data(`${api}end`).pipe(mine)
      assert.deepStrictEqual(yield* sent, [undefined, "a=1", "a=1", "a=1", undefined, undefined, "a=1"])
    }).pipe(
      withStorage,
      scripted((request) => {
        if (request.url.endsWith("set")) return setting("a=1; Path=/; SameSite=Lax")
        if (request.url.endsWith("inside")) return TestTransport.redirect(302, "/end")
        if (request.url.endsWith("out")) return TestTransport.redirect(302, "https://other.test/")
        return request.url.endsWith("end") ? TestTransport.respond(200) : TestTransport.redirect(302, `${api}end`)
      })
    ))
})

describe("challenges", () => {
  it.scoped("the cookie of a 401 goes along with the answer (COS-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "a=1"])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.forSpace({ origin: "https://api.test" }, () =>
          Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "x" }))))
      })),
      withStorage,
      scripted((request) =>
        request.index === 0
          ? setting("a=1", 401, { "www-authenticate": "Basic realm=\"r\"" })
          : TestTransport.respond(200)
      )
    ))
})

describe("the decision log", () => {
  it.scoped("names what was sent, kept back, learned and refused, and why; never a value", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ logDecisions: true }))
      yield* session.data(api)
      const task = yield* session.dataTask(`${api}x/`)
      yield* task.data.pipe(RequestOptions.with({ siteForCookies: api }))
      const log = yield* task.decisions
      const decisions = log.map((entry) => entry.decision)
      assert.deepInclude(decisions, {
        _tag: "CookiesAttached",
        sent: ["a"],
        refused: [{ name: "b", why: "OtherPath" }]
      })
      assert.deepInclude(decisions, {
        _tag: "CookiesLearned",
        stored: ["a", "b"],
        refused: [
          { name: "__Host-c", why: "Prefix" },
          { name: "d", why: "OtherDomain" },
          { name: "e", why: "Expired" }
        ]
      })
      assert.notInclude(JSON.stringify(log), "hidden")
    }).pipe(
      withStorage,
      scripted(() =>
        TestTransport.respond(200, {
          headers: [
            "a=hidden; Path=/",
            "b=hidden; Path=/y",
            "__Host-c=hidden",
            "d=hidden; Domain=other.test",
            "e=hidden; Max-Age=0"
          ].map((line) => ["set-cookie", line] as const)
        })
      )
    ))
})

describe("bad input", () => {
  it.scoped("a main document that is no URL is BadURL, and nothing is sent", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* session.data(api).pipe(RequestOptions.with({ siteForCookies: "not a url" }), Effect.flip)
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.strictEqual(error.reason._tag, "BadURL")
      assert.strictEqual((yield* requests).length, 0)
    }).pipe(withStorage, scripted(once())))

  it.scoped("a transport that keeps cookies to itself is a defect that names both", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(UrlSession.make())
      const text = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "a session"
      assert.include(text, "CookieStorage")
      assert.include(text, "CookieControl")
    }).pipe(
      withStorage,
      Effect.provide(TestTransport.layer({ answer: once(), capabilities: ["RedirectControl"] }))
    ))

  it.scoped("a hundred bad lines harm neither the response nor the good one", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, "good=1"])
    }).pipe(
      withStorage,
      scripted((request) =>
        TestTransport.respond(200, {
          headers: request.index > 0
            ? []
            : Array.from(
              { length: 101 },
              (
                _,
                i
              ): readonly [string, string] => [
                "set-cookie",
                i === 50 ? "good=1" : `${";=,\t\"\x7f\u0101"[i % 7]}${"=;".repeat(i)}; Domain=other.test`
              ]
            )
        })
      )
    ))

  it.scoped("values show in no text of a cookie, a request or a change", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const cookies = yield* Option.getOrThrow(session.cookies).all
      assert.strictEqual(cookies[0]?.value, "hidden-secret")
      const texts = [JSON.stringify(cookies), String(cookies[0]), inspect(cookies, { depth: 9, showHidden: true })]
      for (const text of texts) assert.notInclude(text, "hidden-secret")
      const made = Cookie.make({ name: "a", value: "hidden-secret;", domain: "x.test" })
      assert.notInclude(String(Either.getOrThrowWith(Either.flip(made), () => new Error("it was made"))), "hidden")
    }).pipe(withStorage, scripted(once("a=hidden-secret"))))
})
