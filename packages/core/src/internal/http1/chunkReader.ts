/** Everything of a chunked body that is neither data nor trailers (RFC 9112 section 7.1). */
import { at, CR, FIELD_BYTE, HEX, isBlank, LF, SEMICOLON } from "./bytes.ts"
import { FAULT, INCOMPLETE } from "./reading.ts"

const SIZE = 0
const BLANK = 1
const EXTENSION = 2
const LINE_END = 3
const DATA_CR = 4
const DATA_LF = 5

/** Goes byte by byte, so that a cut needs no care: a frame is a few bytes before many of data. */
export class ChunkReader {
  /** The size of the chunk whose frame was read last; 0 is the last chunk. */
  size = 0
  faultDetail = ""
  private readonly maxExtensionBytes: number
  private extensionBytes = 0
  private digits = 0
  private step = SIZE

  constructor(maxExtensionBytes: number) {
    this.maxExtensionBytes = maxExtensionBytes
  }

  /** Makes ready for the first chunk of a message. */
  begin(): void {
    this.extensionBytes = 0
    this.digits = 0
    this.size = 0
    this.step = SIZE
  }

  /** The place behind the line of a chunk's size (and the end of the chunk before it), `INCOMPLETE` or `FAULT`. */
  read(bytes: Uint8Array, start: number, end: number): number {
    for (let p = start; p < end; p++) {
      const byte = at(bytes, p)
      switch (this.step) {
        case SIZE: {
          const digit = HEX[byte] ?? 255
          if (digit !== 255) {
            this.size = this.size * 16 + digit
            this.digits++
            if (this.digits > 16 || this.size > Number.MAX_SAFE_INTEGER) {
              return this.fault("a chunk size of more than 16 digits, or above 2^53-1")
            }
          } else if (this.digits === 0) {
            return this.fault("a chunk size that does not begin with a hexadecimal digit")
          } else if (byte === CR) {
            this.step = LINE_END
          } else if (byte === SEMICOLON) {
            this.step = EXTENSION
            this.extensionBytes++
          } else if (isBlank(byte)) {
            this.step = BLANK
            this.extensionBytes++
          } else {
            return this.fault("a chunk size with a wrong byte")
          }
          break
        }
        case BLANK:
          // White space may only stand before an extension (RFC 9112 section 7.1.1).
          if (byte === SEMICOLON) {
            this.step = EXTENSION
          } else if (!isBlank(byte)) {
            return this.fault("white space behind a chunk size")
          }
          this.extensionBytes++
          break
        case EXTENSION:
          if (byte === CR) {
            this.step = LINE_END
          } else if (FIELD_BYTE[byte] === 0) {
            return this.fault("a control character, or LF without CR, in a chunk extension")
          } else {
            this.extensionBytes++
          }
          break
        case LINE_END:
          if (byte !== LF) {
            return this.fault("CR without LF behind a chunk size")
          }
          this.step = DATA_CR
          return p + 1
        case DATA_CR:
          if (byte !== CR) {
            return this.fault("a chunk that is longer than its size")
          }
          this.step = DATA_LF
          break
        default:
          if (byte !== LF) {
            return this.fault("CR without LF behind a chunk")
          }
          this.digits = 0
          this.size = 0
          this.step = SIZE
      }
      if (this.extensionBytes > this.maxExtensionBytes) {
        return this.fault(`more than ${this.maxExtensionBytes} bytes of chunk extensions`)
      }
    }
    return INCOMPLETE
  }

  private fault(detail: string): number {
    this.faultDetail = detail
    return FAULT
  }
}
