/** Bytes on their way into a recording, within the limit of one body and that of all bodies together. */
import type { RecordedBody } from "./model.ts"

/** The bytes that a recording may still take. */
export class Budget {
  left: number

  constructor(bytes: number) {
    this.left = bytes
  }

  /** `false`: that is too much, and nothing was taken. */
  take(bytes: number): boolean {
    if (bytes > this.left) return false
    this.left -= bytes
    return true
  }
}

/** See the head of this file. A body is kept whole or not at all. */
export class Gatherer {
  /** All bytes that passed, kept or not. */
  size = 0
  readonly #budget: Budget
  readonly #maximum: number
  #pieces: Array<Uint8Array> | undefined = []
  /** So many bytes are the budget's. */
  #held = 0

  constructor(budget: Budget, maximum: number) {
    this.#budget = budget
    this.#maximum = maximum
  }

  add(borrowed: Uint8Array): void {
    this.size += borrowed.length
    if (this.#pieces === undefined) return
    if (this.size > this.#maximum || !this.#budget.take(borrowed.length)) return this.drop()
    this.#pieces.push(borrowed.slice())
    this.#held += borrowed.length
  }

  /** Forgets what was kept, and gives its room back. */
  drop(): void {
    this.#pieces = undefined
    this.#budget.left += this.#held
    this.#held = 0
  }

  /** What was kept, handed over. */
  finish(): RecordedBody {
    const pieces = this.#pieces
    this.#pieces = undefined
    if (pieces === undefined) return { _tag: "LeftOut", size: this.size }
    const [first] = pieces
    if (pieces.length === 1 && first !== undefined) return { _tag: "Kept", bytes: first }
    const bytes = new Uint8Array(this.size)
    let offset = 0
    for (const piece of pieces) {
      bytes.set(piece, offset)
      offset += piece.length
    }
    return { _tag: "Kept", bytes }
  }
}
