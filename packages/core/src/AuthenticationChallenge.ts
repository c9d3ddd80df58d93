/**
 * The question of a server or proxy: who is there?
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import type { IdentityCredential, PasswordCredential, TokenCredential } from "./Credential.ts"
import type { HeaderFields } from "./HeaderFields.ts"
import type { ProtectionSpace } from "./ProtectionSpace.ts"

/**
 * The head of a response that refused the request.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailureResponse {
  readonly status: number
  readonly headers: HeaderFields
}

/**
 * A challenge that an HTTP response carries, answered with a credential of kind `C`. Every field is safe to log.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpChallenge<out C> {
  readonly space: ProtectionSpace
  /** How often this task has failed in this space; 0 the first time. A stale nonce is not a failure. */
  readonly previousFailureCount: number
  /** The credential that would be tried by default, or the one that has just failed. */
  readonly proposedCredential: Option.Option<C>
  readonly failureResponse: Option.Option<FailureResponse>
  /** The challenge comes from another origin than the request was made for: a redirect leads here. */
  readonly crossOrigin: boolean
  /** Unique in the session. */
  readonly taskIdentifier: number
}

/**
 * A challenge that a user and a password answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthenticationChallenge extends HttpChallenge<PasswordCredential> {}

/**
 * A challenge that a bearer token answers (RFC 6750 3). `proposedCredential` is the token that has just been refused, whether it
 * had been sent for a challenge or ahead of any.
 *
 * @since 0.1.0
 * @category models
 */
export interface BearerChallenge extends HttpChallenge<TokenCredential> {
  /** `invalid_token`, `invalid_request`, `insufficient_scope`, or what else the server says. */
  readonly error: string | undefined
  /** The scopes that are needed, separated by blanks. */
  readonly scope: string | undefined
}

/**
 * A server asks for a client certificate while a connection is made. It is the question of a connection, which several
 * requests may be waiting for, so it names no task; the answer holds for all requests under the same resolver. Every field
 * is safe to log.
 *
 * It is asked after the server has been judged and accepted. A TLS 1.2 server that does not go on without a certificate ends
 * the handshake first: then it is the chain of that handshake which has been judged, and the identity goes to the next one,
 * whose server is judged again before any byte of a request. A certificate (never its key) is part of a handshake, so on
 * later connections it is shown before the server of that connection has been judged; TLS 1.2 shows it to the network too.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientCertificateChallenge {
  /** Of method `ClientCertificate`. */
  readonly space: ProtectionSpace
  /** The issuers that the server accepts, in DER. Empty where the platform does not show them, as on Node. */
  readonly distinguishedNames: ReadonlyArray<Uint8Array>
  /** How many identities this server has refused since it was last asked in vain; 0 the first time. */
  readonly previousFailureCount: number
  /** The identity that has just been refused, or could not be used. */
  readonly proposedCredential: Option.Option<IdentityCredential>
}
