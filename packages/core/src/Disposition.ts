/**
 * The answers to an authentication challenge.
 *
 * @since 0.1.0
 */
import type { Credential, PasswordCredential } from "./Credential.ts"

/**
 * Try this credential.
 *
 * @since 0.1.0
 * @category models
 */
export interface UseCredential<out C extends Credential> {
  readonly _tag: "UseCredential"
  readonly credential: C
}

/**
 * Go on without a credential: the 401 is the result.
 *
 * @since 0.1.0
 * @category models
 */
export interface UseNone {
  readonly _tag: "UseNone"
}

/**
 * Do what a session without a delegate does: a stored default credential, else the 401 is the result.
 *
 * @since 0.1.0
 * @category models
 */
export interface PerformDefault {
  readonly _tag: "PerformDefault"
}

/**
 * Give the request up: it fails with `AuthenticationError` and reason `Cancelled`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CancelChallenge {
  readonly _tag: "CancelChallenge"
}

/**
 * Not this space: go on to the next challenge of the same response, after the last the 401 is the result.
 *
 * @since 0.1.0
 * @category models
 */
export interface RejectSpace {
  readonly _tag: "RejectSpace"
}

/**
 * Nothing to say: ask the next resolver, then the other level, then do the default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Next {
  readonly _tag: "Next"
}

/**
 * An answer.
 *
 * @since 0.1.0
 * @category models
 */
export type Disposition<C extends Credential = PasswordCredential> =
  | UseCredential<C>
  | UseNone
  | PerformDefault
  | CancelChallenge
  | RejectSpace
  | Next

/**
 * Answers with a credential.
 *
 * @since 0.1.0
 * @category constructors
 */
export const use = <C extends Credential>(credential: C): UseCredential<C> => ({ _tag: "UseCredential", credential })

/**
 * @since 0.1.0
 * @category constructors
 */
export const useNone: UseNone = { _tag: "UseNone" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const performDefault: PerformDefault = { _tag: "PerformDefault" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const cancel: CancelChallenge = { _tag: "CancelChallenge" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const reject: RejectSpace = { _tag: "RejectSpace" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const next: Next = { _tag: "Next" }
