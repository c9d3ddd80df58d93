/**
 * The hash functions of Node's OpenSSL.
 *
 * @since 0.1.0
 */
import { Digests, type HashName } from "@urlsession/core/Digests"
import * as Layer from "effect/Layer"
import { Buffer } from "node:buffer"
import { createHash, hash, randomFillSync } from "node:crypto"

const names: Readonly<Record<HashName, string>> = {
  md5: "md5",
  sha256: "sha256",
  sha384: "sha384",
  sha512: "sha512",
  "sha512-256": "sha512-256"
}

const hex = (algorithm: string) => (data: Uint8Array): string => hash(algorithm, data, "hex")

/** Random bytes that nobody has had yet: asking for many at a time is cheaper. */
const pool = Buffer.alloc(4096)
let used = pool.length

const randomHex = (bytes: number): string => {
  if (bytes > pool.length) return randomFillSync(Buffer.alloc(bytes)).toString("hex")
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const text = pool.toString("hex", used, used + bytes)
  pool.fill(0, used, used + bytes)
  used += bytes
  return text
}

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
    const made = createHash(names[name])
    return {
      update: (data) => {
        made.update(data)
      },
      digest: () => made.digest("hex")
    }
  },
  randomHex
})
