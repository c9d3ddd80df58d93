/**
 * The question of a server or proxy: who is there?
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import type { PasswordCredential } from "./Credential.ts"
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
 * A challenge that an HTTP response carries. Every field is safe to log.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthenticationChallenge {
  readonly space: ProtectionSpace
  /** How often this task has failed in this space; 0 the first time. A stale nonce is not a failure. */
  readonly previousFailureCount: number
  /** The credential that would be tried by default, or the one that has just failed. */
  readonly proposedCredential: Option.Option<PasswordCredential>
  readonly failureResponse: Option.Option<FailureResponse>
  /** The challenge comes from another origin than the request was made for: a redirect leads here. */
  readonly crossOrigin: boolean
  /** Unique in the session. */
  readonly taskIdentifier: number
}
