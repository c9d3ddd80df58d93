/** `data:` URLs (RFC 2397, as the Fetch standard reads them). */
import { parseMediaType } from "./mediaType.ts"

export interface DataUrl {
  /** As it stands in the URL, or `text/plain;charset=US-ASCII`. */
  readonly mediaType: string
  readonly body: Uint8Array
}

const utf8 = new TextEncoder()

const hex = (code: number | undefined): number => {
  if (code === undefined) return -1
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const percentDecode = (text: string): Uint8Array => {
  const bytes = utf8.encode(text)
  const out = new Uint8Array(bytes.length)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const high = bytes[i] === 0x25 ? hex(bytes[i + 1]) : -1
    const low = high < 0 ? -1 : hex(bytes[i + 2])
    if (high >= 0 && low >= 0) {
      out[length++] = high * 16 + low
      i += 2
    } else out[length++] = bytes[i] ?? 0
  }
  return out.slice(0, length)
}

const fromBase64 = (text: string): Uint8Array | undefined => {
  const bare = text.replace(/[\t\n\f\r ]/g, "").replace(/={1,2}$/, "")
  if (!/^[A-Za-z0-9+/]*$/.test(bare) || bare.length % 4 === 1) return undefined
  const binary = atob(bare)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/** The media type and the bytes; `undefined` for a URL without a comma, or with base64 that is none. */
export const parseDataUrl = (href: string): DataUrl | undefined => {
  const hash = href.indexOf("#")
  const url = hash < 0 ? href : href.slice(0, hash)
  if (!/^data:/i.test(url)) return undefined
  const comma = url.indexOf(",")
  if (comma < 0) return undefined
  const meta = url.slice(5, comma).trim()
  const base64 = /; *base64$/i.exec(meta)
  const given = base64 === null ? meta : meta.slice(0, base64.index)
  const typed = given.startsWith(";") ? `text/plain${given}` : given
  const raw = percentDecode(url.slice(comma + 1))
  const body = base64 === null ? raw : fromBase64(Array.from(raw, (byte) => String.fromCharCode(byte)).join(""))
  if (body === undefined) return undefined
  return { mediaType: parseMediaType(typed) === undefined ? "text/plain;charset=US-ASCII" : typed, body }
}
