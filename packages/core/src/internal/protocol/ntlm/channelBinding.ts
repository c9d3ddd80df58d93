/** Binds an exchange to the TLS channel that it goes through (RFC 5929 4, RFC 5056): who relays it has another certificate. */
import { concat, uint32 } from "./bytes.ts"

/** Object identifiers of signatures whose hash is SHA-256, or is replaced by it (MD5, SHA-1). */
const withSha256 = new Set([
  "2a864886f70d010104",
  "2a864886f70d010105",
  "2a864886f70d01010b",
  "2a8648ce3d0401",
  "2a8648ce3d040302"
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
 * signature has a hash that is not at hand (SHA-384, SHA-512, those of RSASSA-PSS and EdDSA).
 */
export const channelBindings = (
  certificate: Uint8Array | undefined,
  md5: (data: Uint8Array) => Uint8Array,
  sha256: (data: Uint8Array) => Uint8Array
): Uint8Array => {
  if (certificate === undefined || !withSha256.has(signatureAlgorithm(certificate))) return new Uint8Array(16)
  const data = concat(new TextEncoder().encode("tls-server-end-point:"), sha256(certificate))
  // no addresses: their types and lengths are zero (RFC 2744 3.11)
  return md5(concat(new Uint8Array(16), uint32(data.length), data))
}
