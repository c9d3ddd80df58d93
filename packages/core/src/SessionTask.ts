/**
 * Handles of tasks: one request each, with a state that can be watched and steered.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { LoggedDecision } from "./Decision.ts"
import type { DownloadError, ExchangeError } from "./SessionError.ts"
import type { SessionResponse } from "./SessionResponse.ts"
import type { TaskMetrics } from "./TaskMetrics.ts"

/**
 * `suspended` until it has been resumed as often as suspended, then `running`; `canceling` while it is being given up;
 * `completed` once its last event has been sent.
 *
 * @since 0.1.0
 * @category models
 */
export type TaskState = "suspended" | "running" | "canceling" | "completed"

/**
 * What a task is for. An upload is what `upload` and `uploadTask` make; a request with a body of its own is a data task.
 *
 * @since 0.1.0
 * @category models
 */
export type TaskKind = "data" | "upload" | "download"

/**
 * How far a task is. Bytes of bodies only, decoded; `undefined` where nobody has said how many to expect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  readonly state: TaskState
  readonly bytesSent: number
  readonly bytesExpectedToSend: number | undefined
  readonly bytesReceived: number
  readonly bytesExpectedToReceive: number | undefined
}

/**
 * A method and a URL, without user info. The URL has its query and is not enumerable, so that it shows in no log.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestLine {
  readonly method: string
  readonly url: string
}

/**
 * Any task of a session.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionTask {
  /** Unique in the session. */
  readonly taskIdentifier: number
  readonly kind: TaskKind
  readonly taskDescription: string | undefined
  readonly originalRequest: RequestLine
  /** Differs from the original one after a redirect. */
  readonly currentRequest: Effect.Effect<RequestLine>
  readonly state: Effect.Effect<TaskState>
  /** Nothing is sent and no timer runs until `resume` has been called as often. */
  readonly suspend: Effect.Effect<void>
  /** Takes one suspension back; without effect when there is none. */
  readonly resume: Effect.Effect<void>
  /** Gives the task up: whoever waits for it sees `Cancelled`. Idempotent. */
  readonly cancel: Effect.Effect<void>
  /** 0 to 1; the order in which requests that wait for a connection get one. */
  readonly priority: Effect.Effect<number>
  readonly setPriority: (priority: number) => Effect.Effect<void>
  readonly snapshot: Effect.Effect<Progress>
  /** The present state, then the newest one after each change, until the task has completed. Never slows the task down. */
  readonly progress: Stream.Stream<Progress>
  /** Why the task failed; `undefined` while it runs and when it went well. */
  readonly error: Effect.Effect<DownloadError | undefined>
  /** Waits for the task to complete. */
  readonly metrics: Effect.Effect<TaskMetrics>
  /** What the session has decided so far, in its order; empty unless `logDecisions` is on. */
  readonly decisions: Effect.Effect<ReadonlyArray<LoggedDecision>>
}

/**
 * A data task, as a handle: made suspended, and started by `resume` or by whoever first asks for its outcome.
 *
 * @since 0.1.0
 * @category models
 */
export interface DataTask extends SessionTask {
  /** The head of the response; starts the task if it has never been resumed. */
  readonly response: Effect.Effect<SessionResponse, ExchangeError>
  /** Body and head; starts the task if it has never been resumed. */
  readonly data: Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError>
}

/**
 * An upload task, as a handle: a data task whose request has a body, and whose progress says how much of it is sent.
 *
 * @since 0.1.0
 * @category models
 */
export type UploadTask = DataTask
