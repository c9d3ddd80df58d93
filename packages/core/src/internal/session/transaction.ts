/** The record of one attempt, which the transport fills in while it works. */
import type { FetchType, TransactionMetrics } from "../../TaskMetrics.ts"
import type { TransactionRecord } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"

/** One attempt, as it is being written. */
export class Transaction implements TransactionRecord {
  domainLookupStart: number | undefined = undefined
  domainLookupEnd: number | undefined = undefined
  connectStart: number | undefined = undefined
  secureConnectionStart: number | undefined = undefined
  secureConnectionEnd: number | undefined = undefined
  connectEnd: number | undefined = undefined
  requestStart: number | undefined = undefined
  requestEnd: number | undefined = undefined
  responseStart: number | undefined = undefined
  responseEnd: number | undefined = undefined
  reused = false
  connection: TransactionRecord["connection"] = undefined
  requestHeaderBytes = 0
  requestBodyBytes = 0
  responseHeaderBytes = 0
  responseBodyBytes = 0
  status: number | undefined = undefined
  fetchType: FetchType = "networkLoad"
  readonly method: string
  readonly url: string
  readonly fetchStart: number
  constructor(method: string, url: string, fetchStart: number) {
    this.method = method
    this.url = url
    this.fetchStart = fetchStart
  }
}

/** What is shown of it. Metrics are made to be logged, and a query may be a signature. */
export const measured = (one: Transaction): TransactionMetrics => ({ ...one, url: displayUrl(one.url) })
