/** Reads a block of field lines, with or without a status line before it, out of bytes that may be cut anywhere. */
import { at, COLON, CR, decodeLatin1, FIELD_BYTE, isBlank, isDigit, isToken, LF, LOWER_TOKEN, SP } from "./bytes.ts"
import { CLOSE, PERSIST, readConnection, readLength, readTimeout } from "./fieldValues.ts"
import type { FramingFields } from "./framing.ts"
import { CONTINUATION, LineMarks } from "./lineMarks.ts"
import { ACTED_UPON, CONNECTION, CONTENT_LENGTH, findName, hashStep, KEEP_ALIVE, TRANSFER_ENCODING } from "./names.ts"
import { FAULT, HeldBytes, INCOMPLETE } from "./reading.ts"

// An empty line and the version.
const FIRST_BYTES = 10

// "HTTP/1." in bytes; the minor version comes after it.
const versionPrefix = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]

/**
 * One reader serves a connection: `begin`, then `read` until it gives a place. What the block says about framing and
 * persistence is collected while it is scanned; strings are made once, at its end.
 */
export class HeadReader implements FramingFields {
  version: "1.0" | "1.1" = "1.1"
  status = 0
  reason = ""
  flat: ReadonlyArray<string> = []
  contentLength = -1
  transferEncoding: 0 | 1 | 2 = 0
  /** `Connection: close` was seen. */
  close = false
  /** `Connection: keep-alive` was seen. */
  persist = false
  /** Seconds of `Keep-Alive: timeout`, or -1. */
  timeout = -1
  /** Bytes of the block so far, its empty line included. */
  blockBytes = 0
  faultTag: "Malformed" | "HeadTooLarge" | "TooManyFields" = "Malformed"
  faultDetail = ""

  private readonly maxBytes: number
  private readonly maxFields: number
  private readonly latin1: (bytes: Uint8Array, start: number, end: number) => string
  private trailers = false
  private emptyLineAllowed = false
  private statusPending = false
  private reasonStart = 0
  private reasonEnd = 0
  private readonly marks = new LineMarks()
  private line = 0
  private readonly held = new HeldBytes()

  constructor(
    maxBytes: number,
    maxFields: number,
    latin1: (bytes: Uint8Array, start: number, end: number) => string
  ) {
    this.maxBytes = maxBytes
    this.maxFields = maxFields
    this.latin1 = latin1
  }

  /** Makes ready for the next block: a head, or trailers, which have no status line. */
  begin(trailers: boolean, emptyLineAllowed: boolean): void {
    this.trailers = trailers
    this.statusPending = !trailers
    this.emptyLineAllowed = emptyLineAllowed
    this.contentLength = -1
    this.transferEncoding = 0
    this.close = false
    this.persist = false
    this.timeout = -1
    this.blockBytes = 0
    this.marks.clear()
    this.line = 0
    this.held.clear()
  }

  /** The place behind the block, `INCOMPLETE` or `FAULT`. Bytes of an unfinished block are copied. */
  read(bytes: Uint8Array, start: number, end: number): number {
    if (this.held.length > 0) {
      return this.readHeld(bytes, start, end)
    }
    // What lies behind the limit need not be looked at.
    const next = this.lines(bytes, start, start, Math.min(end, start + this.maxBytes + 1), this.latin1)
    if (next === INCOMPLETE) {
      return this.hold(bytes, start, end) ? INCOMPLETE : FAULT
    }
    return next
  }

  // The rest of a cut block, taken line by line, so that nothing behind the block is ever copied.
  private readHeld(bytes: Uint8Array, start: number, end: number): number {
    let from = start
    while (from < end) {
      let p = from
      while (p < end && at(bytes, p) !== LF) p++
      const stop = p < end ? p + 1 : end
      if (!this.hold(bytes, from, stop)) {
        return FAULT
      }
      // A cut line waits for its end, but the version at the beginning of the block is judged while it comes in.
      const judge = p < end || (this.statusPending && this.held.length - stop + from < FIRST_BYTES)
      from = stop
      if (judge) {
        // Held bytes are ours and no runtime's special kind of array, so the portable decoder reads them.
        const next = this.lines(this.held.bytes, 0, this.line, this.held.length, decodeLatin1)
        if (next === FAULT) {
          return FAULT
        }
        if (next !== INCOMPLETE) {
          this.held.clear()
          return from
        }
      }
    }
    return INCOMPLETE
  }

