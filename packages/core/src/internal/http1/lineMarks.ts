/** Where the field lines of a block lie in its bytes, and the fields made out of them. */
import { ACTED_UPON, allowedInTrailers, nameAt } from "./names.ts"

// Of each line: start and end of the name, start and end of the value, place of the name in the table.
const STRIDE = 5
const FIRST_SIZE = 32 * STRIDE

/** The place of a name that is not in the table. */
export const UNKNOWN_NAME = -1
/** The place of a line that continues the one before it. */
export const CONTINUATION = -2

const entry = (marks: Int32Array, index: number): number => marks[index] ?? 0

/** Numbers in one array, so that a line costs no object; all of them count from the beginning of the block. */
export class LineMarks {
  count = 0
  private marks = new Int32Array(FIRST_SIZE)

  clear(): void {
    this.count = 0
    if (this.marks.length > FIRST_SIZE) {
      this.marks = new Int32Array(FIRST_SIZE)
    }
  }

  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, place: number): void {
    const offset = this.count * STRIDE
    if (offset === this.marks.length) {
      const grown = new Int32Array(offset * 4)
      grown.set(this.marks)
      this.marks = grown
    }
    const marks = this.marks
    marks[offset] = nameStart
    marks[offset + 1] = nameEnd
    marks[offset + 2] = valueStart
    marks[offset + 3] = valueEnd
    marks[offset + 4] = place
    this.count++
  }

  /** Whether the last line is of a field the codec acts upon; a continuation is only taken under one that is not. */
  get lastIsActedUpon(): boolean {
    const place = this.marks[(this.count - 1) * STRIDE + 4] ?? UNKNOWN_NAME
    return place >= 0 && place < ACTED_UPON
  }

  /** The fields as a flat list, out of the block as a string; of trailers only those that may be ones. */
  fields(text: string, trailers: boolean): Array<string> {
    const marks = this.marks
    const flat: Array<string> = []
    let dropped = false
    for (let i = 0, m = 0; i < this.count; i++, m += STRIDE) {
      const place = entry(marks, m + 4)
      const value = text.substring(entry(marks, m + 2), entry(marks, m + 3))
      if (place === CONTINUATION) {
        if (!dropped) {
          // A fold reads as one space (RFC 9112 section 5.2).
          const last = flat.length - 1
          const before = flat[last] ?? ""
          flat[last] = before === "" ? value : `${before} ${value}`
        }
        continue
      }
      const name = place === UNKNOWN_NAME
        ? text.substring(entry(marks, m), entry(marks, m + 1)).toLowerCase()
        : nameAt(place)
      dropped = trailers && !allowedInTrailers(name)
      if (!dropped) {
        flat.push(name, value)
      }
    }
    return flat
  }
}
