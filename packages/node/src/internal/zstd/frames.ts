/** Frames of Zstandard (RFC 8878 3.1), read piece by piece, a block at a time. */
import { BackwardBits, padding, ZstdFault } from "./bits.ts"
import { History } from "./history.ts"
import { LiteralsReader, maximumBlock } from "./literals.ts"
import { type SequenceSink, SequencesReader } from "./sequences.ts"

/** The window that everybody has to support, and nobody may pass, as a content coding (RFC 9659 3). */
export const maximumWindow = 8 * 1024 * 1024

const magic = 0xfd2fb528
const skippable = 0x184d2a50

type Expected =
  | { readonly _tag: "Frame" }
  | { readonly _tag: "Skip"; readonly left: number }
  | { readonly _tag: "Block" }
  | { readonly _tag: "Checksum" }

/** What is known of a frame from its beginning. */
interface FrameHeader {
  readonly size: number
  readonly window: number
  readonly content: number | undefined
  readonly checksum: boolean
}

const frame: Expected = { _tag: "Frame" }
const block: Expected = { _tag: "Block" }

/** See the head of this file. Whoever has caught a `ZstdFault` reads no further. */
export class FrameReader implements SequenceSink {
  /** A block with room around it: what has been read and not yet been decoded. */
  readonly #held = new Uint8Array(padding + 4 + maximumBlock + padding)
  readonly #view = new DataView(this.#held.buffer)
  readonly #bits = new BackwardBits(this.#view)
  readonly #literals = new LiteralsReader()
  readonly #sequences = new SequencesReader()
  readonly #history = new History()
  #heldBytes = 0
  #expected: Expected = frame
  #header: FrameHeader | undefined = undefined
  #given = 0
  #frames = 0
  #literalsUsed = 0
  #literalsCount = 0

  /** At the end of a frame, of which there was at least one. */
  get isWhole(): boolean {
    return this.#expected === frame && this.#heldBytes === 0 && this.#frames > 0
  }

