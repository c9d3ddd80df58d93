/**
 * Proxies: which requests go through which one. `SessionConfiguration.proxies` is a list of rules, the first that is for a URL
 * counts; where none is, the session connects by itself.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Credential from "./Credential.ts"
import { applies, type ProxyTarget } from "./internal/protocol/proxySelection.ts"

/**
 * How a proxy is spoken to: HTTP (plain requests are given to it whole, for `https` it is asked to connect), the same inside
 * TLS, or SOCKS 5 (RFC 1928).
 *
 * @since 0.1.0
 * @category models
 */
export type ProxyScheme = "http" | "https" | "socks5"

/**
 * A proxy. Names are always resolved by the proxy, never here.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyServer {
  readonly scheme: ProxyScheme
  /** In lower case and without brackets. */
  readonly host: string
  readonly port: number
  /**
   * Proposed where the proxy asks, and given by default; for SOCKS offered at once. For HTTP the `ChallengeResolver` is asked
   * first.
   */
  readonly credential: Credential.PasswordCredential | undefined
}

/**
 * A proxy, and which URLs it is for. Hosts are named as `NO_PROXY` does it: `*`, `example.com` with all that is below it, an
 * address, a network (`10.0.0.0/8`), each with `:port` where only that port is meant.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rule {
  readonly server: ProxyServer
  /** `http`, `https`; `undefined`: both. */
  readonly schemes: ReadonlyArray<string> | undefined
  /** Only these hosts; `undefined`: all. */
  readonly match: ReadonlyArray<string> | undefined
  /** But not these. */
  readonly exclude: ReadonlyArray<string>
}

/**
 * A text that names no proxy. The text itself is left out: it may hold a password.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidProxy extends Data.TaggedError("InvalidProxy")<{
  /** Where it comes from: the name of a variable, or `undefined`. */
  readonly variable: string | undefined
  readonly detail: string
}> {
  override get message(): string {
    const where = this.variable === undefined ? "the text" : `the environment variable ${this.variable}`
    return `${where} names no proxy: ${this.detail}. Write it like http://proxy.example.com:3128`
  }
}

const ports: Readonly<Record<ProxyScheme, number>> = { http: 80, https: 443, socks5: 1080 }

