import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionError from "@urlsession/core/SessionError"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, nothingOpen, ok, requests, scripted, text } from "./support.ts"

/** The client beside its session, as an app would have them. */
const client = SessionHttpClient.layer.pipe(Layer.provideMerge(UrlSession.layer()))
const open = Effect.flatMap(UrlSession.UrlSession, (session) => session.openResources)

const Item = Schema.Struct({ id: Schema.Number, name: Schema.String })

describe("an app written for HttpClient", () => {
  it.effect("runs on a session: JSON through a Schema, text, bytes, a stream, a form", () =>
    Effect.gen(function*() {
      const item = yield* HttpClient.get(`${api}json`).pipe(Effect.flatMap(HttpClientResponse.schemaBodyJson(Item)))
      assert.deepStrictEqual(item, { id: 1, name: "one" })
      const http = yield* HttpClient.HttpClient
      assert.strictEqual(
        yield* Effect.flatMap(http.get(`${api}json`), (response) => response.text),
        "{\"id\":1,\"name\":\"one\"}"
      )
      const buffer = yield* Effect.flatMap(http.get(`${api}json`), (response) => response.arrayBuffer)
      assert.strictEqual(buffer.byteLength, 21)
      const chunks = yield* Stream.runCollect(
        Stream.unwrap(Effect.map(http.get(`${api}json`), (response) => response.stream))
      )
      assert.strictEqual([...chunks].map(text).join("").length, 21)
      const params = yield* Effect.flatMap(http.get(`${api}form`), (response) => response.urlParamsBody)
      assert.deepStrictEqual([...params], [["a", "1"], ["b", "2"]])
      assert.deepStrictEqual(yield* open, nothingOpen)
    }).pipe(
      Effect.provide(client),
      scripted((request) => ok(request.url.endsWith("form") ? "a=1&b=2" : "{\"id\":1,\"name\":\"one\"}"))
    ))

  it.effect("sees status, headers and cookies of the response", () =>
    Effect.gen(function*() {
      const response = yield* HttpClient.get(api)
      assert.strictEqual(response.status, 418)
      assert.strictEqual(response.headers["x-a"], "1, 2")
      assert.strictEqual(Option.getOrThrow(Option.fromNullable(response.cookies.cookies["c"])).value, "d")
      assert.notInclude(JSON.stringify(response), "secret")
    }).pipe(
      Effect.provide(client),
      scripted(() =>
        TestTransport.respond(418, { headers: [["x-a", "1"], ["x-a", "2"], ["set-cookie", "c=d; Path=/"]] })
      )
    ))

  it.effect("repeats by filterStatusOk and retry, and the failed responses hold nothing", () =>
    Effect.gen(function*() {
      const http = (yield* HttpClient.HttpClient).pipe(HttpClient.filterStatusOk, HttpClient.retry({ times: 200 }))
      assert.strictEqual(yield* Effect.flatMap(http.get(api), (response) => response.text), "hello")
      assert.strictEqual((yield* requests).length, 101)
      assert.deepStrictEqual(yield* open, nothingOpen)
    }).pipe(
      Effect.provide(client),
      scripted((request) => request.index < 100 ? TestTransport.respond(503, { body: "busy" }) : ok())
    ))

  it.effect("repeats by retryTransient only what may pass by itself and is safe to repeat", () =>
    Effect.gen(function*() {
      const http = (yield* HttpClient.HttpClient).pipe(
        HttpClient.retryTransient({ times: 3, schedule: Schedule.forever })
      )
      const tried = (request: HttpClientRequest.HttpClientRequest) =>
        Effect.gen(function*() {
          const before = (yield* requests).length
          yield* Effect.ignore(http.execute(request))
          return (yield* requests).length - before
        })
      assert.strictEqual(yield* tried(HttpClientRequest.get(`${api}lost`)), 4)
      assert.strictEqual(yield* tried(HttpClientRequest.post(`${api}lost`)), 1)
      assert.strictEqual(yield* tried(HttpClientRequest.post(`${api}refused`)), 4)
      assert.strictEqual(yield* tried(HttpClientRequest.get(`${api}nohost`)), 1)
      assert.strictEqual(yield* tried(HttpClientRequest.get(`${api}loop`)), 21)
    }).pipe(
      Effect.provide(client),
      scripted((request) =>
        request.url.endsWith("lost")
          ? TestTransport.lost()
          : request.url.endsWith("refused")
          ? TestTransport.fail(
            new SessionError.ConnectionError({
              reason: { _tag: "CannotConnectToHost", host: "api.test", port: 443, detail: "refused" }
            })
          )
          : request.url.endsWith("nohost")
          ? TestTransport.fail(
            new SessionError.ConnectionError({ reason: { _tag: "CannotFindHost", host: "api.test", temporary: false } })
          )
          : TestTransport.redirect(302, "/loop")
      )
    ))

  it.effect("closes what withScope has opened when the scope closes", () =>
    Effect.gen(function*() {
      const http = HttpClient.withScope(yield* HttpClient.HttpClient)
      yield* Effect.scoped(Effect.gen(function*() {
        const response = yield* http.get(api)
        assert.strictEqual(response.status, 200)
        assert.strictEqual((yield* open).sockets, 1)
      }))
      assert.deepStrictEqual(yield* open, nothingOpen)
    }).pipe(Effect.provide(client), scripted(() => [...TestTransport.head(200), ...TestTransport.bytes("a")])))

  it.effect("takes the beginning of a body and leaves nothing open", () =>
    Effect.gen(function*() {
      const [first] = yield* HttpClient.get(api).pipe(
        Effect.map((response) => response.stream),
        Stream.unwrap,
        Stream.take(1),
        Stream.runCollect
      )
      assert.strictEqual(first === undefined ? "" : text(first), "a")
      assert.deepStrictEqual(yield* open, nothingOpen)
    }).pipe(Effect.provide(client), scripted(() => [...TestTransport.head(200), ...TestTransport.bytes("a")])))

  it.effect("calls a typed HttpApi", () => {
    const Items = HttpApiGroup.make("items").add(
      HttpApiEndpoint.get("byId", "/items/:id").setPath(Schema.Struct({ id: Schema.NumberFromString })).addSuccess(Item)
    ).add(
      HttpApiEndpoint.post("create", "/items").setPayload(Item).addSuccess(Item)
    )
    return Effect.gen(function*() {
      const typed = yield* HttpApiClient.make(HttpApi.make("api").add(Items), { baseUrl: "https://api.test" })
      assert.deepStrictEqual(yield* typed.items.byId({ path: { id: 7 } }), { id: 7, name: "seven" })
      assert.deepStrictEqual(yield* typed.items.create({ payload: { id: 8, name: "eight" } }), { id: 8, name: "eight" })
      assert.deepStrictEqual((yield* requests).map((request) => `${request.method} ${request.url}`), [
        `GET ${api}items/7`,
        `POST ${api}items`
      ])
    }).pipe(
      Effect.provide(client),
      scripted((request) =>
        TestTransport.respond(200, {
          headers: { "content-type": "application/json" },
          body: request.body ?? "{\"id\":7,\"name\":\"seven\"}"
        })
      )
    )
  })

  it.effect("is interrupted like any effect, and nothing stays open", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(HttpClient.get(api))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* open, nothingOpen)
    }).pipe(Effect.provide(client), scripted(() => TestTransport.hang)))
})

