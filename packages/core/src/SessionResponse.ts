/**
 * A response: its head at once, its body when it is asked for.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { LoggedDecision } from "./Decision.ts"
import type { HeaderFields } from "./HeaderFields.ts"
import type { CacheStatus } from "./internal/protocol/cacheStatus.ts"
import type { ExchangeError } from "./SessionError.ts"
import type { FetchType, TaskMetrics } from "./TaskMetrics.ts"

/**
 * A response. The body can be read once, in one of the five ways; what `bytes`, `text` or `json` have read can be read again.
 * A body that nobody reads is given up after a while: read or `cancel` it, or use `UrlSession.data`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionResponse {
  readonly status: number
  readonly reason: string
  readonly headers: HeaderFields
  /** Of the request that was answered, after redirects. */
  readonly url: string
  /** `type/subtype` in lower case, where the server says it (RFC 9110 8.3). */
  readonly mimeType: string | undefined
  /** The `charset` parameter in lower case. */
  readonly textEncodingName: string | undefined
  /** Bytes of the body, as announced; unknown where its coding is undone, since only that of the coded form is announced. */
  readonly expectedContentLength: number | undefined
  /** From `Content-Disposition` (RFC 6266), else the last part of the path, else `Unknown`. Never with a slash. */
  readonly suggestedFileName: string
  /** `false` for a body that ends with the connection: it may be cut and nobody can tell. */
  readonly isDelimited: boolean
  /** Where it came from; `localCache` too where the origin has only confirmed what was in the cache. */
  readonly fetchType: FetchType
  /** What the session's cache did and by which rule (RFC 9211); `undefined` for a session without one. */
  readonly cacheStatus: CacheStatus | undefined
  /** The whole body, decoded. Fails with `BodyError` when it is longer than `maximumBodyBytes`. */
  readonly bytes: Effect.Effect<Uint8Array, ExchangeError>
  /**
   * The whole body as text: in the encoding of its byte order mark, else in the charset that the server names (an encoding of
   * the WHATWG), else in UTF-8. Bytes that cannot be read become U+FFFD.
   */
  readonly text: Effect.Effect<string, ExchangeError>
  /**
   * The media type that the body turns out to be, in lower case, as browsers find it out (WHATWG MIME Sniffing): by
   * `Content-Type`, `X-Content-Type-Options: nosniff` and its first bytes. Reads the whole body; `ResponseHead.computedMimeType`
   * is for whoever has only its beginning.
   */
  readonly computedMimeType: Effect.Effect<string, ExchangeError>
  /** The whole body as JSON; decode it with a Schema. */
  readonly json: Effect.Effect<unknown, ExchangeError>
  /** The body as a stream of chunks of at most 256 KiB, with back-pressure down to the connection. */
  readonly stream: Stream.Stream<Uint8Array, ExchangeError>
  /** Calls a function with every piece of the body, decoded. The bytes are lent: copy what must outlive the call. */
  readonly forEachChunk: (f: (borrowed: Uint8Array) => void) => Effect.Effect<void, ExchangeError>
  /** Gives the body up. */
  readonly cancel: Effect.Effect<void>
  /** What has been measured so far; complete once the body has been read. */
  readonly metrics: Effect.Effect<TaskMetrics>
  /** What the session has decided so far, in its order; empty unless `logDecisions` is on. */
  readonly decisions: Effect.Effect<ReadonlyArray<LoggedDecision>>
  /** The trailer fields, after the body. */
  readonly trailers: Effect.Effect<HeaderFields>
}
