import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as HstsStorage from "@urlsession/core/HstsStorage"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { inTurn, ok, Recorder, requests, scripted } from "./support.ts"

const sts = (value: string) => TestTransport.respond(200, { headers: { "strict-transport-security": value } })

const urls = Effect.map(requests, (all) => all.map((one) => one.url))

/** Every answer says so. */
const saying = (value: string) => scripted(() => sts(value))

describe("a host that wants https only", () => {
  it.scoped("is asked over https from then on, for as long as it said (RFC 6797 8.3)", () =>
    Effect.gen(function*() {
      const recorder = new Recorder()
      const session = yield* Effect.provide(UrlSession.make(), recorder.layer)
      yield* session.data("http://a.test/")
      yield* session.data("https://a.test/")
      const [, response] = yield* session.data("http://a.test/x?y=1")
      assert.strictEqual(response.url, "https://a.test/x?y=1")
      yield* session.data("http://a.test:8080/")
      assert.deepStrictEqual(yield* urls, [
        "http://a.test/",
        "https://a.test/",
        "https://a.test/x?y=1",
        "https://a.test:8080/"
      ])
      assert.deepStrictEqual(recorder.of("Redirected").map(({ from, status, to }) => [status, from, to]), [
        [307, "http://a.test/x?…", "https://a.test/x?…"],
        [307, "http://a.test:8080/", "https://a.test:8080/"]
      ])
      assert.strictEqual((yield* response.metrics).redirectCount, 0)
      yield* TestClock.adjust("61 seconds")
      yield* session.data("http://a.test/")
      assert.strictEqual((yield* urls)[4], "http://a.test/")
    }).pipe(saying("max-age=60")))

  it.scoped("says nothing over plain http (RFC 6797 8.1)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("http://a.test/")
      yield* session.data("http://a.test/")
      assert.deepStrictEqual(yield* urls, ["http://a.test/", "http://a.test/"])
    }).pipe(saying("max-age=60")))

  it.scoped("says nothing as an address (RFC 6797 8.1.1)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://192.0.2.1/")
      yield* session.data("http://192.0.2.1/")
      yield* session.data("https://[2001:db8::1]/")
      yield* session.data("http://[2001:db8::1]/")
      assert.deepStrictEqual((yield* urls).map((url) => url.slice(0, 5)), ["https", "http:", "https", "http:"])
    }).pipe(saying("max-age=60")))

  it.scoped("says nothing when it was accepted against the platform's verdict (RFC 6797 8.1)", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(
        UrlSession.make(),
        ChallengeResolver.layer({ ServerTrust: ServerTrust.custom(() => Effect.succeed(ServerTrust.accept)) })
      )
      yield* session.data("https://a.test/")
      yield* session.data("http://a.test/")
      assert.deepStrictEqual(yield* urls, ["https://a.test/", "http://a.test/"])
    }).pipe(
      Effect.provide(TestTransport.layer({
        answer: () => sts("max-age=60"),
        trust: () => TestTransport.presented("a.test", 443, ["Untrusted"])
      }))
    ))

  it.scoped("speaks for the domains below it only where it says so (RFC 6797 8.2)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://all.test/")
      yield* session.data("https://one.test/")
      for (const host of ["a.b.all.test", "all.test.", "ALL.test", "xall.test", "test", "b.one.test", "one.test"]) {
        yield* session.data(`http://${host}/`)
      }
      assert.deepStrictEqual((yield* urls).slice(2).map((url) => url.slice(0, 5)), [
        "https",
        "https",
        "https",
        "http:",
        "http:",
        "http:",
        "https"
      ])
    }).pipe(scripted((request) => sts(request.url.includes("all") ? "max-age=60; includeSubDomains" : "max-age=60"))))

  it.scoped("takes it back with max-age=0 (RFC 6797 6.1.1)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://a.test/")
      yield* session.data("http://a.test/")
      yield* session.data("http://a.test/")
      assert.deepStrictEqual((yield* urls).map((url) => url.slice(0, 5)), ["https", "https", "http:"])
    }).pipe(scripted(inTurn(sts("max-age=60"), sts("max-age=0"), ok()))))

  it.scoped("is learned from redirects, and obeyed in redirects; a loop ends (RFC 6797 8.3)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const error = yield* Effect.flip(session.data("https://a.test/"))
      assert.strictEqual(error.reason._tag, "TooManyRedirects")
      assert.isTrue((yield* urls).every((url) => url === "https://a.test/"))
    }).pipe(
      scripted(() =>
        TestTransport.respond(302, {
          headers: { location: "http://a.test/", "strict-transport-security": "max-age=60" }
        })
      )
    ))

  it.scoped("is the same origin before and after: its fields and credentials go along, and redirects inside it keep them", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(
        UrlSession.make(),
        ChallengeResolver.layer({
          Basic: ChallengeResolver.forSpace({ origin: "https://a.test" }, ({ crossOrigin }) =>
            Effect.succeed(
              crossOrigin
                ? Disposition.cancel
                : Disposition.use(Credential.password({ user: "ada", password: "x", persistence: "session" }))
            ))
        })
      )
      yield* session.data("https://a.test/")
      const request = HttpClientRequest.get("http://a.test/").pipe(HttpClientRequest.setHeader("x-key", "1"))
      assert.strictEqual((yield* session.data(request))[1].status, 200)
      const all = yield* requests
      assert.deepStrictEqual(all.slice(1).map((one) => [one.url, one.header("x-key")]), [
        ["https://a.test/", "1"],
        ["https://a.test/b", "1"],
        ["https://a.test/b", "1"]
      ])
    }).pipe(
      scripted(inTurn(
        sts("max-age=60"),
        TestTransport.redirect(302, "https://a.test/b"),
        TestTransport.challenge("Basic realm=\"r\""),
        ok()
      ))
    ))

  it.scoped("is upgraded before TransportSecurity looks at it (NET-09)", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(UrlSession.make(), TransportSecurity.strict)
      assert.strictEqual((yield* Effect.flip(session.data("http://a.test/"))).code, -1022)
      yield* session.data("https://a.test/")
      assert.strictEqual((yield* session.data("http://a.test/"))[1].status, 200)
    }).pipe(saying("max-age=60")))

  it.scoped("is forgotten by reset, and where nothing is learned", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://a.test/")
      yield* session.reset
      yield* session.data("http://a.test/")
      const none = yield* Effect.provide(UrlSession.make(), HstsStorage.layerNone)
      yield* none.data("https://a.test/")
      yield* none.data("http://a.test/")
      assert.deepStrictEqual((yield* urls).map((url) => url.slice(0, 5)), ["https", "http:", "https", "http:"])
    }).pipe(saying("max-age=60")))

  it.scoped("a clock that goes back or forward breaks nothing", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const session = yield* UrlSession.make()
      yield* session.data("https://a.test/")
      yield* TestClock.setTime(Date.UTC(2025, 0, 1))
      yield* session.data("http://a.test/")
      yield* TestClock.setTime(Date.UTC(2027, 0, 1))
      yield* session.data("http://a.test/")
      assert.deepStrictEqual((yield* urls).map((url) => url.slice(0, 5)), ["https", "https", "http:"])
    }).pipe(saying("max-age=60")))
})

