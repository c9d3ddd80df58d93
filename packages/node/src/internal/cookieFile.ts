/** One text in a file that several processes may share. */
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Effect from "effect/Effect"
import { type FileFailure, lockedFile } from "./lockedFile.ts"

/** More than any number of cookies within reasonable limits takes. */
const maximumBytes = 256 * 1024 * 1024

export const cookieFile = (path: string): CookieStorage.Place => {
  const file = lockedFile(path, { maximumBytes })
  const fails = (reason: "Unreadable" | "Unwritable") => (failure: FileFailure) =>
    new CookieStorage.CookieStorageError({
      where: path,
      reason,
      cause: failure.reason === "System" ? failure.cause : failure
    })
  const textOf = (bytes: Buffer | undefined): string | undefined => bytes?.toString("utf8")
  return {
    where: path,
    read: Effect.mapBoth(file.read, { onFailure: fails("Unreadable"), onSuccess: textOf }),
    update: (change) =>
      Effect.mapError(
        file.update((bytes) => Effect.sync(() => Buffer.from(change(textOf(bytes)), "utf8"))),
        fails("Unwritable")
      ),
    putAside: (text) => Effect.mapError(file.putAside(Buffer.from(text, "utf8")), fails("Unwritable"))
  }
}
