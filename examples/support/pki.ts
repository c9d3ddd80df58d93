/** Certificate authorities made at run time, for examples and tests: no key is ever committed. */
import * as asn1js from "asn1js"
import { createHash, webcrypto } from "node:crypto"
import { isIP } from "node:net"
import * as pkijs from "pkijs"

/** What a certificate may be used for; `none` leaves the extension out. */
export type Usage = "server" | "client" | "none"

/** What to put into a certificate. Names that are IP addresses become iPAddress entries. */
export interface IssueOptions {
  readonly names?: ReadonlyArray<string>
  readonly commonName?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly usage?: Usage
  /** A key to use again; a new one is made where there is none. */
  readonly key?: webcrypto.CryptoKeyPair
}

/** A certificate with its private key, in the forms that servers and pins take. */
export interface Issued {
  readonly commonName: string
  readonly cert: string
  readonly key: string
  readonly der: Uint8Array
  /** `sha256/<base64>` of the public key info. */
  readonly pin: `sha256/${string}`
  readonly keyPair: webcrypto.CryptoKeyPair
  /** The certificate, then the intermediates above it, without the root: what a server presents. */
  readonly chain: string
}

/** An authority: a root, or an intermediate of one. */
export interface Authority extends Issued {
  readonly issue: (options: IssueOptions) => Promise<Issued>
  readonly intermediate: (options?: { readonly commonName?: string }) => Promise<Authority>
}

const day = 86_400_000
const oid = {
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  subjectAltName: "2.5.29.17",
  commonName: "2.5.4.3",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2"
}

const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto })

/** A new P-256 key pair. */
export const makeKey = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])

const pem = (label: string, der: ArrayBuffer): string =>
  `-----BEGIN ${label}-----\n${
    Buffer.from(der).toString("base64").replace(/(.{64})(?=.)/g, "$1\n")
  }\n-----END ${label}-----\n`

const name = (commonName: string): pkijs.RelativeDistinguishedNames =>
  new pkijs.RelativeDistinguishedNames({
    typesAndValues: [
      new pkijs.AttributeTypeAndValue({ type: oid.commonName, value: new asn1js.Utf8String({ value: commonName }) })
    ]
  })

const addressBytes = (address: string): ArrayBuffer => {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number).buffer
  const [left = "", right] = address.split("::")
  const groups = (text: string): Array<number> => text === "" ? [] : text.split(":").map((group) => parseInt(group, 16))
  const head = groups(left)
  const tail = right === undefined ? [] : groups(right)
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255])).buffer
}

const alternativeName = (value: string): pkijs.GeneralName =>
  isIP(value) === 0
    ? new pkijs.GeneralName({ type: 2, value })
    : new pkijs.GeneralName({ type: 7, value: new asn1js.OctetString({ valueHex: addressBytes(value) }) })

const extension = (extnID: string, critical: boolean, value: { toBER: () => ArrayBuffer }): pkijs.Extension =>
  new pkijs.Extension({ extnID, critical, extnValue: value.toBER() })

interface Signer {
  readonly subject: pkijs.RelativeDistinguishedNames
  readonly keyPair: webcrypto.CryptoKeyPair
  /** The certificates that a server presents above its own. */
  readonly above: string
}

let serial = 1

