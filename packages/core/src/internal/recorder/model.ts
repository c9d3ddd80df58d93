/** What a recording is made of: plain data, with the secrets already taken out. */
import type { CapabilityName } from "../../Capability.ts"
import type { ConnectionInfo } from "../../Transport.ts"
import type { Failure } from "./failure.ts"

/**
 * Field lines in their order, names in lower case.
 *
 * @since 0.1.0
 * @category models
 */
export type RecordedFields = ReadonlyArray<readonly [name: string, value: string]>

/**
 * A body as it was on the wire, its content coding still on. One that is too long for the recording is left out, and only its
 * size is known.
 *
 * @since 0.1.0
 * @category models
 */
export type RecordedBody =
  | { readonly _tag: "Kept"; readonly bytes: Uint8Array }
  | { readonly _tag: "LeftOut"; readonly size: number }

/**
 * A request as it went out. The URL has neither user info nor fragment.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedRequest {
  readonly method: string
  readonly url: string
  readonly fields: RecordedFields
  readonly body: RecordedBody | undefined
  /** All of the body went out; `false` where the answer, or a failure, came before its end. */
  readonly sent: boolean
  /** Bytes of the head on the wire, 0 where that is not known. */
  readonly headerBytes: number
}

/**
 * A 1xx other than 101, and when it came: in milliseconds since the exchange began.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedInformational {
  readonly status: number
  readonly fields: RecordedFields
  readonly after: number
}

/**
 * The final response, as far as it was read.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedResponse {
  readonly status: number
  readonly reason: string
  readonly fields: RecordedFields
  /** The announced length of the body in bytes, where there was one. */
  readonly length: number | undefined
  /** `false` for a body that only the end of the connection delimited. */
  readonly delimited: boolean
  readonly body: RecordedBody
  readonly trailers: RecordedFields
  /** Bytes of the head on the wire, 0 where that is not known. */
  readonly headerBytes: number
}

/**
 * How an exchange ended. `Cancelled`: the client did not want the rest of the body. `Interrupted`: the client gave up while it
 * waited for the server, be it by interruption, by a timer of the session, or because the session ended.
 *
 * @since 0.1.0
 * @category models
 */
export type Ending =
  | { readonly _tag: "Complete" }
  | { readonly _tag: "Failed"; readonly error: Failure }
  | { readonly _tag: "Cancelled" }
  | { readonly _tag: "Interrupted" }

/**
 * When the phases of an exchange began and ended, in milliseconds since it began. A phase that did not happen is `undefined`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedTimes {
  readonly domainLookupStart: number | undefined
  readonly domainLookupEnd: number | undefined
  readonly connectStart: number | undefined
  readonly secureConnectionStart: number | undefined
  readonly secureConnectionEnd: number | undefined
  readonly connectEnd: number | undefined
  readonly requestStart: number | undefined
  readonly requestEnd: number | undefined
  readonly responseStart: number | undefined
  readonly responseEnd: number | undefined
}

/**
 * One exchange: a request, and what came of it. Every attempt, redirect and round of authentication is one of its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Milliseconds until it had ended. */
  readonly duration: number
  readonly request: RecordedRequest
  readonly informational: ReadonlyArray<RecordedInformational>
  /** `undefined` where no head came. */
  readonly response: RecordedResponse | undefined
  readonly ending: Ending
  readonly times: RecordedTimes
  /** The `id` of one of the recording's connections. */
  readonly connection: number | undefined
  /** The connection had served before. */
  readonly reused: boolean
}

/**
 * What is kept of a connection. The addresses of the recording machine are not.
 *
 * @since 0.1.0
 * @category models
 */
export type RecordedConnection = Pick<
  ConnectionInfo,
  "id" | "protocol" | "remoteAddress" | "remotePort" | "trust" | "overridden"
>

/**
 * Everything that went over a transport, in the order in which it began.
 *
 * @since 0.1.0
 * @category models
 */
export interface Recording {
  /** What was recorded: the platform's name, what it can do, and the schemes that it serves. */
  readonly platform: string
  readonly capabilities: ReadonlyArray<CapabilityName>
  readonly schemes: ReadonlyArray<string>
  readonly connections: ReadonlyArray<RecordedConnection>
  readonly entries: ReadonlyArray<Entry>
  /** Exchanges that are missing: the recording was full, or the `redact` hook threw. */
  readonly omitted: number
}
