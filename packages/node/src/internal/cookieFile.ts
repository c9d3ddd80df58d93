/**
 * One text in a file that is replaced as a whole: written beside it, synced, renamed. Whoever writes holds a lock, so that
 * two processes do not undo each other; a lock whose holder has died is taken away.
 */
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import { link, mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises"
import { hostname } from "node:os"
import { dirname } from "node:path"
import { setTimeout as wait } from "node:timers/promises"

/** More than any number of cookies within reasonable limits takes. */
const maximumBytes = 256 * 1024 * 1024
/** A lock is held for as long as one write takes. */
const staleAfter = 10_000
const tries = 600
const between = 25

/** What is not the system's own failure. */
class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

const isAbsent = (cause: unknown): boolean => codeOf(cause) === "ENOENT"

/** Whether the process that a lock names has died: only on the machine that it names can that be known. */
const hasDied = (lock: string): boolean => {
  const [host, pid] = lock.split("\n")
  if (host !== hostname() || pid === undefined || !/^\d+$/.test(pid)) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (cause) {
    return codeOf(cause) === "ESRCH"
  }
}

const attempt = <A>(f: () => Promise<A>) => Effect.tryPromise({ try: f, catch: (cause) => cause })
const quietly = (effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> => Effect.ignore(effect)

/** What a lock says, and whether it may be taken away; `undefined` where there is none any more. */
const look = (lock: string) =>
  Effect.catchAll(
    Effect.zipWith(attempt(() => readFile(lock, "utf8")), attempt(() => stat(lock)), (text, { mtimeMs }) => ({
      text,
      stale: hasDied(text) || Date.now() - mtimeMs > staleAfter
    })),
    (cause) => isAbsent(cause) ? Effect.succeed(undefined) : Effect.fail(cause)
  )

/** Takes a stale lock away. If it turns out to be another one by then, it is put back. */
const remove = (lock: string, text: string) => {
  const aside = `${lock}.${randomUUID()}`
  return Effect.gen(function*() {
    yield* attempt(() => rename(lock, aside))
    if ((yield* attempt(() => readFile(aside, "utf8"))) !== text) yield* quietly(attempt(() => link(aside, lock)))
  }).pipe(
    Effect.catchAll((cause) => isAbsent(cause) ? Effect.void : Effect.fail(cause)),
    Effect.ensuring(quietly(attempt(() => rm(aside, { force: true }))))
  )
}

const writeNew = (path: string, text: string, sync: boolean) =>
  Effect.acquireUseRelease(
    attempt(() => open(path, "wx", 0o600)),
    (file) => attempt(() => file.writeFile(text, "utf8").then(() => sync ? file.sync() : undefined)),
    (file) => quietly(attempt(() => file.close()))
  )

const acquire = (lock: string): Effect.Effect<string, unknown> =>
  Effect.gen(function*() {
    const mine = `${hostname()}\n${process.pid}\n${randomUUID()}`
    for (let i = 0; i < tries; i++) {
      const taken = yield* Effect.match(writeNew(lock, mine, false), {
        onSuccess: () => undefined,
        onFailure: (cause) => cause
      })
      if (taken === undefined) return mine
      if (codeOf(taken) !== "EEXIST") return yield* Effect.fail(taken)
      const other = yield* look(lock)
      if (other?.stale === true) yield* remove(lock, other.text)
      else yield* attempt(() => wait(between))
    }
    return yield* new Refused({ message: `${lock} is held by another process` })
  })

const release = (lock: string, mine: string) =>
  quietly(Effect.flatMap(
    attempt(() => readFile(lock, "utf8")),
    (text) => text === mine ? attempt(() => rm(lock, { force: true })) : Effect.void
  ))

/** The name is on the disk only with its folder; not every system lets one be synced. */
const syncFolder = (path: string) =>
  quietly(Effect.acquireUseRelease(
    attempt(() => open(dirname(path), "r")),
    (folder) => attempt(() => folder.sync()),
    (folder) => quietly(attempt(() => folder.close()))
  ))

/** Under the lock, so what is left of another's attempt may go. */
const replace = (path: string, text: string) => {
  const beside = `${path}.tmp`
  return attempt(() => rm(beside, { force: true })).pipe(
    Effect.zipRight(writeNew(beside, text, true)),
    Effect.zipRight(attempt(() => rename(beside, path))),
    Effect.onError(() => quietly(attempt(() => rm(beside, { force: true })))),
    Effect.zipRight(syncFolder(path))
  )
}

const readText = (path: string): Effect.Effect<string | undefined, unknown> =>
  Effect.gen(function*() {
    const { size } = yield* attempt(() => stat(path))
    if (size > maximumBytes) {
      return yield* new Refused({ message: `it has ${size} bytes, which no file of cookies has` })
    }
    return yield* attempt(() => readFile(path, "utf8"))
  }).pipe(Effect.catchAll((cause) => isAbsent(cause) ? Effect.succeed(undefined) : Effect.fail(cause)))

/** A link stays one. */
const target = (path: string): Effect.Effect<string, unknown> =>
  Effect.catchAll(attempt(() => realpath(path)), (cause) => isAbsent(cause) ? Effect.succeed(path) : Effect.fail(cause))

export const cookieFile = (path: string): CookieStorage.Place => {
  const fails = (reason: "Unreadable" | "Unwritable") => (cause: unknown) =>
    new CookieStorage.CookieStorageError({ where: path, reason, cause })

  const locked = (use: (real: string) => Effect.Effect<void, unknown>) =>
    Effect.gen(function*() {
      yield* attempt(() => mkdir(dirname(path), { recursive: true, mode: 0o700 }))
      const real = yield* target(path)
      const lock = `${real}.lock`
      yield* Effect.acquireUseRelease(acquire(lock), () => use(real), (mine) => release(lock, mine))
    }).pipe(Effect.mapError(fails("Unwritable")))

  return {
    where: path,
    read: Effect.mapError(readText(path), fails("Unreadable")),
    update: (change) => locked((real) => Effect.flatMap(readText(real), (text) => replace(real, change(text)))),
    putAside: (text) => locked((real) => replace(`${real}.damaged`, text))
  }
}
