// Bodies that are made while they are sent: gathered, streamed, refused, given up; in a real browser, and with a `fetch` that
// shows when it is asked for more.
import { assert, describe, inject, it } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { echoOf, makeToken } from "../../core/test/conformance/harness.ts"
import { pattern, sumOf } from "../../core/test/conformance/routes.ts"
import { streamsUploads } from "../src/internal/uploadSupport.ts"
import { answering, bytesOf, failsWith, textOf, turns, withSession } from "./support.ts"

const { http, https } = inject("conformance")

const impatient = { timeoutIntervalForRequest: "5 seconds" } as const

/** A Stream that counts what was asked of it, and whether it is closed. */
const counted = (pieces: number, size = 1000) => {
  const seen = { made: 0, open: 0 }
  const stream = Stream.fromEffect(Effect.sync(() => {
    seen.open++
  })).pipe(
    Stream.flatMap(() => Stream.range(1, pieces)),
    Stream.rechunk(1),
    Stream.mapEffect((n) =>
      Effect.sync(() => {
        seen.made++
        return new Uint8Array(size).fill(n)
      })
    ),
    Stream.ensuring(Effect.sync(() => {
      seen.open--
    }))
  )
  return { seen, stream }
}

describe("a body that is gathered", () => {
  it.live("arrives like bytes: with its length, over HTTP/1.1", () =>
    withSession({}, (session) =>
      Effect.gen(function*() {
        const body = RequestBody.stream(Stream.make(bytesOf("one "), bytesOf("two")))
        const [bytes] = yield* session.upload(`${http}/echo`, body)
        assert.deepInclude(yield* echoOf(textOf(bytes)), { text: "one two", announced: "7" })
      })))

  for (const length of [undefined, 5000]) {
    it.live(`and is longer than the limit is BodyTooLarge, and its Stream is closed: length ${length}`, () =>
      withSession({ uploads: "buffered", maximumBufferedBodyBytes: 2500 }, (session) =>
        Effect.gen(function*() {
          const { seen, stream } = counted(5)
          const body = RequestBody.stream(stream, length === undefined ? {} : { length })
          const error = yield* failsWith(session.upload(`${http}/echo`, body), "InvalidRequest/BodyTooLarge")
          assert.deepInclude(error.reason, { limit: 2500 })
          assert.include(error.message, "2500")
          yield* turns()
          assert.strictEqual(seen.open, 0)
          assert.isBelow(seen.made, 5)
        })))
  }

  it.live("and is as long as the limit is sent", () =>
    withSession({ uploads: "buffered", maximumBufferedBodyBytes: 3000 }, (session) =>
      Effect.gen(function*() {
        const [bytes] = yield* session.upload(`${http}/echo`, RequestBody.stream(counted(3).stream))
        assert.strictEqual((yield* echoOf(textOf(bytes))).length, 3000)
      })))

  it.live("and fails is not sent at all", () =>
    Effect.gen(function*() {
      const { fetch, requests } = answering(() => new Response("ok"))
      yield* withSession({ fetch }, (session) =>
        failsWith(
          session.upload(
            "http://origin.test/",
            RequestBody.stream(Stream.concat(counted(1).stream, Stream.fail("no")))
          ),
          "InvalidRequest/BodyStreamFailed"
        ))
      assert.strictEqual(requests.length, 0)
    }))

  it.effect("has no idle time while it is made: that is not the network's", () =>
    Effect.gen(function*() {
      const { fetch, requests } = answering(() => new Response("ok"))
      yield* withSession({ fetch }, (session) =>
        Effect.gen(function*() {
          const body = RequestBody.stream(Stream.fromEffect(Effect.as(Effect.sleep("20 seconds"), bytesOf("late"))))
          const fiber = yield* Effect.fork(session.upload("http://origin.test/", body))
          yield* TestClock.adjust("20 seconds")
          const [, response] = yield* Fiber.join(fiber)
          assert.strictEqual(response.status, 200)
          assert.strictEqual(requests.length, 1)
        }), impatient)
    }))

  it.effect("and is large has time to go out unseen before the idle time begins (CFG-06)", () =>
    Effect.gen(function*() {
      const { fetch } = answering(() => new Promise(() => {}))
      yield* withSession({ fetch }, (session) =>
        Effect.gen(function*() {
          const send = (length: number) =>
            Effect.fork(Effect.flip(session.upload("http://origin.test/", RequestBody.bytes(new Uint8Array(length)))))
          const large = yield* send(32 * 1000 * 10)
          const small = yield* send(1000)
          yield* turns()
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual((yield* Fiber.join(small))._tag, "TimeoutError")
          yield* TestClock.adjust("9 seconds")
          assert.isNull(large.unsafePoll())
          yield* TestClock.adjust("1 seconds")
          assert.strictEqual((yield* Fiber.join(large))._tag, "TimeoutError")
        }), impatient)
    }))
})

