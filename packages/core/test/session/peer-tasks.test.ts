/** Tasks and their lists: what another implementation's tests ask, and where ours tells more. */
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as RequestBody from "@urlsession/core/RequestBody"
import type { SessionTask } from "@urlsession/core/SessionTask"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, ok, Recorder, requests, scripted, settle, text } from "./support.ts"

const identifiers = (tasks: ReadonlyArray<SessionTask>) => tasks.map((task) => task.taskIdentifier)

describe("the list of tasks", () => {
  it.scoped("has those that were never resumed as well, and none that was cancelled or has completed (SES-14, TestURLSession/test_getAllTasks)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.deepStrictEqual(yield* session.allTasks, [])
      const never = yield* session.dataTask(`${api}hang/1`)
      const running = yield* session.dataTask(`${api}hang/2`)
      const cancelled = yield* session.dataTask(`${api}hang/3`)
      const suspended = yield* session.dataTask(`${api}hang/4`)
      const done = yield* session.dataTask(`${api}ok`)
      assert.deepStrictEqual(
        identifiers(yield* session.allTasks),
        identifiers([never, running, cancelled, suspended, done])
      )
      yield* running.resume
      yield* cancelled.resume
      yield* suspended.resume
      yield* suspended.suspend
      yield* done.data
      yield* cancelled.cancel
      yield* settle
      assert.deepStrictEqual(identifiers(yield* session.allTasks), identifiers([never, running, suspended]))
      assert.deepStrictEqual(
        yield* Effect.forEach(yield* session.allTasks, (task) => task.state),
        ["suspended", "running", "suspended"]
      )
      yield* session.invalidateAndCancel
      assert.deepStrictEqual(yield* session.allTasks, [])
    }).pipe(scripted((request) => request.url.endsWith("ok") ? ok() : TestTransport.hang)))

  it.scoped("says what each is for, by the call that made it (SES-13, TestURLSession/test_getTasksWithCompletion)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const body = RequestBody.text("up")
      const data = yield* session.dataTask(api)
      const upload = yield* session.uploadTask(api, body)
      const fibers = [
        yield* Effect.fork(session.data(api)),
        yield* Effect.fork(session.execute(api)),
        yield* Effect.fork(session.upload(api, body)),
        yield* Effect.fork(session.download(api, "/country.txt"))
      ]
      yield* settle
      const listed = yield* session.allTasks
      const kinds = { data: 0, upload: 0, download: 0 }
      for (const task of listed) kinds[task.kind]++
      assert.deepStrictEqual(kinds, { data: 3, upload: 2, download: 1 })
      assert.strictEqual(data.kind, "data")
      assert.strictEqual(upload.kind, "upload")
      assert.strictEqual(listed.find((task) => task.taskIdentifier === upload.taskIdentifier)?.kind, "upload")
      yield* Fiber.interruptAll(fibers)
      yield* upload.cancel
      assert.deepStrictEqual(identifiers(yield* session.allTasks), [data.taskIdentifier])
    }).pipe(Effect.provide(FileSystem.layerNoop({})), scripted(() => TestTransport.hang)))

  it.scoped("never has a task again that was cancelled before it was resumed, nor is that one sent (TSK-06, TestURLSession/test_cancelledTasksCannotBeResumed)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      yield* task.cancel
      yield* task.resume
      yield* settle
      assert.deepStrictEqual(yield* session.allTasks, [])
      assert.strictEqual(yield* task.state, "completed")
      assert.strictEqual((yield* task.error)?.code, -999)
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(scripted(() => ok())))
})

