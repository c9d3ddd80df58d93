/**
 * The decider on the head of a final response, before any of its body is delivered.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { HeaderFields } from "./HeaderFields.ts"
import { capture } from "./internal/capture.ts"

/**
 * The head of a final response, decoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResponseHead {
  readonly status: number
  readonly headers: HeaderFields
  readonly url: string
  readonly taskIdentifier: number
}

/**
 * Deliver the response, or cancel the task: it fails with `Cancelled` by the response handler.
 *
 * @since 0.1.0
 * @category models
 */
export type ResponseDisposition = "allow" | "cancel"

/**
 * What the slot holds. A failure ends the task with `DelegateFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResponseHandlerService {
  readonly decide: (head: ResponseHead) => Effect.Effect<ResponseDisposition, unknown>
}

/**
 * The slot at the session level; without it every response is allowed.
 *
 * @since 0.1.0
 * @category slots
 */
export class ResponseHandler extends Context.Tag("@urlsession/core/ResponseHandler")<
  ResponseHandler,
  ResponseHandlerService
>() {}

/**
 * A handler that has captured what it needs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(
  decide: (head: ResponseHead) => Effect.Effect<ResponseDisposition, E, R>
): Effect.Effect<ResponseHandlerService, never, R> =>
  Effect.map(capture<R>(), (run) => ({ decide: (head: ResponseHead) => run(decide(head)) }))

/**
 * A session's handler from a function.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  decide: (head: ResponseHead) => Effect.Effect<ResponseDisposition, E, R>
): Layer.Layer<ResponseHandler, never, R> => Layer.effect(ResponseHandler, make(decide))
