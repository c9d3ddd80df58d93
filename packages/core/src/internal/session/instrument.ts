/** Who measures a session from the inside: HAR files and metrics. A session that has none pays nothing for the seat. */
import type { EndedConnection, SessionTransport } from "../../Transport.ts"
import type { ExchangeContext } from "./exchangeContext.ts"

/** None of these may throw, or wait. */
export interface Instrument {
  /** The transport that the session works with, in place of its own; called once for each session. */
  readonly transport?: (inner: SessionTransport) => SessionTransport
  readonly connectionEnded?: (connection: EndedConnection) => void
  readonly began?: (task: ExchangeContext) => void
  /** The task is over: its metrics, its error and all of its transactions are there. */
  readonly ended: (task: ExchangeContext) => void
}

/** Who tells those of them that want to know of connections; `undefined` if none does. */
export const connectionsHeard = (
  instruments: ReadonlyArray<Instrument>
): ((connection: EndedConnection) => void) | undefined => {
  const hearing = instruments.filter((one) => one.connectionEnded !== undefined)
  return hearing.length === 0
    ? undefined
    : (connection) => hearing.forEach((one) => one.connectionEnded?.(connection))
}
