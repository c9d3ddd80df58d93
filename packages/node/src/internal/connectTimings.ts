/** When the phases of making a connection began and ended, in milliseconds since the epoch. */
import type { TransactionRecord } from "@urlsession/core/Transport"

/** What did not happen is `undefined`. */
export type ConnectTimings = Pick<
  TransactionRecord,
  | "domainLookupStart"
  | "domainLookupEnd"
  | "connectStart"
  | "secureConnectionStart"
  | "secureConnectionEnd"
  | "connectEnd"
>

/** Times that have not been taken. */
export const noTimings = (): ConnectTimings => ({
  domainLookupStart: undefined,
  domainLookupEnd: undefined,
  connectStart: undefined,
  secureConnectionStart: undefined,
  secureConnectionEnd: undefined,
  connectEnd: undefined
})

/** Puts the times of a connection into the record of the request that it was made for. */
export const recordTimings = (transaction: TransactionRecord, timings: ConnectTimings): void => {
  transaction.domainLookupStart = timings.domainLookupStart
  transaction.domainLookupEnd = timings.domainLookupEnd
  transaction.connectStart = timings.connectStart
  transaction.secureConnectionStart = timings.secureConnectionStart
  transaction.secureConnectionEnd = timings.secureConnectionEnd
  transaction.connectEnd = timings.connectEnd
}
