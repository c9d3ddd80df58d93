// What a transport cannot ask is found when a resolver is attached, not when a certificate goes unjudged.
import { assert, describe, it } from "@effect/vitest"
import type { CapabilityName } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { api, nothingOpen, ok, requests } from "./support.ts"

const without = (...capabilities: ReadonlyArray<CapabilityName>) =>
  Effect.provide(TestTransport.layer({ answer: () => ok(), capabilities }))

const pinning = ChallengeResolver.make({ ServerTrust: ServerTrust.pinned({ "api.test": ["sha256/x"] }) })

/** The message of the defect that an effect dies of. */
const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    const defects = Exit.isFailure(exit) ? [...Cause.defects(exit.cause)] : []
    assert.strictEqual(defects.length, 1)
    return String(defects[0])
  })

const namesBoth = (message: string): void => {
  assert.include(message, "ServerTrust, which the scripted transport cannot ask")
  assert.include(message, "ServerTrustControl")
}

describe("a resolver with ServerTrust on a transport that shows no certificates", () => {
  it.scoped("at the session level is a defect that names both, when the session is made", () =>
    Effect.gen(function*() {
      namesBoth(yield* defectOf(UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(pinning)))))
    }).pipe(without("RedirectControl")))

  it.effect("at the session level is a defect of the layer too", () =>
    Effect.gen(function*() {
      namesBoth(
        yield* defectOf(
          Effect.provide(UrlSession.UrlSession, UrlSession.layer(undefined, ChallengeResolver.layerFrom(pinning)))
        )
      )
    }).pipe(without()))

  it.scoped("at the task level is a defect of each request, before anything is sent; the session goes on", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const task = ChallengeResolver.provideTask(pinning)
      namesBoth(yield* defectOf(session.data(api).pipe(task)))
      namesBoth(yield* defectOf(session.execute(api).pipe(task)))
      namesBoth(yield* defectOf(session.dataTask(api).pipe(task)))
      assert.strictEqual((yield* requests).length, 0)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
    }).pipe(without()))

  it.scoped("is found behind orElse too", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const basic = ChallengeResolver.make({
        Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.cancel))
      })
      const combined = basic.pipe(ChallengeResolver.orElse(pinning))
      namesBoth(yield* defectOf(session.data(api).pipe(ChallengeResolver.provideTask(combined))))
    }).pipe(without()))

  it.scoped("does not concern methods of HTTP: Basic and Digest need no capability", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api).pipe(
        ChallengeResolver.provideTask(
          ChallengeResolver.make({
            Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.cancel)),
            Digest: () => Effect.succeed(Disposition.cancel)
          })
        )
      )
      assert.strictEqual(response.status, 200)
    }).pipe(without()))
})

describe("a RedirectHandler on a transport that follows redirects by itself", () => {
  const namesIt = (message: string): void => assert.include(message, "it lacks RedirectControl")

  it.scoped("at the session level is a defect that says so, when the session is made", () =>
    Effect.gen(function*() {
      namesIt(yield* defectOf(UrlSession.make().pipe(Effect.provide(RedirectHandler.none))))
    }).pipe(without("ServerTrustControl")))

  it.scoped("at the task level is a defect of each request, before anything is sent; the session goes on", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const redirect = yield* RedirectHandler.make(() => Effect.succeed(RedirectHandler.stop))
      namesIt(yield* defectOf(session.data(api).pipe(TaskDelegate.provide({ redirect }))))
      assert.strictEqual((yield* requests).length, 0)
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
    }).pipe(without()))
})