describe("a body that is streamed", () => {
  it.live("and is longer than may be gathered goes out beginning with what was gathered", () =>
    withSession({ maximumBufferedBodyBytes: 100_000 }, (session) =>
      Effect.gen(function*() {
        const whole = pattern(300_001)
        const pieces = Stream.map(Stream.range(0, 30), (i) => whole.subarray(i * 10_000, (i + 1) * 10_000))
        for (const options of [{}, { length: whole.length }]) {
          const [bytes] = yield* session.upload(`${https}/echo`, RequestBody.stream(pieces, options))
          const echo = yield* echoOf(textOf(bytes))
          assert.deepInclude(echo, { length: whole.length, sum: sumOf(whole) })
          assert.strictEqual(echo.announced, undefined)
        }
      })))

  for (const uploads of ["streamed", "auto"] as const) {
    it.live(`is refused by a browser over HTTP/1.1, and the message says what to do: ${uploads}`, () =>
      withSession({ uploads, maximumBufferedBodyBytes: 500 }, (session) =>
        Effect.gen(function*() {
          const { seen, stream } = counted(5)
          const error = yield* failsWith(
            session.upload(`${http}/echo`, RequestBody.stream(stream)),
            "ConnectionError/Unknown"
          )
          assert.include(error.message, "HTTP/2")
          assert.include(error.message, "buffered")
          yield* turns()
          assert.strictEqual(seen.open, 0)
        })))
  }

  it.live("is made no faster than it is asked for", () =>
    Effect.gen(function*() {
      const asked: { reader?: ReadableStreamDefaultReader<Uint8Array> } = {}
      const answered: { resolve?: (response: Response) => void } = {}
      const { fetch } = answering((request) => {
        const reader = request.body?.getReader()
        if (reader !== undefined) asked.reader = reader
        return new Promise((resolve) => {
          answered.resolve = resolve
        })
      })
      yield* withSession({ fetch, uploads: "streamed" }, (session) =>
        Effect.gen(function*() {
          const { seen, stream } = counted(100)
          const fiber = yield* Effect.fork(session.upload("http://origin.test/", RequestBody.stream(stream)))
          yield* turns()
          // one piece ahead at most
          assert.isAtMost(seen.made, 1)
          for (let n = 1; n <= 5; n++) {
            const piece = yield* Effect.promise(() => asked.reader?.read() ?? Promise.reject(new Error("no body")))
            assert.strictEqual(piece.value?.[0], n)
            yield* turns()
            assert.isAtMost(seen.made, n + 1)
          }
          answered.resolve?.(new Response("enough"))
          const [bytes] = yield* Fiber.join(fiber)
          assert.strictEqual(textOf(bytes), "enough")
          yield* turns()
          assert.strictEqual(seen.open, 0)
        }))
    }))

  it.effect("has no idle time while it waits for its Stream, and has while the network waits (CFG-06)", () =>
    Effect.gen(function*() {
      const { fetch } = answering(async (request) => {
        const reader = request.body?.getReader()
        await reader?.read()
        await reader?.read()
        return new Promise(() => {})
      })
      yield* withSession({ fetch, uploads: "streamed" }, (session) =>
        Effect.gen(function*() {
          const slow = Stream.fromEffect(Effect.as(Effect.sleep("20 seconds"), bytesOf("second")))
          const body = RequestBody.stream(
            Stream.concat(Stream.make(bytesOf("first")), Stream.concat(slow, Stream.never))
          )
          const fiber = yield* Effect.fork(Effect.flip(session.upload("http://origin.test/", body)))
          yield* turns()
          yield* TestClock.adjust("20 seconds")
          yield* turns()
          assert.isNull(fiber.unsafePoll())
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimeoutError")
        }), impatient)
    }))

  it.live("is given up with the request: its Stream is closed, and the browser's too", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const ends: Array<string> = []
      const { fetch } = answering(async (request) => {
        const reader = request.body?.getReader()
        await reader?.read()
        Effect.runSync(Deferred.succeed(begun, undefined))
        await reader?.read().catch((error: unknown) => ends.push(String(error)))
        return Promise.reject(new TypeError("broken"))
      })
      yield* withSession({ fetch, uploads: "streamed" }, (session) =>
        Effect.gen(function*() {
          const { seen, stream } = counted(1)
          const body = RequestBody.stream(Stream.concat(stream, Stream.never))
          const fiber = yield* Effect.fork(session.upload("http://origin.test/", body))
          yield* Deferred.await(begun)
          yield* Fiber.interrupt(fiber)
          yield* turns()
          assert.strictEqual(seen.open, 0)
          assert.deepStrictEqual(ends, ["Error: the upload was given up"])
        }))
    }))

  it.live("and fails after an early answer fails the body of that answer", () =>
    Effect.gen(function*() {
      const endless = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
      const { fetch } = answering(async (request) => {
        const reader = request.body?.getReader()
        await reader?.read()
        void reader?.read().catch(() => undefined)
        return new Response(endless)
      })
      yield* withSession({ fetch, uploads: "streamed" }, (session) =>
        Effect.scoped(Effect.gen(function*() {
          const gate = yield* Deferred.make<void>()
          const late = Stream.fromEffect(Effect.zipRight(Deferred.await(gate), Effect.fail("late")))
          const body = RequestBody.stream(Stream.concat(Stream.make(bytesOf("x")), late))
          const task = yield* session.uploadTask("http://origin.test/", body)
          const response = yield* task.response
          const fiber = yield* Effect.fork(response.bytes)
          yield* Deferred.succeed(gate, undefined)
          yield* failsWith(Fiber.join(fiber), "InvalidRequest/BodyStreamFailed")
        })))
    }))

  it.live("reports no progress, since fetch has none: nothing is told that nobody knows", () =>
    withSession({ uploads: "streamed" }, (session) =>
      Effect.scoped(Effect.gen(function*() {
        const token = yield* makeToken
        const task = yield* session.uploadTask(`${https}/echo?token=${token}`, RequestBody.stream(counted(3).stream))
        yield* task.data
        assert.strictEqual((yield* task.snapshot).bytesSent, 0)
      }))))
})

