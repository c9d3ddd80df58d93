/** What a cache did with a request (RFC 9211), as a value and as the field. */

/** Why a request went on to the network (RFC 9211 2.2). */
export type ForwardReason = "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale" | "partial"

/** What the session's own cache did. */
export interface CacheStatus {
  /** The response was in the cache, and nothing was asked of the network first. */
  readonly hit: boolean
  /** Why the network was asked; absent for a hit. */
  readonly forward?: ForwardReason
  /** What the network answered, where that is not the status of the response: 304, mostly. */
  readonly forwardStatus?: number
  /** Seconds for which the response is fresh still; negative once it is stale. */
  readonly ttl?: number
  /** It is kept, as far as can be said before its body has been read. */
  readonly stored?: boolean
  /** The rule that decided, with its section. */
  readonly detail: string
}

/** As a member of `Cache-Status`. */
export const formatCacheStatus = (status: CacheStatus, name = "urlsession"): string => {
  const parts = [name]
  if (status.hit) parts.push("hit")
  if (status.forward !== undefined) parts.push(`fwd=${status.forward}`)
  if (status.forwardStatus !== undefined) parts.push(`fwd-status=${status.forwardStatus}`)
  if (status.ttl !== undefined) parts.push(`ttl=${Math.trunc(status.ttl)}`)
  if (status.stored === true) parts.push("stored")
  parts.push(`detail="${status.detail.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`)
  return parts.join("; ")
}
