import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, nothingOpen, ok, Recorder, requests, scripted, settle, text } from "./support.ts"

const dripping = [
  ...TestTransport.delay("1 second"),
  ...TestTransport.head(200, {}, 4),
  ...TestTransport.delay("1 second"),
  ...TestTransport.bytes("ab"),
  ...TestTransport.delay("1 second"),
  ...TestTransport.bytes("cd"),
  ...TestTransport.end
]

describe("a data task", () => {
  it.scoped("is made suspended, and resume starts it (SES-16, TSK-04, TestURLSession/test_dataTaskWithURL)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      yield* settle
      assert.strictEqual(yield* task.state, "suspended")
      assert.deepStrictEqual(yield* requests, [])
      yield* task.resume
      assert.strictEqual(yield* task.state, "running")
      const [bytes, response] = yield* task.data
      assert.strictEqual(text(bytes), "hello")
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* task.state, "completed")
      assert.strictEqual(yield* task.error, undefined)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  it.scoped("is started by whoever asks for its outcome (TestURLSession/test_dataTaskWithURLRequest)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(HttpClientRequest.get(api))
      const response = yield* task.response
      assert.strictEqual(yield* response.text, "hello")
      assert.strictEqual(text((yield* task.data)[0]), "hello")
    }).pipe(scripted(() => ok())))

  it.scoped("counts suspensions: as many resumes start it, and more do no harm (TSK-05, TestURLSession/test_suspendResumeTask)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      yield* task.suspend
      yield* task.suspend
      yield* task.resume
      yield* task.resume
      assert.strictEqual(yield* task.state, "suspended")
      yield* settle
      assert.strictEqual((yield* requests).length, 0)
      yield* task.resume
      assert.strictEqual(yield* task.state, "running")
      yield* task.resume
      yield* task.resume
      assert.strictEqual(text((yield* task.data)[0]), "hello")
      yield* task.suspend
      assert.strictEqual(yield* task.state, "completed")
    }).pipe(scripted(() => ok())))

  it.scoped("tells who waits for it that it was cancelled, once, however often (TSK-06, TSK-07, TestURLSession/test_cancelTask)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      const waiting = yield* Effect.fork(Effect.flip(task.data))
      yield* settle
      yield* task.cancel
      yield* task.cancel
      const error = yield* Fiber.join(waiting)
      assert.strictEqual(error._tag, "Cancelled")
      assert.strictEqual(error.code, -999)
      assert.strictEqual(yield* task.error, error)
      assert.strictEqual(yield* task.state, "completed")
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => TestTransport.hang)))

  it.scoped("cannot be resumed after it was cancelled (TestURLSession/test_cancelledTasksCannotBeResumed)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      yield* task.cancel
      yield* task.resume
      yield* settle
      assert.deepStrictEqual(yield* requests, [])
      assert.deepStrictEqual(yield* session.allTasks, [])
      assert.strictEqual((yield* Effect.flip(task.data))._tag, "Cancelled")
    }).pipe(scripted(() => ok())))

  it.scoped("is cancelled when its scope closes, and who waits elsewhere sees Cancelled by the scope", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const scope = yield* Scope.make()
      const task = yield* Scope.extend(session.dataTask(api), scope)
      const waiting = yield* Effect.fork(Effect.flip(task.response))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      const error = yield* Fiber.join(waiting)
      assert.deepStrictEqual(error.reason, { _tag: "Cancelled", by: "scope" })
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => TestTransport.hang)))

  it.scoped("is cancelled also while an interceptor of the session keeps it", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ timeoutIntervalForResource: "1 minute" }))
        .pipe(
          Effect.provide(Interceptor.layer(Interceptor.make(() => Effect.never)))
        )
      const task = yield* session.dataTask(api)
      const waiting = yield* Effect.fork(Effect.flip(task.data))
      yield* settle
      yield* task.cancel
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Cancelled")
      const plain = yield* Effect.fork(Effect.flip(session.data(api)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(plain))._tag, "TimeoutError")
    }).pipe(scripted(() => ok())))

  it.scoped("gives its progress: the present, each change, and the end (TSK-09, TSK-10, TSK-12, TSK-19)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      const progress = yield* Effect.fork(Stream.runCollect(task.progress))
      yield* settle
      const data = yield* Effect.fork(task.data)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(data)
      const seen = [...(yield* Fiber.join(progress))]
      assert.deepStrictEqual(seen[0], {
        state: "suspended",
        bytesSent: 0,
        bytesExpectedToSend: 0,
        bytesReceived: 0,
        bytesExpectedToReceive: undefined
      })
      assert.deepStrictEqual(seen[seen.length - 1], {
        state: "completed",
        bytesSent: 0,
        bytesExpectedToSend: 0,
        bytesReceived: 4,
        bytesExpectedToReceive: 4
      })
      assert.include(seen.map((one) => one.bytesReceived), 2)
      assert.deepStrictEqual(yield* task.snapshot, seen[seen.length - 1])
      assert.strictEqual((yield* Stream.runCollect(task.progress)).length, 1)
    }).pipe(scripted(() => dripping)))

  it.scoped("knows how many bytes it is to send (TSK-11)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("twelve bytes")))
      assert.strictEqual((yield* task.snapshot).bytesExpectedToSend, 12)
    }).pipe(scripted(() => ok())))

  it.scoped("has a number, a description and a priority (TSK-01, TSK-08, TSK-15, TSK-18, TestURLSession/test_taskCopy)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api).pipe(
        RequestOptions.with({ taskDescription: "the first", priority: 0.75 })
      )
      const other = yield* session.dataTask(api)
      assert.strictEqual(task.taskDescription, "the first")
      assert.strictEqual(other.taskDescription, undefined)
      assert.strictEqual(yield* task.priority, 0.75)
      assert.strictEqual(yield* other.priority, 0.5)
      yield* task.setPriority(7)
      assert.strictEqual(yield* task.priority, 1)
      assert.notStrictEqual(task.taskIdentifier, other.taskIdentifier)
      const [same] = yield* session.allTasks
      assert.strictEqual(same?.taskIdentifier, task.taskIdentifier)
      assert.strictEqual(yield* same?.priority ?? Effect.succeed(0), 1)
    }).pipe(scripted(() => ok())))

  it.scoped("shows the original and the current request, without user info (TSK-02, TSK-03)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask("https://ada:secret@api.test/a")
      assert.deepInclude(task.originalRequest, { method: "GET", url: `${api}a` })
      const response = yield* task.response
      assert.deepInclude(yield* task.currentRequest, { method: "GET", url: `${api}b` })
      assert.strictEqual(response.url, `${api}b`)
    }).pipe(scripted((request) => request.url.endsWith("a") ? TestTransport.redirect(302, "/b") : ok())))

  it.scoped("waits for its metrics until it has completed (MET-01)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      const metrics = yield* Effect.fork(task.metrics)
      yield* settle
      assert.isNull(metrics.unsafePoll())
      const data = yield* Effect.fork(task.data)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(data)
      const { taskInterval, transactions } = yield* Fiber.join(metrics)
      assert.strictEqual(taskInterval.end - taskInterval.start, 3000)
      assert.strictEqual(transactions.length, 1)
      assert.strictEqual(transactions[0]?.status, 200)
      assert.strictEqual(transactions[0]?.responseBodyBytes, 4)
    }).pipe(scripted(() => dripping)))

  it.scoped("given up by cancelling its response lets another reader know", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      const reader = yield* Effect.fork(Effect.flip(response.bytes))
      yield* settle
      yield* response.cancel
      assert.strictEqual((yield* Fiber.join(reader))._tag, "Cancelled")
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => TestTransport.head(200))))
})

