/** Redirects over a real connection, method by method: the table of another implementation's tests, and where ours differs. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Heard, peerServer } from "./peer-server.ts"
import { text, withSession } from "./support.ts"

type Method = "HEAD" | "GET" | "PUT" | "POST" | "DELETE"
const methods: ReadonlyArray<Method> = ["HEAD", "GET", "PUT", "POST", "DELETE"]

const data = (method: Method) => method === "HEAD" ? [] : ["DataReceived"]

/** Asks for a status that names `/json`, and tells what came back and what was heard. */
const redirected = (status: number, method: Method, body = "", handler: Layer.Layer<never> = Layer.empty) =>
  Effect.gen(function*() {
    const server = yield* peerServer
    const heard = new Heard()
    const request = HttpClientRequest.make(method)(`${server.origin}/${status}?location=/json`).pipe(
      HttpClientRequest.setBody(HttpBody.raw(body))
    )
    const [bytes, response] = yield* withSession(
      { delegate: Layer.merge(heard.layer, handler) },
      (session) => session.data(request)
    )
    assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
    return { server, heard, body: text(bytes), response }
  })

/** The request line that the last server saw, out of its own answer. */
const requestLine = (body: string): unknown => {
  const parsed: unknown = JSON.parse(body)
  return typeof parsed === "object" && parsed !== null && "request" in parsed ? parsed.request : undefined
}

const delivered: ReadonlyArray<readonly [status: number, row: string]> = [
  [300, "TestURLSession/test_httpRedirectionWithCode300"],
  [304, "TestURLSession/test_httpRedirectionWithCode304"],
  [305, "TestURLSession/test_httpRedirectionWithCode305_308"],
  [306, "TestURLSession/test_httpRedirectionWithCode305_308"]
]
describe("a status that is delivered", () => {
  for (const [status, row] of delivered) {
    for (const method of methods) {
      it.scopedLive(`${status} to ${method}: the response and its body, and no redirect (RED-01, ${row})`, () =>
        Effect.gen(function*() {
          const { body, heard, response, server } = yield* redirected(status, method)
          assert.strictEqual(response.status, status)
          const empty = method === "HEAD" || status === 304
          assert.strictEqual(body, empty ? "" : `Redirecting to ${method} /json`)
          assert.deepStrictEqual(heard.story, [
            "ResponseReceived",
            ...(empty ? [] : ["DataReceived"]),
            "TaskCompleted"
          ])
          assert.strictEqual(server.received.length, 1)
        }))
    }
  }
})

/** What the next request is made with. */
const after = (status: number, method: Method): Method => {
  if (status === 303) return method === "HEAD" ? "HEAD" : "GET"
  return status < 303 && method === "POST" ? "GET" : method
}
const followed: ReadonlyArray<readonly [status: number, row: string]> = [
  [301, "TestURLSession/test_httpRedirectionWithCode301_302"],
  [302, "TestURLSession/test_httpRedirectionWithCode301_302"],
  [303, "TestURLSession/test_httpRedirectionWithCode303"],
  [307, "TestURLSession/test_httpRedirectionWithCode305_308"],
  [308, "TestURLSession/test_httpRedirectionWithCode305_308"]
]
describe("a status that is followed", () => {
  for (const [status, row] of followed) {
    for (const method of methods) {
      const then = after(status, method)
      it.scopedLive(`${status} to ${method}: the redirect, then the response to ${then} (RED-01, RED-02, TDL-04, ${row})`, () =>
        Effect.gen(function*() {
          const { body, heard, response, server } = yield* redirected(status, method)
          assert.strictEqual(response.status, 200)
          assert.deepStrictEqual(heard.story, ["Redirected", "ResponseReceived", ...data(then), "TaskCompleted"])
          assert.deepInclude(heard.of("Redirected")[0], { status, to: `${server.origin}/json` })
          assert.deepStrictEqual(server.received.map((one) => one.method), [method, then])
          if (then === "HEAD") assert.strictEqual(body, "")
          else assert.strictEqual(requestLine(body), `${then} /json`)
        }))
    }
  }

  it.scopedLive("303 to POST with a body: GET without one (RED-02, TestURLSession/test_dataTaskWithHTTPBodyRedirect)", () =>
    Effect.gen(function*() {
      const { body, server } = yield* redirected(303, "POST", "foo=bar")
      assert.strictEqual(requestLine(body), "GET /json")
      const [first, second] = server.received
      assert.strictEqual(first?.body.toString(), "foo=bar")
      assert.strictEqual(second?.body.length, 0)
      assert.isUndefined(second?.headers["content-type"])
      assert.isUndefined(second?.headers["content-length"])
    }))

  for (const status of [307, 308]) {
    for (const method of ["PUT", "POST", "DELETE"] as const) {
      it.scopedLive(`${status} to ${method} with a body: with the same body again (RED-03, TestURLSession/test_httpRedirectionWithCode305_308)`, () =>
        Effect.gen(function*() {
          const { heard, server } = yield* redirected(status, method, "foo=bar")
          assert.deepStrictEqual(server.received.map((one) => [one.method, one.body.toString()]), [
            [method, "foo=bar"],
            [method, "foo=bar"]
          ])
          assert.deepStrictEqual(heard.story, [
            "BodyDataSent",
            "Redirected",
            "BodyDataSent",
            "ResponseReceived",
            "DataReceived",
            "TaskCompleted"
          ])
        }))
    }
  }
})

