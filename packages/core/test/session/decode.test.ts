import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Codings from "./codings.ts"
import { api, nothingOpen, ok, Recorder, requests, scripted, settle, text } from "./support.ts"

const coded = (coding: string, body: string, status = 200) =>
  TestTransport.respond(status, { headers: { "content-encoding": coding }, body })

const decoding = Effect.provide(UrlSession.make(), Codings.layer)

describe("Accept-Encoding", () => {
  it.scoped("is added where there are codings, and br is among them (NET-01, TestURLSession/test_dataTaskWithAcceptEncoding)", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(decoding, (session) => session.data(api))
      yield* Effect.flatMap(UrlSession.make(), (session) => session.data(api))
      const [one, two] = yield* requests
      assert.strictEqual(one?.header("accept-encoding"), "gzip, deflate, br")
      assert.strictEqual(two?.header("accept-encoding"), undefined)
    }).pipe(scripted(() => ok())))

  it.scoped("is not added with a Range, nor over the caller's own, and goes along on redirects (RFC 9110 14.2)", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      yield* session.data(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("range", "bytes=0-1")))
      yield* session.data(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("accept-encoding", "identity")))
      yield* session.data(`${api}away`)
      assert.deepStrictEqual(
        (yield* requests).map((request) => request.header("accept-encoding")),
        [undefined, "identity", "gzip, deflate, br", "gzip, deflate, br"]
      )
    }).pipe(
      scripted((request) => request.url.endsWith("away") ? TestTransport.redirect(302, "https://other.test/") : ok())
    ))
})

