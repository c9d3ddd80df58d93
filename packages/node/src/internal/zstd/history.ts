/** What a frame has given so far, as far back as its window reaches (RFC 8878 3.1.1.1.2). */
import { ZstdFault } from "./bits.ts"
import { maximumBlock } from "./literals.ts"

/** So much is given beyond the window before what is too old is dropped: dropping moves the whole window. */
const slack = 1024 * 1024

/** Memory that grows with what is written, up to the window and a little. */
export class History {
  #bytes = new Uint8Array(0)
  #window = 0
  #blockStart = 0
  #end = 0

  /** For a new frame; `window` in bytes. */
  reset(window: number): void {
    this.#window = window
    this.#blockStart = 0
    this.#end = 0
  }

  /** Makes room for a block. */
  begin(): void {
    const needed = this.#end + maximumBlock
    if (needed > this.#bytes.length) {
      if (this.#end > this.#window + slack - maximumBlock) {
        this.#bytes.copyWithin(0, this.#end - this.#window, this.#end)
        this.#end = this.#window
      } else {
        const most = this.#window + slack + maximumBlock
        const grown = new Uint8Array(Math.min(most, Math.max(needed, this.#bytes.length * 2)))
        grown.set(this.#bytes.subarray(0, this.#end))
        this.#bytes = grown
      }
    }
    this.#blockStart = this.#end
  }

  #room(count: number): void {
    if (this.#end + count - this.#blockStart > maximumBlock) throw new ZstdFault("a block of more than 128 KiB")
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    this.#room(to - from)
    const into = this.#bytes
    let at = this.#end
    if (to - from > 64) {
      into.set(bytes.subarray(from, to), at)
      at += to - from
    } else for (let i = from; i < to; i++) into[at++] = bytes[i] ?? 0
    this.#end = at
  }

  repeat(byte: number, count: number): void {
    this.#room(count)
    this.#bytes.fill(byte, this.#end, this.#end + count)
    this.#end += count
  }

  /** Copies what was given so many bytes ago. */
  copy(offset: number, count: number): void {
    this.#room(count)
    if (offset <= 0 || offset > this.#end || offset > this.#window) {
      throw new ZstdFault("a copy from outside the window")
    }
    const bytes = this.#bytes
    let at = this.#end
    let from = at - offset
    if (count > 64 && offset >= count) {
      bytes.copyWithin(at, from, from + count)
      at += count
    } else for (let i = 0; i < count; i++) bytes[at++] = bytes[from++] ?? 0
    this.#end = at
  }

  /** What the block has given; lent until the next one begins. */
  get block(): Uint8Array {
    return this.#bytes.subarray(this.#blockStart, this.#end)
  }
}
