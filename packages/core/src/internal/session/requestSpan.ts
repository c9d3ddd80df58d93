/**
 * The span of one request: it begins before the request is sent, and ends when the body has been read, has failed, or has been
 * given up. Redirects and rounds of authentication are events in it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import { hasProperty, isString } from "effect/Predicate"
import type * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../../SessionError.ts"
import type { SessionResponse } from "../../SessionResponse.ts"
import { type Attributes, ofAttempt, ofConnection, ofResponse } from "../spanAttributes.ts"
import { attemptSpans } from "./attemptSpans.ts"
import type { ExchangeContext } from "./exchangeContext.ts"
import { type ExchangeListener, Listener } from "./exchangeListener.ts"

/**
 * Turns of the scheduler in which a reader may come for a body that is already here. The program that asked for it goes on in
 * some of them: an `Effect.timeout` around the request takes a few.
 */
const patience = 32

/** The spans whose bodies are here in whole, and that nobody has begun to read. */
export type Unread = Set<RequestSpan>

const nanosOf = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1e6))
const later = (a: bigint, b: bigint): bigint => a > b ? a : b

/** The reason's tag names an error of ours; the conventions have a name for every other one. */
const errorType = (error: unknown): string =>
  hasProperty(error, "reason") && hasProperty(error.reason, "_tag") && isString(error.reason._tag)
    ? error.reason._tag
    : "_OTHER"

/** See the head of this file. */
export class RequestSpan implements ExchangeListener {
  readonly span: Tracer.Span
  readonly #now: () => bigint
  readonly #scheduler: Scheduler.Scheduler
  readonly #tracer: Tracer.Tracer | undefined
  readonly #timed: boolean
  readonly #unread: Unread
  #exchange: ExchangeContext | undefined = undefined
  #answered = false
  #reading = false
  #ended = false

  constructor(span: Tracer.Span, fiber: Fiber.RuntimeFiber<unknown, unknown>, unread: Unread) {
    const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
    const timed = fiber.getFiberRef(FiberRef.currentTracerTimingEnabled)
    this.span = span
    this.#tracer = fiber.currentTracer
    this.#timed = timed
    this.#now = timed ? () => clock.unsafeCurrentTimeNanos() : () => BigInt(0)
    this.#scheduler = fiber.currentScheduler
    this.#unread = unread
  }

  /** The span of the request that a fiber is at. */
  static of(fiber: Fiber.RuntimeFiber<unknown, unknown>): RequestSpan | undefined {
    const listener = Context.get(fiber.currentContext, Listener)
    return listener instanceof RequestSpan ? listener : undefined
  }

  begins(exchange: ExchangeContext): boolean {
    if (this.#exchange !== undefined) return false
    this.#exchange = exchange
    return true
  }

  left(exchange: ExchangeContext): void {
    // a head that failed, and a reader, know best how it ended
    if (this.#reading || (!this.#answered && !exchange.detached)) return
    if (exchange.detached && exchange.hasArrived) return this.#wait(patience)
    this.end(exchange.error === undefined ? Exit.void : Exit.fail(exchange.error))
  }

  /** Runs what fetches the head. */
  head(effect: Effect.Effect<SessionResponse, ExchangeError>): Effect.Effect<SessionResponse, ExchangeError> {
    return Effect.matchCauseEffect(effect, {
      onFailure: (cause) => {
        this.end(Exit.failCause(cause))
        return Effect.failCause(cause)
      },
      onSuccess: (response) => {
        this.#answered = true
        this.attributes(ofResponse(response.status, response.headers))
        return Effect.succeed(response)
      }
    })
  }

  /** Runs what reads the body. */
  reading<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.#reading = true
      return Effect.onExit(effect, (exit) => Effect.sync(() => this.end(exit)))
    })
  }

  /** The same for a stream, which is read as long as it runs. */
  streaming<A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E> {
    return Stream.suspend(() => {
      this.#reading = true
      return Stream.ensuringWith(stream, (exit) => Effect.sync(() => this.end(exit)))
    })
  }

  attributes(attributes: Attributes): void {
    for (const name in attributes) this.span.attribute(name, attributes[name])
  }

  /** Nobody reads the body, and nobody will be waited for. */
  giveUp(): void {
    if (!this.#reading) this.end(Exit.void)
  }

  /** Idempotent: the first end is the span's. */
  end(exit: Exit.Exit<unknown, unknown>): void {
    if (this.#ended) return
    this.#ended = true
    this.#unread.delete(this)
    const now = this.#now()
    this.#attempts(now)
    if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
      this.span.attribute("error.type", errorType(Option.getOrUndefined(Cause.failureOption(exit.cause))))
    }
    this.span.end(now, exit)
  }

  /** What the session has noted of the ways to the response, where there was more than one. */
  #attempts(now: bigint): void {
    const { decisions = [], transactions = [] } = this.#exchange?.metrics ?? {}
    if (this.#tracer !== undefined && this.#timed) {
      attemptSpans(this.#tracer, this.span, transactions, decisions, now, this.#exchange?.error)
    }
    this.attributes(ofConnection(transactions[transactions.length - 1]?.connection))
    if (transactions.length < 2) return
    this.span.attribute("http.request.resend_count", transactions.length - 1)
    // the session's clock has milliseconds, so that an attempt may seem to come before the span it belongs to
    let at = this.span.status.startTime
    transactions.forEach((attempt, index) => {
      at = later(at, nanosOf(attempt.fetchStart))
      this.span.event("http.attempt", at < now ? at : now, ofAttempt(attempt, index))
    })
  }

  #wait(turns: number): void {
    if (this.#reading || this.#ended || (turns === patience && this.#unread.has(this))) return
    this.#unread.add(this)
    this.#scheduler.scheduleTask(() => turns === 0 ? this.giveUp() : this.#wait(turns - 1), 0)
  }
}

/** Runs a request inside a span, which goes on for as long as its response is read. */
export const inSpan = <A, E, R>(
  name: string,
  attributes: Attributes,
  unread: Unread,
  run: (span: RequestSpan) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.makeSpan(name, { kind: "client", captureStackTrace: false, attributes }),
      (span) =>
        Effect.withFiberRuntime<A, E, R>((fiber) => {
          const request = new RequestSpan(span, fiber, unread)
          const own = Context.add(Context.make(Tracer.ParentSpan, span), Listener, request)
          return Effect.matchCauseEffect(
            restore(Effect.mapInputContext(run(request), (caller: Context.Context<R>) => Context.merge(caller, own))),
            {
              onFailure: (cause) => {
                request.end(Exit.failCause(cause))
                return Effect.failCause(cause)
              },
              onSuccess: Effect.succeed
            }
          )
        })
    )
  )
