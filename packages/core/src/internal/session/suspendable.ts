/** What suspending a task holds back: its timers, the beginning of its next attempt, and the reader of its body. */
import * as Effect from "effect/Effect"
import type { ExchangeError } from "../../SessionError.ts"
import { TaskTimers } from "./taskTimers.ts"

/** Something that stands still while its task is suspended. */
export interface Pausable {
  readonly pause: () => void
  readonly resume: () => void
}

/** Part of a task's context. */
export abstract class Suspendable extends TaskTimers {
  #count = 0
  #gate: (() => void) | undefined = undefined
  #pausable: Pausable | undefined = undefined

  abstract park(resume: (effect: Effect.Effect<never, ExchangeError>) => void): boolean
  abstract unpark(): void
  abstract changed(): void
  /** Whether there is anything left that could take too long; `undefined` for a task that is over. */
  protected abstract get timed(): boolean | undefined

  get suspended(): boolean {
    return this.#count > 0
  }

  suspend(): void {
    this.#count++
    if (this.#count > 1) return
    this.holdClock()
    this.#pausable?.pause()
    this.changed()
  }

  resume(): void {
    const timed = this.timed
    if (this.#count === 0 || timed === undefined) return
    this.#count--
    if (this.#count > 0) return
    this.releaseClock()
    if (timed) this.startClock()
    const gate = this.#gate
    this.#gate = undefined
    gate?.()
    this.#pausable?.resume()
    this.changed()
  }

  /** Waits while the task is suspended. */
  whenRunning(): Effect.Effect<void, ExchangeError> {
    return Effect.async((resume) => {
      if (this.#count === 0) return resume(Effect.void)
      if (!this.park(resume)) return
      this.#gate = () => {
        this.unpark()
        resume(Effect.void)
      }
    })
  }

  /** What a suspension holds back. */
  set pausable(pausable: Pausable | undefined) {
    this.#pausable = pausable
    if (this.#count > 0) pausable?.pause()
  }
}
