/** Errors as a recording keeps them: the family and its reason, without URL and cause, either of which may hold a secret. */
import * as Schema from "effect/Schema"
import {
  AuthenticationError,
  ConnectionError,
  DelegateFailed,
  type ExchangeError,
  InvalidRequest,
  InvalidResponse,
  TimeoutError,
  TlsError
} from "../../SessionError.ts"

const text = Schema.String
const count = Schema.Finite

const certificate = Schema.Struct({
  der: Schema.Uint8ArrayFromBase64,
  subject: text,
  issuer: text,
  serialNumber: text,
  notBefore: Schema.Date,
  notAfter: Schema.Date,
  names: Schema.Struct({ dns: Schema.Array(text), ip: Schema.Array(text) }),
  spkiSha256: text
})

const fault = Schema.Literal(
  "UnknownRoot",
  "Untrusted",
  "WrongName",
  "Expired",
  "NotYetValid",
  "WrongUsage",
  "InvalidChain",
  "Revoked",
  "WeakKey"
)

/** What a server presented. */
export const serverTrust = Schema.Struct({
  host: text,
  port: count,
  chain: Schema.Array(certificate),
  chainTrusted: Schema.Boolean,
  identityMatches: Schema.Boolean,
  trusted: Schema.Boolean,
  faults: Schema.Array(fault),
  protocol: text,
  cipher: text
})

const chain = { trust: serverTrust, also: Schema.Array(fault) }

const invalidRequest = Schema.Union(
  Schema.TaggedStruct("BadURL", { input: text }),
  Schema.TaggedStruct("UnsupportedURL", { scheme: text }),
  Schema.TaggedStruct("FileDoesNotExist", { path: text }),
  Schema.TaggedStruct("FileIsDirectory", { path: text }),
  Schema.TaggedStruct("NoPermissionsToReadFile", { path: text }),
  Schema.TaggedStruct("GetWithBody", { method: text }),
  Schema.TaggedStruct("BodyTooLarge", { limit: count }),
  Schema.TaggedStruct("InvalidHeader", { name: text, detail: text }),
  Schema.TaggedStruct("InvalidMethod", { method: text }),
  Schema.TaggedStruct("UnsupportedBody", { kind: text }),
  Schema.TaggedStruct("SecurityPolicyViolation", { rule: text }),
  Schema.TaggedStruct("BodyStreamExhausted", {}),
  Schema.TaggedStruct("BodyStreamFailed", {}),
  Schema.TaggedStruct("BodyLengthMismatch", { announced: count, given: count })
)

const connection = Schema.Union(
  Schema.TaggedStruct("CannotFindHost", { host: text, temporary: Schema.Boolean }),
  Schema.TaggedStruct("CannotConnectToHost", { host: text, port: count, detail: text }),
  Schema.TaggedStruct("NotConnectedToInternet", { why: text }),
  Schema.TaggedStruct("NetworkConnectionLost", {
    bytesReceived: count,
    bytesExpected: Schema.UndefinedOr(count),
    why: Schema.Literal("Reset", "Closed", "Abandoned", "Unresponsive"),
    requestSent: Schema.Boolean,
    reused: Schema.Boolean,
    unprocessed: Schema.optionalWith(Schema.Boolean, { exact: true })
  }),
  Schema.TaggedStruct("AddressRefused", { host: text, address: text, rule: text }),
  Schema.TaggedStruct("ProxyFailed", {
    proxy: text,
    status: Schema.UndefinedOr(count),
    detail: Schema.optionalWith(text, { exact: true })
  }),
  Schema.TaggedStruct("Unknown", { detail: Schema.optionalWith(text, { exact: true }) })
)

