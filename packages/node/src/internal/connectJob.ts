/** The making of one connection. It belongs to its pool, not to the request it was begun for: that one may leave. */
import type { ExchangeError } from "@urlsession/core/SessionError"
import { type AlpnProtocol, type AnsweredChallenge, ChallengeObserver } from "@urlsession/core/Transport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { connect, type Connected, type ConnectHooks } from "./connector.ts"
import { noTimings } from "./connectTimings.ts"
import type { Dial } from "./dial.ts"
import { delegateFailed } from "./errors.ts"
import type { Exchange } from "./exchange.ts"
import type { Pool } from "./pool.ts"

/** See the head of this file. */
export class ConnectJob implements ConnectHooks {
  readonly timings = noTimings()
  readonly generation: number
  readonly alpnProtocols: ReadonlyArray<AlpnProtocol>
  dial: Dial | undefined = undefined
  cancelled = false
  #fiber: Fiber.RuntimeFiber<Connected, ExchangeError> | undefined = undefined
  readonly #pool: Pool
  #waiter: Exchange | undefined = undefined
  #waiting = true

  constructor(pool: Pool, generation: number) {
    this.#pool = pool
    this.generation = generation
    this.alpnProtocols = pool.alpnProtocols
  }

  /** The request that this attempt is for at the moment. */
  get waiter(): Exchange | undefined {
    return this.#waiter
  }

  /** Its time is the network's, and no decider's. */
  get waitsForNetwork(): boolean {
    return this.#waiting
  }

  assign(waiter: Exchange | undefined): void {
    const before = this.#waiter
    if (before === waiter) return
    if (before !== undefined) {
      before.job = undefined
      before.networkWait(false)
    }
    this.#waiter = waiter
    if (waiter !== undefined) {
      const other = waiter.job
      if (other !== undefined) other.#waiter = undefined
      waiter.job = this
      waiter.networkWait(this.#waiting)
    }
  }

  start(): void {
    const { asker, engine, url } = this.#pool
    const connected = connect(this.#waiter?.request.url ?? url, asker, engine.connector, this)
    const fiber = engine.fork(Effect.provideService(connected, ChallengeObserver, this.#answered))
    this.#fiber = fiber
    fiber.addObserver((exit) => this.#pool.settled(this, exit))
  }

  cancel(): void {
    if (this.cancelled) return
    this.cancelled = true
    this.dial?.cancel()
    this.#fiber?.unsafeInterruptAsFork(this.#fiber.id())
  }

  /** The error of a cause that is not this job's own cancellation. */
  errorOf(cause: Cause.Cause<ExchangeError>): ExchangeError {
    const failure = Cause.failureOption(cause)
    return failure._tag === "Some"
      ? failure.value
      : delegateFailed("connection", Cause.squash(cause), this.#waiter?.request.url.href ?? this.#pool.url.href)
  }

  readonly #answered = (answered: AnsweredChallenge): void => this.#waiter?.control.challengeAnswered?.(answered)

  // ---- what the connector asks and tells

  readonly now = (): number => this.#waiter?.control.now() ?? this.#pool.engine.now()

  readonly negotiated = (protocol: AlpnProtocol): void => this.#pool.negotiated(this, protocol)

  readonly networkWait = (waiting: boolean): void => {
    this.#waiting = waiting
    this.#waiter?.networkWait(waiting)
    this.#pool.networkWait(this)
  }
}
