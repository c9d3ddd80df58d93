// Interruption of an exchange over HTTP/2 at every step and every tick, and a session that is closed in the middle.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { sweep } from "../../../core/test/session/sweep.ts"
import { authority, nothing, text } from "../session/support.ts"
import { turns, until } from "../support/fakeControl.ts"
import { answer, data, head } from "../support/frames.ts"
import { frames, say, serve, session } from "./support.ts"

const trusting = Effect.map(
  authority,
  ({ cert }) =>
    UrlSession.layer(undefined, ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([cert]) })).pipe(
      Layer.provide(NodeTransport.layer)
    )
)

describe("an interruption over HTTP/2", () => {
  for (const unit of ["Step", "Tick"] as const) {
    it.scopedLive(
      `at any ${unit.toLowerCase()} leaves no stream, and the connection to the others`,
      () =>
        Effect.gen(function*() {
          let open = 0
          const server = yield* serve((stream) => {
            open++
            stream.on("close", () => open--)
            stream.respond({ ":status": 200 })
            stream.write("x".repeat(1000))
            setImmediate(() => stream.end("y".repeat(1000)))
          })
          yield* session((session) =>
            Effect.gen(function*() {
              // the connection is there, so that each run meets the streams
              yield* session.data(server.origin)
              const body = HttpClientRequest.bodyUint8Array(
                HttpClientRequest.post(server.origin),
                new Uint8Array(70_000)
              )
              for (const request of [HttpClientRequest.get(server.origin), body]) {
                const count = yield* Effect.promise(() =>
                  sweep(session.data(request), unit, (where, hung) => assert.isFalse(hung, JSON.stringify(where)))
                )
                if (unit === "Step") assert.isAbove(count, 10)
              }
              yield* until(() => open === 0)
              assert.strictEqual(server.sessions.length, 1)
              assert.strictEqual((yield* session.openResources).tasks, 0)
            })
          )
          yield* until(() => server.open() === 0)
        }),
      30_000
    )
  }

  it.scopedLive("of many at once, among others that go on", () =>
    Effect.gen(function*() {
      const server = yield* serve((stream) => setImmediate(() => say("hello")(stream)))
      yield* session((session) =>
        Effect.gen(function*() {
          const fibers = yield* Effect.forEach(
            Array.from({ length: 300 }, (_, i) => i),
            () => Effect.fork(session.data(server.origin))
          )
          yield* turns(2)
          for (const [index, fiber] of fibers.entries()) if (index % 3 === 0) yield* Fiber.interruptFork(fiber)
          for (const [index, fiber] of fibers.entries()) {
            if (index % 3 !== 0) assert.strictEqual(text((yield* Fiber.join(fiber))[0]), "hello")
          }
          assert.strictEqual(server.sessions.length, 1)
        })
      )
    }))
})

describe("a session that is closed", () => {
  const points = ["connecting", "asked", "reading", "idle"] as const
  for (const point of points) {
    it.scopedLive(`while its HTTP/2 connection is ${point} leaves no socket, stream or timer`, () =>
      Effect.gen(function*() {
        const server = yield* frames({
          onRequest: (peer, stream) => {
            if (point === "asked") return
            // the frames are whole: the rest of one that was cut would be taken out of the next stream's answer
            peer.send(
              point === "reading"
                ? Buffer.concat([head(stream, 200, [["content-length", "5"]]), data(stream, "hel")])
                : answer(stream, "hello")
            )
          }
        })
        const scope = yield* Scope.make()
        const context = yield* Scope.extend(Layer.build(yield* trusting), scope)
        const session = yield* Effect.provide(UrlSession.UrlSession, context)
        const running = yield* Effect.forEach([1, 2, 3], () => Effect.fork(Effect.exit(session.data(server.origin))))
        if (point === "asked") yield* until(() => server.connections[0]?.streams.length === 3)
        if (point === "reading") {
          yield* until(() => server.connections[0]?.streams.length === 3)
          yield* turns(20)
        }
        if (point === "idle") yield* Effect.forEach(running, Fiber.await)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* session.openResources, nothing)
        for (const fiber of running) {
          const exit = Exit.flatten(yield* Fiber.await(fiber))
          assert.strictEqual(Exit.isSuccess(exit), point === "idle")
        }
        yield* until(() => server.open() === 0)
      }))
  }
})
