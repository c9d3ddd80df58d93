/** The literals of a block (RFC 8878 3.1.1.3.1): the bytes that are not copied from what came before. */
import { type BackwardBits, ZstdFault } from "./bits.ts"
import { decodeStream, type HuffmanTable, readHuffman } from "./huffman.ts"

/** A block, or all the literals of one, has at most so many bytes. */
export const maximumBlock = 128 * 1024

/** What has been read of a block: how many literals there are, and where the rest begins. */
export interface Literals {
  readonly count: number
  readonly next: number
}

/** Reads literals, and remembers the code for a later block that leaves it out. */
export class LiteralsReader {
  readonly bytes = new Uint8Array(maximumBlock)
  #table: HuffmanTable | undefined = undefined

  /** A new frame knows nothing of the last one. */
  reset(): void {
    this.#table = undefined
  }

  read(view: DataView, bits: BackwardBits, start: number, end: number): Literals {
    if (start >= end) throw new ZstdFault("a block without literals")
    const first = view.getUint8(start)
    const type = first & 3
    const format = (first >> 2) & 3
    return type < 2
      ? this.#plain(view, type, format, start, end)
      : this.#coded(view, bits, type, format, start, end)
  }

  #plain(view: DataView, type: number, format: number, start: number, end: number): Literals {
    const word = view.getUint32(start, true)
    const header = format === 1 ? 2 : format === 3 ? 3 : 1
    const count = header === 1 ? (word & 0xff) >> 3 : header === 2 ? (word & 0xffff) >> 4 : (word & 0xffffff) >> 4
    const at = start + header
    const next = at + (type === 0 ? count : 1)
    if (next > end || count > maximumBlock) throw new ZstdFault("literals that end too early")
    if (type === 1) this.bytes.fill(view.getUint8(at), 0, count)
    else this.bytes.set(new Uint8Array(view.buffer, view.byteOffset + at, count))
    return { count, next }
  }

  #coded(view: DataView, bits: BackwardBits, type: number, format: number, start: number, end: number): Literals {
    const word = view.getUint32(start, true)
    const header = format < 2 ? 3 : format + 2
    const size = format < 2 ? 10 : format === 2 ? 14 : 18
    const mask = (1 << size) - 1
    const count = (word >>> 4) & mask
    const coded = format < 3 ? (word >>> (4 + size)) & mask : ((word >>> 22) | (view.getUint8(start + 4) << 10)) & mask
    let at = start + header
    const next = at + coded
    if (next > end || count > maximumBlock) throw new ZstdFault("literals that end too early")
    if (type === 2) {
      const read = readHuffman(view, bits, at, next)
      this.#table = read.table
      at = read.next
    }
    const table = this.#table
    if (table === undefined) throw new ZstdFault("literals without a code")
    if (format === 0) {
      bits.open(at, next)
      decodeStream(table, bits, this.bytes, 0, count)
    } else this.#streams(view, bits, table, at, next, count)
    return { count, next }
  }

  /** Four streams, each a quarter of the literals. */
  #streams(view: DataView, bits: BackwardBits, table: HuffmanTable, at: number, next: number, count: number): void {
    const quarter = (count + 3) >> 2
    let start = at + 6
    if (start > next || quarter * 3 > count) throw new ZstdFault("literals that end too early")
    for (let i = 0; i < 4; i++) {
      const end = i === 3 ? next : start + view.getUint16(at + 2 * i, true)
      if (end > next) throw new ZstdFault("literals that end too early")
      bits.open(start, end)
      decodeStream(table, bits, this.bytes, i * quarter, i === 3 ? count : (i + 1) * quarter)
      start = end
    }
  }
}
