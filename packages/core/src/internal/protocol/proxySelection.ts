/** Which proxy a URL goes through: names, addresses and networks that a rule is for, or not for. */
import { addressBytes } from "./address.ts"

/** What a rule is about, in the words of `NO_PROXY`: see `covers`. */
export interface ProxyRule {
  /** The schemes of URLs; `undefined`: all. */
  readonly schemes: ReadonlyArray<string> | undefined
  /** Only these hosts; `undefined`: all. */
  readonly match: ReadonlyArray<string> | undefined
  /** But not these. */
  readonly exclude: ReadonlyArray<string>
}

/** A host and port, the host in lower case and without brackets. */
export interface ProxyTarget {
  readonly scheme: string
  readonly host: string
  readonly port: number
}

const bare = (host: string): string => host.endsWith(".") ? host.slice(0, -1) : host

/** `10.0.0.0/8`: whether so many leading bits of two addresses are the same. */
const sameNetwork = (address: Uint8Array, network: Uint8Array, bits: number): boolean => {
  if (address.length !== network.length || bits > address.length * 8) return false
  for (let i = 0; i * 8 < bits; i++) {
    const mask = bits - i * 8 >= 8 ? 0xff : 0xff << (8 - (bits - i * 8)) & 0xff
    if (((address[i] ?? 0) & mask) !== ((network[i] ?? 0) & mask)) return false
  }
  return true
}

const unbracketed = (text: string): string => text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text

// `host:port` and `[address]:port`, where a bare IPv6 address has colons of its own
const split = (pattern: string): { readonly name: string; readonly port: number | undefined } => {
  const found = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(pattern)
  return found === null
    ? { name: unbracketed(pattern), port: undefined }
    : { name: unbracketed(found[1] ?? ""), port: Number(found[2]) }
}

/**
 * Whether a pattern is about a host: `*` is about all, `example.com`, `.example.com` and `*.example.com` about the name and all
 * below it, an address about itself, `10.0.0.0/8` about its network. With `:8080` behind it, about that port only.
 */
export const covers = (pattern: string, { host, port }: ProxyTarget): boolean => {
  const text = pattern.trim().toLowerCase()
  if (text === "*") return true
  const slash = text.indexOf("/")
  const address = addressBytes(host)
  if (slash >= 0) {
    const network = addressBytes(unbracketed(text.slice(0, slash)))
    const bits = text.slice(slash + 1)
    return address !== undefined && network !== undefined && /^\d{1,3}$/.test(bits) &&
      sameNetwork(address, network, Number(bits))
  }
  const { name, port: only } = split(text)
  if (only !== undefined && only !== port) return false
  const wanted = bare(name.replace(/^\*?\.(?=.)/, ""))
  if (wanted === "") return false
  const literal = addressBytes(wanted)
  if (literal !== undefined) return address !== undefined && sameNetwork(address, literal, literal.length * 8)
  if (address !== undefined) return false
  const own = bare(host)
  return own === wanted || own.endsWith(`.${wanted}`)
}

/** Whether a rule is for a URL. */
export const applies = (rule: ProxyRule, target: ProxyTarget): boolean =>
  (rule.schemes === undefined || rule.schemes.includes(target.scheme)) &&
  (rule.match === undefined || rule.match.some((pattern) => covers(pattern, target))) &&
  !rule.exclude.some((pattern) => covers(pattern, target))
