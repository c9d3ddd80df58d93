/** The storage model (RFC 6265bis 5.7): what becomes of one line of a response. Decides, and stores nothing. */
import { Cookie } from "../../Cookie.ts"
import { brokenPrefix, type CookieTarget, defaultPath, domainMatches, pathOf } from "../protocol/cookieMatch.ts"
import { isAscii, type ParsedCookie, parseSetCookie, type SetCookieFault } from "../protocol/setCookie.ts"
import { isPublicSuffix } from "./site.ts"

/** Why a cookie is not kept. */
export type Refusal =
  | SetCookieFault
  | "PublicSuffix"
  | "OtherDomain"
  | "NotAscii"
  | "NotSecure"
  | "OverlaysSecure"
  | "HttpOnly"
  | "CrossSite"
  | "Prefix"

/** Who speaks, and in which circumstances. */
export interface Setting {
  readonly target: CookieTarget
  /** The connection is secure. */
  readonly secure: boolean
  /** HTTP, and not a script. */
  readonly http: boolean
  /** The request came out of the cookie's own site, or is a navigation of a whole page. */
  readonly firstParty: boolean
  readonly partition: string
  readonly now: number
}

/** What the store already has. */
export interface Stored {
  /** Whether a secure cookie of that name would be overlaid: its domain matches in either direction, its path covers this one. */
  readonly overlays: (name: string, domain: string, path: string, now: number) => boolean
}

/** The longest that a cookie is kept, in milliseconds: 400 days. */
export const longest = 400 * 24 * 60 * 60 * 1000

const expiryOf = ({ expires, maxAge }: ParsedCookie, now: number): number | undefined => {
  if (maxAge !== undefined) return maxAge <= 0 ? Number.MIN_SAFE_INTEGER : Math.min(now + maxAge * 1000, now + longest)
  return expires === undefined ? undefined : Math.min(expires, now + longest)
}

/** The domain to keep a cookie under, `""` for the host alone. */
const domainOf = (parsed: ParsedCookie, host: string): { readonly domain: string } | Refusal => {
  const domain = parsed.domain ?? ""
  if (domain === "") return { domain }
  if (!isAscii(domain)) return "NotAscii"
  if (isPublicSuffix(domain)) return domain === host ? { domain: "" } : "PublicSuffix"
  return domainMatches(host, domain) ? { domain } : "OtherDomain"
}

export const receive = (line: string, setting: Setting, stored: Stored): Cookie | Refusal => {
  const parsed = parseSetCookie(line)
  if (typeof parsed === "string") return parsed
  const { host, target } = setting.target
  const found = domainOf(parsed, host)
  if (typeof found === "string") return found
  const hostOnly = found.domain === ""
  const domain = hostOnly ? host : found.domain
  // a path with other characters can be the path of no URL
  if (parsed.path !== undefined && !isAscii(parsed.path)) return "NotAscii"
  const path = parsed.path ?? defaultPath(pathOf(target))
  const { httpOnly, name, partitioned, sameSite, secure, value } = parsed
  if (secure && !setting.secure) return "NotSecure"
  if (httpOnly && !setting.http) return "HttpOnly"
  if (!secure && !setting.secure && stored.overlays(name, domain, path, setting.now)) return "OverlaysSecure"
  if (sameSite !== "None" && !setting.firstParty) return "CrossSite"
  if ((sameSite === "None" || partitioned) && !secure) return "NotSecure"
  if (brokenPrefix(name, value, { secure, httpOnly, hostOnly, path: parsed.path }) !== undefined) return "Prefix"
  return new Cookie({
    name,
    value,
    domain,
    hostOnly,
    path,
    secure,
    httpOnly,
    sameSite,
    expires: expiryOf(parsed, setting.now),
    createdAt: setting.now,
    partitionKey: partitioned ? setting.partition : undefined
  })
}
