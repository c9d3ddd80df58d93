/** Bits of a Zstandard block (RFC 8878 4): forward for tables, and backward, from a mark at the end, for everything else. */

/** The bytes are not what RFC 8878 promises. */
export class ZstdFault extends Error {}

/** Every view has so many bytes in front of it and behind it, so that a word can be read around every byte. */
export const padding = 8

/** The number of the highest bit that is set, -1 for none. */
export const highestBit = (value: number): number => 31 - Math.clz32(value)

/** Reads a stream of bits from its end to its beginning. What would lie before the beginning is zero, and `left` negative. */
export class BackwardBits {
  readonly #view: DataView
  #base = 0
  /** Bits that have not been read. */
  left = 0

  constructor(view: DataView) {
    this.#view = view
  }

  /** The bytes from `start` to `end`. */
  open(start: number, end: number): void {
    const last = end > start ? this.#view.getUint8(end - 1) : 0
    if (last === 0) throw new ZstdFault("a stream of bits without its end mark")
    this.#base = start
    this.left = (end - start) * 8 - 8 + highestBit(last)
  }

  /** The next bits, at most 24 of them. */
  read(count: number): number {
    this.left -= count
    return this.#at(this.left, count)
  }

  /** The same, which stay there. */
  peek(count: number): number {
    return this.#at(this.left - count, count)
  }

  #at(position: number, count: number): number {
    if (position >= 0) {
      return (this.#view.getUint32(this.#base + (position >> 3), true) >>> (position & 7)) & ((1 << count) - 1)
    }
    const inside = count + position
    if (inside <= 0) return 0
    return (this.#view.getUint32(this.#base, true) & ((1 << inside) - 1)) << -position
  }
}

/** Reads a stream of bits from its beginning, little end first; not past `end`. */
export class ForwardBits {
  readonly #view: DataView
  readonly #end: number
  #position: number

  constructor(view: DataView, start: number, end: number) {
    this.#view = view
    this.#position = start * 8
    this.#end = end
  }

  peek(count: number): number {
    const at = this.#position
    if (at >> 3 > this.#end) throw new ZstdFault("a table of probabilities without an end")
    return (this.#view.getUint32(at >> 3, true) >>> (at & 7)) & ((1 << count) - 1)
  }

  skip(count: number): void {
    this.#position += count
  }

  /** The first byte of which nothing has been read. */
  get next(): number {
    const next = (this.#position + 7) >> 3
    if (next > this.#end) throw new ZstdFault("a table of probabilities that ends too early")
    return next
  }
}
