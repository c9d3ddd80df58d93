/** Ends a task with the effect that does its last work. */
import * as Effect from "effect/Effect"
import type { DownloadError } from "../../SessionError.ts"
import type { ExchangeContext } from "./exchangeContext.ts"

/** Runs an effect and completes the task with its outcome, whatever that is. */
export const ending = <A, E extends DownloadError, R>(
  effect: Effect.Effect<A, E, R>,
  context: ExchangeContext
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.matchCauseEffect(restore(effect), {
      onFailure: (cause) => {
        context.completeByCause(cause)
        return Effect.failCause(cause)
      },
      onSuccess: (value) => {
        context.complete(undefined, false)
        return Effect.succeed(value)
      }
    })
  )
