/**
 * One cookie (RFC 6265bis 5.7), as a value. What it holds is a secret: it shows in no log, `inspect` or JSON, and is read
 * where it is asked for, by `value`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { isPublicSuffix } from "./internal/cookies/site.ts"
import { trimBlanks } from "./internal/protocol/characters.ts"
import { brokenPrefix } from "./internal/protocol/cookieMatch.ts"
import {
  hasCookieControl,
  isAscii,
  maximumAttribute,
  maximumPair,
  octets,
  type ParsedCookie,
  parseSetCookie,
  type SameSite,
  splitSetCookie
} from "./internal/protocol/setCookie.ts"
import { parseUrl } from "./SessionRequest.ts"

export type {
  /**
   * Where a cookie goes along: `Strict`, only in requests of its own site; `Lax`, also when a user follows a link to it; `None`,
   * everywhere. `Default` is what a server gets that says nothing, and as good as `Lax`.
   *
   * @since 0.1.0
   * @category models
   */
  SameSite
} from "./internal/protocol/setCookie.ts"

/**
 * What identifies the type of a cookie.
 *
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@urlsession/core/Cookie")

/** The symbol by which runtimes ask a value for its printed form. */
const inspect = Symbol.for("nodejs.util.inspect.custom")

/** Everything a cookie is made of. */
interface Fields {
  readonly name: string
  readonly value: string
  readonly domain: string
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: SameSite
  readonly expires: number | undefined
  readonly createdAt: number
  readonly partitionKey: string | undefined
  readonly version?: 0 | 1 | undefined
  readonly comment?: string | undefined
  readonly commentUrl?: string | undefined
  readonly ports?: ReadonlyArray<number> | undefined
}

/**
 * A cookie. Made by `make` and by what reads responses.
 *
 * @since 0.1.0
 * @category models
 */
export class Cookie {
  readonly [TypeId]: typeof TypeId = TypeId
  /** Empty for a cookie without a name. */
  readonly name: string
  readonly #value: string
  /** In lower case and without a dot in front. */
  readonly domain: string
  /** Goes to the host itself, and to none below it. */
  readonly hostOnly: boolean
  readonly path: string
  /** Goes over https only, and to this machine. */
  readonly secure: boolean
  /** Hidden from whatever is not HTTP. */
  readonly httpOnly: boolean
  readonly sameSite: SameSite
  /** Milliseconds since the epoch; `undefined` for a cookie that ends with the process. */
  readonly expires: number | undefined
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** The top-level site that it belongs to (CHIPS); `undefined` for a cookie that is in all of them. */
  readonly partitionKey: string | undefined
  /** 0 for Netscape's cookies and those of RFC 6265, 1 where the old `Version=1` was said. */
  readonly version: 0 | 1
  readonly comment: string | undefined
  readonly commentUrl: string | undefined
  readonly ports: ReadonlyArray<number> | undefined

