/** HAR 1.2 of a session: its shape to the letter, secrets, bodies, bounds, and that its sums add up. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Har from "@urlsession/core/Har"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import type * as HarFormat from "har-format"
import { timingsOf } from "../../src/internal/har/entry.ts"
import { layer as inflating } from "../session/codings.ts"
import { api, inTurn, ok, scripted } from "../session/support.ts"
import { leaked } from "../watch/secrets.ts"

/** What is written is what the format's own types say; the one thing they lack is that arrays are never undefined. */
export const asHar = (document: Har.HarDocument): HarFormat.Har => document

// the specification's own list of fields, nothing beside them but what begins with an underscore
const text = Schema.String
const count = Schema.Int.pipe(Schema.greaterThanOrEqualTo(-1))
const phase = Schema.Finite.pipe(Schema.filter((value) => value === -1 || value >= 0))
const known = Schema.Finite.pipe(Schema.nonNegative())
const pairs = Schema.Array(Schema.Struct({ name: text, value: text }))
const cookies = Schema.Array(Schema.Struct({
  name: text,
  value: text,
  path: Schema.optional(text),
  domain: Schema.optional(text),
  httpOnly: Schema.optional(Schema.Boolean),
  secure: Schema.optional(Schema.Boolean)
}))
const strict = Schema.Struct({
  log: Schema.Struct({
    version: Schema.Literal("1.2"),
    creator: Schema.Struct({ name: text, version: text }),
    pages: Schema.Tuple(),
    entries: Schema.Array(Schema.Struct({
      startedDateTime: text.pipe(Schema.pattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)),
      time: known,
      request: Schema.Struct({
        method: text,
        url: text,
        httpVersion: text,
        cookies,
        headers: pairs,
        queryString: pairs,
        postData: Schema.optional(Schema.Struct({ mimeType: text, text })),
        headersSize: count,
        bodySize: count
      }),
      response: Schema.Struct({
        status: count,
        statusText: text,
        httpVersion: text,
        cookies,
        headers: pairs,
        content: Schema.Struct({
          size: count,
          compression: Schema.optional(Schema.Int),
          mimeType: text,
          text: Schema.optional(text),
          encoding: Schema.optional(Schema.Literal("base64"))
        }),
        redirectURL: text,
        headersSize: count,
        bodySize: count
      }),
      cache: Schema.Struct({}),
      timings: Schema.Struct({
        blocked: phase,
        dns: phase,
        connect: phase,
        send: known,
        wait: known,
        receive: known,
        ssl: phase
      }),
      serverIPAddress: Schema.optional(text),
      connection: Schema.optional(text),
      comment: Schema.optional(text)
    }))
  })
})

const withoutOwn = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutOwn)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !name.startsWith("_")).map(([name, one]) => [name, withoutOwn(one)])
  )
}

const check = (document: Har.HarDocument): void => {
  assert.strictEqual(asHar(document).log.version, "1.2")
  const parsed: unknown = JSON.parse(Har.encode(document))
  Schema.decodeUnknownSync(strict, { onExcessProperty: "error" })(withoutOwn(parsed))
  for (const { time, timings } of document.log.entries) {
    const phases = [timings.blocked, timings.dns, timings.connect, timings.send, timings.wait, timings.receive]
    const sum = phases.reduce((all, one) => all + Math.max(0, one), 0)
    assert.approximately(time, sum, 0.01)
  }
}

const collected = (
  program: (session: UrlSession.Service) => Effect.Effect<unknown, unknown>,
  options: Har.Options = {},
  configuration = SessionConfiguration.default
) =>
  Effect.gen(function*() {
    yield* Effect.scoped(Effect.flatMap(UrlSession.make(configuration), (session) => Effect.exit(program(session))))
    const document = yield* (yield* Har.Har).document
    check(document)
    return document.log.entries
  }).pipe(Effect.provide(Har.layer(options)))

