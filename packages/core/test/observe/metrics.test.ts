/** TaskMetrics: one transaction for each attempt, what it says, and when it is told. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { cipherSuiteNumber, tlsVersionNumber } from "../../src/internal/protocol/tlsRegistry.ts"
import { measured, Transaction } from "../../src/internal/session/transaction.ts"
import { layer as inflating } from "../session/codings.ts"
import { api, inTurn, ok, Recorder, scripted } from "../session/support.ts"

describe("the metrics of a task", () => {
  it.scoped("have a transaction for each hop, each resend and the end, with what each was (MET-01, MET-04)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      const { redirectCount, transactions } = yield* response.metrics
      assert.strictEqual(redirectCount, 1)
      assert.deepStrictEqual(
        transactions.map(({ fetchType, proxied, status, url }) => [url, status, fetchType, proxied]),
        [
          [api, 302, "networkLoad", false],
          [`${api}next`, 421, "networkLoad", false],
          [`${api}next`, 200, "networkLoad", false]
        ]
      )
    }).pipe(scripted(inTurn(TestTransport.redirect(302, "/next"), TestTransport.respond(421), ok()))))

  it.scoped("say of data that it was on no network, and of what was not answered that nothing was fetched (MET-04, MET-06)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data("data:,x")
      const [local] = (yield* response.metrics).transactions
      assert.deepInclude(local ?? {}, {
        fetchType: "local",
        remoteAddress: undefined,
        networkProtocolName: undefined,
        negotiatedTlsCipherSuite: undefined
      })
      assert.strictEqual(measured(new Transaction("GET", api, 0)).fetchType, "unknown")
    }).pipe(scripted(() => ok())))

  it.scoped("count the body before its coding is undone and after (MET-05)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(
        HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("twelve bytes"))
      )
      const [one] = (yield* response.metrics).transactions
      assert.deepInclude(one ?? {}, {
        requestBodyBytes: 12,
        requestBodyBytesBeforeEncoding: 12,
        responseBodyBytes: coded.length,
        responseBodyBytesAfterDecoding: 4000
      })
    }).pipe(
      Effect.provide(inflating),
      scripted(() => TestTransport.respond(200, { headers: { "content-encoding": "gzip" }, body: coded }))
    ))

  it.scoped("say of the network's kind what a runtime can know of it: nothing (MET-08, MET-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      const [one] = (yield* response.metrics).transactions
      assert.deepInclude(one ?? {}, {
        isCellular: false,
        isProxyConnection: false,
        isExpensive: false,
        isConstrained: false,
        isMultipath: false,
        domainResolutionProtocol: "unknown"
      })
    }).pipe(scripted(() => ok())))

  it.effect("are told once, before the end, whether it went well or not (MET-01, TDL-10)", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.flatMap(UrlSession.make(), (session) =>
        Effect.zipRight(
          Effect.exit(session.data("ftp://nowhere/")),
          Effect.zipRight(session.data(api), session.data(api))
        )))
      assert.deepStrictEqual(
        recorder.tags.filter((tag) => tag === "MetricsCollected" || tag === "TaskCompleted"),
        ["MetricsCollected", "TaskCompleted", "MetricsCollected", "TaskCompleted", "MetricsCollected", "TaskCompleted"]
      )
    }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
  })

  it.scoped("end with the task, though nobody observes it and they are asked for later (MET-01)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      const { taskInterval } = yield* response.metrics
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual((yield* response.metrics).taskInterval, taskInterval)
    }).pipe(scripted(() => ok())))
})

const coded = `gzip(${"x".repeat(4000)})`

describe("numbers of TLS", () => {
  it("are those of IANA, by either name (MET-07, RFC 8446 4.1.2)", () => {
    assert.deepStrictEqual(["TLSv1.2", "TLSv1.3", "TLSv9", undefined].map(tlsVersionNumber), [
      0x0303,
      0x0304,
      undefined,
      undefined
    ])
    assert.strictEqual(cipherSuiteNumber("TLS_AES_128_GCM_SHA256"), 0x1301)
    assert.strictEqual(cipherSuiteNumber("ECDHE-RSA-AES128-GCM-SHA256"), 0xc02f)
    assert.strictEqual(cipherSuiteNumber("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), 0xc02f)
    assert.isUndefined(cipherSuiteNumber("NONE"))
    assert.isUndefined(cipherSuiteNumber(undefined))
  })
})
