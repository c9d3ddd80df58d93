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
 * How long a credential is kept after it has worked: not at all, or as long as the session.
 *
 * @since 0.1.0
 * @category models
 */
export type Persistence = "none" | "session"

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
 * @since 0.1.0
 * @category models
 */
export type Credential = PasswordCredential | TrustCredential

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
  password: typeof fields.password === "string" ? Redacted.make(fields.password) : fields.password,
  persistence: fields.persistence ?? "session"
})

/**
 * Accepts a server's certificate chain.
 *
 * @since 0.1.0
 * @category constructors
 */
export const trust = (accepted: ServerTrust): TrustCredential => ({ _tag: "Trust", trust: accepted })

/**
 * Whether two credentials are for the same user with the same password and persistence.
 *
 * @since 0.1.0
 * @category guards
 */
export const equals = (left: PasswordCredential, right: PasswordCredential): boolean =>
  left.user === right.user && left.persistence === right.persistence && Equal.equals(left.password, right.password)

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
  persistence: Schema.Literal("none", "session")
}).annotations({
  // what a parser says of a broken record quotes it
  message: () => ({
    message: "this is not a record of a credential: write it with Credential.passwordSchema",
    override: true
  })
})