describe("what the client shows and hides", () => {
  it.effect("a refused redirect hides its location, so that followRedirects cannot follow it", () =>
    Effect.gen(function*() {
      const http = HttpClient.followRedirects(yield* HttpClient.HttpClient)
      const response = yield* http.get(api)
      assert.strictEqual(response.status, 302)
      assert.strictEqual(response.headers["location"], undefined)
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(
      Effect.provide(SessionHttpClient.layer.pipe(Layer.provide(UrlSession.layer(undefined, RedirectHandler.none)))),
      scripted(() => TestTransport.redirect(302, "https://evil.test/"))
    ))

  it.effect("the location of a 201 is no redirect, and stays", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* HttpClient.post(api)).headers["location"], "/items/1")
    }).pipe(Effect.provide(client), scripted(() => TestTransport.respond(201, { headers: { location: "/items/1" } }))))

  it.effect("the session's response is behind it: metrics and typed body errors", () =>
    Effect.gen(function*() {
      const response = Option.getOrThrow(SessionHttpClient.sessionResponse(yield* HttpClient.get(api)))
      assert.strictEqual((yield* Effect.flip(response.bytes)).reason._tag, "NetworkConnectionLost")
      assert.strictEqual((yield* response.metrics).transactions.length, 1)
    }).pipe(Effect.provide(client), scripted(() => [...TestTransport.head(200), ...TestTransport.lost()])))

  it.effect("with a Scope in the context the request works too", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Effect.flatMap(HttpClient.get(api), (response) => response.text), "hello")
    }).pipe(Effect.scoped, Effect.provide(client), scripted(() => ok())))
})

