/** Fields that are made to carry credentials: what of them may be kept, so that a replay still challenges and still sets cookies. */
import { type Challenge, parseAuthParams, parseChallenges } from "../protocol/wwwAuthenticate.ts"
import { redacted } from "./marker.ts"

/** Fields that set cookies. */
export const cookieFields: ReadonlySet<string> = new Set(["set-cookie", "set-cookie2"])

/** The name and the attributes of the cookie stay. */
export const redactSetCookie = (value: string): string => {
  const end = value.indexOf(";")
  const first = end < 0 ? value : value.slice(0, end)
  const equals = first.indexOf("=")
  return `${equals < 0 ? "" : first.slice(0, equals + 1)}${redacted}${end < 0 ? "" : value.slice(end)}`
}

/** The names of the cookies stay. */
export const redactCookies = (value: string): string => value.split(/; */).map(redactSetCookie).join("; ")

/**
 * Parameters that tell a client how to answer, and that everybody who asks is told. A nonce would do no harm without the
 * `Authorization` that used it, yet it is replaced as well: a replay does not need it, and a recording made anew stays equal.
 */
const shown = new Set([
  "algorithm",
  "charset",
  "domain",
  "error",
  "error_description",
  "error_uri",
  "max-age",
  "qop",
  "realm",
  "scope",
  "stale",
  "userhash"
])

/** Those that are tokens by their definition (RFC 7616 3.3, 3.5). */
const tokens = new Set(["algorithm", "stale", "userhash"])

const written = (name: string, value: string): string => {
  if (!shown.has(name)) return `${name}="${redacted}"`
  return tokens.has(name) && /^[\w-]+$/.test(value)
    ? `${name}=${value}`
    : `${name}="${value.replace(/["\\]/g, "\\$&")}"`
}

const schemeNames = new Map([["ntlm", "NTLM"], ["hoba", "HOBA"], ["dpop", "DPoP"]])

const schemeName = (scheme: string): string =>
  schemeNames.get(scheme) ?? scheme.charAt(0).toUpperCase() + scheme.slice(1)

const writtenChallenge = ({ params, scheme }: Challenge): string =>
  `${schemeName(scheme)} ${Array.from(params, ([name, value]) => written(name, value)).join(", ")}`.trimEnd()

/** Fields made of challenges or of authentication parameters, and what is kept of a line of them. */
export const challengeFields: ReadonlyMap<string, (line: string) => string> = (() => {
  // what cannot be read is no challenge to a session either, so it need not be kept
  const challenges = (line: string): string => parseChallenges([line]).map(writtenChallenge).join(", ")
  const info = (line: string): string => {
    const params = parseAuthParams(line)
    // the rest was computed from the password for a client nonce that a replay does not use again
    return params.has("nextnonce") ? `nextnonce="${redacted}"` : ""
  }
  return new Map([
    ["www-authenticate", challenges],
    ["proxy-authenticate", challenges],
    ["authentication-info", info],
    ["proxy-authentication-info", info]
  ])
})()
