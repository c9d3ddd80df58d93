/** Certificates, OCSP responses and revocation lists of any kind, also of kinds that should not be: made by pkijs at run time. */
import * as asn1js from "asn1js"
import { webcrypto } from "node:crypto"
import { isIP } from "node:net"
import * as pkijs from "pkijs"

const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto })

const day = 86_400_000

export type KeyKind = "P-256" | "RSA-2048" | "RSA-1024"

const algorithms = {
  "P-256": { name: "ECDSA", namedCurve: "P-256" },
  "RSA-2048": {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: "SHA-256"
  },
  "RSA-1024": {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 1024,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: "SHA-256"
  }
}

/** What is to be in a certificate, right or wrong. */
export interface Recipe {
  readonly commonName?: string
  /** dNSName and iPAddress; none leaves the extension out. */
  readonly names?: ReadonlyArray<string>
  readonly from?: number
  readonly to?: number
  readonly key?: KeyKind
  /** A key that is there already. */
  readonly keys?: webcrypto.CryptoKeyPair
  readonly hash?: "SHA-256" | "SHA-1"
  /** Of basicConstraints; `undefined` leaves the extension out. */
  readonly authority?: boolean
  readonly pathLength?: number
  /** The first byte of keyUsage; 0x06 for authorities, 0x80 for others. */
  readonly usage?: number
  /** Of extendedKeyUsage; serverAuth for what is no authority. */
  readonly purposes?: ReadonlyArray<string>
  readonly permitted?: ReadonlyArray<string>
  readonly excluded?: ReadonlyArray<string>
  /** An object identifier of a critical extension that nobody knows. */
  readonly critical?: string
}

/** A certificate with its key. */
export interface Made {
  readonly certificate: pkijs.Certificate
  readonly keys: webcrypto.CryptoKeyPair
  readonly der: Uint8Array
  readonly cert: string
  readonly key: string
}

export const purposes = {
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
  ocsp: "1.3.6.1.5.5.7.3.9"
}

export const pem = (label: string, der: ArrayBuffer | Uint8Array): string =>
  `-----BEGIN ${label}-----\n${
    Buffer.from(new Uint8Array(der)).toString("base64").replace(/(.{64})(?=.)/g, "$1\n")
  }\n-----END ${label}-----\n`

const nameOf = (commonName: string): pkijs.RelativeDistinguishedNames =>
  new pkijs.RelativeDistinguishedNames({
    typesAndValues: [
      new pkijs.AttributeTypeAndValue({ type: "2.5.4.3", value: new asn1js.Utf8String({ value: commonName }) })
    ]
  })

const address = (text: string): Uint8Array => {
  if (isIP(text) === 4) return Uint8Array.from(text.split("."), Number)
  const [left = "", right] = text.split("::")
  const groups = (part: string): ReadonlyArray<number> =>
    part === "" ? [] : part.split(":").map((one) => parseInt(one, 16))
  const [head, tail] = [groups(left), right === undefined ? [] : groups(right)]
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]))
}

const bytes = (from: Uint8Array): ArrayBuffer => Uint8Array.from(from).buffer

/** `a.example`, an address, or for constraints an address with a mask: `10.0.0.0/255.0.0.0`. */
const generalName = (text: string): pkijs.GeneralName => {
  const [first = "", mask] = text.split("/")
  if (isIP(first) === 0) return new pkijs.GeneralName({ type: 2, value: text })
  const value = mask === undefined ? address(first) : Buffer.concat([address(first), address(mask)])
  return new pkijs.GeneralName({ type: 7, value: new asn1js.OctetString({ valueHex: bytes(value) }) })
}

const extension = (extnID: string, critical: boolean, value: { toBER: () => ArrayBuffer }): pkijs.Extension =>
  new pkijs.Extension({ extnID, critical, extnValue: value.toBER() })

const subtrees = (names: ReadonlyArray<string>): Array<pkijs.GeneralSubtree> =>
  names.map((name) => new pkijs.GeneralSubtree({ base: generalName(name) }))

const extensionsOf = (recipe: Recipe): Array<pkijs.Extension> => {
  const authority = recipe.authority === true
  const { critical, excluded, names = [], pathLength, permitted } = recipe
  const purposesOf = recipe.purposes ?? (authority ? [] : [purposes.server])
  return [
    ...recipe.authority === undefined ? [] : [
      extension(
        "2.5.29.19",
        true,
        new pkijs.BasicConstraints({
          cA: authority,
          ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength })
        }).toSchema()
      )
    ],
    extension(
      "2.5.29.15",
      true,
      new asn1js.BitString({ valueHex: Uint8Array.of(recipe.usage ?? (authority ? 0x06 : 0x80)).buffer })
    ),
    ...purposesOf.length === 0
      ? []
      : [extension("2.5.29.37", false, new pkijs.ExtKeyUsage({ keyPurposes: [...purposesOf] }).toSchema())],
    ...names.length === 0
      ? []
      : [extension("2.5.29.17", false, new pkijs.GeneralNames({ names: names.map(generalName) }).toSchema())],
    ...permitted === undefined && excluded === undefined ? [] : [
      extension(
        "2.5.29.30",
        true,
        new pkijs.NameConstraints({
          ...(permitted === undefined ? {} : { permittedSubtrees: subtrees(permitted) }),
          ...(excluded === undefined ? {} : { excludedSubtrees: subtrees(excluded) })
        }).toSchema()
      )
    ],
    ...critical === undefined ? [] : [extension(critical, true, new asn1js.Null())]
  ]
}

