import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { sweep } from "../session/sweep.ts"
import { api, decode, encode, recording, routes } from "./support.ts"

const large = "x".repeat(100_000)

const summary = ({ ending, request, response }: Recorder.Entry) =>
  `${request.method} ${request.url} ${response?.status ?? "-"} ${
    response?.body._tag === "Kept" ? response.body.bytes.length : "-"
  } ${ending._tag}`

describe("a recording", () => {
  it.effect("has every exchange in the order in which it began: redirects, and what was not read", () =>
    Effect.gen(function*() {
      const { entries, platform, schemes } = yield* recording(
        routes({
          "/": TestTransport.redirect(302, "/b"),
          "/b": TestTransport.respond(200, { body: "hello", headers: { "content-type": "text/plain" } }),
          "/unread": TestTransport.respond(200, { body: "unread" }),
          "/large": TestTransport.respond(200, { body: large })
        }),
        (session) =>
          Effect.gen(function*() {
            const [bytes, response] = yield* session.data(api)
            assert.strictEqual(decode(bytes), "hello")
            assert.strictEqual(response.url, `${api}b`)
            yield* session.execute(`${api}unread`)
            yield* session.execute(`${api}large`)
          })
      )
      assert.deepStrictEqual(entries.map(summary), [
        "GET https://api.test/ 302 0 Complete",
        "GET https://api.test/b 200 5 Complete",
        "GET https://api.test/unread 200 6 Complete",
        "GET https://api.test/large 200 0 Cancelled"
      ])
      assert.strictEqual(platform, "scripted")
      assert.deepStrictEqual(schemes, ["http", "https"])
      assert.deepStrictEqual(entries[1]?.response?.fields, [["content-type", "text/plain"]])
      assert.strictEqual(entries[1]?.response?.length, 5)
    }))

  it.effect("has interim responses, trailers and times", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(recording(
        () => [
          ...TestTransport.delay(100),
          ...TestTransport.informational(103, { link: "</a>; rel=preload" }),
          ...TestTransport.delay(50),
          ...TestTransport.head(200),
          ...TestTransport.bytes("a"),
          ...TestTransport.delay(25),
          ...TestTransport.bytes("b"),
          ...TestTransport.endWith({ "x-sum": "1", "x-session-token": "hunter2" })
        ],
        (session) => session.data(api)
      ))
      yield* TestClock.adjust(100)
      yield* TestClock.adjust(50)
      yield* TestClock.adjust(25)
      const [entry] = (yield* Fiber.join(fiber)).entries
      assert.deepStrictEqual(entry?.informational, [{
        status: 103,
        fields: [["link", "</a>; rel=preload"]],
        after: 100
      }])
      assert.deepStrictEqual(entry?.response?.trailers, [["x-sum", "1"], ["x-session-token", "<redacted>"]])
      assert.deepStrictEqual(entry?.response?.body, { _tag: "Kept", bytes: encode("ab") })
      assert.deepInclude(entry?.times, { requestStart: 0, responseStart: 150, responseEnd: 175 })
      assert.strictEqual(entry?.duration, 175)
    }))

  it.effect("says how an exchange failed, before its head and in the middle of its body", () =>
    Effect.gen(function*() {
      const { entries } = yield* recording(
        routes({
          "/": TestTransport.lost({ requestSent: false }),
          "/b": [...TestTransport.head(200, {}, 9), ...TestTransport.bytes("half"), ...TestTransport.lost()]
        }),
        (session) => Effect.all([Effect.flip(session.data(api)), Effect.flip(session.data(`${api}b`))])
      )
      assert.deepStrictEqual(entries.map(summary), [
        "GET https://api.test/ - - Failed",
        "GET https://api.test/b 200 4 Failed"
      ])
      const endings = entries.map(({ ending }) => ending._tag === "Failed" ? ending.error.reason : ending)
      assert.deepInclude(endings[0], { _tag: "NetworkConnectionLost", requestSent: false })
      assert.deepInclude(endings[1], { _tag: "NetworkConnectionLost", requestSent: true })
    }))

  it.effect("tells what was waited for in vain from what was not wanted", () =>
    Effect.gen(function*() {
      const half: TestTransport.Script = [...TestTransport.head(200), ...TestTransport.bytes("half")]
      const { entries } = yield* recording(
        routes({ "/": TestTransport.hang, "/half": half, "/large": TestTransport.respond(200, { body: large }) }),
        (session) =>
          Effect.gen(function*() {
            const head = yield* Effect.fork(session.data(api))
            const body = yield* Effect.fork(session.data(`${api}half`))
            yield* TestClock.adjust(0)
            yield* Fiber.interrupt(head)
            yield* Fiber.interrupt(body)
            const answer = yield* session.execute(`${api}large`)
            yield* answer.cancel
          })
      )
      assert.deepStrictEqual(entries.map(summary), [
        "GET https://api.test/ - - Interrupted",
        "GET https://api.test/half 200 4 Interrupted",
        "GET https://api.test/large 200 0 Cancelled"
      ])
    }))

  it.effect("has request bodies, streamed ones as they passed", () =>
    Effect.gen(function*() {
      const { entries } = yield* recording(
        () => TestTransport.respond(200),
        (session) =>
          Effect.gen(function*() {
            yield* session.data(HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("whole")))
            yield* session.upload(
              HttpClientRequest.put(api),
              RequestBody.stream(Stream.make(encode("in "), encode("pieces")))
            )
          })
      )
      assert.deepStrictEqual(entries.map(({ request }) => ({ body: request.body, sent: request.sent })), [
        { body: { _tag: "Kept", bytes: encode("whole") }, sent: true },
        { body: { _tag: "Kept", bytes: encode("in pieces") }, sent: true }
      ])
    }))

  it.effect("can be looked at while it is made, and the unread body is still there to read", () =>
    Effect.gen(function*() {
      const recorder = yield* Recorder.Recorder
      const session = yield* UrlSession.UrlSession
      const answer = yield* session.execute(api)
      assert.deepStrictEqual((yield* recorder.recording).entries.map(summary), ["GET https://api.test/ 200 5 Complete"])
      assert.strictEqual(yield* answer.text, "hello")
      assert.strictEqual((yield* answer.trailers).get("x"), "1")
      assert.lengthOf((yield* recorder.recording).entries, 1)
    }).pipe(
      Effect.provide(UrlSession.layer()),
      Effect.provide(Recorder.layerRecordMemory()),
      Effect.provide(TestTransport.layer({
        answer:
          () => [...TestTransport.head(200), ...TestTransport.bytes("hello"), ...TestTransport.endWith({ x: "1" })]
      }))
    ))
})

