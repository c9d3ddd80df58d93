// What the spans of SessionHttpClient say, and how they join those of others.
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, encode, inTurn, ok, requests, scripted } from "../session/support.ts"
import { client, clientWith, get, recorded, slow, text } from "./spanRecorder.ts"

describe("a request's span says", () => {
  it.effect("what OpenTelemetry's conventions for HTTP clients want, under the platform's name", () =>
    recorded(
      () => TestTransport.respond(404, { headers: { "content-type": "text/plain" }, body: "no" }),
      (recorder) =>
        Effect.gen(function*() {
          const http = yield* HttpClient.HttpClient
          yield* http.execute(
            HttpClientRequest.post("https://api.test:8443/items/1").pipe(HttpClientRequest.bodyText("x", "text/csv"))
          ).pipe(Effect.flatMap((response) => response.text))
          const span = recorder.requests[0] ?? assert.fail("no span")
          assert.strictEqual(span.name, "http.client POST")
          assert.strictEqual(span.kind, "client")
          assert.deepStrictEqual(Object.fromEntries(span.attributes), {
            "http.request.method": "POST",
            "url.full": "https://api.test:8443/items/1",
            "url.scheme": "https",
            "url.path": "/items/1",
            "server.address": "api.test",
            "server.port": 8443,
            "http.request.header.content-type": "text/csv",
            "http.request.header.content-length": "1",
            "http.response.status_code": 404,
            "error.type": "404",
            "http.response.header.content-type": "text/plain",
            "network.peer.port": 8443,
            "network.protocol.name": "http",
            "network.protocol.version": "1.1"
          })
          assert.deepStrictEqual(span.events, [])
        })
    ))

  it.effect("a name of the caller's, where there is a SpanNameGenerator", () =>
    recorded(() => ok(), (recorder) =>
      Effect.gen(function*() {
        const http = (yield* HttpClient.HttpClient).pipe(
          HttpClient.withSpanNameGenerator(({ method }) => `call ${method}`)
        )
        yield* http.get(api)
        assert.strictEqual(recorder.requests[0]?.name, "call GET")
      })))

  it.effect("the host without brackets, and the port that the scheme means", () =>
    recorded(() => ok(), (recorder) =>
      Effect.gen(function*() {
        yield* get("http://[::1]/")
        yield* get("https://api.test/")
        assert.deepStrictEqual(
          recorder.requests.map(({ attributes }) => [attributes.get("server.address"), attributes.get("server.port")]),
          [["::1", 80], ["api.test", 443]]
        )
      })))

  it.effect("no secret: user info, query, fragment, credentials, cookies, and fields that nobody has called public", () =>
    recorded(
      (request) =>
        request.index === 0
          ? TestTransport.challenge("Basic realm=\"SECRET\"")
          : TestTransport.respond(200, {
            headers: { "set-cookie": "a=SECRET", "x-token": "SECRET", location: "/?SECRET", etag: "SECRET" }
          }),
      (recorder) =>
        Effect.gen(function*() {
          const http = yield* HttpClient.HttpClient
          const request = HttpClientRequest.get("https://ada:SECRET@api.test/?sig=SECRET#SECRET").pipe(
            HttpClientRequest.setHeaders({
              authorization: "Bearer SECRET",
              cookie: "a=SECRET",
              "x-api-key": "SECRET",
              "x-session": "SECRET",
              "x-request-id": "shown",
              accept: "text/plain"
            }),
            HttpClientRequest.appendUrlParam("password", "SECRET")
          )
          yield* http.execute(request).pipe(
            RequestOptions.with({ publicFields: ["X-Request-Id"] }),
            Effect.flatMap((response) => response.text)
          )
          yield* Effect.flip(get("https://ada:SECRET@api.test:0x/?SECRET"))
          const span = recorder.requests[0] ?? assert.fail("no span")
          assert.strictEqual(span.attributes.get("url.full"), "https://api.test/?…")
          assert.strictEqual(span.attributes.get("http.request.header.x-request-id"), "shown")
          assert.strictEqual(span.attributes.get("http.request.header.accept"), "text/plain")
          for (const { attributes, events, status } of recorder.requests) {
            const said = JSON.stringify([[...attributes], events.map((event) => event.attributes)])
            assert.notInclude(said, "SECRET")
            assert.notInclude(said, "ada")
            assert.strictEqual(status._tag, "Ended")
            if (status._tag === "Ended" && Exit.isFailure(status.exit)) {
              assert.notInclude(Cause.pretty(status.exit.cause, { renderErrorCause: true }), "SECRET")
            }
          }
        })
    ))

  it.effect("nothing of a public field whose name the app has redacted", () =>
    recorded(() => ok(), (recorder) =>
      Effect.gen(function*() {
        const http = yield* HttpClient.HttpClient
        yield* http.execute(HttpClientRequest.setHeader(HttpClientRequest.get(api), "x-request-id", "SECRET")).pipe(
          RequestOptions.with({ publicFields: ["x-request-id"] }),
          Effect.locally(Headers.currentRedactedNames, ["x-request-id"])
        )
        assert.strictEqual(recorder.requests[0]?.attributes.get("http.request.header.x-request-id"), "<redacted>")
      })))

  it.effect("each attempt, where redirects or challenges have made more than one", () => {
    const delegate = ChallengeResolver.layer({
      Basic: ChallengeResolver.forSpace(
        { origin: "https://api.test" },
        () => Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "p" })))
      )
    })
    return recorded(
      inTurn(
        [...TestTransport.delay("1 second"), ...TestTransport.redirect(302, "/new?token=SECRET")],
        [...TestTransport.delay("1 second"), ...TestTransport.challenge("Basic realm=\"r\"")],
        ok()
      ),
      (recorder) =>
        Effect.gen(function*() {
          const asking = yield* Effect.fork(text())
          yield* TestClock.adjust("5 seconds")
          yield* Fiber.join(asking)
          assert.strictEqual(recorder.requests.length, 1)
          const [span = assert.fail("no span")] = recorder.requests
          assert.strictEqual(span.attributes.get("http.request.resend_count"), 2)
          assert.deepStrictEqual(
            span.events.map(({ at, attributes, name }) => [name, Number(at - span.status.startTime) / 1e9, attributes]),
            [
              ["http.attempt", 0, attempt(0, api, 302)],
              ["http.attempt", 1, attempt(1, `${api}new?…`, 401)],
              ["http.attempt", 2, attempt(2, `${api}new?…`, 200)]
            ]
          )
        }),
      clientWith(delegate)
    )
  })

  it.effect("the attempts of a request that failed in the end", () =>
    recorded(() => TestTransport.redirect(302, "/again"), (recorder) =>
      Effect.gen(function*() {
        yield* Effect.flip(text())
        const [span = assert.fail("no span")] = recorder.requests
        assert.deepStrictEqual(recorder.ends, ["TooManyRedirects"])
        assert.strictEqual(span.events.length, 21)
      })))
})

