import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { api, inTurn, ok, requests, scripted, settle, text } from "./support.ts"

const other = "https://other.test/"
const to = (status: number, location = "/b") => inTurn(TestTransport.redirect(status, location), ok())

const post = HttpClientRequest.post(api).pipe(
  HttpClientRequest.bodyText("the body", "text/plain"),
  HttpClientRequest.setHeaders({ "x-own": "1", "content-language": "en" })
)
const head = HttpClientRequest.head(api)

/** The second request that reached the transport. */
const second = Effect.map(requests, (all) => {
  const request = all[1]
  if (request === undefined) throw new Error("there was no second request")
  return request
})

describe("the method and the body", () => {
  for (const status of [301, 302]) {
    it.scoped(`${status}: POST becomes GET without its body, others stay (RED-01, RED-02, TestURLSession/test_httpRedirectionWithCode301_302)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const [bytes, response] = yield* session.data(post)
        assert.strictEqual(text(bytes), "hello")
        assert.strictEqual(response.url, `${api}b`)
        const request = yield* second
        assert.strictEqual(request.method, "GET")
        assert.strictEqual(request.body, undefined)
        assert.strictEqual(request.header("content-type"), undefined)
        assert.strictEqual(request.header("content-language"), undefined)
        assert.strictEqual(request.header("x-own"), "1")
      }).pipe(scripted(to(status))))

    it.scoped(`${status}: PUT is sent again with its body, HEAD stays HEAD (RED-02, RED-03)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* session.data(HttpClientRequest.put(api).pipe(HttpClientRequest.bodyText("the body")))
        assert.strictEqual((yield* second).method, "PUT")
        assert.strictEqual(text((yield* second).body ?? new Uint8Array()), "the body")
        yield* session.data(head)
        assert.deepStrictEqual((yield* requests).slice(2).map((request) => request.method), ["HEAD", "HEAD"])
      }).pipe(scripted((request) => request.url === api ? TestTransport.redirect(status, "/b") : ok())))
  }

  it.scoped("303: everything becomes GET, HEAD stays HEAD (RED-02, TestURLSession/test_dataTaskWithHTTPBodyRedirect)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const put = HttpClientRequest.put(api).pipe(HttpClientRequest.bodyText("the body"))
      for (const request of [post, put, head]) yield* session.data(request)
      const all = yield* requests
      assert.deepStrictEqual(all.map((request) => request.method), ["POST", "GET", "PUT", "GET", "HEAD", "HEAD"])
      assert.strictEqual(all[1]?.body, undefined)
      assert.strictEqual(all[3]?.body, undefined)
    }).pipe(scripted((request) => request.url === api ? TestTransport.redirect(303, "/b") : ok())))

  for (const status of [307, 308]) {
    it.scoped(`${status}: keeps the method and replays the body (RED-03, TDL-06, BOD-06)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* session.data(post)
        const request = yield* second
        assert.strictEqual(request.method, "POST")
        assert.strictEqual(text(request.body ?? new Uint8Array()), "the body")
        assert.strictEqual(request.header("content-type"), "text/plain")
      }).pipe(scripted(to(status))))
  }

  it.scoped("300, 304, 305 and 306 are delivered, and so is a redirect without Location (RED-01)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (const status of [300, 304, 305, 306, 399]) {
        assert.strictEqual((yield* session.data(`${api}${status}`))[1].status, status)
      }
      const [bytes, response] = yield* session.data(`${api}bare`)
      assert.strictEqual(response.status, 302)
      assert.strictEqual(text(bytes), "nowhere")
    }).pipe(scripted((request) =>
      request.url.endsWith("bare")
        ? TestTransport.respond(302, { body: "nowhere" })
        : TestTransport.redirect(Number(request.url.slice(api.length)), "/b")
    )))
})

describe("the new URL", () => {
  const cases: ReadonlyArray<readonly [string, from: string, location: string, to: string]> = [
    [
      "absolute path (TestURLSession/test_httpRedirectionWithCompleteRelativePath)",
      `${api}a/b`,
      "/c?d=1",
      `${api}c?d=1`
    ],
    ["relative path (TestURLSession/test_httpRedirectionWithInCompleteRelativePath)", `${api}a/b`, "c", `${api}a/c`],
    ["parent", `${api}a/b/c`, "../d", `${api}a/d`],
    ["query only", `${api}a`, "?x=1", `${api}a?x=1`],
    ["other scheme's authority", `${api}a`, "//other.test/b", `${other}b`],
    [
      "default port (TestURLSession/test_httpRedirectionWithDefaultPort)",
      `${api}a`,
      "https://api.test:443/b",
      `${api}b`
    ],
    [
      "encoded question mark (TestURLSession/test_httpRedirectionWithEncodedQuery)",
      `${api}a`,
      "/b%3Fx?y=%20",
      `${api}b%3Fx?y=%20`
    ],
    ["fragment of the first kept", `${api}a#part`, "/b", `${api}b#part`],
    ["its own fragment", `${api}a#part`, "/b#other", `${api}b#other`],
    ["blanks around it", `${api}a`, "  /b ", `${api}b`],
    ["user info taken out", `${api}a`, "https://eve:pw@api.test/b", `${api}b`]
  ]
  for (const [name, from, location, expected] of cases) {
    it.scoped(`${name} (RED-08)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const [, response] = yield* session.data(from)
        assert.strictEqual(response.url, expected)
        assert.strictEqual((yield* second).authorization, undefined)
      }).pipe(scripted(to(302, location))))
  }

  const bad: ReadonlyArray<readonly [string, string]> = [
    ["garbage", "https://[::1"],
    ["a port that is none", "https://api.test:99999/"],
    ["a host that is none", "https:///"]
  ]
  for (const [name, location] of bad) {
    it.scoped(`${name}: RedirectToNonExistentLocation, -1010 (RED-01)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const error = yield* Effect.flip(session.data(api))
        assert.strictEqual(error._tag, "RedirectError")
        assert.strictEqual(error.reason._tag, "RedirectToNonExistentLocation")
        assert.strictEqual(error.code, -1010)
        assert.strictEqual((yield* session.openResources).sockets, 0)
      }).pipe(scripted(to(302, location))))
  }

  it.scoped("several Location lines: the same is one, different ones are refused", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* session.data(`${api}same`))[1].url, `${api}b`)
      const error = yield* Effect.flip(session.data(`${api}different`))
      assert.strictEqual(error.reason._tag, "RedirectToNonExistentLocation")
    }).pipe(scripted((request) =>
      request.url.endsWith("b") ? ok() : TestTransport.respond(302, {
        headers: [["location", "/b"], ["location", request.url.endsWith("same") ? "/b" : "/c"]]
      })
    )))

  for (
    const location of [
      "file:///etc/passwd",
      "javascript:alert(1)",
      "data:text/plain,hi",
      "ftp://api.test/",
      "ws://api.test/"
    ]
  ) {
    it.scoped(`to ${location.slice(0, location.indexOf(":"))}: is UnsupportedURL, -1002 (RED-09)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make(
          SessionConfiguration.make({ schemes: ["http", "https", "data", "file", "ftp", "ws"] })
        )
        const error = yield* Effect.flip(session.data(api))
        assert.strictEqual(error._tag, "InvalidRequest")
        assert.strictEqual(error.reason._tag, "UnsupportedURL")
        assert.strictEqual(error.code, -1002)
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(scripted(to(302, location))))
  }
})

describe("the limit", () => {
  const loop = (request: TestTransport.ReceivedRequest) => TestTransport.redirect(302, `/${request.index + 1}?secret=1`)

  it.scoped("is 20, and the error names the URL that was not followed (RED-05, TestURLSession/test_httpRedirectionExceededMaxRedirects)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error._tag, "RedirectError")
      assert.strictEqual(error.code, -1007)
      assert.deepStrictEqual(error.reason, { _tag: "TooManyRedirects", limit: 20, location: `${api}21?…` })
      assert.strictEqual((yield* requests).length, 21)
    }).pipe(scripted(loop)))

  it.scoped("is a setting; 0 follows none (RED-05)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ redirectLimit: 0 }))
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.reason._tag, "TooManyRedirects")
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(scripted(loop)))

  it.scoped("ends a redirect to itself", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* Effect.flip(session.data(api))).reason._tag, "TooManyRedirects")
    }).pipe(scripted(() => TestTransport.redirect(302, api))))
})

describe("what is bound to the first origin", () => {
  const withSecrets = HttpClientRequest.get(api).pipe(
    HttpClientRequest.setHeaders({
      authorization: "Bearer secret",
      cookie: "a=secret",
      "x-api-key": "secret",
      "accept-language": "fr"
    })
  )

  for (const location of [other, "https://api.test:8443/", "http://api.test/"]) {
    it.scoped(`stays behind on a redirect to ${location} (RED-04)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make(
          SessionConfiguration.make({ httpAdditionalHeaders: { "x-session-key": "secret" } })
        )
        yield* session.data(withSecrets).pipe(RequestOptions.with({ publicFields: ["Accept-Language"] }))
        const [first, second] = yield* requests
        assert.strictEqual(first?.header("x-session-key"), "secret")
        for (const name of ["authorization", "cookie", "x-api-key", "x-session-key"]) {
          assert.strictEqual(second?.header(name), undefined, name)
        }
        assert.strictEqual(second?.header("accept-language"), "fr")
      }).pipe(scripted(to(302, location))))
  }

  it.scoped("goes along inside the origin (RED-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(withSecrets)
      assert.strictEqual((yield* second).header("authorization"), "Bearer secret")
      assert.strictEqual((yield* second).header("x-api-key"), "secret")
    }).pipe(scripted(to(302))))

  it.scoped("does not come back when a later redirect returns (RED-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(withSecrets)
      const [, , third] = yield* requests
      assert.strictEqual(third?.url, `${api}back`)
      assert.strictEqual(third?.header("authorization"), undefined)
      assert.strictEqual(third?.header("x-api-key"), undefined)
    }).pipe(scripted(inTurn(TestTransport.redirect(302, other), TestTransport.redirect(302, `${api}back`), ok()))))

  it.scoped("public names never cover secrets, and keepFieldsOnRedirect keeps all (RED-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(withSecrets).pipe(RequestOptions.with({ publicFields: ["authorization"] }))
      assert.strictEqual((yield* second).header("authorization"), undefined)
      yield* session.data(withSecrets).pipe(RequestOptions.with({ keepFieldsOnRedirect: true }))
      assert.strictEqual((yield* requests)[3]?.header("authorization"), "Bearer secret")
    }).pipe(scripted((request) => request.url === api ? TestTransport.redirect(302, other) : ok())))
})

