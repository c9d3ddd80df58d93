/** Request bodies as a transport meets them: bytes, or a source that is pulled piece by piece for every sending. */
import type { DelegateFailed, InvalidRequest } from "../SessionError.ts"

/**
 * A body that is in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface BytesBody {
  readonly _tag: "Bytes"
  readonly bytes: Uint8Array
}

/**
 * A body that is made while it is sent. Every sending opens it once, and closes it.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamedBody {
  readonly _tag: "Stream"
  /** In bytes, where it is known: then it is announced, and what comes is neither longer nor shorter. */
  readonly length: number | undefined
  /** Nothing is made before the first `pull`. */
  readonly open: (sink: BodySourceSink) => BodySource
}

/**
 * A streamed body at work for one sending.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodySource {
  /**
   * Asks for the next piece; only after the last one was answered. The answer may come within the call. The piece of the last
   * answer is given back with it.
   */
  readonly pull: () => void
  /** No more is wanted. Idempotent; nothing is answered afterwards. */
  readonly close: () => void
}

/**
 * Hears a `BodySource`: one answer to every `pull`. None of these may throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodySourceSink {
  /** At least one byte, lent until the next `pull` or `close`. */
  readonly onPiece: (borrowed: Uint8Array) => void
  /** There is no more, and of an announced length all has come. */
  readonly onEnd: () => void
  /** It cannot be sent: its stream failed, ends too early, goes on too long, cannot be run again, or is not given. */
  readonly onError: (error: InvalidRequest | DelegateFailed) => void
}

/**
 * The body of a request. Both kinds can be sent as often as needed.
 *
 * @since 0.1.0
 * @category models
 */
export type WireRequestBody = BytesBody | StreamedBody

/**
 * The length of a body in bytes; `undefined` where only its end will tell.
 *
 * @since 0.1.0
 * @category getters
 */
export const bodyLength = (body: WireRequestBody | undefined): number | undefined =>
  body === undefined ? 0 : body._tag === "Bytes" ? body.bytes.length : body.length
