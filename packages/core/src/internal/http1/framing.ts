/** How the end of a response body is found, and when its connection may serve another exchange: two pure decisions. */

/** How a message ends. `None`: it has no body; `Close`: with the connection; `Tunnel`: what follows is not HTTP. */
export type Framing =
  | { readonly _tag: "None" }
  | { readonly _tag: "Length"; readonly length: number }
  | { readonly _tag: "Chunked" }
  | { readonly _tag: "Close" }
  | { readonly _tag: "Tunnel" }

const none: Framing = { _tag: "None" }
const chunked: Framing = { _tag: "Chunked" }
const close: Framing = { _tag: "Close" }
const tunnel: Framing = { _tag: "Tunnel" }
const lengthZero: Framing = { _tag: "Length", length: 0 }

/** What the fields of a head say about the length of the body. */
export interface FramingFields {
  /** The agreed length, -1 without the field, -2 when it is not digits, too large, or there are several that differ. */
  readonly contentLength: number
  /** 0 without the field, 1 for exactly `chunked`, 2 for everything else. */
  readonly transferEncoding: 0 | 1 | 2
}

/**
 * The framing of a final response, or the reason why it has none that two readers would agree upon (RFC 9112 section
 * 6.3): the order of the rules is that of the RFC, and where it lets a client repair, this one refuses.
 */
export const framingOf = (
  method: string,
  status: number,
  version: "1.0" | "1.1",
  upgrade: boolean,
  fields: FramingFields
): Framing | string => {
  if (status === 101 && upgrade) {
    return tunnel
  }
  if (method === "CONNECT" && status >= 200 && status < 300) {
    return tunnel
  }
  if (method === "HEAD" || status < 200 && status >= 100 || status === 204 || status === 304) {
    return none
  }
  if (fields.transferEncoding !== 0) {
    if (fields.contentLength !== -1) {
      return "Transfer-Encoding together with Content-Length"
    }
    if (version === "1.0") {
      return "Transfer-Encoding in an HTTP/1.0 response"
    }
    return fields.transferEncoding === 1 ? chunked : "Transfer-Encoding other than exactly one chunked"
  }
  if (fields.contentLength === -2) {
    return "Content-Length is not one number"
  }
  if (fields.contentLength === -1) {
    return close
  }
  return fields.contentLength === 0 ? lengthZero : { _tag: "Length", length: fields.contentLength }
}

/** All that counts when a connection is given back. */
export interface ReuseState {
  readonly parserComplete: boolean
  readonly framing: Framing
  readonly requestWritten: boolean
  readonly surplus: boolean
  readonly requestKeepAlive: boolean
  readonly responseKeepAlive: boolean
  readonly upgraded: boolean
  readonly interrupted: boolean
}

/**
 * Whether the connection may serve another exchange: the response ended by itself, the request went out whole, nothing
 * came that nobody asked for, and both sides want to go on (RFC 9112 section 9.3).
 */
export const reusable = (state: ReuseState): boolean =>
  state.parserComplete &&
  state.framing._tag !== "Close" &&
  state.framing._tag !== "Tunnel" &&
  state.requestWritten &&
  !state.surplus &&
  state.requestKeepAlive &&
  state.responseKeepAlive &&
  !state.upgraded &&
  !state.interrupted
