/**
 * The decider on what is kept: Apple's `willCacheResponse`. It is asked when the whole body of a response that may be kept has
 * come, before its reader sees the end.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type { CachedResponse } from "./CachedResponse.ts"
import { capture } from "./internal/capture.ts"

/**
 * A response that is about to be kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proposal {
  readonly proposed: CachedResponse
  readonly taskIdentifier: number
}

/**
 * What the slot holds: what is to be kept, as it is or changed, or nothing. A failure ends the task with `DelegateFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheHandlerService {
  readonly decide: (proposal: Proposal) => Effect.Effect<Option.Option<CachedResponse>, unknown>
}

/**
 * The slot at the session level; without it everything is kept that may be.
 *
 * @since 0.1.0
 * @category slots
 */
export class CacheHandler extends Context.Tag("@urlsession/core/CacheHandler")<CacheHandler, CacheHandlerService>() {}

/**
 * A handler that has captured what it needs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(
  decide: (proposal: Proposal) => Effect.Effect<Option.Option<CachedResponse>, E, R>
): Effect.Effect<CacheHandlerService, never, R> =>
  Effect.map(capture<R>(), (run) => ({ decide: (proposal: Proposal) => run(decide(proposal)) }))

/**
 * A session's handler from a function.
 *
 * @example
 * ```ts
 * import { CachedResponse, CacheHandler } from "@urlsession/core"
 * import { Effect, Option } from "effect"
 *
 * // nothing of this session is written to a disk
 * const InMemory = CacheHandler.layer(({ proposed }) =>
 *   Effect.succeed(Option.some(
 *     new CachedResponse.CachedResponse({
 *       response: proposed.response,
 *       data: proposed.data,
 *       storagePolicy: "allowedInMemoryOnly"
 *     })
 *   ))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  decide: (proposal: Proposal) => Effect.Effect<Option.Option<CachedResponse>, E, R>
): Layer.Layer<CacheHandler, never, R> => Layer.effect(CacheHandler, make(decide))
