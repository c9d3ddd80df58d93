/** What a body was like when it was first made, so that one which comes out differently the second time is found out. */

/** Bytes of the beginning that are kept. */
const kept = 256

/**
 * A stream that has been used up gives nothing, or only its rest, when it is run again, and says nothing about it. So every
 * making is compared with those before: the first bytes, the number of bytes that have passed, and the end.
 */
export class Fingerprint {
  #beginning = new Uint8Array(0)
  #furthest = 0
  #total: number | undefined = undefined

  /** Whether a piece that begins behind `offset` bytes may belong to the same body. */
  passes(offset: number, piece: Uint8Array): boolean {
    const end = offset + piece.length
    if (this.#total !== undefined && end > this.#total) return false
    const known = this.#beginning.length
    for (let at = offset; at < Math.min(end, known); at++) {
      if (piece[at - offset] !== this.#beginning[at]) return false
    }
    if (known < kept && end > known && offset <= known) {
      const grown = new Uint8Array(Math.min(kept, end))
      grown.set(this.#beginning)
      grown.set(piece.subarray(known - offset, grown.length - offset), known)
      this.#beginning = grown
    }
    if (end > this.#furthest) this.#furthest = end
    return true
  }

  /** Whether the same body may end behind so many bytes. */
  ends(total: number): boolean {
    if (total < this.#furthest || (this.#total !== undefined && total !== this.#total)) return false
    this.#total = total
    return true
  }
}
