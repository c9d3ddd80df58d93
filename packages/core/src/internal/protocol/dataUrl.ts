/** `data:` URLs (RFC 2397, processed as in the Fetch standard): a media type and a body in the URL itself. */
import { percentDecode } from "./characters.ts"
import { parseMediaType } from "./mediaType.ts"

export interface DataUrl {
  /** `text/plain` where the URL names none. In lower case. */
  readonly mimeType: string
  /** In lower case. */
  readonly charset: string | undefined
  readonly body: Uint8Array
  /** The value for a `Content-Type` field, ASCII without control characters. */
  readonly mediaType: string
}

/** Forgiving base64 (Infra 7): blanks do not count, padding may be absent; `undefined` for anything else. */
const decodeBase64 = (bytes: Uint8Array): Uint8Array | undefined => {
  const out = new Uint8Array(Math.ceil(bytes.length / 4) * 3)
  let length = 0
  let bits = 0
  let held = 0
  let padding = 0
  let digits = 0
  for (const byte of bytes) {
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d && byte !== 0x0b)) continue
    if (byte === 0x3d) {
      padding++
      continue
    }
    const digit = sextets[byte] ?? 255
    if (digit === 255 || padding > 0) return undefined
    digits++
    held = (held << 6 | digit) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[length++] = held >> bits & 0xff
    }
  }
  const rest = digits % 4
  const padded = padding === 0 || (padding <= 2 && (digits + padding) % 4 === 0)
  return rest === 1 || !padded ? undefined : out.slice(0, length)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
const sextets = new Uint8Array(256).fill(255)
for (let i = 0; i < alphabet.length; i++) sextets[alphabet.charCodeAt(i)] = i

/** What may stand in a field as it is; a media type with anything else is not one. */
const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

/** Reads a `data:` URL; `undefined` where the comma is missing, the media type is none, or the base64 is broken. */
export const parseDataUrl = (url: string): DataUrl | undefined => {
  if (!/^data:/i.test(url)) return undefined
  const fragment = url.indexOf("#")
  const text = url.slice(5, fragment < 0 ? url.length : fragment)
  const comma = text.indexOf(",")
  if (comma < 0) return undefined
  const written = text.slice(0, comma).trim()
  const base64 = /;[ ]*base64$/i.test(written)
  const announced = base64 ? written.slice(0, written.lastIndexOf(";")).trim() : written
  const mediaType = announced === "" || announced.startsWith(";") ? `text/plain${announced}` : announced
  const parsed = isPlain(mediaType) ? parseMediaType(mediaType) : undefined
  if (parsed === undefined) return undefined
  const bytes = percentDecode(text.slice(comma + 1))
  const body = base64 ? decodeBase64(bytes) : bytes
  return body === undefined ? undefined : { mimeType: parsed.essence, charset: parsed.charset, body, mediaType }
}