// `socks5h` is curl's word for what is always so here
const schemes: Readonly<Record<string, ProxyScheme>> = {
  "http:": "http",
  "https:": "https",
  "socks5:": "socks5",
  "socks5h:": "socks5",
  "socks:": "socks5"
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const urlOf = (text: string): URL | undefined => {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

const parse = (text: string, variable: string | undefined): Either.Either<ProxyServer, InvalidProxy> => {
  const invalid = (detail: string) => Either.left(new InvalidProxy({ variable, detail }))
  const found = /^([a-z][a-z0-9+.-]*:)?(?:\/\/)?(.*)$/is.exec(text.trim())
  const named = /^[a-z][a-z0-9+.-]*:\/\//i.test(text.trim())
  const scheme = schemes[named ? (found?.[1] ?? "").toLowerCase() : "http:"]
  if (scheme === undefined) return invalid("its scheme is none of http, https, socks5 and socks5h")
  const rest = named ? found?.[2] ?? "" : text.trim()
  const address = urlOf(`http://${rest}`)
  if (address === undefined || address.hostname === "") return invalid("it is not a URL with a host")
  if (address.pathname !== "/" || address.search !== "" || address.hash !== "") {
    return invalid("it has more than a host and a port")
  }
  const [user, password] = [decoded(address.username), decoded(address.password)]
  if (user === undefined || password === undefined) return invalid("its user or password is not percent-encoded")
  // a URL leaves out the port 80, which is nobody's default but http's
  const port = address.port === "" && /:80\/?$/.test(rest)
    ? 80
    : Number(address.port === "" ? ports[scheme] : address.port)
  return Either.right({
    scheme,
    host: address.hostname.replace(/^\[|\]$/g, ""),
    port,
    credential: user === "" && password === "" ? undefined : Credential.password({ user, password })
  })
}

/**
 * The proxy that a text names: `http://user:password@proxy.example.com:3128`, `socks5://[::1]:1080`, or a host and a port alone.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromUrl = (text: string): Either.Either<ProxyServer, InvalidProxy> => parse(text, undefined)

/**
 * A rule. Without `port` it is the scheme's own (80, 443, 1080).
 *
 * @example
 * ```ts
 * import { Proxy, SessionConfiguration } from "@urlsession/core"
 *
 * const configuration = SessionConfiguration.make({
 *   proxies: [
 *     Proxy.make({ scheme: "socks5", host: "127.0.0.1", port: 9050, match: ["onion"] }),
 *     Proxy.make({ scheme: "http", host: "proxy.example.com", port: 3128, exclude: ["internal.example.com", "10.0.0.0/8"] })
 *   ]
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (fields: {
  readonly scheme?: ProxyScheme
  readonly host: string
  readonly port?: number
  readonly credential?: Credential.PasswordCredential | undefined
  readonly schemes?: ReadonlyArray<"http" | "https"> | undefined
  readonly match?: ReadonlyArray<string> | undefined
  readonly exclude?: ReadonlyArray<string>
}): Rule => {
  const scheme = fields.scheme ?? "http"
  return {
    server: {
      scheme,
      host: fields.host.toLowerCase().replace(/^\[|\]$/g, ""),
      port: fields.port ?? ports[scheme],
      credential: fields.credential
    },
    schemes: fields.schemes,
    match: fields.match,
    exclude: fields.exclude ?? []
  }
}

/**
 * The rules that environment variables make: `http_proxy`, `https_proxy` and `all_proxy` for what has none of its own, but not
 * for what `no_proxy` names; also in upper case, where the lower case is not set. Nothing looks at the environment unless this
 * is called. `HTTP_PROXY` is not looked at beside `REQUEST_METHOD`: there it may be a field of somebody's request (httpoxy).
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEnvironment = (
  environment: Readonly<Record<string, string | undefined>>
): Either.Either<ReadonlyArray<Rule>, InvalidProxy> => {
  const set = (name: string): readonly [string, string] | undefined => {
    const lower = environment[name]
    if (lower !== undefined && lower !== "") return [name, lower]
    const upper = name.toUpperCase()
    if (upper === "HTTP_PROXY" && environment.REQUEST_METHOD !== undefined) return undefined
    const value = environment[upper]
    return value === undefined || value === "" ? undefined : [upper, value]
  }
  const exclude = (set("no_proxy")?.[1] ?? "").split(/[\s,]+/).filter((one) => one !== "")
  const rules: Array<Rule> = []
  for (
    const [name, schemes] of [
      ["http_proxy", ["http"]],
      ["https_proxy", ["https"]],
      ["all_proxy", undefined]
    ] as const
  ) {
    const found = set(name)
    if (found === undefined) continue
    const server = parse(found[1], found[0])
    if (Either.isLeft(server)) return Either.left(server.left)
    rules.push({ server: server.right, schemes, match: undefined, exclude })
  }
  return Either.right(rules)
}

/**
 * The proxy that a URL goes through; `undefined`: none.
 *
 * @since 0.1.0
 * @category guards
 */
export const select = (rules: ReadonlyArray<Rule>, target: ProxyTarget): ProxyServer | undefined =>
  rules.find((rule) => applies(rule, target))?.server

/**
 * `http://proxy.example.com:3128`, without a credential: for messages, and what a `SpacePattern` of the proxy names.
 *
 * @since 0.1.0
 * @category guards
 */
export const originOf = ({ host, port, scheme }: ProxyServer): string => {
  const name = host.includes(":") ? `[${host}]` : host
  return `${scheme}://${name}${scheme !== "socks5" && port === ports[scheme] ? "" : `:${port}`}`
}
