/** The byte classes of RFC 9110 and 9112 as tables, and the portable Latin-1 decoder. */

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COMMA = 0x2c
export const COLON = 0x3a
export const SEMICOLON = 0x3b

const table = (value: (byte: number) => number): Uint8Array => {
  const out = new Uint8Array(256)
  for (let byte = 0; byte < 256; byte++) {
    out[byte] = value(byte)
  }
  return out
}

const isAlphaNumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)

/** A token character in lower case, or 0 for every other byte: judging and lower-casing a name are one look-up. */
export const LOWER_TOKEN = table((byte) =>
  isAlphaNumeric(byte)
    ? (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)
    : "!#$%&'*+-.^_`|~".includes(String.fromCharCode(byte))
    ? byte
    : 0
)

/** 1 for what a field value, a reason phrase or a chunk extension may hold: HTAB, SP, visible ASCII, 0x80 to 0xFF. */
export const FIELD_BYTE = table((byte) => byte === HTAB || (byte >= 0x20 && byte !== 0x7f) ? 1 : 0)

/** 1 for what a request target or a host may hold: visible ASCII and 0x80 to 0xFF, so nothing that splits a line. */
export const TARGET_BYTE = table((byte) => byte > 0x20 && byte !== 0x7f ? 1 : 0)

/** The value of a hexadecimal digit, or 255. */
export const HEX = table((byte) =>
  byte >= 0x30 && byte <= 0x39
    ? byte - 0x30
    : byte >= 0x41 && byte <= 0x46
    ? byte - 0x37
    : byte >= 0x61 && byte <= 0x66
    ? byte - 0x57
    : 255
)

/**
 * A byte of the input; the callers stay inside the bounds. Tables are indexed directly instead: one access site for every
 * kind of array would be slow.
 */
export const at = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
export const isBlank = (byte: number): boolean => byte === SP || byte === HTAB

/** Whether a string (of ASCII or not) has only code units that `allowed` marks. */
export const consistsOf = (text: string, allowed: Uint8Array): boolean => {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff || allowed[unit] === 0) {
      return false
    }
  }
  return true
}

/** Whether the bytes from `start` to `end` are this lower-case token in any case. */
export const isToken = (bytes: Uint8Array, start: number, end: number, token: string): boolean => {
  if (end - start !== token.length) {
    return false
  }
  for (let i = 0; i < token.length; i++) {
    if (LOWER_TOKEN[at(bytes, start + i)] !== token.charCodeAt(i)) {
      return false
    }
  }
  return true
}

/** Bytes as a string of the code units 0 to 255, without a runtime's help. (`TextDecoder("latin1")` is windows-1252.) */
export const decodeLatin1 = (bytes: Uint8Array, start: number, end: number): string => {
  let text = ""
  // In slices, because the arguments of a call live on the stack.
  for (let from = start; from < end; from += 4096) {
    const part: string = Reflect.apply(String.fromCharCode, undefined, bytes.subarray(from, Math.min(from + 4096, end)))
    text += part
  }
  return text
}