  /**
   * Takes bytes until it has something to give, and gives it, lent until the next call. `taken` says how many bytes it
   * has used; without `given` it wants more.
   */
  read(bytes: Uint8Array): { readonly taken: number; readonly given: Uint8Array | undefined } {
    let taken = 0
    for (;;) {
      if (this.#expected._tag === "Skip") {
        const skipped = Math.min(this.#expected.left, bytes.length - taken)
        taken += skipped
        const left = this.#expected.left - skipped
        this.#expected = left === 0 ? frame : { _tag: "Skip", left }
        if (left > 0) return { taken, given: undefined }
      }
      const needed = this.#needed()
      const count = Math.min(needed - this.#heldBytes, bytes.length - taken)
      this.#held.set(bytes.subarray(taken, taken + count), padding + this.#heldBytes)
      this.#heldBytes += count
      taken += count
      if (this.#heldBytes < needed) return { taken, given: undefined }
      // what is held may say that more belongs to it
      if (this.#needed() > needed) continue
      const given = this.#step()
      if (given !== undefined && given.length > 0) return { taken, given }
    }
  }

  onSequence(literals: number, offset: number, match: number): void {
    const end = this.#literalsUsed + literals
    if (end > this.#literalsCount) throw new ZstdFault("sequences of more literals than there are")
    this.#history.append(this.#literals.bytes, this.#literalsUsed, end)
    this.#literalsUsed = end
    this.#history.copy(offset, match)
  }

  /** How many bytes the next thing has, as far as what is held can tell. */
  #needed(): number {
    switch (this.#expected._tag) {
      case "Checksum":
        return 4
      case "Block":
        return this.#heldBytes < 3 ? 3 : 3 + this.#blockBytes()
      default:
        if (this.#heldBytes < 5) return 5
        return this.#isSkippable() ? 8 : this.#frameHeader().size
    }
  }

  #isSkippable(): boolean {
    return (this.#view.getUint32(padding, true) & 0xfffffff0) >>> 0 === skippable
  }

  #blockHeader(): number {
    return this.#view.getUint32(padding, true) & 0xffffff
  }

  /** The bytes of a block behind its header: of a repeated byte there is one. */
  #blockBytes(): number {
    const header = this.#blockHeader()
    const type = (header >> 1) & 3
    const size = header >> 3
    if (type === 3 || size > maximumBlock) throw new ZstdFault("a block that is not defined, or too large")
    return type === 1 ? 1 : size
  }

  #frameHeader(): FrameHeader {
    const view = this.#view
    if (view.getUint32(padding, true) !== magic) throw new ZstdFault("this is not Zstandard")
    const descriptor = view.getUint8(padding + 4)
    if ((descriptor & 8) !== 0) throw new ZstdFault("a frame that is not defined")
    const single = (descriptor & 0x20) !== 0
    const contentFlag = descriptor >> 6
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
    const contentBytes = contentFlag === 0 ? (single ? 1 : 0) : 1 << contentFlag
    let at = padding + 5 + (single ? 0 : 1)
    for (let i = 0; i < dictionaryBytes; i++) {
      if (this.#heldBytes > at - padding + i && view.getUint8(at + i) !== 0) {
        throw new ZstdFault("a frame that needs a dictionary")
      }
    }
    at += dictionaryBytes
    const size = at + contentBytes - padding
    const checksum = (descriptor & 4) !== 0
    if (this.#heldBytes < size) return { size, window: 0, content: undefined, checksum }
    const content = contentBytes === 0
      ? undefined
      : contentBytes === 1
      ? view.getUint8(at)
      : contentBytes === 2
      ? view.getUint16(at, true) + 256
      : view.getUint32(at, true) + (contentBytes === 8 ? view.getUint32(at + 4, true) * 2 ** 32 : 0)
    const exponent = view.getUint8(padding + 5)
    const window = single ? content ?? 0 : 2 ** (10 + (exponent >> 3)) * (1 + (exponent & 7) / 8)
    return { size, window, content, checksum }
  }

  #step(): Uint8Array | undefined {
    const held = this.#heldBytes
    this.#heldBytes = 0
    switch (this.#expected._tag) {
      case "Checksum":
        this.#expected = frame
        return undefined
      case "Block":
        return this.#block(held)
      default:
        this.#heldBytes = held
        this.#begin()
        this.#heldBytes = 0
        return undefined
    }
  }

  #begin(): void {
    if (this.#isSkippable()) {
      this.#frames++
      const left = this.#view.getUint32(padding + 4, true)
      this.#expected = left === 0 ? frame : { _tag: "Skip", left }
      return
    }
    const header = this.#header = this.#frameHeader()
    if (header.window > maximumWindow) {
      throw new ZstdFault(`a window of ${header.window} bytes, where ${maximumWindow} are the most`)
    }
    this.#given = 0
    this.#history.reset(header.window)
    this.#literals.reset()
    this.#sequences.reset()
    this.#expected = block
  }

  #block(held: number): Uint8Array {
    const header = this.#blockHeader()
    const history = this.#history
    history.begin()
    const type = (header >> 1) & 3
    const start = padding + 3
    if (type === 0) history.append(this.#held, start, padding + held)
    else if (type === 1) history.repeat(this.#view.getUint8(start), header >> 3)
    else {
      const { count, next } = this.#literals.read(this.#view, this.#bits, start, padding + held)
      this.#literalsCount = count
      this.#literalsUsed = 0
      this.#sequences.read(this.#view, this.#bits, next, padding + held, this)
      history.append(this.#literals.bytes, this.#literalsUsed, count)
    }
    const given = history.block
    this.#given += given.length
    const content = this.#header?.content
    if ((header & 1) !== 0) {
      if (content !== undefined && content !== this.#given) {
        throw new ZstdFault("a frame of another length than it says")
      }
      this.#frames++
      this.#expected = this.#header?.checksum === true ? { _tag: "Checksum" } : frame
    }
    return given
  }
}
