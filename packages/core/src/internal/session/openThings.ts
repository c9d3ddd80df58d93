/** What a task has open: closed in reverse order when it ends. The first has a place of its own, since most tasks have one. */
import type { Closeable } from "../../Transport.ts"
import { Suspendable } from "./suspendable.ts"

/** Part of a task's context. */
export abstract class OpenThings extends Suspendable {
  #first: Closeable | undefined = undefined
  #others: Array<Closeable> | undefined = undefined

  register(closeable: Closeable): void {
    if (this.timed === undefined) closeable.close()
    else if (this.#first === undefined) this.#first = closeable
    else (this.#others ??= []).push(closeable)
  }

  unregister(closeable: Closeable): void {
    if (this.#first === closeable) {
      this.#first = undefined
      return
    }
    const index = this.#others?.indexOf(closeable) ?? -1
    if (index >= 0) this.#others?.splice(index, 1)
  }

  protected reorder(priority: number): void {
    this.#first?.reprioritize?.(priority)
    this.#others?.forEach((other) => other.reprioritize?.(priority))
  }

  protected closeAll(): void {
    const others = this.#others
    this.#others = undefined
    if (others !== undefined) { for (let i = others.length - 1; i >= 0; i--) others[i]?.close() }
    const first = this.#first
    this.#first = undefined
    first?.close()
  }
}
