/** Interceptors in the role of another implementation's URLProtocol: who takes a request, with which body, and until when. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { api, encode, nothingOpen, ok, Recorder, requests, scripted, settle, text } from "./support.ts"

/** Claims the paths that begin so, and says by which name it was answered. */
const claiming = (path: string, name: string, asked: Array<string> = []) =>
  Interceptor.make((request, proceed) => {
    asked.push(`${name} ${request.url.target}`)
    return request.url.target.startsWith(path)
      ? Effect.succeed(Interceptor.respond(request, { status: 429, body: encode(name) }))
      : proceed(request)
  })

describe("an interceptor in the role of a protocol", () => {
  it.scoped("takes a request if it is the first of the list that wants it; the next ones are not asked (PRO-01, CFG-27)", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const session = yield* Effect.provide(
        UrlSession.make(),
        Interceptor.layer(claiming("/a/b", "narrow", asked), claiming("/a", "wide", asked), claiming("/", "all", asked))
      )
      const names = yield* Effect.forEach(
        ["a/b", "a/c", "d"],
        (path) => Effect.map(session.data(`${api}${path}`), ([bytes]) => text(bytes))
      )
      assert.deepStrictEqual(names, ["narrow", "wide", "all"])
      assert.deepStrictEqual(asked, [
        "narrow /a/b",
        "narrow /a/c",
        "wide /a/c",
        "narrow /d",
        "wide /d",
        "all /d"
      ])
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(scripted(() => ok())))

  it.scoped("belongs to the sessions whose Layer names it, and to no other (PRO-05)", () =>
    Effect.gen(function*() {
      const own = yield* Effect.provide(UrlSession.make(), Interceptor.layer(claiming("/", "mine")))
      const other = yield* UrlSession.make()
      assert.strictEqual((yield* own.data(api))[1].status, 429)
      assert.strictEqual((yield* other.data(api))[1].status, 200)
    }).pipe(scripted(() => ok())))

  it.scoped("reads and writes notes on a request, which are never sent and outlive a redirect (PRO-04)", () => {
    class Tag extends Context.Tag("test/Tag")<Tag, string>() {}
    class Handled extends Context.Tag("test/Handled")<Handled, boolean>() {}
    const noted: Array<string> = []
    const marking = Interceptor.make((request, proceed) => {
      noted.push(`application ${Option.getOrElse(Interceptor.getProperty(request, Tag), () => "-")}`)
      return proceed(Interceptor.setProperty(Interceptor.removeProperty(request, Tag), Handled, true))
    })
    const seeing = Interceptor.make((request, proceed) => {
      const tag = Option.isSome(Interceptor.getProperty(request, Tag))
      noted.push(`network ${tag} ${Option.getOrElse(Interceptor.getProperty(request, Handled), () => false)}`)
      return proceed(request)
    })
    return Effect.gen(function*() {
      const session = yield* Effect.provide(
        UrlSession.make(),
        Layer.merge(Interceptor.layer(marking), Interceptor.layerNetwork(seeing))
      )
      yield* session.data(`${api}from`).pipe(RequestOptions.with({ properties: Context.make(Tag, "blue") }))
      yield* session.data(api)
      assert.deepStrictEqual(noted, [
        "application blue",
        "network false true",
        "network false true",
        "application -",
        "network false true"
      ])
      for (const one of yield* requests) assert.notInclude(JSON.stringify(one), "blue")
    }).pipe(scripted((request) => request.url.endsWith("/from") ? TestTransport.redirect(302, "/to") : ok()))
  })

  it.scoped("sees the body of the request as the caller gave it (PRO-06)", () =>
    Effect.gen(function*() {
      const seen: Array<string | undefined> = []
      const looking = Interceptor.make((request, proceed) => {
        seen.push(request.body?._tag === "Bytes" ? text(request.body.bytes) : undefined)
        return proceed(request)
      })
      const session = yield* Effect.provide(UrlSession.make(), Interceptor.layer(looking))
      yield* session.data(HttpClientRequest.post(api).pipe(HttpClientRequest.bodyText("a body")))
      yield* session.data(api)
      assert.deepStrictEqual(seen, ["a body", undefined])
      assert.strictEqual(text((yield* requests)[0]?.body ?? encode("")), "a body")
    }).pipe(scripted(() => ok())))

  for (const way of ["cancelled", "interrupted", "invalidated"] as const) {
    it.effect(`is stopped when its task is ${way}, and nothing that it would still have done is told (PRO-02)`, () => {
      const recorder = new Recorder()
      const log: Array<string> = []
      const waiting = Interceptor.make((request) =>
        Effect.sync(() => log.push("started")).pipe(
          Effect.zipRight(Effect.never),
          Effect.zipRight(Effect.sync(() => log.push("went on"))),
          Effect.as(Interceptor.respond(request, { status: 200 })),
          Effect.onInterrupt(() => Effect.sync(() => log.push("stopped")))
        )
      )
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const task = yield* session.dataTask(api)
        const fiber = yield* Effect.fork(Effect.exit(way === "interrupted" ? session.data(api) : task.data))
        yield* settle
        assert.deepStrictEqual(log, ["started"])
        if (way === "interrupted") yield* Fiber.interrupt(fiber)
        else yield* way === "cancelled" ? task.cancel : session.invalidateAndCancel
        yield* settle
        assert.deepStrictEqual(log, ["started", "stopped"])
        const completed = recorder.of("TaskCompleted").find((event) =>
          event.taskIdentifier === (way === "interrupted" ? 2 : 1)
        )
        assert.deepInclude(completed, { interrupted: way === "interrupted" })
        assert.strictEqual(completed?.error?.code, way === "interrupted" ? undefined : -999)
        assert.deepStrictEqual(recorder.of("ResponseReceived"), [])
        yield* task.cancel
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.merge(recorder.layer, Interceptor.layer(waiting))),
        scripted(() => ok())
      )
    })
  }

  it.scoped("is not called for a task that has not been resumed, though it needs no network (PRO-02, TSK-04, TSK-05)", () => {
    const recorder = new Recorder()
    const asked: Array<string> = []
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = yield* session.dataTask(api)
      yield* task.suspend
      yield* task.resume
      yield* settle
      assert.deepStrictEqual(asked, [])
      assert.deepStrictEqual(recorder.tags, ["TaskCreated"])
      yield* task.resume
      assert.strictEqual((yield* task.response).status, 429)
      assert.deepStrictEqual(asked, ["own /"])
      const never = yield* session.dataTask(api)
      yield* never.cancel
      assert.strictEqual((yield* Effect.flip(never.data))._tag, "Cancelled")
      assert.deepStrictEqual(asked, ["own /"])
    }).pipe(
      Effect.provide(Layer.merge(recorder.layer, Interceptor.layer(claiming("/", "own", asked)))),
      scripted(() => ok())
    )
  })

  it.effect("has answered once it is done: a later cancellation stops nothing, and the end is told once (PRO-02, TestURLProtocol/test_finishLoadingWithNoResponse)", () => {
    const recorder = new Recorder()
    let stopped = 0
    const quick = Interceptor.make((request) =>
      Effect.succeed(Interceptor.respond(request, { status: 200, body: encode("mine") })).pipe(
        Effect.onInterrupt(() => Effect.sync(() => stopped++))
      )
    )
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const task = yield* session.dataTask(api)
        assert.strictEqual(text((yield* task.data)[0]), "mine")
        yield* task.cancel
        yield* session.invalidateAndCancel
        assert.strictEqual(yield* task.error, undefined)
      }))
      assert.strictEqual(stopped, 0)
      assert.strictEqual(recorder.of("TaskCompleted").length, 1)
    }).pipe(Effect.provide(Layer.merge(recorder.layer, Interceptor.layer(quick))), scripted(() => ok()))
  })
})
