/** Body bytes that came before anybody asked for them, in more than one piece. */

/** Bytes of body that are read without anybody asking, and that are drained for the sake of a connection. */
export const readAheadLimit = 64 * 1024

const blockSize = 16 * 1024

/** Collects copies of what it is lent. Small pieces are gathered, so that a body of single bytes costs no more than its size. */
export class ReadAhead {
  /** Bytes held. */
  size = 0
  readonly #blocks: Array<Uint8Array> = []
  #used = 0
  #exact: boolean

  /** `length`: of the whole body, where it is known to be small; it then fills one array. */
  constructor(length: number | undefined) {
    this.#exact = length !== undefined
    if (length !== undefined) this.#blocks.push(new Uint8Array(length))
  }

  add(borrowed: Uint8Array): void {
    this.size += borrowed.length
    const last = this.#blocks[this.#blocks.length - 1]
    const room = last === undefined ? 0 : last.length - this.#used
    if (last !== undefined && borrowed.length <= room) {
      last.set(borrowed, this.#used)
      this.#used += borrowed.length
      return
    }
    if (last !== undefined && room > 0) last.set(borrowed.subarray(0, room), this.#used)
    const rest = borrowed.subarray(room)
    const next = new Uint8Array(Math.max(rest.length, blockSize))
    next.set(rest)
    this.#blocks.push(next)
    this.#used = rest.length
    this.#exact = false
  }

  /** The oldest piece, or nothing. */
  shift(): Uint8Array | undefined {
    const block = this.#blocks.shift()
    if (block === undefined) return undefined
    const bytes = this.#blocks.length === 0 ? block.subarray(0, this.#used) : block
    this.size -= bytes.length
    if (this.#blocks.length === 0) this.#used = 0
    return bytes.length === 0 ? undefined : bytes
  }

  /** Everything, as one array that nobody else has. */
  join(): Uint8Array {
    const only = this.#blocks[0]
    if (only !== undefined && this.#blocks.length === 1 && this.#exact && this.#used === only.length) return only
    const whole = new Uint8Array(this.size)
    let offset = 0
    for (let i = 0; i < this.#blocks.length; i++) {
      const block = this.#blocks[i]
      if (block === undefined) continue
      const bytes = i === this.#blocks.length - 1 ? block.subarray(0, this.#used) : block
      whole.set(bytes, offset)
      offset += bytes.length
    }
    return whole
  }
}
