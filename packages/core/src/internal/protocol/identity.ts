/** Whether a certificate is for a host (RFC 9525): by subject alternative names only, never by the common name. */
import { canonical } from "./address.ts"

export interface PresentedNames {
  readonly dns: ReadonlyArray<string>
  readonly ip: ReadonlyArray<string>
}

const normal = (name: string): string => (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase()

const isName = (name: string): boolean => /^(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)

const matchesName = (host: string, presented: string): boolean => {
  const name = normal(presented)
  if (name === host) return isName(name)
  // one whole left-most label, and at least two more: no wildcard right above a top-level domain
  if (!name.startsWith("*.")) return false
  const parent = name.slice(2)
  if (!isName(parent) || !parent.includes(".")) return false
  const dot = host.indexOf(".")
  return dot > 0 && host.slice(dot + 1) === parent && isName(host)
}

/** See the head of this file. `host` is a name (A-labels) or a literal address, with or without brackets. */
export const matches = (host: string, names: PresentedNames): boolean => {
  const address = canonical(host)
  if (address !== undefined) return names.ip.some((one) => canonical(one) === address)
  const wanted = normal(host)
  return wanted !== "" && names.dns.some((one) => matchesName(wanted, one))
}
