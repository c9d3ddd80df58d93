// Answers without a network whose bodies a stream makes.
import { assert, describe, it } from "@effect/vitest"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { api, encode, nothingOpen, ok, requests, scripted, settle, text } from "./support.ts"

const answering = <E, R>(body: Stream.Stream<Uint8Array, E, R>, length?: number) =>
  Effect.provide(
    UrlSession.make(),
    Interceptor.layer(Interceptor.make((request) =>
      Interceptor.respondStream(request, { status: 200, ...(length === undefined ? {} : { length }) }, body)
    ))
  )

const pieces = (...all: ReadonlyArray<string>) => Stream.fromIterable(all.map(encode))

describe("an interceptor's stream", () => {
  it.scoped("is the body, piece by piece or whole, and nothing goes to the network (PRO-03)", () =>
    Effect.gen(function*() {
      const session = yield* answering(pieces("one ", "two ", "three"), 13)
      const [bytes, response] = yield* session.data("made:up")
      assert.strictEqual(text(bytes), "one two three")
      assert.strictEqual(response.status, 200)
      const chunks = yield* Stream.runCollect((yield* session.execute("made:up")).stream)
      assert.strictEqual(Chunk.toReadonlyArray(chunks).map(text).join(""), "one two three")
      assert.strictEqual((yield* requests).length, 0)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(scripted(() => ok())))

  for (const length of [12, 14]) {
    it.scoped(`of another length than was announced (${length}) is no whole body`, () =>
      Effect.gen(function*() {
        const session = yield* answering(pieces("one ", "two ", "three"), length)
        const error = yield* Effect.flip(session.data("made:up"))
        assert.deepInclude(error.reason, { _tag: "HandlerFailed", slot: "Interceptor" })
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(scripted(() => ok())))
  }

  it.scoped("that is empty is an empty body", () =>
    Effect.gen(function*() {
      const session = yield* answering(Stream.empty)
      const [bytes] = yield* session.data(api)
      assert.strictEqual(bytes.length, 0)
    }).pipe(scripted(() => ok())))

  for (
    const [how, failing] of [["fails", Stream.fail(new Error("no more"))], ["dies", Stream.die("no more")]] as const
  ) {
    it.scoped(`that ${how} ends the body with DelegateFailed, after what came before`, () =>
      Effect.gen(function*() {
        const session = yield* answering(Stream.concat(pieces("one"), failing))
        const response = yield* session.execute(api)
        const seen: Array<string> = []
        const error = yield* Effect.flip(Stream.runForEach(response.stream, (bytes) =>
          Effect.sync(() => {
            seen.push(text(bytes))
          })))
        assert.deepStrictEqual([error._tag, seen.join("")], ["DelegateFailed", "one"])
        assert.strictEqual((yield* Effect.flip(session.data(api)))._tag, "DelegateFailed")
      }).pipe(scripted(() => ok())))
  }

  it.scoped("begins with its reader, and is interrupted with it", () => {
    const log: Array<string> = []
    const endless = Stream.repeatEffect(Effect.as(Effect.sleep("1 second"), encode("tick"))).pipe(
      Stream.onStart(Effect.sync(() => log.push("begins"))),
      Stream.ensuring(Effect.sync(() => log.push("ends")))
    )
    return Effect.gen(function*() {
      const session = yield* answering(endless)
      const response = yield* session.execute(api)
      assert.deepStrictEqual(log, [])
      const fiber = yield* Effect.fork(Stream.runDrain(response.stream))
      yield* settle
      assert.deepStrictEqual(log, ["begins"])
      yield* Fiber.interrupt(fiber)
      yield* settle
      assert.deepStrictEqual(log, ["begins", "ends"])
      assert.strictEqual((yield* session.openResources).tasks, 0)
    }).pipe(scripted(() => ok()))
  })

  it.scoped("is made no faster than it is read", () => {
    let made = 0
    const fast = Stream.repeatEffect(Effect.sync(() => {
      made++
      return new Uint8Array(64 * 1024)
    }))
    return Effect.gen(function*() {
      const session = yield* answering(fast)
      const response = yield* session.execute(api)
      const fiber = yield* Effect.fork(Stream.runForEach(response.stream, () => Effect.never))
      for (let i = 0; i < 50; i++) yield* Effect.yieldNow()
      yield* settle
      assert.isAtMost(made, 64)
      yield* Fiber.interrupt(fiber)
    }).pipe(scripted(() => ok()))
  })

  it.scoped("has the services that its interceptor was built with", () => {
    class Word extends Context.Tag("test/Word")<Word, string>() {}
    const said = Stream.unwrap(Effect.map(Word, (word) => pieces(word)))
    return Effect.gen(function*() {
      const session = yield* Effect.provide(
        UrlSession.make(),
        Interceptor.layer(Interceptor.make((request) => Interceptor.respondStream(request, { status: 200 }, said)))
          .pipe(
            Layer.provide(Layer.succeed(Word, "hello"))
          )
      )
      assert.strictEqual(text((yield* session.data(api))[0]), "hello")
    }).pipe(scripted(() => ok()))
  })
})
