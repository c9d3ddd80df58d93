/** Credentials in an encrypted file that several processes may share. */
import { CredentialStorageError, type Place, type Sealer } from "@urlsession/core/CredentialStorage"
import * as Effect from "effect/Effect"
import { type FileFailure, type Files, lockedFile } from "./lockedFile.ts"

/** More than any number of passwords takes. */
const maximumBytes = 16 * 1024 * 1024

export const credentialFile = (
  path: string,
  sealer: Sealer,
  patience: number | undefined,
  files?: Files
): Place => {
  const file = lockedFile(
    path,
    { maximumBytes, tighten: true, ...(patience === undefined ? {} : { patience }) },
    files
  )
  const fails = (otherwise: "Unreadable" | "Unwritable") => (failure: FileFailure) => {
    switch (failure.reason) {
      case "Held":
        return new CredentialStorageError({ where: path, reason: "Locked", detail: failure.message })
      case "NotAFile":
      case "TooLarge":
        return new CredentialStorageError({ where: path, reason: "NotCredentials", detail: failure.message })
      case "System":
        return new CredentialStorageError({ where: path, reason: otherwise, cause: failure.cause })
    }
  }
  const opened = (bytes: Buffer | undefined) =>
    bytes === undefined ? Effect.succeed(undefined) : sealer.open(bytes, path)
  return {
    where: path,
    read: Effect.flatMap(Effect.mapError(file.read, fails("Unreadable")), opened),
    update: (change) =>
      Effect.catchTag(
        file.update((bytes) =>
          Effect.flatMap(
            Effect.flatMap(opened(bytes), change),
            (text) => text === undefined ? Effect.succeed(undefined) : sealer.seal(text, path)
          )
        ),
        "FileFailure",
        (failure) => Effect.fail(fails("Unwritable")(failure))
      )
  }
}
