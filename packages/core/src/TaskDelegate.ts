/**
 * The task level of every slot: one `Context.Reference` that holds a partial record, set by nothing but the combinators
 * here and `ChallengeResolver.provideTask`, and read once, when a task is created.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { BodyStreamProviderService } from "./BodyStreamProvider.ts"
import type { CacheHandlerService } from "./CacheHandler.ts"
import { taskDelegateKey } from "./internal/capture.ts"
import type { Resolver } from "./internal/resolver.ts"
import type { RedirectHandlerService } from "./RedirectHandler.ts"
import type { ResponseHandlerService } from "./ResponseHandler.ts"
import type { Observer } from "./SessionEvent.ts"

/**
 * The slots of one task. What is absent is the session's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Slots {
  readonly challenge?: Resolver
  readonly redirect?: RedirectHandlerService
  readonly response?: ResponseHandlerService
  readonly cache?: CacheHandlerService
  readonly body?: BodyStreamProviderService
  readonly events?: Observer
}

/**
 * The Reference. Empty by default; a handler of a delegate never inherits it.
 *
 * @since 0.1.0
 * @category references
 */
export class TaskDelegate extends Context.Reference<TaskDelegate>()(taskDelegateKey, {
  defaultValue: (): Slots => ({})
}) {}

/**
 * Sets slots for every request that the effect makes, slot by slot over those set outside of it. Make the services with
 * `RedirectHandler.make`, `ResponseHandler.make`, `CacheHandler.make`, `BodyStreamProvider.make` and `SessionEvent.make`; for a resolver use
 * `ChallengeResolver.provideTask`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const provide = (slots: Slots) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(TaskDelegate, (current) => Effect.provideService(effect, TaskDelegate, { ...current, ...slots }))
