/** The credentials of a storage as a value, and what can be done to it: each step gives the same book where nothing changes. */
import * as Equal from "effect/Equal"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import { equals, type PasswordCredential } from "../../Credential.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"

export interface Entry {
  readonly byUser: ReadonlyMap<string, PasswordCredential>
  readonly default: string | undefined
}

export type Book = HashMap.HashMap<ProtectionSpace, Entry>

/** A change, so that it can be made to what another process has written meanwhile. */
export type Step =
  | {
    readonly _tag: "Keep"
    readonly space: ProtectionSpace
    readonly credential: PasswordCredential
    readonly asDefault: boolean
  }
  | {
    readonly _tag: "Remove"
    readonly space: ProtectionSpace
    readonly credential: PasswordCredential
    /** It was the default here, so that none is left, whatever is written. */
    readonly wasDefault: boolean
  }
  | { readonly _tag: "Clear" }

export const empty: Book = HashMap.empty()

const nothing: Entry = { byUser: new Map(), default: undefined }

export const entryOf = (book: Book, space: ProtectionSpace): Entry =>
  Option.getOrElse(HashMap.get(book, space), () => nothing)

export const defaultOf = (book: Book, space: ProtectionSpace): Option.Option<PasswordCredential> => {
  const entry = entryOf(book, space)
  return entry.default === undefined ? Option.none() : Option.fromNullable(entry.byUser.get(entry.default))
}

const put = (book: Book, space: ProtectionSpace, entry: Entry): Book =>
  entry.byUser.size === 0 ? HashMap.remove(book, space) : HashMap.set(book, space, entry)

/** Whether what is known says as much already: what is kept for good is not taken back by the same password for a session. */
const covers = (known: PasswordCredential | undefined, credential: PasswordCredential): boolean =>
  known !== undefined && known.user === credential.user && Equal.equals(known.password, credential.password) &&
  (known.persistence === credential.persistence || known.persistence === "permanent")

const without = (entry: Entry, user: string): Entry => {
  const byUser = new Map(entry.byUser)
  byUser.delete(user)
  return { byUser, default: entry.default === user ? undefined : entry.default }
}

/** In memory, where both persistences are kept. */
export const step = (book: Book, change: Step): Book => {
  if (change._tag === "Clear") return HashMap.isEmpty(book) ? book : empty
  const { credential, space } = change
  const entry = entryOf(book, space)
  const known = entry.byUser.get(credential.user)
  if (change._tag === "Remove") {
    return known === undefined || !equals(known, credential) ? book : put(book, space, without(entry, credential.user))
  }
  if (credential.persistence === "none") return book
  const user = change.asDefault || entry.default === undefined ? credential.user : entry.default
  if (covers(known, credential)) {
    return user === entry.default ? book : put(book, space, { ...entry, default: user })
  }
  return put(book, space, { byUser: new Map(entry.byUser).set(credential.user, credential), default: user })
}

/**
 * In what is written, which has the permanent ones alone. A new password for a session takes the place of a written one of
 * the same user, which can be good no longer.
 */
export const stepWritten = (book: Book, change: Step): Book => {
  if (change._tag === "Remove") {
    const left = step(book, change)
    const entry = entryOf(left, change.space)
    return change.wasDefault && entry.default !== undefined
      ? put(left, change.space, { ...entry, default: undefined })
      : left
  }
  if (change._tag === "Clear" || change.credential.persistence === "permanent") return step(book, change)
  const entry = entryOf(book, change.space)
  const known = entry.byUser.get(change.credential.user)
  return known === undefined || covers(known, change.credential)
    ? book
    : put(book, change.space, without(entry, change.credential.user))
}

/** What is written, and over it what only this process knows. */
export const adopt = (written: Book, memory: Book): Book => {
  let book = written
  for (const [space, entry] of HashMap.entries(memory)) {
    const own = [...entry.byUser.values()].filter((credential) => credential.persistence === "session")
    if (own.length === 0) continue
    const below = entryOf(written, space)
    const byUser = new Map(below.byUser)
    for (const credential of own) byUser.set(credential.user, credential)
    const isOwn = own.some((credential) => credential.user === entry.default)
    book = put(book, space, { byUser, default: isOwn ? entry.default : below.default })
  }
  return book
}

const same = (left: Entry, right: Entry): boolean =>
  left.default === right.default && left.byUser.size === right.byUser.size &&
  [...left.byUser].every(([user, credential]) => {
    const other = right.byUser.get(user)
    return other !== undefined && equals(credential, other)
  })

/** The spaces whose entries differ. */
export const differences = (before: Book, after: Book): ReadonlyArray<ProtectionSpace> => {
  if (before === after) return []
  const spaces = HashMap.union(before, after)
  return Array.from(HashMap.keys(spaces)).filter((space) => !same(entryOf(before, space), entryOf(after, space)))
}
