/** How requests end early: timers, interruptions, cancellations, the end of the session; and what the server learns of it. */
import { assert } from "@effect/vitest"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { type Cases, failsWith, makeToken, Recorder, withSession } from "./harness.ts"

/** A socket takes a few turns to close; the session is looked at once more when it is over. */
const idle = { queued: 0, tasks: 0 }

export const endings = ({ all }: Cases): void => {
  all(
    "a server that never answers ends with the idle timer, and learns of it (CFG-06, CON-01)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const error = yield* failsWith(
            session.data(`${origin.url}/silence?token=${token}`).pipe(
              RequestOptions.with({ timeoutInterval: "80 millis" })
            ),
            "TimeoutError/TimedOut"
          )
          assert.deepInclude(error.reason, { timer: "idle" })
          yield* origin.closed(token)
          assert.deepInclude(yield* session.openResources, idle)
        })
      )
  )

  all(
    "a body that stops coming ends with the idle timer, and the server learns of it (CFG-06)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const response = yield* session.execute(`${origin.url}/stall/1000?token=${token}`)
          let length = 0
          const error = yield* failsWith(
            Stream.runForEach(response.stream, (chunk) =>
              Effect.sync(() => {
                length += chunk.length
              })),
            "TimeoutError/TimedOut"
          )
          assert.deepInclude(error.reason, { timer: "idle" })
          assert.strictEqual(length, 1000)
          yield* origin.closed(token)
        }), { configuration: { timeoutIntervalForRequest: "80 millis" } })
  )

  all(
    "a transfer that takes too long ends with the resource timer (CFG-07)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const error = yield* failsWith(session.data(`${origin.url}/stall/10`), "TimeoutError/TimedOut")
          assert.deepInclude(error.reason, { timer: "resource" })
        }), { configuration: { timeoutIntervalForResource: "80 millis" } })
  )

  all(
    "an interruption before the head gives the request up, and the server learns of it",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const fiber = yield* Effect.fork(session.data(`${origin.url}/silence?token=${token}`))
          yield* origin.begun(token)
          yield* Fiber.interrupt(fiber)
          assert.deepInclude(yield* session.openResources, idle)
          yield* origin.closed(token)
        })
      )
  )

  all(
    "an interruption within the body gives the request up, and the server learns of it",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const begun = yield* Deferred.make<void>()
          const response = yield* session.execute(`${origin.url}/stall/1000?token=${token}`)
          const fiber = yield* Effect.fork(
            Stream.runForEach(response.stream, () => Deferred.succeed(begun, undefined))
          )
          yield* Deferred.await(begun)
          yield* Fiber.interrupt(fiber)
          assert.deepInclude(yield* session.openResources, idle)
          yield* origin.closed(token)
        })
      )
  )

  all(
    "an interruption at any turn leaves nothing open",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          for (let turn = 0; turn < 60; turn++) {
            const fiber = yield* Effect.fork(session.data(`${origin.url}/large/300000`))
            yield* Effect.repeatN(Effect.yieldNow(), turn)
            yield* Fiber.interrupt(fiber)
            assert.strictEqual((yield* session.openResources).tasks, 0)
          }
        })
      )
  )

  all(
    "a task that is cancelled before the head is Cancelled (TSK-06)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const token = yield* makeToken
          const task = yield* session.dataTask(`${origin.url}/silence?token=${token}`)
          const fiber = yield* Effect.fork(task.data)
          yield* origin.begun(token)
          yield* task.cancel
          yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
          assert.strictEqual(yield* task.state, "completed")
          yield* origin.closed(token)
        }))
      )
  )

  all(
    "a task that is cancelled within the body is Cancelled (TSK-06)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const token = yield* makeToken
          const task = yield* session.dataTask(`${origin.url}/stall/10?token=${token}`)
          const response = yield* task.response
          const fiber = yield* Effect.fork(response.bytes)
          yield* task.cancel
          yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
          yield* origin.closed(token)
        }))
      )
  )

  all(
    "a task whose scope is closed is given up, and the server learns of it",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          yield* Effect.scoped(Effect.gen(function*() {
            const task = yield* session.dataTask(`${origin.url}/silence?token=${token}`)
            yield* task.resume
            yield* Effect.forkScoped(Effect.exit(task.data))
            yield* origin.begun(token)
          }))
          yield* origin.closed(token)
          assert.deepInclude(yield* session.openResources, idle)
        })
      )
  )

  all(
    "a task that is cancelled after its end has gone well (TSK-06, TSK-21)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const task = yield* session.dataTask(`${origin.url}/hello`)
          yield* task.data
          yield* task.cancel
          assert.strictEqual(yield* task.error, undefined)
          assert.strictEqual(yield* task.state, "completed")
        }))
      )
  )

  all(
    "a suspended task sends nothing until it is resumed (TSK-05)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const task = yield* session.dataTask(`${origin.url}/hello`)
          assert.deepInclude(yield* session.openResources, { sockets: 0, tasks: 1 })
          yield* task.resume
          const [, response] = yield* task.data
          assert.strictEqual(response.status, 200)
        }))
      )
  )

  all(
    "the end of the session cancels what is under way, and the server learns of it (SES-08)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const tokens = yield* Effect.replicateEffect(makeToken, 3)
          const fibers = yield* Effect.forEach(
            tokens,
            (token) => Effect.fork(session.data(`${origin.url}/silence?token=${token}`))
          )
          yield* Effect.forEach(tokens, origin.begun)
          yield* session.invalidateAndCancel
          for (const fiber of fibers) {
            const error = yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
            assert.deepInclude(error.reason, { by: "session" })
          }
          yield* Effect.forEach(tokens, origin.closed)
        })
      )
  )

  all(
    "the end of the session cancels a body that is being read",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const response = yield* session.execute(`${origin.url}/stall/10`)
          const fiber = yield* Effect.fork(response.bytes)
          yield* Effect.yieldNow()
          yield* session.invalidateAndCancel
          yield* failsWith(Fiber.join(fiber), "Cancelled/Cancelled")
        })
      )
  )

  all(
    "a session that finishes its tasks waits for them, and takes no more (SES-07)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(session.data(`${origin.url}/large/100000`)))
          yield* Effect.yieldNow()
          yield* session.finishTasksAndInvalidate
          for (const fiber of fibers) {
            const [bytes] = yield* Fiber.join(fiber)
            assert.strictEqual(bytes.length, 100_000)
          }
          yield* failsWith(session.data(`${origin.url}/hello`), "SessionInvalidated/Invalidated")
        })
      )
  )

  all("the events of an interrupted task end with its completion (TSK-21)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const token = yield* makeToken
        const fiber = yield* Effect.fork(session.data(`${origin.url}/silence?token=${token}`))
        yield* origin.begun(token)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
        yield* session.finishTasksAndInvalidate
        assert.deepStrictEqual(recorder.events.map((event) => event._tag), [
          "TaskCreated",
          "MetricsCollected",
          "TaskCompleted",
          "Invalidated"
        ])
        assert.deepInclude(recorder.of("TaskCompleted")[0], { interrupted: true, error: undefined })
      }), { delegate: recorder.layer })
  })
}