describe("errors", () => {
  const lost = TestTransport.lost()
  const cases: ReadonlyArray<
    readonly [string, HttpClientRequest.HttpClientRequest, TestTransport.Script, string, string]
  > = [
    ["transient, GET", HttpClientRequest.get(api), lost, "Transport", "ConnectionError"],
    ["transient, PUT", HttpClientRequest.put(api), lost, "Transport", "ConnectionError"],
    ["transient, POST", HttpClientRequest.post(api), lost, "Encode", "ConnectionError"],
    [
      "never sent, POST",
      HttpClientRequest.post(api),
      TestTransport.lost({ requestSent: false }),
      "Transport",
      "ConnectionError"
    ],
    ["bad URL", HttpClientRequest.get("http://"), lost, "InvalidUrl", "InvalidRequest"],
    ["unserved scheme", HttpClientRequest.get("ftp://a/"), lost, "InvalidUrl", "InvalidRequest"],
    [
      "invalid field",
      HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("x", "a\nb")),
      lost,
      "Encode",
      "InvalidRequest"
    ],
    ["redirects without end", HttpClientRequest.get(api), TestTransport.redirect(302, "/"), "Encode", "RedirectError"]
  ]
  for (const [name, request, script, reason, family] of cases) {
    it.effect(`${name}: RequestError ${reason}, with the session's error as its cause`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.flatMap(HttpClient.HttpClient, (http) => http.execute(request)))
        assert.instanceOf(error, HttpClientError.RequestError)
        assert.strictEqual(error.reason, reason)
        assert.strictEqual(Option.getOrThrow(SessionHttpClient.sessionError(error))._tag, family)
      }).pipe(Effect.provide(client), scripted(() => script)))
  }

  it.effect("of a body: ResponseError Decode, with the session's error as its cause", () =>
    Effect.gen(function*() {
      const response = yield* HttpClient.get(api)
      for (const read of [Effect.asVoid(response.text), Stream.runDrain((yield* HttpClient.get(api)).stream)]) {
        const error = yield* Effect.flip(read)
        assert.instanceOf(error, HttpClientError.ResponseError)
        assert.strictEqual(error.reason, "Decode")
        assert.strictEqual(Option.getOrThrow(SessionHttpClient.sessionError(error))._tag, "ConnectionError")
      }
    }).pipe(Effect.provide(client), scripted(() => [...TestTransport.head(200), ...TestTransport.lost()])))

  it.effect("that are not the session's have none behind them", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(api), (response) => response.json))
      assert.isTrue(Option.isNone(SessionHttpClient.sessionError(error)))
    }).pipe(Effect.provide(client), scripted(() => ok("no json"))))
})

describe("RequestOptions through a client", () => {
  const timesOut = <E, R>(effect: Effect.Effect<unknown, E, R>, after: number) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.flip(effect))
      yield* TestClock.adjust(after - 1)
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust(1)
      yield* Fiber.join(fiber)
    })

  it.effect("with: what is said inside wins; withDefaults: what the caller says wins", () =>
    Effect.gen(function*() {
      const http = yield* HttpClient.HttpClient
      const defaults = HttpClient.transformResponse(http, RequestOptions.withDefaults({ timeoutInterval: "3 seconds" }))
      const firm = HttpClient.transformResponse(http, RequestOptions.with({ timeoutInterval: "4 seconds" }))
      const own = RequestOptions.with({ timeoutInterval: "2 seconds" })
      yield* timesOut(http.get(api).pipe(own), 2000)
      yield* timesOut(defaults.get(api), 3000)
      yield* timesOut(defaults.get(api).pipe(own), 2000)
      yield* timesOut(firm.get(api).pipe(own), 4000)
      yield* timesOut(http.get(api).pipe(own, RequestOptions.with({ timeoutInterval: "9 seconds" })), 2000)
      yield* timesOut(http.get(api), 60_000)
    }).pipe(Effect.provide(client), scripted(() => TestTransport.hang)))

  it.effect("merge field by field", () =>
    Effect.gen(function*() {
      const record = yield* RequestOptions.RequestOptions.pipe(
        RequestOptions.with({ priority: 1 }),
        RequestOptions.withDefaults({ priority: 0, taskDescription: "inner default" }),
        RequestOptions.with({ taskDescription: "outer", maximumBodyBytes: 7 })
      )
      assert.deepStrictEqual(record, { priority: 1, taskDescription: "outer", maximumBodyBytes: 7 })
    }))
})
