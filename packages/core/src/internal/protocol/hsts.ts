/** Strict-Transport-Security (RFC 6797): the field, which hosts it holds for, and where a plain URL goes instead. */
import { classify } from "./address.ts"

/** What a host says of itself. */
export interface StsDirectives {
  /** Seconds; 0 takes back what was said before. */
  readonly maxAge: number
  readonly includeSubDomains: boolean
}

// name, and a value that is a token or a quoted string
const directive =
  /^[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:=[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[^"\\]|\\.)*")[ \t]*)?$/

/** The directives between semicolons that are not inside quotes. */
const split = (value: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let quoted = false
  let start = 0
  for (let i = 0; i < value.length; i++) {
    const one = value[i]
    if (quoted && one === "\\") i++
    else if (one === "\"") quoted = !quoted
    else if (one === ";" && !quoted) {
      parts.push(value.slice(start, i))
      start = i + 1
    }
  }
  parts.push(value.slice(start))
  return parts
}

const unquoted = (value: string): string => value.startsWith("\"") ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value

/** RFC 6797 6.1: `undefined` where the field is not well-formed, and so says nothing at all. */
export const parseSts = (value: string): StsDirectives | undefined => {
  const found = new Map<string, string | undefined>()
  for (const part of split(value.slice(0, 1024))) {
    if (part.trim() === "") continue
    const [, name, given] = directive.exec(part) ?? []
    if (name === undefined) return undefined
    const key = name.toLowerCase()
    if (found.has(key)) return undefined
    found.set(key, given === undefined ? undefined : unquoted(given))
  }
  const maxAge = found.get("max-age")
  if (maxAge === undefined || !/^\d{1,15}$/.test(maxAge)) return undefined
  const subDomains = found.has("includesubdomains")
  if (subDomains && found.get("includesubdomains") !== undefined) return undefined
  return { maxAge: Number(maxAge), includeSubDomains: subDomains }
}

/** A name as it is kept: lower case, without the last dot. `undefined` for addresses, which are never such hosts (8.1.1). */
export const stsHost = (host: string): string | undefined => {
  const name = (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase()
  return name === "" || name.includes(":") || classify(name) !== undefined ? undefined : name
}

/** The name, then each domain above it. */
export const stsCandidates = (name: string): ReadonlyArray<string> => {
  const names = [name]
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) names.push(name.slice(dot + 1))
  return names
}

/** RFC 6797 8.3: port 80 becomes that of https, every other stays. */
export const secureUrl = (
  url: { readonly scheme: string; readonly host: string; readonly port: number; readonly target: string }
): string => `${url.scheme}s://${url.host}${url.port === 80 ? "" : `:${url.port}`}${url.target}`
