/**
 * What a task did and how long each phase took: one transaction per attempt, redirect and round of authentication.
 *
 * @since 0.1.0
 */
import type { LoggedDecision } from "./Decision.ts"
import type { TransactionRecord } from "./Transport.ts"

/**
 * Where a response came from: the network, the session's cache, or the URL itself.
 *
 * @since 0.1.0
 * @category models
 */
export type FetchType = "networkLoad" | "localCache" | "local"

/**
 * One attempt: a request sent and what came back. Times are milliseconds since the epoch; a phase that did not happen, or
 * did not end, is `undefined`. Bytes of bodies are those on the wire.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransactionMetrics extends Readonly<TransactionRecord> {
  readonly method: string
  /** Without user info and query. */
  readonly url: string
  /** Of the response, where its head came. */
  readonly status: number | undefined
  readonly fetchStart: number
  /** `localCache`: out of the session's cache; `local`: a `data:` URL. */
  readonly fetchType: FetchType
}

/**
 * The metrics of a whole task, made once, just before it completes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TaskMetrics {
  readonly taskInterval: { readonly start: number; readonly end: number }
  readonly redirectCount: number
  readonly transactions: ReadonlyArray<TransactionMetrics>
  /** What the session decided, in its order; `undefined` unless `logDecisions` is on. */
  readonly decisions: ReadonlyArray<LoggedDecision> | undefined
}
