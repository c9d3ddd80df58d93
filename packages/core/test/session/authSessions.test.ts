// Whose delegate answers: sessions never share, and a delegate never meets itself.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import { ada, always, basicOf, basicServer, bob, sent } from "./authSupport.ts"
import { api, requests, scripted } from "./support.ts"

const asAda = ChallengeResolver.layerFrom(always(ada))

describe("sessions never share (spec/effect.md 1)", () => {
  it.scoped("two sessions with their own delegates in one context answer with their own passwords", () =>
    Effect.gen(function*() {
      const a = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(always(ada))))
      const b = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(always(bob))))
      // both slots stand in the caller's context at the time of the call, and neither is looked at
      yield* a.data(api).pipe(Effect.provide(ChallengeResolver.layerFrom(always(bob))))
      yield* b.data(api).pipe(Effect.provide(ChallengeResolver.layerFrom(always(ada))))
      yield* a.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), undefined, basicOf(bob), basicOf(ada)])
    }).pipe(scripted(basicServer(ada, bob))))

  it.scoped("a delegate that stands in the context of a call only is not used", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api).pipe(Effect.provide(asAda))
      assert.strictEqual(response.status, 401)
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("UrlSession.layer takes its delegate as an argument, so it cannot be left beside it", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.UrlSession
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
    }).pipe(Effect.provide(UrlSession.layer(undefined, asAda)), scripted(basicServer(ada))))

  it.scoped("a task's resolver that uses the session does not meet itself", () => {
    let depth = 0
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = ChallengeResolver.make({
        Basic: ChallengeResolver.anyOrigin(() =>
          Effect.gen(function*() {
            depth++
            const [, token] = yield* session.data("https://api.test/token")
            assert.strictEqual(token.status, 401)
            return Disposition.use(ada)
          })
        )
      })
      const [, response] = yield* session.data(api).pipe(ChallengeResolver.provideTask(task))
      assert.strictEqual(response.status, 200)
      assert.strictEqual(depth, 1)
    }).pipe(scripted(basicServer(ada)))
  })

  it.scoped("a session's resolver that uses its own session is not asked about that", () => {
    const itself: { session: UrlSession.Service | undefined } = { session: undefined }
    let depth = 0
    const delegate = ChallengeResolver.layer({
      Basic: ChallengeResolver.anyOrigin(() =>
        Effect.gen(function*() {
          depth++
          const nested = itself.session === undefined ? undefined : yield* itself.session.data("https://api.test/token")
          assert.strictEqual(nested?.[1].status, 401)
          return Disposition.use(ada)
        })
      )
    })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      itself.session = session
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      // the mark is gone with the answer: the next challenge asks again
      yield* session.reset
      yield* session.data(api)
      assert.strictEqual(depth, 2)
    }).pipe(Effect.provide(delegate), scripted(basicServer(ada)))
  })

  it.scoped("two sessions whose resolvers use each other come to an end", () => {
    const sessions: Array<UrlSession.Service> = []
    const asking = (other: number) =>
      ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(() =>
          Effect.gen(function*() {
            const session = sessions[other]
            if (session !== undefined) yield* session.data(api)
            return Disposition.use(ada)
          })
        )
      })
    return Effect.gen(function*() {
      sessions.push(
        yield* UrlSession.make().pipe(Effect.provide(asking(1))),
        yield* UrlSession.make().pipe(Effect.provide(asking(0)))
      )
      const [first] = sessions
      assert.isDefined(first)
      const result = first === undefined ? undefined : yield* first.data(api)
      assert.strictEqual(result?.[1].status, 200)
    }).pipe(scripted(basicServer(ada)))
  })
})
