/**
 * Takes the secrets out of what is about to be recorded. Where it cannot tell what a text is, it takes too much rather than
 * too little: a replay ignores what was taken.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { RequestField } from "../../Transport.ts"
import { challengeFields, cookieFields, redactCookies, redactSetCookie } from "./credentialFields.ts"
import { redacted } from "./marker.ts"
import type { RecordedFields } from "./model.ts"

/**
 * Names whose values are secrets in a query, a form, a JSON document or a field: by themselves, and as a word of another name.
 * In fields of responses `code`, `pin` and `sig` are not meant.
 *
 * @since 0.1.0
 * @category redaction
 */
export const defaultSecretNames: ReadonlyArray<string> = [
  "apikey",
  "assertion",
  "auth",
  "authorization",
  "code",
  "credential",
  "credentials",
  "csrf",
  "jwt",
  "key",
  "otp",
  "passphrase",
  "passwd",
  "password",
  "pin",
  "pwd",
  "secret",
  "session",
  "sessionid",
  "sid",
  "sig",
  "signature",
  "ticket",
  "token",
  "verifier",
  "xsrf"
]

/** Of these, a field's name says less: `X-Error-Code` is no secret. */
const harmlessInFields = new Set(["code", "pin", "sig"])

/**
 * Fields of a request that say nothing about who sends it, and are recorded as they are.
 *
 * @since 0.1.0
 * @category redaction
 */
export const defaultPublicFields: ReadonlyArray<string> = [
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-range",
  "content-type",
  "date",
  "depth",
  "expect",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "origin",
  "pragma",
  "prefer",
  "priority",
  "range",
  "referer",
  "te",
  "traceparent",
  "upgrade-insecure-requests",
  "user-agent",
  "x-requested-with"
]

/** What is to be hidden, and what may be shown. */
export interface Redaction {
  /** In a query, a form, a JSON document. */
  readonly isSecretName: (name: string) => boolean
  readonly isSecretField: (name: string) => boolean
  readonly isPublicField: (name: string) => boolean
  /** Nothing is hidden at all: somebody has asked for that. */
  readonly isOff?: boolean
}

/** Hides nothing. */
export const noRedaction: Redaction = {
  isSecretName: () => false,
  isSecretField: () => false,
  isPublicField: () => true,
  isOff: true
}

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, "")

/** `X-Amz-Signature`, `clientSecret` and `access_token` are made of words, any of which may say that a secret follows. */
const words = (name: string): ReadonlyArray<string> =>
  name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/)

const among = (names: ReadonlySet<string>, name: string): boolean => {
  if (names.has(plain(name))) return true
  for (const word of words(name)) {
    if (names.has(word)) return true
    for (const one of names) if (one.length > 4 && word.endsWith(one)) return true
  }
  return false
}

/** The defaults, and what is added to them. */
export const makeRedaction = (
  secretNames: ReadonlyArray<string>,
  publicFields: ReadonlyArray<string>
): Redaction => {
  const secret = new Set([...defaultSecretNames, ...secretNames].map(plain))
  const secretInFields = new Set([...secret].filter((name) => !harmlessInFields.has(name)))
  for (const name of secretNames) secretInFields.add(plain(name))
  const open = new Set([...defaultPublicFields, ...publicFields].map((name) => name.toLowerCase()))
  return {
    isSecretName: (name) => among(secret, name),
    isSecretField: (name) => !name.startsWith("access-control-") && among(secretInFields, name),
    isPublicField: (name) => open.has(name)
  }
}

const decoded = (text: string): string =>
  Either.getOrElse(Encoding.decodeUriComponent(text.replaceAll("+", " ")), () => text)