const tls = Schema.Union(
  Schema.TaggedStruct("SecureConnectionFailed", { detail: text, advice: Schema.optionalWith(text, { exact: true }) }),
  Schema.TaggedStruct("ServerCertificateHasBadDate", { ...chain, notAfter: Schema.Date }),
  Schema.TaggedStruct("ServerCertificateUntrusted", {
    ...chain,
    why: Schema.Literal(
      "SelfSigned",
      "WrongName",
      "PinMismatch",
      "Usage",
      "Refused",
      "InvalidChain",
      "Revoked",
      "RevocationUnknown",
      "WeakKey",
      "Unknown"
    ),
    detail: text
  }),
  Schema.TaggedStruct("ServerCertificateHasUnknownRoot", chain),
  Schema.TaggedStruct("ServerCertificateNotYetValid", { ...chain, notBefore: Schema.Date }),
  Schema.TaggedStruct("ClientCertificateRejected", {}),
  Schema.TaggedStruct("ClientCertificateRequired", {})
)

/** Those of a resolver that a transport has asked; the others are made above it. */
const authentication = Schema.Union(
  Schema.TaggedStruct("Cancelled", { space: text }),
  Schema.TaggedStruct("ResolverFailed", { space: text }),
  Schema.TaggedStruct("CredentialUnusable", { space: text, detail: text }),
  Schema.TaggedStruct("ServerNotAuthenticated", { space: text })
)
const isAuthentication = Schema.is(authentication)

const invalidResponse = Schema.Union(
  Schema.TaggedStruct("BadServerResponse", { detail: text }),
  Schema.TaggedStruct("CannotParseResponse", { detail: text, bytesReceived: count }),
  Schema.TaggedStruct("ZeroByteResource", { bytesExpected: count }),
  Schema.TaggedStruct("ResponseHeadTooLarge", { limit: count }),
  Schema.TaggedStruct("ResourceUnavailable", { detail: text })
)

/** An error in a recording. */
export const failure = Schema.Union(
  Schema.TaggedStruct("InvalidRequest", { reason: invalidRequest }),
  Schema.TaggedStruct("ConnectionError", { reason: connection }),
  Schema.TaggedStruct("TimeoutError", {
    reason: Schema.TaggedStruct("TimedOut", { timer: Schema.Literal("idle", "resource", "connect"), after: count })
  }),
  Schema.TaggedStruct("TlsError", { reason: tls }),
  Schema.TaggedStruct("AuthenticationError", { reason: authentication }),
  Schema.TaggedStruct("InvalidResponse", { reason: invalidResponse }),
  Schema.TaggedStruct("DelegateFailed", { reason: Schema.TaggedStruct("HandlerFailed", { slot: text }) })
)

/**
 * An error as a recording keeps it: the family and its reason.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = typeof failure.Type

/**
 * What is kept of an error of a transport. A reason that is new in its family is added to its schema above: this does not
 * compile without. What is made above the transport happens again by itself, and should it ever come from below has no name.
 */
export const failureOf = (error: ExchangeError): Failure => {
  switch (error._tag) {
    case "InvalidRequest":
      return { _tag: error._tag, reason: error.reason }
    case "ConnectionError":
      return { _tag: error._tag, reason: error.reason }
    case "TimeoutError":
      return { _tag: error._tag, reason: error.reason }
    case "TlsError":
      return { _tag: error._tag, reason: error.reason }
    case "InvalidResponse":
      return { _tag: error._tag, reason: error.reason }
    case "DelegateFailed":
      return { _tag: error._tag, reason: error.reason }
    case "AuthenticationError":
      return isAuthentication(error.reason) ? { _tag: error._tag, reason: error.reason } : unknown
    default:
      return unknown
  }
}

const unknown: Failure = { _tag: "ConnectionError", reason: { _tag: "Unknown" } }

/** The error again, as one of this request. */
export const errorOf = (failure: Failure, url: string): ExchangeError => {
  switch (failure._tag) {
    case "InvalidRequest":
      return new InvalidRequest({ url, reason: failure.reason })
    case "ConnectionError":
      return new ConnectionError({ url, reason: failure.reason })
    case "TimeoutError":
      return new TimeoutError({ url, reason: failure.reason })
    case "TlsError":
      return new TlsError({ url, reason: failure.reason })
    case "AuthenticationError":
      return new AuthenticationError({ url, reason: failure.reason })
    case "InvalidResponse":
      return new InvalidResponse({ url, reason: failure.reason })
    case "DelegateFailed":
      return new DelegateFailed({ url, reason: failure.reason })
  }
}
