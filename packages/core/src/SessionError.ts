/**
 * Everything that can go wrong, as a flat union of tagged classes by family. Each carries a tagged `reason` with its own
 * fields, the NSURLErrorDomain `code` where there is one, `isTransient`, and a message that says what to do. No secret is
 * in any of them: the `url` is not enumerable, and messages show neither user info nor the query.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { family } from "./internal/errorFamily.ts"
import type { ServerTrust } from "./ServerTrust.ts"

/**
 * What was wrong with the request itself; nothing was sent.
 *
 * @since 0.1.0
 * @category reasons
 */
export type InvalidRequestReason =
  | { readonly _tag: "BadURL"; readonly input: string }
  | { readonly _tag: "UnsupportedURL"; readonly scheme: string }
  | { readonly _tag: "GetWithBody"; readonly method: string }
  | { readonly _tag: "InvalidHeader"; readonly name: string; readonly detail: string }
  | { readonly _tag: "InvalidMethod"; readonly method: string }
  | { readonly _tag: "UnsupportedBody"; readonly kind: string }
  | { readonly _tag: "SecurityPolicyViolation"; readonly rule: string }
  | { readonly _tag: "BodyStreamExhausted" }

/**
 * The request asks for something that cannot be sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest extends family<"InvalidRequest", InvalidRequestReason>("InvalidRequest", {
  BadURL: {
    code: -1000,
    message: (r) => `not a URL: ${r.input}. Give an absolute http, https or data URL with a port below 65536`
  },
  UnsupportedURL: {
    code: -1002,
    message: (r) => `no transport of this session serves the scheme "${r.scheme}"`
  },
  GetWithBody: {
    code: -1103,
    message: (r) => `a ${r.method} request must not have a body. Send it as POST, PUT, PATCH or QUERY`
  },
  InvalidHeader: {
    message: (r) => `the field "${r.name}" cannot be sent: ${r.detail}`
  },
  InvalidMethod: {
    message: (r) => `"${r.method}" is not a method: only token characters are allowed (RFC 9110 9.1)`
  },
  UnsupportedBody: {
    message: (r) => `a body of kind ${r.kind} cannot be sent by this session yet. Send bytes or text`
  },
  SecurityPolicyViolation: {
    code: -1022,
    message: (r) => `refused by TransportSecurity: ${r.rule}`
  },
  BodyStreamExhausted: {
    code: -1021,
    message: () => "the body had to be sent again and cannot be. Give bytes, or a stream that can be run twice"
  }
}) {}

/**
 * What happened to the connection.
 *
 * @since 0.1.0
 * @category reasons
 */
export type ConnectionReason =
  | { readonly _tag: "CannotFindHost"; readonly host: string; readonly temporary: boolean }
  | { readonly _tag: "CannotConnectToHost"; readonly host: string; readonly port: number; readonly detail: string }
  | { readonly _tag: "NotConnectedToInternet"; readonly why: string }
  | {
    readonly _tag: "NetworkConnectionLost"
    /** Body bytes received before the loss, as they were on the wire. */
    readonly bytesReceived: number
    /** Body bytes announced, where they were. */
    readonly bytesExpected: number | undefined
    /** `Reset`, `Closed` (a clean end in the wrong place), `Abandoned` (nobody read the body for the idle time). */
    readonly why: "Reset" | "Closed" | "Abandoned"
    /** Whether any byte of the request may have reached the server. */
    readonly requestSent: boolean
    /** Whether a connection that had served before ended before the first byte of this response: the keep-alive race. */
    readonly reused: boolean
  }
  | { readonly _tag: "AddressRefused"; readonly host: string; readonly address: string; readonly rule: string }
  | { readonly _tag: "ProxyFailed"; readonly proxy: string; readonly status: number | undefined }
  | { readonly _tag: "Unknown" }

