/** The entries in memory: by URL and partition, the least recently used first to go. Every operation is one look-up. */
import { type Entry, merged } from "./entry.ts"

/** The entries of one URL and partition, as one link of the list. */
interface Node {
  readonly url: string
  readonly partition: string
  entries: ReadonlyArray<Entry>
  size: number
  before: Node | undefined
  after: Node | undefined
}

const none: ReadonlyArray<Entry> = []
const sizeOf = (entries: ReadonlyArray<Entry>): number => entries.reduce((sum, entry) => sum + entry.size, 0)

/** See the head of this file. */
export class MemoryTier {
  readonly #byUrl = new Map<string, Map<string, Node>>()
  #newest: Node | undefined = undefined
  #oldest: Node | undefined = undefined
  #capacity: number
  #used = 0
  #count = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get capacity(): number {
    return this.#capacity
  }
  set capacity(bytes: number) {
    this.#capacity = bytes
    this.#evict()
  }
  /** Bytes. */
  get used(): number {
    return this.#used
  }
  get count(): number {
    return this.#count
  }

  /** What is kept, newest first. */
  find(url: string, partition: string): ReadonlyArray<Entry> {
    const node = this.#byUrl.get(url)?.get(partition)
    if (node === undefined) return none
    if (node !== this.#newest) {
      this.#unlink(node)
      this.#link(node)
    }
    return node.entries
  }

  put(entry: Entry): void {
    const known = this.#byUrl.get(entry.url)?.get(entry.partition)
    this.set(entry.url, entry.partition, merged(known?.entries ?? none, entry))
  }

  /** Puts these in place of what was there. */
  set(url: string, partition: string, entries: ReadonlyArray<Entry>): void {
    const byPartition = this.#byUrl.get(url)
    const known = byPartition?.get(partition)
    if (known !== undefined) this.#drop(known)
    const size = sizeOf(entries)
    if (entries.length === 0 || size > this.#capacity) return
    const node: Node = { url, partition, entries, size, before: undefined, after: undefined }
    const of = this.#byUrl.get(url)
    if (of === undefined) this.#byUrl.set(url, new Map([[partition, node]]))
    else of.set(partition, node)
    this.#link(node)
    this.#used += size
    this.#count += entries.length
    this.#evict()
  }

  /** Of every partition, or of one. */
  remove(url: string, partition?: string): void {
    const byPartition = this.#byUrl.get(url)
    if (byPartition === undefined) return
    if (partition === undefined) { for (const node of [...byPartition.values()]) this.#drop(node) }
    else {
      const node = byPartition.get(partition)
      if (node !== undefined) this.#drop(node)
    }
  }

  removeAll(): void {
    this.#byUrl.clear()
    this.#newest = this.#oldest = undefined
    this.#used = 0
    this.#count = 0
  }

  /** What was put at that moment or later. */
  removeSince(at: number): void {
    for (let node = this.#newest; node !== undefined;) {
      const { after, entries, partition, url } = node
      const left = entries.filter((entry) => entry.storedAt < at)
      if (left.length === 0) this.#drop(node)
      else if (left.length < entries.length) this.set(url, partition, left)
      node = after
    }
  }

  #evict(): void {
    while (this.#used > this.#capacity && this.#oldest !== undefined) this.#drop(this.#oldest)
  }

  #drop(node: Node): void {
    this.#unlink(node)
    const byPartition = this.#byUrl.get(node.url)
    byPartition?.delete(node.partition)
    if (byPartition?.size === 0) this.#byUrl.delete(node.url)
    this.#used -= node.size
    this.#count -= node.entries.length
  }

  #link(node: Node): void {
    node.before = undefined
    node.after = this.#newest
    if (this.#newest !== undefined) this.#newest.before = node
    this.#newest = node
    this.#oldest ??= node
  }

  #unlink(node: Node): void {
    if (node.before === undefined) this.#newest = node.after
    else node.before.after = node.after
    if (node.after === undefined) this.#oldest = node.before
    else node.after.before = node.before
    node.before = node.after = undefined
  }
}
