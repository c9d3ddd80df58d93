// Responses of a `fetch` that a test answers itself: how far they are read ahead, what is believed of them, how they end.
import { assert, describe, it } from "@effect/vitest"
import * as FetchTransport from "@urlsession/browser/FetchTransport"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { answering, failsWith, textOf, turns, withSession } from "./support.ts"

const url = "http://origin.test/"
const kibibyte = 1024

/** A body that counts what was asked of it. */
const counted = (pieces: number, size = 16 * kibibyte) => {
  const seen = { asked: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (seen.asked === pieces) return controller.close()
      controller.enqueue(new Uint8Array(size).fill(++seen.asked))
    },
    cancel: () => {
      seen.cancelled = true
    }
  }, { highWaterMark: 0 })
  return { seen, body }
}

const endless = (): ReadableStream<Uint8Array> => new ReadableStream({ pull: () => new Promise(() => {}) })

describe("a body", () => {
  it.live("is read ahead to 64 KiB, and no further until it is asked for", () => {
    const { body, seen } = counted(100)
    return withSession({ fetch: answering(() => new Response(body)).fetch }, (session) =>
      Effect.gen(function*() {
        const response = yield* session.execute(url)
        yield* turns()
        assert.strictEqual(seen.asked, 4)
        const chunks = yield* Stream.runCollect(response.stream)
        assert.strictEqual(Chunk.reduce(chunks, 0, (sum, chunk) => sum + chunk.length), 100 * 16 * kibibyte)
      }))
  })

  it.live("waits for a slow reader: half a MiB may be on its way", () => {
    const { body, seen } = counted(1000)
    return withSession({ fetch: answering(() => new Response(body)).fetch }, (session) =>
      Effect.gen(function*() {
        const response = yield* session.execute(url)
        const first = yield* response.stream.pipe(
          Stream.mapEffect((chunk) => Effect.map(turns(200), () => ({ chunk, asked: seen.asked }))),
          Stream.runHead
        )
        assert.isTrue(Option.isSome(first) && first.value.asked * 16 <= 640)
        yield* turns()
        assert.isTrue(seen.cancelled)
      }))
  })

  it.live("that is small and unread is closed by itself", () =>
    withSession({ fetch: answering(() => new Response("small")).fetch }, (session) =>
      Effect.gen(function*() {
        yield* session.execute(url)
        yield* turns()
        assert.deepInclude(yield* session.openResources, { sockets: 0, tasks: 0 })
      })))

  it.effect("that is large and unread is given up after the idle time, and says so", () => {
    const { body, seen } = counted(100)
    return withSession({ fetch: answering(() => new Response(body)).fetch }, (session) =>
      Effect.gen(function*() {
        const response = yield* session.execute(url)
        yield* turns()
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual((yield* session.openResources).sockets, 1)
        yield* TestClock.adjust("1 seconds")
        yield* turns()
        assert.strictEqual((yield* session.openResources).sockets, 0)
        assert.isTrue(seen.cancelled)
        const error = yield* failsWith(response.bytes, "ConnectionError/NetworkConnectionLost")
        assert.deepInclude(error.reason, { why: "Abandoned" })
      }), { timeoutIntervalForRequest: "5 seconds" })
  })

  it.effect("that is being read is never given up for the slowness of its reader", () => {
    const { body } = counted(10)
    return withSession({ fetch: answering(() => new Response(body)).fetch }, (session) =>
      Effect.gen(function*() {
        const response = yield* session.execute(url)
        const fiber = yield* Effect.fork(
          response.stream.pipe(
            Stream.tap(() => Effect.sleep("8 seconds")),
            Stream.runFold(0, (sum, chunk) => sum + chunk.length)
          )
        )
        for (let i = 0; i < 30 && fiber.unsafePoll() === null; i++) {
          yield* turns()
          yield* TestClock.adjust("8 seconds")
        }
        assert.strictEqual(yield* Fiber.join(fiber), 10 * 16 * kibibyte)
      }), { timeoutIntervalForRequest: "5 seconds" })
  })

  it.effect("that a suspended task holds has no idle time; when it is resumed it has (TSK-05)", () =>
    withSession(
      { fetch: answering(() => new Response(endless())).fetch },
      (session) =>
        Effect.scoped(Effect.gen(function*() {
          const task = yield* session.dataTask(url)
          const response = yield* task.response
          const fiber = yield* Effect.fork(Effect.flip(response.bytes))
          yield* turns()
          yield* task.suspend
          yield* TestClock.adjust("20 seconds")
          assert.isNull(fiber.unsafePoll())
          yield* task.resume
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimeoutError")
        })),
      { timeoutIntervalForRequest: "5 seconds" }
    ))

  for (const announced of ["3", "7"]) {
    it.live(`of another length than announced is NetworkConnectionLost: ${announced} of 5 (NET-07)`, () => {
      const { fetch } = answering(() => new Response("12345", { headers: { "content-length": announced } }))
      return withSession({ fetch }, (session) =>
        Effect.gen(function*() {
          const error = yield* failsWith(session.data(url), "ConnectionError/NetworkConnectionLost")
          assert.deepInclude(error.reason, { bytesReceived: 5, bytesExpected: Number(announced) })
        }))
    })
  }

  it.live("that the runtime has decoded is not measured by the length of the coded one (TSK-12)", () => {
    const headers = { "content-length": "3", "content-encoding": "gzip" }
    return withSession(
      { fetch: answering(() => new Response("decoded", { headers })).fetch },
      (session) =>
        Effect.gen(function*() {
          const [bytes, response] = yield* session.data(url)
          assert.strictEqual(textOf(bytes), "decoded")
          assert.strictEqual(response.expectedContentLength, 3)
        })
    )
  })

  it.live("is whole where a runtime has no streams of bytes", () => {
    const { fetch } = answering(() => {
      const response = new Response("whole")
      Object.defineProperty(response, "body", { value: undefined })
      return response
    })
    return withSession({ fetch }, (session) =>
      Effect.gen(function*() {
        const [bytes] = yield* session.data(url)
        assert.strictEqual(textOf(bytes), "whole")
      }))
  })

  it.live("is told of once, with what came", () => {
    const events: Array<SessionEvent.SessionEvent> = []
    const observer = Layer.succeed(SessionEvent.SessionEvents, (event) => Effect.sync(() => events.push(event)))
    const { fetch } = answering(() => new Response("12345", { headers: { "content-length": "5" } }))
    return Effect.scoped(Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(
        Effect.provide(Layer.merge(FetchTransport.layerWith({ fetch }), observer))
      )
      yield* session.data(url)
      yield* session.finishTasksAndInvalidate
      const received = events.filter((event) => event._tag === "DataReceived")
      assert.deepStrictEqual(received.map((event) => [event.totalBytesReceived, event.totalBytesExpected]), [[5, 5]])
    }))
  })
})

