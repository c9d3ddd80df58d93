/**
 * What a task did and how long each phase took: one transaction per attempt, redirect, round of authentication and hit of the
 * cache.
 *
 * @since 0.1.0
 */
import type { LoggedDecision } from "./Decision.ts"
import type { TransactionRecord } from "./Transport.ts"

/**
 * Where a response came from: the network, the session's cache, or neither (`local`), as a `data:` URL or the answer of an
 * interceptor. `unknown`: none came.
 *
 * @since 0.1.0
 * @category models
 */
export type FetchType = "unknown" | "networkLoad" | "localCache" | "local"

/**
 * One attempt: a request sent and what came back. Times are milliseconds since the epoch; a phase that did not happen, or
 * did not end, is `undefined`. Bytes of bodies are those on the wire, without the framing.
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
  readonly fetchType: FetchType
  /** The ALPN name: `http/1.1`, `h2`. */
  readonly networkProtocolName: string | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** The proxy's where the request went through one. */
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  /** As it stands in a ClientHello (RFC 8446 4.1.2): 0x0303 for TLS 1.2, 0x0304 for 1.3. `undefined` without TLS. */
  readonly negotiatedTlsProtocolVersion: number | undefined
  /** The number of the suite in IANA's registry: 0x1301 and the like. `undefined` without TLS. */
  readonly negotiatedTlsCipherSuite: number | undefined
  readonly requestBodyBytesBeforeEncoding: number
  readonly responseBodyBytesAfterDecoding: number
  /** How the name was looked up; no platform says so yet. */
  readonly domainResolutionProtocol: "unknown" | "udp" | "tcp" | "tls" | "https"
  /** Of the network's kind, which a server runtime does not show: `false`. */
  readonly isCellular: boolean
  /** A proxy was in between. */
  readonly isProxyConnection: boolean
  readonly isExpensive: boolean
  readonly isConstrained: boolean
  readonly isMultipath: boolean
}

/**
 * The metrics of a whole task, made once, just before it completes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TaskMetrics {
  /** From the making of the task to its completion. */
  readonly taskInterval: { readonly start: number; readonly end: number }
  readonly redirectCount: number
  readonly transactions: ReadonlyArray<TransactionMetrics>
  /** What the session decided, in its order; `undefined` unless `logDecisions` is on. */
  readonly decisions: ReadonlyArray<LoggedDecision> | undefined
}
