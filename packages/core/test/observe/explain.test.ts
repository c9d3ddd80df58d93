/** What a session says that it would do: the same as it then does, and not a byte is sent meanwhile. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as AddressPolicy from "@urlsession/core/AddressPolicy"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { api, nothingOpen, ok, Recorder, requests, scripted } from "../session/support.ts"

const Ada = ChallengeResolver.layer({
  Basic: ChallengeResolver.forSpace(
    { origin: "https://api.test" },
    () => Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "hunter2" })))
  )
})

describe("an explanation", () => {
  it.scoped("shows the request that would be sent, without its secrets, and sends nothing", () => {
    const recorder = new Recorder()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make(
        SessionConfiguration.make({ httpAdditionalHeaders: { "x-team": "s3cret" } })
      )
      const { address, cache, credential, interceptors, outcome } = yield* session.explain(
        HttpClientRequest.post(`${api}a?page=1&token=s3cret#part`).pipe(
          HttpClientRequest.bodyText("s3cret", "text/plain"),
          HttpClientRequest.setHeaders({ accept: "text/html", authorization: "Bearer s3cret" })
        )
      )
      assert.deepStrictEqual(outcome, {
        _tag: "Sent",
        request: {
          method: "POST",
          url: `${api}a?page=…&token=…`,
          authority: "api.test",
          fields: [
            { name: "content-type", value: "text/plain" },
            { name: "accept", value: "text/html" },
            { name: "authorization", value: "Bearer <redacted>" },
            { name: "x-team", value: "<redacted>" },
            { name: "user-agent", value: "urlsession/0.0.0" }
          ],
          hasBody: true,
          bodyLength: 6
        }
      })
      assert.deepStrictEqual([address, cache, credential, interceptors], [
        { _tag: "NoPolicy" },
        undefined,
        undefined,
        0
      ])
      assert.deepStrictEqual(yield* requests, [])
      assert.deepStrictEqual(recorder.events, [])
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(Effect.provide(recorder.layer), scripted(() => ok()))
  })

  it.scoped("knows the credential that would go ahead, and changes nothing of what then happens", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.isUndefined((yield* session.explain(api)).credential)
      yield* session.data(api)
      const { credential, decisions, outcome } = yield* session.explain(api)
      assert.deepInclude(credential ?? {}, { scheme: "Basic", ahead: true })
      assert.strictEqual(outcome._tag, "Sent")
      assert.notInclude(JSON.stringify([outcome, decisions]), "hunter2")
      yield* session.data(api)
      assert.strictEqual((yield* requests).length, 3)
    }).pipe(
      Effect.provide(Ada),
      scripted((request) =>
        request.header("authorization") === undefined ? TestTransport.challenge("Basic realm=\"api\"") : ok()
      )
    ))

  it.scoped("says what the cache would do, and by which clause (RFC 9111 4.2)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* session.explain(api)).cache?.action, "Forward")
      yield* session.data(api)
      const { cache, outcome } = yield* session.explain(api)
      assert.deepStrictEqual(outcome, { _tag: "Answered", status: 200 })
      assert.deepStrictEqual(cache, {
        _tag: "CacheConsulted",
        action: "Serve",
        rule: "fresh",
        clause: "RFC 9111 4.2"
      })
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(
      Effect.provide(UrlCache.layerMemory()),
      scripted(() => TestTransport.respond(200, { headers: { "cache-control": "max-age=60" }, body: "kept" }))
    ))

  it.scoped("says what is refused, and what the address policy makes of an address", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const refused = (yield* session.explain("http://api.test/")).outcome
      assert.strictEqual(refused._tag === "Failed" ? refused.error.reason._tag : "", "SecurityPolicyViolation")
      assert.strictEqual((yield* session.explain("https://0x7f.1/")).address._tag, "Refused")
      assert.strictEqual((yield* session.explain("https://[::1]/")).address._tag, "Refused")
      assert.strictEqual((yield* session.explain("https://93.184.216.34/")).address._tag, "Allowed")
      assert.strictEqual((yield* session.explain(api)).address._tag, "Asked")
      assert.strictEqual((yield* Effect.flip(session.explain("nowhere")))._tag, "InvalidRequest")
    }).pipe(
      Effect.provide(Layer.merge(TransportSecurity.strict, AddressPolicy.publicOnly)),
      scripted(() => ok())
    ))

  it.scoped("runs no interceptor, asks no decider, and is refused once the session has ended", () =>
    Effect.gen(function*() {
      let called = 0
      const counting = Interceptor.make((request, proceed) => {
        called++
        return proceed(request)
      })
      const session = yield* Effect.provide(UrlSession.make(), Interceptor.layer(counting))
      assert.strictEqual((yield* session.explain("data:,x")).outcome._tag, "Answered")
      assert.strictEqual((yield* session.explain(api)).interceptors, 1)
      assert.strictEqual(called, 0)
      yield* session.invalidateAndCancel
      assert.strictEqual((yield* Effect.flip(session.explain(api)))._tag, "SessionInvalidated")
    }).pipe(scripted(() => ok())))
})
