/** What goes into a parser beside bytes, and what comes out of it: limits, heads, faults, events. */
import type { Framing } from "./framing.ts"
import type { HeaderFields } from "./headerFields.ts"

/** Bounds on what a peer may make us hold or count; all in bytes or pieces. */
export interface ParserLimits {
  /** Bytes of one head, and of the trailers of one message. */
  readonly maxHeadBytes: number
  /** Field lines of one head, and of the trailers of one message. */
  readonly maxFields: number
  /** Bytes of chunk extensions in one message. */
  readonly maxChunkExtensionBytes: number
  /** Informational responses in one exchange. */
  readonly maxInformational: number
  /** Bytes of all informational responses in one exchange. */
  readonly maxInformationalBytes: number
}

/** The limits where nothing else is said. */
export const defaultLimits: ParserLimits = {
  maxHeadBytes: 65536,
  maxFields: 1000,
  maxChunkExtensionBytes: 16384,
  maxInformational: 32,
  maxInformationalBytes: 65536
}

/** The head of a response, informational or final. */
export interface ResponseHead {
  readonly version: "1.0" | "1.1"
  readonly status: number
  readonly reason: string
  readonly fields: HeaderFields
  readonly headBytes: number
  readonly framing: Framing
}

/** Why the bytes are refused; `bytesReceived` counts body bytes before it, `expected` is the length if one was given. */
export type ParseFault = {
  readonly _tag:
    | "Malformed"
    | "HeadTooLarge"
    | "TooManyFields"
    | "TooManyInformational"
    | "BadChunk"
    | "BadFraming"
    | "UnexpectedUpgrade"
    | "UnexpectedEnd"
    | "EmptyResponse"
  readonly detail: string
  readonly bytesReceived: number
  readonly expected: number | undefined
}

/** What the connection hears, synchronously out of `execute` and `eof`. None of these may throw. */
export interface ParserEvents {
  /** Every 1xx but 101. */
  onInformational(head: ResponseHead): void
  /** The final head, or an awaited 101. */
  onHead(head: ResponseHead): void
  /** Body bytes: a borrowed view, valid only during the call. */
  onBody(bytes: Uint8Array): void
  /** The end of the message; exactly once, never for a tunnel. */
  onComplete(trailers: HeaderFields): void
  /** At most once; nothing comes after it. */
  onFault(fault: ParseFault): void
}

/** Settings of a parser. `latin1` is the runtime's own decoder; it is only given the arrays that `execute` is given. */
export interface ParserOptions {
  readonly limits?: Partial<ParserLimits>
  readonly latin1?: (bytes: Uint8Array, start: number, end: number) => string
}

/** What the reading side must know of the request. */
export interface ExchangeStart {
  readonly method: string
  readonly expectContinue: boolean
  readonly upgrade: boolean
}
