/** Names of hosts: those that a certificate is good for, and those that an evaluator is given by its caller. */
import { getPublicSuffix } from "tldts"
import { canonical } from "../protocol/address.ts"
import { matches, type SubjectNames } from "../protocol/identity.ts"

// suffixes of registries only: who runs a service under a private one (`*.github.io`) may hold a certificate for it
const registries = { allowPrivateDomains: false, extractHostname: false, validateHostname: false } as const

const coversRegistry = (name: string): boolean => {
  if (!name.startsWith("*.")) return false
  const suffix = (name.endsWith(".") ? name.slice(2, -1) : name.slice(2)).toLowerCase()
  return getPublicSuffix(suffix, registries) === suffix
}

/**
 * Whether a leaf is for a host: RFC 9525, and a wildcard does not stand for everybody below a registry (`*.co.uk`; RFC 9525 7.1 leaves
 * that to lists of public suffixes).
 */
export const isFor = (host: string, names: SubjectNames): boolean =>
  matches(host, names) && matches(host, { ip: names.ip, dns: names.dns.filter((one) => !coversRegistry(one)) })

/**
 * How hosts are compared: lower case, A-labels, no final dot, no brackets. `undefined` for what is no host (`https://a.example`,
 * `a.example:8443`).
 */
export const hostKey = (host: string): string | undefined => {
  const bare = host.endsWith(".") ? host.slice(0, -1) : host
  const address = canonical(bare)
  if (address !== undefined) return address
  if (bare === "" || /[\s/?#@:%\\*[\]]/.test(bare)) return undefined
  try {
    return new URL(`http://${bare}/`).hostname
  } catch {
    return undefined
  }
}

/** What is kept by host: `api.example.com` is that host, `*.example.com` all below it. */
export interface ByHost<A> {
  /** By the longest name that covers the host. */
  readonly find: (host: string) => A | undefined
  /** Names that are none: nobody would ever be found by them. */
  readonly unusable: ReadonlyArray<string>
}

export const byHost = <A>(entries: Readonly<Record<string, A>>): ByHost<A> => {
  const exact = new Map<string, A>()
  const below: Array<{ readonly suffix: string; readonly value: A }> = []
  const unusable: Array<string> = []
  for (const [name, value] of Object.entries(entries)) {
    const wildcard = name.startsWith("*.")
    const key = hostKey(wildcard ? name.slice(2) : name)
    if (key === undefined) unusable.push(name)
    else if (wildcard) below.push({ suffix: `.${key}`, value })
    else exact.set(key, value)
  }
  below.sort((left, right) => right.suffix.length - left.suffix.length)
  return {
    unusable,
    find: (host) => {
      const key = hostKey(host)
      if (key === undefined) return undefined
      return exact.has(key) ? exact.get(key) : below.find(({ suffix }) => key.endsWith(suffix))?.value
    }
  }
}

/** What is wrong with names that are none, in words. */
export const unusableText = (what: string, names: ReadonlyArray<string>): string =>
  `${what} ${
    names.map((one) => JSON.stringify(one)).join(", ")
  } is no host. Write api.example.com, *.example.com or an address`
