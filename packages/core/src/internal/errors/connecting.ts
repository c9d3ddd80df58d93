/** Errors of the connection: none, lost, too slow, or to somebody else. */
import type { ServerTrust } from "../../ServerTrust.ts"
import { family } from "./family.ts"

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
    /**
     * `Reset`, `Closed` (a clean end in the wrong place), `Abandoned` (nobody read the body for the idle time), `Unresponsive`
     * (the server answered no PING of HTTP/2).
     */
    readonly why: "Reset" | "Closed" | "Abandoned" | "Unresponsive"
    /** Whether any byte of the request may have reached the server. */
    readonly requestSent: boolean
    /** Whether a connection that had served before ended before the first byte of this response: the keep-alive race. */
    readonly reused: boolean
    /** The server has said that it did not process the request: it may be sent again, whatever its method (RFC 9113 8.7). */
    readonly unprocessed?: boolean
  }
  | { readonly _tag: "AddressRefused"; readonly host: string; readonly address: string; readonly rule: string }
  | {
    readonly _tag: "ProxyFailed"
    readonly proxy: string
    /** What it answered, where it spoke HTTP. */
    readonly status: number | undefined
    readonly detail?: string
  }
  /** `detail`: what the transport can tell of it. */
  | { readonly _tag: "Unknown"; readonly detail?: string }

const howLost = {
  Reset: "the connection was reset",
  Closed: "the connection was closed",
  Unresponsive: "the server did not answer any more"
}

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
        : `${howLost[r.why]} after ${r.bytesReceived}${
          r.bytesExpected === undefined ? "" : ` of ${r.bytesExpected}`
        } bytes of the body`
  },
  AddressRefused: {
    message: (r) => `the address ${r.address} of "${r.host}" is refused by the AddressPolicy: ${r.rule}`
  },
  ProxyFailed: {
    code: -1004,
    transient: () => true,
    message: (r) =>
      `the proxy ${r.proxy} did not connect${r.status === undefined ? "" : ` (status ${r.status})`}${
        r.detail === undefined ? "" : `: ${r.detail}`
      }`
  },
  Unknown: {
    code: -1,
    message: (r) => r.detail ?? "the transport failed in a way that has no name; see the cause"
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
  | "InvalidChain"
  | "Revoked"
  | "WeakKey"

/**
 * Why a server's certificate is not trusted: `InvalidChain` breaks a rule of RFC 5280 (a name or a depth that an authority may
 * not give), `RevocationUnknown` had to show that it is not revoked and did not.
 *
 * @since 0.1.0
 * @category reasons
 */
export type UntrustedWhy =
  | "SelfSigned"
  | "WrongName"
  | "PinMismatch"
  | "Usage"
  | "Refused"
  | "InvalidChain"
  | "Revoked"
  | "RevocationUnknown"
  | "WeakKey"
  | "Unknown"

/**
 * Why there is no secure connection. `trust` is what the server presented, `also` the other faults of the same chain.
 *
 * @since 0.1.0
 * @category reasons
 */
export type TlsReason =
  /** `advice`: what to do, where it is something else than to look at the server's port. */
  | { readonly _tag: "SecureConnectionFailed"; readonly detail: string; readonly advice?: string }
  | {
    readonly _tag: "ServerCertificateHasBadDate"
    readonly trust: ServerTrust
    readonly notAfter: Date
    readonly also: ReadonlyArray<CertificateFault>
  }
  | {
    readonly _tag: "ServerCertificateUntrusted"
    readonly trust: ServerTrust
    readonly why: UntrustedWhy
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
    message: (r) =>
      `no secure connection: ${r.detail}. ${r.advice ?? "Check that the port speaks TLS and which versions it offers"}`
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
