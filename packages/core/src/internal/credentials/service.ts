/** A storage of credentials over one book in memory; whoever writes it down is told of each step. */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { CredentialStorageService } from "../../CredentialStorage.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import { type Book, defaultOf, differences, empty, entryOf, type Step, step } from "./book.ts"
import type { CredentialStorageError } from "./storageError.ts"

export interface Kept {
  readonly service: CredentialStorageService
  readonly book: () => Book
  /** Puts another book in place, and tells of what differs. */
  readonly replace: (make: (book: Book) => Book) => Effect.Effect<void>
  readonly fails: (error: CredentialStorageError) => Effect.Effect<void>
}

export const makeService = (
  /** Told of a step that has changed something. */
  onStep: (change: Step, before: Book) => void = () => {}
): Effect.Effect<Kept> =>
  Effect.gen(function*() {
    const changes = yield* PubSub.sliding<ProtectionSpace>(256)
    const failures = yield* PubSub.sliding<CredentialStorageError>(16)
    let book = empty

    const replace = (make: (book: Book) => Book): Effect.Effect<void> =>
      Effect.suspend(() => {
        const before = book
        book = make(before)
        return Effect.asVoid(PubSub.publishAll(changes, differences(before, book)))
      })
    const take = (of: (book: Book) => Step): Effect.Effect<void> =>
      replace((before) => {
        const change = of(before)
        const after = step(before, change)
        if (after !== before || change._tag === "Clear") onStep(change, before)
        return after
      })

    const service: CredentialStorageService = {
      credentials: (space) => Effect.sync(() => entryOf(book, space).byUser),
      allCredentials: Effect.sync(() =>
        Array.from(HashMap.entries(book), ([space, entry]) => [space, entry.byUser] as const)
      ),
      set: (credential, space) => take(() => ({ _tag: "Keep", space, credential, asDefault: false })),
      remove: (credential, space) =>
        take((before) => ({
          _tag: "Remove",
          space,
          credential,
          wasDefault: entryOf(before, space).default === credential.user
        })),
      defaultCredential: (space) => Effect.sync(() => defaultOf(book, space)),
      setDefaultCredential: (credential, space) => take(() => ({ _tag: "Keep", space, credential, asDefault: true })),
      removeAll: take(() => ({ _tag: "Clear" })),
      changes: Stream.fromPubSub(changes),
      failures: Stream.fromPubSub(failures),
      flush: Effect.void
    }
    return { service, book: () => book, replace, fails: (error) => Effect.asVoid(PubSub.publish(failures, error)) }
  })
