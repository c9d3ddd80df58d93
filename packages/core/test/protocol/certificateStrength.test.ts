import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { webcrypto } from "node:crypto"
import * as pkijs from "pkijs"
import { strengthOf } from "../../src/internal/protocol/certificateStrength.ts"

const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto })

type Algorithm = webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams

const certificate = async (algorithm: Algorithm, hash: string): Promise<Uint8Array> => {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
  const made = new pkijs.Certificate()
  made.version = 2
  made.notBefore.value = new Date(0)
  made.notAfter.value = new Date(1e12)
  await made.subjectPublicKeyInfo.importKey(keys.publicKey, engine)
  await made.sign(keys.privateKey, hash, engine)
  return new Uint8Array(made.toSchema(true).toBER())
}

const rsa = (name: string, modulusLength: number, hash: string): Algorithm => ({
  name,
  modulusLength,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash
})

describe("the strength of a certificate (NET-09)", () => {
  const vectors: ReadonlyArray<
    readonly [name: string, Algorithm, hash: string, key: string, bits: number, strong: boolean]
  > = [
    ["RSA 2048, SHA-256", rsa("RSASSA-PKCS1-v1_5", 2048, "SHA-256"), "SHA-256", "RSA", 2048, true],
    ["RSA 1024, SHA-256", rsa("RSASSA-PKCS1-v1_5", 1024, "SHA-256"), "SHA-256", "RSA", 1024, true],
    ["RSA 2048, SHA-1", rsa("RSASSA-PKCS1-v1_5", 2048, "SHA-1"), "SHA-1", "RSA", 2048, false],
    ["RSA-PSS, SHA-384", rsa("RSA-PSS", 2048, "SHA-384"), "SHA-384", "RSA", 2048, true],
    ["RSA-PSS, SHA-1", rsa("RSA-PSS", 2048, "SHA-1"), "SHA-1", "RSA", 2048, false],
    ["P-256, SHA-256", { name: "ECDSA", namedCurve: "P-256" }, "SHA-256", "EC", 256, true],
    ["P-384, SHA-384", { name: "ECDSA", namedCurve: "P-384" }, "SHA-384", "EC", 384, true],
    ["P-256, SHA-1", { name: "ECDSA", namedCurve: "P-256" }, "SHA-1", "EC", 256, false]
  ]
  for (const [name, algorithm, hash, key, bits, strongSignature] of vectors) {
    it(name, async () => {
      assert.deepStrictEqual(strengthOf(await certificate(algorithm, hash)), { key, bits, strongSignature })
    })
  }

  it("what is no certificate is weak", () => {
    for (const bytes of [[], [0x30], [0x30, 0x00], [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x30, 0x80, 0, 0]]) {
      assert.deepStrictEqual(strengthOf(Uint8Array.from(bytes)), { key: "unknown", bits: 0, strongSignature: false })
    }
  })

  it.prop("hostile bytes throw nothing and take no time", [FastCheck.uint8Array({ maxLength: 512 })], ([bytes]) => {
    strengthOf(bytes)
  })

  it("a certificate that is cut or changed anywhere throws nothing", async () => {
    const whole = await certificate({ name: "ECDSA", namedCurve: "P-256" }, "SHA-256")
    for (let at = 0; at < whole.length; at++) {
      strengthOf(whole.subarray(0, at))
      const changed = whole.slice()
      changed[at] = (changed[at] ?? 0) ^ 0xff
      strengthOf(changed)
    }
  })
})
