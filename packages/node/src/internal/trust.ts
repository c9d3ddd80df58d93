/** The verdict on a server: what OpenSSL says of the chain, what this library says of it, and the session's own decider. */
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type { CertificateFault } from "@urlsession/core/SessionError"
import type { TLSSocket } from "node:tls"
import { chainOf, type Parsed, reachesRoot } from "./certificates.ts"
import type { RootSet, TrustContext } from "./secureContext.ts"
import { excludedWildcard } from "./x509/names.ts"
import { ocspStatement } from "./x509/ocsp.ts"
import { type Validated, validated } from "./x509/path.ts"

/** What a server presented in one handshake. */
export interface Shown {
  readonly chain: ReadonlyArray<Parsed>
  /** What OpenSSL's verification stopped at; `undefined` where it found nothing. */
  readonly fault: string | undefined
  readonly protocol: string
  readonly cipher: string
  /**
   * The server asked for a client certificate: only then has it named signature algorithms for one. Known before any byte of a
   * request, where an alert would come too late: many servers finish the handshake without a certificate, and some refuse one
   * by a close without a word.
   */
  readonly asks: boolean
  /** The OCSP response that came with it. */
  readonly stapled: Uint8Array | undefined
}

const faults: Readonly<Record<string, CertificateFault>> = {
  CERT_HAS_EXPIRED: "Expired",
  CERT_NOT_YET_VALID: "NotYetValid",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "UnknownRoot",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "UnknownRoot",
  INVALID_PURPOSE: "WrongUsage",
  INVALID_CA: "InvalidChain",
  PATH_LENGTH_EXCEEDED: "InvalidChain"
}

// typed as an error, and a text in truth
const codeOf = (error: unknown): string =>
  typeof error === "string"
    ? error
    : error instanceof Object && "code" in error && typeof error.code === "string"
    ? error.code
    : ""

const show = (socket: TLSSocket, fault: string | undefined, stapled: Uint8Array | undefined): Shown => ({
  chain: chainOf(socket),
  fault,
  protocol: socket.getProtocol() ?? "unknown",
  cipher: socket.getCipher().standardName,
  asks: socket.getSharedSigalgs().length > 0,
  stapled
})

/** What was presented in a handshake that is done. */
export const shownBy = (socket: TLSSocket, stapled: Uint8Array | undefined): Shown =>
  show(socket, socket.authorized ? undefined : codeOf(socket.authorizationError) || "unknown", stapled)

// Node asks OpenSSL for the verdict at the end of a handshake only; its socket can be asked before
const unfinishedFault = (socket: TLSSocket): string | undefined => {
  const handle: unknown = Reflect.get(socket, "_handle")
  const verify: unknown = handle instanceof Object ? Reflect.get(handle, "verifyError") : undefined
  if (typeof verify !== "function") return "unknown"
  const error: unknown = Reflect.apply(verify, handle, [])
  return error === undefined || error === null ? undefined : codeOf(error) || "unknown"
}

/**
 * What was presented in a handshake that the server has ended after it asked for a client certificate; `undefined` where it
 * did not come so far. Its chain has been verified by then, and under TLS 1.2 with a key exchange that is forward secret the
 * server has proved its key. Only before the socket is destroyed.
 */
export const shownUnfinished = (socket: TLSSocket, stapled: Uint8Array | undefined): Shown | undefined => {
  try {
    return socket.getSharedSigalgs().length === 0 ? undefined : show(socket, unfinishedFault(socket), stapled)
  } catch {
    // there is nothing left to be asked
    return undefined
  }
}

const weakness = (chain: ReadonlyArray<Parsed>): ReadonlyArray<ServerTrust.Finding> => {
  const detail = ServerTrust.weaknessOf(chain.map((one) => one.value), undefined, { exceptRoots: true })
  return detail === undefined ? [] : [{ fault: "WeakKey", detail }]
}

