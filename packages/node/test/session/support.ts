/** A session on Node for one test, closed at its end and then found to have nothing open. */
import { assert } from "@effect/vitest"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { makeAuthority } from "../support/pki.ts"

/** How a test's session differs from the default one. */
export interface Options<Delegate = never> {
  readonly configuration?: SessionConfiguration.Options
  readonly delegate?: Layer.Layer<Delegate, never, NodeTransport.Capabilities>
  readonly transport?: NodeTransport.Configuration
}

/** Opens a session in the scope. */
export const open = <Delegate = never>(options: Options<Delegate> = {}) =>
  Effect.map(
    Layer.build(
      UrlSession.layer(SessionConfiguration.make(options.configuration), options.delegate).pipe(
        Layer.provide(NodeTransport.layerWith(options.transport ?? {}))
      )
    ),
    (context) => Context.get(context, UrlSession.UrlSession)
  )

/** What `openResources` says of a session that holds nothing. */
export const nothing = { sockets: 0, connecting: 0, queued: 0, tasks: 0, timers: 0 }

/** Runs with a session, closes it, and looks whether anything of it is left. */
export const withSession = <A, E, R, Delegate = never>(
  options: Options<Delegate>,
  use: (session: UrlSession.Service) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const session = yield* Scope.extend(open(options), scope)
    const exit = yield* Effect.exit(use(session))
    yield* Scope.close(scope, Exit.void)
    assert.deepStrictEqual(yield* session.openResources, nothing)
    return yield* exit
  })

interface Reasoned {
  readonly _tag: string
  readonly reason: { readonly _tag: string }
  readonly message: string
}

/** The error of an effect that must fail as `Family/Reason` says. */
export const failsWith = <A, E extends Reasoned, R>(
  effect: Effect.Effect<A, E, R>,
  name: string
): Effect.Effect<E, A, R> =>
  Effect.tap(
    Effect.flip(effect),
    (error) => Effect.sync(() => assert.strictEqual(`${error._tag}/${error.reason._tag}`, name, error.message))
  )

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** One authority for the tests of a file: making keys costs time. */
const shared = makeAuthority({ commonName: "Shared Test Root" })

export const authority = Effect.promise(() => shared)

/** A trusted leaf for 127.0.0.1 and localhost. */
export const leaf = Effect.promise(() => shared.then((root) => root.issue({ names: ["127.0.0.1", "localhost"] })))
