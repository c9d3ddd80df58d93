/**
 * The decision log of one task: there only where it is asked for, so that a stage writes `context.decisions?.led(...)` and
 * nothing is built otherwise.
 */
import type { Decision, LoggedDecision } from "../../Decision.ts"

/** What the log looks at: how many attempts have begun, and the time. */
interface Attempts {
  readonly transactions: { readonly length: number }
  readonly now: () => number
}

/** A task that goes round and round has at most so many decisions kept; the oldest stay, as they say how it came to that. */
const most = 1000

/** See the head of this file. */
export class DecisionLog {
  readonly entries: Array<LoggedDecision> = []
  readonly #attempts: Attempts

  constructor(attempts: Attempts) {
    this.#attempts = attempts
  }

  /** A decision that leads to the next attempt, or, where there is none, to the end. */
  led(decision: Decision): void {
    this.#add(this.#attempts.transactions.length, decision)
  }

  /** A decision about the attempt that has begun last, or about its response. */
  about(decision: Decision): void {
    this.#add(Math.max(0, this.#attempts.transactions.length - 1), decision)
  }

  #add(attempt: number, decision: Decision): void {
    if (this.entries.length < most) this.entries.push({ at: this.#attempts.now(), attempt, decision })
  }
}