// a value ends where another name may begin, so that a URL within a URL is looked into as well
const pair = /([?&#;])([^=&#;?\s<>"]+)=((?:<redacted>|[^&#;?\s<>"])*)/g

const redactPairs = (text: string, redaction: Redaction): string =>
  text.replace(pair, (all: string, separator: string, name: string, value: string) => {
    const hides = redaction.isSecretName(decoded(name)) ||
      (/%(3d|25)/i.test(value) && hidesPairs(value, redaction))
    return hides ? `${separator}${name}=${redacted}` : all
  })

/** An encoded URL within a value, perhaps encoded more than once. */
const hidesPairs = (value: string, redaction: Redaction): boolean => {
  let inner = value
  for (let depth = 0; depth < 3; depth++) {
    const next = decoded(inner)
    if (next === inner) return false
    inner = next
    if (redactPairs(inner, redaction) !== inner || withoutUserInfo(inner) !== inner) return true
  }
  return true
}

// everything up to the last "@" before the path is user info; a backslash is as good as a slash to a URL parser
const ownUserInfo = /^(\s*(?:[A-Za-z][\w+.-]*:)?[/\\]{2})[^/\\?#\s]*@/
const innerUserInfo = /([/\\]{2})[^/\\?#\s]*@/g

const withoutUserInfo = (text: string): string =>
  text.replace(ownUserInfo, "$1").replace(innerUserInfo, `$1${redacted}@`)

/** A URL, or a text that holds some: without user info and the values of secret names. */
export const redactUrls = (text: string, redaction: Redaction): string =>
  redaction.isOff === true ? text : redactPairs(withoutUserInfo(text), redaction)

/** The URL of a request. */
export const redactRequestUrl = (href: string, redaction: Redaction): string => {
  // the fragment never leaves the client
  const fragment = href.indexOf("#")
  return redactUrls(fragment < 0 ? href : href.slice(0, fragment), redaction)
}

/** `https:ada:secret@host`, which has an authority to some parsers. */
const withoutSlashes = /^(\s*[A-Za-z][\w+.-]*:)(?![/\\])[^/\\?#]*@/

/** A reference that only a URL parser can tell to hold user info is written anew by it. */
const redactReference = (value: string, base: string, redaction: Redaction): string => {
  const bare = withoutUserInfo(value.replace(withoutSlashes, "$1"))
  const parsed = Either.try(() => new URL(bare, base))
  if (Either.isRight(parsed) && (parsed.right.username !== "" || parsed.right.password !== "")) {
    parsed.right.username = ""
    parsed.right.password = ""
    return redactPairs(parsed.right.href, redaction)
  }
  return redactPairs(bare, redaction)
}

const schemes = /^(basic|bearer|digest|dpop|hoba|mutual|negotiate|ntlm|vapid|aws4-hmac-sha256) /i

/** The fields of a request. What is bound to an origin is its caller's own, and shown only where its name is known. */
export const redactRequestFields = (fields: ReadonlyArray<RequestField>, redaction: Redaction): RecordedFields =>
  fields.map(({ bound, name: given, value }) => {
    const name = given.toLowerCase()
    if (redaction.isOff === true) return [name, value]
    if (name === "authorization" || name === "proxy-authorization") {
      return [name, `${schemes.exec(value)?.[0] ?? ""}${redacted}`]
    }
    if (name === "cookie") return [name, redactCookies(value)]
    if (redaction.isPublicField(name)) return [name, redactUrls(value, redaction)]
    return [name, bound || redaction.isSecretField(name) ? redacted : redactUrls(value, redaction)]
  })

const references = new Set(["location", "content-location"])

/** The fields of a response, of an interim response or of trailers, to a request for `url`. */
export const redactResponseFields = (
  fields: Iterable<readonly [name: string, value: string]>,
  url: string,
  redaction: Redaction
): RecordedFields =>
  Array.from(fields, ([name, value]) => {
    if (redaction.isOff === true) return [name, value]
    if (cookieFields.has(name)) return [name, redactSetCookie(value)]
    const challenges = challengeFields.get(name)
    if (challenges !== undefined) return [name, challenges(value)]
    if (references.has(name)) return [name, redactReference(value, url, redaction)]
    if (redaction.isSecretField(name) && !redaction.isPublicField(name)) return [name, redacted]
    return [name, redactUrls(value, redaction)]
  })
