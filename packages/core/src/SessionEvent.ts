/**
 * All that can be observed of a session, the slot for handlers, and their layer. Observers cannot change anything: a
 * transfer never waits for them, and their failures are reported and never seen by it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { HeaderFields } from "./HeaderFields.ts"
import { capture } from "./internal/capture.ts"
import type { DownloadError } from "./SessionError.ts"
import type { TaskMetrics } from "./TaskMetrics.ts"

/** What every event of a task says. */
interface OfTask {
  /** Unique in the session. */
  readonly taskIdentifier: number
}

/**
 * The first event of a task, handled before its handle is given out.
 *
 * @since 0.1.0
 * @category models
 */
export interface TaskCreated extends OfTask {
  readonly _tag: "TaskCreated"
  readonly method: string
  /** Without user info and query. */
  readonly url: string
}

/**
 * A 1xx response other than 101.
 *
 * @since 0.1.0
 * @category models
 */
export interface InformationalResponse extends OfTask {
  readonly _tag: "InformationalResponse"
  readonly status: number
  readonly headers: HeaderFields
}

/**
 * Bytes of the request's body were given to the network. Merged while it waits to be handled.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodyDataSent extends OfTask {
  readonly _tag: "BodyDataSent"
  readonly bytesSent: number
  readonly totalBytesSent: number
  readonly totalBytesExpectedToSend: number | undefined
}

/**
 * A redirect is followed. Both URLs are without user info and query.
 *
 * @since 0.1.0
 * @category models
 */
export interface Redirected extends OfTask {
  readonly _tag: "Redirected"
  readonly status: number
  readonly from: string
  readonly to: string
}

/**
 * There is no way to the network, and the task waits for one; once in a task.
 *
 * @since 0.1.0
 * @category models
 */
export interface WaitingForConnectivity extends OfTask {
  readonly _tag: "WaitingForConnectivity"
  /** Without user info and query. */
  readonly url: string
}

/**
 * The request will be sent again, by the RetryPolicy.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryScheduled extends OfTask {
  readonly _tag: "RetryScheduled"
  /** 1 for the first repetition. */
  readonly attempt: number
  /** Milliseconds until then. */
  readonly delay: number
  /** A status, or the tag of a reason: `503`, `NetworkConnectionLost`. */
  readonly why: string
}

/**
 * A challenge has been answered: of a server, of a proxy, or of the handshake of the connection that the task waited for. Where
 * a session and its task both have a say on a server, each is told of.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChallengeAnswered extends OfTask {
  readonly _tag: "ChallengeAnswered"
  readonly space: string
  readonly disposition: string
  readonly previousFailureCount: number
}

/**
 * The head of the final response.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResponseReceived extends OfTask {
  readonly _tag: "ResponseReceived"
  readonly status: number
  readonly headers: HeaderFields
  readonly url: string
}

/**
 * Bytes of the response's body, decoded. Merged while it waits to be handled.
 *
 * @since 0.1.0
 * @category models
 */
export interface DataReceived extends OfTask {
  readonly _tag: "DataReceived"
  readonly bytesReceived: number
  readonly totalBytesReceived: number
  readonly totalBytesExpected: number | undefined
}

/**
 * Bytes of a download were written to its temporary file. Merged while it waits to be handled.
 *
 * @since 0.1.0
 * @category models
 */
export interface DataWritten extends OfTask {
  readonly _tag: "DataWritten"
  readonly bytesWritten: number
  readonly totalBytesWritten: number
  readonly totalBytesExpectedToWrite: number | undefined
}

/**
 * The metrics of a task, once, before its completion.
 *
 * @since 0.1.0
 * @category models
 */
export interface MetricsCollected extends OfTask {
  readonly _tag: "MetricsCollected"
  readonly metrics: TaskMetrics
}

/**
 * The last event of a task, exactly once. A server's status is never an error here.
 *
 * @since 0.1.0
 * @category models
 */
export interface TaskCompleted extends OfTask {
  readonly _tag: "TaskCompleted"
  /** `undefined`: the exchange went well, whatever the status. */
  readonly error: DownloadError | undefined
  /** The fiber that ran the task was interrupted. */
  readonly interrupted: boolean
}

/**
 * The last event of a session, exactly once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Invalidated {
  readonly _tag: "Invalidated"
}

/**
 * @since 0.1.0
 * @category models
 */
