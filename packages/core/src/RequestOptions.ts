/**
 * Options of one request: one `Context.Reference` that holds a record, so that they travel with an effect and through any
 * client built on the session.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { CachePolicy } from "./internal/protocol/cacheStrategy.ts"
import type { ReferrerPolicy } from "./internal/protocol/referrer.ts"
import type { ServiceType } from "./internal/protocol/requestPolicy.ts"
import type { Options as RetryPolicyOptions } from "./RetryPolicy.ts"

/**
 * What can be said about one request. What is absent is the session's. What the session allows a request can forbid itself,
 * and not the other way round: schemes, networks and the time for the whole of it are the narrower of the two.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptionsRecord {
  /** How long to wait for the network without a byte moving. */
  readonly timeoutInterval?: Duration.DurationInput
  /** How long the whole of the task may take; no longer than the session allows. */
  readonly timeoutIntervalForResource?: Duration.DurationInput
  /** The schemes, without the colon, that this request and where it is redirected may have, of those of the session. */
  readonly schemes?: ReadonlyArray<string>
  /** What a `Referer` of the caller's becomes on redirects to another origin. */
  readonly referrerPolicy?: ReferrerPolicy
  /** What the request is for; decides its priority where it names none. */
  readonly networkServiceType?: ServiceType
  /** `false`: not over mobile networks, where the platform can tell them apart. */
  readonly allowsCellularAccess?: boolean
  /** `false`: not over networks that cost by the byte, where the platform can tell. */
  readonly allowsExpensiveNetworkAccess?: boolean
  /** `false`: not over networks that were asked to be spared, where the platform can tell. */
  readonly allowsConstrainedNetworkAccess?: boolean
  /** 0 to 1, unless said that of the service type: the order in which requests that wait for a connection get one. */
  readonly priority?: number
  /** A free text that the task carries. */
  readonly taskDescription?: string
  /** Names of the caller's own fields that may go along to another origin on a redirect. */
  readonly publicFields?: ReadonlyArray<string>
  /** Follow redirects to other origins with the caller's fields and body untouched; off unless said. */
  readonly keepFieldsOnRedirect?: boolean
  /** The longest body, in bytes, that `bytes`, `text` and `json` collect. */
  readonly maximumBodyBytes?: number
  /** Hold the body back until the server says `100 Continue`, or for a second (RFC 9110 10.1.1); off unless said. */
  readonly expectContinue?: boolean
  /** Keep what the session decides about this request: `SessionTask.decisions`, `SessionResponse.decisions`. The session's unless said. */
  readonly logDecisions?: boolean
  /** How the cache is used. The session's where it is absent or `useProtocolCachePolicy`. */
  readonly cachePolicy?: CachePolicy
  /**
   * For whom the request is made, where neither a credential nor a cookie says so: what is kept for one partition is never
   * given to another. Only a keyed hash of it is kept.
   */
  readonly cachePartition?: string
  /** Default handling may answer Basic over plain http outside loopback; off unless said. */
  readonly allowInsecureBasic?: boolean
  /** `false`: neither sends cookies of the storage nor learns any. On unless said. */
  readonly httpShouldHandleCookies?: boolean
  /** The page that the request belongs to, for the cookies' accept policy, partition and site. */
  readonly mainDocumentUrl?: string | URL
  /** The site that `SameSite` is judged by (RFC 6265bis 5.2); that of `mainDocumentUrl` unless said. */
  readonly siteForCookies?: string | URL
  /** A user goes to this page: `Lax` cookies go along although the site is another one. Off unless said. */
  readonly isTopLevelNavigation?: boolean
  /** The top-level site whose `Partitioned` cookies count, as `https://example.com`; that of the page unless said. */
  readonly cookiePartitionKey?: string
  /** `false`: not over networks that let hardly anything through, as by satellite. */
  readonly allowsUltraConstrainedNetworkAccess?: boolean
  /** Notes for interceptors, by tags: `Context.make(Tag, value)`. Nothing of them is ever sent. */
  readonly properties?: Context.Context<never>
  /** Instead of the session's `RetryPolicy`; `never` for a request that is not to be sent again. */
  readonly retryPolicy?: RetryPolicyOptions | "never"
}

/**
 * The Reference. Empty by default.
 *
 * @since 0.1.0
 * @category references
 */
export class RequestOptions extends Context.Reference<RequestOptions>()("@urlsession/core/RequestOptions", {
  defaultValue: (): RequestOptionsRecord => ({})
}) {}

const change =
  (f: (current: RequestOptionsRecord) => RequestOptionsRecord) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(RequestOptions, (current) => Effect.provideService(self, RequestOptions, f(current)))

/**
 * Says options for every request of an effect; they win over what is said outside of it. Works on a client too:
 * `HttpClient.transformResponse(client, RequestOptions.with({ ... }))`.
 *
 * @since 0.1.0
 * @category combinators
 */
const with_ = (options: RequestOptionsRecord): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> =>
  change((current) => ({ ...current, ...options }))
export { with_ as with }

/**
 * Says options that hold where the caller says nothing: the form for a client's defaults.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withDefaults = (
  options: RequestOptionsRecord
): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> =>
  change((current) => ({ ...options, ...current }))
