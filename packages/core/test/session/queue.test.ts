import { assert, describe, it } from "@effect/vitest"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { api, inTurn, ok, Recorder, scripted, settle, text } from "./support.ts"

const chunks = (count: number): TestTransport.Script => [
  ...TestTransport.head(200),
  ...Array.from({ length: count }, () => TestTransport.bytes("x")).flat(),
  ...TestTransport.end
]

describe("the delegate queue", () => {
  it.effect("merges progress while a slow handler runs, and loses none of it (SES-04)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const Delegate = SessionEvent.layer({
        ...recorder.handlers,
        ResponseReceived: (event: SessionEvent.ResponseReceived) =>
          Effect.zipRight(Deferred.await(gate), recorder.handlers.ResponseReceived(event))
      })
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        let seen = 0
        const response = yield* session.execute(api)
        yield* response.forEachChunk((bytes) => {
          seen += bytes.length
        })
        assert.strictEqual(seen, 10_000)
        assert.deepStrictEqual(recorder.tags, ["TaskCreated"])
        yield* Deferred.succeed(gate, undefined)
      }).pipe(Effect.provide(UrlSession.layer(undefined, Delegate)))
      assert.deepStrictEqual(recorder.tags, [
        "TaskCreated",
        "ResponseReceived",
        "DataReceived",
        "MetricsCollected",
        "TaskCompleted",
        "Invalidated"
      ])
      assert.deepInclude(recorder.of("DataReceived")[0], { bytesReceived: 10_000, totalBytesReceived: 10_000 })
    }).pipe(scripted(() => chunks(10_000)))
  })

  it.effect("handles one event at a time, in order", () => {
    const order: Array<string> = []
    const slow = (name: string) =>
      Effect.gen(function*() {
        order.push(`${name} begins`)
        yield* Effect.yieldNow()
        order.push(`${name} ends`)
      })
    return Effect.gen(function*() {
      yield* Effect.flatMap(UrlSession.UrlSession, (session) => session.data(api)).pipe(
        Effect.provide(UrlSession.layer(
          undefined,
          SessionEvent.layer({
            ResponseReceived: () => slow("response"),
            DataReceived: () => slow("data"),
            TaskCompleted: () => slow("completion"),
            Invalidated: () => slow("invalidation")
          })
        ))
      )
      assert.deepStrictEqual(
        order,
        ["response", "data", "completion", "invalidation"].flatMap((name) => [`${name} begins`, `${name} ends`])
      )
    }).pipe(scripted(() => ok()))
  })

  it.effect("lets a decider begin only after what was emitted before has been handled", () => {
    const order: Array<string> = []
    return Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const Delegate = Layer.merge(
        SessionEvent.layer({
          InformationalResponse: () => Effect.zipRight(Deferred.await(gate), Effect.sync(() => order.push("observed")))
        }),
        RedirectHandler.layer(() => Effect.as(Effect.sync(() => order.push("decided")), RedirectHandler.follow))
      )
      const session = yield* Effect.provide(UrlSession.make(), Delegate)
      const fiber = yield* Effect.fork(session.data(api))
      yield* settle
      assert.deepStrictEqual(order, [])
      yield* Deferred.succeed(gate, undefined)
      const [bytes] = yield* Fiber.join(fiber)
      assert.strictEqual(text(bytes), "hello")
      assert.deepStrictEqual(order, ["observed", "decided"])
    }).pipe(
      Effect.scoped,
      scripted(inTurn([...TestTransport.informational(103), ...TestTransport.redirect(302, "/b")], ok()))
    )
  })

  it.effect("does not let an observer that uses its own session wait for itself", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const holder: { session?: UrlSession.Service; nested: number } = { nested: 0 }
      const Delegate = Layer.merge(
        SessionEvent.layer({
          ...recorder.handlers,
          Redirected: (event: SessionEvent.Redirected) =>
            Effect.suspend(() => {
              if (holder.session === undefined || event.from !== `${api}a`) return Effect.void
              return Effect.ignore(Effect.tap(holder.session.data(`${api}nested`), () => {
                holder.nested++
              }))
            })
        }),
        RedirectHandler.layer(() => Effect.succeed(RedirectHandler.follow))
      )
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        holder.session = session
        yield* session.data(`${api}a`)
        yield* settle
      }).pipe(Effect.provide(UrlSession.layer(undefined, Delegate)))
      assert.strictEqual(holder.nested, 1)
      assert.strictEqual(recorder.of("TaskCompleted").length, 2)
    }).pipe(scripted((request) => request.url.endsWith("/end") ? ok() : TestTransport.redirect(302, "/end")))
  })

  it.effect("reports handlers that fail or die, and the transfer never sees it", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const Delegate = SessionEvent.layer({
        TaskCreated: () => Effect.die("at the beginning"),
        ResponseReceived: () => Effect.fail("in the middle"),
        DataReceived: (): Effect.Effect<void> => {
          throw new Error("outside of any effect")
        },
        TaskCompleted: recorder.handlers.TaskCompleted
      })
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        assert.strictEqual(text((yield* session.data(api))[0]), "hello")
      }).pipe(Effect.provide(UrlSession.layer(undefined, Delegate)))
      assert.strictEqual(recorder.of("TaskCompleted")[0]?.error, undefined)
    }).pipe(scripted(() => ok()))
  })

  it.effect("runs handlers with the services they were built with", () => {
    class Name extends Context.Tag("test/Name")<Name, string>() {}
    const seen: Array<string> = []
    return Effect.gen(function*() {
      const Delegate = SessionEvent.layer({
        TaskCompleted: () => Effect.map(Name, (name) => seen.push(name))
      }).pipe(Layer.provide(Layer.succeed(Name, "the session's")))
      yield* Effect.flatMap(UrlSession.UrlSession, (session) => session.data(api)).pipe(
        Effect.provide(UrlSession.layer(undefined, Delegate)),
        Effect.provideService(Name, "the caller's")
      )
      assert.deepStrictEqual(seen, ["the session's"])
    }).pipe(scripted(() => ok()))
  })
})

describe("subscribe", () => {
  it.scoped("has subscribed when it returns", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const events = yield* session.subscribe
      yield* session.data(api)
      const seen = yield* Stream.runCollect(Stream.take(events, 5))
      assert.deepStrictEqual([...seen].map((event) => event._tag), [
        "TaskCreated",
        "ResponseReceived",
        "DataReceived",
        "MetricsCollected",
        "TaskCompleted"
      ])
    }).pipe(scripted(() => ok())))

  it.scoped("keeps the newest 1,024 events for one that is slow, and holds nothing up", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const events = yield* session.subscribe
      const response = yield* session.execute(api)
      yield* response.forEachChunk(() => undefined)
      yield* session.invalidateAndCancel
      const seen = [...(yield* Stream.runCollect(events))]
      assert.strictEqual(seen.length, 1024)
      assert.deepStrictEqual(seen.slice(-3).map((event) => event._tag), [
        "MetricsCollected",
        "TaskCompleted",
        "Invalidated"
      ])
    }).pipe(scripted(() => chunks(3000))))

  it.scoped("tells every subscriber everything, until it leaves", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const stays = yield* session.subscribe
      yield* Effect.scoped(Effect.gen(function*() {
        const leaves = yield* session.subscribe
        yield* session.data(api)
        assert.strictEqual((yield* Stream.runCollect(Stream.take(leaves, 5))).length, 5)
      }))
      yield* session.data(api)
      yield* session.invalidateAndCancel
      assert.strictEqual((yield* Stream.runCollect(stays)).length, 11)
    }).pipe(scripted(() => ok())))
})
