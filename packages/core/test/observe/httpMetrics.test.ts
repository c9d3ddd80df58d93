/** Effect metrics under the names of OpenTelemetry: what is counted, by which tags, and how many of them there can be. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as HttpMetrics from "@urlsession/core/HttpMetrics"
import * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/TestClock"
import { inTurn, ok, scripted, settle } from "../session/support.ts"

const stateOf = (state: unknown): Record<string, unknown> => state instanceof Object ? { ...state } : {}

/** What there is under one name for one server, by its tags. */
const read = (name: string, server: string) =>
  Metric.unsafeSnapshot().flatMap(({ metricKey, metricState }) => {
    const tags = Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value]))
    return metricKey.name === name && tags["server.address"] === server ? [{ tags, state: stateOf(metricState) }] : []
  })

const measured = (options?: HttpMetrics.Options) => Effect.provide(UrlSession.make(), HttpMetrics.layer(options))

describe("the metrics of a session", () => {
  it.scoped("time every attempt in seconds, by method, server, status and protocol", () =>
    Effect.gen(function*() {
      const session = yield* measured()
      const fiber = yield* Effect.fork(session.data(
        HttpClientRequest.post("https://timed.test/?token=s3cret").pipe(HttpClientRequest.bodyText("twelve bytes"))
      ))
      yield* settle
      assert.deepInclude(read("http.client.active_requests", "timed.test")[0]?.state ?? {}, { count: 1 })
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.deepInclude(read("http.client.active_requests", "timed.test")[0]?.state ?? {}, { count: 0 })
      const durations = read("http.client.request.duration", "timed.test")
      assert.sameDeepMembers(durations.map(({ tags }) => [tags["http.response.status_code"], tags["error.type"]]), [
        ["307", undefined],
        ["503", "503"]
      ])
      const last = durations.find(({ tags }) => tags["http.response.status_code"] === "503")
      assert.deepInclude(last?.tags ?? {}, {
        "http.request.method": "POST",
        "url.scheme": "https",
        "server.address": "timed.test",
        "server.port": "443",
        unit: "s"
      })
      assert.deepInclude(last?.state ?? {}, { count: 1, sum: 2 })
      assert.deepInclude(
        read("http.client.request.body.size", "timed.test").find(({ tags }) => tags["error.type"] === "503")?.state ??
          {},
        { count: 1, sum: 12 }
      )
      assert.deepInclude(
        read("http.client.response.body.size", "timed.test").find(({ tags }) => tags["error.type"] === "503")?.state ??
          {},
        { count: 1, sum: 4 }
      )
      assert.notInclude(JSON.stringify(durations), "s3cret")
    }).pipe(scripted(inTurn(
      TestTransport.redirect(307, "/again"),
      [...TestTransport.delay("2 seconds"), ...TestTransport.respond(503, { body: "busy" })]
    ))))

  it.scoped("name failures by their reason", () =>
    Effect.gen(function*() {
      const session = yield* measured()
      yield* Effect.exit(session.data("https://refused.test/"))
      const [one] = read("http.client.request.duration", "refused.test")
      assert.strictEqual(one?.tags["error.type"], "CannotConnectToHost")
      assert.isUndefined(one?.tags["http.response.status_code"])
    }).pipe(scripted(() =>
      TestTransport.fail(
        new SessionError.ConnectionError({
          reason: { _tag: "CannotConnectToHost", host: "refused.test", port: 443, detail: "" }
        })
      )
    )))

  it.scoped("have no more servers, methods and statuses than are known", () =>
    Effect.gen(function*() {
      const session = yield* measured({ maximumServers: 2 })
      for (let i = 0; i < 20; i++) {
        yield* session.data(HttpClientRequest.make("GET")(`https://host-${i}.crawl.test/`))
      }
      const names = Metric.unsafeSnapshot().flatMap(({ metricKey }) => metricKey.tags)
        .filter(({ key, value }) => key === "server.address" && value.endsWith("crawl.test")).map(({ value }) => value)
      assert.deepStrictEqual([...new Set(names)].sort(), ["host-0.crawl.test", "host-1.crawl.test"])
      assert.isAbove(read("http.client.request.duration", "_OTHER").length, 0)
    }).pipe(scripted(() => ok())))

  it.scoped("are not there for a session that was made without them", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://unmeasured.test/")
      assert.deepStrictEqual(read("http.client.request.duration", "unmeasured.test"), [])
    }).pipe(scripted(() => ok())))
})
