/** A request's body that an effect makes while it is sent, anew for every sending. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { DelegateFailed } from "../../SessionError.ts"
import { InvalidRequest } from "../../SessionError.ts"
import type { BodySource, BodySourceSink, StreamedBody } from "../../Transport.ts"
import { Fingerprint } from "./fingerprint.ts"

/**
 * Hands a piece on, once one is asked for. The piece must not change until the next but one is handed on: what is read into two
 * buffers in turn can be read while the one before is being sent.
 */
export type Give = (piece: Uint8Array) => Effect.Effect<void>

/** Makes the body, piece by piece. */
export type Produce = (give: Give) => Effect.Effect<void, unknown>

/** The task that a body belongs to. */
export interface BodyOwner {
  readonly url: string
  readonly runtime: Runtime.Runtime<never>
  /** Asks the BodyStreamProvider, where there is one. */
  readonly provide: ((attempt: number) => Effect.Effect<Option.Option<Produce>, DelegateFailed>) | undefined
  /** Whoever ends the session waits for these. */
  readonly started: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => void
}

type BodyFault = InvalidRequest | DelegateFailed

/** See the head of this file. `produce` is absent where the provider gives the first stream too. */
export class StreamedRequestBody implements StreamedBody {
  readonly _tag = "Stream"
  readonly length: number | undefined
  readonly #produce: Produce | undefined
  readonly #fingerprint = new Fingerprint()
  #owner: BodyOwner | undefined = undefined
  #attempts = 0

  constructor(produce: Produce | undefined, length: number | undefined) {
    this.#produce = produce
    this.length = length
  }

  /** Before it is opened first. */
  bind(owner: BodyOwner): void {
    this.#owner = owner
  }

  open(sink: BodySourceSink): BodySource {
    const owner = this.#owner
    const url = owner?.url
    const attempt = this.#attempts++
    const own = this.#produce
    const exhausted = (cause?: unknown) => new InvalidRequest({ url, cause, reason: { _tag: "BodyStreamExhausted" } })
    const failed = (cause: unknown) => new InvalidRequest({ url, cause, reason: { _tag: "BodyStreamFailed" } })
    const asked = attempt > 0 || own === undefined ? owner?.provide?.(attempt) : undefined
    const start = (give: Give, again: (compared: boolean) => void): Effect.Effect<void, BodyFault> =>
      Effect.flatMap(
        asked ?? Effect.succeedNone,
        (provided) => {
          const produce = Option.getOrElse(provided, () => own)
          if (produce === undefined) return Effect.fail(exhausted())
          const replayed = produce === own && attempt > 0
          again(produce === own)
          return Effect.catchAllCause(
            Effect.suspend(() => produce(give)),
            (cause) => Effect.fail(replayed ? exhausted(Cause.squash(cause)) : failed(Cause.squash(cause)))
          )
        }
      )
    return new Sending({
      length: this.length,
      fingerprint: this.#fingerprint,
      start,
      exhausted,
      mismatch: (announced, given) =>
        new InvalidRequest({ url, reason: { _tag: "BodyLengthMismatch", announced, given } }),
      fork: (effect) => {
        const fiber = owner === undefined ? Effect.runFork(effect) : Runtime.runFork(owner.runtime, effect)
        owner?.started(fiber)
        return fiber
      }
    }, sink)
  }
}

interface Making {
  readonly length: number | undefined
  readonly fingerprint: Fingerprint
  readonly start: (give: Give, again: (compared: boolean) => void) => Effect.Effect<void, BodyFault>
  readonly exhausted: () => BodyFault
  readonly mismatch: (announced: number, given: number) => BodyFault
  readonly fork: (effect: Effect.Effect<void, BodyFault>) => Fiber.RuntimeFiber<void, BodyFault>
}

type Outcome = "end" | BodyFault

/** One sending: a fiber that runs one piece ahead of whoever pulls. */
class Sending implements BodySource {
  readonly #making: Making
  readonly #sink: BodySourceSink
  #fiber: Fiber.RuntimeFiber<void, BodyFault> | undefined = undefined
  #begun = false
  #given = 0
  #compared = false
  #wanted = false
  #held: { readonly piece: Uint8Array; readonly resume: (effect: Effect.Effect<void>) => void } | undefined = undefined
  #outcome: Outcome | undefined = undefined
  #closed = false

  constructor(making: Making, sink: BodySourceSink) {
    this.#making = making
    this.#sink = sink
  }

  pull(): void {
    if (this.#closed) return
    if (this.#outcome !== undefined) return this.#answer(this.#outcome)
    this.#wanted = true
    if (!this.#begun) return this.#start()
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.#deliver(held.piece)
    held.resume(Effect.void)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#held = undefined
    this.#fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  #start(): void {
    this.#begun = true
    const effect = this.#making.start(this.#give, (compared) => {
      this.#compared = compared
    })
    // runs at once, so it may have come to its end before it is known here
    const fiber = this.#fiber = this.#making.fork(effect)
    fiber.addObserver((exit) => this.#done(exit))
    if (this.#closed) fiber.unsafeInterruptAsFork(FiberId.none)
  }

  readonly #give: Give = (piece) =>
    Effect.suspend(() => {
      if (piece.length === 0) return Effect.void
      if (!this.#wanted) {
        return Effect.async((resume) => {
          if (this.#wanted) {
            this.#deliver(piece)
            resume(Effect.void)
          } else this.#held = { piece, resume }
        })
      }
      this.#deliver(piece)
      return Effect.void
    })

  #deliver(piece: Uint8Array): void {
    this.#wanted = false
    if (this.#closed) return
    const { fingerprint, length } = this.#making
    const given = this.#given + piece.length
    if (length !== undefined && given > length) return this.#answer(this.#making.mismatch(length, given))
    if (this.#compared && !fingerprint.passes(this.#given, piece)) return this.#answer(this.#making.exhausted())
    this.#given = given
    this.#sink.onPiece(piece)
  }

  #done(exit: Exit.Exit<void, BodyFault>): void {
    if (this.#closed) return
    const outcome = this.#outcomeOf(exit)
    if (this.#wanted) this.#answer(outcome)
    else this.#outcome = outcome
  }

  #outcomeOf(exit: Exit.Exit<void, BodyFault>): Outcome {
    const { exhausted, fingerprint, length, mismatch } = this.#making
    if (exit._tag === "Failure") return Option.getOrElse(Cause.failureOption(exit.cause), exhausted)
    if (this.#compared && !fingerprint.ends(this.#given)) return exhausted()
    return length !== undefined && this.#given < length ? mismatch(length, this.#given) : "end"
  }

  #answer(outcome: Outcome): void {
    this.close()
    if (outcome === "end") this.#sink.onEnd()
    else this.#sink.onError(outcome)
  }
}
