import { assert, describe, it } from "@effect/vitest"
import { constants, generateKeyPairSync, type KeyPairKeyObjectResult, sign } from "node:crypto"
import { elementOf } from "../../src/internal/x509/der.ts"
import { isSignedBy } from "../../src/internal/x509/signature.ts"

const message = new TextEncoder().encode("signed by an authority")

/** An AlgorithmIdentifier, from hexadecimal digits. */
const algorithm = (hex: string) => {
  const element = elementOf(Buffer.from(hex, "hex"))
  if (element === undefined) throw new Error("no DER")
  return element
}

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 })
const curve = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve })
const [p256, p384] = [curve("P-256"), curve("P-384")]

const rsaWith = (last: string) => `300d06092a864886f70d0101${last}0500`
const ecdsaWith = (last: string) => `300a06082a8648ce3d0403${last}`
// RSASSA-PSS-params { [0] hash, [1] MGF1 with the same hash, [2] 32 bytes of salt } (RFC 4055 3.1)
const pss256 = "304106092a864886f70d01010a3034a00f300d06096086480165030402010500" +
  "a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
const pssByDefault = "300d06092a864886f70d01010a3000"
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }

const vectors: ReadonlyArray<
  readonly [
    name: string,
    identifier: string,
    pair: KeyPairKeyObjectResult,
    hash: string | null,
    good: boolean,
    options?: object
  ]
> = [
  ["RSA, SHA-256", rsaWith("0b"), rsa, "sha256", true],
  ["RSA, SHA-384", rsaWith("0c"), rsa, "sha384", true],
  ["RSA, SHA-512", rsaWith("0d"), rsa, "sha512", true],
  ["RSA, SHA-1", rsaWith("05"), rsa, "sha1", false],
  ["RSA, MD5", rsaWith("04"), rsa, "md5", false],
  ["RSA-PSS, SHA-256", pss256, rsa, "sha256", true, pss],
  ["RSA-PSS without parameters, which means SHA-1", pssByDefault, rsa, "sha1", false, pss],
  ["P-256, SHA-256", ecdsaWith("02"), p256, "sha256", true],
  ["P-384, SHA-384", ecdsaWith("03"), p384, "sha384", true],
  ["P-384, SHA-512", ecdsaWith("04"), p384, "sha512", true],
  ["P-256, SHA-1", "300906072a8648ce3d0401", p256, "sha1", false],
  ["Ed25519", "300506032b6570", generateKeyPairSync("ed25519"), null, true],
  ["Ed448", "300506032b6571", generateKeyPairSync("ed448"), null, true]
]

describe("signatures of authorities (RFC 4055, 5758, 8410)", () => {
  for (const [name, identifier, { privateKey, publicKey }, hash, good, options] of vectors) {
    it(`${name} is ${good ? "good" : "never good"}, and never for another message, key or algorithm`, () => {
      const signature = sign(hash, message, { key: privateKey, ...options })
      const signed = { signed: message, algorithm: algorithm(identifier), signature }
      assert.strictEqual(isSignedBy(signed, publicKey), good)
      assert.isFalse(isSignedBy({ ...signed, signed: message.subarray(1) }, publicKey))
      assert.isFalse(isSignedBy({ ...signed, signature: signature.subarray(1) }, publicKey))
      assert.isFalse(isSignedBy(signed, generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey))
      assert.isFalse(isSignedBy(signed, curve("P-256").publicKey))
      assert.isFalse(isSignedBy({ ...signed, algorithm: algorithm("3000") }, publicKey))
      for (const other of [rsaWith("0b"), ecdsaWith("02"), pss256]) {
        if (other === identifier) continue
        assert.isFalse(isSignedBy({ ...signed, algorithm: algorithm(other) }, publicKey))
      }
    })
  }
})
