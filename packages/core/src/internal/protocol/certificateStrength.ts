/**
 * What a certificate is made of (RFC 5280 4.1), as far as its strength goes: the key that it certifies, and the signature over it.
 * Reads DER and throws never; what cannot be read is weak.
 */

export interface CertificateStrength {
  readonly key: "RSA" | "EC" | "EdDSA" | "unknown"
  /** Bits of the modulus, or of a coordinate. */
  readonly bits: number
  /** Of the SHA-2 family, from SHA-256 on, or a scheme that has its own. */
  readonly strongSignature: boolean
}

interface Element {
  readonly tag: number
  readonly from: number
  readonly to: number
}

const weakest: CertificateStrength = { key: "unknown", bits: 0, strongSignature: false }

/** One element at a place; `undefined` where there is none whole. */
const elementAt = (der: Uint8Array, at: number, end: number): Element | undefined => {
  const tag = der[at]
  const first = der[at + 1]
  if (tag === undefined || first === undefined || at + 2 > end) return undefined
  let from = at + 2
  let length = first
  if (first >= 0x80) {
    const count = first - 0x80
    if (count < 1 || count > 4) return undefined
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (der[from + i] ?? 0)
    from += count
  }
  const to = from + length
  return to > end ? undefined : { tag, from, to }
}

const childrenOf = (der: Uint8Array, parent: Element | undefined): ReadonlyArray<Element> => {
  const children: Array<Element> = []
  if (parent === undefined) return children
  for (let at = parent.from; at < parent.to;) {
    const child = elementAt(der, at, parent.to)
    if (child === undefined || children.length >= 32) return children
    children.push(child)
    at = child.to
  }
  return children
}

const hexOf = (der: Uint8Array, element: Element | undefined): string =>
  element === undefined || element.to - element.from > 32
    ? ""
    : Array.from(der.subarray(element.from, element.to), (byte) => byte.toString(16).padStart(2, "0")).join("")

// object identifiers, as the bytes that they are
const rsaEncryption = "2a864886f70d010101"
const rsaPss = "2a864886f70d01010a"
const ecPublicKey = "2a8648ce3d0201"
const edwards = new Map([["2b6570", 256], ["2b6571", 456]])
const sha2 = new Set(["608648016503040201", "608648016503040202", "608648016503040203"])
const strongSignatures = new Set([
  "2a864886f70d01010b",
  "2a864886f70d01010c",
  "2a864886f70d01010d",
  "2a8648ce3d040302",
  "2a8648ce3d040303",
  "2a8648ce3d040304",
  ...edwards.keys()
])

/** RSASSA-PSS names its hash in parameters, and means SHA-1 without them (RFC 4055 3.1). */
const pssHash = (der: Uint8Array, parameters: Element | undefined): string => {
  const tagged = childrenOf(der, parameters).find((one) => one.tag === 0xa0)
  const [algorithm] = childrenOf(der, tagged)
  return hexOf(der, childrenOf(der, algorithm)[0])
}

const isStrong = (der: Uint8Array, algorithm: Element | undefined): boolean => {
  const [identifier, parameters] = childrenOf(der, algorithm)
  const name = hexOf(der, identifier)
  return name === rsaPss ? sha2.has(pssHash(der, parameters)) : strongSignatures.has(name)
}

/** A number's bits without the zeros before it. */
const bitsOf = (der: Uint8Array, integer: Element): number => {
  let at = integer.from
  while (at < integer.to && der[at] === 0) at++
  return at === integer.to ? 0 : (integer.to - at) * 8 - (Math.clz32(der[at] ?? 0) - 24)
}

const keyOf = (der: Uint8Array, info: Element | undefined): Pick<CertificateStrength, "key" | "bits"> => {
  const [algorithm, key] = childrenOf(der, info)
  const name = hexOf(der, childrenOf(der, algorithm)[0])
  // the first byte of a bit string counts the bits that are left over
  if (key === undefined || key.tag !== 0x03 || key.to - key.from < 2) return { key: "unknown", bits: 0 }
  const from = key.from + 1
  const curve = edwards.get(name)
  if (curve !== undefined) return { key: "EdDSA", bits: curve }
  if (name === ecPublicKey) {
    const compressed = der[from] !== 0x04
    return { key: "EC", bits: ((key.to - from - 1) / (compressed ? 1 : 2)) * 8 }
  }
  if (name !== rsaEncryption && name !== rsaPss) return { key: "unknown", bits: 0 }
  const [modulus] = childrenOf(der, elementAt(der, from, key.to))
  return { key: "RSA", bits: modulus === undefined ? 0 : bitsOf(der, modulus) }
}

export const strengthOf = (der: Uint8Array): CertificateStrength => {
  const [tbs, algorithm] = childrenOf(der, elementAt(der, 0, der.length))
  const parts = childrenOf(der, tbs)
  // the version is there in all but the oldest
  const offset = parts[0]?.tag === 0xa0 ? 1 : 0
  const info = parts[offset + 5]
  if (algorithm === undefined || info === undefined) return weakest
  return { ...keyOf(der, info), strongSignature: isStrong(der, algorithm) }
}

/** The least bits of a key by its kind. */
export type LeastBits = Readonly<Record<CertificateStrength["key"], number>>

export const leastBits: LeastBits = { RSA: 2048, EC: 256, EdDSA: 256, unknown: Infinity }

/**
 * What is too weak in a chain, leaf first; `undefined` where nothing is. Nobody verifies the signature of a root, so any is
 * strong enough there; `exceptRoots` lets its key be short as well.
 *
 * @since 0.1.0
 * @category getters
 */
export const weaknessOf = (
  chain: ReadonlyArray<{ readonly der: Uint8Array; readonly subject: string; readonly issuer: string }>,
  least: LeastBits = leastBits,
  options: { readonly exceptRoots?: boolean } = {}
): string | undefined => {
  for (const [index, { der, issuer, subject }] of chain.entries()) {
    const root = index > 0 && index === chain.length - 1 && subject === issuer
    if (root && options.exceptRoots === true) continue
    const { bits, key, strongSignature } = strengthOf(der)
    const which = index === 0 ? "its certificate" : `the certificate of ${subject}`
    if (bits < least[key]) {
      return key === "unknown"
        ? `${which} has a key of a kind that is not known to be strong`
        : `${which} has an ${key} key of ${bits} bits; ${least[key]} are the least`
    }
    if (!strongSignature && !root) return `${which} is signed with a hash weaker than SHA-256`
  }
  return undefined
}
