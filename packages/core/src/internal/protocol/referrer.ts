/** What becomes of `Referer` on a redirect (Referrer Policy, W3C, 8.3). Nobody's is made up here: a request without one has none. */

/** How much of it another server may see. */
export type ReferrerPolicy =
  | "no-referrer"
  | "no-referrer-when-downgrade"
  | "same-origin"
  | "origin"
  | "strict-origin"
  | "origin-when-cross-origin"
  | "strict-origin-when-cross-origin"
  | "unsafe-url"

const policies: ReadonlySet<string> = new Set<ReferrerPolicy>([
  "no-referrer",
  "no-referrer-when-downgrade",
  "same-origin",
  "origin",
  "strict-origin",
  "origin-when-cross-origin",
  "strict-origin-when-cross-origin",
  "unsafe-url"
])

const isPolicy = (text: string): text is ReferrerPolicy => policies.has(text)

/** The policy that a `Referrer-Policy` field names: of several the last that is known; `undefined` where there is none. */
export const namedPolicy = (lines: ReadonlyArray<string>): ReferrerPolicy | undefined => {
  let named: ReferrerPolicy | undefined
  for (const item of lines.join(",").split(",")) {
    const token = item.trim().toLowerCase()
    if (isPolicy(token)) named = token
  }
  return named
}

/** Without what is nobody else's: user info and fragment. `undefined` for what is no web address. */
const stripped = (referrer: string): URL | undefined => {
  try {
    const url = new URL(referrer)
    if (url.protocol !== "http:" && url.protocol !== "https:") return undefined
    url.username = ""
    url.password = ""
    url.hash = ""
    return url
  } catch {
    return undefined
  }
}

/** So long an address is told at most; of a longer one its origin. */
const longest = 4096

/**
 * The value of `Referer` for a request to `target`, from the one that the caller has set; `undefined` where it must stay
 * behind. Whatever the policy says, an https address is never told over plain http.
 */
export const referrerFor = (referrer: string, target: string, policy: ReferrerPolicy): string | undefined => {
  const from = stripped(referrer)
  const to = stripped(target)
  if (from === undefined || to === undefined) return undefined
  if (from.protocol === "https:" && to.protocol === "http:") return undefined
  const origin = `${from.origin}/`
  const full = from.href.length > longest ? origin : from.href
  const same = from.origin === to.origin
  switch (policy) {
    case "no-referrer":
      return undefined
    case "same-origin":
      return same ? full : undefined
    case "origin":
    case "strict-origin":
      return origin
    case "origin-when-cross-origin":
    case "strict-origin-when-cross-origin":
      return same ? full : origin
    case "no-referrer-when-downgrade":
    case "unsafe-url":
      return full
  }
}

/** What is known of a redirect when its `Referer` is decided. */
export interface RedirectedReferrer {
  readonly referrer: string
  readonly target: string
  readonly crossOrigin: boolean
  /** The session's, or the request's. */
  readonly policy: ReferrerPolicy
  /** The lines of `Referrer-Policy` of the response that redirects: they can hold back more, and never tell more. */
  readonly said: ReadonlyArray<string>
}

/** Inside the origin it goes along as it is, unless the server says otherwise. */
export const redirectedReferrer = (input: RedirectedReferrer): string | undefined => {
  const ours = input.crossOrigin ? referrerFor(input.referrer, input.target, input.policy) : input.referrer
  const named = namedPolicy(input.said)
  return ours === undefined || named === undefined ? ours : referrerFor(ours, input.target, named)
}
