/**
 * Sends requests again that failed for a moment. Opt-in: a session without this slot repeats nothing but what was lost with an
 * idle connection. It sees whole exchanges, so a repetition has its redirects, challenges and connections anew.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type { ExchangeError } from "./SessionError.ts"

/**
 * What a schedule is given: a response whose status asks for a repetition, or an error that may pass.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure =
  | { readonly _tag: "Status"; readonly status: number }
  | { readonly _tag: "Error"; readonly error: ExchangeError }

/**
 * The settings; every one has a default. Only requests are repeated that may be carried out twice: idempotent methods (RFC 9110
 * 9.2.2), requests with an `Idempotency-Key`, and what failed before anything was sent. The body must be one that can be made
 * again. Nothing is repeated once the response has been handed out, and both the task's total timer and its cancellation end
 * the waiting. The last error or response is what the caller gets. A task whose idle timer has run out is over, and is not
 * repeated either.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How often a request is sent again at most. 3. */
  readonly times?: number
  /** Before the first repetition. 500 milliseconds. */
  readonly baseDelay?: Duration.DurationInput
  /** How much longer each waits than the one before. 2. */
  readonly factor?: number
  /** 30 seconds. */
  readonly maximumDelay?: Duration.DurationInput
  /** Leaves half of every delay to chance (`Random`), so that clients do not come back together. On. */
  readonly jitter?: boolean
  /** Says how long to wait, and whether at all, in place of the four settings above; `times` limits it all the same. */
  readonly schedule?: Schedule.Schedule<unknown, Failure>
  /** Responses that are repeated: 429, 502, 503, 504. */
  readonly statuses?: ReadonlyArray<number>
  /**
   * A `Retry-After` (RFC 9110 10.2.3) is obeyed where it is longer than the delay. Where a server wants more than this the response
   * is given to the caller at once. 60 seconds.
   */
  readonly maximumRetryAfter?: Duration.DurationInput
  /**
   * Gives requests that are not idempotent an `Idempotency-Key`, made once and kept over repetitions, so that they can be repeated.
   * Only for servers that honour it. Off.
   */
  readonly idempotencyKey?: boolean
}

/**
 * What all requests of a session have together: `ratio` of the requests made may be repetitions, and `minimum` in a minute are
 * allowed in any case.
 *
 * @since 0.1.0
 * @category models
 */
export interface Budget {
  /** 0.2. */
  readonly ratio: number
  /** 10. */
  readonly minimum: number
}

/**
 * What the slot holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryPolicyService {
  readonly options: Options
  readonly budget: Budget
}

/**
 * The slot. `RequestOptions.retryPolicy` says something else for single requests.
 *
 * @since 0.1.0
 * @category slots
 */
export class RetryPolicy extends Context.Tag("@urlsession/core/RetryPolicy")<RetryPolicy, RetryPolicyService>() {}

/**
 * @since 0.1.0
 * @category models
 */
export const defaultBudget: Budget = { ratio: 0.2, minimum: 10 }

/**
 * A policy for every request of a session.
 *
 * @example
 * ```ts
 * import { RequestOptions, RetryPolicy, SessionConfiguration, UrlSession } from "@urlsession/core"
 *
 * const Session = UrlSession.layer(SessionConfiguration.default, RetryPolicy.layer({ times: 5 }))
 * const once = (session: UrlSession.Service) =>
 *   session.data("https://api.example.com/").pipe(RequestOptions.with({ retryPolicy: "never" }))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}, budget: Budget = defaultBudget): Layer.Layer<RetryPolicy> =>
  Layer.succeed(RetryPolicy, { options, budget })
