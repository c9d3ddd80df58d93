/** The two timers of a task: the total one, which begins here, and the idle one, which runs while the network is waited for. */
import type { Stage } from "./exchange.ts"

/** Starts the total timer; it stands still only while the task is suspended. */
export const resourceTimeout: Stage = (next) => (request, context) => {
  context.startClock()
  return next(request, context)
}

/**
 * The seat of the idle timer. The transport tells the context when it waits for the network and when bytes move; time spent
 * queued for a connection, paused by the reader or in a decider does not count, so there is nothing to start here.
 */
export const idleTimeout: Stage = (next) => next
