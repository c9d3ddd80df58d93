/**
 * `Cache-Control` of requests and responses (RFC 9111 5.2, RFC 5861, RFC 8246): whatever stands in it, it is read, and what
 * makes no sense is read as the more careful of its meanings.
 */
import { BACKSLASH, isToken, QUOTE, trimBlanks } from "./characters.ts"

/** One directive: its name in lower case, its argument without quotes. */
export interface Directive {
  readonly name: string
  readonly value: string | undefined
}

const COMMA = 0x2c
const EQUALS = 0x3d

/** Where the list member that begins at `start` ends: at a comma outside of quotes. */
const memberEnd = (line: string, start: number): number => {
  let quoted = false
  for (let i = start; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (quoted && code === BACKSLASH) i++
    else if (code === QUOTE) quoted = !quoted
    else if (code === COMMA && !quoted) return i
  }
  return line.length
}

const unquoted = (text: string): string =>
  text.length >= 2 && text.startsWith("\"") && text.endsWith("\"")
    ? text.slice(1, -1).replace(/\\(.)/gs, "$1")
    : text

/** The directives of a field, over all of its lines. A member whose name is no token is left out. */
export const parseDirectives = (lines: ReadonlyArray<string>): ReadonlyArray<Directive> => {
  const directives: Array<Directive> = []
  for (const line of lines) {
    for (let start = 0; start <= line.length;) {
      const end = memberEnd(line, start)
      const member = trimBlanks(line.slice(start, end))
      start = end + 1
      let equals = 0
      while (equals < member.length && member.charCodeAt(equals) !== EQUALS) equals++
      const name = member.slice(0, equals).toLowerCase()
      // blanks beside the sign are no part of the grammar: the name is read, its argument is not worth anything
      const bare = trimBlanks(name)
      if (!isToken(bare)) continue
      const value = equals < member.length ? unquoted(member.slice(equals + 1)) : undefined
      directives.push({ name: bare, value: bare === name ? value : "" })
    }
  }
  return directives
}

/** The most that an age can be (RFC 9111 1.2.2). */
export const maximumAge = 2_147_483_648

/** A number of seconds, or `undefined` for what is none. */
export const deltaSeconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9]+$/.test(text) ? Math.min(Number(text), maximumAge) : undefined

/** `true` for the whole response, or the names of the fields that it is about, in lower case. */
export type Qualified = boolean | ReadonlyArray<string>

/** What a response says about how it may be kept. Ages in seconds. */
export interface ResponseControl {
  /** Anything at all was said. */
  readonly said: boolean
  readonly maxAge: number | undefined
  readonly sharedMaxAge: number | undefined
  readonly noStore: boolean
  readonly noCache: Qualified
  readonly private: Qualified
  readonly public: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly immutable: boolean
  readonly staleWhileRevalidate: number | undefined
  readonly staleIfError: number | undefined
}

const first = (directives: ReadonlyArray<Directive>, name: string): Directive | undefined =>
  directives.find((one) => one.name === name)

/** A lifetime that cannot be read is none: the response is stale (RFC 9111 4.2.1). The first of several counts. */
const lifetime = (directives: ReadonlyArray<Directive>, name: string): number | undefined => {
  const found = first(directives, name)
  return found === undefined ? undefined : deltaSeconds(found.value) ?? 0
}

const seconds = (directives: ReadonlyArray<Directive>, name: string): number | undefined =>
  deltaSeconds(first(directives, name)?.value)

/** Without names, or with some that are none, it is about the whole response, which is the more careful reading. */
const qualified = (directives: ReadonlyArray<Directive>, name: string): Qualified => {
  const names: Array<string> = []
  let said = false
  for (const one of directives) {
    if (one.name !== name) continue
    said = true
    const fields = (one.value ?? "").split(",").map((field) => trimBlanks(field).toLowerCase())
    if (!fields.every(isToken)) return true
    names.push(...fields)
  }
  return said ? names : false
}

/** Reads the directives of a response. */
export const responseControl = (directives: ReadonlyArray<Directive>): ResponseControl => {
  const has = (name: string) => directives.some((one) => one.name === name)
  return {
    said: directives.length > 0,
    maxAge: lifetime(directives, "max-age"),
    sharedMaxAge: lifetime(directives, "s-maxage"),
    noStore: has("no-store"),
    noCache: qualified(directives, "no-cache"),
    private: qualified(directives, "private"),
    public: has("public"),
    mustRevalidate: has("must-revalidate"),
    proxyRevalidate: has("proxy-revalidate"),
    mustUnderstand: has("must-understand"),
    immutable: has("immutable"),
    staleWhileRevalidate: seconds(directives, "stale-while-revalidate"),
    staleIfError: seconds(directives, "stale-if-error")
  }
}

/** What a request says about what it may be answered with. Ages in seconds. */
export interface RequestControl {
  readonly maxAge: number | undefined
  /** `Infinity`: however stale. */
  readonly maxStale: number | undefined
  readonly minFresh: number | undefined
  readonly noCache: boolean
  readonly noStore: boolean
  readonly onlyIfCached: boolean
  readonly staleIfError: number | undefined
}

/** Nothing was said. */
export const anything: RequestControl = {
  maxAge: undefined,
  maxStale: undefined,
  minFresh: undefined,
  noCache: false,
  noStore: false,
  onlyIfCached: false,
  staleIfError: undefined
}

/** Reads `Cache-Control` of a request; `Pragma` counts where there is none (RFC 9111 5.4). */
export const requestControl = (cacheControl: string | undefined, pragma: string | undefined): RequestControl => {
  if (cacheControl === undefined) {
    if (pragma === undefined) return anything
    const noCache = parseDirectives([pragma]).some((one) => one.name === "no-cache")
    return noCache ? { ...anything, noCache } : anything
  }
  const directives = parseDirectives([cacheControl])
  const stale = first(directives, "max-stale")
  return {
    maxAge: lifetime(directives, "max-age"),
    maxStale: stale === undefined ? undefined : stale.value === undefined ? Infinity : deltaSeconds(stale.value),
    minFresh: seconds(directives, "min-fresh"),
    noCache: directives.some((one) => one.name === "no-cache"),
    noStore: directives.some((one) => one.name === "no-store"),
    onlyIfCached: directives.some((one) => one.name === "only-if-cached"),
    staleIfError: seconds(directives, "stale-if-error")
  }
}
