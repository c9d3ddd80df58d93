/** The sequences of a block (RFC 8878 3.1.1.3.2): how many literals, then how much of what came before, and from where. */
import { type BackwardBits, ZstdFault } from "./bits.ts"
import { constantTable, type FseTable, readTable, tableOf } from "./fse.ts"

/** One kind of number: the codes it is made of, and its tables. */
interface Kind {
  readonly maximumAccuracy: number
  readonly maximumSymbol: number
  readonly usual: FseTable
}

const kinds: readonly [literals: Kind, offsets: Kind, matches: Kind] = [
  {
    maximumAccuracy: 9,
    maximumSymbol: 35,
    usual: tableOf(
      // dprint-ignore
      [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
      6
    )
  },
  {
    maximumAccuracy: 8,
    maximumSymbol: 31,
    usual: tableOf([1, 1, 1, 1, 1, 1, 2, 2, 2, ...Array<number>(15).fill(1), -1, -1, -1, -1, -1], 5)
  },
  {
    maximumAccuracy: 9,
    maximumSymbol: 52,
    usual: tableOf([1, 4, 3, 2, 2, 2, 2, 2, 2, ...Array<number>(37).fill(1), ...Array<number>(7).fill(-1)], 6)
  }
]

/** From which value on a code counts, by the widths of the codes before it. */
const bases = (widths: ReadonlyArray<number>, first: number): ReadonlyArray<number> => {
  let base = first
  return widths.map((width) => {
    const own = base
    base += 2 ** width
    return own
  })
}

const literalBits = [...Array<number>(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
const literalBase = bases(literalBits, 0)
const matchBits = [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
const matchBase = bases(matchBits, 3)

/** No window that is accepted has an offset of more bits. */
const maximumOffsetCode = 24

/** Takes what the sequences say, in their order. */
export interface SequenceSink {
  readonly onSequence: (literals: number, offset: number, match: number) => void
}

/** Reads sequences, and remembers tables and offsets for later blocks. */
export class SequencesReader {
  #tables: [FseTable | undefined, FseTable | undefined, FseTable | undefined] = [undefined, undefined, undefined]
  #recent: [number, number, number] = [1, 4, 8]

  /** A new frame knows nothing of the last one. */
  reset(): void {
    this.#tables = [undefined, undefined, undefined]
    this.#recent = [1, 4, 8]
  }

  read(view: DataView, bits: BackwardBits, start: number, end: number, sink: SequenceSink): void {
    if (start >= end) throw new ZstdFault("a block without sequences")
    const first = view.getUint8(start)
    const word = view.getUint32(start, true)
    let at = start + (first < 128 ? 1 : first < 255 ? 2 : 3)
    const count = first < 128
      ? first
      : first < 255
      ? ((first - 128) << 8) + ((word >>> 8) & 0xff)
      : ((word >>> 8) & 0xffff) + 0x7f00
    if (count === 0) {
      if (at !== end) throw new ZstdFault("bytes behind a block's last sequence")
      return
    }
    if (at >= end) throw new ZstdFault("sequences that end too early")
    const modes = view.getUint8(at++)
    if ((modes & 3) !== 0) throw new ZstdFault("a mode of sequences that is not defined")
    for (const index of [0, 1, 2] as const) {
      const mode = (modes >> (6 - 2 * index)) & 3
      const { maximumAccuracy, maximumSymbol, usual } = kinds[index]
      if (mode === 0) this.#tables[index] = usual
      else if (mode === 1) {
        const symbol = at < end ? view.getUint8(at++) : 0xff
        if (symbol > maximumSymbol) throw new ZstdFault("a code of sequences that is not defined")
        this.#tables[index] = constantTable(symbol)
      } else if (mode === 2) {
        const read = readTable(view, at, end, maximumAccuracy, maximumSymbol)
        this.#tables[index] = read.table
        at = read.next
      }
    }
    bits.open(at, end)
    this.#run(bits, count, sink)
  }

  #run(bits: BackwardBits, count: number, sink: SequenceSink): void {
    const [literals, offsets, matches] = this.#tables
    if (literals === undefined || offsets === undefined || matches === undefined) {
      throw new ZstdFault("sequences without tables")
    }
    let literal = bits.read(literals.accuracy)
    let offset = bits.read(offsets.accuracy)
    let match = bits.read(matches.accuracy)
    for (let left = count; left > 0; left--) {
      const offsetCode = offsets.symbols[offset] ?? 0
      const matchCode = matches.symbols[match] ?? 0
      const literalCode = literals.symbols[literal] ?? 0
      if (offsetCode > maximumOffsetCode) throw new ZstdFault("an offset that is outside of every window")
      const value = 2 ** offsetCode + bits.read(offsetCode)
      const length = (matchBase[matchCode] ?? 0) + bits.read(matchBits[matchCode] ?? 0)
      const run = (literalBase[literalCode] ?? 0) + bits.read(literalBits[literalCode] ?? 0)
      if (left > 1) {
        literal = (literals.next[literal] ?? 0) + bits.read(literals.bits[literal] ?? 0)
        match = (matches.next[match] ?? 0) + bits.read(matches.bits[match] ?? 0)
        offset = (offsets.next[offset] ?? 0) + bits.read(offsets.bits[offset] ?? 0)
      }
      // a claim of more sequences than there are bits for would otherwise cost time and no bytes
      if (bits.left < 0) throw new ZstdFault("sequences that end too early")
      sink.onSequence(run, this.#offsetOf(value, run), length)
    }
    if (bits.left !== 0) throw new ZstdFault("bits behind the last sequence")
  }

  /** Small values mean one of the last three offsets (RFC 8878 3.1.1.5). */
  #offsetOf(value: number, literals: number): number {
    const [one, two, three] = this.#recent
    const index = value > 3 ? 4 : value - 1 + (literals === 0 ? 1 : 0)
    if (index === 0) return one
    const offset = index === 1 ? two : index === 2 ? three : index === 3 ? one - 1 : value - 3
    this.#recent = index === 1 ? [two, one, three] : [offset, one, two]
    return offset
  }
}
