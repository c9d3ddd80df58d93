// The session on `fetch` in a real browser, against a server on another origin that allows it (started by globalSetup).
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, inject, it, layer } from "@effect/vitest"
import { FetchTransport } from "@urlsession/browser"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const BrowserLive: Layer.Layer<UrlSession.UrlSession> = UrlSession.layer().pipe(Layer.provide(FetchTransport.layer))
const origin = inject("origin")

layer(BrowserLive)("a session on fetch", (it) => {
  it.effect("gets a body with its head, on the pipeline of Node (SES-24)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const [bytes, response] = yield* session.data(`${origin}/hello`)
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.mimeType, "text/plain")
      assert.strictEqual(new TextDecoder().decode(bytes), "hello, browser")
      assert.strictEqual((yield* session.openResources).sockets, 0)
    }))

  it.effect("posts bytes and reads the answer as text", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const request = HttpClientRequest.post(`${origin}/echo`).pipe(HttpClientRequest.bodyText("ping"))
      const response = yield* session.execute(request)
      assert.strictEqual(yield* response.text, "POST ping")
    }))

  it.effect("streams a long body with back-pressure, and whole", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const response = yield* session.execute(`${origin}/long`)
      const chunks = yield* Stream.runCollect(response.stream)
      assert.strictEqual(Chunk.reduce(chunks, 0, (sum, chunk) => sum + chunk.length), 1_000_000)
    }))

  it.effect("says of a port that fetch connects to for nobody that it is one", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const error = yield* Effect.flip(session.data("http://127.0.0.1:1/"))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.include(error.message, "port 1 ")
    }))
})

it.live("ends a request that never answers with the idle timer, and aborts it (CFG-06)", () =>
  Effect.gen(function*() {
    const session = yield* UrlSession.UrlSession
    const error = yield* Effect.flip(
      session.data(`${origin}/never`).pipe(RequestOptions.with({ timeoutInterval: "100 millis" }))
    )
    assert.strictEqual(error._tag, "TimeoutError")
    assert.strictEqual((yield* session.openResources).sockets, 0)
  }).pipe(Effect.provide(BrowserLive)))

it("knows where the server is", () => assert.match(origin, /^http:\/\/127\.0\.0\.1:\d+$/))
