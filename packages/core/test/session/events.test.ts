import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type { RedirectControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as ResponseHandler from "@urlsession/core/ResponseHandler"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { api, inTurn, ok, Recorder, scripted, settle, text } from "./support.ts"

/** Runs a program on a session with a recorder beside a delegate, and gives the events of all its life. */
const record = <A, E, D>(
  answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script,
  program: (session: UrlSession.Service) => Effect.Effect<A, E>,
  delegate: Layer.Layer<D, never, RedirectControl> = Layer.empty as Layer.Layer<never> as Layer.Layer<D>
) =>
  Effect.gen(function*() {
    const recorder = new Recorder()
    yield* Effect.scoped(Effect.flatMap(UrlSession.make(), program)).pipe(
      Effect.provide(Layer.merge(recorder.layer, delegate))
    )
    return recorder
  }).pipe(scripted(answer))

const ends = ["MetricsCollected", "TaskCompleted", "Invalidated"]

describe("the order of events", () => {
  it.effect("of a plain exchange: created, response, data, metrics, completed (TDL-01, TSK-20, DDL-01, DDL-03, TDL-10, TestURLSession/test_httpNotFound)", () =>
    Effect.gen(function*() {
      const recorder = yield* record(
        () => TestTransport.respond(404, { body: "not here" }),
        (session) => session.data(api)
      )
      assert.deepStrictEqual(recorder.tags, ["TaskCreated", "ResponseReceived", "DataReceived", ...ends])
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error, undefined)
      assert.strictEqual(recorder.of("ResponseReceived")[0]?.status, 404)
      assert.deepInclude(recorder.of("DataReceived")[0], {
        bytesReceived: 8,
        totalBytesReceived: 8,
        totalBytesExpected: 8
      })
    }))

  it.effect("of a body: told as it is sent, and again when it is sent again (TDL-08, TSK-10, TestURLSession/test_simpleUploadWithDelegate)", () =>
    Effect.gen(function*() {
      const recorder = yield* record(
        inTurn(TestTransport.redirect(307, "/elsewhere"), ok()),
        (session) => session.data(HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("twelve bytes")))
      )
      assert.deepStrictEqual(
        recorder.tags,
        ["TaskCreated", "BodyDataSent", "Redirected", "BodyDataSent", "ResponseReceived", "DataReceived", ...ends]
      )
      for (const sent of recorder.of("BodyDataSent")) {
        assert.deepInclude(sent, { bytesSent: 12, totalBytesSent: 12, totalBytesExpectedToSend: 12 })
      }
    }))

  it.effect("of informational responses: each before the final one (TDL-09)", () =>
    Effect.gen(function*() {
      const recorder = yield* record(
        () => [
          ...TestTransport.informational(103, { link: "</style.css>" }),
          ...TestTransport.informational(102),
          ...ok()
        ],
        (session) => session.data(api)
      )
      assert.deepStrictEqual(recorder.tags.slice(0, 4), [
        "TaskCreated",
        "InformationalResponse",
        "InformationalResponse",
        "ResponseReceived"
      ])
      assert.strictEqual(recorder.of("InformationalResponse")[0]?.headers.get("link"), "</style.css>")
    }))

  it.effect("of a redirect: one event for each that is followed, one response (TDL-04, TestURLSession/test_httpRedirectionWithCode301_302)", () =>
    Effect.gen(function*() {
      for (const status of [301, 302]) {
        const recorder = yield* record(
          inTurn(TestTransport.redirect(status, "/b"), ok()),
          (session) => session.data(api)
        )
        assert.deepStrictEqual(recorder.tags, [
          "TaskCreated",
          "Redirected",
          "ResponseReceived",
          "DataReceived",
          ...ends
        ])
        assert.deepInclude(recorder.of("Redirected")[0], { status, from: api, to: `${api}b` })
        assert.strictEqual(recorder.of("MetricsCollected")[0]?.metrics.redirectCount, 1)
        assert.strictEqual(recorder.of("MetricsCollected")[0]?.metrics.transactions.length, 2)
      }
    }))

  it.effect("of a redirect refused by the delegate: the 3xx, its body, no error (RED-07, TestURLSession/test_httpRedirectDontFollowUsingNil)", () =>
    Effect.gen(function*() {
      const recorder = yield* record(
        () => TestTransport.respond(302, { headers: { location: "/b" }, body: "over there" }),
        (session) => Effect.map(session.data(api), ([bytes]) => assert.strictEqual(text(bytes), "over there")),
        RedirectHandler.none
      )
      assert.deepStrictEqual(recorder.tags, ["TaskCreated", "ResponseReceived", "DataReceived", ...ends])
      assert.strictEqual(recorder.of("ResponseReceived")[0]?.status, 302)
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error, undefined)
    }))

  it.effect("of a challenge: answered, then one response (MET-01)", () =>
    Effect.gen(function*() {
      const recorder = yield* record(
        inTurn(TestTransport.challenge("Basic realm=\"a\""), ok()),
        (session) => session.data(api),
        ChallengeResolver.layer({
          Basic: ChallengeResolver.anyOrigin(() =>
            Effect.succeed(Disposition.use(Credential.password({ user: "a", password: Redacted.make("b") })))
          )
        })
      )
      assert.deepStrictEqual(recorder.tags, [
        "TaskCreated",
        "ChallengeAnswered",
        "ResponseReceived",
        "DataReceived",
        ...ends
      ])
      assert.strictEqual(recorder.of("MetricsCollected")[0]?.metrics.transactions.length, 2)
    }))

  it.effect("of a failure: metrics and the error, nothing else", () =>
    Effect.gen(function*() {
      const recorder = yield* record(() => TestTransport.lost(), (session) => Effect.flip(session.data(api)))
      assert.deepStrictEqual(recorder.tags, ["TaskCreated", ...ends])
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error?._tag, "ConnectionError")
    }))

  it.effect("of an interruption: completed without an error, and marked so", () =>
    Effect.gen(function*() {
      const recorder = yield* record(() => TestTransport.hang, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(api))
          yield* settle
          yield* Fiber.interrupt(fiber)
        }))
      assert.deepStrictEqual(recorder.tags, ["TaskCreated", ...ends])
      assert.deepInclude(recorder.of("TaskCompleted")[0], { error: undefined, interrupted: true })
    }))

  it.effect("of HEAD and of 304: no data (TestURLSession/test_httpRedirectionWithCode304)", () =>
    Effect.gen(function*() {
      const head = yield* record(() => ok(), (session) => session.data(HttpClientRequest.head(api)))
      assert.deepStrictEqual(head.tags, ["TaskCreated", "ResponseReceived", ...ends])
      const notModified = yield* record(
        () => TestTransport.respond(304, { headers: { location: "/b" } }),
        (session) => session.data(api)
      )
      assert.deepStrictEqual(notModified.tags, ["TaskCreated", "ResponseReceived", ...ends])
      assert.strictEqual(notModified.of("ResponseReceived")[0]?.status, 304)
    }))

  it.effect("of 300: it is delivered, not followed (TestURLSession/test_httpRedirectionWithCode300)", () =>
    Effect.gen(function*() {
      const recorder = yield* record(
        () => TestTransport.respond(300, { headers: { location: "/b" }, body: "Redirecting" }),
        (session) => session.data(api)
      )
      assert.deepStrictEqual(recorder.tags, ["TaskCreated", "ResponseReceived", "DataReceived", ...ends])
    }))

  it.effect("of a defect in an interceptor-like place: not told as a success", () =>
    Effect.gen(function*() {
      const recorder = yield* record(() => ok(), (session) =>
        Effect.sandbox(Effect.flatMap(session.execute(api), (response) =>
          response.forEachChunk(() => {
            throw new Error("the reader's own fault")
          }))).pipe(Effect.flip))
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error?._tag, "ConnectionError")
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error?.code, -1)
    }))

  it.effect("has no user info and no query in it (REQ-03)", () =>
    Effect.gen(function*() {
      const recorder = yield* record(
        inTurn(TestTransport.redirect(302, "/b?token=hidden"), ok()),
        (session) => session.data("https://ada:hidden@api.test/a?signature=hidden")
      )
      const told = recorder.events.filter((event) => event._tag !== "MetricsCollected")
      assert.notInclude(JSON.stringify(told), "hidden")
    }))
})

