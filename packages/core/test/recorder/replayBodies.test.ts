import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Codings from "../session/codings.ts"
import * as Events from "../session/support.ts"
import { sweep } from "../session/sweep.ts"
import { api, type Changes, decode, encode, entry, kept, of, replaying, unanswered } from "./support.ts"

const get = (session: UrlSession.Service, url = api) => Effect.map(session.data(url), ([bytes]) => decode(bytes))

describe("a replayed body", () => {
  const body = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)
  const one = of(entry({ response: { body: kept(body), length: body.length } }))

  it.effect("comes in pieces, to every kind of reader, and can be replayed by two", () =>
    Effect.gen(function*() {
      for (let round = 0; round < 2; round++) {
        yield* replaying(one, (session) =>
          Effect.gen(function*() {
            const [bytes] = yield* session.data(api)
            assert.deepStrictEqual(bytes, body)
            bytes.fill(0)
          }))
        yield* replaying(one, (session) =>
          Effect.gen(function*() {
            const response = yield* session.execute(api)
            assert.deepInclude(yield* session.openResources, { sockets: 1, tasks: 1 })
            const chunks = yield* Stream.runCollect(response.stream)
            assert.deepStrictEqual(Uint8Array.from(Chunk.toReadonlyArray(chunks).flatMap((chunk) => [...chunk])), body)
            assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
          }))
        yield* replaying(one, (session) =>
          Effect.gen(function*() {
            const sizes: Array<number> = []
            yield* (yield* session.execute(api)).forEachChunk((bytes) => sizes.push(bytes.length))
            assert.deepStrictEqual(sizes, [65_536, 65_536, 65_536, 65_536, 37_856])
          }))
      }
    }))

  it.effect("that is small is there with the head, and what a reader does to it is not seen again", () =>
    replaying(of(entry(), entry()), (session) =>
      Effect.gen(function*() {
        const response = yield* session.execute(api)
        assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
        const bytes = yield* response.bytes
        bytes.fill(0)
        assert.strictEqual(yield* get(session), "hello")
      }), { repeat: true }))

  it.effect("that was left out, or not wanted, fails with a type when it is read, and not before", () =>
    Effect.gen(function*() {
      const missing = [
        [entry({ response: { body: { _tag: "LeftOut", size: 9 }, length: 9 } }), "longer than"],
        [entry({ ending: { _tag: "Cancelled" }, response: { body: kept("he") } }), "did not want the rest"]
      ] as const
      for (const [recorded, why] of missing) {
        yield* replaying(of(recorded), (session) =>
          Effect.gen(function*() {
            const response = yield* session.execute(api)
            assert.strictEqual(response.status, 200)
            const error = yield* Effect.flip(response.bytes)
            assert.match(unanswered(error), new RegExp(`the whole body of GET https://api.test/: .*${why}`))
            assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
          }))
      }
    }))

  it.effect("breaks where it broke, with the same error", () =>
    replaying(
      of(entry({
        response: { body: kept("half"), length: 9 },
        ending: {
          _tag: "Failed",
          error: {
            _tag: "ConnectionError",
            reason: {
              _tag: "NetworkConnectionLost",
              bytesReceived: 4,
              bytesExpected: 9,
              why: "Reset",
              requestSent: true,
              reused: false
            }
          }
        }
      })),
      (session) =>
        Effect.gen(function*() {
          const response = yield* session.execute(api)
          let read = ""
          const error = yield* Effect.flip(response.forEachChunk((bytes) => {
            read += decode(bytes)
          }))
          assert.strictEqual(read, "half")
          assert.strictEqual(error.code, -1005)
          assert.strictEqual(
            error.message,
            "the connection was reset after 4 of 9 bytes of the body (https://api.test/)"
          )
          assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
        })
    ))

  it.effect("is decoded again: the recording has it as it was on the wire", () =>
    replaying(
      of(entry({ response: { fields: [["content-encoding", "gzip"]], body: kept("gzip(hello)"), length: 11 } })),
      (session) => Effect.map(get(session), (body) => assert.strictEqual(body, "hello"))
    ).pipe(Effect.provide(Codings.layer)))
})

