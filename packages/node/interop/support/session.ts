/** A session as a user makes one, closed at the end of a test and then found to have nothing open. */
import { assert } from "@effect/vitest"
import type { ServerTrustControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { certificates } from "./certificates.ts"

/** How a session differs from the default one. */
export interface Options<Delegate> {
  readonly configuration?: SessionConfiguration.Options
  /** Trusts the tests' authority unless it says otherwise. */
  readonly delegate?: Layer.Layer<Delegate, never, NodeSession.Services>
}

/** The evaluator that trusts the tests' authority. */
export const trusting: Effect.Effect<ServerTrust.Evaluator> = Effect.map(
  certificates,
  ({ root }) => ServerTrust.additionalRoots([root.cert])
)

/** A resolver that does nothing else. */
export const trustingLayer: Layer.Layer<ChallengeResolver.ChallengeResolver, never, ServerTrustControl> = Layer
  .unwrapEffect(Effect.map(trusting, (ServerTrust) => ChallengeResolver.layer({ ServerTrust })))

/** Runs with a session of `NodeSession.layer`, closes it, and looks whether anything of it is left. */
export const withSession = <A, E, R, Delegate = never>(
  options: Options<Delegate>,
  use: (session: UrlSession.Service) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, NodeSession.Services | UrlSession.UrlSession>> =>
  Effect.gen(function*() {
    // it is the server that is asked: what its responses allow a cache to say depends on the age of its files
    const configuration = SessionConfiguration.make({
      requestCachePolicy: "reloadIgnoringLocalCacheData",
      ...options.configuration
    })
    const scope = yield* Scope.make()
    const built = options.delegate === undefined
      ? NodeSession.layer(configuration, trustingLayer)
      : NodeSession.layer(configuration, options.delegate)
    const context = yield* Layer.buildWithScope(built, scope)
    const session = Context.get(context, UrlSession.UrlSession)
    const exit = yield* Effect.exit(Effect.provide(use(session), context))
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(yield* session.openResources, { sockets: 0, connecting: 0, queued: 0, tasks: 0, timers: 0 })
    return yield* exit
  })
