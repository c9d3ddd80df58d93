import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, nothingOpen, ok, scripted, settle, text } from "./support.ts"

const kib = (count: number) => new Uint8Array(count * 1024).fill(120)
const large = [
  ...TestTransport.head(200),
  ...Array.from({ length: 64 }, () => TestTransport.bytes(kib(64))).flat(),
  ...TestTransport.end
]

describe("a body", () => {
  it.scoped("is read as bytes, text or JSON, and these again (SES-24)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      assert.deepStrictEqual(yield* response.json, { a: "ü" })
      assert.strictEqual(yield* response.text, "{\"a\":\"ü\"}")
      assert.strictEqual((yield* response.bytes).length, 10)
      assert.strictEqual(yield* response.bytes, yield* response.bytes)
      assert.strictEqual((yield* Stream.runCollect(response.stream)).length, 1)
      let seen = 0
      yield* response.forEachChunk((bytes) => {
        seen += bytes.length
      })
      assert.strictEqual(seen, 10)
    }).pipe(scripted(() => ok("{\"a\":\"ü\"}"))))

  it.scoped("that is no JSON says so without a word of it", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      const error = yield* Effect.flip(response.json)
      assert.deepStrictEqual(error.reason, { _tag: "InvalidJson" })
      assert.notInclude(`${error.message} ${String(error.cause)}`, "secret")
    }).pipe(scripted(() => ok("secret: not json"))))

  it.scoped("is text in the charset that the server names, else in UTF-8", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual(yield* (yield* session.execute(`${api}latin1`)).text, "é")
      assert.strictEqual(yield* (yield* session.execute(`${api}nonsense`)).text, "\ufffd")
    }).pipe(scripted((request) =>
      TestTransport.respond(200, {
        headers: { "content-type": `text/plain; charset=${request.url.slice(api.length)}` },
        body: new Uint8Array([0xe9])
      })
    )))

  it.scoped("can be streamed once: then AlreadyConsumed", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      yield* Stream.runDrain(response.stream)
      for (
        const read of [
          Effect.asVoid(response.bytes),
          Stream.runDrain(response.stream),
          response.forEachChunk(() => undefined)
        ]
      ) {
        assert.deepStrictEqual((yield* Effect.flip(read)).reason, { _tag: "AlreadyConsumed" })
      }
    }).pipe(scripted(() => ok())))

  it.scoped("is collected up to maximumBodyBytes, announced or not, and streamed without a limit", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ maximumBodyBytes: 4 }))
      for (const path of ["announced", "unannounced"]) {
        const error = yield* Effect.flip(session.data(`${api}${path}`))
        assert.deepStrictEqual(error.reason, { _tag: "DataLengthExceedsMaximum", limit: 4 })
        assert.strictEqual(error.code, -1103)
        const inTwo = Effect.flatMap(session.execute(`${api}${path}`), (response) => response.bytes)
        assert.strictEqual((yield* Effect.flip(inTwo)).code, -1103)
        assert.strictEqual(
          (yield* session.data(`${api}${path}`).pipe(RequestOptions.with({ maximumBodyBytes: 5 })))[0].length,
          5
        )
        const streamed = yield* Stream.runCollect((yield* session.execute(`${api}${path}`)).stream)
        assert.strictEqual([...streamed].map(text).join(""), "hello")
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }
    }).pipe(scripted((request) =>
      request.url.endsWith("/announced")
        ? ok()
        : [
          ...TestTransport.head(200),
          ...TestTransport.bytes("hel"),
          ...TestTransport.bytes("lo"),
          ...TestTransport.end
        ]
    )))

  it.scoped("of which only the beginning is taken ends its task (SES-27)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      const [first] = yield* Stream.runCollect(Stream.take(response.stream, 1))
      assert.strictEqual(first?.length, 64 * 1024)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => large)))

  it.scoped("whose reader is interrupted ends its task", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (const read of ["bytes", "stream", "forEachChunk"] as const) {
        const response = yield* session.execute(api)
        const fiber = yield* Effect.fork(
          read === "bytes"
            ? Effect.asVoid(response.bytes)
            : read === "stream"
            ? Stream.runDrain(response.stream)
            : response.forEachChunk(() => undefined)
        )
        yield* settle
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }
    }).pipe(scripted(() => [...TestTransport.head(200), ...TestTransport.bytes("half")])))

  it.scoped("that is lost in the middle is a typed error, with what came before it in a stream (NET-07)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (
        const read of [
          Effect.asVoid(session.data(api)),
          Effect.flatMap(session.execute(api), (response) => Effect.asVoid(response.text)),
          Effect.flatMap(session.execute(api), (response) => response.forEachChunk(() => undefined))
        ]
      ) {
        const error = yield* Effect.flip(read)
        assert.strictEqual(error._tag, "ConnectionError")
        assert.deepInclude(error.reason, { _tag: "NetworkConnectionLost", bytesReceived: 4 })
        assert.strictEqual(error.code, -1005)
      }
      const seen: Array<string> = []
      const response = yield* session.execute(api)
      const exit = yield* Effect.exit(
        Stream.runForEach(response.stream, (bytes) => Effect.sync(() => seen.push(text(bytes))))
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(seen, ["half"])
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => [
      ...TestTransport.head(200, {}, 9),
      ...TestTransport.bytes("half"),
      ...TestTransport.lost({ bytesReceived: 4 })
    ])))

  it.scoped("that is streamed slowly is paused: no more than a little is held", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      const pulled = yield* Queue.bounded<number>(1)
      const total = yield* Effect.fork(
        Stream.runFoldEffect(response.stream, 0, (sum, bytes) =>
          Effect.as(Queue.offer(pulled, bytes.length), sum + bytes.length))
      )
      yield* settle
      const [transaction] = (yield* response.metrics).transactions
      assert.isAtMost(transaction?.responseBodyBytes ?? Infinity, 1024 * 1024)
      const drain = yield* Effect.fork(Effect.forever(Queue.take(pulled)))
      assert.strictEqual(yield* Fiber.join(total), 4 * 1024 * 1024)
      yield* Fiber.interrupt(drain)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() =>
      large
    )))

  it.scoped("that waits for its reader stays paused over a suspension and a resumption (TSK-05)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      const response = yield* task.response
      const pulled = yield* Queue.bounded<number>(1)
      const total = yield* Effect.fork(
        Stream.runFoldEffect(
          response.stream,
          0,
          (sum, bytes) => Effect.as(Queue.offer(pulled, bytes.length), sum + bytes.length)
        )
      )
      yield* settle
      yield* task.suspend
      yield* task.resume
      yield* settle
      assert.isAtMost((yield* task.snapshot).bytesReceived, 1024 * 1024)
      const drain = yield* Effect.fork(Effect.forever(Queue.take(pulled)))
      assert.strictEqual(yield* Fiber.join(total), 4 * 1024 * 1024)
      yield* Fiber.interrupt(drain)
    }).pipe(scripted(() => large)))

  it.scoped("with a slow reader never times out by idleness", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ timeoutIntervalForRequest: "1 second" }))
      const response = yield* session.execute(api)
      const reading = yield* Effect.fork(
        Stream.runFoldEffect(
          response.stream,
          0,
          (sum, bytes) => Effect.as(Effect.sleep("2 seconds"), sum + bytes.length)
        )
      )
      yield* TestClock.adjust("3 minutes")
      assert.strictEqual(yield* Fiber.join(reading), 4 * 1024 * 1024)
    }).pipe(scripted(() => large)))

  it.scoped("that nobody reads holds nothing when it is small; cancel gives up a large one", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const unread = yield* Effect.forEach(Array.from({ length: 100 }), () => session.execute(`${api}small`))
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      assert.strictEqual(yield* unread[7]?.text ?? Effect.succeed(""), "hello")
      const response = yield* session.execute(api)
      assert.strictEqual((yield* session.openResources).sockets, 1)
      yield* response.cancel
      yield* response.cancel
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      assert.strictEqual((yield* Effect.flip(response.bytes)).reason._tag, "AlreadyConsumed")
    }).pipe(scripted((request) => request.url.endsWith("small") ? ok() : large)))

  it.scoped("has trailers at its end", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [bytes, response] = yield* session.data(api)
      assert.strictEqual(text(bytes), "a")
      assert.strictEqual((yield* response.trailers).get("x-digest"), "abc")
    }).pipe(scripted(() => [
      ...TestTransport.head(200),
      ...TestTransport.bytes("a"),
      ...TestTransport.endWith({ "X-Digest": "abc" })
    ])))

  it.scoped("after a redirect to HEAD, of 204 and of 304 is empty", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* session.data(HttpClientRequest.head(api)))[0].length, 0)
      for (const status of [204, 304]) {
        const response = yield* session.execute(`${api}${status}`)
        assert.strictEqual((yield* response.bytes).length, 0)
        assert.isTrue(Chunk.isEmpty(yield* Stream.runCollect((yield* session.execute(`${api}${status}`)).stream)))
      }
    }).pipe(
      scripted((request) => request.url === api ? ok() : TestTransport.respond(Number(request.url.slice(api.length))))
    ))

  it.scoped("of one piece is gathered whole whatever the pieces it comes in", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [bytes] = yield* session.data(api)
      assert.strictEqual(bytes.length, 4 * 1024 * 1024)
      assert.isTrue(bytes.every((byte) => byte === 120))
    }).pipe(scripted(() => large)))
})
