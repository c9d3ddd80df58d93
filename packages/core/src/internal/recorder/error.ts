/** What can be wrong with a recording itself. */
import { family } from "../errors/family.ts"

/**
 * What was wrong with a recording. Paths are the caller's own.
 *
 * @since 0.1.0
 * @category reasons
 */
export type RecordingReason =
  | { readonly _tag: "CannotRead"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotWrite"; readonly path: string; readonly detail: string }
  /** `detail` says where in the document; `path` is `undefined` for a text that is no file. */
  | { readonly _tag: "NotARecording"; readonly path: string | undefined; readonly detail: string }
  /** `asked` is method and URL without its query; `left` are those of the answers that nobody has asked for yet. */
  | {
    readonly _tag: "NoAnswer"
    readonly asked: string
    readonly detail: string
    readonly left: ReadonlyArray<string>
    readonly omitted: number
  }
  | { readonly _tag: "NoBody"; readonly asked: string; readonly detail: string }

const shown = 5

/**
 * A recording cannot be read or written, or does not have what a replay was asked for.
 *
 * @since 0.1.0
 * @category errors
 */
export class RecordingError extends family<"RecordingError", RecordingReason>("RecordingError", {
  CannotRead: {
    message: (r) => `cannot read the recording ${r.path}: ${r.detail}. Record it first, with Recorder.layerRecord`
  },
  CannotWrite: {
    message: (r) => `cannot write the recording ${r.path}: ${r.detail}`
  },
  NotARecording: {
    message: (r) =>
      `${r.path ?? "this text"} is not a recording of this version: ${r.detail}. Repair it, or record it again`
  },
  NoAnswer: {
    message: (r) =>
      `the recording has no answer for ${r.asked}: ${r.detail}. ${
        r.left.length === 0
          ? "Nothing is left in it"
          : `Left in it: ${r.left.slice(0, shown).join(", ")}${
            r.left.length > shown ? ` and ${r.left.length - shown} more` : ""
          }`
      }${r.omitted === 0 ? "" : `; ${r.omitted} exchanges did not fit into it`}. Record it again`
  },
  NoBody: {
    message: (r) => `the recording does not have the whole body of ${r.asked}: ${r.detail}. Record it again`
  }
}) {}
