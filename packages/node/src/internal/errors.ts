/** What Node, OpenSSL and the codec report, as the errors of a session. */
import { defaultLimits, type ParseFault, type RequestFault } from "@urlsession/core/Http1"
import {
  AuthenticationError,
  ConnectionError,
  DelegateFailed,
  type ExchangeError,
  InvalidRequest,
  InvalidResponse,
  TimeoutError,
  TlsError
} from "@urlsession/core/SessionError"

/** What Node's errors have beside their message. `reason` is OpenSSL's own word. */
interface Coded extends Error {
  readonly code?: unknown
  readonly reason?: unknown
}

/** The `code` of an error, or nothing. */
export const codeOf = (error: unknown): string =>
  error instanceof Object && "code" in error && typeof error.code === "string" ? error.code : ""

/** A name that could not be resolved. */
export const lookupError = (host: string, cause: unknown, url: string): ExchangeError => {
  const code = codeOf(cause)
  if (code === "ENETUNREACH" || code === "ENETDOWN") {
    return new ConnectionError({ url, cause, reason: { _tag: "NotConnectedToInternet", why: code } })
  }
  const temporary = code === "EAI_AGAIN" || code === "ETIMEOUT" || code === "ESERVFAIL"
  return new ConnectionError({ url, cause, reason: { _tag: "CannotFindHost", host, temporary } })
}

/** An address that could not be connected, before TLS. */
export const connectError = (
  host: string,
  port: number,
  error: Coded,
  elapsed: number,
  url: string
): ExchangeError => {
  const code = codeOf(error)
  switch (code) {
    case "ETIMEDOUT":
      return new TimeoutError({ url, cause: error, reason: { _tag: "TimedOut", timer: "connect", after: elapsed } })
    case "ENETUNREACH":
    case "ENETDOWN":
      return new ConnectionError({ url, cause: error, reason: { _tag: "NotConnectedToInternet", why: code } })
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "EHOSTUNREACH":
    case "EHOSTDOWN":
    case "ENOENT":
    case "ENOTSOCK":
    case "ENAMETOOLONG":
    case "EADDRNOTAVAIL":
    case "EINVAL":
    case "EACCES":
    case "EPERM":
      return new ConnectionError({
        url,
        cause: error,
        reason: { _tag: "CannotConnectToHost", host, port, detail: details[code] ?? code }
      })
    default:
      return new ConnectionError({ url, cause: error, reason: { _tag: "Unknown" } })
  }
}

const details: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "there is no route to it",
  EHOSTDOWN: "it is down",
  EADDRNOTAVAIL: "the address cannot be used from here",
  ENOENT: "there is no such socket",
  ENOTSOCK: "the file is no socket",
  ENAMETOOLONG: "the path of the socket is too long",
  EINVAL: "the address is not valid here",
  EACCES: "not permitted",
  EPERM: "not permitted"
}

/** A TLS handshake that did not come to its end. */
export const handshakeError = (error: Coded | undefined, url: string): ExchangeError => {
  const code = codeOf(error)
  const reason = typeof error?.reason === "string" ? error.reason : ""
  const detail = error === undefined || code === "ECONNRESET" || code === "EPIPE"
    ? "the server closed the connection during the handshake"
    : reason !== ""
    ? reason
    : code.startsWith("ERR_SSL_")
    ? code.slice("ERR_SSL_".length).toLowerCase().replaceAll("_", " ")
    : error.message
  return new TlsError({ url, cause: error, reason: { _tag: "SecureConnectionFailed", detail } })
}

/** A client certificate that cannot be shown to anybody. */
export const unusableIdentity = (origin: string, detail: string, url: string): ExchangeError =>
  new AuthenticationError({
    url,
    reason: { _tag: "CredentialUnusable", space: `ClientCertificate space of ${origin}`, detail }
  })

/** Nothing came of a connection attempt for so long. */
export const connectTimeout = (after: number, url: string): ExchangeError =>
  new TimeoutError({ url, reason: { _tag: "TimedOut", timer: "connect", after } })

