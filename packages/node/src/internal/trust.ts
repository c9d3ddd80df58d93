/** The verdict on a server: what OpenSSL says of the chain, what this library says of it, and the session's own decider. */
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type { CertificateFault } from "@urlsession/core/SessionError"
import type { TLSSocket } from "node:tls"
import { chainOf, reachesRoot } from "./certificates.ts"
import type { RootSet } from "./secureContext.ts"

const faults: Readonly<Record<string, CertificateFault>> = {
  CERT_HAS_EXPIRED: "Expired",
  CERT_NOT_YET_VALID: "NotYetValid",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "UnknownRoot",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "UnknownRoot",
  INVALID_PURPOSE: "WrongUsage"
}

// typed as an error, and a text in truth
const codeOf = (error: unknown): string =>
  typeof error === "string"
    ? error
    : error instanceof Object && "code" in error && typeof error.code === "string"
    ? error.code
    : ""

/**
 * The trust value of a finished handshake. OpenSSL reports one fault of several, and Node looks at the name only where the
 * chain is fine: so the way to a root is walked here, and name and dates are judged by `ServerTrust.make`.
 */
export const trustOf = (
  socket: TLSSocket,
  target: { readonly host: string; readonly port: number; readonly roots: RootSet; readonly now: number }
): ServerTrust.ServerTrust => {
  const chain = chainOf(socket)
  const chainTrusted = socket.authorized && chain.length > 0
  return ServerTrust.make({
    host: target.host,
    port: target.port,
    chain: chain.map((one) => one.value),
    chainTrusted,
    systemFault: chainTrusted ? undefined : faults[codeOf(socket.authorizationError)] ?? "Untrusted",
    reachesRoot: chainTrusted || reachesRoot(chain, target.roots),
    now: target.now,
    protocol: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().standardName
  })
}