describe("the task level", () => {
  it.effect("is told before the session, which gets what the task does not handle (TSK-16, TestURLSession/test_sessionDelegateCalledIfTaskDelegateDoesNotImplement, TestURLSession/test_asyncDataFromURLWithDelegate)", () =>
    Effect.gen(function*() {
      const own = new Recorder()
      const events = yield* SessionEvent.make({ DataReceived: own.handlers.DataReceived })
      const recorder = yield* record(() => ok(), (session) =>
        Effect.map(
          TaskDelegate.provide({ events })(session.data(api)),
          ([bytes]) => assert.strictEqual(text(bytes), "hello")
        ))
      assert.deepStrictEqual(own.tags, ["DataReceived"])
      assert.deepStrictEqual(recorder.tags, ["TaskCreated", "ResponseReceived", ...ends])
    }))

  it.effect("decides on the response in place of the session (DDL-01)", () =>
    Effect.gen(function*() {
      const response = yield* ResponseHandler.make((head) => Effect.succeed(head.status === 200 ? "cancel" : "allow"))
      const recorder = yield* record(
        () => ok(),
        (session) =>
          Effect.gen(function*() {
            const error = yield* Effect.flip(TaskDelegate.provide({ response })(session.data(api)))
            assert.deepStrictEqual(error.reason, { _tag: "Cancelled", by: "responseHandler" })
            assert.strictEqual(error.code, -999)
            yield* session.data(api)
          }),
        ResponseHandler.layer(() => Effect.succeed("allow"))
      )
      assert.deepStrictEqual(recorder.tags.slice(0, 4), [
        "TaskCreated",
        "ResponseReceived",
        "MetricsCollected",
        "TaskCompleted"
      ])
    }))

  it.effect("a ResponseHandler that fails or dies ends the task with DelegateFailed", () =>
    Effect.gen(function*() {
      for (const broken of [Effect.fail("no"), Effect.die("no")]) {
        yield* record(
          () => ok(),
          (session) =>
            Effect.map(Effect.flip(session.data(api)), (error) => {
              assert.strictEqual(error._tag, "DelegateFailed")
              assert.deepStrictEqual(error.reason, { _tag: "HandlerFailed", slot: "ResponseHandler" })
            }),
          ResponseHandler.layer(() => broken)
        )
      }
    }))

  it.effect("a ResponseHandler that cannot be interrupted does not keep a task that is cancelled", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      yield* record(
        () => ok(),
        (session) =>
          Effect.gen(function*() {
            const task = yield* session.dataTask(api)
            const waiting = yield* Effect.fork(Effect.flip(task.data))
            yield* settle
            yield* task.cancel
            assert.strictEqual((yield* Fiber.join(waiting))._tag, "Cancelled")
            yield* Deferred.succeed(gate, undefined)
          }).pipe(Effect.scoped),
        ResponseHandler.layer(() => Effect.uninterruptible(Effect.as(Deferred.await(gate), "allow" as const)))
      )
    }))

  it.effect("a ResponseHandler that never answers keeps the task without a time-out, and it can be cancelled (CON-04)", () =>
    record(
      () => ok(),
      (session) =>
        Effect.gen(function*() {
          const task = yield* session.dataTask(api)
          const waiting = yield* Effect.fork(Effect.flip(task.data))
          yield* settle
          assert.isNull(waiting.unsafePoll())
          yield* task.cancel
          assert.strictEqual((yield* Fiber.join(waiting))._tag, "Cancelled")
        }).pipe(Effect.scoped),
      ResponseHandler.layer(() => Effect.never)
    ))
})
