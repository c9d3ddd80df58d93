import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { api, nothingOpen, ok, Recorder, scripted, settle, text } from "./support.ts"

const slow = TestTransport.respond(200, { body: "late", delay: "10 seconds" })

describe("a session's life", () => {
  it.effect("is a Layer, and many requests at once are answered each by its own (SES-15, TestURLSession/test_concurrentRequests)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const bodies = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, i) => i),
        (i) => Effect.map(session.data(`${api}${i}`), ([bytes]) => text(bytes)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(bodies, Array.from({ length: 10 }, (_, i) => `${api}${i}`))
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(
      Effect.provide(UrlSession.layer()),
      scripted((request) => TestTransport.respond(200, { body: request.url }))
    ))

  it.effect("takes its settings from Config (CFG-06)", () =>
    Effect.gen(function*() {
      const { configuration } = yield* UrlSession.UrlSession
      assert.strictEqual(configuration.redirectLimit, 3)
      assert.strictEqual(configuration.sessionDescription, "from the environment")
    }).pipe(
      Effect.provide(UrlSession.layerConfig({
        redirectLimit: Config.integer("LIMIT"),
        sessionDescription: Config.string("NAME")
      })),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["LIMIT", "3"], ["NAME", "from the environment"]]))),
      scripted(() => ok())
    ))

  it.effect("fails as a Layer where Config lacks a setting", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.provide(
        UrlSession.UrlSession,
        UrlSession.layerConfig({ redirectLimit: Config.integer("LIMIT") })
      ))
      assert.isTrue(Exit.isFailure(exit))
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map())), scripted(() => ok())))

  it.effect("keeps its own copy of the configuration (SES-02, SES-05, SES-06)", () =>
    Effect.gen(function*() {
      const headers: Record<string, string> = { "x-a": "1" }
      const configuration = SessionConfiguration.make({ httpAdditionalHeaders: headers, sessionDescription: "mine" })
      const session = yield* Effect.map(UrlSession.make(configuration), (made) => made)
      headers["x-a"] = "2"
      yield* session.data(api)
      const [request] = yield* Effect.flatMap(TestTransport.TestTransport, (transport) => transport.requests)
      assert.strictEqual(request?.header("x-a"), "1")
      assert.strictEqual(session.configuration.sessionDescription, "mine")
    }).pipe(Effect.scoped, scripted(() => ok())))

  it.effect("cancels what runs when its scope closes, and nothing stays open (SES-08, TestURLSession/test_checkErrorTypeAfterInvalidateAndCancel)", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const session = yield* Scope.extend(UrlSession.make(), scope)
      const fiber = yield* Effect.fork(Effect.flip(session.data(api)))
      yield* settle
      assert.strictEqual((yield* session.openResources).tasks, 1)
      yield* Scope.close(scope, Exit.void)
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "Cancelled")
      assert.strictEqual(error.code, -999)
      assert.strictEqual(error.url, api)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => TestTransport.hang)))

  it.effect("fails every later call with SessionInvalidated, never with a defect (SES-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make(SessionConfiguration.make({ sessionDescription: "closed" }))
      yield* session.invalidateAndCancel
      const errors = [
        yield* Effect.flip(session.data(api)),
        yield* Effect.flip(session.execute(api)),
        yield* Effect.flip(session.dataTask(api))
      ]
      for (const error of errors) {
        assert.strictEqual(error._tag, "SessionInvalidated")
        assert.match(error.message, /"closed"/)
      }
      yield* session.invalidateAndCancel
      yield* session.finishTasksAndInvalidate
      yield* session.flush
      yield* session.reset
      assert.deepStrictEqual(yield* session.allTasks, [])
    }).pipe(Effect.scoped, scripted(() => ok())))

  it.effect("lists no task after invalidateAndCancel, and a task never started stays so (TestURLSession/test_taskCountAfterInvalidateAndCancel)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      yield* session.invalidateAndCancel
      assert.deepStrictEqual(yield* session.allTasks, [])
      yield* task.resume
      assert.strictEqual((yield* Effect.flip(task.response))._tag, "Cancelled")
      assert.deepStrictEqual(yield* Effect.flatMap(TestTransport.TestTransport, (one) => one.requests), [])
    }).pipe(Effect.scoped, scripted(() => ok())))

  it.effect("drains: takes nothing new, waits for what runs, then ends (SES-07, TestURLSession/test_finishTasksAndInvalidate)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const data = yield* Effect.fork(session.data(api))
      yield* settle
      const finish = yield* Effect.fork(session.finishTasksAndInvalidate)
      yield* settle
      assert.strictEqual((yield* Effect.flip(session.data(api)))._tag, "SessionInvalidated")
      assert.isNull(finish.unsafePoll())
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(text((yield* Fiber.join(data))[0]), "late")
      yield* Fiber.join(finish)
      assert.deepStrictEqual(recorder.tags.slice(-2), ["TaskCompleted", "Invalidated"])
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error, undefined)
    }).pipe(Effect.provide(UrlSession.layer(undefined, recorder.layer)), scripted(() => slow))
  })

  it.effect("drains once more after a drain that was interrupted", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const data = yield* Effect.fork(session.data(api))
      yield* settle
      const first = yield* Effect.fork(session.finishTasksAndInvalidate)
      yield* settle
      yield* Fiber.interrupt(first)
      const second = yield* Effect.fork(session.finishTasksAndInvalidate)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(data)
      yield* Fiber.join(second)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(Effect.scoped, scripted(() => slow)))

  it.effect("drains past responses that nobody reads, observed or not", () =>
    Effect.gen(function*() {
      for (const layer of [UrlSession.layer(), UrlSession.layer(undefined, new Recorder().layer)]) {
        yield* Effect.gen(function*() {
          const session = yield* UrlSession.UrlSession
          yield* session.execute(`${api}now`)
          const late = yield* session.execute(`${api}late`)
          const finish = yield* Effect.fork(session.finishTasksAndInvalidate)
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(finish)
          assert.strictEqual(late.status, 200)
        }).pipe(Effect.provide(layer))
      }
    }).pipe(scripted((request) =>
      request.url.endsWith("now") ? ok() : [
        ...TestTransport.head(200),
        ...TestTransport.bytes("a"),
        ...TestTransport.delay("30 seconds"),
        ...TestTransport.end
      ]
    )))

  it.effect("invalidates even when the one who asked for it is interrupted half-way", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const Delegate = SessionEvent.layer({ TaskCompleted: () => Deferred.await(gate) })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(UrlSession.layer(undefined, Delegate), scope)
      const session = yield* Effect.provide(UrlSession.UrlSession, context)
      yield* session.data(api)
      const invalidation = yield* Effect.fork(session.invalidateAndCancel)
      yield* settle
      const interruption = yield* Effect.fork(Fiber.interrupt(invalidation))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(interruption)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))
})

