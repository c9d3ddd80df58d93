/** Effects that are done before they are run: what comes out of a memory need not wait for the interpreter. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** What an effect gives where that is known without running it. */
export const exitOf = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> | undefined =>
  isDone(effect) ? effect : undefined

const isDone = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Exit<A, E> => Exit.isExit(effect)

/**
 * `Effect.flatMap`, and at once where the effect is done already. Only inside the interpreter, which sees what `f` throws. A
 * hit of the cache takes 5 steps in place of 17 by it.
 */
export const goOn = <A, E, B, E2>(
  effect: Effect.Effect<A, E>,
  f: (value: A) => Effect.Effect<B, E2>
): Effect.Effect<B, E | E2> => {
  const exit = exitOf(effect)
  if (exit === undefined) return Effect.flatMap(effect, f)
  return exit._tag === "Success" ? f(exit.value) : Effect.failCause(exit.cause)
}