describe("a head", () => {
  it.live("that shows nothing of itself is InvalidResponse", () =>
    withSession({ fetch: answering(() => Response.error()).fetch }, (session) =>
      Effect.gen(function*() {
        const error = yield* failsWith(session.data(url), "InvalidResponse/BadServerResponse")
        assert.include(error.message, "\"error\"")
      })))

  it.live("that came from elsewhere says where (RED-01)", () => {
    const { fetch } = answering(() => {
      const response = new Response("moved")
      Object.defineProperty(response, "url", { value: "http://elsewhere.test/moved?token=hidden" })
      return response
    })
    return withSession({ fetch }, (session) =>
      Effect.gen(function*() {
        const [, response] = yield* session.data(`${url}#part`)
        assert.strictEqual(response.url, "http://elsewhere.test/moved?token=hidden")
      }))
  })

  it.live("that comes after the request was given up is given up too", () => {
    const { body, seen } = counted(100)
    const late: { resolve?: (response: Response) => void } = {}
    // a `fetch` that does not look at its signal
    const fetch: typeof globalThis.fetch = () =>
      new Promise((resolve) => {
        late.resolve = resolve
      })
    return withSession({ fetch }, (session) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(session.data(url))
        yield* turns()
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* session.openResources).sockets, 0)
        late.resolve?.(new Response(body))
        yield* turns()
        assert.isTrue(seen.cancelled)
      }))
  })

  it.live("of a fetch that throws is a ConnectionError", () => {
    const fetch: typeof globalThis.fetch = () => {
      throw new TypeError("no network in this runtime")
    }
    return withSession({ fetch }, (session) =>
      Effect.gen(function*() {
        const error = yield* failsWith(session.data(url), "ConnectionError/Unknown")
        assert.instanceOf(error.cause, TypeError)
      }))
  })
})

describe("the signal of a request", () => {
  it.live("is untouched where all went well, and aborted where it did not", () => {
    const { fetch, requests } = answering((request) =>
      request.url.endsWith("/endless") ? new Response(endless()) : new Response("ok")
    )
    return withSession({ fetch }, (session) =>
      Effect.gen(function*() {
        yield* session.data(url)
        const response = yield* session.execute(`${url}endless`)
        yield* response.cancel
        assert.deepStrictEqual(requests.map((request) => request.signal.aborted), [false, true])
      }))
  })
})