describe("Invalidated", () => {
  it.effect("is the last event, exactly once, however often the session is ended (DEL-01, SES-03)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        yield* session.data(api)
        yield* Effect.fork(session.data(`${api}hang`))
        yield* settle
        yield* session.invalidateAndCancel
        yield* session.invalidateAndCancel
      }).pipe(Effect.provide(UrlSession.layer(undefined, recorder.layer)))
      assert.strictEqual(recorder.of("Invalidated").length, 1)
      assert.strictEqual(recorder.tags[recorder.tags.length - 1], "Invalidated")
      assert.strictEqual(recorder.of("TaskCompleted").length, 2)
    }).pipe(scripted((request) => request.url.endsWith("hang") ? TestTransport.hang : ok()))
  })

  it.effect("is waited for at most delegateGrace when an observer hangs, on virtual time", () =>
    Effect.gen(function*() {
      const Delegate = SessionEvent.layer({ TaskCompleted: () => Effect.never })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        UrlSession.layer(SessionConfiguration.make({ delegateGrace: "3 seconds" }), Delegate),
        scope
      )
      const session = yield* Effect.provide(UrlSession.UrlSession, context)
      const seen = yield* Effect.scoped(Effect.gen(function*() {
        const events = yield* session.subscribe
        yield* session.data(api)
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("2999 millis")
        assert.isNull(closing.unsafePoll())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(closing)
        return yield* Stream.runCollect(events)
      }))
      const tags = [...seen].map((event) => event._tag)
      assert.strictEqual(tags[tags.length - 1], "Invalidated")
      assert.strictEqual(tags.filter((tag) => tag === "Invalidated").length, 1)
    }).pipe(scripted(() => ok())))

  it.effect("comes also when an observer ends the session, which does not wait for itself (DEL-01)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const holder: { session?: UrlSession.Service } = {}
      const ending = Effect.suspend(() => holder.session?.invalidateAndCancel ?? Effect.void)
      const Delegate = SessionEvent.layer({
        ...recorder.handlers,
        ResponseReceived: (event: SessionEvent.ResponseReceived) =>
          Effect.zipRight(recorder.handlers.ResponseReceived(event), ending)
      })
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        holder.session = session
        const error = yield* Effect.flip(session.data(api))
        assert.strictEqual(error._tag, "Cancelled")
      }).pipe(Effect.provide(UrlSession.layer(undefined, Delegate)))
      assert.deepStrictEqual(recorder.tags.slice(-3), ["MetricsCollected", "TaskCompleted", "Invalidated"])
    }).pipe(scripted(() => [...TestTransport.head(200), ...TestTransport.bytes("a")]))
  })

  it.effect("comes also when an observer asks to drain: of a task that this very observer holds up", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const holder: { session?: UrlSession.Service } = {}
      const Delegate = SessionEvent.layer({
        ...recorder.handlers,
        TaskCreated: () => Effect.suspend(() => holder.session?.finishTasksAndInvalidate ?? Effect.void)
      })
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        holder.session = session
        const [bytes] = yield* session.data(api)
        assert.strictEqual(text(bytes), "hello")
        yield* settle
        assert.strictEqual((yield* Effect.flip(session.data(api)))._tag, "SessionInvalidated")
      }).pipe(Effect.provide(UrlSession.layer(undefined, Delegate)))
      assert.deepStrictEqual(recorder.tags.slice(-2), ["TaskCompleted", "Invalidated"])
    }).pipe(scripted(() => ok()))
  })

  it.effect("ends a subscription, also one that begins afterwards", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.invalidateAndCancel
      const events = yield* session.subscribe
      assert.strictEqual((yield* Stream.runCollect(events)).length, 0)
    }).pipe(Effect.scoped, scripted(() => ok())))
})

