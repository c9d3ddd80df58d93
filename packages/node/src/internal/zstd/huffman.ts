/** The Huffman codes of literals (RFC 8878 4.2). */
import { type BackwardBits, highestBit, ZstdFault } from "./bits.ts"
import { readTable } from "./fse.ts"

/** By the next `width` bits: which literal they begin with, and how many of them it takes. */
export interface HuffmanTable {
  readonly width: number
  readonly literals: Uint8Array
  readonly bits: Uint8Array
}

const maximumWidth = 11
const maximumWeights = 255

const tableOfWeights = (weights: ReadonlyArray<number>): HuffmanTable => {
  let sum = 0
  for (const weight of weights) sum += weight === 0 ? 0 : 1 << (weight - 1)
  const width = highestBit(sum) + 1
  if (sum === 0 || width > maximumWidth) throw new ZstdFault("a Huffman code that is too deep, or empty")
  // the weight of the last literal is what is left to a power of two
  const rest = (1 << width) - sum
  if ((rest & (rest - 1)) !== 0) throw new ZstdFault("a Huffman code that does not add up")
  const all = [...weights, highestBit(rest) + 1]
  const literals = new Uint8Array(1 << width)
  const bits = new Uint8Array(1 << width)
  let at = 0
  for (let weight = 1; weight <= width; weight++) {
    all.forEach((own, literal) => {
      if (own !== weight) return
      const end = at + (1 << (weight - 1))
      literals.fill(literal, at, end)
      bits.fill(width + 1 - weight, at, end)
      at = end
    })
  }
  return { width, literals, bits }
}

/** Two states in turn, until the bits have run out. */
const codedWeights = (view: DataView, bits: BackwardBits, start: number, end: number): ReadonlyArray<number> => {
  const { next, table } = readTable(view, start, end, 6, 11)
  bits.open(next, end)
  const weights: Array<number> = []
  let one = bits.read(table.accuracy)
  let other = bits.read(table.accuracy)
  for (;;) {
    if (weights.length >= maximumWeights) throw new ZstdFault("a Huffman code of too many literals")
    weights.push(table.symbols[one] ?? 0)
    const needed = table.bits[one] ?? 0
    if (bits.left < needed) {
      weights.push(table.symbols[other] ?? 0)
      return weights
    }
    const following = (table.next[one] ?? 0) + bits.read(needed)
    one = other
    other = following
  }
}

/** Reads the code from its description; gives where that has ended, too. */
export const readHuffman = (
  view: DataView,
  bits: BackwardBits,
  start: number,
  end: number
): { readonly table: HuffmanTable; readonly next: number } => {
  if (start >= end) throw new ZstdFault("a Huffman code is missing")
  const header = view.getUint8(start)
  const direct = header >= 128
  const count = header - 127
  const next = start + 1 + (direct ? (count + 1) >> 1 : header)
  if (next > end) throw new ZstdFault("a Huffman code that ends too early")
  if (!direct) return { table: tableOfWeights(codedWeights(view, bits, start + 1, next)), next }
  const weights = Array.from({ length: count }, (_, i) => {
    const pair = view.getUint8(start + 1 + (i >> 1))
    return i % 2 === 0 ? pair >> 4 : pair & 15
  })
  return { table: tableOfWeights(weights), next }
}

/** Decodes one stream into the room between two places; it must end exactly there. */
export const decodeStream = (
  { bits: lengths, literals, width }: HuffmanTable,
  bits: BackwardBits,
  into: Uint8Array,
  from: number,
  to: number
): void => {
  for (let at = from; at < to; at++) {
    const index = bits.peek(width)
    into[at] = literals[index] ?? 0
    bits.left -= lengths[index] ?? 0
  }
  if (bits.left !== 0) throw new ZstdFault("literals that do not fill their stream")
}
