/** IP addresses as values: canonical text, what an IPv6 address hides, and which range it belongs to (IANA special registries). */
import { hexValue, isDigit } from "./characters.ts"

export type AddressKind =
  | "public"
  | "loopback"
  | "private"
  | "link-local"
  | "unique-local"
  | "shared"
  | "multicast"
  | "unspecified"
  | "documentation"
  | "reserved"

/** Four dotted decimal numbers and nothing else: no octal, no hexadecimal, no shorter form. */
const parseV4 = (text: string): ReadonlyArray<number> | undefined => {
  const parts = text.split(".")
  if (parts.length !== 4) return undefined
  const bytes: Array<number> = []
  for (const part of parts) {
    if (part.length < 1 || part.length > 3 || (part.length > 1 && part.startsWith("0"))) return undefined
    for (let i = 0; i < part.length; i++) {
      if (!isDigit(part.charCodeAt(i))) return undefined
    }
    const value = Number(part)
    if (value > 255) return undefined
    bytes.push(value)
  }
  return bytes
}

const groupOf = (text: string): number => {
  if (text.length < 1 || text.length > 4) return -1
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = hexValue(text.charCodeAt(i))
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

/** One side of `::`, as 16-bit groups; an IPv4 tail counts for two. */
const groupsOf = (text: string, tail: boolean): Array<number> | undefined => {
  if (text === "") return []
  const parts = text.split(":")
  const groups: Array<number> = []
  for (const [index, part] of parts.entries()) {
    if (tail && index === parts.length - 1 && part.includes(".")) {
      const [a, b, c, d] = parseV4(part) ?? []
      if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined
      groups.push(a * 256 + b, c * 256 + d)
      continue
    }
    const value = groupOf(part)
    if (value < 0) return undefined
    groups.push(value)
  }
  return groups
}

const parseV6 = (text: string): ReadonlyArray<number> | undefined => {
  if (text.length > 45) return undefined
  const [left, right, more] = text.split("::")
  if (left === undefined || more !== undefined) return undefined
  if (right === undefined) {
    const groups = groupsOf(left, true)
    return groups !== undefined && groups.length === 8 ? groups : undefined
  }
  const before = groupsOf(left, false)
  const after = groupsOf(right, true)
  if (before === undefined || after === undefined) return undefined
  const missing = 8 - before.length - after.length
  return missing < 1 ? undefined : [...before, ...new Array<number>(missing).fill(0), ...after]
}

type Address =
  | { readonly family: 4; readonly bytes: ReadonlyArray<number> }
  | { readonly family: 6; readonly groups: ReadonlyArray<number> }

const parse = (text: string): Address | undefined => {
  const bytes = parseV4(text)
  if (bytes !== undefined) return { family: 4, bytes }
  let bare = text
  if (bare.startsWith("[")) {
    if (!bare.endsWith("]")) return undefined
    bare = bare.slice(1, -1)
  }
  const zone = bare.indexOf("%")
  const groups = bare.includes(":") ? parseV6(zone < 0 ? bare : bare.slice(0, zone)) : undefined
  return groups === undefined ? undefined : { family: 6, groups }
}

/** RFC 5952: lower case, no leading zeros, the first longest run of zero groups as `::`. */
const renderV6 = (groups: ReadonlyArray<number>): string => {
  let best = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > length) {
      best = i
      length = end - i
    }
  }
  const hex = groups.map((group) => group.toString(16))
  return best < 0
    ? hex.join(":")
    : `${hex.slice(0, best).join(":")}::${hex.slice(best + length).join(":")}`
}

/**
 * One text per address: dotted decimal, or RFC 5952 without brackets and zone. An IPv4 address inside an IPv6 one stays there
 * (`embeddedV4` takes it out). `undefined` for what is not an address, forms like `127.1` and `0x7f000001` included.
 */
export const canonical = (text: string): string | undefined => {
  const address = parse(text)
  return address === undefined ? undefined : address.family === 4 ? address.bytes.join(".") : renderV6(address.groups)
}

/** 4 or 6; `undefined` for what is not an address. */
export const familyOf = (text: string): 4 | 6 | undefined => parse(text)?.family

const v4At = (groups: ReadonlyArray<number>, index: number): ReadonlyArray<number> => {
  const high = groups[index] ?? 0
  const low = groups[index + 1] ?? 0
  return [high >> 8, high & 0xff, low >> 8, low & 0xff]
}