describe("a RedirectHandler", () => {
  it.scoped("sees what would be sent (TDL-04, TestURLSession/test_willPerformRedirect)", () =>
    Effect.gen(function*() {
      const seen: Array<RedirectHandler.Redirect> = []
      const redirect = yield* RedirectHandler.make((one) =>
        Effect.as(Effect.sync(() => seen.push(one)), RedirectHandler.follow)
      )
      const session = yield* UrlSession.make()
      yield* session.data(post).pipe(TaskDelegate.provide({ redirect }))
      assert.strictEqual(seen.length, 1)
      assert.deepInclude(seen[0], { status: 302, from: api, hop: 1, crossOrigin: true })
      assert.strictEqual(seen[0]?.request.method, "GET")
      assert.strictEqual(seen[0]?.request.url.href, other)
      assert.deepStrictEqual(seen[0]?.request.fields.map((field) => field.name), ["user-agent", "accept"])
    }).pipe(scripted(to(302, other))))

  it.scoped("follows with another request, whose scheme is checked like any (TDL-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const instead = (url: string) =>
        RedirectHandler.make(() =>
          Effect.succeed(
            RedirectHandler.followWith(Either.getOrThrow(SessionRequest.wire("GET", url, { "x-new": "1" })))
          )
        )
      const [, response] = yield* session.data(api).pipe(TaskDelegate.provide({ redirect: yield* instead(`${api}c`) }))
      assert.strictEqual(response.url, `${api}c`)
      assert.strictEqual((yield* second).header("x-new"), "1")
      const error = yield* Effect.flip(
        session.data(api).pipe(TaskDelegate.provide({ redirect: yield* instead("data:,x") }))
      )
      assert.strictEqual(error.reason._tag, "UnsupportedURL")
    }).pipe(scripted((request) => request.url === api ? TestTransport.redirect(302, "/b") : ok())))

  it.scoped("that fails or dies ends the task with DelegateFailed", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (const broken of [Effect.fail("no"), Effect.die("no")]) {
        const redirect = yield* RedirectHandler.make(() => broken)
        const error = yield* Effect.flip(session.data(api).pipe(TaskDelegate.provide({ redirect })))
        assert.strictEqual(error._tag, "DelegateFailed")
        assert.deepStrictEqual(error.reason, { _tag: "HandlerFailed", slot: "RedirectHandler" })
      }
    }).pipe(scripted(() => TestTransport.redirect(302, "/b"))))

  it.scoped("that never answers keeps the task: nothing is sent, and interruption works (CON-04, TestURLSession/test_httpRedirectDontFollowIgnoringHandler)", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(UrlSession.make(), RedirectHandler.layer(() => Effect.never))
      const fiber = yield* Effect.fork(session.data(api))
      yield* settle
      assert.isNull(fiber.unsafePoll())
      assert.strictEqual((yield* requests).length, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* session.openResources).tasks, 0)
    }).pipe(scripted(() => TestTransport.redirect(302, "/b"))))

  it.scoped("sameOrigin follows inside the origin only, none never (RED-07)", () =>
    Effect.gen(function*() {
      const same = yield* Effect.provide(UrlSession.make(), RedirectHandler.sameOrigin)
      assert.strictEqual((yield* same.data(`${api}inside`))[1].status, 200)
      assert.strictEqual((yield* same.data(`${api}outside`))[1].status, 302)
      const none = yield* Effect.provide(UrlSession.make(), RedirectHandler.none)
      assert.strictEqual((yield* none.data(`${api}inside`))[1].status, 302)
    }).pipe(scripted((request) =>
      request.url.endsWith("inside")
        ? TestTransport.redirect(302, "/b")
        : request.url.endsWith("outside")
        ? TestTransport.redirect(302, other)
        : ok()
    )))
})

describe("timers and bodies over redirects", () => {
  it.scoped("each hop has the interval of the first (TestURLSession/test_httpRedirectionChainInheritsTimeoutInterval)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const fiber = yield* Effect.fork(
        Effect.flip(session.data(api).pipe(RequestOptions.with({ timeoutInterval: "2 seconds" })))
      )
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual((yield* requests).length, 4)
      assert.deepStrictEqual(error.reason, { _tag: "TimedOut", timer: "idle", after: 2000 })
    }).pipe(scripted((request) =>
      request.index === 3 ? TestTransport.hang : [
        ...TestTransport.delay("1500 millis"),
        ...TestTransport.redirect(302, `/${request.index}`)
      ]
    )))

  it.scoped("the body of the redirect is given up, that of the last response arrives whole, also through execute", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      const reading = yield* Effect.fork(response.text)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(reading), "late")
    }).pipe(scripted(inTurn(
      TestTransport.respond(302, { headers: { location: "/b" }, body: "moved" }),
      [
        ...TestTransport.head(200),
        ...TestTransport.delay("1 second"),
        ...TestTransport.bytes("late"),
        ...TestTransport.end
      ]
    ))))
})
