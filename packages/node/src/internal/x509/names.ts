/** Whether the names of a certificate are those that the authorities above it may give (RFC 5280 4.2.1.10). */
import { childrenOf, type Element, elementOf, sameBytes } from "./der.ts"
import type { NameConstraints } from "./fields.ts"

const dnsName = 0x82
const ipAddress = 0x87
const directoryName = 0xa4

const text = (element: Element): string =>
  Buffer.from(element.value).toString("latin1").toLowerCase().replace(/\.$/, "")

const withinDns = (name: string, base: string): boolean =>
  base === "" || name === base || (base.startsWith(".") ? name.endsWith(base) : name.endsWith(`.${base}`))

const withinAddress = (address: Uint8Array, range: Uint8Array): boolean => {
  if (range.length !== address.length * 2) return false
  const size = address.length
  return address.every((byte, i) => (byte & (range[size + i] ?? 0)) === ((range[i] ?? 0) & (range[size + i] ?? 0)))
}

const permits = (base: Element, name: Element): boolean =>
  base.tag === dnsName
    ? withinDns(text(name).replace(/^\*\./, ""), text(base))
    : base.tag === ipAddress && withinAddress(name.value, base.value)

// a wildcard stands for names of which one may be excluded
const excludes = (base: Element, name: Element): boolean => {
  if (permits(base, name)) return true
  const shown = text(name)
  return base.tag === dnsName && shown.startsWith("*.") && text(base).replace(/^\./, "").endsWith(shown.slice(1))
}

const known = new Set([dnsName, ipAddress])

/**
 * What is wrong with the names of a certificate under the constraints of one above it; `undefined` where nothing is. A constraint
 * of a kind that is not judged here is not met by a certificate that has such a name.
 */
export const outOfBounds = (
  names: ReadonlyArray<Element>,
  subject: Uint8Array,
  { excluded, permitted }: NameConstraints
): string | undefined => {
  const element = elementOf(subject)
  const directory = element === undefined || (childrenOf(element)?.length ?? 1) > 0
  for (const base of [...permitted, ...excluded]) {
    const has = base.tag === directoryName ? directory : names.some((name) => name.tag === base.tag)
    if (has && !known.has(base.tag)) return "names of a kind that cannot be judged here"
  }
  for (const name of names) {
    const wanted = permitted.filter((base) => base.tag === name.tag)
    const shown = name.tag === dnsName ? text(name) : "an address"
    if (wanted.length > 0 && !wanted.some((base) => permits(base, name))) return `${shown} is not permitted`
    if (excluded.some((base) => base.tag === name.tag && excludes(base, name))) return `${shown} is excluded`
  }
  return undefined
}

/** A wildcard that stands for an excluded name among others: OpenSSL compares the wildcard itself, and lets it pass. */
export const excludedWildcard = (
  names: ReadonlyArray<Element>,
  { excluded }: NameConstraints
): string | undefined => {
  const found = names.find((name) =>
    name.tag === dnsName && text(name).startsWith("*.") && excluded.some((base) => excludes(base, name))
  )
  return found === undefined ? undefined : text(found)
}

/** An authority that certifies its own name again: it does not count in a path's length (RFC 5280 6.1). */
export const isSelfIssued = (one: { readonly subject: Uint8Array; readonly issuer: Uint8Array }): boolean =>
  sameBytes(one.subject, one.issuer)
