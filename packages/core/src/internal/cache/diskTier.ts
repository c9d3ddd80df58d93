/**
 * The way to a disk: what is to be written waits in order, one at a time is written, and what waits is found as if it had been.
 * A disk that fails is a disk that holds nothing.
 */
import * as Effect from "effect/Effect"
import type * as Runtime from "effect/Runtime"
import * as Run from "effect/Runtime"
import type { CacheDisk } from "../../UrlCache.ts"
import { merged, type StoredResponse } from "./entry.ts"

/** Bytes that may wait; beyond them a response is not written, since the disk is slower than the network. */
const waitingLimit = 64 * 1024 * 1024

type Job =
  | { readonly _tag: "Write"; readonly stored: StoredResponse }
  | { readonly _tag: "Other"; readonly url: string | undefined; readonly run: Effect.Effect<void> }

/** Somebody who reads: what was to be written when it began, or since, is found, whenever the disk gets to it. */
interface Reader {
  readonly url: string
  readonly partition: string
  readonly writes: Array<StoredResponse>
  /** What the disk gives has been removed in the meantime. */
  gone: boolean
}

/** See the head of this file. */
export class DiskTier {
  readonly #disk: CacheDisk
  readonly #runtime: Runtime.Runtime<never>
  readonly #jobs: Array<Job> = []
  #bytes = 0
  #running = false
  readonly #idle = new Set<() => void>()
  readonly #readers = new Set<Reader>()

  constructor(disk: CacheDisk, runtime: Runtime.Runtime<never>) {
    this.#disk = disk
    this.#runtime = runtime
  }

  get capacity(): number {
    return this.#disk.capacity()
  }
  get usage(): Effect.Effect<number> {
    return Effect.zipRight(this.settled, this.#disk.usage)
  }

  write(stored: StoredResponse): void {
    if (this.#bytes + stored.body.length > waitingLimit) return
    this.#bytes += stored.body.length
    for (const reader of this.#readers) {
      if (reader.url === stored.url && reader.partition === stored.partition) reader.writes.push(stored)
    }
    this.#add({ _tag: "Write", stored })
  }
  remove(url: string, partition?: string): void {
    this.#forget((one) => one.url === url && (partition === undefined || one.partition === partition))
    this.#add({ _tag: "Other", url, run: this.#disk.remove(url, partition) })
  }
  /** Done when it returns. */
  whole(run: (disk: CacheDisk) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#forget(() => true)
      this.#add({ _tag: "Other", url: undefined, run: run(this.#disk) })
      return this.settled
    })
  }

  /** What is there, and what will be once everything that waits has been done. */
  read(url: string, partition: string): Effect.Effect<ReadonlyArray<StoredResponse>> {
    return Effect.suspend(() => {
      const waits = this.#jobs.some((job) => job._tag === "Other" && (job.url === undefined || job.url === url))
      // what is being removed is gone for whoever looks now
      if (waits) return Effect.zipRight(this.settled, this.read(url, partition))
      const reader: Reader = { url, partition, writes: [], gone: false }
      for (const job of this.#jobs) {
        if (job._tag === "Write" && job.stored.url === url && job.stored.partition === partition) {
          reader.writes.push(job.stored)
        }
      }
      this.#readers.add(reader)
      return Effect.ensuring(
        Effect.map(this.#disk.read(url, partition), (read) => reader.writes.reduce(merged, reader.gone ? [] : read)),
        Effect.sync(() => this.#readers.delete(reader))
      )
    })
  }

  #forget(which: (reader: Reader) => boolean): void {
    for (const reader of this.#readers) {
      if (!which(reader)) continue
      reader.gone = true
      reader.writes.length = 0
    }
  }

  /** Everything that was asked for has been done. */
  readonly settled: Effect.Effect<void> = Effect.async((resume) => {
    if (!this.#running) return resume(Effect.void)
    const done = () => resume(Effect.void)
    this.#idle.add(done)
    return Effect.sync(() => this.#idle.delete(done))
  })

  #add(job: Job): void {
    this.#jobs.push(job)
    if (this.#running) return
    this.#running = true
    Run.runFork(this.#runtime, this.#drain)
  }

  readonly #drain: Effect.Effect<void> = Effect.suspend(() => {
    const job = this.#jobs[0]
    if (job === undefined) {
      this.#running = false
      const idle = [...this.#idle]
      this.#idle.clear()
      for (const done of idle) done()
      return Effect.void
    }
    const work = job._tag === "Write" ? this.#disk.write(job.stored) : job.run
    return Effect.flatMap(Effect.exit(work), () => {
      this.#jobs.shift()
      if (job._tag === "Write") this.#bytes -= job.stored.body.length
      return this.#drain
    })
  })
}