let serial = 1000

const keysOf = (kind: KeyKind): Promise<webcrypto.CryptoKeyPair> =>
  kind === "P-256"
    ? webcrypto.subtle.generateKey(algorithms["P-256"], true, ["sign", "verify"])
    : webcrypto.subtle.generateKey(algorithms[kind], true, ["sign", "verify"])

// the hash belongs to the key there
const signing = async (keys: webcrypto.CryptoKeyPair, hash: "SHA-256" | "SHA-1"): Promise<webcrypto.CryptoKey> => {
  const { name } = keys.privateKey.algorithm
  if (name !== "RSASSA-PKCS1-v1_5") return keys.privateKey
  const whole = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)
  return webcrypto.subtle.importKey("pkcs8", whole, { name, hash }, true, ["sign"])
}

/** A certificate after a recipe; without an issuer it signs itself. */
export const make = async (recipe: Recipe, issuer?: Made): Promise<Made> => {
  const keys = recipe.keys ?? await keysOf(recipe.key ?? "P-256")
  const certificate = new pkijs.Certificate()
  certificate.version = 2
  certificate.serialNumber = new asn1js.Integer({ value: serial++ })
  certificate.subject = nameOf(recipe.commonName ?? recipe.names?.[0] ?? `Test ${serial}`)
  certificate.issuer = issuer?.certificate.subject ?? certificate.subject
  certificate.notBefore.value = new Date(Date.now() + (recipe.from ?? -1) * day)
  certificate.notAfter.value = new Date(Date.now() + (recipe.to ?? 30) * day)
  certificate.extensions = extensionsOf(recipe)
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey, engine)
  const hash = recipe.hash ?? "SHA-256"
  await certificate.sign(await signing(issuer?.keys ?? keys, hash), hash, engine)
  const der = new Uint8Array(certificate.toSchema(true).toBER(false))
  return {
    certificate,
    keys,
    der,
    cert: pem("CERTIFICATE", der),
    key: pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey))
  }
}

/** What is to be in an OCSP response. */
export interface OcspRecipe {
  readonly of: Made
  readonly issuer: Made
  /** Who signs; the issuer unless said. Its certificate goes with the response. */
  readonly responder?: Made
  readonly status: "good" | "revoked" | "unknown"
  /** Days from now. */
  readonly from?: number
  readonly to?: number
  /** A response whose signature is not its own. */
  readonly forged?: boolean
}

export const ocsp = async (recipe: OcspRecipe): Promise<Uint8Array> => {
  const { issuer, of } = recipe
  const responder = recipe.responder ?? issuer
  const certID = new pkijs.CertID()
  await certID.createForCertificate(
    of.certificate,
    { hashAlgorithm: "SHA-1", issuerCertificate: issuer.certificate },
    engine
  )
  const at = (days: number): Date => new Date(Date.now() + days * day)
  const single = new pkijs.SingleResponse({ certID, thisUpdate: at(recipe.from ?? -1), nextUpdate: at(recipe.to ?? 3) })
  single.certStatus = recipe.status === "revoked"
    ? new asn1js.Constructed({
      idBlock: { tagClass: 3, tagNumber: 1 },
      value: [new asn1js.GeneralizedTime({ valueDate: new Date(Math.floor(at(-2).getTime() / 1000) * 1000) })]
    })
    : new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber: recipe.status === "good" ? 0 : 2 } })
  const basic = new pkijs.BasicOCSPResponse()
  basic.tbsResponseData.responderID = responder.certificate.subject
  basic.tbsResponseData.producedAt = at(recipe.from ?? -1)
  basic.tbsResponseData.responses.push(single)
  if (responder !== issuer) basic.certs = [responder.certificate]
  await basic.sign(responder.keys.privateKey, "SHA-256", engine)
  if (recipe.forged === true) basic.signature = new asn1js.BitString({ valueHex: bytes(new Uint8Array(71).fill(48)) })
  const response = new pkijs.OCSPResponse()
  response.responseStatus.valueBlock.valueDec = 0
  response.responseBytes = new pkijs.ResponseBytes()
  response.responseBytes.responseType = "1.3.6.1.5.5.7.48.1.1"
  response.responseBytes.response = new asn1js.OctetString({ valueHex: basic.toSchema().toBER(false) })
  return new Uint8Array(response.toSchema().toBER(false))
}

/** A list of what an issuer has revoked. */
export const revocationList = async (
  issuer: Made,
  revoked: ReadonlyArray<Made>,
  options: { readonly from?: number; readonly to?: number; readonly signer?: Made } = {}
): Promise<Uint8Array> => {
  const at = (days: number): pkijs.Time => new pkijs.Time({ value: new Date(Date.now() + days * day) })
  const list = new pkijs.CertificateRevocationList({ version: 1 })
  list.issuer = issuer.certificate.subject
  list.thisUpdate = at(options.from ?? -1)
  list.nextUpdate = at(options.to ?? 3)
  if (revoked.length > 0) {
    list.revokedCertificates = revoked.map((one) =>
      new pkijs.RevokedCertificate({ userCertificate: one.certificate.serialNumber, revocationDate: at(-2) })
    )
  }
  await list.sign((options.signer ?? issuer).keys.privateKey, "SHA-256", engine)
  return new Uint8Array(list.toSchema(true).toBER(false))
}