export type SessionEvent =
  | TaskCreated
  | InformationalResponse
  | BodyDataSent
  | Redirected
  | WaitingForConnectivity
  | RetryScheduled
  | ChallengeAnswered
  | ResponseReceived
  | DataReceived
  | DataWritten
  | MetricsCollected
  | TaskCompleted
  | Invalidated

/**
 * Handlers by event tag; each may be left out. What a handler returns is not looked at.
 *
 * @since 0.1.0
 * @category models
 */
export type Handlers<R = never> = {
  readonly [Tag in SessionEvent["_tag"]]?: (
    event: Extract<SessionEvent, { readonly _tag: Tag }>
  ) => Effect.Effect<unknown, unknown, R>
}

/**
 * What the slot holds: the handler's effect for an event, or `undefined` where it handles no such event.
 *
 * @since 0.1.0
 * @category models
 */
export type Observer = (event: SessionEvent) => Effect.Effect<unknown, unknown> | undefined

/**
 * The slot at the session level. At the task level it is `TaskDelegate`'s `events`; for an event that both handle, only the
 * task's is called.
 *
 * @since 0.1.0
 * @category slots
 */
export class SessionEvents extends Context.Tag("@urlsession/core/SessionEvents")<SessionEvents, Observer>() {}

/** What one handler needs; distributes, so that one that may be absent needs what it needs where it is there. */
type HandlerContext<Handler> = Handler extends (event: never) => Effect.Effect<infer _A, infer _E, infer R> ? R : never

/**
 * What the handlers need.
 *
 * @since 0.1.0
 * @category models
 */
export type HandlersContext<H> = { readonly [Key in keyof H]-?: HandlerContext<H[Key]> }[keyof H]

/** Marks keys that are no events, so that a typo is an error where it is made. */
type NoOthers<H> = { readonly [Key in Exclude<keyof H, SessionEvent["_tag"]>]: `'${Key & string}' is not an event` }

const dispatch = <R>(handlers: Handlers<R>, event: SessionEvent): Effect.Effect<unknown, unknown, R> | undefined => {
  switch (event._tag) {
    case "TaskCreated":
      return handlers.TaskCreated?.(event)
    case "InformationalResponse":
      return handlers.InformationalResponse?.(event)
    case "BodyDataSent":
      return handlers.BodyDataSent?.(event)
    case "Redirected":
      return handlers.Redirected?.(event)
    case "WaitingForConnectivity":
      return handlers.WaitingForConnectivity?.(event)
    case "RetryScheduled":
      return handlers.RetryScheduled?.(event)
    case "ChallengeAnswered":
      return handlers.ChallengeAnswered?.(event)
    case "ResponseReceived":
      return handlers.ResponseReceived?.(event)
    case "DataReceived":
      return handlers.DataReceived?.(event)
    case "DataWritten":
      return handlers.DataWritten?.(event)
    case "MetricsCollected":
      return handlers.MetricsCollected?.(event)
    case "TaskCompleted":
      return handlers.TaskCompleted?.(event)
    case "Invalidated":
      return handlers.Invalidated?.(event)
  }
}

/**
 * Handlers with what they need captured from where this is run; it replaces the context of whoever causes the event, so a
 * handler that uses a session never meets the delegate it is part of.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make<const H extends Handlers<unknown>>(
  handlers: H & NoOthers<H>
): Effect.Effect<Observer, never, HandlersContext<H>>
export function make(handlers: Handlers<unknown>): Effect.Effect<Observer, never, unknown> {
  return Effect.map(capture<unknown>(), (run): Observer => (event) => {
    const handled = dispatch(handlers, event)
    return handled === undefined ? undefined : run(handled)
  })
}

/**
 * The handlers of a session, as a Layer.
 *
 * @example
 * ```ts
 * import { SessionEvent } from "@urlsession/core"
 * import { Console } from "effect"
 *
 * const Events = SessionEvent.layer({
 *   TaskCompleted: (event) => Console.log(`task ${event.taskIdentifier} done`)
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <const H extends Handlers<unknown>>(
  handlers: H & NoOthers<H>
): Layer.Layer<SessionEvents, never, HandlersContext<H>> => Layer.effect(SessionEvents, make(handlers))
