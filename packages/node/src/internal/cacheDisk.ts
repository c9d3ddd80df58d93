/** A directory as the disk of a cache. Nothing of it fails: what goes wrong is a response that is not kept, or not found. */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { CacheDisk, StoredResponse } from "@urlsession/core/UrlCache"
import { merged } from "@urlsession/core/UrlCache"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { createHash, randomBytes } from "node:crypto"
import { join } from "node:path"
import { read, written } from "./cacheFile.ts"

const suffix = ".response"
const temporary = ".part"
const keyFile = "partition.key"
const keyLength = 32

/** A part-file that is older than this, in milliseconds, belongs to nobody any more. */
const abandonedAfter = 60 * 60 * 1000
/** Other processes write too: after so many writes of ours the directory is looked through again. */
const writesBetweenLooks = 64

const hash = (text: string, digits: number): string => createHash("sha256").update(text).digest("hex").slice(0, digits)
const prefixOf = (url: string): string => `${hash(url, 32)}-`
const nameOf = (url: string, partition: string): string => `${prefixOf(url)}${hash(partition, 24)}${suffix}`

/** A file as it is known here, in the order in which it was used last. */
interface Known {
  readonly size: number
  readonly storedAt: number
}

const ignored = <A>(effect: Effect.Effect<A, PlatformError>): Effect.Effect<void> => Effect.ignore(effect)

/** The key that partitions are hashed with: made once, by whichever process comes first. */
const keyIn = (fs: FileSystem, directory: string): Effect.Effect<Uint8Array> => {
  const path = join(directory, keyFile)
  const fresh = new Uint8Array(randomBytes(keyLength))
  const good = Effect.filterOrFail(fs.readFile(path), (bytes) => bytes.length === keyLength)
  const made = Effect.zipRight(fs.writeFile(path, fresh, { flag: "wx", mode: 0o600 }), fs.readFile(path))
  // another process may have been quicker; a file that is no key is one that nobody can use
  const again = Effect.orElse(
    good,
    () => Effect.zipRight(Effect.ignore(fs.remove(path)), Effect.orElse(made, () => good))
  )
  return good.pipe(Effect.orElse(() => made), Effect.orElse(() => again), Effect.orElseSucceed(() => fresh))
}

/** See the head of this file. */
class Disk implements CacheDisk {
  readonly partitionKey: Uint8Array
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #known = new Map<string, Known>()
  #capacity: number
  #used = 0
  #writes = 0

  constructor(fs: FileSystem, directory: string, capacity: number, partitionKey: Uint8Array) {
    this.#fs = fs
    this.#directory = directory
    this.#capacity = capacity
    this.partitionKey = partitionKey
  }

  readonly capacity = (): number => this.#capacity
  get usage(): Effect.Effect<number> {
    return Effect.sync(() => this.#used)
  }

  readonly setCapacity = (bytes: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.#capacity = bytes
      return this.#makeRoom
    })

  readonly read = (url: string, partition: string): Effect.Effect<ReadonlyArray<StoredResponse>> => {
    const name = nameOf(url, partition)
    return Effect.suspend(() => {
      const before = this.#known.get(name)
      // what has been written since is not what was read
      const same = () => this.#known.get(name) === before
      return Effect.matchEffect(this.#fs.readFile(this.#path(name)), {
        onFailure: () =>
          Effect.sync(() => {
            if (same()) this.#forget(name)
            return []
          }),
        onSuccess: (bytes) => {
          const responses = read(bytes, url, partition)
          if (responses === undefined) return same() ? Effect.as(this.#remove(name), []) : Effect.succeed([])
          if (same()) this.#remember(name, { size: bytes.length, storedAt: newest(responses) })
          return Effect.as(this.#touch(name), responses)
        }
      })
    })
  }

  readonly write = (stored: StoredResponse): Effect.Effect<void> => {
    const { partition, url } = stored
    const name = nameOf(url, partition)
    return Effect.flatMap(this.#known.has(name) ? this.read(url, partition) : this.#others(name, stored), (before) => {
      const responses = merged(before, stored)
      const bytes = written(url, partition, responses)
      if (bytes === undefined || bytes.length > this.#capacity) return this.#remove(name)
      return Effect.matchEffect(this.#place(name, bytes), {
        // nobody knows what is there now, so nothing may be
        onFailure: () => this.#remove(name),
        onSuccess: () => {
          this.#remember(name, { size: bytes.length, storedAt: newest(responses) })
          return ++this.#writes % writesBetweenLooks === 0
            ? Effect.zipRight(this.look, this.#makeRoom)
            : this.#makeRoom
        }
      })
    })
  }

  /** Another process may keep answers to other requests for the URL; without `Vary` there are none. */
  #others(name: string, stored: StoredResponse): Effect.Effect<ReadonlyArray<StoredResponse>> {
    return stored.vary.length === 0 ? Effect.succeed([]) : this.read(stored.url, stored.partition)
  }

