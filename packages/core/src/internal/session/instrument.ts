/** Who measures a session from the inside: HAR files and metrics. A session that has none pays nothing for the seat. */
import type { SessionTransport } from "../../Transport.ts"
import type { ExchangeContext } from "./exchangeContext.ts"

/** None of these may throw, or wait. */
export interface Instrument {
  /** The transport that the session works with, in place of its own; called once for each session. */
  readonly transport?: (inner: SessionTransport) => SessionTransport
  readonly began?: (task: ExchangeContext) => void
  /** The task is over: its metrics, its error and all of its transactions are there. */
  readonly ended: (task: ExchangeContext) => void
}
