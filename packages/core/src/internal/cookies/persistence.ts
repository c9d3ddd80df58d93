/** Cookies that outlive the process: changes are gathered, and brought together with what others have written meanwhile. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Cookie } from "../../Cookie.ts"
import type { CookieStorageService, PersistentOptions, Place, Problem } from "../../CookieStorage.ts"
import { decodeDocument, type Document, encodeDocument } from "./document.ts"
import { identity, isExpired } from "./jar.ts"
import { makeService } from "./service.ts"
import { CookieStorageError } from "./storageError.ts"

/** What this process has changed since it last wrote; `undefined` for what it has removed. */
class Pending {
  changes = new Map<string, Cookie | undefined>()
  /** Everything was removed, what only others know of too. */
  cleared = false

  get isEmpty(): boolean {
    return !this.cleared && this.changes.size === 0
  }

  clear(): void {
    this.cleared = true
    this.changes.clear()
  }

  /** These changes could not be written; what came after them counts. */
  restore(older: Pending): void {
    if (this.cleared) return
    this.cleared = older.cleared
    this.changes = new Map([...older.changes, ...this.changes])
  }

  applyTo(written: ReadonlyArray<Cookie>, now: number): ReadonlyArray<Cookie> {
    const all = new Map<string, Cookie>()
    if (!this.cleared) { for (const cookie of written) all.set(identity(cookie), cookie) }
    for (const [key, cookie] of this.changes) {
      if (cookie === undefined) all.delete(key)
      else all.set(key, cookie)
    }
    return [...all.values()].filter((cookie) => !isExpired(cookie, now))
  }
}

const describe = (problem: Problem): string =>
  problem._tag === "Damaged"
    ? `the cookies of ${problem.where} were damaged: ${problem.kept} kept, ${problem.lost} lines lost; a copy is beside them`
    : problem.error.message

export const makePersistentService = (
  place: Place,
  options: PersistentOptions
): Effect.Effect<CookieStorageService, CookieStorageError, Scope.Scope> =>
  Effect.gen(function*() {
    let pending = new Pending()
    let adopting = false
    const latch = Effect.unsafeMakeLatch(false)
    const isKept = (cookie: Cookie): boolean => options.keepSessionCookies === true || cookie.expires !== undefined
    const note = (cookie: Cookie, kept: Cookie | undefined): void => {
      pending.changes.set(identity(cookie), kept)
      latch.unsafeOpen()
    }
    const { change, jar, report, service } = yield* makeService(options, {
      // a cookie that is not to be kept still takes the place of one that is
      put: (cookie) => adopting ? undefined : note(cookie, isKept(cookie) ? cookie : undefined),
      removed: (cookie) => note(cookie, undefined)
    })
    const found = (problem: Problem) => Effect.zipRight(Effect.logWarning(describe(problem)), report(problem))

    const checked = (document: Document): Effect.Effect<Document, CookieStorageError> =>
      document.foreign
        ? Effect.fail(new CookieStorageError({ where: place.where, reason: "Foreign" }))
        : Effect.succeed(document)

    const setAside = (text: string | undefined, document: Document): Effect.Effect<void, CookieStorageError> =>
      text === undefined || document.whole
        ? Effect.void
        : Effect.zipRight(
          place.putAside(text),
          found({ _tag: "Damaged", where: place.where, kept: document.cookies.length, lost: document.lost })
        )

    /** Makes memory equal to what has been written, but for what has changed since. */
    const adopt = (written: ReadonlyArray<Cookie>) =>
      change((now) => {
        const theirs = new Set(written.map(identity))
        const unchanged = (cookie: Cookie) => !pending.cleared && !pending.changes.has(identity(cookie))
        adopting = true
        const gone = jar.all(now).filter((cookie) =>
          isKept(cookie) && unchanged(cookie) && !theirs.has(identity(cookie))
        )
        for (const cookie of gone) jar.remove(cookie)
        for (const cookie of written) {
          if (unchanged(cookie)) jar.put(cookie, now)
        }
        adopting = false
      })

    const write: Effect.Effect<void, CookieStorageError> = Effect.uninterruptible(
      Effect.clockWith((clock) => {
        const mine = pending
        pending = new Pending()
        latch.unsafeClose()
        let written: ReadonlyArray<Cookie> = []
        let foreign = false
        const merge = (text: string | undefined): string => {
          const document = decodeDocument(text)
          foreign = document.foreign
          written = mine.applyTo(document.cookies, clock.unsafeCurrentTimeMillis())
          return foreign && text !== undefined ? text : encodeDocument(written)
        }
        const done = Effect.flatMap(place.update(merge), () =>
          foreign
            ? Effect.fail(new CookieStorageError({ where: place.where, reason: "Foreign" }))
            : adopt(written))
        return Effect.tapError(done, () => Effect.sync(() => pending.restore(mine)))
      })
    )
    const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)
    const flush = alone(write)
    const writeOrTell = Effect.catchAll(
      alone(Effect.suspend(() => pending.isEmpty ? Effect.void : write)),
      (error) => found({ _tag: "NotWritten", where: place.where, error })
    )

    const text = yield* place.read
    const document = yield* checked(decodeDocument(text))
    yield* setAside(text, document)
    yield* adopt(document.cookies)

    yield* Effect.addFinalizer(() => writeOrTell)
    const delay = Duration.decode(options.writeDelay ?? "500 millis")
    yield* Effect.forkScoped(
      Effect.forever(Effect.zipRight(latch.await, Effect.zipRight(Effect.sleep(delay), writeOrTell)))
    )
    return {
      ...service,
      removeAll: Effect.zipRight(
        service.removeAll,
        Effect.sync(() => {
          pending.clear()
          latch.unsafeOpen()
        })
      ),
      flush
    }
  })
