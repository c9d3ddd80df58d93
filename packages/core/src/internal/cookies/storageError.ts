/** The error of the places where cookies are kept. */
import * as Data from "effect/Data"

/** See `CookieStorage.CookieStorageError`. */
export class CookieStorageError extends Data.TaggedError("CookieStorageError")<{
  readonly where: string
  readonly reason: "Unreadable" | "Unwritable" | "Foreign"
  readonly cause?: unknown
}> {
  override get message(): string {
    switch (this.reason) {
      case "Unreadable":
        return `the cookies of ${this.where} cannot be read: see the cause, and whether this user may`
      case "Unwritable":
        return `the cookies cannot be written to ${this.where}: see the cause; they are in memory until then`
      case "Foreign":
        return `the cookies of ${this.where} were written by another version, which is left alone: name another place`
    }
  }
}
