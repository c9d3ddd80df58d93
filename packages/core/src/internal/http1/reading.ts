/** What the readers share: their answers in the place of a position, and the copy of a block that came in several reads. */

/** All bytes were taken and the piece goes on. */
export const INCOMPLETE = -1
/** The piece is refused. */
export const FAULT = -2

const FIRST_SIZE = 1024
const KEPT_SIZE = 4096

/** Bytes that grow at the end; the room of a long block is given back when it is done. */
export class HeldBytes {
  bytes: Uint8Array = new Uint8Array(0)
  length = 0

  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start
    if (length > this.bytes.length) {
      let size = Math.max(this.bytes.length, FIRST_SIZE)
      while (size < length) size *= 2
      const grown = new Uint8Array(size)
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    this.bytes.set(bytes.subarray(start, end), this.length)
    this.length = length
  }

  clear(): void {
    this.length = 0
    if (this.bytes.length > KEPT_SIZE) {
      this.bytes = new Uint8Array(0)
    }
  }
}
