/** The connection that an exchange of messages is pinned to, for as long as the exchange lasts. */
import * as Effect from "effect/Effect"
import type { ExchangeError } from "../../SessionError.ts"
import type { Closeable, ConnectionAffinity, HeldConnection } from "../../Transport.ts"
import type { ExchangeContext } from "./exchangeContext.ts"

/** See the head of this file. */
export class Affinity implements ConnectionAffinity, Closeable {
  readonly user: object
  holding = false
  pinned = false
  held: HeldConnection | undefined = undefined
  readonly #context: ExchangeContext
  #pending = false
  #settle: (() => void) | undefined = undefined

  constructor(user: object, context: ExchangeContext) {
    this.user = user
    this.#context = context
  }

  /** An exchange of messages begins: the connection of the next request is kept. */
  begin(): void {
    if (this.holding) return
    this.holding = true
    this.#context.register(this)
  }

  /** The next message goes over the connection of the last one. */
  pin(): void {
    this.pinned = true
  }

  /** A request is about to be sent. */
  sending(): void {
    this.#pending = true
  }

  kept(held: HeldConnection): void {
    this.#pending = false
    if (this.holding) this.held = held
    else held.release(true)
    this.#settle?.()
  }

  lost(): void {
    this.#pending = false
    this.held = undefined
    this.#settle?.()
  }

  /** Done once the response of the last request is off the wire; then it is known whether the connection could be kept. */
  readonly settled: Effect.Effect<void, ExchangeError> = Effect.suspend(() =>
    this.#pending
      ? Effect.async<void, ExchangeError>((resume) => {
        if (!this.#context.park(resume)) return
        this.#settle = () => {
          this.#settle = undefined
          this.#context.unpark()
          resume(Effect.void)
        }
      })
      : Effect.void
  )

  /** The connection is this user's from now on, and free for the next request of this user. */
  finish(): void {
    this.#end(true)
  }

  /** The exchange has come to nothing: a connection in the middle of it serves nobody. */
  close(): void {
    this.#end(false)
  }

  #end(reusable: boolean): void {
    if (!this.holding) return
    this.holding = false
    this.pinned = false
    this.#context.unregister(this)
    const held = this.held
    this.held = undefined
    held?.release(reusable)
  }
}