  constructor(fields: Fields) {
    this.name = fields.name
    this.#value = fields.value
    this.domain = fields.domain
    this.hostOnly = fields.hostOnly
    this.path = fields.path
    this.secure = fields.secure
    this.httpOnly = fields.httpOnly
    this.sameSite = fields.sameSite
    this.expires = fields.expires
    this.createdAt = fields.createdAt
    this.partitionKey = fields.partitionKey
    this.version = fields.version ?? 0
    this.comment = fields.comment
    this.commentUrl = fields.commentUrl
    this.ports = fields.ports
  }
  /** The secret itself. */
  get value(): string {
    return this.#value
  }
  /** It ends with the process. */
  get isSessionOnly(): boolean {
    return this.expires === undefined
  }
  /** The same, made at another time (milliseconds since the epoch). */
  createdAs(createdAt: number): Cookie {
    return new Cookie({ ...this, value: this.#value, createdAt })
  }
  toJSON(): unknown {
    const { comment: _comment, commentUrl: _commentUrl, ports: _ports, version: _version, ...shown } = this
    return { ...shown, value: "<redacted>" }
  }
  toString(): string {
    return `Cookie(${this.name === "" ? "without a name" : this.name} of ${
      this.hostOnly ? "" : "."
    }${this.domain}${this.path})`
  }
  [inspect](): unknown {
    return this.toJSON()
  }
}

/**
 * Whether a value is a cookie.
 *
 * @since 0.1.0
 * @category guards
 */
export const isCookie = (value: unknown): value is Cookie => value instanceof Cookie

/**
 * Why there can be no such cookie. `property` is the name of what is wrong, never a value.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidCookie extends Data.TaggedError("InvalidCookie")<{
  readonly name: string
  readonly property: "name" | "value" | "domain" | "path" | "originUrl" | "prefix" | "secure"
  readonly detail: string
}> {
  override get message(): string {
    return `the cookie "${this.name}" cannot be: ${this.detail}`
  }
}

/**
 * What a cookie is made from. Name and value are needed, and a domain or the URL that it comes from. A `domain` with a dot in
 * front reaches the hosts below it; without one, or with `hostOnly`, it is the host's alone. Text above 0xFF goes out as UTF-8.
 *
 * @since 0.1.0
 * @category models
 */
export interface Properties {
  readonly name: string
  readonly value: string
  readonly domain?: string
  readonly originUrl?: string | URL
  readonly hostOnly?: boolean
  /** `/` unless said. */
  readonly path?: string
  readonly secure?: boolean
  readonly httpOnly?: boolean
  readonly sameSite?: SameSite
  /** Milliseconds since the epoch, or a date. */
  readonly expires?: number | Date
  /** Seconds from `createdAt`; wins over `expires`, and needs version 1. */
  readonly maximumAge?: number
  /** Ends with the process, whatever else is said. */
  readonly discard?: boolean
  /** Milliseconds since the epoch; 0 unless said. */
  readonly createdAt?: number
  readonly partitionKey?: string
  readonly version?: 0 | 1
  readonly comment?: string
  readonly commentUrl?: string
  readonly ports?: ReadonlyArray<number>
}

const fault = (name: string, property: InvalidCookie["property"], detail: string) =>
  Either.left(new InvalidCookie({ name: name.slice(0, 128), property, detail }))

const wrongText = (name: string, value: string): readonly ["name" | "value", string] | undefined => {
  if (name === "" && value === "") return ["name", "it has neither a name nor a value"]
  if (hasCookieControl(name) || name.includes(";") || name.includes("=") || trimBlanks(name) !== name) {
    return ["name", "a name has no control character, no `;`, no `=` and no blanks at its ends"]
  }
  if (hasCookieControl(value) || value.includes(";") || trimBlanks(value) !== value) {
    return ["value", "a value has no control character, no `;` and no blanks at its ends; encode it"]
  }
  if (name === "" && value.includes("=")) return ["name", "without a name, a value with `=` would be read as one"]
  return octets(name) + octets(value) > maximumPair
    ? ["value", `name and value have more than ${maximumPair} octets together`]
    : undefined
}

const wrongPath = (path: string): boolean =>
  !path.startsWith("/") || path.includes(";") || hasCookieControl(path) || !isAscii(path) ||
  path.length > maximumAttribute

const hostOf = (given: string): string | undefined => {
  const bracketed = given.includes(":") ? `[${given}]` : given
  const parsed = parseUrl(`http://${bracketed}/`)
  return Either.isRight(parsed) && parsed.right.url.target === "/" ? parsed.right.url.host : undefined
}

const expiryOf = (properties: Properties, version: 0 | 1): number | undefined => {
  const { createdAt = 0, discard, expires, maximumAge } = properties
  if (discard === true) return undefined
  if (version === 1 && maximumAge !== undefined) return createdAt + maximumAge * 1000
  const at = expires instanceof Date ? expires.getTime() : expires
  return at === undefined || Number.isNaN(at) ? undefined : at
}

/**
 * A cookie from its properties. Fails with `InvalidCookie` where no server could have set it: without a domain, for a public
 * suffix, with characters that a line cannot carry, longer than 4,096 octets, or breaking the promise of its name's prefix.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (properties: Properties): Either.Either<Cookie, InvalidCookie> => {
  const { name, path = "/", value } = properties
  const wrong = wrongText(name, value)
  if (wrong !== undefined) return fault(name, ...wrong)
  if (wrongPath(path)) return fault(name, "path", "a path begins with `/`, and is ASCII of at most 1,024 characters")
  const origin = properties.originUrl === undefined ? undefined : parseUrl(String(properties.originUrl))
  if (origin !== undefined && Either.isLeft(origin)) return fault(name, "originUrl", "the URL is none")
  const below = properties.domain?.startsWith(".") === true
  const given = properties.domain === undefined
    ? origin?.right.url.host ?? ""
    : hostOf(below ? properties.domain.slice(1) : properties.domain) ?? ""
  if (given === "") return fault(name, "domain", "it needs a domain, or the URL that it comes from")
  const hostOnly = properties.hostOnly ?? !below
  if (!hostOnly && isPublicSuffix(given)) {
    return fault(name, "domain", `nobody owns ${given}; a cookie for all that is below it is not kept`)
  }
  const { httpOnly = false, partitionKey, sameSite = "Default", secure = false } = properties
  const prefix = brokenPrefix(name, value, { secure, httpOnly, hostOnly, path })
  if (prefix !== undefined) return fault(name, "prefix", `it does not keep what the prefix ${prefix} promises`)
  if ((sameSite === "None" || partitionKey !== undefined) && !secure) {
    return fault(name, "secure", "`SameSite=None` and partitions need `secure`")
  }
  const version = properties.version ?? 0
  return Either.right(
    new Cookie({
      name,
      value,
      domain: given,
      hostOnly,
      path,
      secure,
      httpOnly,
      sameSite,
      expires: expiryOf(properties, version),
      createdAt: properties.createdAt ?? 0,
      partitionKey,
      version,
      comment: properties.comment,
      commentUrl: properties.commentUrl,
      ports: properties.ports
    })
  )
}

const portsOf = (text: string | undefined): ReadonlyArray<number> | undefined => {
  const ports = text?.replace(/"/g, "").split(",").map((port) => Number(port.trim())).filter((port) =>
    Number.isInteger(port) && port > 0
  )
  return ports === undefined || ports.length === 0 ? undefined : ports
}

const said = (text: string | undefined): string | undefined => text === "" ? undefined : text

const fromParsed = (parsed: ParsedCookie, host: string, now: number): Cookie | undefined => {
  const { others, value } = parsed
  if (parsed.name === "") return undefined
  const version = others.get("version") === "1" ? 1 : 0
  const expires = parsed.maxAge === undefined ? parsed.expires : now + parsed.maxAge * 1000
  const hostOnly = parsed.domain === undefined || parsed.domain === ""
  return new Cookie({
    name: parsed.name,
    value,
    domain: hostOnly ? host : parsed.domain ?? host,
    hostOnly,
    path: parsed.path ?? "/",
    secure: parsed.secure,
    httpOnly: parsed.httpOnly,
    sameSite: parsed.sameSite,
    expires: others.has("discard") ? undefined : expires,
    createdAt: now,
    partitionKey: undefined,
    version,
    comment: said(others.get("comment")),
    commentUrl: said(others.get("commenturl")),
    ports: portsOf(others.get("port"))
  })
}

/**
 * The cookies that response fields speak of, read as `HTTPCookie` reads them: several `Set-Cookie` may stand in one line with
 * commas between them, a cookie without a name is none, and the path is `/` unless said. Whether that host may set them is not
 * looked at; what a session keeps is for `CookieStorage.setFromResponse` to say. `now` in milliseconds since the epoch counts
 * where `Max-Age` is said.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResponseFields = (
  fields: Iterable<readonly [name: string, value: string]>,
  url: string | URL,
  now = 0
): ReadonlyArray<Cookie> => {
  const parsed = parseUrl(String(url))
  if (Either.isLeft(parsed)) return []
  const cookies: Array<Cookie> = []
  for (const [name, value] of fields) {
    if (name.toLowerCase() !== "set-cookie") continue
    for (const line of splitSetCookie(value)) {
      // `a` is a value to a browser, and nothing to HTTPCookie
      const read = parseSetCookie(line)
      const cookie = typeof read === "string" ? undefined : fromParsed(read, parsed.right.url.host, now)
      if (cookie !== undefined) cookies.push(cookie)
    }
  }
  return cookies
}

/**
 * The fields that send these cookies, in this order: none for no cookie.
 *
 * @since 0.1.0
 * @category combinators
 */
export const toRequestFields = (cookies: ReadonlyArray<Cookie>): Readonly<Record<string, string>> =>
  cookies.length === 0 ? {} : { Cookie: cookies.map(pairOf).join("; ") }

const pairOf = (cookie: Cookie): string => cookie.name === "" ? cookie.value : `${cookie.name}=${cookie.value}`

const Written = Schema.Struct({
  name: Schema.String,
  value: Schema.String,
  domain: Schema.String,
  hostOnly: Schema.Boolean,
  path: Schema.String,
  secure: Schema.Boolean,
  httpOnly: Schema.Boolean,
  sameSite: Schema.Literal("Strict", "Lax", "None", "Default"),
  expires: Schema.optional(Schema.Number),
  createdAt: Schema.Number,
  partitionKey: Schema.optional(Schema.String)
})

/**
 * A cookie as it is written down, the secret in clear text.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Stored: Schema.Schema<Cookie, typeof Written.Encoded> = Schema.transform(
  Written,
  Schema.declare(isCookie, { identifier: "Cookie" }),
  {
    strict: true,
    decode: (written) => new Cookie({ ...written, expires: written.expires, partitionKey: written.partitionKey }),
    encode: (cookie) => ({
      name: cookie.name,
      value: cookie.value,
      domain: cookie.domain,
      hostOnly: cookie.hostOnly,
      path: cookie.path,
      secure: cookie.secure,
      httpOnly: cookie.httpOnly,
      sameSite: cookie.sameSite,
      createdAt: cookie.createdAt,
      ...(cookie.expires === undefined ? {} : { expires: cookie.expires }),
      ...(cookie.partitionKey === undefined ? {} : { partitionKey: cookie.partitionKey })
    })
  }
)
