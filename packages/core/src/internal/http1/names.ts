/** Well-known field names: found by their bytes without making a string, and those that trailers may not carry. */
import { LOWER_TOKEN } from "./bytes.ts"

/** The fields the codec itself acts upon, by their place in the table of names. */
export const CONTENT_LENGTH = 0
export const TRANSFER_ENCODING = 1
export const CONNECTION = 2
export const KEEP_ALIVE = 3
/** Names below this place are the ones the codec acts upon. */
export const ACTED_UPON = 4

const names: ReadonlyArray<string> = [
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "accept-ranges",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "access-control-max-age",
  "age",
  "allow",
  "alt-svc",
  "authentication-info",
  "cache-control",
  "cf-cache-status",
  "cf-ray",
  "content-digest",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-location",
  "content-range",
  "content-security-policy",
  "content-type",
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "date",
  "etag",
  "expires",
  "last-modified",
  "link",
  "location",
  "permissions-policy",
  "pragma",
  "proxy-authenticate",
  "referrer-policy",
  "repr-digest",
  "retry-after",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
  "server",
  "server-timing",
  "set-cookie",
  "strict-transport-security",
  "timing-allow-origin",
  "trailer",
  "upgrade",
  "upload-offset",
  "upload-complete",
  "vary",
  "via",
  "www-authenticate",
  "x-cache",
  "x-content-type-options",
  "x-frame-options",
  "x-powered-by",
  "x-request-id",
  "x-xss-protection"
]

/** One step of the hash of a name; `lower` is the next byte in lower case. */
export const hashStep = (hash: number, lower: number): number => (Math.imul(hash, 33) ^ lower) | 0

const SLOTS = 256
const slots = new Int16Array(SLOTS).fill(-1)
const hashes = new Int32Array(names.length)
// The bytes of all names in a row, and where each begins: quicker to compare with than the strings.
const starts = new Int32Array(names.length + 1)
const letters = new Uint8Array(names.join("").length)

names.forEach((name, index) => {
  const start = starts[index] ?? 0
  let hash = 0
  for (let i = 0; i < name.length; i++) {
    hash = hashStep(hash, name.charCodeAt(i))
    letters[start + i] = name.charCodeAt(i)
  }
  starts[index + 1] = start + name.length
  hashes[index] = hash
  let slot = hash & (SLOTS - 1)
  while (slots[slot] !== -1) {
    slot = (slot + 1) & (SLOTS - 1)
  }
  slots[slot] = index
})

/** The place of a well-known name whose bytes have this hash, or -1. The bytes are compared: a hash proves nothing. */
export const findName = (bytes: Uint8Array, start: number, end: number, hash: number): number => {
  let slot = hash & (SLOTS - 1)
  for (;;) {
    const index = slots[slot] ?? -1
    if (index < 0) {
      return -1
    }
    if (hashes[index] === hash) {
      const first = starts[index] ?? 0
      if ((starts[index + 1] ?? 0) - first === end - start) {
        let p = start
        let l = first
        while (p < end && LOWER_TOKEN[bytes[p] ?? 0] === letters[l]) {
          p++
          l++
        }
        if (p === end) {
          return index
        }
      }
    }
    slot = (slot + 1) & (SLOTS - 1)
  }
}

/** The well-known name at a place of the table. */
export const nameAt = (index: number): string => names[index] ?? ""

/**
 * Fields that never come out of trailers, because they frame, route, authenticate or control the message and whoever
 * looked at the head has already acted (RFC 9110 section 6.5.1). `Authentication-Info` may be a trailer (11.6.3).
 */
const notInTrailers: ReadonlySet<string> = new Set([
  "age",
  "alt-svc",
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "expect",
  "expires",
  "host",
  "http2-settings",
  "keep-alive",
  "location",
  "max-forwards",
  "pragma",
  "range",
  "retry-after",
  "set-cookie",
  "strict-transport-security",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "warning",
  "www-authenticate"
])

/** Whether a field (name in lower case) may be delivered, or sent, as a trailer. */
export const allowedInTrailers = (name: string): boolean =>
  !notInTrailers.has(name) && !name.startsWith("proxy-") && !name.startsWith("if-")
