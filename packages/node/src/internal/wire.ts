/** What an exchange and what carries it need of each other: a lent HTTP/1.1 connection, or one stream of HTTP/2. */
import type { ExchangeStart, HeaderFields, ParseFault, ResponseHead } from "@urlsession/core/Http1"
import type { ExchangeError, InvalidRequest } from "@urlsession/core/SessionError"
import type { ConnectionAffinity, ConnectionInfo, WireRequest, WireRequestBody } from "@urlsession/core/Transport"
import type { BodyTarget } from "./upload.ts"

/** The head of a response, of whatever version. */
export type Head = Omit<ResponseHead, "version">

/** How a response was lost. */
export interface Loss {
  readonly why: "Reset" | "Closed" | "Abandoned" | "Unresponsive"
  readonly cause: unknown
  /** The connection went, and not only what this exchange had of it. */
  readonly withConnection: boolean
  /** The server has said that it did not process the request. */
  readonly unprocessed: boolean
  /** Whether a byte of the request may have reached the server. */
  readonly requestSent: boolean
}

/** The exchange that a wire serves. None of these may throw. */
export interface Served extends ExchangeStart {
  /** Before what has been received is told. */
  onReadBegin(): void
  onInformational(head: Head): void
  onHead(head: Head): void
  /** `given`: the bytes are the exchange's from now on, else they are lent for the time of the call. */
  onBody(bytes: Uint8Array, given: boolean): void
  onComplete(trailers: HeaderFields): void
  onFault(fault: ParseFault): void
  /** After what has been received was told: it takes effect. */
  onReadEnd(): void
  /** Nobody holds up the bytes that may come. */
  readonly awaitsBytes: boolean
  onLost(loss: Loss): void
  /** The request cannot be sent. */
  unsendable(error: InvalidRequest): void
}

/** See the head of this file. Serves one exchange at a time. */
export interface Wire {
  readonly info: ConnectionInfo
  /** Whether its connection has carried a request before. */
  readonly reused: boolean
  /** Something of the response has come. */
  readonly started: boolean
  /** Bytes of the body that have come. */
  readonly bodyBytes: number
  /** What its unexpected end is. */
  readonly endsAs: "Reset" | "Closed"
  /** What its end means where the server may have ended it for who the client is, or is not. */
  refusal(cause: unknown, url: string): ExchangeError | undefined
  attach(exchange: Served): void
  /** Sends the head, with the whole body where that is small; gives the bytes of the head, 0 where nobody knows. */
  send(request: WireRequest, head: string, small: Uint8Array | undefined): number
  /** Where a larger body goes, after the head. */
  target(body: WireRequestBody): BodyTarget
  pause(): void
  resume(): void
  /** Somebody reads the body: it gets its place back, and more memory if it is large. */
  beginReading(keeps: boolean): void
  /** Nobody reads the body: it does not hold a place. */
  giveUpPlace(): void
  /** Whether the rest of an unwanted body is worth waiting for. */
  readonly worthDraining: boolean
  /** Whether the connection may serve another exchange as it is, the response of this one having come whole. */
  reusableAfter(response: Head, upload: { readonly done: boolean } | undefined): boolean
  /** The exchange is done with it. `reusable`: both messages are whole. Kept for `affinity` where that wants it. */
  release(reusable: boolean, affinity: ConnectionAffinity | undefined): void
}
