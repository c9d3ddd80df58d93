/**
 * What a challenge is answered with. Secrets are `Redacted`: they show in no log, error or `inspect`.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { ServerTrust } from "./ServerTrust.ts"

/**
 * How long a credential is kept after it has worked: not at all (`none`), as long as the storage of the session (`session`), or
 * longer than the process (`permanent`). A storage that is only in memory keeps `permanent` as it keeps `session`.
 *
 * @since 0.1.0
 * @category models
 */
export type Persistence = "none" | "session" | "permanent"

/**
 * A user's name and password, for Basic and Digest.
 *
 * @since 0.1.0
 * @category models
 */
export interface PasswordCredential {
  readonly _tag: "Password"
  readonly user: string
  readonly password: Redacted.Redacted
  readonly persistence: Persistence
}

/**
 * "I accept this server": the answer to a ServerTrust challenge.
 *
 * @since 0.1.0
 * @category models
 */
export interface TrustCredential {
  readonly _tag: "Trust"
  readonly trust: ServerTrust
}

/**
 * A certificate chain, leaf first, and the private key of the leaf, as PEM texts. The chain is public and the key is not.
 *
 * @since 0.1.0
 * @category models
 */
export interface PemIdentity {
  readonly _tag: "Pem"
  readonly certificates: string
  readonly key: Redacted.Redacted
  /** Of an encrypted key. */
  readonly passphrase: Redacted.Redacted | undefined
}

/**
 * A PKCS#12 file (`.p12`, `.pfx`): certificates and key in one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pkcs12Identity {
  readonly _tag: "Pkcs12"
  readonly bytes: Redacted.Redacted<Uint8Array>
  readonly passphrase: Redacted.Redacted | undefined
}

/**
 * "This is who I am": the answer to a ClientCertificate challenge. Never stored; with persistence `none` it is good for the
 * connection that asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentityCredential {
  readonly _tag: "Identity"
  readonly identity: PemIdentity | Pkcs12Identity
  readonly persistence: Exclude<Persistence, "permanent">
}

/**
 * A bearer token (RFC 6750), and when it ends where that is known, in milliseconds since the epoch. Never stored: whoever gives
 * it keeps it.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenCredential {
  readonly _tag: "Token"
  readonly token: Redacted.Redacted
  readonly expiresAt: number | undefined
}

/**
 * What answers a status of HTTP.
 *
 * @since 0.1.0
 * @category models
 */
export type HttpCredential = PasswordCredential | TokenCredential

/**
 * @since 0.1.0
 * @category models
 */
export type Credential = HttpCredential | TrustCredential | IdentityCredential

const redacted = (secret: string | Redacted.Redacted): Redacted.Redacted =>
  typeof secret === "string" ? Redacted.make(secret) : secret

/**
 * A user and a password; a plain text is wrapped at once. Persistence is `session` unless said otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const password = (fields: {
  readonly user: string
  readonly password: string | Redacted.Redacted
  readonly persistence?: Persistence
}): PasswordCredential => ({
  _tag: "Password",
  user: fields.user,
  password: redacted(fields.password),
  persistence: fields.persistence ?? "session"
})

/**
 * A bearer token; a plain text is wrapped at once. `expiresAt` in milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category constructors
 */
export const token = (fields: {
  readonly token: string | Redacted.Redacted
  readonly expiresAt?: number | undefined
}): TokenCredential => ({ _tag: "Token", token: redacted(fields.token), expiresAt: fields.expiresAt })

/**
 * Accepts a server's certificate chain.
 *
 * @since 0.1.0
 * @category constructors
 */
export const trust = (accepted: ServerTrust): TrustCredential => ({ _tag: "Trust", trust: accepted })

/**
 * What an identity is made of: PEM texts, or the bytes of a PKCS#12 file.
 *
 * @since 0.1.0
 * @category models
 */
export type IdentityFields =
  | {
    /** PEM: the certificate, then the intermediates above it. */
    readonly certificates: string
    /** PEM: the certificate's private key. */
    readonly key: string | Redacted.Redacted
    readonly pkcs12?: never
    readonly passphrase?: string | Redacted.Redacted
    readonly persistence?: Exclude<Persistence, "permanent">
  }
  | {
    readonly certificates?: never
    readonly key?: never
    readonly pkcs12: Uint8Array | Redacted.Redacted<Uint8Array>
    readonly passphrase?: string | Redacted.Redacted
    readonly persistence?: Exclude<Persistence, "permanent">
  }

/**
 * A client certificate with its private key. Plain texts and bytes are wrapped at once, so that no secret of it is ever seen.
 * Whether they can be used is found when a server asks: what cannot be read, and a key of another certificate, is
 * `AuthenticationError` with reason `CredentialUnusable`. Persistence is `session` unless said otherwise.
 *
 * @example
 * ```ts
 * import { Credential } from "@urlsession/core"
 * import { Redacted } from "effect"
 *
 * declare const chain: string
 * declare const key: Redacted.Redacted
 * declare const file: Uint8Array
 * declare const passphrase: Redacted.Redacted
 *
 * const fromPem = Credential.identity({ certificates: chain, key })
 * const fromFile = Credential.identity({ pkcs12: file, passphrase })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const identity = (fields: IdentityFields): IdentityCredential => {
  const passphrase = fields.passphrase === undefined ? undefined : redacted(fields.passphrase)
  const persistence = fields.persistence ?? "session"
  if (fields.pkcs12 === undefined) {
    const { certificates, key } = fields
    return { _tag: "Identity", identity: { _tag: "Pem", certificates, key: redacted(key), passphrase }, persistence }
  }
  const { pkcs12 } = fields
  // a copy: whoever reads the file may use its memory again
  const bytes = pkcs12 instanceof Uint8Array ? Redacted.make(Uint8Array.from(pkcs12)) : pkcs12
  return { _tag: "Identity", identity: { _tag: "Pkcs12", bytes, passphrase }, persistence }
}

/**
 * Whether two credentials are for the same user with the same password and persistence, or are the same token.
 *
 * @since 0.1.0
 * @category guards
 */
export const equals = (left: HttpCredential, right: HttpCredential): boolean =>
  left._tag === "Password"
    ? right._tag === "Password" && left.user === right.user && left.persistence === right.persistence &&
      Equal.equals(left.password, right.password)
    : right._tag === "Token" && Equal.equals(left.token, right.token)

/**
 * How a credential with a password is written down, for a storage that outlives the process. The record has the password in
 * the clear: encrypt it, or keep it where only its owner can read.
 *
 * @since 0.1.0
 * @category schemas
 */
export const passwordSchema: Schema.Schema<
  PasswordCredential,
  { readonly _tag: "Password"; readonly user: string; readonly password: string; readonly persistence: Persistence }
> = Schema.TaggedStruct("Password", {
  user: Schema.String,
  password: Schema.Redacted(Schema.String),
  persistence: Schema.Literal("none", "session", "permanent")
}).annotations({
  // what a parser says of a broken record quotes it
  message: () => ({
    message: "this is not a record of a credential: write it with Credential.passwordSchema",
    override: true
  })
})
