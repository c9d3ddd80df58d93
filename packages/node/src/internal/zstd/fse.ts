/** Finite state entropy (RFC 8878 4.1): tables that turn bits into symbols. */
import { ForwardBits, highestBit, ZstdFault } from "./bits.ts"

/** What a state stands for, and how the next one is found. */
export interface FseTable {
  /** The table has 2 to the power of this many states. */
  readonly accuracy: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly next: Uint16Array
}

/** -1 is a probability of less than one. */
export const tableOf = (probabilities: ReadonlyArray<number>, accuracy: number): FseTable => {
  const size = 1 << accuracy
  const symbols = new Uint8Array(size)
  const bits = new Uint8Array(size)
  const next = new Uint16Array(size)
  const following = probabilities.map((probability) => probability === -1 ? 1 : probability)
  let high = size - 1
  probabilities.forEach((probability, symbol) => {
    if (probability === -1) symbols[high--] = symbol
  })
  const step = (size >> 1) + (size >> 3) + 3
  let position = 0
  probabilities.forEach((probability, symbol) => {
    for (let i = 0; i < probability; i++) {
      symbols[position] = symbol
      do position = (position + step) & (size - 1)
      while (position > high)
    }
  })
  if (position !== 0) throw new ZstdFault("a table of probabilities that does not add up")
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] ?? 0
    const at = following[symbol] ?? 0
    following[symbol] = at + 1
    const count = accuracy - highestBit(at)
    bits[state] = count
    next[state] = (at << count) - size
  }
  return { accuracy, symbols, bits, next }
}

/** A table of one symbol, which costs no bits. */
export const constantTable = (symbol: number): FseTable => ({
  accuracy: 0,
  symbols: new Uint8Array([symbol]),
  bits: new Uint8Array(1),
  next: new Uint16Array(1)
})

/** Reads a table from its description; `end` is where the bytes that may belong to it end. Gives where it has ended, too. */
export const readTable = (
  view: DataView,
  start: number,
  end: number,
  maximumAccuracy: number,
  maximumSymbol: number
): { readonly table: FseTable; readonly next: number } => {
  const bits = new ForwardBits(view, start, end)
  const accuracy = bits.peek(4) + 5
  bits.skip(4)
  if (accuracy > maximumAccuracy) throw new ZstdFault("a table of too many states")
  const probabilities: Array<number> = []
  let remaining = (1 << accuracy) + 1
  let threshold = 1 << accuracy
  let width = accuracy + 1
  while (remaining > 1) {
    if (probabilities.length > maximumSymbol) throw new ZstdFault("a table of too many symbols")
    const spare = 2 * threshold - 1 - remaining
    const read = bits.peek(width)
    let probability = read & (threshold - 1)
    if (probability < spare) bits.skip(width - 1)
    else {
      probability = read
      if (probability >= threshold) probability -= spare
      bits.skip(width)
    }
    probability--
    remaining -= Math.abs(probability)
    probabilities.push(probability)
    if (probability === 0) {
      for (let repeat = 3; repeat === 3;) {
        repeat = bits.peek(2)
        bits.skip(2)
        for (let i = 0; i < repeat; i++) probabilities.push(0)
        if (probabilities.length > maximumSymbol + 1) throw new ZstdFault("a table of too many symbols")
      }
    }
    while (remaining < threshold) {
      width--
      threshold >>= 1
    }
  }
  if (remaining !== 1) throw new ZstdFault("a table of probabilities that does not add up")
  return { table: tableOf(probabilities, accuracy), next: bits.next }
}
