/** How a delegate's handler keeps the services it was built with, in place of those of whoever calls it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** The key of the task-level Reference; a handler never inherits it, or it would meet the delegate it is part of. */
export const taskDelegateKey = "@urlsession/core/TaskDelegate"

/** Runs an effect with the captured services. */
export interface Captured<in R> {
  <A, E>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E>
}

/** The key under which the fiber of a delegate queue is marked: it belongs to whoever runs, not to what was captured. */
export const delegateQueueKey = "@urlsession/core/internal/OnDelegateQueue"

/** The key under which the resolvers stand that are being asked: it belongs to whoever runs, too. */
export const resolvingKey = "@urlsession/core/internal/Resolving"

/** The key under which the token providers stand that are being refreshed. */
export const refreshingKey = "@urlsession/core/internal/Refreshing"

/** The key under which the one stands who hears how the questions of a connection are answered. */
export const challengeObserverKey = "@urlsession/core/ChallengeObserver"

const marks = [delegateQueueKey, resolvingKey, refreshingKey, challengeObserverKey]
const ofTheCaller = [Tracer.ParentSpan.key, ...marks]

const without = <R>(context: Context.Context<R>): Context.Context<R> => {
  const foreign = [taskDelegateKey, ...marks].filter((key) => context.unsafeMap.has(key))
  if (foreign.length === 0) return context
  const map = new Map(context.unsafeMap)
  for (const key of foreign) map.delete(key)
  return Context.unsafeMake<R>(map)
}

const withThoseOf = <R>(own: Context.Context<R>, caller: Context.Context<never>): Context.Context<R> => {
  const keys = ofTheCaller.filter((key) => caller.unsafeMap.has(key))
  if (keys.length === 0) return own
  const map = new Map(own.unsafeMap)
  for (const key of keys) map.set(key, caller.unsafeMap.get(key))
  return Context.unsafeMake<R>(map)
}

/** Captures the services of the place where it is run. Only the parent span and our marks are the caller's. */
export const capture = <R>(): Effect.Effect<Captured<R>, never, R> =>
  Effect.map(Effect.context<R>(), (context) => {
    const own = without(context)
    return (effect) => Effect.mapInputContext(effect, (caller: Context.Context<never>) => withThoseOf(own, caller))
  })
