/** `Set-Cookie` as servers really write it (RFC 6265bis 5.6): what a line says, and whether it says anything. */
import { isBlank, isDigit, isTokenCode, trimBlanks } from "./characters.ts"
import { parseCookieDate } from "./cookieDate.ts"

/** `Default`: the server said nothing, or something unknown. */
export type SameSite = "Strict" | "Lax" | "None" | "Default"

/** What a line says. Of an attribute that stands there several times the last one counts. */
export interface ParsedCookie {
  /** Empty for a cookie without a name. */
  readonly name: string
  readonly value: string
  /** Seconds, as written. */
  readonly maxAge: number | undefined
  /** Milliseconds since the epoch, as written. */
  readonly expires: number | undefined
  /** In lower case, without the dot in front; empty where only a dot was written. */
  readonly domain: string | undefined
  /** `undefined`: none, or one that does not begin with a slash, so the default path counts. */
  readonly path: string | undefined
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: SameSite
  readonly partitioned: boolean
  /** The attributes that HTTPCookie knows besides; the storage does not look at them. */
  readonly others: ReadonlyMap<string, string>
}

export type SetCookieFault = "ControlCharacter" | "Empty" | "TooLong"

/** The most that name and value may have together, and an attribute's value by itself, in octets. */
export const maximumPair = 4096
export const maximumAttribute = 1024

/** A control character of ASCII other than HTAB. */
export const hasCookieControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true
  }
  return false
}

export const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false
  }
  return true
}

/** Octets of a text of the wire: one for each code unit, as fields are read, or UTF-8 where one is above 0xFF. */
export const octets = (text: string): number => {
  let utf8 = 0
  let wide = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    wide ||= code > 0xff
    // half of a pair is half of four bytes
    utf8 += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3
  }
  return wide ? utf8 : text.length
}

/** Name and value of the part before the first semicolon; without `=` it is all value. */
const pairOf = (text: string): readonly [name: string, value: string] => {
  const equals = text.indexOf("=")
  return equals < 0 ? ["", trimBlanks(text)] : [trimBlanks(text.slice(0, equals)), trimBlanks(text.slice(equals + 1))]
}

/** Digits, with a minus in front or not; anything else says nothing. */
const secondsOf = (text: string): number | undefined => {
  const start = text.startsWith("-") ? 1 : 0
  if (text.length === start) return undefined
  for (let i = start; i < text.length; i++) {
    if (!isDigit(text.charCodeAt(i))) return undefined
  }
  return Number(text)
}

const sameSiteOf = (text: string): SameSite => {
  switch (text.toLowerCase()) {
    case "strict":
      return "Strict"
    case "lax":
      return "Lax"
    case "none":
      return "None"
    default:
      return "Default"
  }
}

const noOthers: ReadonlyMap<string, string> = new Map()

class Attributes {
  maxAge: number | undefined = undefined
  expires: number | undefined = undefined
  domain: string | undefined = undefined
  path: string | undefined = undefined
  secure = false
  httpOnly = false
  sameSite: SameSite = "Default"
  partitioned = false
  others: Map<string, string> | undefined = undefined

  take(text: string): void {
    const equals = text.indexOf("=")
    const name = trimBlanks(equals < 0 ? text : text.slice(0, equals)).toLowerCase()
    const value = equals < 0 ? "" : trimBlanks(text.slice(equals + 1))
    if (value.length > maximumAttribute || octets(value) > maximumAttribute) return
    switch (name) {
      case "expires":
        this.expires = parseCookieDate(value) ?? this.expires
        return
      case "max-age":
        this.maxAge = secondsOf(value) ?? this.maxAge
        return
      case "domain":
        // an empty one counts as not written
        if (value !== "") this.domain = (value.startsWith(".") ? value.slice(1) : value).toLowerCase()
        return
      case "path":
        this.path = value.startsWith("/") ? value : undefined
        return
      case "secure":
        this.secure = true
        return
      case "httponly":
        this.httpOnly = true
        return
      case "samesite":
        this.sameSite = sameSiteOf(value)
        return
      case "partitioned":
        this.partitioned = true
        return
      case "version":
      case "comment":
      case "commenturl":
      case "discard":
      case "port":
        this.others ??= new Map()
        this.others.set(name, value)
    }
  }
}

/** Reads one line, which is one cookie: commas divide nothing. */
export const parseSetCookie = (line: string): ParsedCookie | SetCookieFault => {
  if (hasCookieControl(line)) return "ControlCharacter"
  let end = line.indexOf(";")
  const [name, value] = pairOf(end < 0 ? line : line.slice(0, end))
  if (name === "" && value === "") return "Empty"
  if (octets(name) + octets(value) > maximumPair) return "TooLong"
  const attributes = new Attributes()
  while (end >= 0) {
    const start = end + 1
    end = line.indexOf(";", start)
    attributes.take(end < 0 ? line.slice(start) : line.slice(start, end))
  }
  const { domain, expires, httpOnly, maxAge, others, partitioned, path, sameSite, secure } = attributes
  return {
    name,
    value,
    maxAge,
    expires,
    domain,
    path,
    secure,
    httpOnly,
    sameSite,
    partitioned,
    others: others ?? noOthers
  }
}

/** Whether a cookie begins behind a comma: blanks, a token, and `=`. */
const beginsAt = (text: string, start: number): boolean => {
  let place = start
  while (place < text.length && isBlank(text.charCodeAt(place))) place++
  const first = place
  while (place < text.length && isTokenCode(text.charCodeAt(place))) place++
  return place > first && text[place] === "="
}

/** Takes apart several lines that were joined with commas. A comma in a date, or in a value, divides nothing. */
export const splitSetCookie = (joined: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let start = 0
  for (let comma = joined.indexOf(","); comma >= 0; comma = joined.indexOf(",", comma + 1)) {
    if (!beginsAt(joined, comma + 1)) continue
    lines.push(joined.slice(start, comma))
    start = comma + 1
  }
  lines.push(joined.slice(start))
  return lines
}