describe("where fetch cannot stream", () => {
  /** What a `Request` does that knows no streams: it makes a text of them. */
  class OldRequest extends Request {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      super(input, init?.body instanceof ReadableStream ? { method: "POST", body: String(init.body) } : init)
    }
  }
  const withOld = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
    const before = globalThis.Request
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        globalThis.Request = OldRequest
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          globalThis.Request = before
        })
    )
  }

  it("this browser can, that one cannot, and the runtime itself is asked", () => {
    assert.isTrue(streamsUploads())
    assert.isFalse(Effect.runSync(withOld(Effect.sync(streamsUploads))))
  })

  it.live("a body that must be streamed is UnsupportedBody, and says what to do", () =>
    withOld(withSession({ uploads: "streamed" }, (session) =>
      Effect.gen(function*() {
        const { seen, stream } = counted(1)
        const error = yield* failsWith(
          session.upload(`${http}/echo`, RequestBody.stream(stream)),
          "InvalidRequest/UnsupportedBody"
        )
        assert.include(error.message, "auto")
        assert.strictEqual(seen.made, 0)
      }))))

  it.live("a body longer than the limit is BodyTooLarge, one within it is sent", () =>
    withOld(withSession({ maximumBufferedBodyBytes: 2500 }, (session) =>
      Effect.gen(function*() {
        yield* failsWith(
          session.upload(`${http}/echo`, RequestBody.stream(counted(5).stream)),
          "InvalidRequest/BodyTooLarge"
        )
        const [bytes] = yield* session.upload(`${http}/echo`, RequestBody.stream(counted(2).stream))
        assert.strictEqual((yield* echoOf(textOf(bytes))).length, 2000)
      }))))
})
