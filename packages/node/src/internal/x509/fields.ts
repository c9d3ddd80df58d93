/** The fields of a certificate that paths and revocation are judged by (RFC 5280 4). Never throws. */
import { type KeyObject, X509Certificate } from "node:crypto"
import { bitsOf, type Element, elementOf, integerOf, oidOf, sameBytes, sequenceOf, tags, timeOf } from "./der.ts"
import type { Signed } from "./signature.ts"

export interface Extension {
  readonly id: string
  readonly critical: boolean
  readonly value: Uint8Array
}

/** The names that an authority may give, and those that it may not (RFC 5280 4.2.1.10), as GeneralName elements. */
export interface NameConstraints {
  readonly permitted: ReadonlyArray<Element>
  readonly excluded: ReadonlyArray<Element>
}

export interface Fields extends Signed {
  readonly x509: X509Certificate
  readonly key: KeyObject
  /** Of the key's BIT STRING, as OCSP hashes it. */
  readonly keyBits: Uint8Array
  readonly serialNumber: string
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  readonly authority: boolean
  /** How many authorities may be between it and a leaf. */
  readonly pathLength: number
  /** The first byte of keyUsage, digitalSignature its highest bit; `undefined` without the extension. */
  readonly keyUsage: number | undefined
  /** `undefined`: for everything. */
  readonly purposes: ReadonlySet<string> | undefined
  readonly names: ReadonlyArray<Element>
  readonly constraints: NameConstraints | undefined
  /** Critical extensions that nobody here understands. */
  readonly unknownCritical: ReadonlyArray<string>
}

/** Extensions; `undefined` where they cannot be read, or one comes twice. */
export const extensionsOf = (list: Element): ReadonlyMap<string, Extension> | undefined => {
  const found = new Map<string, Extension>()
  const all = sequenceOf(list)
  if (all === undefined) return undefined
  for (const one of all) {
    const parts = sequenceOf(one)
    const id = oidOf(parts?.[0])
    const value = parts?.[parts.length - 1]
    if (parts === undefined || id === "" || value?.tag !== tags.octetString || found.has(id)) return undefined
    found.set(id, { id, critical: parts.length > 2 && parts[1]?.value[0] !== 0, value: value.value })
  }
  return found
}

/** The extensions within a tagged element; none where there is no such element. */
export const taggedExtensions = (tagged: Element | undefined): ReadonlyMap<string, Extension> | undefined => {
  if (tagged === undefined) return new Map()
  const list = elementOf(tagged.value)
  return list === undefined ? undefined : extensionsOf(list)
}

const basicConstraints = "2.5.29.19"
const keyUsage = "2.5.29.15"
const extendedKeyUsage = "2.5.29.37"
const alternativeName = "2.5.29.17"
const nameConstraints = "2.5.29.30"
// policies are asked for by nobody here, so that whatever they say is met
const policies = ["2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"]
const understood = new Set([
  basicConstraints,
  keyUsage,
  extendedKeyUsage,
  alternativeName,
  nameConstraints,
  ...policies
])

const subtrees = (parts: ReadonlyArray<Element>, tag: number): ReadonlyArray<Element> | undefined => {
  const list = parts.find((one) => one.tag === tag)
  if (list === undefined) return []
  const trees = sequenceOf({ ...list, tag: tags.sequence })
  // a minimum or a maximum is in no certificate (RFC 5280 4.2.1.10)
  const bases = trees?.map((one) => sequenceOf(one)).map((parts) => parts?.length === 1 ? parts[0] : undefined)
  return bases?.every((base) => base !== undefined) === true ? bases : undefined
}

const constraintsOf = (extension: Extension | undefined): NameConstraints | "unreadable" | undefined => {
  if (extension === undefined) return undefined
  const parts = sequenceOf(elementOf(extension.value))
  if (parts === undefined) return "unreadable"
  const permitted = subtrees(parts, 0xa0)
  const excluded = subtrees(parts, 0xa1)
  return permitted === undefined || excluded === undefined ? "unreadable" : { permitted, excluded }
}

const signedOf = (der: Uint8Array): (Signed & { readonly parts: ReadonlyArray<Element> }) | undefined => {
  const [tbs, algorithm, bits, more] = sequenceOf(elementOf(der)) ?? []
  const signature = bitsOf(bits)
  const parts = sequenceOf(tbs)
  if (tbs === undefined || parts === undefined || algorithm === undefined || signature === undefined) return undefined
  return more === undefined ? { signed: tbs.whole, algorithm, signature, parts } : undefined
}

/** The fields, or `undefined` where there is anything in it that cannot be read. */
export const fieldsOf = (der: Uint8Array): Fields | undefined => {
  const outer = signedOf(der)
  if (outer === undefined) return undefined
  const parts = outer.parts[0]?.tag === 0xa0 ? outer.parts.slice(1) : outer.parts
  const [serial, algorithm, issuer, validity, subject, info] = parts
  const serialNumber = integerOf(serial)
  const [notBefore, notAfter] = sequenceOf(validity)?.map(timeOf) ?? []
  const keyBits = bitsOf(sequenceOf(info)?.[1])
  const tagged = parts.slice(6).find((one) => one.tag === 0xa3)
  const extensions = taggedExtensions(tagged)
  if (
    serialNumber === undefined || issuer === undefined || subject === undefined || notBefore === undefined ||
    notAfter === undefined || keyBits === undefined || extensions === undefined || algorithm === undefined ||
    !sameBytes(algorithm.whole, outer.algorithm.whole)
  ) return undefined
  const of = (id: string): Element | undefined => {
    const extension = extensions.get(id)
    return extension === undefined ? undefined : elementOf(extension.value)
  }
  const constraints = constraintsOf(extensions.get(nameConstraints))
  const basic = sequenceOf(of(basicConstraints)) ?? []
  const authority = basic[0]?.tag === tags.boolean && basic[0].value[0] !== 0
  const length = authority ? integerOf(basic[1]) : undefined
  const usage = of(keyUsage)
  const purposes = sequenceOf(of(extendedKeyUsage))?.map(oidOf)
  const names = sequenceOf(of(alternativeName)) ?? []
  const unreadable = [basicConstraints, extendedKeyUsage, alternativeName]
    .some((id) => extensions.has(id) && sequenceOf(of(id)) === undefined) ||
    (extensions.has(keyUsage) && usage?.tag !== tags.bitString)
  if (constraints === "unreadable" || unreadable) return undefined
  try {
    const x509 = new X509Certificate(der)
    return {
      signed: outer.signed,
      algorithm: outer.algorithm,
      signature: outer.signature,
      x509,
      key: x509.publicKey,
      keyBits,
      serialNumber,
      issuer: issuer.whole,
      subject: subject.whole,
      notBefore,
      notAfter,
      authority,
      pathLength: length === undefined ? Infinity : parseInt(length, 16),
      keyUsage: usage === undefined ? undefined : usage.value[1] ?? 0,
      purposes: purposes === undefined ? undefined : new Set(purposes),
      names,
      constraints,
      unknownCritical: [...extensions.values()].filter((one) => one.critical && !understood.has(one.id)).map((one) =>
        one.id
      )
    }
  } catch {
    return undefined
  }
}
