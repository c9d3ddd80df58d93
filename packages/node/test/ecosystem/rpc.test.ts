// `@effect/rpc` over HTTP, through a session, against its own server on a real port.
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe, it } from "@effect/vitest"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { client, doors, guard, resolver, serve } from "./support.ts"

class Unknown extends Schema.TaggedError<Unknown>()("Unknown", { name: Schema.String }) {}

const Calls = RpcGroup.make(
  Rpc.make("greet", { payload: { name: Schema.String }, success: Schema.String, error: Unknown }),
  Rpc.make("count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
  Rpc.make("countThenFail", { payload: { to: Schema.Number }, success: Schema.Number, error: Unknown, stream: true }),
  Rpc.make("never", { success: Schema.Number, stream: true }),
  Rpc.make("double", { payload: { of: Schema.Number }, success: Schema.Number })
)

/** What the server does, and a signal that its endless stream has been given up. */
const handlers = (ended: Deferred.Deferred<void>) =>
  Calls.toLayer({
    greet: ({ name }) => name === "nobody" ? Effect.fail(new Unknown({ name })) : Effect.succeed(`hello ${name}`),
    count: ({ to }) => Stream.range(1, to),
    countThenFail: ({ to }) => Stream.concat(Stream.range(1, to), Stream.fail(new Unknown({ name: "end" }))),
    never: () => Stream.ensuring(Stream.concat(Stream.make(1), Stream.never), Deferred.succeed(ended, undefined)),
    double: ({ of }) => Effect.succeed(of * 2)
  })

const serializations = {
  json: RpcSerialization.layerJson,
  ndjson: RpcSerialization.layerNdjson,
  msgpack: RpcSerialization.layerMsgPack
}

type Scheme = "Basic" | "Digest"

/** A server behind a door, and a client on a session that has the key. */
const calling = (scheme: Scheme | undefined, serialization: Layer.Layer<RpcSerialization.RpcSerialization>) =>
  Effect.gen(function*() {
    const ended = yield* Deferred.make<void>()
    const door = scheme === undefined ? undefined : guard(doors[scheme]())
    const app = yield* RpcServer.toHttpApp(Calls).pipe(
      Effect.provide(Layer.mergeAll(handlers(ended), serialization))
    )
    const origin = yield* serve(app, door?.middleware)
    const http = yield* Layer.build(client(resolver(origin)))
    const protocol = yield* Layer.build(
      RpcClient.layerProtocolHttp({ url: `${origin}/rpc` }).pipe(
        Layer.provide(serialization),
        Layer.provide(Layer.succeedContext(http))
      )
    )
    const rpc = yield* RpcClient.make(Calls).pipe(Effect.provide(protocol))
    const session = yield* Effect.provide(UrlSession.UrlSession, http)
    return { rpc, door, ended, session, origin }
  })

describe("@effect/rpc on a session", () => {
  for (const [name, serialization] of Object.entries(serializations)) {
    it.scopedLive(`${name}: calls succeed, and fail with the server's own errors`, () =>
      Effect.gen(function*() {
        const { rpc } = yield* calling(undefined, serialization)
        assert.strictEqual(yield* rpc.greet({ name: "Ada, ü and 👩‍🚀" }), "hello Ada, ü and 👩‍🚀")
        assert.deepStrictEqual(yield* Effect.flip(rpc.greet({ name: "nobody" })), new Unknown({ name: "nobody" }))
      }))
  }

  for (
    const [name, serialization] of [["ndjson", serializations.ndjson], ["msgpack", serializations.msgpack]] as const
  ) {
    it.scopedLive(`${name}: a stream comes in order and whole, and ends with the server's error where it has one`, () =>
      Effect.gen(function*() {
        const { rpc } = yield* calling(undefined, serialization)
        const counted = yield* Stream.runCollect(rpc.count({ to: 5000 }))
        assert.deepStrictEqual([...counted], Array.from({ length: 5000 }, (_, index) => index + 1))
        const seen: Array<number> = []
        const error = yield* rpc.countThenFail({ to: 3 }).pipe(
          Stream.runForEach((one) => Effect.sync(() => seen.push(one))),
          Effect.flip
        )
        assert.deepStrictEqual(seen, [1, 2, 3])
        assert.deepStrictEqual(error, new Unknown({ name: "end" }))
      }))
  }

  it.scopedLive("values of a stream arrive while it goes on, and interrupting it ends it at the server", () =>
    Effect.gen(function*() {
      const { ended, rpc, session } = yield* calling(undefined, serializations.ndjson)
      const first = yield* Deferred.make<number>()
      const reading = yield* Effect.fork(
        Stream.runForEach(rpc.never(), (one) => Deferred.succeed(first, one))
      )
      assert.strictEqual(yield* Deferred.await(first), 1)
      assert.isFalse(yield* Deferred.isDone(ended))
      assert.strictEqual((yield* session.openResources).tasks, 1)
      yield* Fiber.interrupt(reading)
      yield* Deferred.await(ended)
      assert.strictEqual((yield* session.openResources).tasks, 0)
    }))

  it.scopedLive("taking the beginning of a stream ends it at the server, too", () =>
    Effect.gen(function*() {
      const { ended, rpc } = yield* calling(undefined, serializations.ndjson)
      assert.deepStrictEqual([...yield* Stream.runCollect(Stream.take(rpc.never(), 1))], [1])
      yield* Deferred.await(ended)
    }))

  for (const scheme of ["Basic", "Digest"] as const) {
    it.scopedLive(`a server that asks for ${scheme} is answered by the delegate: calls, streams, many at a time`, () =>
      Effect.gen(function*() {
        const { door, rpc } = yield* calling(scheme, serializations.ndjson)
        assert.strictEqual(yield* rpc.greet({ name: "Ada" }), "hello Ada")
        // what the first challenge taught is used for all that follows, so nobody is turned away again
        assert.strictEqual(door?.refused(), 1)
        const doubled = yield* Effect.forEach(
          Array.from({ length: 50 }, (_, index) => index),
          (of) => rpc.double({ of }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(doubled, Array.from({ length: 50 }, (_, index) => index * 2))
        assert.deepStrictEqual([...yield* Stream.runCollect(rpc.count({ to: 10 }))].length, 10)
        assert.strictEqual(door?.refused(), 1)
        assert.strictEqual(door?.admitted(), 52)
      }))
  }

  it.scopedLive("more calls at a time than connections are allowed: streams, and calls beside them", () =>
    Effect.gen(function*() {
      const { rpc, session } = yield* calling(undefined, serializations.ndjson)
      const sums = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Stream.runSum(rpc.count({ to: 100 })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(sums), new Set([5050]))
      assert.isAtMost((yield* session.openResources).sockets, session.configuration.httpMaximumConnectionsPerHost)
    }))

  it.scopedLive("an error of the network is the session's own behind the protocol's", () =>
    Effect.gen(function*() {
      const origin = yield* Effect.scoped(Effect.map(calling(undefined, serializations.ndjson), (one) => one.origin))
      const http = yield* Layer.build(client())
      const protocol = yield* Layer.build(
        RpcClient.layerProtocolHttp({ url: `${origin}/rpc` }).pipe(
          Layer.provide(serializations.ndjson),
          Layer.provide(Layer.succeedContext(http))
        )
      )
      const rpc = yield* RpcClient.make(Calls).pipe(Effect.provide(protocol))
      const error = yield* Effect.flip(rpc.greet({ name: "Ada" }))
      assert.strictEqual(error._tag, "RpcClientError")
      const cause = error._tag === "RpcClientError" ? error.cause : undefined
      const behind = HttpClientError.isHttpClientError(cause) ? SessionHttpClient.sessionError(cause) : Option.none()
      assert.strictEqual(Option.getOrThrow(behind).reason._tag, "CannotConnectToHost")
    }))
})
