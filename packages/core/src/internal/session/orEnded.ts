/**
 * Runs somebody else's effect (a decider, an interceptor) so that the end of the task ends it. A race of the library's would
 * do, were it not for the step between the making of its fibers and their start, at which an interruption is lost for ever.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type { ExchangeError } from "../../SessionError.ts"

/** Called at most once, with what the task ends with. */
export type Ended = (failing: Effect.Effect<never, ExchangeError>) => void

/** `listen` may call back at once; it gives what ends the listening. */
export const orEnded = <A, E>(
  effect: Effect.Effect<A, E>,
  listen: (ended: Ended) => () => void
): Effect.Effect<A, E | ExchangeError> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    Effect.async((resume) => {
      let over = false
      let fiber: Fiber.RuntimeFiber<A, E> | undefined
      const leave = listen((failing) => {
        over = true
        // not waited for: a handler that cannot be interrupted must not keep the task
        fiber?.unsafeInterruptAsFork(FiberId.none)
        resume(failing)
      })
      if (over) return
      const running = fiber = Runtime.runFork(Runtime.enableRuntimeFlag(runtime, RuntimeFlags.Interruption), effect)
      running.addObserver((exit) => {
        if (over) return
        over = true
        leave()
        resume(exit)
      })
      return Effect.suspend(() => {
        over = true
        leave()
        return Fiber.interrupt(running)
      })
    }))
