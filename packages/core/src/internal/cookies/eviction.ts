/** Which cookies go when there are too many (RFC 6265bis 5.7, "remove excess cookies"). */
import type { Entry, Group } from "./jar.ts"

/** How many are kept. */
export interface Limits {
  readonly perDomain: number
  readonly total: number
  /** A domain with more than so many gives first, when there are too many in all. */
  readonly fair: number
}

const isExpired = (entry: Entry, now: number): boolean =>
  entry.cookie.expires !== undefined && entry.cookie.expires <= now

/**
 * The entries to drop so that `limit` are left, and one in two hundred of them besides, so that a large store is not gone
 * through for each cookie: expired ones; those without `Secure` of domains that have many; others of such domains; then all. Of equals
 * those that were not used for longest.
 */
export const excess = (groups: Iterable<Group>, limit: number, fair: number, now: number): ReadonlyArray<Entry> => {
  const ranked: Array<{ readonly entry: Entry; readonly rank: number }> = []
  let expired = 0
  for (const group of groups) {
    const many = group.entries.size > fair
    for (const entry of group.entries.values()) {
      if (isExpired(entry, now)) {
        expired++
        ranked.push({ entry, rank: 0 })
      } else ranked.push({ entry, rank: !many ? 3 : entry.cookie.secure ? 2 : 1 })
    }
  }
  const spare = Math.floor(limit / 200)
  const surplus = Math.max(expired, ranked.length - limit + (ranked.length - limit > expired ? spare : 0))
  ranked.sort((a, b) => a.rank - b.rank || a.entry.used - b.entry.used)
  return ranked.slice(0, surplus).map(({ entry }) => entry)
}
