/** What a redirect means (RFC 9110 15.4): whether to follow, where to, by which method, and what must stay behind. */
import { hasControl, trimBlanks } from "./characters.ts"

/** A response and where its task stands. `hops` are the redirects followed so far. */
export interface RedirectInput {
  readonly status: number
  readonly method: string
  /** The lines of `Location`. */
  readonly locations: ReadonlyArray<string>
  /** The URL that was asked, absolute. */
  readonly currentUrl: string
  readonly hops: number
  readonly limit: number
}

/** Go on at `url`. */
export interface FollowRedirect {
  readonly _tag: "Follow"
  /** Absolute, without user info; the fragment of the current URL where the new one has none. */
  readonly url: string
  /** Without the colon. Whether it may be followed is for others to say. */
  readonly scheme: string
  readonly method: string
  /** The method has become GET: the body goes, and the fields that tell of it (`isBodyField`). */
  readonly dropBody: boolean
  /** Another scheme, host or port. */
  readonly crossOrigin: boolean
  /** From https to anything else. */
  readonly downgrade: boolean
}

export type RedirectDecision =
  | { readonly _tag: "Deliver" }
  | FollowRedirect
  | { readonly _tag: "TooMany"; readonly limit: number; readonly url: string }
  | { readonly _tag: "BadLocation"; readonly location: string }

const deliver: RedirectDecision = { _tag: "Deliver" }

/** 300 is for a reader to choose from, 304 is about a cache, 305 and 306 are gone (RFC 9110 15.4). */
const isFollowed = (status: number): boolean =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308

/** Bytes above ASCII as `%C3`: a `Location` is read one byte per code unit, and its bytes have to survive. */
const escaped = (location: string): string =>
  location.replace(/[\x80-\xff]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

const resolve = (location: string, base: URL): URL | undefined => {
  if (hasControl(location)) return undefined
  try {
    const url = new URL(escaped(location), base)
    url.username = ""
    url.password = ""
    if (!location.includes("#")) url.hash = base.hash
    return url
  } catch {
    return undefined
  }
}

const methodAfter = (status: number, method: string): string => {
  if (status === 303) return method === "HEAD" ? "HEAD" : "GET"
  return (status === 301 || status === 302) && method === "POST" ? "GET" : method
}

/**
 * Decides on a 3xx. A limit ends loops, there is no other detection. Several `Location` lines that say the same are one; that
 * say different things are refused.
 */
export const decideRedirect = (input: RedirectInput): RedirectDecision => {
  if (!isFollowed(input.status)) return deliver
  const locations = new Set(input.locations.map(trimBlanks))
  const [location] = locations
  if (location === undefined || location === "") return deliver
  if (locations.size > 1) return { _tag: "BadLocation", location: [...locations].join(", ") }
  const current = new URL(input.currentUrl)
  const url = resolve(location, current)
  if (url === undefined) return { _tag: "BadLocation", location }
  if (input.hops >= input.limit) return { _tag: "TooMany", limit: input.limit, url: url.href }
  const method = methodAfter(input.status, input.method)
  return {
    _tag: "Follow",
    url: url.href,
    scheme: url.protocol.slice(0, -1),
    method,
    dropBody: method !== input.method || input.status === 303,
    crossOrigin: url.protocol !== current.protocol || url.host !== current.host,
    downgrade: current.protocol === "https:" && url.protocol !== "https:"
  }
}

const bodyFields = new Set([
  "digest",
  "repr-digest",
  "want-content-digest",
  "last-modified",
  "expect",
  "transfer-encoding"
])
const secretFields = new Set(["authorization", "cookie", "proxy-authorization"])

/** Whether a field (in lower case) tells of the body, and goes with it. */
export const isBodyField = (name: string): boolean => name.startsWith("content-") || bodyFields.has(name)

/** Whether a field (in lower case) is a secret of the origin it was made for, whoever set it. */
export const isSecretField = (name: string): boolean => secretFields.has(name)
