/** Certificate revocation lists (RFC 5280 5), and what they say of a certificate. Never throws. */
import { bitsOf, type Element, elementOf, integerOf, sameBytes, sequenceOf, tags, timeOf } from "./der.ts"
import { type Extension, extensionsOf, type Fields, taggedExtensions } from "./fields.ts"
import type { Statement } from "./ocsp.ts"
import { isSignedBy, type Signed } from "./signature.ts"

/** A list as it was given; nothing in it counts before its signature has been looked at. */
export interface RevocationList extends Signed {
  readonly issuer: Uint8Array
  readonly from: number
  readonly until: number
  /** By serial number: since when, in milliseconds. */
  readonly revoked: ReadonlyMap<string, number>
  /** Whose certificates it is about; others are not in it. */
  readonly about: "all" | "leaves" | "authorities"
  /** Not all that are revoked may be in it: who is not has not been found good. */
  readonly partial: boolean
}

const distributionPoint = "2.5.29.28"

const isTime = (element: Element | undefined): boolean =>
  element?.tag === tags.utcTime || element?.tag === tags.generalizedTime

const revokedOf = (list: Element | undefined): ReadonlyMap<string, number> | undefined => {
  const revoked = new Map<string, number>()
  if (list === undefined) return revoked
  for (const entry of sequenceOf(list) ?? []) {
    const [serial, date, more] = sequenceOf(entry) ?? []
    const serialNumber = integerOf(serial)
    const time = timeOf(date)
    const extensions = more === undefined ? undefined : extensionsOf(more)
    if (serialNumber === undefined || time === undefined || (more !== undefined && extensions === undefined)) {
      return undefined
    }
    // a critical one names another issuer: an indirect list
    if (extensions !== undefined && [...extensions.values()].some((one) => one.critical)) return undefined
    revoked.set(serialNumber, time)
  }
  return revoked
}

const scopeOf = (extension: Extension | undefined): Pick<RevocationList, "about" | "partial"> | undefined => {
  if (extension === undefined) return { about: "all", partial: false }
  const parts = sequenceOf(elementOf(extension.value))
  if (parts === undefined) return undefined
  const has = (tag: number): boolean => parts.some((one) => one.tag === tag && one.value[0] !== 0)
  // of some reasons only, indirect, or of attribute certificates
  if (has(0x83) || has(0x84) || has(0x85)) return undefined
  return { about: has(0x81) ? "leaves" : has(0x82) ? "authorities" : "all", partial: has(0xa0) }
}

/** The list, or `undefined` where anything in it cannot be read or is not understood. */
export const revocationListOf = (der: Uint8Array): RevocationList | undefined => {
  const [tbs, algorithm, bits, more] = sequenceOf(elementOf(der)) ?? []
  const signature = bitsOf(bits)
  const all = sequenceOf(tbs)
  if (
    tbs === undefined || all === undefined || algorithm === undefined || signature === undefined || more !== undefined
  ) return undefined
  const [inner, issuer, thisUpdate, ...rest] = all[0]?.tag === tags.integer ? all.slice(1) : all
  const from = timeOf(thisUpdate)
  const next = isTime(rest[0]) ? rest[0] : undefined
  const until = timeOf(next)
  const [list, tagged] = next === undefined ? rest : rest.slice(1)
  const revoked = revokedOf(list?.tag === tags.sequence ? list : undefined)
  const last = list?.tag === 0xa0 ? list : tagged
  const extensions = taggedExtensions(last)
  if (
    inner === undefined || !sameBytes(inner.whole, algorithm.whole) || issuer === undefined || from === undefined ||
    revoked === undefined || extensions === undefined || (next !== undefined && until === undefined)
  ) return undefined
  const scope = scopeOf(extensions.get(distributionPoint))
  if (scope === undefined || [...extensions.values()].some((one) => one.critical && one.id !== distributionPoint)) {
    return undefined
  }
  // a list without an end is current until there is another: nobody can tell here, so it is good for nothing but what it revokes
  return {
    signed: tbs.whole,
    algorithm,
    signature,
    issuer: issuer.whole,
    from,
    until: until ?? from,
    revoked,
    ...scope
  }
}

const cRLSign = 0x02

/** What a list says of a certificate of an issuer; `undefined` where it is not about it, or is not the issuer's. */
export const listStatement = (list: RevocationList, certificate: Fields, issuer: Fields): Statement | undefined => {
  const mine = sameBytes(list.issuer, certificate.issuer) && sameBytes(issuer.subject, certificate.issuer)
  const about = list.about === "all" || (list.about === "authorities") === certificate.authority
  const may = issuer.keyUsage === undefined || (issuer.keyUsage & cRLSign) !== 0
  if (!mine || !about || !may || !isSignedBy(list, issuer.key)) return undefined
  const revokedAt = list.revoked.get(certificate.serialNumber)
  const { from, partial, until } = list
  return revokedAt === undefined
    ? { status: partial ? "Unknown" : "Good", from, until, revokedAt }
    : { status: "Revoked", from, until, revokedAt }
}

const pattern = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g

/** The lists of PEM texts and DER bytes; `undefined` where one of them cannot be read. */
export const listsOf = (given: ReadonlyArray<string | Uint8Array>): ReadonlyArray<RevocationList> | undefined => {
  const lists = given.flatMap((one) => {
    if (one instanceof Uint8Array && one[0] === tags.sequence) return [revocationListOf(one)]
    const text = typeof one === "string" ? one : Buffer.from(one).toString("latin1")
    const found = [...text.matchAll(pattern)].map(([, body = ""]) => revocationListOf(Buffer.from(body, "base64")))
    return found.length === 0 ? [undefined] : found
  })
  const read = lists.filter((one) => one !== undefined)
  return read.length === lists.length ? read : undefined
}