/**
 * There was no connection, or it was lost.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionError extends family<"ConnectionError", ConnectionReason>("ConnectionError", {
  CannotFindHost: {
    code: -1003,
    transient: (r) => r.temporary,
    message: (r) =>
      r.temporary
        ? `the name server did not answer for "${r.host}". Try again`
        : `there is no host "${r.host}". Check the name`
  },
  CannotConnectToHost: {
    code: -1004,
    transient: () => true,
    message: (r) => `could not connect to ${r.host}:${r.port}: ${r.detail}. Check that the server listens there`
  },
  NotConnectedToInternet: {
    code: -1009,
    transient: () => true,
    message: (r) => `no route to the network: ${r.why}`
  },
  NetworkConnectionLost: {
    code: -1005,
    transient: (r) => r.why !== "Abandoned",
    message: (r) =>
      r.why === "Abandoned"
        ? "the body was not read for the idle time, so its connection was closed. Read or cancel responses promptly"
        : `the connection was ${r.why === "Reset" ? "reset" : "closed"} after ${r.bytesReceived}${
          r.bytesExpected === undefined ? "" : ` of ${r.bytesExpected}`
        } bytes of the body`
  },
  AddressRefused: {
    message: (r) => `the address ${r.address} of "${r.host}" is refused by the AddressPolicy: ${r.rule}`
  },
  ProxyFailed: {
    code: -1004,
    transient: () => true,
    message: (r) => `the proxy ${r.proxy} did not connect${r.status === undefined ? "" : ` (status ${r.status})`}`
  },
  Unknown: {
    code: -1,
    message: () => "the transport failed in a way that has no name; see the cause"
  }
}) {}

/**
 * Which timer fired, after how many milliseconds.
 *
 * @since 0.1.0
 * @category reasons
 */
export type TimeoutReason = {
  readonly _tag: "TimedOut"
  readonly timer: "idle" | "resource" | "connect"
  readonly after: number
}

/**
 * A timer of the session or of the request ran out.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimeoutError extends family<"TimeoutError", TimeoutReason>("TimeoutError", {
  TimedOut: {
    code: -1001,
    transient: () => true,
    message: (r) =>
      r.timer === "resource"
        ? `the whole transfer took longer than ${r.after} ms. Raise timeoutIntervalForResource, or resume it`
        : `nothing came from the network for ${r.after} ms. Raise timeoutIntervalForRequest, or try again`
  }
}) {}

/**
 * One thing that is wrong with a server's certificate chain.
 *
 * @since 0.1.0
 * @category reasons
 */
export type CertificateFault =
  | "UnknownRoot"
  | "Untrusted"
  | "WrongName"
  | "Expired"
  | "NotYetValid"
  | "WrongUsage"

/**
 * Why there is no secure connection. `trust` is what the server presented, `also` the other faults of the same chain.
 *
 * @since 0.1.0
 * @category reasons
 */
export type TlsReason =
  | { readonly _tag: "SecureConnectionFailed"; readonly detail: string }
  | {
    readonly _tag: "ServerCertificateHasBadDate"
    readonly trust: ServerTrust
    readonly notAfter: Date
    readonly also: ReadonlyArray<CertificateFault>
  }
  | {
    readonly _tag: "ServerCertificateUntrusted"
    readonly trust: ServerTrust
    readonly why: "SelfSigned" | "WrongName" | "PinMismatch" | "Usage" | "Refused" | "Revoked" | "WeakKey" | "Unknown"
    readonly detail: string
    readonly also: ReadonlyArray<CertificateFault>
  }
  | {
    readonly _tag: "ServerCertificateHasUnknownRoot"
    readonly trust: ServerTrust
    readonly also: ReadonlyArray<CertificateFault>
  }
  | {
    readonly _tag: "ServerCertificateNotYetValid"
    readonly trust: ServerTrust
    readonly notBefore: Date
    readonly also: ReadonlyArray<CertificateFault>
  }
  | { readonly _tag: "ClientCertificateRejected" }
  | { readonly _tag: "ClientCertificateRequired" }