  readonly remove = (url: string, partition?: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (partition !== undefined) return this.#remove(nameOf(url, partition))
      const prefix = prefixOf(url)
      const names = new Set([...this.#known.keys()].filter((name) => name.startsWith(prefix)))
      // the one that another process is most likely to have
      names.add(nameOf(url, ""))
      return Effect.forEach(names, (name) => this.#remove(name), { discard: true })
    })

  get removeAll(): Effect.Effect<void> {
    return Effect.zipRight(this.look, this.#removeWhere(() => true))
  }
  readonly removeSince = (at: number): Effect.Effect<void> =>
    Effect.zipRight(this.look, this.#removeWhere(({ storedAt }) => storedAt >= at))

  #removeWhere(gone: (known: Known) => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      const names = [...this.#known].filter(([, known]) => gone(known)).map(([name]) => name)
      return Effect.forEach(names, (name) => this.#remove(name), { discard: true })
    })
  }

  /** Looks the directory through, the files used last coming last. */
  get look(): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      const now = yield* Clock.currentTimeMillis
      const names = yield* Effect.orElseSucceed(this.#fs.readDirectory(this.#directory), () => [])
      const found: Array<readonly [name: string, used: number, known: Known]> = []
      for (const name of names) {
        const info = yield* Effect.option(this.#fs.stat(this.#path(name)))
        if (Option.isNone(info)) continue
        const used = Option.match(info.value.mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
        if (name.endsWith(temporary)) {
          if (now - used > abandonedAfter) yield* ignored(this.#fs.remove(this.#path(name)))
        } else if (name.endsWith(suffix)) {
          const before = this.#known.get(name)
          found.push([name, used, { size: Number(info.value.size), storedAt: before?.storedAt ?? used }])
        }
      }
      found.sort((left, right) => left[1] - right[1])
      this.#known.clear()
      this.#used = 0
      for (const [name, , known] of found) this.#remember(name, known)
    })
  }

  get #makeRoom(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const oldest = this.#known.keys().next()
      return this.#used <= this.#capacity || oldest.done === true
        ? Effect.void
        : Effect.zipRight(this.#remove(oldest.value), this.#makeRoom)
    })
  }

  /** Under another name first, so that nobody ever sees half of it. The directory may have been removed meanwhile. */
  #place(name: string, bytes: Uint8Array): Effect.Effect<void, PlatformError> {
    const draft = this.#path(`${name}.${process.pid}.${randomBytes(6).toString("hex")}${temporary}`)
    const write = Effect.suspend(() => this.#fs.writeFile(draft, bytes, { mode: 0o600 }))
    const made = Effect.orElse(write, () => Effect.zipRight(makeDirectory(this.#fs, this.#directory), write))
    return Effect.zipRight(made, this.#fs.rename(draft, this.#path(name))).pipe(
      Effect.onError(() => ignored(this.#fs.remove(draft)))
    )
  }

  #touch(name: string): Effect.Effect<void> {
    return Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => ignored(this.#fs.utimes(this.#path(name), new Date(now), new Date(now)))
    )
  }

  #remove(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#forget(name)
      return ignored(this.#fs.remove(this.#path(name)))
    })
  }

  #remember(name: string, known: Known): void {
    this.#forget(name)
    this.#known.set(name, known)
    this.#used += known.size
  }
  #forget(name: string): void {
    const known = this.#known.get(name)
    if (known === undefined) return
    this.#known.delete(name)
    this.#used -= known.size
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}

const newest = (responses: ReadonlyArray<StoredResponse>): number =>
  responses.reduce((latest, one) => Math.max(latest, one.storedAt), 0)

const makeDirectory = (fs: FileSystem, directory: string): Effect.Effect<void, PlatformError> =>
  fs.makeDirectory(directory, { recursive: true, mode: 0o700 })

/** Opens a directory; one that is not there, and cannot be made, is a disk that holds nothing. */
export const makeDisk = (fs: FileSystem, directory: string, capacity: number): Effect.Effect<CacheDisk> =>
  Effect.gen(function*() {
    yield* ignored(makeDirectory(fs, directory))
    const disk = new Disk(fs, directory, capacity, yield* keyIn(fs, directory))
    yield* disk.look
    yield* disk.setCapacity(capacity)
    return disk
  })
