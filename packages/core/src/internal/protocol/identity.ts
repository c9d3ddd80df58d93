/** Whether a certificate is for a host (RFC 9525): subject alternative names only, wildcards in their narrowest form. */
import { canonical } from "./address.ts"

/** The names of a leaf: `dNSName` and `iPAddress` entries. The common name is none (RFC 9525 6.3). */
export interface SubjectNames {
  readonly dns: ReadonlyArray<string>
  readonly ip: ReadonlyArray<string>
}

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

const withoutDot = (name: string): string => name.endsWith(".") ? name.slice(0, -1) : name

/** The labels of a name in A-label form and lower case, or `undefined` for what is no host name. */
const labelsOf = (name: string): ReadonlyArray<string> | undefined => {
  if (name.length > 253) return undefined
  const labels = name.toLowerCase().split(".")
  return labels.every((one) => label.test(one)) ? labels : undefined
}

const same = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean =>
  left.length === right.length && left.every((one, index) => one === right[index])

/**
 * A wildcard is the whole left-most label, stands for exactly one label, and has at least two labels after it (RFC 9525 6.3 and
 * 7.1; `*.co.uk` cannot be told from `*.example.com` without a list of public suffixes, see `trust/names.ts`).
 */
const matchesName = (host: ReadonlyArray<string>, presented: string): boolean => {
  const name = withoutDot(presented)
  if (!name.startsWith("*.")) {
    const labels = labelsOf(name)
    return labels !== undefined && same(host, labels)
  }
  const rest = labelsOf(name.slice(2))
  return rest !== undefined && rest.length >= 2 && same(host.slice(1), rest)
}

/** A host that a URL parser would take for an IPv4 address, or that is meant as one: never a DNS name. */
const looksNumeric = (host: string): boolean => /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/i.test(host)

/** In A-label form: the URL parser of the runtime does IDNA. */
const toAscii = (host: string): string => {
  if (/^[\x21-\x7e]*$/.test(host)) return host
  try {
    return new URL(`http://${host}/`).hostname
  } catch {
    return ""
  }
}

/**
 * Whether `host` (a DNS name, or an IPv4 or IPv6 literal with or without brackets) is among the names. Literals are compared
 * with `iPAddress` entries only, by value; DNS names with `dNSName` entries only, by label, without regard to case and to a
 * final dot.
 */
export const matches = (host: string, names: SubjectNames): boolean => {
  const address = canonical(host)
  if (address !== undefined) return names.ip.some((one) => canonical(one) === address)
  const name = withoutDot(toAscii(host))
  if (looksNumeric(name)) return false
  const labels = labelsOf(name)
  return labels !== undefined && names.dns.some((one) => matchesName(labels, one))
}
