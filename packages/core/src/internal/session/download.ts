/**
 * A download to a file: written beside the target under a temporary name, flushed to the disk, then renamed. Until then
 * there is nothing new under the final name, and whatever goes wrong, nothing is left under the temporary one.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import {
  BodyError,
  type DownloadError,
  type ExchangeError,
  FileError,
  type FileReason,
  InvalidResponse
} from "../../SessionError.ts"
import type { SessionResponse } from "../../SessionResponse.ts"
import type { WireResponse } from "../../Transport.ts"
import type { ExchangeContext } from "./exchangeContext.ts"
import { BodyPull } from "./readBody.ts"
import { ResponseImpl } from "./responseImpl.ts"

/** Bytes that are gathered before they are written. */
const pieceSize = 512 * 1024

const fails = (context: ExchangeContext, reason: (detail: string) => FileReason) => (error: PlatformError): FileError =>
  new FileError({ url: context.originalRequest.url.href, cause: error, reason: reason(error.message) })

const refuseDirectory = (fs: FileSystem.FileSystem, path: string, context: ExchangeContext) =>
  Effect.flatMap(Effect.option(fs.stat(path)), (info) =>
    info._tag === "Some" && info.value.type === "Directory"
      ? Effect.fail(
        new FileError({ url: context.originalRequest.url.href, reason: { _tag: "FileIsDirectory", path } })
      )
      : Effect.void)

const write = (
  fs: FileSystem.FileSystem,
  temporary: string,
  path: string,
  wire: WireResponse,
  context: ExchangeContext
): Effect.Effect<number, DownloadError> =>
  Effect.scoped(Effect.gen(function*() {
    const file = yield* Effect.mapError(
      fs.open(temporary, { flag: "wx" }),
      fails(context, (detail) => ({ _tag: "CannotCreateFile", path, detail }))
    )
    const cannotWrite = fails(context, (detail) => ({ _tag: "CannotWriteToFile", path, detail }))
    const pull = new BodyPull(wire.body, context, pieceSize)
    let total = 0
    for (;;) {
      const chunks: Chunk.NonEmptyChunk<Uint8Array> | undefined = yield* pull.next
      if (chunks === undefined) break
      for (const chunk of chunks) {
        yield* Effect.mapError(file.writeAll(chunk), cannotWrite)
        total += chunk.length
        if (context.observed) tell(context, chunk.length, total)
      }
    }
    yield* Effect.mapError(file.sync, cannotWrite)
    return total
  }))

const tell = (context: ExchangeContext, count: number, total: number): void =>
  context.emit({
    _tag: "DataWritten",
    taskIdentifier: context.taskIdentifier,
    bytesWritten: count,
    totalBytesWritten: total,
    totalBytesExpectedToWrite: context.bytesExpected
  })

/** The whole body went into the file, and it is known to be whole. */
const checkWhole = (wire: WireResponse): Effect.Effect<void, ExchangeError> =>
  wire.body.delimited ? Effect.void : Effect.fail(
    new InvalidResponse({
      url: wire.url.href,
      reason: {
        _tag: "BadServerResponse",
        detail: "the body ends with the connection, so a cut one cannot be told from a whole one. Read it as a stream"
      }
    })
  )

/** A coding that breaks has names of its own where the result is a file (-3006, -3007). */
const asDownloadError = (error: DownloadError): DownloadError => {
  if (error._tag !== "BodyError" || error.reason._tag !== "CannotDecodeRawData") return error
  const { coding, truncated } = error.reason
  const _tag = truncated ? "DownloadDecodingFailedToComplete" : "DownloadDecodingFailedMidStream"
  return new BodyError({ url: error.url, cause: error.cause, reason: { _tag, coding } })
}

/** Writes the body of a response to a path. */
export const toFile = (
  fs: FileSystem.FileSystem,
  path: string,
  exchange: Effect.Effect<WireResponse, ExchangeError>,
  context: ExchangeContext
): Effect.Effect<SessionResponse, DownloadError> =>
  Effect.gen(function*() {
    yield* refuseDirectory(fs, path, context)
    const wire = yield* exchange
    yield* checkWhole(wire)
    const temporary = `${path}.${(yield* Random.nextIntBetween(0, 0x7fffffff)).toString(36)}.part`
    const remove = Effect.ignore(fs.remove(temporary))
    yield* write(fs, temporary, path, wire, context).pipe(
      Effect.mapError(asDownloadError),
      Effect.zipLeft(
        Effect.mapError(
          fs.rename(temporary, path),
          fails(context, (detail) => ({ _tag: "CannotMoveFile", path: temporary, to: path, detail }))
        )
      ),
      Effect.tapErrorCause((cause) =>
        // a file of that name that was there before is not ours to remove
        cause._tag === "Fail" && cause.error._tag === "FileError" && cause.error.reason._tag === "CannotCreateFile"
          ? Effect.void
          : remove
      ),
      Effect.onInterrupt(() => remove)
    )
    return new ResponseImpl(wire, context, new Uint8Array(0))
  })
