// `@effect/opentelemetry` with a session: what an exporter receives.
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import { SpanKind, SpanStatusCode } from "@opentelemetry/api"
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { turns } from "../support/fakeControl.ts"
import { rawServer, response } from "../support/rawServer.ts"
import { client, doors, guard, resolver, serve } from "./support.ts"

/** An exporter; until the scope closes, the tracer of whoever runs this feeds it. */
const tracing = Effect.gen(function*() {
  const exporter = new InMemorySpanExporter()
  yield* Layer.build(
    NodeSdk.layer(() => ({ resource: { serviceName: "test" }, spanProcessor: new SimpleSpanProcessor(exporter) }))
  )
  /** Those of requests, in the order in which they ended. */
  const requests = (): ReadonlyArray<ReadableSpan> =>
    exporter.getFinishedSpans().filter((span) => span.kind === SpanKind.CLIENT)
  const named = (name: string): ReadableSpan =>
    exporter.getFinishedSpans().find((span) => span.name === name) ?? assert.fail(`no span ${name}`)
  return { requests, named }
})

/** Runs with a client on a session of its own. */
const onASession = <A, E, E2, Delegate>(
  use: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof client>>>,
  delegate?: Layer.Layer<Delegate, E2>
) => Effect.provide(use, client(delegate))

const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId

