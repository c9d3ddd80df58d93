/**
 * Sends whole exchanges again, by the session's or the request's policy. What is in the reader's hands is never repeated, since
 * this ends with the head of the response.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Schedule from "effect/Schedule"
import * as Intervals from "effect/ScheduleIntervals"
import { defaultBudget, type Failure, type Options } from "../../RetryPolicy.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { type Backoff, backoff, isIdempotent, retryAfter, RetryBudget } from "../protocol/retryDecision.ts"
import { BoundField } from "../requestField.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Exchange, Stage } from "./exchange.ts"

interface Policy {
  readonly times: number
  readonly backoff: Backoff
  readonly schedule: Schedule.Schedule<unknown, Failure> | undefined
  readonly statuses: ReadonlySet<number>
  readonly maximumRetryAfter: number
  readonly idempotencyKey: boolean
}

const policyOf = (options: Options): Policy => ({
  times: Math.max(0, Math.trunc(options.times ?? 3)),
  backoff: {
    base: Duration.toMillis(options.baseDelay ?? 500),
    factor: Math.max(1, options.factor ?? 2),
    maximum: Duration.toMillis(options.maximumDelay ?? "30 seconds"),
    jitter: options.jitter ?? true
  },
  schedule: options.schedule,
  statuses: new Set(options.statuses ?? [429, 502, 503, 504]),
  maximumRetryAfter: Duration.toMillis(options.maximumRetryAfter ?? "60 seconds"),
  idempotencyKey: options.idempotencyKey ?? false
})

const keyField = "idempotency-key"

/** A random UUID (RFC 9562 5.4) as the string of a structured field, which is what the field's draft wants. */
const newKey = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const hex = [...bytes].map((byte, index) => {
    const marked = index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte
    return marked.toString(16).padStart(2, "0")
  }).join("")
  return `"${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}"`
}

const keyed = (request: WireRequest, policy: Policy): WireRequest =>
  !policy.idempotencyKey || isIdempotent(request.method) || request.fields.some((field) => field.name === keyField)
    ? request
    : { ...request, fields: [...request.fields, new BoundField(keyField, newKey())] }

/** Whether the server cannot have seen anything of the request. */
const unsent = (error: ExchangeError): boolean => {
  if (error._tag === "TimeoutError") return error.reason.timer === "connect"
  if (error._tag !== "ConnectionError") return false
  switch (error.reason._tag) {
    case "CannotFindHost":
    case "CannotConnectToHost":
    case "NotConnectedToInternet":
    case "ProxyFailed":
      return true
    case "NetworkConnectionLost":
      return !error.reason.requestSent || error.reason.unprocessed === true
    default:
      return false
  }
}

const isExhausted = (error: ExchangeError): boolean =>
  error._tag === "InvalidRequest" && error.reason._tag === "BodyStreamExhausted"

/** Milliseconds until the next repetition; `undefined` where there is none. */
type NextDelay = (attempt: number, failure: Failure) => Effect.Effect<number | undefined>

const delaysOf = (policy: Policy, session: SessionState): NextDelay => {
  const { schedule } = policy
  if (schedule === undefined) {
    return (attempt) => Effect.map(Random.next, (random) => backoff(policy.backoff, attempt, random))
  }
  let state: unknown = schedule.initial
  return (_attempt, failure) =>
    Effect.suspend(() => {
      const now = session.wheel.now()
      return Effect.map(schedule.step(now, failure, state), ([next, , decision]) => {
        state = next
        return decision._tag === "Done" ? undefined : Math.max(0, Intervals.start(decision.intervals) - now)
      })
    })
}

/** Waits on the session's clock; given up when the task ends, and it begins anew where the task is suspended. */
const sleep = (milliseconds: number, context: ExchangeContext): Effect.Effect<void, ExchangeError> =>
  Effect.async<void, ExchangeError>((resume) => {
    context.networkWait(false)
    const timer = context.session.wheel.after(milliseconds, () => {
      context.unpark()
      resume(Effect.void)
    })
    const parked = context.park((ended) => {
      timer.cancel()
      resume(ended)
    })
    if (!parked) return
    return Effect.sync(() => {
      timer.cancel()
      context.unpark()
    })
  })

