/** Requests and responses as node:http2 has them: which fields go out, what a block of fields that came in says, and its limits. */
import { declaredLength, defaultLimits, HeaderFields, type ParseFault } from "@urlsession/core/Http1"
import { bodyLength, type WireRequest } from "@urlsession/core/Transport"
import type { OutgoingHttpHeaders } from "node:http2"
import type { Head } from "./wire.ts"

/** Fields of the connection, which HTTP/2 has frames for (RFC 9113 8.2.2); `Host` is `:authority`. */
const ofConnection: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade"
])

const withLengthZero: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"])

/** What goes out before the body (RFC 9113 8.3.1). Names and values have been looked at before. */
export const requestFields = (request: WireRequest, expectContinue: boolean): OutgoingHttpHeaders => {
  const { body, fields, method, url } = request
  const out: OutgoingHttpHeaders = {
    ":method": method,
    ":scheme": url.scheme,
    ":authority": url.authority,
    ":path": url.target
  }
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]
    if (field === undefined) continue
    const name = field.name.toLowerCase()
    if (ofConnection.has(name) || (name === "te" && field.value.toLowerCase() !== "trailers")) continue
    const before = out[name]
    if (before === undefined) out[name] = field.value
    else out[name] = Array.isArray(before) ? [...before, field.value] : [String(before), field.value]
  }
  const length = body === undefined ? (withLengthZero.has(method) ? 0 : undefined) : bodyLength(body)
  if (length !== undefined) out["content-length"] = String(length)
  if (expectContinue) out.expect = "100-continue"
  return out
}

/** The first field that a request has more than once. */
export const repeatedField = (request: WireRequest): string | undefined => {
  const seen = new Set<string>()
  for (const { name } of request.fields) {
    const lower = name.toLowerCase()
    if (seen.has(lower)) return lower
    seen.add(lower)
  }
  return undefined
}

/** The bytes of a block of fields as HTTP/1.1 would have them, which is what the limits are about. */
export const blockBytes = (raw: ReadonlyArray<string>): number => {
  let bytes = 0
  // a colon, a space and the end of the line
  for (let i = 0; i < raw.length; i += 2) bytes += (raw[i]?.length ?? 0) + (raw[i + 1]?.length ?? 0) + 4
  return bytes
}

const fault = (_tag: ParseFault["_tag"], detail: string): ParseFault => ({
  _tag,
  detail,
  bytesReceived: 0,
  expected: undefined
})

/** Why a block is more than may be, or nothing. */
export const tooLarge = (raw: ReadonlyArray<string>, maximumBytes: number): ParseFault | undefined =>
  raw.length > 2 * (defaultLimits.maxFields + 1)
    ? fault("TooManyFields", `more than ${defaultLimits.maxFields} fields`)
    : blockBytes(raw) > maximumBytes
    ? fault("HeadTooLarge", `more than ${maximumBytes} bytes`)
    : undefined

/** More than may come before the final response. */
export const tooManyInformational: ParseFault = fault(
  "TooManyInformational",
  `more than ${defaultLimits.maxInformational} informational responses, or ${defaultLimits.maxInformationalBytes} bytes of them`
)

export const unexpectedUpgrade: ParseFault = fault("UnexpectedUpgrade", "HTTP/2 has no 101 (RFC 9113 8.6)")

/** What the server did that HTTP/2 does not allow. */
export const malformed = (detail: string, bytesReceived: number): ParseFault => ({
  ...fault("Malformed", detail),
  bytesReceived
})

const none: Head["framing"] = { _tag: "None" }
// ended by a flag, as chunks are by the last one
const ended: Head["framing"] = { _tag: "Chunked" }

const framingOf = (method: string, status: number, fields: HeaderFields): Head["framing"] => {
  if (method === "HEAD" || status === 204 || status === 304) return none
  const length = declaredLength(fields.get("content-length") ?? "")
  return length === undefined ? ended : { _tag: "Length", length }
}

/** The status of a block, -1 where there is none. */
export const statusOf = (raw: ReadonlyArray<string>): number => raw[0] === ":status" ? Number(raw[1]) : -1

/** A response out of its block: no reason phrase, and nobody knows its bytes on the wire. */
export const responseHead = (method: string, status: number, raw: ReadonlyArray<string>): Head => {
  const fields = new HeaderFields(raw.slice(2))
  return { status, reason: "", fields, headBytes: 0, framing: framingOf(method, status, fields) }
}
