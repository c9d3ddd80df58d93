/**
 * Everything that can go wrong, as a flat union of tagged classes by family. Each carries a tagged `reason` with its own
 * fields, the NSURLErrorDomain `code` where there is one, `isTransient`, and a message that says what to do. No secret is
 * in any of them: the `url` is not enumerable, and messages show neither user info nor the query.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { CacheError } from "./internal/errors/caching.ts"
import type { ConnectionError, TimeoutError, TlsError } from "./internal/errors/connecting.ts"
import type { Cancelled, DelegateFailed, SessionInvalidated } from "./internal/errors/ending.ts"
import type { BodyError, FileError, InvalidResponse } from "./internal/errors/receiving.ts"
import type { AuthenticationError, InvalidRequest, RedirectError } from "./internal/errors/sending.ts"

export { CacheError, type CacheReason } from "./internal/errors/caching.ts"
export {
  type CertificateFault,
  ConnectionError,
  type ConnectionReason,
  TimeoutError,
  type TimeoutReason,
  TlsError,
  type TlsReason,
  type UntrustedWhy
} from "./internal/errors/connecting.ts"
export {
  Cancelled,
  type CancelledReason,
  DelegateFailed,
  type DelegateFailedReason,
  SessionInvalidated,
  type SessionInvalidatedReason
} from "./internal/errors/ending.ts"
export {
  BodyError,
  type BodyReason,
  FileError,
  type FileReason,
  InvalidResponse,
  type InvalidResponseReason
} from "./internal/errors/receiving.ts"
export {
  AuthenticationError,
  type AuthenticationReason,
  InvalidRequest,
  type InvalidRequestReason,
  RedirectError,
  type RedirectReason
} from "./internal/errors/sending.ts"

/**
 * What one HTTP exchange (`execute`, `data`, `upload`) can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ExchangeError =
  | InvalidRequest
  | ConnectionError
  | TimeoutError
  | TlsError
  | AuthenticationError
  | RedirectError
  | InvalidResponse
  | BodyError
  | CacheError
  | SessionInvalidated
  | Cancelled
  | DelegateFailed

/**
 * What a download can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type DownloadError = ExchangeError | FileError

/**
 * Everything that a session can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type SessionError = ExchangeError | DownloadError

type Reasoned = { readonly _tag: string; readonly reason: { readonly _tag: string } }
type Family<E, Tag> = Extract<E, { readonly _tag: Tag }>
type ReasonOf<E, Tag> = Family<E, Tag> extends { readonly reason: infer R } ? R : never
type ReasonTag<E, Tag> = ReasonOf<E, Tag> extends { readonly _tag: infer T extends string } ? T : never

const isReason = <E extends Reasoned, Tag extends string, Reason extends string>(
  error: E,
  tag: Tag,
  reason: Reason
): error is Family<E, Tag> & { readonly reason: Extract<ReasonOf<E, Tag>, { readonly _tag: Reason }> } =>
  error._tag === tag && error.reason._tag === reason

/**
 * Handles one reason of one family; every other error passes through.
 *
 * @example
 * ```ts
 * import { SessionError, UrlSession } from "@urlsession/core"
 * import { Effect } from "effect"
 *
 * const program = (session: UrlSession.Service, url: string) =>
 *   session.data(url).pipe(
 *     SessionError.catchReason("TlsError", "ServerCertificateHasBadDate", (reason) =>
 *       Effect.dieMessage(`renew it: expired at ${reason.notAfter.toISOString()}`))
 *   )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const catchReason = <
  E extends Reasoned,
  const Tag extends E["_tag"],
  const Reason extends ReasonTag<E, Tag>,
  A2,
  E2,
  R2
>(
  tag: Tag,
  reason: Reason,
  f: (reason: Extract<ReasonOf<E, Tag>, { readonly _tag: Reason }>) => Effect.Effect<A2, E2, R2>
) =>
<A, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | A2, E | E2, R | R2> =>
  Effect.catchAll(
    self,
    (error): Effect.Effect<A2, E | E2, R2> => isReason(error, tag, reason) ? f(error.reason) : Effect.fail(error)
  )
