/** The character classes of field values (RFC 9110 5.6) and the byte forms that strings take on the wire. */

export const HTAB = 0x09
export const SP = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const SLASH = 0x2f
export const SEMICOLON = 0x3b
export const EQUALS = 0x3d
export const BACKSLASH = 0x5c

const marks = (extra: string): Uint8Array => {
  const table = new Uint8Array(128)
  for (let code = 0; code < 128; code++) {
    const alphaNumeric = (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) ||
      (code >= 0x61 && code <= 0x7a)
    table[code] = alphaNumeric || extra.includes(String.fromCharCode(code)) ? 1 : 0
  }
  return table
}

const tokens = marks("!#$%&'*+-.^_`|~")
const token68s = marks("-._~+/")
// What servers leave unquoted although the grammar asks for quotes: base64 nonces and paths.
const bareValues = marks("!#$%&'*+-.^_`|~/=:@")

/** Whether a code unit may stand in a token (RFC 9110 5.6.2). */
export const isTokenCode = (code: number): boolean => tokens[code] === 1

/** Whether a code unit may stand in the body of a token68 (RFC 9110 11.2), its final `=` aside. */
export const isToken68Code = (code: number): boolean => token68s[code] === 1

/** Whether a code unit is taken in a parameter value without quotes. */
export const isBareValueCode = (code: number): boolean => bareValues[code] === 1

export const isBlank = (code: number): boolean => code === SP || code === HTAB

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

/** The value of a hexadecimal digit, or -1. */
export const hexValue = (code: number): number =>
  code >= 0x30 && code <= 0x39
    ? code - 0x30
    : code >= 0x41 && code <= 0x46
    ? code - 0x37
    : code >= 0x61 && code <= 0x66
    ? code - 0x57
    : -1

/** Whether a string is a token of at least one character. */
export const isToken = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (!isTokenCode(text.charCodeAt(i))) return false
  }
  return text.length > 0
}

/** Whether a string has a control character of ASCII: 0x00 to 0x1F or 0x7F. */
export const hasControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

/** Blanks off both ends. */
export const trimBlanks = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** One byte per code unit, or `undefined` where one is above 0xFF. */
export const latin1 = (text: string): Uint8Array | undefined => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff) return undefined
    bytes[i] = code
  }
  return bytes
}

const encoder = new TextEncoder()

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** Room for texts that are looked at at once; three bytes for each code unit, which is the most that UTF-8 takes. */
const room = new Uint8Array(3 * 1024)

/**
 * The bytes of a text of the wire: one per code unit, or UTF-8 where one is above 0xFF. Lent until the next call: a text of
 * ASCII, as most are, costs no memory.
 */
export const lentBytes = (text: string): Uint8Array => {
  if (text.length * 3 <= room.length) {
    const { written } = encoder.encodeInto(text, room)
    if (written === text.length) return room.subarray(0, written)
  }
  return latin1(text) ?? utf8(text)
}

/** A string whose code units are the bytes: what `btoa` and a field value take. */
export const binaryString = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** A field value whose bytes are UTF-8 but were read one by one; as it is where they are not. */
export const repairUtf8 = (text: string): string => {
  const bytes = latin1(text)
  if (bytes === undefined) return text
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return text
  }
}

/** Whether a string has half of a surrogate pair, which no encoding can carry. */
export const hasLoneSurrogate = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0xd800 || code > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return true
    i++
  }
  return false
}

/** Undoes `%41`; a `%` that two digits do not follow stays. Code units above 0xFF become UTF-8. */
export const percentDecode = (text: string): Uint8Array => {
  const source = latin1(text) ?? utf8(text)
  const bytes = new Uint8Array(source.length)
  let length = 0
  for (let i = 0; i < source.length; i++) {
    let byte = source[i] ?? 0
    if (byte === 0x25) {
      const high = hexValue(source[i + 1] ?? 0)
      const low = hexValue(source[i + 2] ?? 0)
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low
        i += 2
      }
    }
    bytes[length++] = byte
  }
  return bytes.slice(0, length)
}