const sign = async (input: {
  readonly commonName: string
  readonly names: ReadonlyArray<string>
  readonly notBefore: Date
  readonly notAfter: Date
  readonly usage: Usage
  readonly authority: boolean
  readonly keyPair: webcrypto.CryptoKeyPair
  /** `undefined`: signs itself. */
  readonly signer: Signer | undefined
}): Promise<Issued & { readonly subject: pkijs.RelativeDistinguishedNames }> => {
  const subject = name(input.commonName)
  const certificate = new pkijs.Certificate()
  certificate.version = 2
  certificate.serialNumber = new asn1js.Integer({ value: serial++ })
  certificate.subject = subject
  certificate.issuer = input.signer?.subject ?? subject
  certificate.notBefore.value = input.notBefore
  certificate.notAfter.value = input.notAfter
  const extensions = [
    extension(
      oid.basicConstraints,
      true,
      new pkijs.BasicConstraints({ cA: input.authority }).toSchema()
    )
  ]
  // keyCertSign and cRLSign for an authority, digitalSignature for everything else (RFC 5280 4.2.1.3)
  const bits = input.authority ? { byte: 0b0000_0110, unused: 1 } : { byte: 0b1000_0000, unused: 7 }
  extensions.push(extension(
    oid.keyUsage,
    true,
    new asn1js.BitString({ valueHex: Uint8Array.of(bits.byte).buffer, unusedBits: bits.unused })
  ))
  if (!input.authority && input.usage !== "none") {
    extensions.push(extension(
      oid.extendedKeyUsage,
      false,
      new pkijs.ExtKeyUsage({ keyPurposes: [input.usage === "server" ? oid.serverAuth : oid.clientAuth] }).toSchema()
    ))
  }
  if (input.names.length > 0) {
    extensions.push(extension(
      oid.subjectAltName,
      false,
      new pkijs.GeneralNames({ names: input.names.map(alternativeName) }).toSchema()
    ))
  }
  certificate.extensions = extensions
  await certificate.subjectPublicKeyInfo.importKey(input.keyPair.publicKey, engine)
  await certificate.sign((input.signer?.keyPair ?? input.keyPair).privateKey, "SHA-256", engine)
  const der = certificate.toSchema(true).toBER(false)
  const cert = pem("CERTIFICATE", der)
  const spki = await webcrypto.subtle.exportKey("spki", input.keyPair.publicKey)
  return {
    commonName: input.commonName,
    cert,
    key: pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", input.keyPair.privateKey)),
    der: new Uint8Array(der),
    pin: `sha256/${createHash("sha256").update(new Uint8Array(spki)).digest("base64")}`,
    keyPair: input.keyPair,
    chain: cert + (input.signer?.above ?? ""),
    subject
  }
}

const within = (options: IssueOptions): { readonly notBefore: Date; readonly notAfter: Date } => ({
  notBefore: options.notBefore ?? new Date(Date.now() - day),
  notAfter: options.notAfter ?? new Date(Date.now() + 30 * day)
})

const authorityOf = (
  issued: Issued & { readonly subject: pkijs.RelativeDistinguishedNames },
  root: boolean
): Authority => {
  const signer: Signer = { subject: issued.subject, keyPair: issued.keyPair, above: root ? "" : issued.chain }
  return {
    ...issued,
    issue: async (options) =>
      sign({
        commonName: options.commonName ?? options.names?.[0] ?? "leaf",
        names: options.names ?? [],
        ...within(options),
        usage: options.usage ?? "server",
        authority: false,
        keyPair: options.key ?? await makeKey(),
        signer
      }),
    intermediate: async (options = {}) =>
      authorityOf(
        await sign({
          commonName: options.commonName ?? "Test Intermediate",
          names: [],
          ...within({}),
          usage: "none",
          authority: true,
          keyPair: await makeKey(),
          signer
        }),
        false
      )
  }
}

/** A root authority. */
export const makeAuthority = async (
  options: Pick<IssueOptions, "commonName" | "notBefore" | "notAfter"> = {}
): Promise<Authority> =>
  authorityOf(
    await sign({
      commonName: options.commonName ?? `Test Root ${serial}`,
      names: [],
      ...within(options),
      usage: "none",
      authority: true,
      keyPair: await makeKey(),
      signer: undefined
    }),
    true
  )

/** A server certificate that signed itself. */
export const selfSigned = async (options: IssueOptions): Promise<Issued> =>
  sign({
    commonName: options.commonName ?? options.names?.[0] ?? "self-signed",
    names: options.names ?? [],
    ...within(options),
    usage: options.usage ?? "server",
    authority: false,
    keyPair: options.key ?? await makeKey(),
    signer: undefined
  })
