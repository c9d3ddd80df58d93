/** Registrable domains and sites, by the public suffix list. */
import { getDomain, getPublicSuffix } from "tldts"
import { familyOf } from "../protocol/address.ts"
import type { CookieTarget } from "../protocol/cookieMatch.ts"

// private suffixes too: whoever has a page on `github.io` is not its neighbour
const options = { allowPrivateDomains: true, extractHostname: false, validateHostname: false } as const

const withoutRootDot = (host: string): string => host.endsWith(".") ? host.slice(0, -1) : host

/** Whether nobody may own a domain: `com`, `co.uk`, `github.io`, and any top level that the list does not know. */
export const isPublicSuffix = (domain: string): boolean => {
  const bare = withoutRootDot(domain)
  return familyOf(bare) === undefined && getPublicSuffix(bare, options) === bare
}

// hosts repeat, and the list is long
const known = new Map<string, string>()
const knownLimit = 4096

/** The registrable domain of a host; the host itself where it has none. */
export const registrable = (host: string): string => {
  const before = known.get(host)
  if (before !== undefined) return before
  const found = familyOf(host) === undefined ? getDomain(withoutRootDot(host), options) ?? host : host
  if (known.size >= knownLimit) known.clear()
  known.set(host, found)
  return found
}

const schemeOf = (scheme: string): string => scheme === "ws" ? "http" : scheme === "wss" ? "https" : scheme

/** The site of a URL, as the partition of its cookies is named: `https://example.com`. Empty for what has no host. */
export const siteOf = ({ host, scheme }: CookieTarget): string =>
  host === "" ? "" : `${schemeOf(scheme)}://${registrable(host)}`
