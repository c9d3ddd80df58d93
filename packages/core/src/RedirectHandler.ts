/**
 * The decider on redirects: follow, follow with another request, or take the 3xx as the result.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RedirectControl } from "./Capability.ts"
import type { HeaderFields } from "./HeaderFields.ts"
import { capture } from "./internal/capture.ts"
import type { WireRequest } from "./Transport.ts"

/**
 * One redirect, before it is followed. `request` is what would be sent: method, body and fields are already those of RFC
 * 9110 15.4, and what is bound to the first origin has been dropped where the redirect leaves it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Redirect {
  readonly status: number
  readonly headers: HeaderFields
  /** The URL that redirected. */
  readonly from: string
  readonly request: WireRequest
  /** 1 for the first redirect of a task. */
  readonly hop: number
  readonly crossOrigin: boolean
  readonly taskIdentifier: number
}

/**
 * @since 0.1.0
 * @category models
 */
export type RedirectAnswer =
  | { readonly _tag: "Follow" }
  | { readonly _tag: "Stop" }
  | { readonly _tag: "FollowWith"; readonly request: WireRequest }

/**
 * @since 0.1.0
 * @category answers
 */
export const follow: RedirectAnswer = { _tag: "Follow" }

/**
 * The 3xx itself, with its body, is the result.
 *
 * @since 0.1.0
 * @category answers
 */
export const stop: RedirectAnswer = { _tag: "Stop" }

/**
 * Follows with a changed request. Its scheme is checked as that of every redirect.
 *
 * @since 0.1.0
 * @category answers
 */
export const followWith = (request: WireRequest): RedirectAnswer => ({ _tag: "FollowWith", request })

/**
 * What the slot holds. A failure ends the task with `DelegateFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedirectHandlerService {
  readonly decide: (redirect: Redirect) => Effect.Effect<RedirectAnswer, unknown>
}

/**
 * The slot at the session level; without it redirects are followed.
 *
 * @since 0.1.0
 * @category slots
 */
export class RedirectHandler extends Context.Tag("@urlsession/core/RedirectHandler")<
  RedirectHandler,
  RedirectHandlerService
>() {}

/**
 * A handler that has captured what it needs, of a platform that shows redirects.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(
  decide: (redirect: Redirect) => Effect.Effect<RedirectAnswer, E, R>
): Effect.Effect<RedirectHandlerService, never, R | RedirectControl> =>
  Effect.map(capture<R | RedirectControl>(), (run) => ({ decide: (redirect: Redirect) => run(decide(redirect)) }))

/**
 * A session's handler from a function. A platform that follows redirects by itself, as `fetch` does, lacks `RedirectControl`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  decide: (redirect: Redirect) => Effect.Effect<RedirectAnswer, E, R>
): Layer.Layer<RedirectHandler, never, R | RedirectControl> => Layer.effect(RedirectHandler, make(decide))

/**
 * Follows no redirect: every 3xx is a result.
 *
 * @since 0.1.0
 * @category layers
 */
export const none: Layer.Layer<RedirectHandler, never, RedirectControl> = layer(() => Effect.succeed(stop))

/**
 * Follows redirects inside the origin only.
 *
 * @since 0.1.0
 * @category layers
 */
export const sameOrigin: Layer.Layer<RedirectHandler, never, RedirectControl> = layer((redirect) =>
  Effect.succeed(redirect.crossOrigin ? stop : follow)
)
