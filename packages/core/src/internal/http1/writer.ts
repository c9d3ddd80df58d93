/** Requests on their way out: heads and chunk frames as Latin-1 strings, and the check of every name and value. */
import { consistsOf, FIELD_BYTE, LOWER_TOKEN, TARGET_BYTE } from "./bytes.ts"
import type { HeaderFields } from "./headerFields.ts"
import { allowedInTrailers } from "./names.ts"

/** Why a request cannot be written. `name` is the field (or `:method`, `:target`, `host`), never a value. */
export type RequestFault = {
  readonly _tag:
    | "InvalidMethod"
    | "InvalidTarget"
    | "InvalidName"
    | "InvalidValue"
    | "ReservedName"
    | "ContentLengthMismatch"
  readonly name: string
  readonly detail: string
}

/** Bytes of the body, `"chunked"` where they are not known, `undefined` for no body at all. */
export type BodyLength = number | "chunked" | undefined

/** One request head, made of final values. */
export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly fields: ReadonlyArray<{ readonly name: string; readonly value: string }>
  readonly bodyLength: BodyLength
  readonly keepAlive: boolean
  readonly expectContinue: boolean
  /** The protocol to change to; writes `Connection: Upgrade` and `Upgrade`. */
  readonly upgrade?: string | undefined
}

const fault = (_tag: RequestFault["_tag"], name: string, detail: string): RequestFault => ({ _tag, name, detail })

const isName = (name: string): boolean => name.length > 0 && consistsOf(name, LOWER_TOKEN)

const checkField = (name: string, value: string): RequestFault | undefined => {
  if (!isName(name)) {
    return fault("InvalidName", name, "a field name is a token (RFC 9110 section 5.1)")
  }
  if (!consistsOf(value, FIELD_BYTE)) {
    return fault(
      "InvalidValue",
      name,
      "a field value holds only HTAB, SP, visible ASCII and the code units 0x80 to 0xFF (RFC 9110 section 5.5)"
    )
  }
  return undefined
}

// Looked at by length first: most fields end there, and only a candidate is brought to lower case.
const writtenHere = (name: string): boolean => {
  switch (name.length) {
    case 4:
      return name.toLowerCase() === "host"
    case 6:
      return name.toLowerCase() === "expect"
    case 7:
      return name.toLowerCase() === "upgrade"
    case 10:
      return name.toLowerCase() === "connection"
    case 14:
      return name.toLowerCase() === "content-length"
    case 17:
      return name.toLowerCase() === "transfer-encoding"
    default:
      return false
  }
}

/** Cookies may hold any text, where they did not come over a wire: each that does goes as its UTF-8, the others as they are. */
const octets = (cookies: string): string =>
  cookies.split("; ").map((cookie) => {
    if (!/[^\0-\xff]/.test(cookie)) return cookie
    let bytes = ""
    for (const byte of new TextEncoder().encode(cookie)) bytes += String.fromCharCode(byte)
    return bytes
  }).join("; ")

/**
 * A request head up to and with its empty line, as a string to be sent as Latin-1, or what is wrong with the request
 * (RFC 9112 sections 3 and 5). `Host`, `Content-Length`, `Transfer-Encoding`, `Connection`, `Upgrade` and `Expect` are
 * written from the other members and refused among the fields.
 */
