/** `multipart/form-data` (RFC 7578) in the form that browsers send (WHATWG HTML 4.10.21.8): the lines around the parts. */
import { utf8 } from "./characters.ts"

/** A file of a form. */
export interface FilePart {
  readonly filename: string
  /** `application/octet-stream` where it is empty. */
  readonly type: string
}

const lineEnds = (text: string): string => text.replace(/\r\n|\r|\n/g, "\r\n")

// what would end the quoted text or the line
const escaped = (text: string): string => text.replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/"/g, "%22")

// a type is a field value: what could begin another field is left out with all the rest of it
const typeOf = (type: string): string => /^[\x20-\x7e]+$/.test(type) ? type : "application/octet-stream"

/** What stands before the bytes of a part. */
export const partHead = (boundary: string, name: string, file: FilePart | undefined): Uint8Array => {
  const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(lineEnds(name))}"`
  return utf8(
    file === undefined
      ? `${disposition}\r\n\r\n`
      : `${disposition}; filename="${escaped(file.filename)}"\r\nContent-Type: ${typeOf(file.type)}\r\n\r\n`
  )
}

/** The value of a text part; its line ends are CRLF (WHATWG HTML 4.10.21.4). */
export const textPart = (value: string): Uint8Array => utf8(lineEnds(value))

/** What stands behind the bytes of every part. */
export const partEnd: Uint8Array = utf8("\r\n")

/** What stands behind the last part. */
export const lastBoundary = (boundary: string): Uint8Array => utf8(`--${boundary}--\r\n`)

/** A boundary out of random bytes: a text that the parts do not hold but with a chance of one in 2^128. */
export const boundaryOf = (random: Uint8Array): string => {
  let boundary = "----urlsession"
  for (const byte of random) boundary += byte.toString(16).padStart(2, "0")
  return boundary
}
