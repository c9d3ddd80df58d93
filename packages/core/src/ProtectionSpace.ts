/**
 * The part of a server, or a proxy, that one credential is good for (RFC 9110 11.5).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { CapabilityName } from "./Capability.ts"

/**
 * How a server asks who is there: the two of TLS, the built-in schemes of HTTP, and those that a session was given as an
 * `AuthenticationScheme`, by its name.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthenticationMethod = "ServerTrust" | "ClientCertificate" | HttpMethod

/**
 * The methods that an HTTP status asks for.
 *
 * @since 0.1.0
 * @category models
 */
export type HttpMethod = "Basic" | "Digest" | "Bearer" | "NTLM" | "Negotiate" | CustomMethod

/**
 * The name of a scheme that is not built in.
 *
 * @since 0.1.0
 * @category models
 */
export type CustomMethod = string & Record<never, never>

const capabilities: ReadonlyMap<string, CapabilityName> = new Map<string, CapabilityName>([
  ["ServerTrust", "ServerTrustControl"],
  ["ClientCertificate", "ClientIdentity"],
  ["NTLM", "ConnectionBinding"],
  ["Negotiate", "ConnectionBinding"]
])

/**
 * Which capability a transport needs to ask by this method; `undefined` for what HTTP alone can do.
 *
 * @since 0.1.0
 * @category models
 */
export const capabilityOf = (method: AuthenticationMethod): CapabilityName | undefined => capabilities.get(method)

// schemes that prove a secret without showing it
const hidden: ReadonlySet<string> = new Set(["Digest", "NTLM", "Negotiate"])

/**
 * A protection space. Equal by value, so it can be a key. `realm` is `undefined` for the methods of TLS. `host` is in lower
 * case and without brackets.
 *
 * @since 0.1.0
 * @category models
 */
export class ProtectionSpace extends Data.Class<{
  readonly host: string
  readonly port: number
  /** `http` or `https`. */
  readonly protocol: string
  readonly realm: string | undefined
  readonly method: AuthenticationMethod
  readonly isProxy: boolean
}> {
  /** `https://api.example.com:8443`, with the port only where it is not the scheme's own. */
  get origin(): string {
    const host = this.host.includes(":") ? `[${this.host}]` : this.host
    const own = this.protocol === "https" ? 443 : 80
    return `${this.protocol}://${host}${this.port === own ? "" : `:${this.port}`}`
  }
  /** Whether a secret sent to this space cannot be read on the way: TLS, or a method that does not give it away. */
  get receivesCredentialSecurely(): boolean {
    return this.protocol === "https" || hidden.has(this.method)
  }
  /** In words, for messages. */
  override toString(): string {
    return `${this.method} ${this.isProxy ? "proxy " : ""}space ${
      this.realm === undefined ? "" : `"${this.realm.slice(0, 128)}" `
    }of ${this.origin}`
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (fields: {
  readonly host: string
  readonly port: number
  readonly protocol: string
  readonly method: AuthenticationMethod
  readonly realm?: string | undefined
  readonly isProxy?: boolean
}): ProtectionSpace =>
  new ProtectionSpace({
    host: fields.host.toLowerCase(),
    port: fields.port,
    protocol: fields.protocol,
    realm: fields.realm,
    method: fields.method,
    isProxy: fields.isProxy ?? false
  })

/**
 * Which spaces an entry is for: an origin (`https://api.example.com`), and one realm of it where that matters.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpacePattern {
  readonly origin: string
  readonly realm?: string
}

/**
 * Whether a space is what the pattern names. An origin that is not a URL matches nothing.
 *
 * @since 0.1.0
 * @category guards
 */
export const matches = (pattern: SpacePattern, space: ProtectionSpace): boolean => {
  if (pattern.realm !== undefined && pattern.realm !== space.realm) return false
  try {
    return new URL(pattern.origin).origin === space.origin
  } catch {
    return false
  }
}
