import { assert, describe, it } from "@effect/vitest"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as ResponseHandler from "@urlsession/core/ResponseHandler"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as Codings from "./codings.ts"
import { api, nothingOpen } from "./support.ts"
import { collectUntil, interruptedAt, sweep } from "./sweep.ts"

const answer = (request: TestTransport.ReceivedRequest) =>
  request.url === api
    ? TestTransport.redirect(302, "/b")
    : TestTransport.respond(200, { headers: { "content-encoding": "gzip" }, body: "gzip(hello)" })

const plain = UrlSession.layer()

/** Everything that a delegate can add to the way: observers, deciders, an interceptor, codings. */
const busy = UrlSession.layer(
  undefined,
  Layer.mergeAll(
    SessionEvent.layer({ ResponseReceived: () => Effect.yieldNow(), TaskCreated: () => Effect.yieldNow() }),
    RedirectHandler.layer(() => Effect.as(Effect.yieldNow(), RedirectHandler.follow)),
    ResponseHandler.layer(() => Effect.as(Effect.yieldNow(), "allow" as const)),
    Interceptor.layer(Interceptor.make((request, proceed) => Effect.zipRight(Effect.yieldNow(), proceed(request)))),
    Codings.layer
  )
)

type SessionLayer = typeof plain | typeof busy

/** A session for many runs, on the real clock, and what is open of it and of its transport. */
const using = async (
  layer: SessionLayer,
  body: (session: UrlSession.Service, left: () => Promise<unknown>) => Promise<void>
): Promise<void> => {
  const runtime = ManagedRuntime.make(layer.pipe(Layer.provideMerge(TestTransport.layer({ answer }))))
  try {
    const session = await runtime.runPromise(UrlSession.UrlSession)
    const transport = await runtime.runPromise(TestTransport.TestTransport)
    await body(session, async () => ({
      ...await Effect.runPromise(session.openResources),
      exchanges: await Effect.runPromise(transport.open),
      decoders: Codings.counts.open
    }))
  } finally {
    await runtime.dispose()
  }
}

const nothing = { ...nothingOpen, exchanges: 0, decoders: 0 }

describe("an interruption", () => {
  for (const [name, layer] of [["a plain session", plain], ["a session with every delegate", busy]] as const) {
    for (const unit of ["Step", "Tick"] as const) {
      it(`of data at any ${unit.toLowerCase()} leaves nothing open: ${name}`, () =>
        using(layer, async (session, left) => {
          const count = await sweep(session.data(api), unit, async (where, hung) => {
            assert.isFalse(hung, JSON.stringify(where))
            assert.deepStrictEqual(await left(), nothing, JSON.stringify(where))
          })
          if (unit === "Step") assert.isAbove(count, 10)
        }))

      it(`of a data task in its scope at any ${unit.toLowerCase()} leaves nothing open: ${name}`, () =>
        using(layer, async (session, left) => {
          const program = Effect.scoped(Effect.flatMap(session.dataTask(api), (task) => task.data))
          await sweep(program, unit, async (where, hung) => {
            assert.isFalse(hung, JSON.stringify(where))
            assert.deepStrictEqual(await left(), nothing, JSON.stringify(where))
          })
        }))

      it(`of execute and then bytes at any ${unit.toLowerCase()} leaves nothing after a collection: ${name}`, () =>
        using(layer, async (session, left) => {
          const program = Effect.flatMap(session.execute(api), (response) => response.bytes)
          await sweep(program, unit, (where, hung) => assert.isFalse(hung, JSON.stringify(where)))
          const clean = await collectUntil(async () => JSON.stringify(await left()) === JSON.stringify(nothing))
          assert.isTrue(clean, JSON.stringify(await left()))
        }))
    }
  }

  it("of execute and then a stream leaves nothing after a collection, and hangs no more than a bare stream", () =>
    using(busy, async (session, left) => {
      let bare = 0
      await sweep(Stream.runDrain(Stream.make(1, 2)), "Step", (_, hung) => {
        if (hung) bare++
      })
      let ours = 0
      const program = Effect.flatMap(session.execute(api), (response) => Stream.runDrain(response.stream))
      await sweep(program, "Step", (_, hung) => {
        if (hung) ours++
      })
      assert.isAtMost(ours, bare)
      const clean = await collectUntil(async () => JSON.stringify(await left()) === JSON.stringify(nothing))
      assert.isTrue(clean || ours > 0, JSON.stringify(await left()))
    }))

  it("is seen as interruption, never as an error", () =>
    using(plain, async (session) => {
      await sweep(session.data(api), "Step", () => undefined)
      for (const at of [0, 5, 10]) {
        const { exit, reached } = await interruptedAt(session.data(api), { _tag: "Step", at })
        if (reached && exit !== undefined && Exit.isFailure(exit)) assert.isTrue(Exit.isInterrupted(exit))
      }
    }))

  it("of invalidateAndCancel at any step: the session ends all the same", async () => {
    for (let at = 0;; at++) {
      let reached = false
      using(busy, async (session, left) => {
        const hanging = Effect.runFork(session.data(api))
        const run = await interruptedAt(session.invalidateAndCancel, { _tag: "Step", at })
        reached = run.reached
        const again = await interruptedAt(session.invalidateAndCancel, { _tag: "Step", at: Infinity })
        assert.isTrue(again.exit !== undefined && Exit.isSuccess(again.exit), `step ${at}`)
        assert.deepStrictEqual(await left(), nothing, `step ${at}`)
        assert.isNotNull(hanging.unsafePoll())
      })
      if (!reached) break
    }
  })
})

describe("a collection", () => {
  it("closes responses that nobody holds, and leaves those alone that are read", () =>
    using(plain, async (session, left) => {
      const read: Promise<number> = Effect.runPromise(
        Effect.flatMap(session.execute(`${api}held`), (response) => {
          let sum = 0
          return Effect.as(
            response.forEachChunk((bytes) => {
              sum += bytes.length
            }),
            0
          ).pipe(Effect.map(() => sum))
        })
      )
      for (let i = 0; i < 50; i++) await Effect.runPromise(Effect.asVoid(session.execute(`${api}b`)))
      assert.isTrue(await collectUntil(async () => JSON.stringify(await left()) === JSON.stringify(nothing)))
      assert.strictEqual(await read, 11)
    }))
})
