import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionError from "@urlsession/core/SessionError"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { api, inTurn, nothingOpen, ok, Recorder, requests, scripted, text } from "./support.ts"

describe("the configuration", () => {
  it("has Apple's defaults where they are defined (CFG-01, CFG-06, CFG-07, CFG-23)", () => {
    const it = SessionConfiguration.default
    assert.strictEqual(Duration.toMillis(it.timeoutIntervalForRequest), 60_000)
    assert.strictEqual(Duration.toSeconds(it.timeoutIntervalForResource), 604_800)
    assert.strictEqual(it.httpMaximumConnectionsPerHost, 6)
    assert.strictEqual(it.redirectLimit, 20)
    assert.deepStrictEqual(it.httpAdditionalHeaders, {})
    assert.deepStrictEqual(it.schemes, ["http", "https", "data"])
    assert.deepStrictEqual(it.alpnProtocols, ["h2", "http/1.1"])
  })

  it("reads back what was set (CFG-18, TestURLSession/test_initURLSessionConfiguration)", () => {
    const given = {
      sessionDescription: "mine",
      httpMaximumConnectionsPerHost: 2,
      httpAdditionalHeaders: { "x-a": "1" },
      redirectLimit: 1,
      authenticationRoundLimit: 2,
      schemes: ["https"],
      maximumBodyBytes: 3,
      maximumHeadBytes: 4096,
      keepFieldsOnRedirect: true,
      tlsMinimumVersion: "TLSv1.3",
      tlsMaximumVersion: "TLSv1.3",
      alpnProtocols: ["http/1.1"]
    } as const
    const made = SessionConfiguration.make({
      ...given,
      timeoutIntervalForRequest: "1 second",
      timeoutIntervalForResource: "2 seconds",
      idleConnectionTimeout: "3 seconds",
      delegateGrace: "4 seconds"
    })
    assert.deepInclude(made, given)
    assert.deepStrictEqual(
      [made.timeoutIntervalForRequest, made.timeoutIntervalForResource, made.idleConnectionTimeout, made.delegateGrace]
        .map((duration) => Duration.toSeconds(duration)),
      [1, 2, 3, 4]
    )
  })

  it("offers something over TLS, each protocol once (RFC 7301 3.1)", () => {
    assert.deepStrictEqual(SessionConfiguration.make({ alpnProtocols: [] }).alpnProtocols, ["http/1.1"])
    assert.deepStrictEqual(SessionConfiguration.make({ alpnProtocols: ["h2", "h2"] }).alpnProtocols, ["h2"])
  })

  it("brings numbers into their range", () => {
    const made = SessionConfiguration.make({
      httpMaximumConnectionsPerHost: 0,
      redirectLimit: -1,
      authenticationRoundLimit: 0,
      maximumBodyBytes: -5,
      maximumHeadBytes: 1
    })
    assert.deepInclude(made, {
      httpMaximumConnectionsPerHost: 1,
      redirectLimit: 0,
      authenticationRoundLimit: 1,
      maximumBodyBytes: 0,
      maximumHeadBytes: 1024
    })
  })
})

describe("one session", () => {
  it.effect("completes thousands of overlapping requests (TestURLSession/test_repeatedRequestsStress)", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* Effect.provide(UrlSession.make(), recorder.layer)
        const fiber = yield* Effect.fork(
          Effect.forEach(Array.from({ length: 3000 }), () => session.data(api), { concurrency: 64, discard: true })
        )
        while (fiber.unsafePoll() === null) yield* TestClock.adjust("10 millis")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }))
      assert.strictEqual(recorder.of("TaskCompleted").length, 3000)
      assert.isTrue(recorder.of("TaskCompleted").every((event) => event.error === undefined))
    }).pipe(scripted((request) => request.index % 3 === 0 ? TestTransport.respond(200, { delay: "10 millis" }) : ok())))

  it.effect("tells one delegate of all its requests (TestURLSession/test_dataTaskWithURLRequestCompletionHandler, TestURLSession/test_dataTaskWithSharedDelegate)", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* Effect.provide(UrlSession.make(), recorder.layer)
        const [bytes, response] = yield* session.data(HttpClientRequest.get(api))
        assert.strictEqual(text(bytes), "hello")
        assert.strictEqual(response.status, 200)
        const task = yield* session.dataTask(`${api}b`)
        assert.strictEqual(text((yield* task.data)[0]), "hello")
      }))
      assert.deepStrictEqual(recorder.of("TaskCompleted").map((event) => event.taskIdentifier), [1, 2])
    }).pipe(scripted(() => ok())))

  it.scoped("a redirect to where nobody listens is CannotConnectToHost (TestURLSession/test_httpRedirectionTimeout)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.code, -1004)
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(scripted(inTurn(
      TestTransport.redirect(302, "http://127.0.0.1:1/"),
      TestTransport.fail(
        new SessionError.ConnectionError({
          reason: { _tag: "CannotConnectToHost", host: "127.0.0.1", port: 1, detail: "refused" }
        })
      )
    ))))

  it.scoped("metrics count one transaction per attempt, with times from the session's clock (MET-01, MET-02, MET-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const fiber = yield* Effect.fork(session.data(api))
      yield* TestClock.adjust("10 seconds")
      const [, response] = yield* Fiber.join(fiber)
      const { redirectCount, transactions } = yield* response.metrics
      assert.strictEqual(redirectCount, 1)
      assert.deepStrictEqual(
        transactions.map((one) => [one.method, one.url, one.status, one.fetchType, one.fetchStart, one.responseEnd]),
        [
          ["GET", api, 302, "networkLoad", 0, 1000],
          ["GET", `${api}b`, 200, "networkLoad", 1000, 3000]
        ]
      )
      assert.isFalse(transactions.some((one) => one.reused || one.domainLookupStart !== undefined))
    }).pipe(scripted(inTurn(
      [...TestTransport.delay("1 second"), ...TestTransport.redirect(302, "/b")],
      TestTransport.respond(200, { delay: "2 seconds", body: "x" })
    ))))
})
