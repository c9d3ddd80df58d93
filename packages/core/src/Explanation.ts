/**
 * What a session would do with a request, without sending a byte: `UrlSession.explain`.
 *
 * @since 0.1.0
 */
import type {
  CacheConsulted,
  CookiesAttached,
  CredentialAttached,
  LoggedDecision,
  ProxyChosen,
  SchemeUpgraded
} from "./Decision.ts"
import type { ExchangeError } from "./SessionError.ts"

/**
 * A field as it would be sent. Secrets are hidden as they are in a recording.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExplainedField {
  readonly name: string
  readonly value: string
}

/**
 * The request that would go on the wire, after everything that the session adds to it; `Host` and the framing are the
 * transport's.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExplainedRequest {
  readonly method: string
  /** Without user info; of the query only the names are shown. */
  readonly url: string
  /** What `Host` would say. */
  readonly authority: string
  readonly fields: ReadonlyArray<ExplainedField>
  readonly hasBody: boolean
  /** Bytes; `undefined` where nobody knows, and without a body. */
  readonly bodyLength: number | undefined
}

/**
 * What the address policy says. `Asked`: the host is a name, whose addresses will be judged when it has been looked up.
 *
 * @since 0.1.0
 * @category models
 */
export type ExplainedAddress =
  | { readonly _tag: "NoPolicy" }
  | { readonly _tag: "Asked" }
  | { readonly _tag: "Allowed" }
  | { readonly _tag: "Refused"; readonly why: string }

/**
 * `Sent`: to the server. `Answered`: with this status, by the cache or out of the URL. `Failed`: not at all, for this reason.
 *
 * @since 0.1.0
 * @category models
 */
export type ExplainedOutcome =
  | { readonly _tag: "Sent"; readonly request: ExplainedRequest }
  | { readonly _tag: "Answered"; readonly status: number }
  | { readonly _tag: "Failed"; readonly error: ExchangeError }

/**
 * The explanation. What a decision is about is `undefined` where it was not taken.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  readonly outcome: ExplainedOutcome
  readonly upgrade: SchemeUpgraded | undefined
  readonly cookies: CookiesAttached | undefined
  /** What would be sent ahead of any challenge. */
  readonly credential: CredentialAttached | undefined
  readonly cache: CacheConsulted | undefined
  readonly proxy: ProxyChosen | undefined
  readonly address: ExplainedAddress
  /** Application and network interceptors; they are not run, and may change anything. */
  readonly interceptors: number
  /** Everything that was decided, in its order. */
  readonly decisions: ReadonlyArray<LoggedDecision>
}
