/**
 * The decisions of a session about one request, as typed values: what was sent along and what not, and why. A task keeps them
 * where `logDecisions` says so (in `RequestOptions` or `SessionConfiguration`). Nothing in them is a secret: of URLs the user
 * info and the query are hidden, of fields and cookies there are names only.
 *
 * @since 0.1.0
 */
import * as text from "./internal/decisionText.ts"

/**
 * Something of a request that was left out, by its name, and why.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusal {
  readonly name: string
  /** A short text for people. */
  readonly why: string
}

/**
 * One attempt on the network begins; every other decision with the same `attempt` is about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface AttemptBegan {
  readonly _tag: "AttemptBegan"
  readonly method: string
  readonly url: string
  /** The names of the fields that the session hands to the transport, in their order. */
  readonly fields: ReadonlyArray<string>
}

/**
 * An interceptor answered by itself: nothing below it was asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Intercepted {
  readonly _tag: "Intercepted"
  readonly level: "application" | "network"
  readonly status: number
}

/**
 * A URL is requested by another scheme than the one it was given with, because its host is known to demand that (RFC 6797 8.3).
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemeUpgraded {
  readonly _tag: "SchemeUpgraded"
  readonly from: string
  readonly to: string
  /** `RFC 6797 8.3` and the like. */
  readonly clause: string
}

/**
 * A hop was not allowed: its scheme is not served, or a policy refuses it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestRefused {
  readonly _tag: "RequestRefused"
  readonly url: string
  readonly rule: string
}

/**
 * Which cookies went into `Cookie` (RFC 6265bis 5.8.3), by name, and which matched and did not.
 *
 * @since 0.1.0
 * @category models
 */
export interface CookiesAttached {
  readonly _tag: "CookiesAttached"
  readonly sent: ReadonlyArray<string>
  readonly refused: ReadonlyArray<Refusal>
}

/**
 * Which cookies of a response were stored, and which were refused (RFC 6265bis 5.7).
 *
 * @since 0.1.0
 * @category models
 */
export interface CookiesLearned {
  readonly _tag: "CookiesLearned"
  readonly stored: ReadonlyArray<string>
  readonly refused: ReadonlyArray<Refusal>
}

/**
 * What the cache said before a request was sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheConsulted {
  readonly _tag: "CacheConsulted"
  /** `Serve`: from the cache alone. `Validate`: by a conditional request. `Forward`: as if there were no cache. `Fail`: not at all. */
  readonly action: "Serve" | "Validate" | "Forward" | "Fail"
  /** The rule by its name, in words of the cache's own: `fresh`, `stale`, `no entry`. */
  readonly rule: string
  /** `RFC 9111 4.2` and the like; `undefined` where a policy of ours decides. */
  readonly clause: string | undefined
}

/**
 * What became of a response in the cache.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheUpdated {
  readonly _tag: "CacheUpdated"
  readonly action: "Store" | "Refresh" | "Invalidate" | "LeaveOut"
  readonly rule: string
  readonly clause: string | undefined
}

/**
 * A credential went along. Who it is, and the secret itself, are not said.
 *
 * @since 0.1.0
 * @category models
 */
export interface CredentialAttached {
  readonly _tag: "CredentialAttached"
  /** `Basic`, `Digest` and so on. */
  readonly scheme: string
  /** The protection space: origin, method and realm. */
  readonly space: string
  /** Sent without a challenge, from what the session remembers of the space. */
  readonly ahead: boolean
}

/**
 * A challenge was answered, or not.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChallengeAnswered {
  readonly _tag: "ChallengeAnswered"
  readonly space: string
  /** The tag of the disposition. */
  readonly disposition: string
  readonly previousFailureCount: number
  readonly crossOrigin: boolean
}

/**
 * A redirect was looked at (RFC 9110 15.4): what it changes, or why it was not followed.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedirectDecided {
  readonly _tag: "RedirectDecided"
  readonly status: number
  readonly from: string
  readonly to: string
  /** As the handler answered; `Follow` where there is none. */
  readonly action: "Follow" | "FollowWith" | "Stop"
  /** Of the next request. */
  readonly method: string
  readonly methodChanged: boolean
  readonly bodyDropped: boolean
  readonly crossOrigin: boolean
  /** The names of the fields that do not go along. */
  readonly droppedFields: ReadonlyArray<string>
}

/**
 * The same request is sent again.
 *
 * @since 0.1.0
 * @category models
 */
export interface SentAgain {
  readonly _tag: "SentAgain"
  /** `recover`: nothing had been processed. `retryPolicy`: the session's or the request's policy says so. */
  readonly by: "recover" | "retryPolicy"
  readonly why: string
  /** Milliseconds that were waited before. */
  readonly after: number
}

/**
 * Through which proxy the attempt goes, and why; `undefined` for none.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyChosen {
  readonly _tag: "ProxyChosen"
  /** Without user info. */
  readonly proxy: string | undefined
  readonly why: string
}

/**
 * What was done about the content codings of the final response.
 *
 * @since 0.1.0
 * @category models
 */
export interface CodingDecided {
  readonly _tag: "CodingDecided"
  readonly action: "Decode" | "Keep" | "Fail"
  /** In the order in which they are undone. */
  readonly codings: ReadonlyArray<string>
  readonly why: string
}

/**
 * @since 0.1.0
 * @category models
 */
export type Decision =
  | AttemptBegan
  | Intercepted
  | SchemeUpgraded
  | RequestRefused
  | CookiesAttached
  | CookiesLearned
  | CacheConsulted
  | CacheUpdated
  | CredentialAttached
  | ChallengeAnswered
  | RedirectDecided
  | SentAgain
  | ProxyChosen
  | CodingDecided

/**
 * A decision as a task keeps it.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoggedDecision {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The index of the transaction in `TaskMetrics.transactions` that it led to, or whose response it is about. */
  readonly attempt: number
  readonly decision: Decision
}

/**
 * A decision in one line of English, without a secret.
 *
 * @since 0.1.0
 * @category destructors
 */
export const format: (decision: Decision) => string = text.format
