/** Where a cookie belongs (RFC 6265bis 5.1.3, 5.1.4, 5.7, 5.8): domains, paths, prefixes of names, and sites. */
import { familyOf } from "./address.ts"

/** What of a URL cookies look at. `target` is path and query; `host` is in lower case and without brackets. */
export interface CookieTarget {
  readonly scheme: string
  readonly host: string
  readonly target: string
}

/** Whether a host is a domain, or stands below it. An address has nothing below it. */
export const domainMatches = (host: string, domain: string): boolean =>
  host === domain ||
  (host.length > domain.length && host.endsWith(domain) && host[host.length - domain.length - 1] === "." &&
    familyOf(host) === undefined)

/** The path of a URL, without its query. */
export const pathOf = (target: string): string => {
  const query = target.indexOf("?")
  return query < 0 ? target : target.slice(0, query)
}

/** The directory of a path: up to its last slash, which stays only where it is the first character. */
export const defaultPath = (path: string): string => {
  if (!path.startsWith("/")) return "/"
  const last = path.lastIndexOf("/")
  return last === 0 ? "/" : path.slice(0, last)
}

/** Whether the path of a request lies under the path of a cookie, segment by segment. */
export const pathMatches = (path: string, cookiePath: string): boolean =>
  path.startsWith(cookiePath) &&
  (path.length === cookiePath.length || cookiePath.endsWith("/") || path[cookiePath.length] === "/")

/** What the prefix of a name promises. */
export interface Promised {
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly hostOnly: boolean
  /** As the server said it; `undefined` where it did not. */
  readonly path: string | undefined
}

const prefixOf = (name: string): string | undefined => {
  if (!name.startsWith("__")) return undefined
  const start = name.slice(0, 12).toLowerCase()
  return start.startsWith("__host-http-")
    ? "__Host-Http-"
    : start.startsWith("__host-")
    ? "__Host-"
    : start.startsWith("__secure-")
    ? "__Secure-"
    : start.startsWith("__http-")
    ? "__Http-"
    : undefined
}

/** The prefix whose promise a cookie does not keep; a cookie without a name must not look as if it had one (5.7, 5.4). */
export const brokenPrefix = (name: string, value: string, cookie: Promised): string | undefined => {
  if (name === "") return prefixOf(value)
  const prefix = prefixOf(name)
  if (prefix === undefined) return undefined
  const kept = cookie.secure &&
    (prefix === "__Secure-" || prefix === "__Host-" || cookie.httpOnly) &&
    (prefix === "__Secure-" || prefix === "__Http-" || (cookie.hostOnly && cookie.path === "/"))
  return kept ? undefined : prefix
}

/** The methods that change nothing (RFC 9110 9.2.1). */
export const isSafeMethod = (method: string): boolean =>
  method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE" || method === "QUERY"
