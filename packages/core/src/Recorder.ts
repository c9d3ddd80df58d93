/**
 * Records the exchanges of a real transport, and replays them as a transport that needs no network. A recording is a HAR 1.2
 * document without secrets, made to be kept beside the tests that use it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as codec from "./internal/recorder/codec.ts"
import type { RecordingError } from "./internal/recorder/error.ts"
import type { Recording } from "./internal/recorder/model.ts"

export { RecordingError, type RecordingReason } from "./internal/recorder/error.ts"
export type { Failure } from "./internal/recorder/failure.ts"
export { redacted } from "./internal/recorder/marker.ts"
export type {
  Ending,
  Entry,
  RecordedBody,
  RecordedConnection,
  RecordedFields,
  RecordedInformational,
  RecordedRequest,
  RecordedResponse,
  RecordedTimes,
  Recording
} from "./internal/recorder/model.ts"

/**
 * The document of a recording: HAR 1.2, which viewers of HAR open. Fails where a `redact` hook has made something that is no
 * recording any more.
 *
 * @since 0.1.0
 * @category codec
 */
export const encode = (recording: Recording): Effect.Effect<string, RecordingError> =>
  Effect.suspend(() => codec.encode(recording))

/**
 * The recording in a document. Fails with `NotARecording`, which says where, for anything that `encode` has not written.
 *
 * @since 0.1.0
 * @category codec
 */
export const decode = (document: string): Effect.Effect<Recording, RecordingError> =>
  Effect.suspend(() => codec.decode(document))