/**
 * The handshake failed, or the server is not who it should be. No byte of the request was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class TlsError extends family<"TlsError", TlsReason>("TlsError", {
  SecureConnectionFailed: {
    code: -1200,
    message: (r) => `no secure connection: ${r.detail}. Check that the port speaks TLS and which versions it offers`
  },
  ServerCertificateHasBadDate: {
    code: -1201,
    message: (r) => `the certificate of ${r.trust.host} expired at ${r.notAfter.toISOString()}; its owner must renew it`
  },
  ServerCertificateUntrusted: {
    code: -1202,
    message: (r) => `the certificate of ${r.trust.host} is not trusted: ${r.detail}`
  },
  ServerCertificateHasUnknownRoot: {
    code: -1203,
    message: (r) =>
      `the certificate of ${r.trust.host} comes from an unknown authority. Add its root with ServerTrust.additionalRoots if you know it`
  },
  ServerCertificateNotYetValid: {
    code: -1204,
    message: (r) =>
      `the certificate of ${r.trust.host} is not valid before ${r.notBefore.toISOString()}; check the clock`
  },
  ClientCertificateRejected: {
    code: -1205,
    message: () => "the server refused the client certificate"
  },
  ClientCertificateRequired: {
    code: -1206,
    message: () => "the server wants a client certificate and none was given"
  }
}) {}

/**
 * How an authentication challenge ended badly. `space` describes the protection space in words.
 *
 * @since 0.1.0
 * @category reasons
 */
export type AuthenticationReason =
  | { readonly _tag: "Cancelled"; readonly space: string }
  | { readonly _tag: "Required"; readonly space: string }
  | { readonly _tag: "TooManyRounds"; readonly limit: number }
  | { readonly _tag: "ResolverFailed"; readonly space: string }
  | { readonly _tag: "CredentialUnusable"; readonly space: string; readonly detail: string }

/**
 * A challenge was cancelled, could not be answered, or never ended.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthenticationError extends family<"AuthenticationError", AuthenticationReason>("AuthenticationError", {
  Cancelled: {
    code: -999,
    message: (r) => `the challenge of ${r.space} was cancelled by its resolver`
  },
  Required: {
    code: -1013,
    message: (r) => `${r.space} wants authentication. Give the session a ChallengeResolver for it`
  },
  TooManyRounds: {
    message: (r) => `the server still challenged after ${r.limit} rounds; the request was given up`
  },
  ResolverFailed: {
    message: (r) => `the ChallengeResolver failed for ${r.space}; see the cause`
  },
  CredentialUnusable: {
    message: (r) => `the credential cannot be used for ${r.space}: ${r.detail}`
  }
}) {}

/**
 * Why a redirect was not followed to its end.
 *
 * @since 0.1.0
 * @category reasons
 */
export type RedirectReason =
  | { readonly _tag: "TooManyRedirects"; readonly limit: number; readonly location: string }
  | { readonly _tag: "RedirectToNonExistentLocation"; readonly location: string }

/**
 * A chain of redirects that does not end, or ends nowhere.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectError extends family<"RedirectError", RedirectReason>("RedirectError", {
  TooManyRedirects: {
    code: -1007,
    message: (r) => `more than ${r.limit} redirects; the next would go to ${r.location}`
  },
  RedirectToNonExistentLocation: {
    code: -1010,
    message: (r) => `the server redirects to "${r.location}", which is not a URL`
  }
}) {}

/**
 * What was wrong with the bytes that came as a response.
 *
 * @since 0.1.0
 * @category reasons
 */
export type InvalidResponseReason =
  | { readonly _tag: "BadServerResponse"; readonly detail: string }
  | { readonly _tag: "CannotParseResponse"; readonly detail: string; readonly bytesReceived: number }
  | { readonly _tag: "ZeroByteResource"; readonly bytesExpected: number }
  | { readonly _tag: "ResponseHeadTooLarge"; readonly limit: number }
  | { readonly _tag: "ResourceUnavailable"; readonly detail: string }