describe("the end of a task", () => {
  const ways: ReadonlyArray<readonly [string, TestTransport.Script, ReadonlyArray<"cancel" | "invalidate" | "time">]> =
    [
      ["answer then cancel", ok(), ["time", "cancel", "invalidate"]],
      ["cancel then answer", TestTransport.respond(200, { delay: "1 second" }), ["cancel", "time", "invalidate"]],
      ["failure then cancel", TestTransport.lost(), ["time", "cancel"]],
      ["cancel then failure", [...TestTransport.delay("1 second"), ...TestTransport.lost()], [
        "cancel",
        "time",
        "cancel"
      ]],
      ["time-out then cancel", TestTransport.hang, ["time", "cancel", "invalidate"]],
      ["invalidation then cancel", TestTransport.hang, ["invalidate", "cancel", "time"]],
      ["invalidation while it fails at once", TestTransport.lost(), ["invalidate", "time"]]
    ]
  for (const [name, script, order] of ways) {
    it.effect(`is told exactly once: ${name} (TSK-21, TDL-11, TestURLSession/test_noDoubleCallbackWhenCancellingAndProtocolFailsFast)`, () => {
      const recorder = new Recorder()
      return Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const session = yield* UrlSession.make(SessionConfiguration.make({ timeoutIntervalForRequest: "5 seconds" }))
          const task = yield* session.dataTask(api)
          const waiting = yield* Effect.fork(Effect.exit(task.data))
          yield* settle
          for (const step of order) {
            if (step === "cancel") yield* task.cancel
            else if (step === "invalidate") yield* session.invalidateAndCancel
            else yield* TestClock.adjust("10 seconds")
          }
          yield* Fiber.join(waiting)
        }))
        assert.strictEqual(recorder.of("TaskCreated").length, 1)
        assert.strictEqual(recorder.of("TaskCompleted").length, 1)
        assert.strictEqual(recorder.of("MetricsCollected").length, 1)
        assert.deepStrictEqual(recorder.tags.slice(-3), ["MetricsCollected", "TaskCompleted", "Invalidated"])
      }).pipe(Effect.provide(recorder.layer), scripted(() => script))
    })
  }
})