describe("a recording is bounded", () => {
  it.effect("longer bodies are left out whole, and passed on whole", () =>
    Effect.gen(function*() {
      const { entries, omitted } = yield* recording(
        routes({
          "/": TestTransport.respond(200, { body: "12345" }),
          "/b": TestTransport.respond(200, { body: "123456" })
        }),
        (session) =>
          Effect.gen(function*() {
            yield* session.data(HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("123456")))
            const [bytes] = yield* session.data(`${api}b`)
            assert.strictEqual(decode(bytes), "123456")
          }),
        { maximumBodyBytes: 5 }
      )
      assert.deepStrictEqual(entries[0]?.request.body, { _tag: "LeftOut", size: 6 })
      assert.deepStrictEqual(entries[0]?.response?.body, { _tag: "Kept", bytes: encode("12345") })
      assert.deepStrictEqual(entries[1]?.response?.body, { _tag: "LeftOut", size: 6 })
      assert.strictEqual(omitted, 0)
    }))

  it.effect("so is all of it together, and what does not fit is counted", () =>
    Effect.gen(function*() {
      const { entries, omitted } = yield* recording(
        () => TestTransport.respond(200, { body: "x".repeat(1000) }),
        (session) => Effect.forEach(["1", "2", "3", "4", "5", "6"], (path) => session.data(`${api}${path}`)),
        { maximumBytes: 4400 }
      )
      assert.deepStrictEqual(entries.map(summary), [
        "GET https://api.test/1 200 1000 Complete",
        "GET https://api.test/2 200 1000 Complete",
        "GET https://api.test/3 200 - Complete"
      ])
      assert.strictEqual(omitted, 3)
    }))
})

