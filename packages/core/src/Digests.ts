/**
 * The hash functions that core needs of a platform: WebCrypto has neither MD5 nor a synchronous form.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The hash functions, as Digest access authentication needs them, and bindings to TLS channels.
 *
 * @since 0.1.0
 * @category models
 */
export type HashName = "md5" | "sha256" | "sha384" | "sha512" | "sha512-256"

/**
 * A hash that is fed piece by piece.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hasher {
  /** The bytes are lent for the time of the call. */
  readonly update: (data: Uint8Array) => void
  /** Lower-case hexadecimal digits; called once, at the end. */
  readonly digest: () => string
}

/**
 * Hash functions for Digest access authentication (RFC 7616) and SPKI pins. Each takes whole bytes, which are lent for the time
 * of the call, and is synchronous.
 *
 * @since 0.1.0
 * @category models
 */
export interface DigestsService {
  /** MD5 (RFC 1321) of the bytes, 32 lower-case hexadecimal digits. */
  readonly md5: (data: Uint8Array) => string
  /** SHA-256 (FIPS 180-4) of the bytes, 64 lower-case hexadecimal digits. */
  readonly sha256: (data: Uint8Array) => string
  /** SHA-512/256 (FIPS 180-4) of the bytes, 64 lower-case hexadecimal digits. */
  readonly sha512256: (data: Uint8Array) => string
  /** A hash of what does not fit into memory. */
  readonly hasher: (name: HashName) => Hasher
  /** So many unpredictable bytes, as lower-case hexadecimal digits: client nonces are made of them. */
  readonly randomHex: (bytes: number) => string
}

/**
 * The service. A session without it treats Digest challenges as unsupported.
 *
 * @since 0.1.0
 * @category services
 */
export class Digests extends Context.Tag("@urlsession/core/Digests")<Digests, DigestsService>() {}
