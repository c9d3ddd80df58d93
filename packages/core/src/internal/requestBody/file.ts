/** A body out of a file: read into two buffers in turn, one while the other is being sent. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { FileError, type FileReason } from "../../SessionError.ts"
import type { Produce } from "./streamedRequestBody.ts"

// every read goes through another thread and back: few large ones cost half of many small ones
const pieceSize = 2 * 1024 * 1024

const reasonOf = (error: PlatformError, path: string): FileReason =>
  error._tag === "SystemError" && error.reason === "NotFound"
    ? { _tag: "FileDoesNotExist", path }
    : error._tag === "SystemError" && error.reason === "PermissionDenied"
    ? { _tag: "NoPermissionsToReadFile", path }
    : { _tag: "CannotOpenFile", path, detail: error.message }

const failed = (path: string) => (error: PlatformError): FileError =>
  new FileError({ cause: error, reason: reasonOf(error, path) })

/** Its length in bytes; it can be opened. */
export const measure = (fs: FileSystem.FileSystem, path: string): Effect.Effect<number, FileError> =>
  Effect.scoped(
    Effect.flatMap(Effect.mapError(fs.open(path, { flag: "r" }), failed(path)), (file) =>
      Effect.flatMap(Effect.mapError(file.stat, failed(path)), (info) =>
        info.type === "Directory"
          ? Effect.fail(new FileError({ reason: { _tag: "FileIsDirectory", path } }))
          : Effect.succeed(Number(info.size))))
  )

/** The first `length` bytes of the file, as it is when it is sent. */
export const fileProduce = (fs: FileSystem.FileSystem, path: string, length: number): Produce => (give) =>
  Effect.scoped(Effect.gen(function*() {
    const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), failed(path))
    const size = Math.max(1, Math.min(pieceSize, length))
    const buffers = [new Uint8Array(size), new Uint8Array(size)] as const
    let left = length
    for (let turn = 0; left > 0; turn = 1 - turn) {
      const buffer = turn === 0 ? buffers[0] : buffers[1]
      const read = Number(yield* file.read(left < buffer.length ? buffer.subarray(0, left) : buffer))
      if (read === 0) return
      left -= read
      yield* give(buffer.subarray(0, read))
    }
  }))
