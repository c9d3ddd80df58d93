/**
 * A session on Node with everything it can use: the transport and its capabilities, content codings, hash functions, files.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as NodeTransport from "./NodeTransport.ts"

/**
 * What comes with a session on Node: the capabilities of its transport, and files to download to.
 *
 * @since 0.1.0
 * @category models
 */
export type Services = NodeTransport.Capabilities | FileSystem

/**
 * All of it but the session.
 *
 * @since 0.1.0
 * @category layers
 */
export const services: Layer.Layer<Services> = Layer.merge(NodeTransport.layer, NodeFileSystem.layer)

/** The one that is there, or else one of this session's own: fresh, since another session has its own too. */
const unlessGiven = <I, S, R>(tag: Context.Tag<I, S>, own: Layer.Layer<I, never, R>): Layer.Layer<I, never, R> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.serviceOption(tag),
      (given): Layer.Layer<I, never, R> => Option.isSome(given) ? Layer.succeed(tag, given.value) : Layer.fresh(own)
    )
  )

/** What the delegate brings along comes before either. */
const session = <Delegate, E, R>(
  configuration: SessionConfiguration.SessionConfiguration,
  delegate: Layer.Layer<Delegate, E, R> | undefined
): Layer.Layer<UrlSession.UrlSession, E, R | NodeTransport.Capabilities> => {
  const stores = Layer.merge(
    unlessGiven(CookieStorage.CookieStorage, CookieStorage.layerMemory),
    unlessGiven(UrlCache.UrlCache, UrlCache.layerMemory())
  )
  return UrlSession.layer(configuration, delegate === undefined ? stores : Layer.merge(stores, delegate))
}

/**
 * A session with the platform's services beside it, so that handlers of tasks find them too. The delegate is an argument, as
 * in `UrlSession.layer`; what it needs of the platform (`ServerTrustControl`) is given to it here. Cookies, and
 * responses (`UrlCache`, 4 MiB), are kept in memory, for this session alone, unless the delegate brings a `CookieStorage` or a
 * `UrlCache` along or one is provided.
 *
 * @example
 * ```ts
 * import { ChallengeResolver, ServerTrust, SessionConfiguration, UrlSession } from "@urlsession/core"
 * import { NodeSession } from "@urlsession/node"
 * import { Effect } from "effect"
 *
 * const Session = NodeSession.layer(
 *   SessionConfiguration.default,
 *   ChallengeResolver.layer({ ServerTrust: ServerTrust.default })
 * )
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://example.com/"))
 *
 * program.pipe(Effect.provide(Session), Effect.runPromise)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Delegate = never, E = never, R = never>(
  configuration: SessionConfiguration.SessionConfiguration = SessionConfiguration.default,
  delegate?: Layer.Layer<Delegate, E, R>
): Layer.Layer<UrlSession.UrlSession | Services, E, Exclude<R, Services>> =>
  Layer.provideMerge(session(configuration, delegate), services)
