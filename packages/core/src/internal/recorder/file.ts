/** Recordings in files: read whole, and written under their name only when they are whole. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { decode, encode } from "./codec.ts"
import { RecordingError } from "./error.ts"
import type { Recording } from "./model.ts"

const cannotWrite = (path: string, detail: string, cause?: unknown): RecordingError =>
  new RecordingError({ cause, reason: { _tag: "CannotWrite", path, detail } })

const writing = (path: string) => (error: PlatformError): RecordingError => cannotWrite(path, error.message, error)

/** The folder of a file, made where it is missing. */
export const makeFolder = (fs: FileSystem.FileSystem, path: string): Effect.Effect<void, RecordingError> => {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"))
  return end <= 0
    ? Effect.void
    : Effect.mapError(fs.makeDirectory(path.slice(0, end), { recursive: true }), writing(path))
}

/** Writes a recording beside its name and then renames it, so that nobody ever reads a half. */
export const write = (
  fs: FileSystem.FileSystem,
  path: string,
  recording: Recording
): Effect.Effect<void, RecordingError> =>
  Effect.gen(function*() {
    const text = yield* Effect.mapError(
      Effect.suspend(() => encode(recording)),
      (error) => cannotWrite(path, "the redact hook has made something that is no recording any more", error)
    )
    const temporary = `${path}.${(yield* Random.nextIntBetween(0, 0x7fffffff)).toString(36)}.part`
    yield* fs.writeFileString(temporary, `${text}\n`, { flag: "wx" }).pipe(
      Effect.zipRight(fs.rename(temporary, path)),
      Effect.mapError(writing(path)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary)))
    )
  })

/** Reads a recording. */
export const read = (fs: FileSystem.FileSystem, path: string): Effect.Effect<Recording, RecordingError> =>
  fs.readFileString(path).pipe(
    Effect.mapError((error) =>
      new RecordingError({ cause: error, reason: { _tag: "CannotRead", path, detail: error.message } })
    ),
    Effect.flatMap((text) => decode(text, path))
  )