/**
 * The server answered something that is not a proper response.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidResponse extends family<"InvalidResponse", InvalidResponseReason>("InvalidResponse", {
  BadServerResponse: { code: -1011, message: (r) => `the response makes no sense: ${r.detail}` },
  CannotParseResponse: { code: -1017, message: (r) => `the response is not HTTP as RFC 9112 defines it: ${r.detail}` },
  ZeroByteResource: {
    code: -1014,
    transient: () => true,
    message: (r) => `the server announced ${r.bytesExpected} bytes and closed before the first`
  },
  ResponseHeadTooLarge: { code: -1103, message: (r) => `the head of the response passes the limit of ${r.limit}` },
  ResourceUnavailable: { code: -1008, message: (r) => `the resource is not available: ${r.detail}` }
}) {}

/**
 * What was wrong with a response's body.
 *
 * @since 0.1.0
 * @category reasons
 */
export type BodyReason =
  | { readonly _tag: "CannotDecodeRawData"; readonly coding: string }
  | { readonly _tag: "CannotDecodeContentData"; readonly coding: string }
  | { readonly _tag: "DataLengthExceedsMaximum"; readonly limit: number }
  | { readonly _tag: "DecompressionBomb"; readonly ratio: number }
  | { readonly _tag: "InvalidJson" }
  | { readonly _tag: "AlreadyConsumed" }
  | { readonly _tag: "DownloadDecodingFailedMidStream"; readonly coding: string }
  | { readonly _tag: "DownloadDecodingFailedToComplete"; readonly coding: string }

/**
 * The body came, and cannot be used as asked.
 *
 * @since 0.1.0
 * @category errors
 */
export class BodyError extends family<"BodyError", BodyReason>("BodyError", {
  CannotDecodeRawData: {
    code: -1015,
    message: (r) => `the body is not what its content coding "${r.coding}" promises`
  },
  CannotDecodeContentData: {
    code: -1016,
    message: (r) => `the content coding "${r.coding}" is not known here. Ask for identity, or switch decoding off`
  },
  DataLengthExceedsMaximum: {
    code: -1103,
    message: (r) => `the body is longer than the limit of ${r.limit} bytes. Read it as a stream, or raise the limit`
  },
  DecompressionBomb: {
    code: -1103,
    message: (r) => `the body grows more than ${r.ratio} times when decoded and was given up`
  },
  InvalidJson: { message: () => "the body is not JSON (RFC 8259). Look at it as text" },
  AlreadyConsumed: { message: () => "the body has been read already: it can be read once" },
  DownloadDecodingFailedMidStream: { code: -3006, message: (r) => `the coding "${r.coding}" broke in the middle` },
  DownloadDecodingFailedToComplete: { code: -3007, message: (r) => `the coding "${r.coding}" broke at the end` }
}) {}

/**
 * What went wrong with a file of a transfer. Paths are the caller's own.
 *
 * @since 0.1.0
 * @category reasons
 */
export type FileReason =
  | { readonly _tag: "FileIsDirectory"; readonly path: string }
  | { readonly _tag: "CannotCreateFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotOpenFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotWriteToFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotCloseFile"; readonly path: string; readonly detail: string }
  | { readonly _tag: "CannotMoveFile"; readonly path: string; readonly to: string; readonly detail: string }

/**
 * A download could not be written. Nothing is left under the final name.
 *
 * @since 0.1.0
 * @category errors
 */
export class FileError extends family<"FileError", FileReason>("FileError", {
  FileIsDirectory: { code: -1101, message: (r) => `${r.path} is a directory. Name a file in it` },
  CannotCreateFile: { code: -3000, message: (r) => `cannot create a file beside ${r.path}: ${r.detail}` },
  CannotOpenFile: { code: -3001, message: (r) => `cannot open ${r.path}: ${r.detail}` },
  CannotWriteToFile: { code: -3003, message: (r) => `cannot write ${r.path}: ${r.detail}` },
  CannotCloseFile: { code: -3002, message: (r) => `cannot close ${r.path}: ${r.detail}` },
  CannotMoveFile: { code: -3005, message: (r) => `cannot move ${r.path} to ${r.to}: ${r.detail}` }
}) {}

/**
 * How the session had ended when it was used.
 *
 * @since 0.1.0
 * @category reasons
 */
