/** The record of one attempt, which the transport fills in while it works. */
import type { FetchType, TransactionMetrics } from "../../TaskMetrics.ts"
import type { TransactionRecord } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
import { cipherSuiteNumber, tlsVersionNumber } from "../protocol/tlsRegistry.ts"

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
  proxied = false
  connection: TransactionRecord["connection"] = undefined
  requestHeaderBytes = 0
  requestBodyBytes = 0
  responseHeaderBytes = 0
  responseBodyBytes = 0
  /** There where a coding is undone. */
  decodedBodyBytes: number | undefined = undefined
  status: number | undefined = undefined
  /** There where it is known otherwise than by a connection. */
  fetchType: FetchType | undefined = undefined
  readonly method: string
  readonly url: string
  readonly fetchStart: number
  constructor(method: string, url: string, fetchStart: number) {
    this.method = method
    this.url = url
    this.fetchStart = fetchStart
  }
}

const fetchTypeOf = ({ connection, fetchType, responseStart }: Transaction): FetchType =>
  fetchType ?? (connection !== undefined || responseStart !== undefined ? "networkLoad" : "unknown")

/** What is shown of it. Metrics are made to be logged, and a query may be a signature. */
export const measured = (one: Transaction): TransactionMetrics => {
  const { connection, decodedBodyBytes, ...rest } = one
  const trust = connection?.trust
  return {
    ...rest,
    connection,
    url: displayUrl(one.url),
    fetchType: fetchTypeOf(one),
    networkProtocolName: connection?.protocol,
    localAddress: connection?.localAddress,
    localPort: connection?.localPort,
    remoteAddress: connection?.remoteAddress,
    remotePort: connection?.remotePort,
    negotiatedTlsProtocolVersion: tlsVersionNumber(trust?.protocol),
    negotiatedTlsCipherSuite: cipherSuiteNumber(trust?.cipher),
    // the session codes no body of a request: what is sent is what was given
    requestBodyBytesBeforeEncoding: one.requestBodyBytes,
    responseBodyBytesAfterDecoding: decodedBodyBytes ?? one.responseBodyBytes,
    domainResolutionProtocol: "unknown",
    isCellular: false,
    isProxyConnection: connection?.proxy !== undefined,
    isExpensive: false,
    isConstrained: false,
    isMultipath: false
  }
}
