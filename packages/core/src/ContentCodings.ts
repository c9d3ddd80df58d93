/**
 * The content codings (RFC 9110 8.4) that a platform can undo, as push decoders over borrowed bytes.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * Where a decoder puts what it has decoded. None of these may throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface DecoderSink {
  /** Decoded bytes, lent for the time of the call. */
  readonly onBytes: (borrowed: Uint8Array) => void
  /** All is decoded; called once, after `end`. */
  readonly onEnd: () => void
  /** The bytes are not what the coding promises, or (`truncated`) end too early; nothing follows. */
  readonly onError: (cause: unknown, truncated: boolean) => void
  /** After `write` returned `false`: more may be written. */
  readonly onDrain: () => void
}

/**
 * One running decoder.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decoder {
  /** Takes encoded bytes (copied where they must be kept); `false` asks to wait for `onDrain`. */
  readonly write: (borrowed: Uint8Array) => boolean
  /** No more encoded bytes come. */
  readonly end: () => void
  /** Stops the output until `resume`. */
  readonly pause: () => void
  readonly resume: () => void
  /** Gives up and frees; idempotent, and nothing reaches the sink afterwards. */
  readonly destroy: () => void
}

/**
 * A platform's codings by name (`gzip`, `deflate`, `br`), in the order of preference for `Accept-Encoding`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ContentCodingsService {
  readonly supported: ReadonlyArray<string>
  readonly decoder: (coding: string, sink: DecoderSink) => Decoder
}

/**
 * The service. A session without it sends no `Accept-Encoding` and delivers bodies as they come.
 *
 * @since 0.1.0
 * @category services
 */
export class ContentCodings extends Context.Tag("@urlsession/core/ContentCodings")<
  ContentCodings,
  ContentCodingsService
>() {}
