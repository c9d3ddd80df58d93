/** What is sent again, when, and how often over all requests of a session: the pure part of a retry policy. */
import { parseHttpDate } from "./httpDate.ts"

const idempotent = new Set([
  "GET",
  "HEAD",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "QUERY",
  "PROPFIND",
  "REPORT",
  "SEARCH"
])

/** Whether a method may be carried out twice to the effect of once (RFC 9110 9.2.2). */
export const isIdempotent = (method: string): boolean => idempotent.has(method)

/**
 * Milliseconds that a server wants to be left alone (RFC 9110 10.2.3); `undefined` without the field, or where it says nothing
 * that can be read. `now` in milliseconds since the epoch, by the calendar.
 */
export const retryAfter = (value: string | undefined, now: number): number | undefined => {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,15}$/.test(text)) return Number(text) * 1000
  const date = parseHttpDate(text, now)
  return date === undefined ? undefined : Math.max(0, date - now)
}

/** How long to wait before a repetition. */
export interface Backoff {
  /** Milliseconds before the first. */
  readonly base: number
  readonly factor: number
  readonly maximum: number
  readonly jitter: boolean
}

/** `attempt` is 1 for the first repetition, `random` from 0 to below 1: with jitter half of the time is left to chance. */
export const backoff = ({ base, factor, jitter, maximum }: Backoff, attempt: number, random: number): number => {
  const whole = Math.min(maximum, base * factor ** (attempt - 1))
  return jitter ? whole / 2 + (whole / 2) * random : whole
}

/** Milliseconds in which the reserve of a budget fills again. */
const refill = 60_000

/**
 * How many repetitions all requests of a session have together, so that a server in trouble is not given several times its
 * load: a part of the requests made, and a reserve for sessions that make few, which fills again in a minute.
 */
export class RetryBudget {
  readonly #ratio: number
  readonly #minimum: number
  #earned = 0
  #reserve: number
  #filledAt: number

  constructor(ratio: number, minimum: number, now: number) {
    this.#ratio = ratio
    this.#minimum = minimum
    this.#reserve = minimum
    this.#filledAt = now
  }

  /** A request is made, for the first time. */
  deposit(): void {
    // what was earned in good times does not allow a storm
    this.#earned = Math.min(this.#earned + this.#ratio, 100 * this.#ratio + this.#minimum)
  }

  /** Whether one more repetition is in the budget; it is spent then. */
  withdraw(now: number): boolean {
    const passed = Math.max(0, now - this.#filledAt)
    this.#filledAt = now
    this.#reserve = Math.min(this.#minimum, this.#reserve + (passed / refill) * this.#minimum)
    if (this.#earned >= 1) this.#earned -= 1
    else if (this.#reserve >= 1) this.#reserve -= 1
    else return false
    return true
  }
}