describe("the redact hook", () => {
  const all = (session: UrlSession.Service) => Effect.all([session.data(api), session.data(`${api}b`)])

  it.effect("has the last word on an entry, and may leave it out", () =>
    Effect.gen(function*() {
      const { entries, omitted } = yield* recording(() => TestTransport.respond(200, { body: "hunter2" }), all, {
        redact: (entry) =>
          entry.request.url === api || entry.response === undefined
            ? undefined
            : { ...entry, response: { ...entry.response, body: { _tag: "Kept", bytes: encode("clean") } } }
      })
      assert.deepStrictEqual(entries.map(summary), ["GET https://api.test/b 200 5 Complete"])
      assert.strictEqual(omitted, 0)
    }))

  it.effect("that throws has let nothing through, and does not disturb the exchange", () =>
    Effect.gen(function*() {
      const { entries, omitted } = yield* recording(() => TestTransport.respond(200, { body: "hunter2" }), all, {
        redact: () => {
          throw new Error("mine")
        }
      })
      assert.deepStrictEqual(entries, [])
      assert.strictEqual(omitted, 2)
    }))
})

describe("recording does not disturb what is recorded", () => {
  const recorded = (answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script) =>
    UrlSession.layer().pipe(
      Layer.provideMerge(Recorder.layerRecordMemory()),
      Layer.provideMerge(TestTransport.layer({ answer }))
    )

  for (const unit of ["Step", "Tick"] as const) {
    it(`an interruption at any ${unit.toLowerCase()} leaves nothing open, and an entry that says how it ended`, async () => {
      const runtime = ManagedRuntime.make(
        recorded((request) =>
          request.url === api ? TestTransport.redirect(302, "/b") : TestTransport.respond(200, { body: "hello" })
        )
      )
      const { recorder, session, transport } = await runtime.runPromise(Effect.all({
        session: UrlSession.UrlSession,
        recorder: Recorder.Recorder,
        transport: TestTransport.TestTransport
      }))
      await sweep(session.data(api), unit, async (where, hung) => {
        assert.isFalse(hung, JSON.stringify(where))
        assert.deepInclude(await runtime.runPromise(session.openResources), { sockets: 0, tasks: 0, timers: 0 })
        assert.strictEqual(await runtime.runPromise(transport.open), 0)
      })
      const { entries } = await runtime.runPromise(recorder.recording)
      // one that was interrupted on its way to the transport is one that nobody answered
      assert.isAtLeast(entries.length, (await runtime.runPromise(transport.requests)).length)
      assert.deepStrictEqual(
        new Set(entries.map(({ ending, response }) => `${response?.status ?? "-"} ${ending._tag}`)),
        new Set(["- Interrupted", "302 Complete", "200 Complete"])
      )
      await runtime.dispose()
    })
  }

  it.scoped("a timer of the session ends it as without, and a late answer is nobody's", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const fiber = yield* Effect.fork(Effect.flip(session.data(api)))
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).code, -1001)
      const { entries } = yield* Effect.flatMap(Recorder.Recorder, (recorder) => recorder.recording)
      assert.deepStrictEqual(entries.map(summary), ["GET https://api.test/ - - Interrupted"])
    }).pipe(Effect.provide(recorded(() => TestTransport.respond(200, { delay: "61 seconds" })))))
})
