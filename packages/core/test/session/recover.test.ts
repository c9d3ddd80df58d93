import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import { api, inTurn, nothingOpen, ok, Recorder, requests, scripted, text } from "./support.ts"

const idleRace = TestTransport.lost({ reused: true, requestSent: true })
const unsent = TestTransport.lost({ reused: true, requestSent: false })

describe("a connection that was lost idle", () => {
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] as const) {
    it.scoped(`${method} is sent once more, on a fresh connection (CON-05)`, () =>
      Effect.gen(function*() {
        const recorder = new Recorder()
        const session = yield* Effect.provide(UrlSession.make(), recorder.layer)
        const [, response] = yield* session.data(HttpClientRequest.make(method)(api))
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual((yield* requests).map((request) => [request.method, request.fresh]), [
          [method, false],
          [method, true]
        ])
        assert.strictEqual((yield* response.metrics).transactions.length, 2)
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(scripted(inTurn(idleRace, ok()))))
  }

  for (const method of ["POST", "PATCH"] as const) {
    it.scoped(`${method} is never sent twice, unless nothing of it was sent (CON-05)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const request = HttpClientRequest.make(method)(api).pipe(HttpClientRequest.bodyText("pay"))
        const error = yield* Effect.flip(session.data(request))
        assert.strictEqual(error.reason._tag, "NetworkConnectionLost")
        assert.strictEqual((yield* requests).length, 1)
        const [bytes] = yield* session.data(request)
        assert.strictEqual(text(bytes), "hello")
        const all = yield* requests
        assert.deepStrictEqual(all.map((one) => one.fresh), [false, false, true])
        assert.strictEqual(text(all[2]?.body ?? new Uint8Array()), "pay")
      }).pipe(scripted(inTurn(idleRace, unsent, ok()))))
  }

  it.scoped("is tried once, not for ever", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.code, -1005)
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(scripted(() => idleRace)))

  it.scoped("may happen once on every hop", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* session.data(api))[1].url, `${api}b`)
      assert.deepStrictEqual((yield* requests).map((request) => request.fresh), [false, true, false, true])
    }).pipe(scripted(inTurn(idleRace, TestTransport.redirect(302, "/b"), idleRace, ok()))))
})

describe("a request that the server has not processed", () => {
  const refused = TestTransport.lost({ unprocessed: true })

  for (const method of ["GET", "POST", "PATCH"] as const) {
    it.scoped(`${method} is sent again on a fresh connection (RFC 9113 8.7)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const request = HttpClientRequest.make(method)(api)
        const [bytes] = yield* session.data(
          method === "GET" ? request : HttpClientRequest.bodyText(request, "pay")
        )
        assert.strictEqual(text(bytes), "hello")
        const all = yield* requests
        assert.deepStrictEqual(all.map((one) => one.fresh), [false, true, true])
        assert.strictEqual(text(all[2]?.body ?? new Uint8Array()), method === "GET" ? "" : "pay")
      }).pipe(scripted(inTurn(refused, refused, ok()))))
  }

  it.scoped("is sent again six times, not for ever (RFC 9113 8.7)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(HttpClientRequest.post(api)))
      assert.deepInclude(error.reason, { _tag: "NetworkConnectionLost", unprocessed: true })
      assert.isTrue(error.isTransient)
      assert.strictEqual((yield* requests).length, 7)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => refused)))

  it.scoped("is not sent again after it was lost in another way on the second attempt", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.notProperty(error.reason, "unprocessed")
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(scripted(inTurn(refused, idleRace, ok()))))
})

describe("421 Misdirected Request", () => {
  for (const method of ["GET", "POST"] as const) {
    it.scoped(`${method} is sent once more, on a fresh connection (RFC 9110 15.5.20)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const request = HttpClientRequest.make(method)(api)
        const [, response] = yield* session.data(
          method === "GET" ? request : HttpClientRequest.bodyText(request, "pay")
        )
        assert.strictEqual(response.status, 200)
        const all = yield* requests
        assert.deepStrictEqual(all.map((one) => one.fresh), [false, true])
        assert.strictEqual(text(all[1]?.body ?? new Uint8Array()), method === "GET" ? "" : "pay")
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(scripted(inTurn(TestTransport.respond(421, { body: "elsewhere" }), ok()))))
  }

  it.scoped("twice is the answer (RFC 9110 15.5.20)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [bytes, response] = yield* session.data(api)
      assert.deepStrictEqual([response.status, text(bytes)], [421, "elsewhere"])
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(scripted(() => TestTransport.respond(421, { body: "elsewhere" }))))
})

describe("any other loss", () => {
  it.scoped("of a new connection is the caller's to repeat (CON-05)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.code, -1005)
      assert.isTrue(error.isTransient)
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(scripted(() => TestTransport.lost({ reused: false }))))

  it.scoped("in the middle of a body is not repaired", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data(api))
      assert.strictEqual(error.reason._tag, "NetworkConnectionLost")
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(scripted(() => [...TestTransport.head(200, {}, 9), ...TestTransport.bytes("half"), ...idleRace])))
})