describe("a size that nobody has said", () => {
  it.effect("is undefined in every place, where URLSession has -1 (SES-29, TSK-12)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const body = RequestBody.stream(Stream.make(new Uint8Array(3)))
        const task = yield* session.uploadTask(api, body)
        assert.strictEqual((yield* task.snapshot).bytesExpectedToSend, undefined)
        const [bytes, response] = yield* task.data
        assert.strictEqual(bytes.length, 5)
        assert.strictEqual(response.expectedContentLength, undefined)
        assert.strictEqual((yield* task.snapshot).bytesExpectedToReceive, undefined)
      }))
      assert.deepStrictEqual(
        [
          ...recorder.of("BodyDataSent").map((event) => event.totalBytesExpectedToSend),
          ...recorder.of("DataReceived").map((event) => event.totalBytesExpected)
        ],
        [undefined, undefined]
      )
    }).pipe(
      Effect.provide(recorder.layer),
      scripted(() => [...TestTransport.head(200), ...TestTransport.bytes("hello"), ...TestTransport.end])
    )
  })
})

describe("observers", () => {
  const forms: Readonly<Record<string, (session: UrlSession.Service) => Effect.Effect<string, unknown>>> = {
    "data": (session) => Effect.map(session.data(api), ([bytes]) => text(bytes)),
    "execute": (session) => Effect.flatMap(session.execute(api), (response) => response.text),
    "a task": (session) =>
      Effect.scoped(Effect.flatMap(session.dataTask(api), (task) => Effect.map(task.data, ([bytes]) => text(bytes)))),
    "upload": (session) =>
      Effect.map(session.upload(api, RequestBody.bytes(new Uint8Array())), ([bytes]) => text(bytes))
  }
  for (const [name, form] of Object.entries(forms)) {
    it.effect(`hear of the response and its data also where the call gives both back: ${name} (SES-16, DDL-01, DDL-03, TestURLSession/test_willPerformRedirect)`, () => {
      const recorder = new Recorder()
      return Effect.gen(function*() {
        assert.strictEqual(yield* Effect.scoped(Effect.flatMap(UrlSession.make(), form)), "hello")
        assert.deepStrictEqual(recorder.tags, [
          "TaskCreated",
          "Redirected",
          "ResponseReceived",
          "DataReceived",
          "MetricsCollected",
          "TaskCompleted",
          "Invalidated"
        ])
      }).pipe(
        Effect.provide(recorder.layer),
        scripted((request) => request.url === api ? TestTransport.redirect(302, "/b") : ok())
      )
    })
  }
})

describe("a response in parts", () => {
  it.effect("of multipart/x-mixed-replace is one response with one body (DDL-01)", () => {
    const recorder = new Recorder()
    const parts = ["one", "two"].map((part) => `--edge\r\nContent-Type: text/plain\r\n\r\n${part}\r\n`)
    return Effect.gen(function*() {
      const [bytes] = yield* Effect.scoped(Effect.flatMap(UrlSession.make(), (session) => session.data(api)))
      assert.strictEqual(text(bytes), parts.join(""))
      assert.strictEqual(recorder.of("ResponseReceived").length, 1)
    }).pipe(
      Effect.provide(recorder.layer),
      scripted(() => [
        ...TestTransport.head(200, { "content-type": "multipart/x-mixed-replace;boundary=edge" }),
        ...parts.flatMap((part) => TestTransport.bytes(part)),
        ...TestTransport.end
      ])
    )
  })
})

describe("a redirect that nobody decides about", () => {
  it.scoped("keeps its task for longer than any idle interval, without an error and with one question (CON-04, TestURLSession/test_httpRedirectDontFollowIgnoringHandler)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const asked: Array<number> = []
      const redirect = yield* RedirectHandler.make((one) =>
        Effect.zipRight(Effect.sync(() => asked.push(one.status)), Effect.never)
      )
      const fiber = yield* Effect.fork(session.data(api).pipe(TaskDelegate.provide({ redirect })))
      yield* TestClock.adjust("2 minutes")
      assert.isNull(fiber.unsafePoll())
      assert.deepStrictEqual(asked, [302])
      assert.deepStrictEqual(recorder.tags, ["TaskCreated"])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* session.allTasks, [])
    }).pipe(Effect.provide(recorder.layer), scripted(() => TestTransport.redirect(302, "/b")))
  })
})