describe("a HAR document", () => {
  it.effect("has an entry for each attempt, without secrets and without bodies", () =>
    Effect.gen(function*() {
      const entries = yield* collected((session) =>
        session.data(
          HttpClientRequest.post(`${api}form?page=2&access_token=s3cret`).pipe(
            HttpClientRequest.bodyText("password=s3cret", "application/x-www-form-urlencoded"),
            HttpClientRequest.setHeaders({ authorization: "Bearer s3cret", "x-own": "s3cret", accept: "text/html" })
          )
        )
      )
      assert.deepStrictEqual(entries.map(({ request, response }) => [request.method, request.url, response.status]), [
        ["POST", `${api}form?page=2&access_token=<redacted>`, 303],
        ["GET", `${api}done`, 200]
      ])
      assert.deepInclude(entries[0]?.request.headers ?? [], { name: "authorization", value: "Bearer <redacted>" })
      assert.deepInclude(entries[0]?.request.headers ?? [], { name: "accept", value: "text/html" })
      assert.strictEqual(entries[0]?.response.redirectURL, "/done")
      assert.deepStrictEqual(entries[0]?.response.cookies, [
        { name: "sid", value: "<redacted>", path: "/", httpOnly: true, secure: false }
      ])
      assert.strictEqual(entries[0]?.request.bodySize, 15)
      assert.notInclude(JSON.stringify(entries), "s3cret")
      assert.notProperty(entries[0]?.request, "postData")
      assert.notProperty(entries[1]?.response.content, "text")
    }).pipe(scripted(inTurn(
      TestTransport.respond(303, { headers: { location: "/done", "set-cookie": "sid=s3cret; Path=/; HttpOnly" } }),
      ok()
    ))))

  it.effect("has bodies where they are asked for: of requests without what names itself secret, of responses decoded", () =>
    Effect.gen(function*() {
      const [entry] = yield* collected((session) =>
        session.data(
          HttpClientRequest.post(api).pipe(
            HttpClientRequest.bodyText("user=ada&password=s3cret", "application/x-www-form-urlencoded")
          )
        ), { bodies: true })
      assert.strictEqual(entry?.request.postData?.text, "user=ada&password=<redacted>")
      assert.deepInclude(entry?.response.content ?? {}, { size: 4000, text: "x".repeat(4000) })
      assert.strictEqual(entry?.response.bodySize, coded.length)
    }).pipe(
      Effect.provide(inflating),
      scripted(() => TestTransport.respond(200, { headers: { "content-encoding": "gzip" }, body: coded }))
    ))

  it.effect("keeps no body beyond its bounds, and no entry beyond the number", () =>
    Effect.gen(function*() {
      const entries = yield* collected(
        (session) => Effect.forEach(["a", "b", "c"], (path) => session.data(`${api}${path}`)),
        { bodies: true, maximumBodyBytes: 4, maximumEntries: 2 }
      )
      assert.deepStrictEqual(entries.map(({ request, response }) => [request.url, response.content.size]), [
        [`${api}b`, 5],
        [`${api}c`, 5]
      ])
      for (const { response } of entries) assert.notProperty(response.content, "text")
    }).pipe(scripted(() => ok())))

  it.effect("shows secrets to whoever asks for them", () =>
    Effect.gen(function*() {
      const [entry] = yield* collected(
        (session) =>
          session.data(
            HttpClientRequest.get(`${api}?token=t`).pipe(HttpClientRequest.setHeader("authorization", "Bearer s"))
          ),
        { showSecrets: true }
      )
      assert.strictEqual(entry?.request.url, `${api}?token=t`)
      assert.deepInclude(entry?.request.headers ?? [], { name: "authorization", value: "Bearer s" })
      assert.isNotEmpty(leaked())
    }).pipe(scripted(() => ok())))

  it.effect("tells of exchanges that failed, with status 0 and why", () =>
    Effect.gen(function*() {
      const [entry] = yield* collected((session) => session.data(api))
      assert.strictEqual(entry?.response.status, 0)
      assert.strictEqual(entry?._error, "ConnectionError/CannotConnectToHost")
    }).pipe(scripted(() => TestTransport.fail(refused))))

  it.effect("has what was decided as its comments, where that is kept", () =>
    Effect.gen(function*() {
      const entries = yield* collected(
        (session) => session.data(api),
        {},
        SessionConfiguration.make({ logDecisions: true })
      )
      assert.match(entries[0]?.comment ?? "", /^attempt: GET/)
      assert.match(entries[1]?.comment ?? "", /^redirect: 302 to https:\/\/api\.test\/next: Follow\nattempt: GET/)
    }).pipe(scripted(inTurn(TestTransport.redirect(302, "/next"), ok()))))

  it.scoped("can be made of metrics alone, and forgets what it is told to", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(`${api}?token=s3cret`)
      const document = Har.fromMetrics(yield* response.metrics)
      check(document)
      assert.deepInclude(document.log.entries[0]?.request ?? {}, { method: "GET", url: `${api}?…`, headers: [] })
      const har = yield* Har.Har
      assert.strictEqual((yield* har.document).log.entries.length, 1)
      yield* har.clear
      assert.strictEqual((yield* har.document).log.entries.length, 0)
    }).pipe(Effect.provide(Har.layer()), scripted(() => ok())))
})

const refused = new SessionError.ConnectionError({
  reason: { _tag: "CannotConnectToHost", host: "api.test", port: 443, detail: "" }
})
const coded = `gzip(${"x".repeat(4000)})`

describe("the timings of an entry", () => {
  const at = fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined })
  it.prop(
    "are never negative but for -1, and together as long as the exchange where its phases follow one another",
    {
      times: fc.record({
        domainLookupStart: at,
        domainLookupEnd: at,
        connectStart: at,
        secureConnectionStart: at,
        secureConnectionEnd: at,
        connectEnd: at,
        requestStart: at,
        requestEnd: at,
        responseStart: at,
        responseEnd: at
      }),
      duration: fc.double({ min: 0, max: 1e6, noNaN: true })
    },
    ({ duration, times }) => {
      const timings = timingsOf(times, duration)
      for (const one of Object.values(timings)) assert.isTrue(one === -1 || one >= 0)
      assert.isTrue(timings.send >= 0 && timings.wait >= 0 && timings.receive >= 0)
    }
  )
  it.prop(
    "add up to the end of the response where the phases follow one another",
    { steps: fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { minLength: 10, maxLength: 10 }) },
    ({ steps }) => {
      let now = 0
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0, j = 0] = steps.map((step) => now += step)
      const { ssl: _, ...phases } = timingsOf({
        domainLookupStart: a,
        domainLookupEnd: b,
        connectStart: c,
        secureConnectionStart: d,
        secureConnectionEnd: e,
        connectEnd: f,
        requestStart: g,
        requestEnd: h,
        responseStart: i,
        responseEnd: j
      }, j)
      assert.approximately(Object.values(phases).reduce((sum, one) => sum + Math.max(0, one), 0), j, 0.01)
    }
  )
})
