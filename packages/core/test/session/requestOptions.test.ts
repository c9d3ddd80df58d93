// What a request says of itself, beside what its session says of all of them.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { readFileSync } from "node:fs"
import { version } from "../../src/internal/version.ts"
import { api, ok, requests, scripted, text } from "./support.ts"

const make = (options: SessionConfiguration.Options = {}) => UrlSession.make(SessionConfiguration.make(options))

describe("fields that nobody has set (NET-02)", () => {
  it.scoped("name the client, and take anything", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(make(), (session) => session.data(api))
      const [request] = yield* requests
      assert.strictEqual(request?.header("user-agent"), `urlsession/${version}`)
      assert.strictEqual(request?.header("accept"), "*/*")
      assert.strictEqual(request?.header("accept-language"), undefined)
    }).pipe(scripted(() => ok())))

  it("tell the version of the package", () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
    assert.deepInclude(manifest, { version })
  })

  it.scoped("are settings, and are left out where they are empty", () =>
    Effect.gen(function*() {
      const settings = { userAgent: "mine/1 (tests)", accept: "application/json", acceptLanguages: ["de-AT", "de"] }
      yield* Effect.flatMap(make(settings), (session) => session.data(api))
      yield* Effect.flatMap(make({ userAgent: "", accept: "" }), (session) => session.data(api))
      const [first, second] = yield* requests
      assert.strictEqual(first?.header("user-agent"), "mine/1 (tests)")
      assert.strictEqual(first?.header("accept"), "application/json")
      assert.strictEqual(first?.header("accept-language"), "de-AT, de;q=0.9")
      for (const name of ["user-agent", "accept", "accept-language"]) assert.isUndefined(second?.header(name), name)
    }).pipe(scripted(() => ok())))

  it.scoped("give way to configured ones, and those to the request's own (CFG-22)", () =>
    Effect.gen(function*() {
      const session = yield* make({ httpAdditionalHeaders: { "User-Agent": "configured/1", Accept: "text/plain" } })
      yield* session.data(HttpClientRequest.get(api).pipe(HttpClientRequest.setHeader("accept", "image/png")))
      const [request] = yield* requests
      assert.strictEqual(request?.header("user-agent"), "configured/1")
      assert.strictEqual(request?.header("accept"), "image/png")
    }).pipe(scripted(() => ok())))

  it.scoped("go along to other origins: they are the same for every one", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(make(), (session) => session.data(api))
      assert.strictEqual((yield* requests)[1]?.header("user-agent"), `urlsession/${version}`)
    }).pipe(scripted((request) => request.index === 0 ? TestTransport.redirect(302, "https://other.test/") : ok())))

  it.effect("that cannot be sent are a defect of the configuration", () =>
    Effect.gen(function*() {
      for (const settings of [{ userAgent: "a\r\nb: 1" }, { accept: "\0" }]) {
        const exit = yield* Effect.exit(Effect.scoped(make(settings)))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      }
    }).pipe(scripted(() => ok())))

  it.effect("may be the languages of this machine, if somebody asks", () =>
    Effect.gen(function*() {
      const languages = yield* SessionConfiguration.systemLanguages
      assert.isAtLeast(languages.length, 1)
      for (const language of languages) assert.match(language, /^[A-Za-z0-9-]+$/)
    }))
})

describe("a request and its session: the more restrictive of both (CFG-31)", () => {
  const ended = (session: string, request: string) =>
    Effect.gen(function*() {
      const one = yield* make({ timeoutIntervalForResource: Number(session) })
      const fiber = yield* Effect.fork(
        Effect.flip(one.data(api).pipe(RequestOptions.with({ timeoutIntervalForResource: Number(request) })))
      )
      yield* TestClock.adjust("1 minute")
      return (yield* Fiber.join(fiber)).reason
    }).pipe(Effect.scoped, scripted(() => TestTransport.hang))

  it.effect("the shorter time for the whole of a task", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* ended("9000", "5000"), { _tag: "TimedOut", timer: "resource", after: 5000 })
      assert.deepStrictEqual(yield* ended("5000", "9000"), { _tag: "TimedOut", timer: "resource", after: 5000 })
    }))

  it.scoped("the schemes that both allow, on redirects too", () =>
    Effect.gen(function*() {
      const session = yield* make()
      const https = RequestOptions.with({ schemes: ["https", "file"] })
      assert.strictEqual(text((yield* https(session.data(api)))[0]), "hello")
      for (const url of ["http://api.test/", "data:,x", "file:///etc/passwd", `${api}down`]) {
        assert.strictEqual((yield* Effect.flip(https(session.data(url)))).reason._tag, "UnsupportedURL", url)
      }
      assert.strictEqual((yield* requests).length, 2)
    }).pipe(
      scripted((request) => request.url.endsWith("down") ? TestTransport.redirect(302, "http://api.test/") : ok())
    ))

  it.scoped("the idle time alone is the request's, which knows how slow its answer is (CFG-06)", () =>
    Effect.gen(function*() {
      const session = yield* make({ timeoutIntervalForRequest: "1 second" })
      const fiber = yield* Effect.fork(session.data(api).pipe(RequestOptions.with({ timeoutInterval: "10 seconds" })))
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(text((yield* Fiber.join(fiber))[0]), "hello")
    }).pipe(scripted(() => TestTransport.respond(200, { body: "hello", delay: "5 seconds" }))))
})

describe("the service type of a request (REQ-01)", () => {
  it.scoped("is the session's where it has none, and decides the priority where none is said", () =>
    Effect.gen(function*() {
      const session = yield* make({ networkServiceType: "background" })
      const priority = (options: RequestOptions.RequestOptionsRecord) =>
        Effect.flatMap(session.dataTask(api).pipe(RequestOptions.with(options)), (task) => task.priority)
      assert.strictEqual(yield* priority({}), 0.25)
      assert.strictEqual(yield* priority({ networkServiceType: "default" }), 0.5)
      assert.strictEqual(yield* priority({ networkServiceType: "voice" }), 0.75)
      assert.strictEqual(yield* priority({ networkServiceType: "voice", priority: 0.1 }), 0.1)
    }).pipe(scripted(() => ok())))
})