export type SessionInvalidatedReason = { readonly _tag: "Invalidated"; readonly description: string | undefined }

/**
 * The session has been invalidated; make a new one.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionInvalidated extends family<"SessionInvalidated", SessionInvalidatedReason>("SessionInvalidated", {
  Invalidated: {
    message: (r) =>
      `the session${
        r.description === undefined ? "" : ` "${r.description}"`
      } has been invalidated. Use it inside its scope, or make a new one`
  }
}) {}

/**
 * Who cancelled a task that somebody else was waiting for.
 *
 * @since 0.1.0
 * @category reasons
 */
export type CancelledReason = {
  readonly _tag: "Cancelled"
  readonly by: "task" | "session" | "responseHandler" | "scope"
}

/**
 * The task was cancelled. A fiber that cancels its own request sees interruption instead.
 *
 * @since 0.1.0
 * @category errors
 */
export class Cancelled extends family<"Cancelled", CancelledReason>("Cancelled", {
  Cancelled: {
    code: -999,
    message: (r) =>
      r.by === "session" ? "the session was invalidated while the task was running" : `the task was cancelled (${r.by})`
  }
}) {}

/**
 * Which delegate slot failed.
 *
 * @since 0.1.0
 * @category reasons
 */
export type DelegateFailedReason = { readonly _tag: "HandlerFailed"; readonly slot: string }

/**
 * A deciding delegate failed or died; the task it decided for ends with this.
 *
 * @since 0.1.0
 * @category errors
 */
export class DelegateFailed extends family<"DelegateFailed", DelegateFailedReason>("DelegateFailed", {
  HandlerFailed: { message: (r) => `the delegate's ${r.slot} failed; see the cause` }
}) {}

/**
 * What one HTTP exchange (`execute`, `data`, `upload`) can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ExchangeError =
  | InvalidRequest
  | ConnectionError
  | TimeoutError
  | TlsError
  | AuthenticationError
  | RedirectError
  | InvalidResponse
  | BodyError
  | SessionInvalidated
  | Cancelled
  | DelegateFailed

/**
 * What a download can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type DownloadError = ExchangeError | FileError

/**
 * Everything that a session can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type SessionError = ExchangeError | DownloadError

type Reasoned = { readonly _tag: string; readonly reason: { readonly _tag: string } }
type Family<E, Tag> = Extract<E, { readonly _tag: Tag }>
type ReasonOf<E, Tag> = Family<E, Tag> extends { readonly reason: infer R } ? R : never
type ReasonTag<E, Tag> = ReasonOf<E, Tag> extends { readonly _tag: infer T extends string } ? T : never

const isReason = <E extends Reasoned, Tag extends string, Reason extends string>(
  error: E,
  tag: Tag,
  reason: Reason
): error is Family<E, Tag> & { readonly reason: Extract<ReasonOf<E, Tag>, { readonly _tag: Reason }> } =>
  error._tag === tag && error.reason._tag === reason

/**
 * Handles one reason of one family; every other error passes through.
 *
 * @example
 * ```ts
 * import { SessionError, UrlSession } from "@urlsession/core"
 * import { Effect } from "effect"
 *
 * const program = (session: UrlSession.Service, url: string) =>
 *   session.data(url).pipe(
 *     SessionError.catchReason("TlsError", "ServerCertificateHasBadDate", (reason) =>
 *       Effect.dieMessage(`renew it: expired at ${reason.notAfter.toISOString()}`))
 *   )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const catchReason = <
  E extends Reasoned,
  const Tag extends E["_tag"],
  const Reason extends ReasonTag<E, Tag>,
  A2,
  E2,
  R2
>(
  tag: Tag,
  reason: Reason,
  f: (reason: Extract<ReasonOf<E, Tag>, { readonly _tag: Reason }>) => Effect.Effect<A2, E2, R2>
) =>
<A, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | A2, E | E2, R | R2> =>
  Effect.catchAll(
    self,
    (error): Effect.Effect<A2, E | E2, R2> => isReason(error, tag, reason) ? f(error.reason) : Effect.fail(error)
  )
