/**
 * Path validation of our own (RFC 5280 6.1), for what OpenSSL cannot be asked after a handshake: the same chain at another time.
 * Stricter where the RFC leaves a choice, and what cannot be read or is not understood is not valid.
 */
import type { CertificateFault } from "@urlsession/core/SessionError"
import { sameBytes } from "./der.ts"
import { type Fields, fieldsOf } from "./fields.ts"
import { isSelfIssued, outOfBounds } from "./names.ts"
import { isSignedBy } from "./signature.ts"

/** What a path came to. */
export type Validated =
  | { readonly valid: true; readonly path: ReadonlyArray<Fields> }
  | { readonly valid: false; readonly fault: CertificateFault; readonly detail: string }

const longestPath = 10
const mostSteps = 64

const serverPurposes = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"]
const keyCertSign = 0x04
// digitalSignature, keyEncipherment, keyAgreement: one of them is what a handshake needs
const handshakes = 0xa8

const invalid = (fault: CertificateFault, detail: string): Validated => ({ valid: false, fault, detail })

const nameOf = (one: Fields): string => (one.x509.subject ?? "").split("\n").join(", ")

const forServers = (one: Fields): boolean =>
  one.purposes === undefined || serverPurposes.some((purpose) => one.purposes?.has(purpose))

const faultOf = (path: ReadonlyArray<Fields>, at: number | undefined): Validated | undefined => {
  let below = 0
  for (const [index, one] of path.entries()) {
    const which = index === 0 ? "its certificate" : `the certificate of ${nameOf(one)}`
    const root = index === path.length - 1
    if (at !== undefined && at > one.notAfter) return invalid("Expired", `${which} has expired`)
    if (at !== undefined && at < one.notBefore) return invalid("NotYetValid", `${which} is not valid yet`)
    if (one.unknownCritical.length > 0) {
      return invalid(
        "InvalidChain",
        `${which} has a critical extension that is not known here (${one.unknownCritical})`
      )
    }
    if ((index === 0 || !root) && !forServers(one)) return invalid("WrongUsage", `${which} is not meant for servers`)
    if (index === 0) {
      if (one.authority && !root) return invalid("WrongUsage", "its certificate is one of an authority")
      if (one.keyUsage !== undefined && (one.keyUsage & handshakes) === 0) {
        return invalid("WrongUsage", "its key is not meant for handshakes")
      }
      continue
    }
    if (!one.authority || (one.keyUsage !== undefined && (one.keyUsage & keyCertSign) === 0)) {
      return invalid("InvalidChain", `${which} may not sign others`)
    }
    if (below > one.pathLength) return invalid("InvalidChain", `${which} allows fewer authorities below it`)
    if (!isSelfIssued(one)) below++
    const { constraints } = one
    if (constraints === undefined) continue
    for (const [depth, lower] of path.slice(0, index).entries()) {
      if (depth > 0 && isSelfIssued(lower)) continue
      const fault = outOfBounds(lower.names, lower.subject, constraints)
      if (fault !== undefined) return invalid("InvalidChain", `${which} constrains names: ${fault}`)
    }
  }
  return undefined
}

/**
 * Looks for a valid path from the first certificate to a root, through the others, at a time in milliseconds, or at any. `rootsOf` gives the
 * roots whose subject is the issuer of a certificate, or its own.
 */
export const validated = (
  chain: ReadonlyArray<Uint8Array>,
  rootsOf: (one: Fields) => ReadonlyArray<Fields>,
  at: number | undefined
): Validated => {
  const [leaf, ...others] = chain.slice(0, longestPath).map(fieldsOf)
  if (leaf === undefined) return invalid("Untrusted", "its certificate cannot be read")
  const between = others.filter((one) => one !== undefined)
  let worst: Validated = invalid("UnknownRoot", "its chain does not come to a root that is trusted here")
  let steps = 0
  const search = (path: ReadonlyArray<Fields>, last: Fields): Validated | undefined => {
    if (++steps > mostSteps || path.length > longestPath) return undefined
    const roots = rootsOf(last)
    if (roots.some((root) => sameBytes(root.x509.raw, last.x509.raw))) {
      const fault = faultOf(path, at)
      if (fault === undefined) return { valid: true, path }
      worst = fault
      return undefined
    }
    for (const above of [...roots, ...between]) {
      if (path.includes(above) || !sameBytes(above.subject, last.issuer) || !isSignedBy(last, above.key)) continue
      const found = search([...path, above], above)
      if (found !== undefined) return found
    }
    return undefined
  }
  return search([leaf], leaf) ?? worst
}
