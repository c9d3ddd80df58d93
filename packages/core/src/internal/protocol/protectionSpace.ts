/** Which paths a protection space covers (RFC 7617 2.2, RFC 7616 3.3), by whole segments. */

/** The path of a request target: no query, no fragment. */
const pathOf = (target: string): string => {
  const query = target.search(/[?#]/)
  const path = query < 0 ? target : target.slice(0, query)
  return path.startsWith("/") ? path : `/${path}`
}

const isDot = (segment: string): boolean => /^(?:\.|%2e)$/i.test(segment)
const isDotDot = (segment: string): boolean => /^(?:\.|%2e){2}$/i.test(segment)

/** The segments after the first slash, `.` and `..` resolved, also where they are percent-encoded (as URLs resolve them). */
const segmentsOf = (target: string): ReadonlyArray<string> => {
  const raw = pathOf(target).replaceAll("\\", "/").split("/").slice(1)
  const segments: Array<string> = []
  raw.forEach((segment, index) => {
    const last = index === raw.length - 1
    if (isDotDot(segment)) segments.pop()
    else if (!isDot(segment)) {
      segments.push(segment)
      return
    }
    if (last) segments.push("")
  })
  return segments
}

/** The directory of a path, with its final slash: what one successful answer is good for. */
export const pathPrefix = (target: string): string => {
  const segments = segmentsOf(target)
  return `/${segments.slice(0, -1).map((segment) => `${segment}/`).join("")}`
}

/** Nothing in it has to be undone before it is compared, as in most paths. */
const isResolved = (path: string): boolean => !/\\|\/\.|%2e/i.test(path)

/**
 * Whether a path is at or below a prefix. `/admin` covers `/admin` and `/admin/x`, never `/administrator`; `/admin/` covers what
 * is inside of it. A prefix that is not a path covers nothing.
 */
export const covers = (prefix: string, target: string): boolean => {
  if (!prefix.startsWith("/")) return false
  if (prefix === "/") return true
  const start = pathOf(prefix)
  const path = pathOf(target)
  if (isResolved(start) && isResolved(path)) {
    const next = path[start.length]
    return path.startsWith(start) && (next === undefined || next === "/" || start.endsWith("/"))
  }
  const wanted = segmentsOf(prefix)
  const segments = segmentsOf(target)
  // a final slash: anything may stand in its place, but something must
  const whole = wanted[wanted.length - 1] === "" ? wanted.length - 1 : wanted.length
  if (segments.length < wanted.length) return false
  for (let i = 0; i < whole; i++) {
    if (segments[i] !== wanted[i]) return false
  }
  return true
}

/**
 * The path prefixes that the `domain` of a Digest challenge names (RFC 7616 3.3), only those inside the origin of the URL that
 * was challenged: a server does not decide where else a user's answer is sent. The whole origin where none is named.
 */
export const digestDomain = (domain: ReadonlyArray<string>, url: string): ReadonlyArray<string> => {
  if (domain.length === 0) return ["/"]
  const base = new URL(url)
  const prefixes: Array<string> = []
  for (const uri of domain) {
    try {
      const resolved = new URL(uri, base)
      if (resolved.origin === base.origin && resolved.origin !== "null") prefixes.push(resolved.pathname)
    } catch {
      // not a URI: names nothing
    }
  }
  return prefixes
}
