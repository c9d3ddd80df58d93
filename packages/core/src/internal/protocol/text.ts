/** Bytes as text, by the encodings of the WHATWG (Encoding Standard). */

/** 0x80 to 0x9F of windows-1252, which several runtimes decode as ISO-8859-1 whatever they are asked for. */
const windows1252 = "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
  "\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178"

/** 0xA0 to 0xFF of ISO-8859-16, which runtimes with a small ICU do not have. */
const iso8859_16 =
  "\u00a0ĄąŁ€„Š§š©Ș«Ź\u00adźŻ°±ČłŽ”¶·žčș»ŒœŸżÀÁÂĂÄĆÆÇÈÉÊËÌÍÎÏĐŃÒÓÔŐÖŚŰÙÚÛÜĘȚßàáâăäćæçèéêëìíîïđńòóôőöśűùúûüęțÿ"

/** Encodings that can hide what a reader of ASCII would see: any bytes of them are one replacement character. */
const replaced: ReadonlySet<string> = new Set([
  "csiso2022kr",
  "hz-gb-2312",
  "iso-2022-cn",
  "iso-2022-cn-ext",
  "iso-2022-kr",
  "replacement"
])

/** `high` gives the character of a byte above ASCII. */
const singleBytes = (bytes: Uint8Array, high: (byte: number) => string): string => {
  let text = ""
  for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : high(byte)
  return text
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** What a byte order mark says, which knows better than any label. */
const marked = (bytes: Uint8Array): string | undefined => {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8"
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be"
  return bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : undefined
}

const decoderOf = (label: string): TextDecoder | undefined => {
  try {
    return new TextDecoder(label)
  } catch {
    return undefined
  }
}

/**
 * Decodes a whole body. A byte order mark decides and is left out; then the label; then it is UTF-8, for a label that nobody
 * knows too. What cannot be read becomes U+FFFD.
 */
export const decodeText = (bytes: Uint8Array, label: string | undefined): string => {
  if (label === undefined || label === "utf-8") return marked(bytes) === undefined ? utf8(bytes) : decodeMarked(bytes)
  if (marked(bytes) !== undefined) return decodeMarked(bytes)
  const name = label.trim().toLowerCase()
  if (name === "iso-8859-16") {
    return singleBytes(bytes, (byte) => byte < 0xa0 ? String.fromCharCode(byte) : iso8859_16.charAt(byte - 0xa0))
  }
  if (name === "x-user-defined") return singleBytes(bytes, (byte) => String.fromCharCode(0xf700 + byte))
  if (replaced.has(name)) return bytes.length === 0 ? "" : "\ufffd"
  const decoder = decoderOf(name)
  if (decoder?.encoding === "windows-1252") {
    return singleBytes(bytes, (byte) => byte < 0xa0 ? windows1252.charAt(byte - 0x80) : String.fromCharCode(byte))
  }
  return decoder === undefined ? utf8(bytes) : decoder.decode(bytes)
}

const decodeMarked = (bytes: Uint8Array): string => new TextDecoder(marked(bytes)).decode(bytes)
