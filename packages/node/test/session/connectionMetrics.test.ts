/** How long connections live, under OpenTelemetry's name. */
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as HttpMetrics from "@urlsession/core/HttpMetrics"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type { EndedConnection } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { engine, serve } from "../http2/support.ts"
import { ManualTimers, readText, until, wireRequest } from "../support/fakeControl.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { authority, leaf, withSession } from "./support.ts"

/** How many connections to a port have been measured, by their tags. */
const measured = (port: number) =>
  Metric.unsafeSnapshot().flatMap(({ metricKey, metricState }) => {
    const tags = Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value]))
    return metricKey.name === "http.client.connection.duration" && tags["server.port"] === String(port)
      ? [{ tags, count: "count" in metricState ? metricState.count : undefined }]
      : []
  })

const tagsOf = (scheme: string, port: number) => ({
  unit: "s",
  "network.protocol.version": "1.1",
  "url.scheme": scheme,
  "server.address": "127.0.0.1",
  "server.port": String(port)
})

describe("http.client.connection.duration", () => {
  it.scopedLive("counts a connection once, when it ends, however many requests it served", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("hi")))
      yield* withSession({ delegate: HttpMetrics.layer() }, (session) =>
        Effect.gen(function*() {
          yield* session.data(`http://127.0.0.1:${server.port}/`)
          yield* session.data(`http://127.0.0.1:${server.port}/`)
          assert.deepStrictEqual(measured(server.port), [])
        }))
      assert.deepStrictEqual(measured(server.port), [{ tags: tagsOf("http", server.port), count: 1 }])
    }))

  it.scopedLive("counts those over TLS, and none that was refused", () =>
    Effect.gen(function*() {
      const { cert } = yield* authority
      const server = yield* rawServer({ ...answering(response("hi")), tls: presenting(yield* leaf) })
      yield* withSession(
        { delegate: HttpMetrics.layer() },
        (session) => Effect.flip(session.data(`https://127.0.0.1:${server.port}/`))
      )
      assert.deepStrictEqual(measured(server.port), [])
      const trusting = ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([cert]) })
      yield* withSession(
        { delegate: Layer.merge(HttpMetrics.layer(), trusting) },
        (session) => session.data(`https://127.0.0.1:${server.port}/`)
      )
      assert.deepStrictEqual(measured(server.port), [{ tags: tagsOf("https", server.port), count: 1 }])
    }))

  it.scopedLive("is from when it was ready to when it was gone, on the session's clock", () =>
    Effect.gen(function*() {
      const server = yield* serve((stream) => {
        stream.respond({ ":status": 200 })
        stream.end("hi")
      })
      const ended: Array<EndedConnection> = []
      const timers = new ManualTimers()
      const one = yield* engine({
        timers,
        idleConnectionTimeout: 60_000,
        connectionEnded: (connection) => ended.push(connection)
      })
      const answer = yield* one.exchange(wireRequest(server.origin), one.control())
      assert.strictEqual(yield* readText(answer), "hi")
      timers.adjust(61_000)
      yield* until(() => one.open().sockets === 0)
      assert.deepStrictEqual(ended, [{
        scheme: "https",
        host: "localhost",
        port: Number(new URL(server.origin).port),
        protocol: "h2",
        duration: 61_000
      }])
    }))
})