describe("a session's delegate", () => {
  it.effect("belongs to one session: two sessions never meet each other's (SES-02)", () =>
    Effect.gen(function*() {
      const a = new Recorder()
      const b = new Recorder()
      yield* Effect.scoped(Effect.gen(function*() {
        const first = yield* Effect.provide(UrlSession.make(), a.layer)
        const second = yield* Effect.provide(UrlSession.make(), b.layer)
        yield* Effect.provide(first.data(`${api}a`), b.layer)
        yield* second.data(`${api}b`)
      }))
      assert.deepStrictEqual(a.of("TaskCreated").map((event) => event.url), [`${api}a`])
      assert.deepStrictEqual(b.of("TaskCreated").map((event) => event.url), [`${api}b`])
    }).pipe(scripted(() => ok())))

  it.effect("is not met by a handler that itself uses the session with the task's delegate around it", () =>
    Effect.gen(function*() {
      let asked = 0
      const session = yield* UrlSession.make()
      const events = yield* SessionEvent.make({
        TaskCreated: () =>
          Effect.suspend(() => {
            asked++
            return asked > 1 ? Effect.void : Effect.asVoid(session.data(`${api}token`))
          })
      })
      yield* session.data(api).pipe(TaskDelegate.provide({ events }))
      assert.strictEqual(asked, 1)
    }).pipe(Effect.scoped, scripted(() => ok())))

  it.effect("is released with the session's scope (TestURLSession/test_sessionDelegateAfterInvalidateAndCancel, SES-03)", () =>
    Effect.gen(function*() {
      let released = false
      const Delegate = Layer.unwrapScoped(Effect.as(
        Effect.addFinalizer(() =>
          Effect.sync(() => {
            released = true
          })
        ),
        SessionEvent.layer({ Invalidated: () => Effect.void })
      ))
      yield* Effect.flatMap(UrlSession.UrlSession, (session) => session.data(api)).pipe(
        Effect.provide(UrlSession.layer(undefined, Delegate))
      )
      assert.isTrue(released)
    }).pipe(scripted(() => ok())))
})

describe("reset and flush", () => {
  it.effect("leave the session usable (SES-11, SES-12)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.flush
      yield* session.data(api)
      yield* session.reset
      const [, response] = yield* session.data(HttpClientRequest.post(api))
      assert.strictEqual(response.status, 200)
    }).pipe(Effect.scoped, scripted(() => ok())))

  it.effect("allTasks lists what has not completed, until it has (SES-14, SES-13)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      const fiber = yield* Effect.fork(session.data(`${api}two`))
      yield* settle
      const listed = yield* session.allTasks
      assert.deepStrictEqual(listed.map((one) => one.originalRequest.url), [api, `${api}two`])
      assert.strictEqual(listed[0]?.taskIdentifier, task.taskIdentifier)
      assert.notStrictEqual(listed[1]?.taskIdentifier, task.taskIdentifier)
      yield* task.cancel
      yield* Effect.forEach(yield* session.allTasks, (one) => one.cancel)
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "Cancelled")
      assert.deepStrictEqual(yield* session.allTasks, [])
    }).pipe(Effect.scoped, scripted(() => TestTransport.hang)))

  it.effect("many short sessions leave nothing behind", () =>
    Effect.gen(function*() {
      const transport = yield* TestTransport.TestTransport
      for (let i = 0; i < 200; i++) {
        const session = yield* Effect.scoped(Effect.tap(UrlSession.make(), (one) => one.data(api)))
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }
      assert.strictEqual(yield* transport.open, 0)
    }).pipe(scripted(() => ok())))

  it.effect("a defect of an observer's Option is nothing to the session", () =>
    Effect.gen(function*() {
      const Delegate = SessionEvent.layer({ Invalidated: () => Effect.die(Option.none()) })
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(UrlSession.layer(undefined, Delegate))))
      assert.isTrue(Exit.isSuccess(exit))
    }).pipe(scripted(() => ok())))
})