/** Where traffic to an IPv6 address really goes: v4-mapped, v4-translated, NAT64 (RFC 6052), 6to4 (RFC 3056). */
const hidden = (groups: ReadonlyArray<number>): ReadonlyArray<number> | undefined => {
  const [a, b, c, d, e, f] = groups
  if (a === 0 && b === 0 && c === 0 && d === 0) {
    if ((e === 0 && f === 0xffff) || (e === 0xffff && f === 0)) return v4At(groups, 6)
    return undefined
  }
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return v4At(groups, 6)
  return a === 0x2002 ? v4At(groups, 1) : undefined
}

/** The IPv4 address that an IPv6 address stands for, dotted, or `undefined`. */
export const embeddedV4 = (text: string): string | undefined => {
  const address = parse(text)
  return address?.family === 6 ? hidden(address.groups)?.join(".") : undefined
}

type Range = readonly [prefix: ReadonlyArray<number>, bits: number, kind: AddressKind]

// 168.63.129.16 is in no registry: Azure answers there, from inside every virtual machine, with what is nobody else's business
const ranges4: ReadonlyArray<Range> = [
  [[0, 0, 0, 0], 32, "unspecified"],
  [[0], 8, "reserved"],
  [[10], 8, "private"],
  [[100, 64], 10, "shared"],
  [[127], 8, "loopback"],
  [[168, 63, 129, 16], 32, "reserved"],
  [[169, 254], 16, "link-local"],
  [[172, 16], 12, "private"],
  [[192, 0, 0], 24, "reserved"],
  [[192, 0, 2], 24, "documentation"],
  [[192, 88, 99], 24, "reserved"],
  [[192, 168], 16, "private"],
  [[198, 18], 15, "reserved"],
  [[198, 51, 100], 24, "documentation"],
  [[203, 0, 113], 24, "documentation"],
  [[224], 4, "multicast"],
  [[240], 4, "reserved"]
]

const ranges6: ReadonlyArray<Range> = [
  [[0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"],
  [[0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"],
  // NAT64 of one's own network
  [[0x64, 0xff9b, 1], 48, "private"],
  // Teredo, ORCHID, benchmarking and the other protocol assignments
  [[0x2001], 23, "reserved"],
  [[0x2001, 0xdb8], 32, "documentation"],
  [[0x3fff], 20, "documentation"],
  [[0xfc00], 7, "unique-local"],
  [[0xfe80], 10, "link-local"],
  // site-local, given up by RFC 3879 and still in use
  [[0xfec0], 10, "private"],
  [[0xff00], 8, "multicast"],
  // the only block that global unicast addresses come from
  [[0x2000], 3, "public"]
]

const inRange = (parts: ReadonlyArray<number>, width: number, [prefix, bits]: Range): boolean => {
  for (let i = 0, left = bits; left > 0; i++, left -= width) {
    const mask = left >= width ? 2 ** width - 1 : (2 ** width - 1) - (2 ** (width - left) - 1)
    if (((parts[i] ?? 0) & mask) !== ((prefix[i] ?? 0) & mask)) return false
  }
  return true
}

const classifyV4 = (bytes: ReadonlyArray<number>): AddressKind =>
  ranges4.find((range) => inRange(bytes, 8, range))?.[2] ?? "public"

/**
 * The kind of an address. An IPv6 address that stands for an IPv4 one is of that one's kind; what no registry calls global is
 * `reserved`. `undefined` for what is not an address.
 */
export const classify = (text: string): AddressKind | undefined => {
  const address = parse(text)
  if (address === undefined) return undefined
  if (address.family === 4) return classifyV4(address.bytes)
  const inner = hidden(address.groups)
  if (inner !== undefined) return classifyV4(inner)
  return ranges6.find((range) => inRange(address.groups, 16, range))?.[2] ?? "reserved"
}

/** The bytes of an address, 4 or 16; `undefined` for what is not one. */
export const addressBytes = (text: string): Uint8Array | undefined => {
  const address = parse(text)
  if (address === undefined) return undefined
  return Uint8Array.from(
    address.family === 4 ? address.bytes : address.groups.flatMap((group) => [group >> 8, group & 0xff])
  )
}

const judge = (host: string): boolean => {
  const name = host.endsWith(".") ? host.slice(0, -1) : host
  return name === "localhost" || name.endsWith(".localhost") || classify(name) === "loopback"
}

// every stage of one request asks about the same host
let last = { host: "localhost", loopback: true }

/** Whether a host is this machine by its name or literal address (RFC 6761 6.3). */
export const isLoopbackHost = (host: string): boolean => {
  if (host !== last.host) last = { host, loopback: judge(host) }
  return last.loopback
}