const whyOf = (failure: Failure): string =>
  failure._tag === "Status" ? String(failure.status) : failure.error.reason._tag

/** One request with its repetitions. */
class Retrying {
  readonly #next: Exchange
  readonly #request: WireRequest
  readonly #context: ExchangeContext
  readonly #policy: Policy
  readonly #budget: RetryBudget
  readonly #delay: NextDelay
  #attempt = 0

  constructor(
    next: Exchange,
    request: WireRequest,
    context: ExchangeContext,
    policy: Policy,
    budget: RetryBudget
  ) {
    this.#next = next
    this.#request = keyed(request, policy)
    this.#context = context
    this.#policy = policy
    this.#budget = budget
    this.#delay = delaysOf(policy, context.session)
  }

  run(last: ExchangeError | undefined): Effect.Effect<WireResponse, ExchangeError> {
    return Effect.matchEffect(this.#next(this.#request, this.#context), {
      onFailure: (error) => this.#failed(error, last),
      onSuccess: (response) => this.#answered(response)
    })
  }

  get #repeatable(): boolean {
    return isIdempotent(this.#request.method) || this.#request.fields.some((field) => field.name === keyField)
  }

  #failed(error: ExchangeError, last: ExchangeError | undefined): Effect.Effect<WireResponse, ExchangeError> {
    // a body that cannot be made twice: what went wrong is what went wrong before
    if (last !== undefined && isExhausted(error)) return Effect.fail(last)
    if (!error.isTransient || !(this.#repeatable || unsent(error))) return Effect.fail(error)
    return this.#again({ _tag: "Error", error }, undefined, () => Effect.fail(error), error)
  }

  #answered(response: WireResponse): Effect.Effect<WireResponse, ExchangeError> {
    const { status } = response
    if (!this.#policy.statuses.has(status) || !this.#repeatable) return Effect.succeed(response)
    const wanted = retryAfter(response.fields.get("retry-after"), this.#context.session.wheel.wall())
    if (wanted !== undefined && wanted > this.#policy.maximumRetryAfter) return Effect.succeed(response)
    return this.#again({ _tag: "Status", status }, wanted, () => Effect.succeed(response), undefined, response)
  }

  #again(
    failure: Failure,
    wanted: number | undefined,
    giveUp: () => Effect.Effect<WireResponse, ExchangeError>,
    error: ExchangeError | undefined,
    response?: WireResponse
  ): Effect.Effect<WireResponse, ExchangeError> {
    const context = this.#context
    const { session } = context
    if (this.#attempt >= this.#policy.times || context.failure !== undefined) return giveUp()
    return Effect.flatMap(this.#delay(this.#attempt + 1, failure), (own) => {
      if (own === undefined || !this.#budget.withdraw(session.wheel.now())) return giveUp()
      this.#attempt++
      const delay = Math.max(own, wanted ?? 0)
      response?.body.cancel()
      const why = whyOf(failure)
      context.decisions?.led({ _tag: "SentAgain", by: "retryPolicy", why, after: delay })
      if (context.observed) {
        context.emit({
          _tag: "RetryScheduled",
          taskIdentifier: context.taskIdentifier,
          attempt: this.#attempt,
          delay,
          why
        })
      }
      return Effect.flatMap(sleep(delay, context), () => {
        context.redirectCount = 0
        return this.run(error)
      })
    })
  }
}

export const retryPolicy = (session: SessionState): Stage => {
  const slot = session.slots.retry
  const own = slot === undefined ? undefined : policyOf(slot.options)
  const { minimum, ratio } = slot?.budget ?? defaultBudget
  const budget = new RetryBudget(ratio, minimum, session.wheel.now())
  return (next) => (request, context) => {
    const asked = context.options.retryPolicy
    if (asked === undefined ? own === undefined : asked === "never") return next(request, context)
    const policy = asked === undefined || asked === "never" ? own : policyOf(asked)
    if (policy === undefined) return next(request, context)
    budget.deposit()
    return new Retrying(next, request, context, policy, budget).run(undefined)
  }
}
