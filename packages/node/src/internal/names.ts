/**
 * The names that a session has resolved: kept for as long as their answers hold, asked for once by all that want the same at the
 * same time, and bounded. All times are the session's own, which no change of the calendar moves.
 */
import type { ResolvedAddress } from "@urlsession/core/Resolver"
import type { Timers } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** How a name is resolved; fails with what carries a `code`, as `node:dns` does. */
export type Lookup = (host: string) => Effect.Effect<ReadonlyArray<ResolvedAddress>, unknown>

type Answer = Exit.Exit<ReadonlyArray<ResolvedAddress>, unknown>

/** In milliseconds; what is 0 is not kept. */
export interface NameCacheSettings {
  /** Of an answer that does not say. */
  readonly ttl: number
  /** Of the answer that there is no such name. */
  readonly negativeTtl: number
  readonly maximumNames: number
}

interface Flight {
  readonly waiting: Set<(answer: Answer) => void>
  fiber: Fiber.RuntimeFiber<ReadonlyArray<ResolvedAddress>, unknown> | undefined
  /** What it brings may be old by then. */
  stale: boolean
}

const day = 86_400_000

/** The answer is that there is nothing, and not that nobody answered. */
const isNegative = (error: unknown): boolean =>
  error instanceof Object && "code" in error && (error.code === "ENOTFOUND" || error.code === "ENODATA")

/** See the head of this file. */
export class NameCache {
  readonly #lookup: Lookup
  readonly #settings: NameCacheSettings
  readonly #timers: Timers
  readonly #fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  readonly #known = new Map<string, { readonly answer: Answer; readonly until: number }>()
  readonly #flights = new Map<string, Flight>()

  constructor(
    lookup: Lookup,
    settings: NameCacheSettings,
    timers: Timers,
    fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  ) {
    this.#lookup = lookup
    this.#settings = settings
    this.#timers = timers
    this.#fork = fork
  }

  readonly resolve: Lookup = (host) =>
    Effect.suspend(() => {
      const known = this.#known.get(host)
      if (known !== undefined && known.until > this.#timers.now()) return known.answer
      return Effect.async((resume) => {
        const flight = this.#flights.get(host) ?? this.#begin(host)
        const hear = (answer: Answer) => resume(answer)
        flight.waiting.add(hear)
        if (flight.fiber === undefined) this.#start(flight, host)
        return Effect.sync(() => this.#leave(flight, host, hear))
      })
    })

  /** None of its addresses could be connected: they are looked up again. */
  forget(host: string): void {
    this.#known.delete(host)
  }

  /** Forgets everything; what is under way is an answer for those who wait, and for nobody later. */
  clear(): void {
    this.#known.clear()
    for (const flight of this.#flights.values()) flight.stale = true
    this.#flights.clear()
  }

  get size(): number {
    return this.#known.size
  }

  #begin(host: string): Flight {
    const flight: Flight = { waiting: new Set(), fiber: undefined, stale: false }
    this.#flights.set(host, flight)
    return flight
  }

  #start(flight: Flight, host: string): void {
    const fiber = flight.fiber = this.#fork(Effect.suspend(() => this.#lookup(host)))
    fiber.addObserver((answer) => {
      if (this.#flights.get(host) === flight) this.#flights.delete(host)
      if (!flight.stale) this.#keep(host, answer)
      for (const hear of [...flight.waiting]) hear(answer)
    })
  }

  // the last to leave ends the question
  #leave(flight: Flight, host: string, hear: (answer: Answer) => void): void {
    flight.waiting.delete(hear)
    if (flight.waiting.size > 0) return
    if (this.#flights.get(host) === flight) this.#flights.delete(host)
    flight.stale = true
    flight.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  #keep(host: string, answer: Answer): void {
    const milliseconds = this.#lifeOf(answer)
    if (milliseconds <= 0) return
    this.#known.delete(host)
    this.#known.set(host, { answer, until: this.#timers.now() + milliseconds })
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#settings.maximumNames) break
      this.#known.delete(oldest)
    }
  }

  #lifeOf(answer: Answer): number {
    const { negativeTtl, ttl } = this.#settings
    if (Exit.isFailure(answer)) {
      return answer.cause._tag === "Fail" && isNegative(answer.cause.error) ? negativeTtl : 0
    }
    if (answer.value.length === 0) return negativeTtl
    let least = Infinity
    for (const { ttl: seconds } of answer.value) if (seconds !== undefined) least = Math.min(least, seconds * 1000)
    return Number.isFinite(least) ? Math.max(0, Math.min(day, least)) : ttl
  }
}
