/** PKCS#12 files made at run time. */
import type * as asn1js from "asn1js"
import { webcrypto } from "node:crypto"
import * as pkijs from "pkijs"
import type { Issued } from "./pki.ts"

const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto })
pkijs.setEngine("node", engine)

const iterations = 2048
const encryption = {
  contentEncryptionAlgorithm: { name: "AES-CBC", length: 256 },
  hmacHashAlgorithm: "SHA-256",
  iterationCount: iterations
}

const certificateBag = (der: Uint8Array): pkijs.SafeBag =>
  new pkijs.SafeBag({
    bagId: "1.2.840.113549.1.12.10.1.3",
    bagValue: new pkijs.CertBag({ parsedValue: pkijs.Certificate.fromBER(der) })
  })

/** A key and its certificate, or either of them alone, and authorities, under a passphrase. */
export const pkcs12 = async (options: {
  readonly key?: Issued
  readonly certificates?: ReadonlyArray<Issued>
  readonly passphrase: string
}): Promise<Uint8Array> => {
  const password = new TextEncoder().encode(options.passphrase).buffer
  const safeBags = (options.certificates ?? []).map((one) => certificateBag(one.der))
  if (options.key !== undefined) {
    const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", options.key.keyPair.privateKey)
    const shrouded = new pkijs.PKCS8ShroudedKeyBag({ parsedValue: pkijs.PrivateKeyInfo.fromBER(pkcs8) })
    await shrouded.makeInternalValues({ password, ...encryption }, engine)
    safeBags.push(new pkijs.SafeBag({ bagId: "1.2.840.113549.1.12.10.1.2", bagValue: shrouded }))
  }
  const authenticatedSafe = new pkijs.AuthenticatedSafe({
    parsedValue: { safeContents: [{ privacyMode: 0, value: new pkijs.SafeContents({ safeBags }) }] }
  })
  await authenticatedSafe.makeInternalValues({ safeContents: [{}] }, engine)
  const file = new pkijs.PFX({ parsedValue: { integrityMode: 0, authenticatedSafe } })
  await file.makeInternalValues({
    password,
    iterations,
    pbkdf2HashAlgorithm: "SHA-256",
    hmacHashAlgorithm: "SHA-256"
  }, engine)
  return new Uint8Array((file.toSchema() as asn1js.Sequence).toBER(false))
}
