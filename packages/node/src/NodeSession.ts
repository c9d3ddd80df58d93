/**
 * A session on Node with everything it can use: the transport and its capabilities, content codings, hash functions, files.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlSession from "@urlsession/core/UrlSession"
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

/** A storage of cookies that is there, or that the delegate brings along, is the one. */
const session = <Delegate, E, R>(
  configuration: SessionConfiguration.SessionConfiguration,
  delegate: Layer.Layer<Delegate, E, R> | undefined
): Layer.Layer<UrlSession.UrlSession, E, R | NodeTransport.Capabilities> =>
  Layer.unwrapEffect(
    Effect.map(Effect.serviceOption(CookieStorage.CookieStorage), (given) => {
      if (Option.isSome(given)) return UrlSession.layer(configuration, delegate)
      // fresh: another session has cookies of its own
      const cookies = Layer.fresh(CookieStorage.layerMemory)
      return UrlSession.layer(configuration, delegate === undefined ? cookies : Layer.merge(cookies, delegate))
    })
  )

/**
 * A session with the platform's services beside it, so that handlers of tasks find them too. The delegate is an argument, as
 * in `UrlSession.layer`; what it needs of the platform (`ServerTrustControl`) is given to it here. Cookies are kept in memory, for
 * this session alone, unless the delegate brings a `CookieStorage` along or one is provided.
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