const attempt = (index: number, url: string, status: number) => ({
  "http.request.method": "GET",
  "http.request.resend_count": index,
  "url.full": url,
  "http.response.status_code": status
})

describe("traces", () => {
  const sentFields = Effect.map(requests, (all) => all.map(({ header }) => header("traceparent")))

  it.effect("go on at the server: traceparent and b3 name the request's span, below the caller's", () =>
    recorded(() => ok(), (recorder) =>
      Effect.gen(function*() {
        yield* Effect.withSpan(text(), "caller")
        const [caller = assert.fail("no span"), request = assert.fail("no span")] = recorder.spans
        assert.strictEqual(caller.name, "caller")
        assert.strictEqual(Option.getOrThrow(request.parent).spanId, caller.spanId)
        const [sent = assert.fail("no request")] = yield* requests
        assert.strictEqual(sent.header("traceparent"), `00-${caller.traceId}-${request.spanId}-01`)
        assert.strictEqual(sent.header("b3"), `${caller.traceId}-${request.spanId}-1-${caller.spanId}`)
      })))

  it.effect("do not follow a redirect to another origin", () =>
    recorded(
      (request) => request.index === 0 ? TestTransport.redirect(302, "https://other.test/") : ok(),
      () =>
        Effect.gen(function*() {
          yield* text()
          const [first, second] = yield* sentFields
          assert.isString(first)
          assert.isUndefined(second)
        })
    ))

  it.effect("stop here under withTracerPropagation(false), and the span is made all the same", () =>
    recorded(() => ok(), (recorder) =>
      Effect.gen(function*() {
        const http = HttpClient.withTracerPropagation(yield* HttpClient.HttpClient, false)
        yield* http.get(api)
        assert.deepStrictEqual(yield* sentFields, [undefined])
        assert.strictEqual(recorder.requests.length, 1)
      })))

  it.effect("leave out requests of withTracerDisabledWhen, and all of Effect.withTracerEnabled(false)", () =>
    recorded(() => ok(), (recorder) =>
      Effect.gen(function*() {
        const http = HttpClient.withTracerDisabledWhen(
          yield* HttpClient.HttpClient,
          (request) => request.url.endsWith("/health")
        )
        yield* http.get(`${api}health`)
        yield* Effect.withTracerEnabled(http.get(`${api}disabled`), false)
        yield* http.get(`${api}traced`)
        assert.deepStrictEqual((yield* sentFields).map((value) => value !== undefined), [false, false, true])
        assert.deepStrictEqual(
          recorder.requests.map(({ attributes }) => attributes.get("url.path")),
          ["/traced"]
        )
      })))

  it.effect("begin nowhere but where a tracer is set, or the caller has a span", () =>
    Effect.gen(function*() {
      yield* get()
      yield* Effect.withSpan(get(), "caller")
      assert.deepStrictEqual((yield* sentFields).map((value) => value !== undefined), [false, true])
    }).pipe(Effect.provide(client), scripted(() => ok())))

  it.effect("have the spans of a delegate, and of a body that is made while it is sent, below the request's", () => {
    const delegate = ChallengeResolver.layer({
      Basic: ChallengeResolver.forSpace(
        { origin: "https://api.test" },
        () => Effect.withSpan(Effect.succeed(Disposition.performDefault), "delegate")
      )
    })
    return recorded(
      ({ method }) => method === "POST" ? TestTransport.challenge("Basic realm=\"r\"") : slow,
      (recorder) =>
        Effect.gen(function*() {
          const http = yield* HttpClient.HttpClient
          // the body makes a request of its own, which ends long before the one it is part of
          const part = Effect.map(
            Effect.flatMap(http.get(`${api}part`), (response) => response.text),
            encode
          )
          const asking = yield* Effect.fork(
            http.post(api, { body: HttpBody.stream(Stream.fromEffect(part)) }).pipe(
              Effect.flatMap((response) => response.text)
            )
          )
          yield* TestClock.adjust("2 seconds")
          yield* Fiber.join(asking)
          const parents = recorder.spans.map(({ name, parent }) => [
            name,
            Option.getOrUndefined(Option.map(parent, ({ spanId }) => Number(spanId)))
          ])
          assert.deepStrictEqual(parents.slice(0, 2), [["http.client POST", undefined], ["http.client GET", 1]])
          assert.deepStrictEqual(parents.find(([name]) => name === "delegate"), ["delegate", 1])
          assert.deepStrictEqual(recorder.ends, recorder.ends.map(() => "ok"))
          assert.strictEqual(recorder.requests[0]?.attributes.get("http.response.status_code"), 401)
          assert.strictEqual(recorder.requests[1]?.attributes.get("http.response.status_code"), 200)
        }),
      clientWith(delegate)
    )
  })
})