/** A connection that ended at the wrong moment. */
export const lostError = (
  loss: {
    readonly bytesReceived: number
    readonly bytesExpected: number | undefined
    readonly why: "Reset" | "Closed" | "Abandoned" | "Unresponsive"
    readonly requestSent: boolean
    readonly reused: boolean
    readonly unprocessed?: boolean
  },
  cause: unknown,
  url: string
): ExchangeError => new ConnectionError({ url, cause, reason: { _tag: "NetworkConnectionLost", ...loss } })

/** The connection that a request is pinned to has ended before it. */
export const heldLost = (url: string): ExchangeError =>
  lostError(
    { bytesReceived: 0, bytesExpected: undefined, why: "Closed", requestSent: false, reused: true },
    undefined,
    url
  )

/** A request that cannot be written. */
export const requestError = (fault: RequestFault, method: string, url: string): ExchangeError => {
  switch (fault._tag) {
    case "InvalidMethod":
      return new InvalidRequest({ url, reason: { _tag: "InvalidMethod", method } })
    case "InvalidTarget":
      return new InvalidRequest({ url, reason: { _tag: "BadURL", input: url } })
    default:
      return new InvalidRequest({ url, reason: { _tag: "InvalidHeader", name: fault.name, detail: fault.detail } })
  }
}

/** Bytes that are no response, or none where some were announced; `undefined` where the fault is only the end. */
export const faultError = (
  fault: ParseFault,
  maximumHeadBytes: number,
  url: string
): ExchangeError | undefined => {
  switch (fault._tag) {
    case "HeadTooLarge":
      return new InvalidResponse({ url, reason: { _tag: "ResponseHeadTooLarge", limit: maximumHeadBytes } })
    case "TooManyFields":
      return new InvalidResponse({ url, reason: { _tag: "ResponseHeadTooLarge", limit: defaultLimits.maxFields } })
    case "BadFraming":
    case "UnexpectedUpgrade":
    case "TooManyInformational":
      return new InvalidResponse({ url, reason: { _tag: "BadServerResponse", detail: fault.detail } })
    case "Malformed":
    case "BadChunk":
      return new InvalidResponse({
        url,
        reason: { _tag: "CannotParseResponse", detail: fault.detail, bytesReceived: fault.bytesReceived }
      })
    case "UnexpectedEnd":
      return fault.expected !== undefined && fault.expected > 0 && fault.bytesReceived === 0
        ? new InvalidResponse({ url, reason: { _tag: "ZeroByteResource", bytesExpected: fault.expected } })
        : undefined
    case "EmptyResponse":
      return undefined
  }
}

/** A response that makes no sense here. */
export const badResponse = (detail: string, url: string): ExchangeError =>
  new InvalidResponse({ url, reason: { _tag: "BadServerResponse", detail } })

/** A decider that failed without a word of its own. */
export const delegateFailed = (slot: string, cause: unknown, url: string): ExchangeError =>
  new DelegateFailed({ url, cause, reason: { _tag: "HandlerFailed", slot } })

/** The same error for another request that waited for the same connection. */
export const forUrl = (error: ExchangeError, url: string): ExchangeError => {
  if (error.url === url) return error
  const cause = error.cause
  switch (error._tag) {
    case "ConnectionError":
      return new ConnectionError({ url, cause, reason: error.reason })
    case "TlsError":
      return new TlsError({ url, cause, reason: error.reason })
    case "TimeoutError":
      return new TimeoutError({ url, cause, reason: error.reason })
    case "AuthenticationError":
      return new AuthenticationError({ url, cause, reason: error.reason })
    case "DelegateFailed":
      return new DelegateFailed({ url, cause, reason: error.reason })
    default:
      return error
  }
}

/** Whether an error is about the server, and not about one attempt to reach it. */
export const isVerdict = (error: ExchangeError): boolean =>
  error._tag === "AuthenticationError" || error._tag === "DelegateFailed" ||
  (error._tag === "TlsError" && "trust" in error.reason)
