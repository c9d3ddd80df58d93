/**
 * Bytes in a file that is replaced as a whole: written beside it, synced, renamed. Whoever writes holds a lock, so that two
 * processes do not undo each other; a lock whose holder has died is taken away.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import * as promises from "node:fs/promises"
import { hostname } from "node:os"
import { dirname } from "node:path"
import { setTimeout as wait } from "node:timers/promises"

/** A lock is held for as long as one write takes, where nothing else is said. */
const oneWrite = 10_000
const between = 25

/** The calls that are made, so that a test can end the process, or fail, at each of them. */
export type Files = Pick<
  typeof promises,
  "chmod" | "link" | "mkdir" | "open" | "readFile" | "realpath" | "rename" | "rm" | "stat"
>

/** `System` has the system's own failure as its cause. */
export class FileFailure extends Data.TaggedError("FileFailure")<{
  readonly reason: "Held" | "TooLarge" | "NotAFile" | "System"
  readonly message: string
  readonly cause?: unknown
}> {}

/** What may be said of a file, and for how long another process is waited for. */
export interface Limits {
  readonly maximumBytes: number
  /** Milliseconds; 15,000. */
  readonly patience?: number
  /** Milliseconds after which a lock is nobody's any more, if its holder cannot be seen to live; 10,000. */
  readonly staleAfter?: number
  /** Takes the rights of others away when it is read. */
  readonly tighten?: boolean
}

export interface LockedFile {
  /** `undefined` where there is none. */
  readonly read: Effect.Effect<Buffer | undefined, FileFailure>
  /** `undefined` leaves it as it is, and so does a failure. */
  readonly update: <E>(
    change: (bytes: Buffer | undefined) => Effect.Effect<Uint8Array | undefined, E>
  ) => Effect.Effect<void, E | FileFailure>
  readonly putAside: (bytes: Uint8Array) => Effect.Effect<void, FileFailure>
}

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

const isAbsent = (failure: FileFailure): boolean => codeOf(failure.cause) === "ENOENT"

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

const attempt = <A>(f: () => Promise<A>): Effect.Effect<A, FileFailure> =>
  Effect.tryPromise({
    try: f,
    catch: (cause) =>
      new FileFailure({ reason: "System", cause, message: cause instanceof Error ? cause.message : "it failed" })
  })
