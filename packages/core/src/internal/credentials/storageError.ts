/** The error of the places where credentials are kept. */
import * as Data from "effect/Data"

/** See `CredentialStorage.CredentialStorageError`. */
export class CredentialStorageError extends Data.TaggedError("CredentialStorageError")<{
  readonly where: string
  readonly reason:
    | "Unreadable"
    | "Unwritable"
    | "Locked"
    | "NotCredentials"
    | "Foreign"
    | "Damaged"
    | "WrongKey"
    | "KeyUnusable"
    | "TooOpen"
    | "Unavailable"
  /** More about it, without any secret. */
  readonly detail?: string
  readonly cause?: unknown
}> {
  override get message(): string {
    const more = this.detail === undefined ? "" : ` (${this.detail})`
    const { where } = this
    switch (this.reason) {
      case "Unreadable":
        return `the credentials of ${where} cannot be read${more}: see the cause, and whether this user may`
      case "Unwritable":
        return `the credentials cannot be written to ${where}${more}: see the cause; they are in memory until then`
      case "Locked":
        return `${where} is held by another process${more}: end that one, or remove the lock beside the file if it is gone`
      case "NotCredentials":
        return `${where} does not hold credentials${more}: it is left alone; name another place`
      case "Foreign":
        return `the credentials of ${where} were written by another version${more}, and are left alone: name another place`
      case "Damaged":
        return `the credentials of ${where} are damaged${more}, and are left alone: restore a copy, or move them away`
      case "WrongKey":
        return `the credentials of ${where} do not open with this key${more}: give the one that they were written with`
      case "KeyUnusable":
        return `the key for the credentials of ${where} cannot be used${more}`
      case "TooOpen":
        return `${where} can be read by others${more}: chmod 600 it, and change the passwords in it`
      case "Unavailable":
        return `${where} is not available${more}`
    }
  }
}
