// A private authority and a certificate for loopback, made at run time: no key is ever written to disk.
import * as asn1js from "asn1js"
import { webcrypto } from "node:crypto"
import * as pkijs from "pkijs"

pkijs.setEngine("bench", new pkijs.CryptoEngine({ name: "bench", crypto: webcrypto }))

const algorithm = { name: "ECDSA", namedCurve: "P-256" }
const day = 24 * 60 * 60 * 1000
const oid = {
  commonName: "2.5.4.3",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1"
}

/**
 * @param {string} label
 * @param {ArrayBuffer} der
 */
const pem = (label, der) => {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`
}

const generateKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])

/** @param {string} commonName */
const name = (commonName) =>
  new pkijs.AttributeTypeAndValue({ type: oid.commonName, value: new asn1js.Utf8String({ value: commonName }) })

/**
 * @param {string} extnID
 * @param {boolean} critical
 * @param {{ toBER(): ArrayBuffer }} value
 */
const extension = (extnID, critical, value) => new pkijs.Extension({ extnID, critical, extnValue: value.toBER() })

/** @param {number} bits the bits of RFC 5280 4.2.1.3, the first one highest */
const keyUsage = (bits) => new asn1js.BitString({ valueHex: new Uint8Array([bits]).buffer, unusedBits: 0 })

/**
 * @param {{
 *   subject: string, issuer: string, serial: number, publicKey: CryptoKey, signWith: CryptoKey,
 *   extensions: ReadonlyArray<pkijs.Extension>
 * }} options
 */
const certificate = async ({ extensions, issuer, publicKey, serial, signWith, subject }) => {
  const result = new pkijs.Certificate({ version: 2, serialNumber: new asn1js.Integer({ value: serial }) })
  result.subject.typesAndValues.push(name(subject))
  result.issuer.typesAndValues.push(name(issuer))
  result.notBefore.value = new Date(Date.now() - day)
  result.notAfter.value = new Date(Date.now() + day)
  result.extensions = [...extensions]
  await result.subjectPublicKeyInfo.importKey(publicKey)
  await result.sign(signWith, "SHA-256")
  return pem("CERTIFICATE", result.toSchema(true).toBER())
}

/**
 * The key and certificate of a server at `localhost` and `127.0.0.1`, and the root that signed it, as PEM.
 *
 * @returns {Promise<{ root: string, certificate: string, key: string }>}
 */
export const makeServerIdentity = async () => {
  const authority = "bench authority"
  const [rootKeys, leafKeys] = await Promise.all([generateKeys(), generateKeys()])
  const root = await certificate({
    subject: authority,
    issuer: authority,
    serial: 1,
    publicKey: rootKeys.publicKey,
    signWith: rootKeys.privateKey,
    extensions: [
      extension(oid.basicConstraints, true, new pkijs.BasicConstraints({ cA: true }).toSchema()),
      extension(oid.keyUsage, true, keyUsage(0x06))
    ]
  })
  const names = new pkijs.GeneralNames({
    names: [
      new pkijs.GeneralName({ type: 2, value: "localhost" }),
      new pkijs.GeneralName({
        type: 7,
        value: new asn1js.OctetString({ valueHex: new Uint8Array([127, 0, 0, 1]).buffer })
      })
    ]
  })
  const leaf = await certificate({
    subject: "localhost",
    issuer: authority,
    serial: 2,
    publicKey: leafKeys.publicKey,
    signWith: rootKeys.privateKey,
    extensions: [
      extension(oid.subjectAltName, false, names.toSchema()),
      extension(oid.keyUsage, true, keyUsage(0x80)),
      extension(oid.extendedKeyUsage, false, new pkijs.ExtKeyUsage({ keyPurposes: [oid.serverAuth] }).toSchema())
    ]
  })
  const key = pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", leafKeys.privateKey))
  return { root, certificate: leaf, key }
}
