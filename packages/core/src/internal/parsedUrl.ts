/** URLs as requests have them, parsed once and remembered. */
import * as Redacted from "effect/Redacted"
import * as Credential from "../Credential.ts"
import type { WireUrl } from "../Transport.ts"
import { displayUrl } from "./displayUrl.ts"
import { targetBehind } from "./protocol/plainUrl.ts"

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443, ws: 80, wss: 443, ftp: 21 }

/** A URL that is printed without its query, which may be signed. */
class PrintedUrl implements WireUrl {
  readonly href: string
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly authority: string
  readonly target: string
  readonly origin: string
  constructor(parts: WireUrl) {
    this.href = parts.href
    this.scheme = parts.scheme
    this.host = parts.host
    this.port = parts.port
    this.authority = parts.authority
    this.target = parts.target
    this.origin = parts.origin
  }
  toJSON(): unknown {
    return displayUrl(this.href)
  }
  toString(): string {
    return displayUrl(this.href)
  }
  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return displayUrl(this.href)
  }
}

const wireUrlOf = (url: URL): WireUrl => {
  const scheme = url.protocol.slice(0, -1)
  const bracketed = url.hostname.startsWith("[")
  const own = defaultPorts[scheme] ?? 0
  return new PrintedUrl({
    // the fragment never leaves the client (RFC 9110 4.2.5); the URL that is kept for people has it
    href: url.username === "" && url.password === "" ? url.href : withoutUserInfo(url),
    scheme,
    host: bracketed ? url.hostname.slice(1, -1) : url.hostname,
    port: url.port === "" ? own : Number(url.port),
    authority: url.host,
    target: scheme === "data" ? "" : `${url.pathname}${url.search}`,
    origin: `${scheme}://${url.host}`
  })
}

const withoutUserInfo = (url: URL): string => {
  const bare = new URL(url.href)
  bare.username = ""
  bare.password = ""
  return bare.href
}

const decodeUserInfo = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const userInfoOf = (url: URL): Credential.PasswordCredential | undefined =>
  url.username === "" && url.password === "" ? undefined : Credential.password({
    user: decodeUserInfo(url.username),
    password: Redacted.make(decodeUserInfo(url.password)),
    persistence: "session"
  })

/** A URL, and the user info that was taken out of it. */
export interface ParsedUrl {
  readonly url: WireUrl
  readonly userInfo: Credential.PasswordCredential | undefined
}

// programs ask for the same few URLs again and again; what has user info is never kept
const remembered = new Map<string, ParsedUrl>()
const rememberedLimit = 512

// most programs ask one server, and for what no parser changes: 0.3 us, not 0.8
let lastParsed: WireUrl | undefined = undefined
const besideLast = (input: string): ParsedUrl | undefined => {
  const last = lastParsed
  if (last === undefined || (last.scheme !== "http" && last.scheme !== "https")) return undefined
  const target = targetBehind(last.origin, input)
  return target === undefined ? undefined : {
    url: new PrintedUrl({
      href: input,
      scheme: last.scheme,
      host: last.host,
      port: last.port,
      authority: last.authority,
      target,
      origin: last.origin
    }),
    userInfo: undefined
  }
}

/** Parses an absolute URL; `undefined` where it is none. */
export const readUrl = (input: string): ParsedUrl | undefined => {
  const known = remembered.get(input)
  if (known !== undefined) return known
  const parsed = besideLast(input) ?? parsedAnew(input)
  if (parsed !== undefined && parsed.userInfo === undefined && input.length <= 1024) {
    if (remembered.size >= rememberedLimit) remembered.clear()
    remembered.set(input, parsed)
  }
  return parsed
}

const parsedAnew = (input: string): ParsedUrl | undefined => {
  try {
    const url = new URL(input)
    return { url: lastParsed = wireUrlOf(url), userInfo: userInfoOf(url) }
  } catch {
    return undefined
  }
}
