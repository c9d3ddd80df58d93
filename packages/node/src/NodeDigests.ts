/**
 * The hash functions of Node's OpenSSL.
 *
 * @since 0.1.0
 */
import { Digests, type HashName } from "@urlsession/core/Digests"
import * as Layer from "effect/Layer"
import { createHash, randomBytes } from "node:crypto"

const names: Readonly<Record<HashName, string>> = { md5: "md5", sha256: "sha256", "sha512-256": "sha512-256" }

const hex = (algorithm: string) => (data: Uint8Array): string => createHash(algorithm).update(data).digest("hex")

/**
 * MD5, SHA-256, SHA-512/256 and random bytes from `node:crypto`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Digests> = Layer.succeed(Digests, {
  md5: hex("md5"),
  sha256: hex("sha256"),
  sha512256: hex("sha512-256"),
  hasher: (name) => {
    const hash = createHash(names[name])
    return {
      update: (data) => {
        hash.update(data)
      },
      digest: () => hash.digest("hex")
    }
  },
  randomHex: (bytes) => randomBytes(bytes).toString("hex")
})
