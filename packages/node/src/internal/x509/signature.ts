/** Whether a signature of an authority is good (RFC 4055, 5758, 8410): by SHA-2 or a scheme of its own, never by SHA-1. */
import { constants, type KeyObject, verify } from "node:crypto"
import { type Element, oidOf, sequenceOf } from "./der.ts"

/** A thing that is signed: what is signed, by which algorithm, and the signature. */
export interface Signed {
  readonly signed: Uint8Array
  /** AlgorithmIdentifier. */
  readonly algorithm: Element
  readonly signature: Uint8Array
}

interface Scheme {
  readonly key: ReadonlyArray<string>
  readonly hash: string | null
}

const schemes: ReadonlyMap<string, Scheme> = new Map([
  ["1.2.840.113549.1.1.11", { key: ["rsa"], hash: "sha256" }],
  ["1.2.840.113549.1.1.12", { key: ["rsa"], hash: "sha384" }],
  ["1.2.840.113549.1.1.13", { key: ["rsa"], hash: "sha512" }],
  ["1.2.840.10045.4.3.2", { key: ["ec"], hash: "sha256" }],
  ["1.2.840.10045.4.3.3", { key: ["ec"], hash: "sha384" }],
  ["1.2.840.10045.4.3.4", { key: ["ec"], hash: "sha512" }],
  ["1.3.101.112", { key: ["ed25519"], hash: null }],
  ["1.3.101.113", { key: ["ed448"], hash: null }]
])

const pss = "1.2.840.113549.1.1.10"

/** The hash functions that are named in certificates and responses. */
export const hashes: ReadonlyMap<string, string> = new Map([
  ["1.3.14.3.2.26", "sha1"],
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"]
])

const pssHash = (parameters: Element | undefined): string | undefined => {
  const tagged = sequenceOf(parameters)?.find((one) => one.tag === 0xa0)
  const inner = tagged === undefined ? undefined : sequenceOf({ ...tagged, tag: 0x30 })
  const hash = hashes.get(oidOf(sequenceOf(inner?.[0])?.[0]))
  return hash === "sha1" ? undefined : hash
}

/** Whether `key` made this signature. What cannot be read is not good. */
export const isSignedBy = ({ algorithm, signature, signed }: Signed, key: KeyObject): boolean => {
  const [identifier, parameters] = sequenceOf(algorithm) ?? []
  const name = oidOf(identifier)
  const kind = key.asymmetricKeyType ?? ""
  try {
    if (name === pss) {
      const hash = pssHash(parameters)
      if (hash === undefined || (kind !== "rsa" && kind !== "rsa-pss")) return false
      const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_AUTO: saltLength } = constants
      return verify(hash, signed, { key, padding, saltLength }, signature)
    }
    const scheme = schemes.get(name)
    return scheme !== undefined && scheme.key.includes(kind) && verify(scheme.hash, signed, key, signature)
  } catch {
    return false
  }
}
