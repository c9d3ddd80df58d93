// What goes along on a redirect: the caller's Referer, and the requests that a handler puts in its place.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionRequest from "@urlsession/core/SessionRequest"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import type { WireRequest } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { api, inTurn, ok, requests, scripted } from "./support.ts"

const other = "https://other.test/"
const to = (location: string, headers: Readonly<Record<string, string>> = {}) =>
  inTurn(TestTransport.respond(302, { headers: { location, ...headers } }), ok())

const referers = Effect.map(requests, (all) => all.map((request) => request.header("referer")))

const page = `${api}page?token=1`
const from = (referer: string, url = api) =>
  HttpClientRequest.get(url).pipe(HttpClientRequest.setHeader("referer", referer))

describe("the caller's Referer", () => {
  const sent = (options: SessionConfiguration.Options = {}, request = from(page)) =>
    Effect.flatMap(UrlSession.make(SessionConfiguration.make(options)), (session) => session.data(request))

  it.scoped("goes along inside the origin, as it is", () =>
    Effect.gen(function*() {
      yield* sent()
      assert.deepStrictEqual(yield* referers, [page, page])
    }).pipe(scripted(to("/b"))))

  it.scoped("is only its origin for another one (RED-04)", () =>
    Effect.gen(function*() {
      yield* sent()
      assert.deepStrictEqual(yield* referers, [page, api])
    }).pipe(scripted(to(other))))

  it.scoped("never goes from https to plain http, whatever is set", () =>
    Effect.gen(function*() {
      yield* sent({ referrerPolicy: "unsafe-url", keepFieldsOnRedirect: true })
      assert.deepStrictEqual(yield* referers, [page, undefined])
    }).pipe(scripted(to("http://other.test/"))))

  it.scoped("follows the policy of the session, of the request before that", () =>
    Effect.gen(function*() {
      yield* sent({ referrerPolicy: "unsafe-url" })
      yield* sent({ referrerPolicy: "unsafe-url" }).pipe(RequestOptions.with({ referrerPolicy: "no-referrer" }))
      assert.deepStrictEqual(yield* referers, [page, page, page, undefined])
    }).pipe(scripted((request) => request.url === api ? TestTransport.redirect(302, other) : ok())))

  it.scoped("is held back where the server that redirects says so", () =>
    Effect.gen(function*() {
      yield* sent()
      assert.deepStrictEqual(yield* referers, [page, undefined])
    }).pipe(scripted(to("/b", { "referrer-policy": "no-referrer" }))))

  it.scoped("is never made up, and one that is no address stays inside the origin", () =>
    Effect.gen(function*() {
      yield* sent({}, HttpClientRequest.get(api))
      yield* sent({}, from("the front page"))
      assert.deepStrictEqual(yield* referers, [undefined, undefined, "the front page", undefined])
    }).pipe(scripted((request) => request.url === api ? TestTransport.redirect(302, other) : ok())))
})

describe("what a server says beside a redirect", () => {
  it.scoped("in Refresh is no redirect, and Location of a 200 or 201 is none either (RED-01)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (const status of [200, 201, 304]) {
        assert.strictEqual((yield* session.data(`${api}${status}`))[1].status, status)
      }
      assert.strictEqual((yield* requests).length, 3)
    }).pipe(scripted((request) =>
      TestTransport.respond(Number(request.url.slice(api.length)), {
        headers: { refresh: `0; url=${other}`, location: other }
      })
    )))
})

describe("a request in the place of a redirect's", () => {
  const secret = HttpClientRequest.get(api).pipe(
    HttpClientRequest.setHeaders({ authorization: "Bearer secret", "x-api-key": "secret" })
  )

  /** Follows the first redirect with what a function makes of the request that would be sent. */
  const following = (change: (request: WireRequest) => WireRequest) =>
    Effect.gen(function*() {
      const redirect = yield* RedirectHandler.make((one) =>
        Effect.succeed(RedirectHandler.followWith(change(one.request)))
      )
      const session = yield* UrlSession.make()
      return yield* session.data(secret).pipe(TaskDelegate.provide({ redirect }))
    })

  const bad: ReadonlyArray<readonly [string, (request: WireRequest) => WireRequest, reason: string]> = [
    ["a method that is none", (one) => ({ ...one, method: "G ET" }), "InvalidMethod"],
    ["a GET with a body", (one) => ({ ...one, body: { _tag: "Bytes", bytes: new Uint8Array(1) } }), "GetWithBody"],
    [
      "a value with a line break",
      (one) => ({ ...one, fields: [{ name: "x", value: "a\r\nevil: 1", bound: false }] }),
      "InvalidHeader"
    ],
    [
      "a field of the connection",
      (one) => ({ ...one, fields: [{ name: "Host", value: "x", bound: false }] }),
      "InvalidHeader"
    ],
    [
      "a length that is not the body's",
      (one) => ({ ...one, fields: [{ name: "content-length", value: "5", bound: false }] }),
      "InvalidHeader"
    ],
    ["a URL that is none", (one) => ({ ...one, url: { ...one.url, href: "https://[" } }), "BadURL"],
    [
      "a scheme that is not served",
      (one) => ({ ...one, url: { ...one.url, href: "file:///etc/passwd" } }),
      "UnsupportedURL"
    ]
  ]
  for (const [name, change, reason] of bad) {
    it.scoped(`is refused with ${name}, and nothing is sent (TDL-04)`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(following(change))
        assert.strictEqual(error.reason._tag, reason)
        assert.notInclude(error.message, "evil")
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(scripted(to("/b"))))
  }

  it.scoped("has fields in any case, which are sent in lower case", () =>
    Effect.gen(function*() {
      yield* following((one) => ({ ...one, fields: [{ name: "X-New", value: "1", bound: false }] }))
      assert.strictEqual((yield* requests)[1]?.header("x-new"), "1")
    }).pipe(scripted(to("/b"))))

  it.scoped("does not carry copied secrets to another origin, and does carry new ones (RED-04)", () =>
    Effect.gen(function*() {
      const elsewhere = Either.getOrThrow(SessionRequest.parseUrl(other)).url
      yield* following((one) => ({ ...one, url: elsewhere }))
      const copied = (yield* requests)[1]
      assert.strictEqual(copied?.url, other)
      assert.strictEqual(copied?.header("authorization"), undefined)
      assert.strictEqual(copied?.header("x-api-key"), undefined)
      const own = Either.getOrThrow(SessionRequest.wire("GET", other, { authorization: "Bearer other" }))
      yield* following(() => own)
      assert.strictEqual((yield* requests)[3]?.header("authorization"), "Bearer other")
    }).pipe(scripted((request) => request.url === api ? TestTransport.redirect(302, "/b") : ok())))
})