describe("a delegate that decides", () => {
  for (const method of methods) {
    it.scopedLive(`not to follow, for ${method}: asked first, then the 302 and its body, without an error (RED-07, TestURLSession/test_httpRedirectDontFollowUsingNil)`, () =>
      Effect.gen(function*() {
        const asked: Array<string> = []
        const refuse = RedirectHandler.layer((redirect) =>
          Effect.sync(() => {
            asked.push(`${redirect.status} ${redirect.request.method} ${redirect.request.url.target}`)
            return RedirectHandler.stop
          })
        )
        const server = yield* peerServer
        const heard = new Heard()
        const [bytes, response] = yield* withSession(
          { delegate: Layer.merge(heard.layer, refuse) },
          (session) => session.data(HttpClientRequest.make(method)(`${server.origin}/302?location=/json`))
        )
        assert.deepStrictEqual(asked, [`302 ${after(302, method)} /json`])
        const body = `Redirecting to ${method} /json`
        assert.strictEqual(response.status, 302)
        assert.strictEqual(response.expectedContentLength, body.length)
        assert.strictEqual(text(bytes), method === "HEAD" ? "" : body)
        assert.deepStrictEqual(heard.story, ["ResponseReceived", ...data(method), "TaskCompleted"])
        assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
      }))
  }

  it.scopedLive("is asked in every form of a call, also in those that collect the body (SES-16, TestURLSession/test_willPerformRedirect)", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const follow = RedirectHandler.layer((redirect) =>
        Effect.as(Effect.sync(() => asked.push(redirect.request.url.target)), RedirectHandler.follow)
      )
      const server = yield* peerServer
      yield* withSession({ delegate: follow }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`${server.origin}/302?location=/json`)
          yield* (yield* session.execute(`${server.origin}/302?location=/query`)).text
          const task = yield* session.dataTask(`${server.origin}/302?location=/headers`)
          yield* task.data
        }).pipe(Effect.scoped))
      assert.deepStrictEqual(asked, ["/json", "/query", "/headers"])
    }))
})

describe("where a redirect leads", () => {
  const ask = (location: string) =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const url = `${server.origin}/303?location=${encodeURIComponent(location)}`
      const [bytes, response] = yield* withSession({}, (session) => session.data(url))
      return { server, body: text(bytes), response }
    })

  it.scopedLive("a query behind a question mark that was escaped in the query before reaches the server (RED-08, TestURLSession/test_httpRedirectionWithEncodedQuery)", () =>
    Effect.gen(function*() {
      const { body, server } = yield* ask("query?param=foo")
      assert.strictEqual(body, "param=foo")
      assert.strictEqual(server.received[1]?.target, "/query?param=foo")
    }))

  for (
    const [location, row] of [
      ["/query?a", "TestURLSession/test_httpRedirectionWithCompleteRelativePath"],
      ["query?a", "TestURLSession/test_httpRedirectionWithInCompleteRelativePath"]
    ] as const
  ) {
    it.scopedLive(`${location}: at the same server (RED-08, ${row})`, () =>
      Effect.gen(function*() {
        const { response, server } = yield* ask(location)
        assert.strictEqual(response.url, `${server.origin}/query?a`)
      }))
  }

  it.scopedLive("the default port of the scheme is left out of the new URL (RED-08, TestURLSession/test_httpRedirectionWithDefaultPort)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const seen: Array<string> = []
      const stop = RedirectHandler.layer((redirect) =>
        Effect.as(Effect.sync(() => seen.push(redirect.request.url.href)), RedirectHandler.stop)
      )
      const location = encodeURIComponent("http://127.0.0.1:80/redirected-with-default-port")
      yield* withSession({ delegate: stop }, (session) => session.data(`${server.origin}/302?location=${location}`))
      assert.deepStrictEqual(seen, ["http://127.0.0.1/redirected-with-default-port"])
    }))

  for (const method of methods) {
    it.scopedLive(`twenty times is followed for ${method}, and the twenty-first fails with -1007 and its URL (RED-05, TestURLSession/test_httpRedirectionExceededMaxRedirects)`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        const heard = new Heard()
        const error = yield* withSession(
          { delegate: heard.layer },
          (session) => Effect.flip(session.data(HttpClientRequest.make(method)(`${server.origin}/chain?left=99`)))
        )
        assert.strictEqual(error.code, -1007)
        assert.deepStrictEqual(error.reason, {
          _tag: "TooManyRedirects",
          limit: 20,
          location: `${server.origin}/chain?…`
        })
        assert.deepStrictEqual(heard.story, ["Redirected", "TaskCompleted"])
        assert.strictEqual(heard.of("Redirected").length, 20)
        assert.deepStrictEqual(server.received.slice(-1).map((one) => one.target), ["/chain?left=79"])
        const [, response] = yield* withSession(
          {},
          (session) => session.data(HttpClientRequest.make(method)(`${server.origin}/chain?left=20`))
        )
        assert.strictEqual(response.status, 200)
      }))
  }
})
