/** The entries in memory: by URL and partition, the least recently used first to go. Every operation is one look-up. */
import { type Entry, merged } from "./entry.ts"

/** The entries of one URL and partition, as one link of the list. */
class Node {
  readonly url: string
  readonly partition: string
  entries: ReadonlyArray<Entry> = none
  size = 0
  before: Node | undefined = undefined
  after: Node | undefined = undefined
  /** The same URL for another partition: most have one only, for which a map would cost more than all else. */
  beside: Node | undefined = undefined
  constructor(url: string, partition: string) {
    this.url = url
    this.partition = partition
  }
}

const none: ReadonlyArray<Entry> = []
const sizeOf = (entries: ReadonlyArray<Entry>): number => {
  let sum = 0
  for (const entry of entries) sum += entry.size
  return sum
}

/** See the head of this file. */
export class MemoryTier {
  /** By URL the first of its partitions. */
  readonly #byUrl = new Map<string, Node>()
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
    const node = this.#node(url, partition)
    if (node === undefined) return none
    this.#use(node)
    return node.entries
  }

  put(entry: Entry): void {
    const known = this.#node(entry.url, entry.partition)
    this.#set(known, entry.url, entry.partition, known === undefined ? [entry] : merged(known.entries, entry))
  }

  /** Puts these in place of what was there. */
  set(url: string, partition: string, entries: ReadonlyArray<Entry>): void {
    this.#set(this.#node(url, partition), url, partition, entries)
  }

  /** What is known stays in its place in the map: a response that is kept again costs no look-up more. */
  #set(known: Node | undefined, url: string, partition: string, entries: ReadonlyArray<Entry>): void {
    const size = sizeOf(entries)
    if (entries.length === 0 || size > this.#capacity) {
      if (known !== undefined) this.#drop(known)
      return
    }
    const node = known ?? this.#open(url, partition)
    this.#used += size - node.size
    this.#count += entries.length - node.entries.length
    node.entries = entries
    node.size = size
    this.#use(node)
    this.#evict()
  }

  /** Of every partition, or of one. */
  remove(url: string, partition?: string): void {
    for (let node = this.#byUrl.get(url); node !== undefined; node = node.beside) {
      if (partition === undefined || node.partition === partition) this.#drop(node)
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

  #node(url: string, partition: string): Node | undefined {
    let node = this.#byUrl.get(url)
    while (node !== undefined && node.partition !== partition) node = node.beside
    return node
  }

  #open(url: string, partition: string): Node {
    const node = new Node(url, partition)
    node.beside = this.#byUrl.get(url)
    this.#byUrl.set(url, node)
    this.#link(node)
    return node
  }

  #use(node: Node): void {
    if (node === this.#newest) return
    this.#unlink(node)
    this.#link(node)
  }

  #evict(): void {
    while (this.#used > this.#capacity && this.#oldest !== undefined) this.#drop(this.#oldest)
  }

  #drop(node: Node): void {
    this.#unlink(node)
    const first = this.#byUrl.get(node.url)
    if (first === node) {
      if (node.beside === undefined) this.#byUrl.delete(node.url)
      else this.#byUrl.set(node.url, node.beside)
    } else {
      for (let one = first; one !== undefined; one = one.beside) if (one.beside === node) one.beside = node.beside
    }
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
