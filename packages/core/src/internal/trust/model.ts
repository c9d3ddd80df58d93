/** What a server presented in a handshake, as a value, and the error of a chain that is refused. */
import { type CertificateFault, TlsError, type UntrustedWhy } from "../../SessionError.ts"
import { isFor } from "./names.ts"

/**
 * One certificate of a chain. `der` is the certificate itself, `spkiSha256` the base64 SHA-256 of its public key info, the
 * form that pins have.
 *
 * @since 0.1.0
 * @category models
 */
export interface Certificate {
  readonly der: Uint8Array
  readonly subject: string
  readonly issuer: string
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** The subject alternative names that identity is judged by; the common name is never used (RFC 9525 6.3). */
  readonly names: { readonly dns: ReadonlyArray<string>; readonly ip: ReadonlyArray<string> }
  readonly spkiSha256: string
}

/**
 * What a server presented in one handshake, and what is known about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerTrust {
  readonly host: string
  readonly port: number
  /** Leaf first; ends with the root where the platform found one. */
  readonly chain: ReadonlyArray<Certificate>
  /** Whether the platform verified the chain against the roots of this connection. Never a statement about the name. */
  readonly chainTrusted: boolean
  /** Whether the leaf is for this host (RFC 9525), always computed by this library. */
  readonly identityMatches: boolean
  /** Both of the above, and nothing else was found. */
  readonly trusted: boolean
  /** Every fault that could be found, the most important first. Empty exactly when `trusted`. */
  readonly faults: ReadonlyArray<CertificateFault>
  /** For example `TLSv1.3`. */
  readonly protocol: string
  readonly cipher: string
  /** What was found besides the platform's verdict, in words: each fault is among `faults`. */
  readonly findings?: ReadonlyArray<Finding>
  /** The OCSP response (RFC 6960, DER) that the server stapled to its handshake (RFC 6066 8), as it came. */
  readonly stapledOcsp?: Uint8Array | undefined
}

/**
 * A fault that the platform does not look for, with what is wrong: `its certificate has an RSA key of 1024 bits`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Finding {
  readonly fault: CertificateFault
  readonly detail: string
}

/**
 * What a platform knows of a handshake; `make` adds identity, dates and the order of the faults.
 *
 * @since 0.1.0
 * @category models
 */
export interface Presented {
  readonly host: string
  readonly port: number
  readonly chain: ReadonlyArray<Certificate>
  readonly chainTrusted: boolean
  /** What the platform's verification stopped at: one of possibly several faults. */
  readonly systemFault: CertificateFault | undefined
  /** Whether the chain, link by link, ends in a root of this connection; `undefined` where the platform cannot tell. */
  readonly reachesRoot: boolean | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly protocol: string
  readonly cipher: string
  /** Faults beside that of the platform's verification. */
  readonly findings?: ReadonlyArray<Finding>
  readonly stapledOcsp?: Uint8Array | undefined
}

const order: ReadonlyArray<CertificateFault> = [
  "UnknownRoot",
  "Untrusted",
  "InvalidChain",
  "Revoked",
  "WeakKey",
  "WrongName",
  "Expired",
  "NotYetValid",
  "WrongUsage"
]

