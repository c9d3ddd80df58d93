/** TLS contexts that present a client certificate: made once for each, kept as long as their session. */
import type { IdentityCredential } from "@urlsession/core/Credential"
import type { Roots } from "@urlsession/core/ServerTrust"
import * as Redacted from "effect/Redacted"
import { createHmac, randomBytes } from "node:crypto"
import type { SecureContextOptions } from "node:tls"
import { contextKey, makeContext, type TrustContext, type Version } from "./secureContext.ts"

/** Why an identity cannot be used, in words without a secret. */
export class UnusableIdentity {
  readonly detail: string

  constructor(detail: string) {
    this.detail = detail
  }
}

const contextsKept = 64

/**
 * See the head of this file. They belong to a session and go with it, so that no key outlives what it was given for, and
 * what they are found by is a keyed hash.
 */
export class IdentityContexts {
  readonly #salt = randomBytes(32)
  readonly #contexts = new Map<string, TrustContext>()

  /** The context, or why there is none. The roots must be readable. */
  contextFor(
    roots: Roots,
    minimum: Version,
    maximum: Version,
    credential: IdentityCredential
  ): TrustContext | UnusableIdentity {
    try {
      const own = optionsOf(credential)
      if (own instanceof UnusableIdentity) return own
      const key = this.#keyOf(contextKey(roots, minimum, maximum), own)
      const known = this.#contexts.get(key)
      if (known !== undefined) return known
      const made = makeContext(roots, minimum, maximum, own)
      if (this.#contexts.size >= contextsKept) {
        const oldest = this.#contexts.keys().next()
        if (oldest.done !== true) this.#contexts.delete(oldest.value)
      }
      this.#contexts.set(key, made)
      return made
    } catch (error) {
      return new UnusableIdentity(detailOf(error, credential))
    }
  }

  /** Forgets all of them. */
  clear(): void {
    this.#contexts.clear()
  }

  #keyOf(context: string, own: SecureContextOptions): string {
    const hash = createHmac("sha256", this.#salt).update(context)
    for (const part of [own.cert, own.key, own.pfx, own.passphrase]) {
      const bytes = typeof part === "string" ? Buffer.from(part) : part instanceof Uint8Array ? part : undefined
      hash.update(bytes === undefined ? "-" : `${bytes.length}:`).update(bytes ?? "")
    }
    return hash.digest("base64")
  }
}

// an empty text would be taken for no certificate at all, and the connection made without one
const optionsOf = ({ identity }: IdentityCredential): SecureContextOptions | UnusableIdentity => {
  const passphrase = identity.passphrase === undefined ? {} : { passphrase: Redacted.value(identity.passphrase) }
  // a copy in memory of Node's own kind, which is what it takes
  if (identity._tag === "Pkcs12") return { pfx: Buffer.from(Redacted.value(identity.bytes)), ...passphrase }
  const key = Redacted.value(identity.key)
  if (!identity.certificates.includes("-----BEGIN CERTIFICATE-----")) {
    return new UnusableIdentity("its certificates are not PEM. Give the text with BEGIN CERTIFICATE, its own first")
  }
  if (!key.includes("PRIVATE KEY-----")) {
    return new UnusableIdentity("its key is not PEM. Give the text with BEGIN PRIVATE KEY")
  }
  return { cert: identity.certificates, key, ...passphrase }
}

const textOf = (error: unknown): string =>
  error instanceof Error
    ? `${"code" in error && typeof error.code === "string" ? error.code : ""} ${error.message}`
    : ""

// OpenSSL's words are looked at, and never handed on: they are told in ours
const detailOf = (error: unknown, { identity }: IdentityCredential): string => {
  const text = textOf(error)
  if (/bad.?decrypt|mac verify/i.test(text)) {
    return identity.passphrase === undefined
      ? "it is encrypted. Give its passphrase"
      : "its passphrase does not open it. Check the passphrase"
  }
  if (/key.values.mismatch|key.type.mismatch/i.test(text)) {
    return "its key is not that of its first certificate. Give the key of the certificate, and the certificate first"
  }
  if (/too.small|too.weak/i.test(text)) {
    return "its key or its signature is too weak for this platform. Get a stronger one"
  }
  if (identity._tag === "Pem") return "its certificate or its key cannot be read. Check that both are whole PEM texts"
  if (/private key/i.test(text)) return "the PKCS#12 file has no private key. Export it with its key"
  if (/certificate/i.test(text)) {
    return "the PKCS#12 file has no certificate for its key. Export it with its certificate"
  }
  if (/unsupported/i.test(text)) {
    return "the PKCS#12 file is encrypted in a way that this platform does not read any more. Export it again with " +
      "openssl pkcs12 -export"
  }
  return "it is not a PKCS#12 file. Check that the bytes are those of a whole .p12 or .pfx file"
}