  private hold(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.held.length + end - start > this.maxBytes) {
      this.tooLarge()
      return false
    }
    this.held.append(bytes, start, end)
    return true
  }

  private tooLarge(): number {
    this.faultTag = "HeadTooLarge"
    this.faultDetail = `${this.trailers ? "trailers" : "a head"} of more than ${this.maxBytes} bytes`
    return FAULT
  }

  // Verdict on a wrong byte at `p`: only whole lines are judged, so that the result does not depend on the cuts.
  private wrong(bytes: Uint8Array, base: number, line: number, p: number, end: number, detail: string): number {
    let q = p
    while (q < end && at(bytes, q) !== LF) q++
    if (q >= end) {
      return this.incomplete(base, line)
    }
    if (q + 1 - base > this.maxBytes) {
      return this.tooLarge()
    }
    this.faultTag = "Malformed"
    this.faultDetail = detail
    return FAULT
  }

  private incomplete(base: number, line: number): number {
    this.line = line - base
    return INCOMPLETE
  }

  // `base` is where the block begins in `bytes`, `from` the first line that has not been judged.
  private lines(
    bytes: Uint8Array,
    base: number,
    from: number,
    end: number,
    latin1: (bytes: Uint8Array, start: number, end: number) => string
  ): number {
    let line = from
    if (this.statusPending) {
      line = this.statusLine(bytes, base, from, end)
      if (line < 0) {
        return line
      }
    }
    for (;;) {
      let p = line
      let hash = 0
      let lower = 0
      while (p < end && (lower = LOWER_TOKEN[at(bytes, p)] ?? 0) !== 0) {
        hash = hashStep(hash, lower)
        p++
      }
      if (p >= end) {
        return this.incomplete(base, line)
      }
      const nameEnd = p
      let place = CONTINUATION
      const byte = at(bytes, p)
      if (byte === COLON && nameEnd > line) {
        place = findName(bytes, line, nameEnd, hash)
        p++
      } else if (nameEnd > line) {
        return this.wrong(bytes, base, line, p, end, "a byte that no field name may hold")
      } else if (byte === CR) {
        if (p + 1 >= end) {
          return this.incomplete(base, line)
        }
        if (at(bytes, p + 1) !== LF) {
          return this.wrong(bytes, base, line, p, end, "CR without LF")
        }
        if (p + 2 - base > this.maxBytes) {
          return this.tooLarge()
        }
        this.finish(bytes, base, p + 2, latin1)
        return p + 2
      } else if (!isBlank(byte)) {
        return this.wrong(bytes, base, line, p, end, "a line that does not begin with a field name")
      } else if (this.marks.count === 0) {
        return this.wrong(bytes, base, line, p, end, "white space before the first field")
      } else if (this.marks.lastIsActedUpon) {
        return this.wrong(bytes, base, line, p, end, "a folded field that frames the message")
      }
      while (p < end && isBlank(at(bytes, p))) p++
      const valueStart = p
      while (p < end && FIELD_BYTE[at(bytes, p)] !== 0) p++
      if (p >= end) {
        return this.incomplete(base, line)
      }
      if (at(bytes, p) !== CR) {
        return this.wrong(bytes, base, line, p, end, "a control character, or LF without CR, in a field value")
      }
      if (p + 1 >= end) {
        return this.incomplete(base, line)
      }
      if (at(bytes, p + 1) !== LF) {
        return this.wrong(bytes, base, line, p, end, "CR without LF")
      }
      let valueEnd = p
      while (valueEnd > valueStart && isBlank(at(bytes, valueEnd - 1))) valueEnd--
      if (place === CONTINUATION && valueEnd === valueStart) {
        return this.wrong(bytes, base, line, p, end, "a line of nothing but white space")
      }
      if (p + 2 - base > this.maxBytes) {
        return this.tooLarge()
      }
      if (this.marks.count >= this.maxFields) {
        this.faultTag = "TooManyFields"
        this.faultDetail = `more than ${this.maxFields} field lines`
        return FAULT
      }
      this.marks.add(line - base, nameEnd - base, valueStart - base, valueEnd - base, place)
      if (place >= 0 && place < ACTED_UPON) {
        this.act(place, bytes, valueStart, valueEnd)
      }
      line = p + 2
    }
  }

  // The first line of the block that is not done: the tolerated empty line, then the status line.
  private statusLine(bytes: Uint8Array, base: number, from: number, end: number): number {
    let line = from
    if (this.emptyLineAllowed && line < end && at(bytes, line) === CR) {
      if (line + 1 >= end) {
        return this.incomplete(base, line)
      }
      if (at(bytes, line + 1) === LF) {
        line += 2
        this.emptyLineAllowed = false
      }
    }
    // The version is judged byte by byte: what is no HTTP at all may never send a line end.
    for (let i = 0; i < 8; i++) {
      if (line + i >= end) {
        return this.incomplete(base, line)
      }
      const byte = at(bytes, line + i)
      if (i < 7 ? byte !== versionPrefix[i] : byte !== 0x30 && byte !== 0x31) {
        this.faultTag = "Malformed"
        this.faultDetail = "not the beginning of an HTTP/1.0 or HTTP/1.1 status line"
        return FAULT
      }
    }
    let p = line + 8
    let status = 0
    for (let i = 0; i < 4; i++, p++) {
      if (p >= end) {
        return this.incomplete(base, line)
      }
      const byte = at(bytes, p)
      if (i === 0 ? byte !== SP : !isDigit(byte)) {
        return this.wrong(bytes, base, line, p, end, "a status code of other than three digits")
      }
      status = i === 0 ? 0 : status * 10 + byte - 0x30
    }
    if (p >= end) {
      return this.incomplete(base, line)
    }
    // The space may be missing together with the phrase, as many servers have it.
    if (at(bytes, p) === SP) {
      p++
    } else if (at(bytes, p) !== CR) {
      return this.wrong(bytes, base, line, p, end, "a status code of other than three digits")
    }
    this.reasonStart = p - base
    while (p < end && FIELD_BYTE[at(bytes, p)] !== 0) p++
    if (p >= end) {
      return this.incomplete(base, line)
    }
    if (at(bytes, p) !== CR) {
      return this.wrong(bytes, base, line, p, end, "a control character, or LF without CR, in the status line")
    }
    if (p + 1 >= end) {
      return this.incomplete(base, line)
    }
    if (at(bytes, p + 1) !== LF) {
      return this.wrong(bytes, base, line, p, end, "CR without LF")
    }
    if (p + 2 - base > this.maxBytes) {
      return this.tooLarge()
    }
    this.reasonEnd = p - base
    this.version = at(bytes, line + 7) === 0x30 ? "1.0" : "1.1"
    this.status = status
    this.statusPending = false
    return p + 2
  }

  private act(place: number, bytes: Uint8Array, start: number, end: number): void {
    switch (place) {
      case CONTENT_LENGTH: {
        const length = readLength(bytes, start, end)
        this.contentLength = this.contentLength === -1 || this.contentLength === length ? length : -2
        break
      }
      case TRANSFER_ENCODING:
        this.transferEncoding = this.transferEncoding === 0 && isToken(bytes, start, end, "chunked") ? 1 : 2
        break
      case CONNECTION: {
        const options = readConnection(bytes, start, end)
        this.close = this.close || (options & CLOSE) !== 0
        this.persist = this.persist || (options & PERSIST) !== 0
        break
      }
      case KEEP_ALIVE: {
        const seconds = readTimeout(bytes, start, end)
        if (seconds !== -1) {
          this.timeout = this.timeout === -1 ? seconds : Math.min(this.timeout, seconds)
        }
        break
      }
    }
  }

  private finish(
    bytes: Uint8Array,
    base: number,
    end: number,
    latin1: (bytes: Uint8Array, start: number, end: number) => string
  ): void {
    this.blockBytes = end - base
    if (this.marks.count === 0 && this.trailers) {
      this.flat = []
      return
    }
    const text = latin1(bytes, base, end)
    this.flat = this.marks.fields(text, this.trailers)
    if (!this.trailers) {
      this.reason = text.substring(this.reasonStart, this.reasonEnd)
    }
  }
}
