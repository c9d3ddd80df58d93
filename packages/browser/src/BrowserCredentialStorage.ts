/**
 * Encryption by Web Crypto for credentials that are kept in a `KeyValueStore`. Runs wherever `crypto.subtle` is: secure pages,
 * workers, Node.
 *
 * @since 0.1.0
 */
import { CredentialStorageError, type Sealer } from "@urlsession/core/CredentialStorage"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

// "URLSWEBC", and the version
const header = Uint8Array.of(0x55, 0x52, 0x4c, 0x53, 0x57, 0x45, 0x42, 0x43, 1)
const nonceLength = 12
const tagLength = 16

const attempt = <A>(
  f: () => Promise<A>,
  fields: Omit<ConstructorParameters<typeof CredentialStorageError>[0], "cause">
) => Effect.tryPromise({ try: f, catch: (cause) => new CredentialStorageError({ ...fields, cause }) })

/**
 * A new key that no script can read out, only use. Keep it in IndexedDB, which stores a `CryptoKey` as it is. It protects the record
 * from whoever gets at the store alone, not from scripts of the page, which can use it as well. Fails with `Unavailable` where
 * there is no Web Crypto, as on pages that are not secure.
 *
 * @since 0.1.0
 * @category constructors
 */
export const generateKey: Effect.Effect<CryptoKey, CredentialStorageError> = attempt(
  () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]),
  { where: "Web Crypto", reason: "Unavailable", detail: "it is there on secure pages alone" }
)

/**
 * A key of 32 random bytes. Other lengths fail with `KeyUnusable`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const importKey = (
  bytes: Redacted.Redacted<Uint8Array<ArrayBuffer>>
): Effect.Effect<CryptoKey, CredentialStorageError> =>
  Effect.suspend(() => {
    const raw = Redacted.value(bytes)
    const detail = `it has ${raw.length} bytes instead of 32`
    return raw.length === 32
      ? attempt(() => crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]), {
        where: "Web Crypto",
        reason: "Unavailable",
        detail: "it is there on secure pages alone"
      })
      : Effect.fail(new CredentialStorageError({ where: "Web Crypto", reason: "KeyUnusable", detail }))
  })

/**
 * Encrypts with AES-256-GCM under this key, with a new nonce each time. A wrong key cannot be told from damage, so both are
 * `WrongKey`.
 *
 * @example
 * ```ts
 * import { CredentialStorage } from "@urlsession/core"
 * import { BrowserCredentialStorage } from "@urlsession/browser"
 *
 * declare const key: CryptoKey
 *
 * const Storage = CredentialStorage.layerKeyValueStore({ sealer: BrowserCredentialStorage.sealer(key) })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const sealer = (key: CryptoKey): Sealer => ({
  seal: (text, where) =>
    Effect.map(
      attempt(() => {
        const iv = crypto.getRandomValues(new Uint8Array(nonceLength))
        const plain = new TextEncoder().encode(text)
        return crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: header }, key, plain).then((sealed) => ({
          iv,
          sealed: new Uint8Array(sealed)
        }))
      }, { where, reason: "KeyUnusable" }),
      ({ iv, sealed }) => {
        const bytes = new Uint8Array(header.length + iv.length + sealed.length)
        bytes.set(header)
        bytes.set(iv, header.length)
        bytes.set(sealed, header.length + iv.length)
        return bytes
      }
    ),
  open: (bytes, where) => {
    const fails = (reason: CredentialStorageError["reason"]) =>
      Effect.fail(new CredentialStorageError({ where, reason }))
    const start = bytes.subarray(0, header.length)
    if (!start.subarray(0, 8).every((byte, index) => byte === header[index])) return fails("NotCredentials")
    if (start.length === header.length && start[8] !== header[8]) return fails("Foreign")
    if (bytes.length < header.length + nonceLength + tagLength) return fails("Damaged")
    const iv = Uint8Array.from(bytes.subarray(header.length, header.length + nonceLength))
    const sealed = Uint8Array.from(bytes.subarray(header.length + nonceLength))
    return Effect.map(
      attempt(() => crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: header }, key, sealed), {
        where,
        reason: "WrongKey",
        detail: "or have changed since they were written"
      }),
      (plain) => new TextDecoder().decode(plain)
    )
  }
})
