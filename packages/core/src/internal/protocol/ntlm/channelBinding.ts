/** Binds an exchange to the TLS channel that it goes through (RFC 5929 4, RFC 5056): who relays it has another certificate. */
import { concat, uint32 } from "./bytes.ts"

export type BindingHash = "md5" | "sha256" | "sha384" | "sha512"

/** The hash for a certificate by the object identifier of its signature: the signature's own, SHA-256 for MD5 and SHA-1. */
const hashes: ReadonlyMap<string, BindingHash> = new Map([
  ["2a864886f70d010104", "sha256"],
  ["2a864886f70d010105", "sha256"],
  ["2a864886f70d01010b", "sha256"],
  ["2a864886f70d01010c", "sha384"],
  ["2a864886f70d01010d", "sha512"],
  ["2a8648ce3d0401", "sha256"],
  ["2a8648ce3d040302", "sha256"],
  ["2a8648ce3d040303", "sha384"],
  ["2a8648ce3d040304", "sha512"]
])

/** The content of an element and where the next one begins. */
const element = (der: Uint8Array, at: number): { readonly from: number; readonly to: number } | undefined => {
  const first = der[at + 1]
  if (first === undefined) return undefined
  const count = first < 0x80 ? 0 : first - 0x80
  let length = first
  if (count > 0) {
    if (count > 3) return undefined
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (der[at + 2 + i] ?? 0)
  }
  const from = at + 2 + count
  return from + length > der.length ? undefined : { from, to: from + length }
}

/** The algorithm that a certificate was signed with, as the bytes of its identifier in hexadecimal digits. */
const signatureAlgorithm = (der: Uint8Array): string => {
  const certificate = element(der, 0)
  const signed = certificate === undefined ? undefined : element(der, certificate.from)
  const algorithm = signed === undefined ? undefined : element(der, signed.to)
  const identifier = algorithm === undefined ? undefined : element(der, algorithm.from)
  return identifier === undefined
    ? ""
    : Array.from(der.subarray(identifier.from, identifier.to), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/**
 * The MD5 of the bindings to a server's certificate; zeros, which say that there are none, without TLS and for a certificate whose
 * signature does not name one hash (RSASSA-PSS has parameters, EdDSA none): RFC 5929 defines nothing for it.
 */
export const channelBindings = (
  certificate: Uint8Array | undefined,
  hash: (name: BindingHash, data: Uint8Array) => Uint8Array
): Uint8Array => {
  const name = certificate === undefined ? undefined : hashes.get(signatureAlgorithm(certificate))
  if (certificate === undefined || name === undefined) return new Uint8Array(16)
  const data = concat(new TextEncoder().encode("tls-server-end-point:"), hash(name, certificate))
  // no addresses: their types and lengths are zero (RFC 2744 3.11)
  return hash("md5", concat(new Uint8Array(16), uint32(data.length), data))
}