export const encodeHead = (request: RequestHead): string | RequestFault => {
  if (!isName(request.method)) {
    return fault("InvalidMethod", ":method", "a method is a token (RFC 9110 section 9.1)")
  }
  if (request.target.length === 0 || !consistsOf(request.target, TARGET_BYTE)) {
    return fault("InvalidTarget", ":target", "a request target is not empty and has no space or control character")
  }
  if (!consistsOf(request.host, TARGET_BYTE)) {
    return fault("InvalidValue", "host", "a host has no space or control character")
  }
  let head = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${request.host}\r\n`
  const fields = request.fields
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]
    if (field === undefined) {
      continue
    }
    let value = field.value
    let wrong = checkField(field.name, value)
    if (wrong !== undefined && field.name === "cookie") {
      value = octets(value)
      wrong = checkField(field.name, value)
    }
    if (wrong !== undefined) {
      return wrong
    }
    if (writtenHere(field.name)) {
      return fault("ReservedName", field.name, "this field is written by the connection")
    }
    head += `${field.name}: ${value}\r\n`
  }
  const length = request.bodyLength
  if (typeof length === "number") {
    if (!Number.isSafeInteger(length) || length < 0) {
      return fault("ContentLengthMismatch", "content-length", "a length is a whole number of bytes up to 2^53-1")
    }
    head += `Content-Length: ${length}\r\n`
  } else if (length === "chunked") {
    head += "Transfer-Encoding: chunked\r\n"
  } else if (request.method === "POST" || request.method === "PUT" || request.method === "PATCH") {
    // Says that nothing follows, which a server may otherwise wait for or refuse (RFC 9110 section 8.6).
    head += "Content-Length: 0\r\n"
  }
  if (request.expectContinue) {
    head += "Expect: 100-continue\r\n"
  }
  if (request.upgrade !== undefined) {
    if (request.upgrade.length === 0 || !consistsOf(request.upgrade, TARGET_BYTE)) {
      return fault("InvalidValue", "upgrade", "a protocol name has no space or control character")
    }
    return `${head}Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n\r\n`
  }
  return request.keepAlive ? `${head}Connection: keep-alive\r\n\r\n` : `${head}Connection: close\r\n\r\n`
}

const reserved: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** What is wrong with a field that a caller gives to a request: its name, its value, or that it is not the caller's. */
export const checkCallerField = (name: string, value: string): RequestFault | undefined => {
  const wrong = checkField(name, value)
  if (wrong !== undefined) {
    return wrong
  }
  const lower = name.toLowerCase()
  if (reserved.has(lower) || lower.startsWith("proxy-")) {
    return fault("ReservedName", name, "this field belongs to the connection, not to the request")
  }
  if (lower === "content-length" && declaredLength(value) === undefined) {
    return fault("InvalidValue", name, "a Content-Length is digits, up to 2^53-1")
  }
  return undefined
}

/** The number a caller's `Content-Length` names: digits only, up to 2^53-1. */
export const declaredLength = (value: string): number | undefined => {
  if (value.length === 0 || value.length > 16) {
    return undefined
  }
  let length = 0
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) {
      return undefined
    }
    length = length * 10 + digit
  }
  return length > Number.MAX_SAFE_INTEGER ? undefined : length
}

/** What is wrong with a caller's `Content-Length` beside the body that will be sent. */
export const checkContentLength = (value: string, bodyLength: BodyLength): RequestFault | undefined =>
  declaredLength(value) === (bodyLength ?? 0)
    ? undefined
    : fault("ContentLengthMismatch", "content-length", "the Content-Length given is not the length of the body")

/** What stands behind the bytes of every chunk. */
export const chunkEnd = "\r\n"

/**
 * What stands before the bytes of a chunk. A chunk of no bytes would end the body, so it is a mistake of the caller:
 * throws a `RangeError`.
 */
export const chunkHead = (length: number): string => {
  if (!Number.isSafeInteger(length) || length <= 0) {
    throw new RangeError("a chunk has at least one byte")
  }
  return `${length.toString(16)}\r\n`
}

/**
 * The last chunk, the trailers and the empty line (RFC 9112 section 7.1). Trailers that cannot be written, or that
 * frame, route or authenticate, are left out.
 */
export const lastChunk = (trailers?: HeaderFields): string => {
  if (trailers === undefined || trailers.size === 0) {
    return "0\r\n\r\n"
  }
  let text = "0\r\n"
  for (const [name, value] of trailers) {
    if (checkField(name, value) === undefined && allowedInTrailers(name.toLowerCase())) {
      text += `${name}: ${value}\r\n`
    }
  }
  return `${text}\r\n`
}