describe("a store of hosts", () => {
  const use = <A>(store: KeyValueStore.KeyValueStore, f: (hosts: HstsStorage.HstsStorageService) => A) =>
    Effect.scoped(Effect.flatMap(
      Layer.build(
        Layer.provide(HstsStorage.layerKeyValueStore(), Layer.succeed(KeyValueStore.KeyValueStore, store))
      ),
      (context) => Effect.sync(() => f(Context.get(context, HstsStorage.HstsStorage)))
    ))
  const memory = Effect.map(
    Effect.scoped(Layer.build(KeyValueStore.layerMemory)),
    (context) => Context.get(context, KeyValueStore.KeyValueStore)
  )
  const week = { maxAge: 604_800, includeSubDomains: true }

  it.effect("outlives its layer in a KeyValueStore", () =>
    Effect.gen(function*() {
      const store = yield* memory
      yield* use(store, (hosts) => {
        hosts.learn("a.test", week, 0)
        hosts.learn("b.test", week, 0)
        hosts.learn("b.test", { maxAge: 0, includeSubDomains: false }, 1)
      })
      assert.deepStrictEqual(
        yield* use(store, (hosts) => ["a.test", "x.a.test", "b.test"].map((host) => hosts.has(host, 2))),
        [true, true, false]
      )
    }))

  for (const broken of ["", "{", "[]", "{\"version\":2,\"hosts\":[]}", "{\"version\":1,\"hosts\":[{\"host\":1}]}"]) {
    it.effect(`is empty where it cannot be read: ${broken}`, () =>
      Effect.gen(function*() {
        const store = yield* memory
        yield* Effect.orDie(store.set("hsts", broken))
        assert.isFalse(yield* use(store, (hosts) => hosts.has("a.test", 0)))
      }))
  }

  it.effect("is bounded: the hosts learned first go first", () =>
    Effect.gen(function*() {
      const hosts = yield* HstsStorage.makeMemory
      for (let i = 0; i < 10_001; i++) hosts.learn(`h${i}.test`, week, 0)
      assert.strictEqual((yield* hosts.all).length, 10_000)
      assert.deepStrictEqual([hosts.has("h0.test", 1), hosts.has("h1.test", 1)], [false, true])
    }))
})