/**
 * The trust value of a handshake. A platform reports one fault of several (an expired leaf of an unknown root shows only
 * the date), so name, dates and the way to a root are looked at again here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (presented: Presented): ServerTrust => {
  const leaf = presented.chain[0]
  const identityMatches = leaf !== undefined && isFor(presented.host, leaf.names)
  const findings = presented.findings ?? []
  const found = new Set(findings.map((one) => one.fault))
  if (!presented.chainTrusted && presented.systemFault !== undefined) found.add(presented.systemFault)
  if (presented.reachesRoot === false) {
    const last = presented.chain[presented.chain.length - 1]
    if (!found.has("Untrusted") && !found.has("UnknownRoot")) {
      found.add(last === undefined || last.subject === last.issuer ? "Untrusted" : "UnknownRoot")
    }
  }
  if (!identityMatches) found.add("WrongName")
  for (const certificate of presented.chain) {
    if (certificate.notAfter.getTime() < presented.now) found.add("Expired")
    if (certificate.notBefore.getTime() > presented.now) found.add("NotYetValid")
  }
  // the platform's own verdict stands: a clock that runs differently here must not make a verified chain untrusted
  if (presented.chainTrusted) {
    found.delete("Expired")
    found.delete("NotYetValid")
  }
  // neither a name nor a revocation is what a platform refuses a chain for
  if (!presented.chainTrusted && [...found].every((fault) => fault === "WrongName" || fault === "Revoked")) {
    found.add("Untrusted")
  }
  return {
    host: presented.host,
    port: presented.port,
    chain: presented.chain,
    chainTrusted: presented.chainTrusted,
    identityMatches,
    trusted: presented.chainTrusted && identityMatches && findings.length === 0,
    faults: order.filter((fault) => found.has(fault)),
    protocol: presented.protocol,
    cipher: presented.cipher,
    findings,
    stapledOcsp: presented.stapledOcsp
  }
}

const details: Record<CertificateFault, string> = {
  UnknownRoot: "its authority is not known here",
  Untrusted: "its chain ends in a certificate that is not trusted here",
  WrongName: "it is for another name",
  Expired: "it has expired",
  NotYetValid: "it is not valid yet",
  WrongUsage: "it is not meant for servers",
  InvalidChain: "its chain breaks a rule of the authorities in it (RFC 5280)",
  Revoked: "its authority has revoked it",
  WeakKey: "a key or a signature in its chain is too weak"
}

const reasons: Partial<Record<CertificateFault, UntrustedWhy>> = {
  WrongName: "WrongName",
  WrongUsage: "Usage",
  InvalidChain: "InvalidChain",
  Revoked: "Revoked",
  WeakKey: "WeakKey"
}

/**
 * The error of a chain that the platform or RFC 9525 refuses, by the first fault; the others are in `also`.
 *
 * @since 0.1.0
 * @category errors
 */
export const refusal = (trust: ServerTrust, url?: string): TlsError => {
  const [first = "Untrusted", ...also] = trust.faults
  const leaf = trust.chain[0]
  if (first === "UnknownRoot") {
    return new TlsError({ url, reason: { _tag: "ServerCertificateHasUnknownRoot", trust, also } })
  }
  if (first === "Expired" && leaf !== undefined) {
    const notAfter = trust.chain.reduce((date, one) => one.notAfter < date ? one.notAfter : date, leaf.notAfter)
    return new TlsError({ url, reason: { _tag: "ServerCertificateHasBadDate", trust, notAfter, also } })
  }
  if (first === "NotYetValid" && leaf !== undefined) {
    const notBefore = trust.chain.reduce((date, one) => one.notBefore > date ? one.notBefore : date, leaf.notBefore)
    return new TlsError({ url, reason: { _tag: "ServerCertificateNotYetValid", trust, notBefore, also } })
  }
  const selfSigned = first === "Untrusted" && leaf !== undefined && leaf.subject === leaf.issuer
  const why = selfSigned ? "SelfSigned" : reasons[first] ?? "Unknown"
  const detail = selfSigned
    ? "it is self-signed"
    : trust.findings?.find((one) => one.fault === first)?.detail ?? details[first]
  return new TlsError({ url, reason: { _tag: "ServerCertificateUntrusted", trust, why, detail, also } })
}

/**
 * The error of a server whose evaluator wants other roots after it has had other roots.
 *
 * @since 0.1.0
 * @category errors
 */
export const undecided = (trust: ServerTrust, url?: string): TlsError =>
  new TlsError({
    url,
    reason: {
      _tag: "ServerCertificateUntrusted",
      trust,
      why: "Refused",
      detail:
        "its evaluator wanted other roots a second time. Answer RetryWith only where trust.trusted is false, and once",
      also: trust.faults
    }
  })
