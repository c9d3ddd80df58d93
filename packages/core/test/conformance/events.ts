/** What observers see of an exchange, and what is measured of it. */
import { assert } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Cases, failsWith, Recorder, withSession } from "./harness.ts"

export const events = ({ all, only }: Cases): void => {
  all("come in their order: created first, metrics once, completed last (TDL-01, TDL-10, TDL-11, TSK-20)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        yield* session.data(`${origin.url}/hello`)
        yield* session.finishTasksAndInvalidate
        assert.deepStrictEqual(recorder.events.map((event) => event._tag), [
          "TaskCreated",
          "ResponseReceived",
          "DataReceived",
          "MetricsCollected",
          "TaskCompleted",
          "Invalidated"
        ])
        assert.deepInclude(recorder.of("TaskCreated")[0], { method: "GET", url: `${origin.url}/hello` })
        assert.deepInclude(recorder.of("ResponseReceived")[0], { status: 200, url: `${origin.url}/hello` })
        assert.deepInclude(recorder.of("TaskCompleted")[0], { error: undefined, interrupted: false })
      }), { delegate: recorder.layer })
  })

  all("tell of every byte once (DDL-03, TSK-10)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        yield* session.data(`${origin.url}/chunked/1000000`)
        yield* session.finishTasksAndInvalidate
        const received = recorder.of("DataReceived")
        assert.strictEqual(received.reduce((sum, event) => sum + event.bytesReceived, 0), 1_000_000)
        assert.strictEqual(received.at(-1)?.totalBytesReceived, 1_000_000)
      }), { delegate: recorder.layer })
  })

  all("tell a failure with the completion, and metrics before it (TDL-11)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const error = yield* failsWith(
          session.data(`${origin.url}/cut/10/1`),
          "ConnectionError/NetworkConnectionLost"
        )
        yield* session.finishTasksAndInvalidate
        const tags = recorder.events.map((event) => event._tag)
        assert.deepStrictEqual(tags.slice(-3), ["MetricsCollected", "TaskCompleted", "Invalidated"])
        assert.strictEqual(recorder.of("TaskCompleted")[0]?.error, error)
      }), { delegate: recorder.layer })
  })

  all("of tasks at the same time are told apart, and each task has one completion (TSK-01, TSK-21)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const ids = [1, 2, 3, 4, 5]
        yield* Effect.forEach(ids, (i) => session.data(`${origin.url}/large/${i * 1000}`), { concurrency: "unbounded" })
        yield* session.finishTasksAndInvalidate
        for (const id of ids) {
          const own = recorder.events.filter((event) => "taskIdentifier" in event && event.taskIdentifier === id)
          assert.strictEqual(own[0]?._tag, "TaskCreated")
          assert.strictEqual(own.at(-1)?._tag, "TaskCompleted")
          assert.strictEqual(own.filter((event) => event._tag === "MetricsCollected").length, 1)
          assert.strictEqual(own.filter((event) => event._tag === "TaskCompleted").length, 1)
        }
      }), { delegate: recorder.layer })
  })

  all("of a body that nobody has read end with its session", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        yield* session.execute(`${origin.url}/hello`)
        yield* session.invalidateAndCancel
        assert.strictEqual(recorder.events.at(-1)?._tag, "Invalidated")
        assert.strictEqual(recorder.of("TaskCompleted").length, 1)
      }), { delegate: recorder.layer })
  })

  all(
    "metrics measure one transaction, and its times in their order (MET-01, MET-02)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [bytes, response] = yield* session.data(`${origin.url}/large/100000`)
          const metrics = yield* response.metrics
          const [transaction] = metrics.transactions
          assert.strictEqual(metrics.transactions.length, 1)
          assert.deepInclude(transaction, { method: "GET", status: 200, url: `${origin.url}/large/100000` })
          assert.strictEqual(transaction?.responseBodyBytes, bytes.length)
          const times = [
            metrics.taskInterval.start,
            transaction?.fetchStart,
            transaction?.requestStart,
            transaction?.responseStart,
            transaction?.responseEnd,
            metrics.taskInterval.end
          ]
          for (const [i, time] of times.entries()) assert.isAtLeast(time ?? 0, times[i - 1] ?? 0, `time ${i}`)
        })
      )
  )

  only("connections shown")(
    "metrics show the connection (MET-06)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [, response] = yield* session.data(`${origin.url}/hello`)
          const [transaction] = (yield* response.metrics).transactions
          assert.strictEqual(transaction?.connection?.remotePort, Number(new URL(origin.url).port || 80))
        })
      )
  )

  all(
    "progress of a task ends with its completion, and what came is all there (TSK-09)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const task = yield* session.dataTask(`${origin.url}/chunked/300000`)
          const fiber = yield* Effect.fork(Stream.runLast(task.progress))
          yield* Effect.yieldNow()
          yield* task.data
          const last = yield* fiber
          assert.isTrue(last._tag === "Some" && last.value.state === "completed")
          assert.strictEqual((yield* task.snapshot).bytesReceived, 300_000)
        }))
      )
  )

  only("upload progress")(
    "a snapshot says how much was sent (TSK-10, TSK-11)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const body = RequestBody.bytes(new Uint8Array(100_000), "application/octet-stream")
          const task = yield* session.uploadTask(`${origin.url}/echo`, body)
          yield* task.data
          assert.deepInclude(yield* task.snapshot, { bytesSent: 100_000, bytesExpectedToSend: 100_000 })
        }))
      )
  )
}