describe("a coded body", () => {
  it.scoped("is decoded before anyone sees it, in every way of reading (NET-01, DDL-03, TestURLSession/test_gzippedDataTask)", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      const session = yield* Effect.provide(decoding, recorder.layer)
      assert.strictEqual(text((yield* session.data(api))[0]), "hello")
      assert.strictEqual(yield* (yield* session.execute(api)).text, "hello")
      const chunks = yield* Stream.runCollect((yield* session.execute(api)).stream)
      assert.strictEqual([...chunks].map(text).join(""), "hello")
      let seen = ""
      yield* (yield* session.execute(api)).forEachChunk((bytes) => {
        seen += text(bytes)
      })
      assert.strictEqual(seen, "hello")
      yield* settle
      assert.strictEqual(recorder.of("DataReceived")[0]?.bytesReceived, 5)
      assert.strictEqual(recorder.of("DataReceived")[0]?.totalBytesExpected, undefined)
      assert.strictEqual(Codings.counts.open, 0)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => coded("gzip", "gzip(hello)"))))

  it.scoped("that has arrived before anyone reads is decoded all the same", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      const response = yield* session.execute(api)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      assert.strictEqual(text(yield* response.bytes), "hello")
      assert.strictEqual(yield* response.text, "hello")
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => coded("gzip", "gzip(hello)"))))

  it.scoped("of stacked codings is undone from the last to the first, at most three (RFC 9110 8.4)", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      assert.strictEqual(text((yield* session.data(`${api}two`))[0]), "hello")
      const error = yield* Effect.flip(session.data(`${api}four`))
      assert.strictEqual(error.code, -1016)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted((request) =>
      request.url.endsWith("two")
        ? coded("gzip, deflate", "deflate(gzip(hello))")
        : coded("gzip, gzip, gzip, gzip", "gzip(gzip(gzip(gzip(hello))))")
    )))

  it.scoped("of an unknown coding is CannotDecodeContentData, -1016, and its connection is given up (NET-01)", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      const error = yield* Effect.flip(session.data(api))
      assert.deepStrictEqual(error.reason, { _tag: "CannotDecodeContentData", coding: "lzma" })
      assert.strictEqual(error.code, -1016)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => [...TestTransport.head(200, { "content-encoding": "lzma" }), ...TestTransport.bytes("x")])))

  it.scoped("that is broken is CannotDecodeRawData, -1015 (NET-01)", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      for (
        const read of [
          Effect.asVoid(session.data(api)),
          Effect.flatMap(session.execute(api), (response) => response.forEachChunk(() => undefined)),
          Effect.flatMap(session.execute(api), (response) => Stream.runDrain(response.stream))
        ]
      ) {
        const error = yield* Effect.flip(read)
        assert.deepStrictEqual(error.reason, { _tag: "CannotDecodeRawData", coding: "gzip", truncated: false })
        assert.strictEqual(error.code, -1015)
      }
      assert.strictEqual(Codings.counts.open, 0)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => coded("gzip", "not gzip"))))

  it.scoped("that swells more than 200 times after a MiB is given up", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      assert.strictEqual((yield* session.data(`${api}${1024 * 1024}`))[0].length, 1024 * 1024)
      const error = yield* Effect.flip(session.data(`${api}${1024 * 1024 + 1}`))
      assert.deepStrictEqual(error.reason, { _tag: "DecompressionBomb", ratio: 200 })
      assert.strictEqual(Codings.counts.open, 0)
    }).pipe(scripted((request) => coded("br", request.url.slice(api.length)))))

  it.scoped("is counted by its decoded length against maximumBodyBytes", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(
        UrlSession.make(SessionConfiguration.make({ maximumBodyBytes: 999 })),
        Codings.layer
      )
      const error = yield* Effect.flip(session.data(api))
      assert.deepStrictEqual(error.reason, { _tag: "DataLengthExceedsMaximum", limit: 999 })
      assert.strictEqual(Codings.counts.open, 0)
    }).pipe(scripted(() => coded("br", "1000"))))

  it.scoped("that is cut by the network is the network's error, not the coding's (NET-07)", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.reason._tag, "NetworkConnectionLost")
      assert.strictEqual(Codings.counts.open, 0)
    }).pipe(scripted(() => [
      ...TestTransport.head(200, { "content-encoding": "gzip" }),
      ...TestTransport.bytes("gzip(he"),
      ...TestTransport.lost({ bytesReceived: 7 })
    ])))

  it.scoped("stands still while its task is suspended, and goes on afterwards (TSK-05)", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      const task = yield* session.dataTask(api)
      const response = yield* task.response
      yield* task.suspend
      const reading = yield* Effect.fork(response.text)
      yield* TestClock.adjust("1 hour")
      assert.isNull(reading.unsafePoll())
      yield* task.resume
      assert.strictEqual(yield* Fiber.join(reading), "hello")
    }).pipe(scripted(() => coded("gzip", "gzip(hello)"))))

  for (const [name, status] of [["204", 204], ["206", 206], ["304", 304]] as const) {
    it.scoped(`of ${name} is left as it is`, () =>
      Effect.gen(function*() {
        const session = yield* decoding
        const [bytes, response] = yield* session.data(api)
        assert.strictEqual(response.status, status)
        assert.strictEqual(text(bytes), status === 206 ? "part" : "")
      }).pipe(scripted(() => coded("gzip", status === 206 ? "part" : "", status))))
  }

  it.scoped("of HEAD, and an empty one, is left as it is", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      assert.strictEqual((yield* session.data(HttpClientRequest.head(api)))[0].length, 0)
      assert.strictEqual((yield* session.data(`${api}empty`))[0].length, 0)
      assert.strictEqual((yield* session.data(`${api}unannounced`))[0].length, 0)
    }).pipe(scripted((request) =>
      request.url.endsWith("empty")
        ? coded("gzip", "")
        : request.url.endsWith("unannounced")
        ? [...TestTransport.head(200, { "content-encoding": "gzip" }), ...TestTransport.end]
        : coded("gzip", "gzip(hello)")
    )))

  it.scoped("of identity is not coded, and x-gzip is gzip", () =>
    Effect.gen(function*() {
      const session = yield* decoding
      assert.strictEqual(text((yield* session.data(`${api}identity`))[0]), "gzip(hello)")
      assert.strictEqual(text((yield* session.data(`${api}x-gzip`))[0]), "hello")
    }).pipe(scripted((request) => coded(request.url.slice(api.length), "gzip(hello)"))))
})