describe("the body of a request, in a replay", () => {
  const pieces = (...texts: ReadonlyArray<string>) => RequestBody.stream(Stream.fromIterable(texts.map(encode)))
  const put = HttpClientRequest.put(api)
  const recorded = (request: Partial<Recorder.RecordedRequest> = {}, changes: Changes = {}) =>
    entry({ ...changes, request: { method: "PUT", ...request } })

  it.effect("is pulled to its end, with its progress", () => {
    const recorder = new Events.Recorder()
    return replaying(of(recorded({ body: kept("another") })), (session) =>
      Effect.gen(function*() {
        yield* session.upload(put, pieces("ab", "cd", "e"))
        assert.deepStrictEqual(recorder.of("BodyDataSent").at(-1)?.totalBytesSent, 5)
        const [metrics] = recorder.of("MetricsCollected")
        assert.strictEqual(metrics?.metrics.transactions[0]?.requestBodyBytes, 5)
      })).pipe(Effect.provide(recorder.layer))
  })

  it.effect("may answer within the call, however many pieces it has", () =>
    replaying(of(recorded()), (session) =>
      Effect.map(
        session.upload(put, RequestBody.stream(Stream.range(1, 20_000).pipe(Stream.map(() => Uint8Array.of(1))))),
        ([, response]) => assert.strictEqual(response.status, 200)
      )))

  it.effect("that fails ends the request as it would on a wire", () =>
    replaying(of(recorded()), (session) =>
      Effect.gen(function*() {
        const failing = RequestBody.stream(Stream.concat(Stream.make(encode("a")), Stream.fail("mine")))
        const error = yield* Effect.flip(session.upload(put, failing))
        assert.strictEqual(error.reason._tag, "BodyStreamFailed")
        assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
      })))

  it.effect("is pulled no further than the recorded one was, when its answer came early", () => {
    const recorder = new Events.Recorder()
    let closed = 0
    const endless = Stream.repeatEffect(Effect.succeed(encode("abcd"))).pipe(
      Stream.ensuring(Effect.sync(() => {
        closed++
      }))
    )
    return replaying(
      of(recorded({ body: { _tag: "LeftOut", size: 10 }, sent: false }, { response: { status: 413 } })),
      (session) =>
        Effect.gen(function*() {
          const [, response] = yield* session.upload(put, RequestBody.stream(endless))
          assert.strictEqual(response.status, 413)
          assert.strictEqual(recorder.of("BodyDataSent").at(-1)?.totalBytesSent, 12)
          yield* Events.settle
          assert.strictEqual(closed, 1)
        })
    ).pipe(Effect.provide(recorder.layer))
  })

  it.effect("hears the recorded 100 Continue before it goes", () => {
    const recorder = new Events.Recorder()
    return replaying(
      of(recorded({ body: kept("a") }, { informational: [{ status: 100, fields: [], after: 1 }] })),
      (session) =>
        Effect.gen(function*() {
          yield* session.upload(put, pieces("a"))
          const order = recorder.tags.filter((tag) => tag === "InformationalResponse" || tag === "BodyDataSent")
          assert.deepStrictEqual(order, ["InformationalResponse", "BodyDataSent"])
        })
    ).pipe(Effect.provide(recorder.layer))
  })

  it.effect("chooses the answer where that is wanted, streamed or not, but for its secrets", () =>
    replaying(
      of(
        recorded({ body: kept("a") }, { response: { body: kept("for a") } }),
        recorded({ body: kept("b") }),
        recorded({ body: kept(`password=${Recorder.redacted}&user=ada`) })
      ),
      (session) =>
        Effect.gen(function*() {
          const send = (body: RequestBody.RequestBody) =>
            Effect.map(session.upload(put, body), ([bytes]) => decode(bytes))
          yield* send(RequestBody.text("b"))
          assert.strictEqual(yield* send(pieces("", "a")), "for a")
          yield* send(pieces("password=hunter3", "&user=ada"))
          const replay = yield* Recorder.Replay
          assert.deepStrictEqual(yield* replay.left, [])
        }),
      { matchBody: true }
    ))
})

describe("a replay is a transport", () => {
  const layer = (one: Recorder.Recording) =>
    UrlSession.layer().pipe(
      Layer.provideMerge(Recorder.layerReplayMemory(one, { repeat: true }))
    )
  const one = of(
    entry({ response: { status: 302, fields: [["location", "/b"]], body: kept("") } }),
    entry({ request: { url: `${api}b` }, response: { body: kept(new Uint8Array(200_000)), length: 200_000 } }),
    entry({ request: { url: `${api}c`, method: "PUT" } })
  )
  const body = RequestBody.stream(Stream.make(encode("a"), encode("b")).pipe(Stream.tap(() => Effect.yieldNow())))
  const programs = {
    data: (session: UrlSession.Service) => session.data(api),
    "a task in its scope": (session: UrlSession.Service) =>
      Effect.scoped(Effect.flatMap(session.dataTask(api), (task) => task.data)),
    "an upload": (session: UrlSession.Service) => session.upload(HttpClientRequest.put(`${api}c`), body)
  }

  for (const [name, program] of Object.entries(programs)) {
    for (const unit of ["Step", "Tick"] as const) {
      it(`an interruption of ${name} at any ${unit.toLowerCase()} leaves nothing open`, async () => {
        const runtime = ManagedRuntime.make(layer(one))
        const session = await runtime.runPromise(UrlSession.UrlSession)
        const count = await sweep(program(session), unit, async (where, hung) => {
          assert.isFalse(hung, JSON.stringify(where))
          assert.deepStrictEqual(
            await runtime.runPromise(session.openResources),
            Events.nothingOpen,
            JSON.stringify(where)
          )
        })
        assert.isAbove(count, 1)
        await runtime.dispose()
      })
    }
  }

  it.effect("an unread body is closed with its session", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const session = yield* Scope.extend(UrlSession.make(), scope)
      yield* session.execute(`${api}b`)
      assert.deepInclude(yield* session.openResources, { sockets: 1, tasks: 1 })
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
    }).pipe(Effect.provide(Recorder.layerReplayMemory(one))))

  it.effect("a suspended task holds its body up", () =>
    replaying(
      of(entry({ response: { body: kept(new Uint8Array(200_000)), length: 200_000 } })),
      (session) =>
        Effect.gen(function*() {
          const task = yield* session.dataTask(api)
          const response = yield* task.response
          const sizes: Array<number> = []
          const fiber = yield* Effect.fork(response.forEachChunk((bytes) => {
            sizes.push(bytes.length)
            if (sizes.length === 2) Effect.runSync(task.suspend)
          }))
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(sizes, [65_536, 65_536])
          yield* task.resume
          yield* Fiber.join(fiber)
          assert.deepStrictEqual(sizes, [65_536, 65_536, 65_536, 3392])
        })
    ))
})