const quietly = (effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> => Effect.ignore(effect)

export const lockedFile = (path: string, limits: Limits, files: Files = promises): LockedFile => {
  const tries = Math.ceil((limits.patience ?? 15_000) / between)
  const { staleAfter = oneWrite } = limits

  /** What a lock says, and whether it may be taken away; `undefined` where there is none any more. */
  const look = (lock: string) =>
    Effect.catchAll(
      Effect.zipWith(
        attempt(() => files.readFile(lock, "utf8")),
        attempt(() => files.stat(lock)),
        (text, { mtimeMs }) => ({
          text,
          stale: hasDied(text) || Date.now() - mtimeMs > staleAfter
        })
      ),
      (failure) => isAbsent(failure) ? Effect.succeed(undefined) : Effect.fail(failure)
    )

  /** Takes a stale lock away. If it turns out to be another one by then, it is put back. */
  const remove = (lock: string, text: string) => {
    const aside = `${lock}.${randomUUID()}`
    return Effect.gen(function*() {
      yield* attempt(() => files.rename(lock, aside))
      const found = yield* attempt(() => files.readFile(aside, "utf8"))
      if (found !== text) yield* quietly(attempt(() => files.link(aside, lock)))
    }).pipe(
      Effect.catchAll((failure) => isAbsent(failure) ? Effect.void : Effect.fail(failure)),
      Effect.ensuring(quietly(attempt(() => files.rm(aside, { force: true }))))
    )
  }

  const writeNew = (name: string, content: string | Uint8Array, sync: boolean) =>
    Effect.acquireUseRelease(
      attempt(() => files.open(name, "wx", 0o600)),
      (file) =>
        attempt(() => file.writeFile(content, "utf8").then(() => sync ? file.sync() : undefined)).pipe(
          // half of a lock would hold everybody up until it is old
          Effect.onError(() => quietly(attempt(() => files.rm(name, { force: true }))))
        ),
      (file) => quietly(attempt(() => file.close()))
    )

  const acquire = (lock: string): Effect.Effect<string, FileFailure> =>
    Effect.gen(function*() {
      const mine = `${hostname()}\n${process.pid}\n${randomUUID()}`
      for (let i = 0; i < tries; i++) {
        const taken = yield* Effect.match(writeNew(lock, mine, false), {
          onSuccess: () => undefined,
          onFailure: (failure) => failure
        })
        if (taken === undefined) return mine
        if (codeOf(taken.cause) !== "EEXIST") return yield* taken
        const other = yield* look(lock)
        if (other?.stale === true) yield* remove(lock, other.text)
        else yield* attempt(() => wait(between))
      }
      return yield* new FileFailure({ reason: "Held", message: `${lock} is held by another process` })
    })

  const release = (lock: string, mine: string) =>
    quietly(Effect.flatMap(
      attempt(() => files.readFile(lock, "utf8")),
      (text) => text === mine ? attempt(() => files.rm(lock, { force: true })) : Effect.void
    ))

  /** The name is on the disk only with its folder; not every system lets one be synced. */
  const syncFolder = (name: string) =>
    quietly(Effect.acquireUseRelease(
      attempt(() => files.open(dirname(name), "r")),
      (folder) => attempt(() => folder.sync()),
      (folder) => quietly(attempt(() => folder.close()))
    ))

  /** Under the lock, so what is left of another's attempt may go. */
  const replace = (name: string, bytes: Uint8Array) => {
    const beside = `${name}.tmp`
    return attempt(() => files.rm(beside, { force: true })).pipe(
      Effect.zipRight(writeNew(beside, bytes, true)),
      Effect.zipRight(attempt(() => files.rename(beside, name))),
      Effect.onError(() => quietly(attempt(() => files.rm(beside, { force: true })))),
      Effect.zipRight(syncFolder(name))
    )
  }

  const readBytes = (name: string): Effect.Effect<Buffer | undefined, FileFailure> =>
    Effect.gen(function*() {
      const found = yield* attempt(() => files.stat(name))
      // a pipe would be waited for without end
      if (!found.isFile()) return yield* new FileFailure({ reason: "NotAFile", message: `${name} is no file` })
      const { maximumBytes } = limits
      if (found.size > maximumBytes) {
        const message = `it has ${found.size} bytes, and no more than ${maximumBytes} are read`
        return yield* new FileFailure({ reason: "TooLarge", message })
      }
      // a system without such rights, and a file of somebody else, are left as they are
      if (limits.tighten === true && (found.mode & 0o077) !== 0) yield* quietly(attempt(() => files.chmod(name, 0o600)))
      return yield* attempt(() => files.readFile(name))
    }).pipe(
      Effect.catchAll((failure) => isAbsent(failure) ? Effect.succeed(undefined) : Effect.fail(failure))
    )

  /** A link stays one. */
  const target: Effect.Effect<string, FileFailure> = Effect.catchAll(
    attempt(() => files.realpath(path)),
    (failure) => isAbsent(failure) ? Effect.succeed(path) : Effect.fail(failure)
  )

  const locked = <E>(use: (real: string) => Effect.Effect<void, E>): Effect.Effect<void, E | FileFailure> =>
    Effect.gen(function*() {
      yield* attempt(() => files.mkdir(dirname(path), { recursive: true, mode: 0o700 }))
      const real = yield* target
      const lock = `${real}.lock`
      yield* Effect.acquireUseRelease(acquire(lock), () => use(real), (mine) => release(lock, mine))
    })

  return {
    read: readBytes(path),
    update: (change) =>
      locked((real) =>
        Effect.flatMap(
          Effect.flatMap(readBytes(real), change),
          (bytes) => bytes === undefined ? Effect.void : replace(real, bytes)
        )
      ),
    putAside: (bytes) => locked((real) => replace(`${real}.damaged`, bytes))
  }
}
