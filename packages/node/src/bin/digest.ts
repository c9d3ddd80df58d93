/** The SHA-256 of a file, as it is on the disk. */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { UsageError } from "./options.ts"

/** Reads the file piece by piece; 64 hexadecimal digits in lower case. */
export const sha256Of = (path: string): Effect.Effect<string, UsageError> =>
  Effect.suspend(() => {
    const hash = createHash("sha256")
    return Effect.as(
      Effect.tryPromise({
        try: (signal) => pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal }),
        catch: (cause) =>
          new UsageError({ message: `${path} cannot be read: ${cause instanceof Error ? cause.message : "unknown"}` })
      }),
      hash
    ).pipe(Effect.map((done) => done.digest("hex")))
  })

/** The digest of a file, which must be the expected one where there is one. */
export const verified = (path: string, expected: string | undefined): Effect.Effect<string, UsageError> =>
  Effect.filterOrFail(
    sha256Of(path),
    (found) => expected === undefined || expected === found,
    (found) => new UsageError({ message: `${path} has the SHA-256 ${found}, not ${expected}` })
  )
