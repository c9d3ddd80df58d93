/** Credentials that outlive the process: each change is made to what is written by then, also by others. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import type { CredentialStorageService, Place } from "../../CredentialStorage.ts"
import { adopt, type Book, empty, entryOf, type Step, step, stepWritten } from "./book.ts"
import { decodeDocument, encodeDocument } from "./document.ts"
import { makeService } from "./service.ts"
import { CredentialStorageError } from "./storageError.ts"

/** Whether a step can change what is written. */
const concernsWritten = (change: Step, before: Book): boolean => {
  if (change._tag === "Clear" || change.credential.persistence === "permanent") return true
  const entry = entryOf(before, change.space)
  if (change._tag === "Remove") return change.wasDefault && entry.byUser.size > 1
  return entry.byUser.get(change.credential.user)?.persistence === "permanent"
}

export const makePersistentService = (
  place: Place
): Effect.Effect<CredentialStorageService, CredentialStorageError, Scope.Scope> =>
  Effect.gen(function*() {
    let pending: ReadonlyArray<Step> = []
    const latch = Effect.unsafeMakeLatch(false)
    const { fails, replace, service } = yield* makeService((change, before) => {
      if (!concernsWritten(change, before)) return
      pending = change._tag === "Clear" ? [change] : [...pending, change]
      latch.unsafeOpen()
    })

    const decoded = (text: string | undefined): Either.Either<Book, CredentialStorageError> =>
      text === undefined
        ? Either.right(empty)
        : Either.mapLeft(decodeDocument(text), (reason) => new CredentialStorageError({ where: place.where, reason }))

    const takeOver = (written: Book) =>
      replace((memory) => pending.reduce((book, change) => step(book, change), adopt(written, memory)))

    const write: Effect.Effect<void, CredentialStorageError> = Effect.uninterruptible(Effect.suspend(() => {
      const mine = pending
      pending = []
      latch.unsafeClose()
      let written = empty
      const change = (text: string | undefined): Either.Either<string | undefined, CredentialStorageError> =>
        Either.map(decoded(text), (before) => {
          written = mine.reduce(stepWritten, before)
          return written === before ? undefined : encodeDocument(written)
        })
      return place.update(change).pipe(
        Effect.tapError(() =>
          Effect.sync(() => {
            // what came after it counts, and everything is made again with the next change
            pending = pending.some((later) => later._tag === "Clear") ? pending : [...mine, ...pending]
          })
        ),
        Effect.zipRight(Effect.suspend(() => takeOver(written)))
      )
    }))
    const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)
    const told = (error: CredentialStorageError) => Effect.zipRight(Effect.logWarning(error.message), fails(error))
    const writeOrTell = Effect.catchAll(
      alone(Effect.suspend(() => pending.length === 0 ? Effect.void : write)),
      told
    )

    yield* takeOver(yield* Effect.flatMap(place.read, decoded))

    yield* Effect.addFinalizer(() => writeOrTell)
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(latch.await, writeOrTell)))
    return { ...service, flush: Effect.tapError(alone(write), fails) }
  })