describe("an exporter receives", () => {
  it.scopedLive("one span a request, below the caller's, with the attributes of the conventions and no secret", () =>
    Effect.gen(function*() {
      const { named, requests } = yield* tracing
      const server = yield* rawServer({
        onRequest: (peer) =>
          peer.socket.write(response("hello", { fields: ["Content-Type: text/plain", "Set-Cookie: sid=SECRET"] }))
      })
      const body = yield* onASession(
        Effect.gen(function*() {
          const http = yield* HttpClient.HttpClient
          const request = HttpClientRequest.get(`http://ada:SECRET@127.0.0.1:${server.port}/me?sig=SECRET#SECRET`).pipe(
            HttpClientRequest.setHeader("x-api-key", "SECRET"),
            HttpClientRequest.bearerToken("SECRET")
          )
          return yield* Effect.flatMap(http.execute(request), (one) => one.text)
        }).pipe(Effect.withSpan("caller"))
      )
      assert.strictEqual(body, "hello")
      const [span = assert.fail("no span"), ...others] = requests()
      assert.deepStrictEqual(others, [])
      assert.strictEqual(span.name, "http.client GET")
      assert.strictEqual(parentOf(span), named("caller").spanContext().spanId)
      assert.strictEqual(span.status.code, SpanStatusCode.OK)
      assert.deepStrictEqual({ ...span.attributes }, {
        "http.request.method": "GET",
        "url.full": `http://127.0.0.1:${server.port}/me?…`,
        "url.scheme": "http",
        "url.path": "/me",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 200,
        "http.response.header.content-length": "5",
        "http.response.header.content-type": "text/plain",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": server.port
      })
      const { spanId, traceId } = span.spanContext()
      assert.include(server.peers[0]?.received, `\r\ntraceparent: 00-${traceId}-${spanId}-01\r\n`)
    }))

  it.scopedLive("the span when the body has been read, and not before", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      let finish = () => {}
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
          finish = () => peer.socket.write("world")
        }
      })
      yield* onASession(
        Effect.gen(function*() {
          const head = yield* HttpClient.get(server.origin)
          const reading = yield* Effect.fork(head.text)
          yield* turns()
          assert.deepStrictEqual(requests(), [])
          finish()
          assert.strictEqual(yield* Fiber.join(reading), "helloworld")
          assert.strictEqual(requests().length, 1)
        })
      )
    }))

  it.scopedLive("the error of a body that is cut, and of a server that is not there", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      const server = yield* rawServer({
        onRequest: (peer) => peer.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
      })
      const port = yield* Effect.scoped(Effect.map(rawServer({}), (one) => one.port))
      yield* onASession(
        Effect.gen(function*() {
          yield* Effect.flip(Effect.flatMap(HttpClient.get(server.origin), (one) => one.text))
          yield* Effect.flip(HttpClient.get(`http://127.0.0.1:${port}/?token=SECRET`))
        })
      )
      const failed = requests().map(({ attributes, events, status }) => [
        attributes["error.type"],
        attributes["http.response.status_code"],
        status.code,
        events.map(({ name }) => name)
      ])
      assert.deepStrictEqual(failed, [
        ["NetworkConnectionLost", 200, SpanStatusCode.ERROR, ["exception"]],
        ["CannotConnectToHost", undefined, SpanStatusCode.ERROR, ["exception"]]
      ])
      assert.notInclude(JSON.stringify(requests().map(({ events, status }) => [events, status])), "SECRET")
    }))

  it.scopedLive("an interrupted request as no error", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      const asked = yield* Effect.makeLatch()
      const server = yield* rawServer({ onRequest: () => Effect.runSync(asked.open) })
      yield* onASession(
        Effect.gen(function*() {
          const asking = yield* Effect.fork(HttpClient.get(server.origin))
          yield* asked.await
          yield* Fiber.interrupt(asking)
        })
      )
      assert.deepStrictEqual(
        requests().map(({ attributes, status }) => [attributes["status.interrupted"], status.code]),
        [[true, SpanStatusCode.OK]]
      )
    }))

  it.scopedLive("redirects and challenges as events of the one span", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      const door = guard(doors.Digest())
      const origin = yield* serve(
        Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
          request.url === "/old"
            ? HttpServerResponse.empty({ status: 302, headers: { location: "/new" } })
            : HttpServerResponse.unsafeJson({ url: request.url })),
        door.middleware
      )
      const url = `${origin}/old`
      yield* onASession(Effect.flatMap(HttpClient.get(url), (one) => one.json), resolver(origin))
      const [span = assert.fail("no span"), ...others] = requests()
      assert.deepStrictEqual(others, [])
      assert.strictEqual(span.attributes["http.request.resend_count"], 2)
      assert.deepStrictEqual(
        span.events.map((
          { attributes, name }
        ) => [name, attributes?.["url.full"], attributes?.["http.response.status_code"]]),
        [["http.attempt", url, 401], ["http.attempt", url, 302], ["http.attempt", `${origin}/new`, 200]]
      )
    }))

  it.scopedLive("one span for each time that HttpClient.retry sends, and none is left open", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      const server = yield* rawServer({
        onRequest: (peer) =>
          peer.socket.write(
            peer.requests < 3 ? response("busy", { status: "503 Service Unavailable" }) : response("hello")
          )
      })
      yield* onASession(
        Effect.gen(function*() {
          const http = (yield* HttpClient.HttpClient).pipe(HttpClient.filterStatusOk, HttpClient.retry({ times: 3 }))
          assert.strictEqual(yield* Effect.flatMap(http.get(server.origin), (one) => one.text), "hello")
        }).pipe(Effect.withSpan("caller"))
      )
      assert.deepStrictEqual(
        requests().map(({ attributes }) => attributes["http.response.status_code"]).sort(),
        [200, 503, 503]
      )
      assert.strictEqual(new Set(requests().map((span) => span.spanContext().spanId)).size, 3)
    }))

  it.scopedLive("the span of a large body that nobody reads, when the session ends", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      const server = yield* rawServer({
        onRequest: (peer) =>
          peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(100_000)}`)
      })
      yield* onASession(Effect.andThen(HttpClient.get(server.origin), () => assert.deepStrictEqual(requests(), [])))
      assert.deepStrictEqual(requests().map(({ attributes }) => attributes["error.type"]), ["Cancelled"])
    }))

  it.scopedLive("nothing of requests for which tracing is off", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      const server = yield* rawServer({ onRequest: (peer) => peer.socket.write(response("hello")) })
      yield* onASession(
        Effect.gen(function*() {
          const http = yield* HttpClient.HttpClient
          yield* HttpClient.withTracerDisabledWhen(http, () => true).get(server.origin)
          yield* Effect.withTracerEnabled(http.get(server.origin), false)
          yield* HttpClient.withTracerPropagation(http, false).get(server.origin)
        })
      )
      assert.strictEqual(requests().length, 1)
      assert.notInclude(server.peers.map(({ received }) => received).join(""), "traceparent")
    }))
})

describe("one trace", () => {
  it.scopedLive("goes from the caller through the request to the server's own span", () =>
    Effect.gen(function*() {
      const { named, requests } = yield* tracing
      const origin = yield* serve(Effect.succeed(HttpServerResponse.text("hello")))
      yield* onASession(
        Effect.flatMap(HttpClient.get(`${origin}/x`), (one) => one.text).pipe(Effect.withSpan("caller"))
      )
      const [request = assert.fail("no span")] = requests()
      const server = named("http.server GET")
      assert.strictEqual(parentOf(server), request.spanContext().spanId)
      assert.strictEqual(parentOf(request), named("caller").spanContext().spanId)
      assert.strictEqual(server.spanContext().traceId, named("caller").spanContext().traceId)
    }))

  it.scopedLive("has a hundred concurrent requests, each with a span of its own that the server has been told", () =>
    Effect.gen(function*() {
      const { requests } = yield* tracing
      const told: Array<string> = []
      const origin = yield* serve(
        Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
          told.push(request.headers["traceparent"]?.split("-")[2] ?? "")
          return HttpServerResponse.stream(Stream.make(new Uint8Array(10), new Uint8Array(10)))
        })
      )
      yield* onASession(
        Effect.forEach(
          Array.from({ length: 100 }, (_, index) => `${origin}/${index}`),
          (url) =>
            RequestOptions.with({ timeoutInterval: "10 seconds" })(
              Effect.flatMap(HttpClient.get(url), (one) => one.arrayBuffer)
            ),
          { concurrency: 20, discard: true }
        )
      )
      const spans = requests().map((span) => span.spanContext().spanId)
      assert.strictEqual(new Set(spans).size, 100)
      assert.deepStrictEqual(told.sort(), spans.sort())
    }))
})
