/** What an OCSP response (RFC 6960) says of a certificate. What is not signed by its authority says nothing. Never throws. */
import { createHash } from "node:crypto"
import {
  bitsOf,
  childrenOf,
  type Element,
  elementOf,
  integerOf,
  oidOf,
  sameBytes,
  sequenceOf,
  tags,
  timeOf
} from "./der.ts"
import { type Fields, fieldsOf, taggedExtensions } from "./fields.ts"
import { hashes, isSignedBy, type Signed } from "./signature.ts"

/** What an authority has said of one certificate, and from when until when it holds, in milliseconds. */
export interface Statement {
  readonly status: "Good" | "Revoked" | "Unknown"
  readonly from: number
  readonly until: number
  /** Where it is revoked. */
  readonly revokedAt: number | undefined
}

interface Single extends Statement {
  readonly hash: string
  readonly nameHash: Uint8Array
  readonly keyHash: Uint8Array
  readonly serialNumber: string
}

interface Response extends Signed {
  readonly responder: Element
  readonly certificates: ReadonlyArray<Uint8Array>
  readonly singles: ReadonlyArray<Single>
}

const day = 86_400_000
// an answer that does not say until when it holds does so for a week
const unlimited = 7 * day

const basicResponse = "1.3.6.1.5.5.7.48.1.1"
const ocspSigning = "1.3.6.1.5.5.7.3.9"

const inside = (element: Element | undefined): Element | undefined =>
  element === undefined ? undefined : elementOf(element.value)

const understood = (tagged: Element | undefined): boolean => {
  const extensions = taggedExtensions(tagged)
  return extensions !== undefined && [...extensions.values()].every((one) => !one.critical)
}

const singleOf = (element: Element): Single | undefined => {
  const [id, status, thisUpdate, ...rest] = sequenceOf(element) ?? []
  const [algorithm, nameHash, keyHash, serial] = sequenceOf(id) ?? []
  const hash = hashes.get(oidOf(sequenceOf(algorithm)?.[0]))
  const serialNumber = integerOf(serial)
  const from = timeOf(thisUpdate)
  const next = rest.find((one) => one.tag === 0xa0)
  const until = next === undefined ? undefined : timeOf(inside(next))
  if (
    hash === undefined || serialNumber === undefined || from === undefined || status === undefined ||
    nameHash?.tag !== tags.octetString || keyHash?.tag !== tags.octetString ||
    (next !== undefined && until === undefined)
  ) return undefined
  const kind = status.tag === 0x80
    ? "Good"
    : status.tag === 0xa1
    ? "Revoked"
    : status.tag === 0x82
    ? "Unknown"
    : undefined
  if (kind === undefined || !understood(rest.find((one) => one.tag === 0xa1))) return undefined
  return {
    status: kind,
    from,
    until: until ?? from + unlimited,
    revokedAt: kind === "Revoked" ? timeOf(childrenOf(status)?.[0]) : undefined,
    hash,
    nameHash: nameHash.value,
    keyHash: keyHash.value,
    serialNumber
  }
}

const responseOf = (der: Uint8Array): Response | undefined => {
  const [status, tagged] = sequenceOf(elementOf(der)) ?? []
  if (status?.tag !== tags.enumerated || status.value.length !== 1 || status.value[0] !== 0) return undefined
  const [type, wrapped] = sequenceOf(inside(tagged)) ?? []
  if (oidOf(type) !== basicResponse || wrapped?.tag !== tags.octetString) return undefined
  const [data, algorithm, bits, more] = sequenceOf(elementOf(wrapped.value)) ?? []
  const signature = bitsOf(bits)
  const parts = sequenceOf(data) ?? []
  const [responder, , list, extensions] = parts[0]?.tag === 0xa0 ? parts.slice(1) : parts
  const singles = sequenceOf(list)?.map(singleOf)
  const certificates = more === undefined ? [] : sequenceOf(inside(more))
  if (
    data === undefined || algorithm === undefined || signature === undefined || responder === undefined ||
    singles === undefined || certificates === undefined || !understood(extensions)
  ) return undefined
  return {
    signed: data.whole,
    algorithm,
    signature,
    responder,
    certificates: certificates.map((one) => one.whole),
    // what is said of others, and cannot be read, is not looked for
    singles: singles.filter((one) => one !== undefined)
  }
}

const digest = (hash: string, bytes: Uint8Array): Uint8Array => createHash(hash).update(bytes).digest()

const isResponder = (response: Response, one: Fields): boolean => {
  const { tag, value } = response.responder
  const name = inside(response.responder)
  return tag === 0xa1
    ? name !== undefined && sameBytes(name.whole, one.subject)
    : tag === 0xa2 && sameBytes(elementOf(value)?.value ?? value, digest("sha1", one.keyBits))
}

/** Who has signed a response: the authority itself, or somebody to whom it has given that (RFC 6960 4.2.2.2). */
const signerOf = (response: Response, issuer: Fields): Fields | undefined => {
  const delegates = response.certificates
    .map(fieldsOf)
    .filter((one) => one !== undefined)
    .filter((one) =>
      one.purposes?.has(ocspSigning) === true && one.unknownCritical.length === 0 &&
      sameBytes(one.issuer, issuer.subject) && isSignedBy(one, issuer.key)
    )
  return [issuer, ...delegates].find((one) => isResponder(response, one) && isSignedBy(response, one.key))
}

/**
 * What a response says of a certificate of an issuer; `undefined` where it says nothing that counts. What a delegate says holds
 * no longer than its own certificate.
 */
export const ocspStatement = (der: Uint8Array, certificate: Fields, issuer: Fields): Statement | undefined => {
  const response = responseOf(der)
  if (response === undefined || !sameBytes(certificate.issuer, issuer.subject)) return undefined
  const about = response.singles.filter((one) =>
    one.serialNumber === certificate.serialNumber &&
    sameBytes(one.nameHash, digest(one.hash, issuer.subject)) &&
    sameBytes(one.keyHash, digest(one.hash, issuer.keyBits))
  )
  const said = about.find((one) => one.status === "Revoked") ?? about.find((one) => one.status === "Unknown") ??
    about[0]
  const signer = said === undefined ? undefined : signerOf(response, issuer)
  if (said === undefined || signer === undefined) return undefined
  const { revokedAt, status } = said
  return signer === issuer
    ? { status, revokedAt, from: said.from, until: said.until }
    : {
      status,
      revokedAt,
      from: Math.max(said.from, signer.notBefore),
      until: Math.min(said.until, signer.notAfter)
    }
}