// a staple is small, and what it says of a revocation holds whatever the clock says
const revocation = ([leaf, issuer]: ReadonlyArray<Parsed>, stapled: Uint8Array): ReadonlyArray<ServerTrust.Finding> => {
  const [certificate, authority] = [leaf?.fields, issuer?.fields]
  const said = certificate === undefined || authority === undefined
    ? undefined
    : ocspStatement(stapled, certificate, authority)
  return said?.status === "Revoked"
    ? [{ fault: "Revoked", detail: revokedText("its certificate", said.revokedAt) }]
    : []
}

/** That a certificate was revoked, in words. */
export const revokedText = (which: string, at: number | undefined): string =>
  `${which} was revoked by its authority${at === undefined ? "" : ` at ${new Date(at).toISOString()}`}`

const authorityAsLeaf = ([leaf]: ReadonlyArray<Parsed>, roots: RootSet): ReadonlyArray<ServerTrust.Finding> =>
  leaf?.x509.ca === true && !roots.has(leaf.x509)
    ? [{ fault: "WrongUsage", detail: "it is the certificate of an authority, and no server's" }]
    : []

const wildcards = ([leaf, ...above]: ReadonlyArray<Parsed>): ReadonlyArray<ServerTrust.Finding> => {
  if (leaf === undefined || !leaf.value.names.dns.some((name) => name.startsWith("*."))) return []
  for (const { fields, value } of above) {
    const name = fields?.constraints === undefined || leaf.fields === undefined
      ? undefined
      : excludedWildcard(leaf.fields.names, fields.constraints)
    if (name !== undefined) {
      return [{ fault: "InvalidChain", detail: `${name} stands for a name that ${value.subject} may not give` }]
    }
  }
  return []
}

// OpenSSL tells one fault of several, and some without a name: whatever is not a date is looked for here once more
const refused = (result: Validated): ReadonlyArray<ServerTrust.Finding> => {
  return !result.valid && (result.fault === "InvalidChain" || result.fault === "WrongUsage")
    ? [{ fault: result.fault, detail: result.detail }]
    : []
}

// the last one that is told of a fault tells it best
const byFault = (findings: ReadonlyArray<ServerTrust.Finding>): ReadonlyArray<ServerTrust.Finding> => [
  ...new Map(findings.map((one) => [one.fault, one])).values()
]

/**
 * The trust value of a handshake. OpenSSL reports one fault of several, and Node looks at the name only where the chain is
 * fine: so the way to a root is walked here, and name and dates are judged by `ServerTrust.make`.
 */
export const trustOf = (
  shown: Shown,
  target: { readonly host: string; readonly port: number; readonly context: TrustContext; readonly now: number }
): ServerTrust.ServerTrust => {
  const { chain, cipher, fault, protocol, stapled } = shown
  const { roots, widened } = target.context
  const verified = fault === undefined && chain.length > 0
  const again = verified
    ? undefined
    : validated(chain.map((one) => one.value.der), (one) => roots.fieldsFor(one), undefined)
  const findings = byFault([
    ...again === undefined ? wildcards(chain) : refused(again),
    ...authorityAsLeaf(chain, roots),
    ...weakness(chain),
    ...stapled === undefined ? [] : revocation(chain, stapled)
  ])
  // a path that breaks a rule comes to a root as well
  const broken = findings.some((one) => one.fault === "InvalidChain")
  const reaches = (verified && !widened) || broken || reachesRoot(chain, roots)
  const chainTrusted = verified && reaches
  const told = faults[fault ?? ""] ?? (findings.length === 0 || !reaches ? "Untrusted" : undefined)
  return ServerTrust.make({
    host: target.host,
    port: target.port,
    chain: chain.map((one) => one.value),
    chainTrusted,
    systemFault: chainTrusted ? undefined : verified ? "UnknownRoot" : told,
    reachesRoot: reaches,
    now: target.now,
    protocol,
    cipher,
    findings,
    stapledOcsp: stapled
  })
}
