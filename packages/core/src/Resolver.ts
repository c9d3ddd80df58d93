/**
 * How a session finds the addresses of names, in place of the system's resolver: DNS over HTTPS, a service registry, a validating
 * resolver, a double for tests. Answers are kept by the transport for as long as they say.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { capture } from "./internal/capture.ts"

/**
 * One address of a name.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
  /** Seconds for which the answer holds, where that is known. */
  readonly ttl?: number
}

/**
 * What the slot holds. What `resolve` fails with may carry a `code` as the errors of `node:dns` do: `ENOTFOUND` says that there is
 * no such host, `EAI_AGAIN` that asking again may help. No address at all is `ENOTFOUND` too. It is interrupted when nobody waits
 * for it any more.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolverService {
  readonly resolve: (host: string) => Effect.Effect<ReadonlyArray<ResolvedAddress>, unknown>
  /** Every answer has been validated by DNSSEC (RFC 4035), or there is none. */
  readonly validatesDnssec: boolean
}

/**
 * The slot. Without it a transport asks its platform. Browsers resolve names themselves, and never ask it.
 *
 * @since 0.1.0
 * @category slots
 */
export class Resolver extends Context.Tag("@urlsession/core/Resolver")<Resolver, ResolverService>() {}

/**
 * A resolver from a function.
 *
 * @example
 * ```ts
 * import { Resolver, SessionConfiguration, UrlSession } from "@urlsession/core"
 * import { Effect } from "effect"
 *
 * const Session = UrlSession.layer(
 *   SessionConfiguration.default,
 *   Resolver.layer((host) =>
 *     host.endsWith(".service.internal")
 *       ? Effect.succeed([{ address: "10.0.0.7", family: 4, ttl: 5 }])
 *       : Effect.fail({ code: "ENOTFOUND" })
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  resolve: (host: string) => Effect.Effect<ReadonlyArray<ResolvedAddress>, E, R>,
  options: { readonly validatesDnssec?: boolean } = {}
): Layer.Layer<Resolver, never, R> =>
  Layer.effect(
    Resolver,
    Effect.map(capture<R>(), (run) => ({
      resolve: (host: string) => run(resolve(host)),
      validatesDnssec: options.validatesDnssec ?? false
    }))
  )
