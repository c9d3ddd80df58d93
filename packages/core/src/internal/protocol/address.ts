/** IPv4 and IPv6 literals: their canonical bytes, and which range they are of (IANA's special-purpose registries). */

export type AddressKind =
  | "public"
  | "loopback"
  | "private"
  | "link-local"
  | "unique-local"
  | "multicast"
  | "unspecified"
  | "shared"
  | "documentation"
  | "reserved"

const parseV4 = (text: string): ReadonlyArray<number> | undefined => {
  const parts = text.split(".")
  if (parts.length !== 4) return undefined
  const bytes: Array<number> = []
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    bytes.push(Number(part))
  }
  return bytes
}

const groupsOf = (text: string): ReadonlyArray<number> | undefined => {
  if (text === "") return []
  const groups: Array<number> = []
  const parts = text.split(":")
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const v4 = index === parts.length - 1 ? parseV4(part) : undefined
      const [a, b, c, d] = v4 ?? []
      if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined
      groups.push(a * 256 + b, c * 256 + d)
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16))
    else return undefined
  }
  return groups
}

const parseV6 = (given: string): ReadonlyArray<number> | undefined => {
  const bare = given.startsWith("[") && given.endsWith("]") ? given.slice(1, -1) : given
  const text = bare.split("%", 1)[0] ?? ""
  if (!text.includes(":")) return undefined
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const left = groupsOf(halves[0] ?? "")
  const right = halves.length === 2 ? groupsOf(halves[1] ?? "") : []
  if (left === undefined || right === undefined) return undefined
  const missing = 8 - left.length - right.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  return [...left, ...new Array<number>(missing).fill(0), ...right]
}

const fromGroups = (high: number, low: number): ReadonlyArray<number> => [high >> 8, high & 255, low >> 8, low & 255]

/** The IPv4 address inside a v4-mapped, v4-compatible, NAT64 or 6to4 address. */
const embedded = (groups: ReadonlyArray<number>): ReadonlyArray<number> | undefined => {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const zeros = a === 0 && b === 0 && c === 0 && d === 0
  if (zeros && e === 0 && f === 0xffff) return fromGroups(g, h)
  if (zeros && e === 0 && f === 0 && (g !== 0 || h > 1)) return fromGroups(g, h)
  if (zeros && e === 0xffff && f === 0) return fromGroups(g, h)
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return fromGroups(g, h)
  if (a === 0x2002) return fromGroups(b, c)
  return undefined
}

const classifyV4 = (bytes: ReadonlyArray<number>): AddressKind => {
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  if (a === 0) return b === 0 && c === 0 && d === 0 ? "unspecified" : "reserved"
  if (a === 127) return "loopback"
  if (a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return "private"
  if (a === 169 && b === 254) return "link-local"
  if (a === 100 && b >= 64 && b <= 127) return "shared"
  if ((a === 192 && b === 0 && c === 2) || (a === 198 && b === 51 && c === 100) || (a === 203 && b === 0 && c === 113)) {
    return "documentation"
  }
  if (a >= 224 && a <= 239) return "multicast"
  if (a >= 240 || (a === 192 && b === 0 && c === 0) || (a === 198 && (b === 18 || b === 19)) || (a === 192 && b === 88 && c === 99)) {
    return "reserved"
  }
  return "public"
}

const classifyV6 = (groups: ReadonlyArray<number>): AddressKind => {
  const inner = embedded(groups)
  if (inner !== undefined) return classifyV4(inner)
  const [a = 0, b = 0] = groups
  const rest = groups.slice(0, 7).every((group) => group === 0)
  if (rest && groups[7] === 0) return "unspecified"
  if (rest && groups[7] === 1) return "loopback"
  if (a >= 0xff00) return "multicast"
  if (a >= 0xfe80 && a <= 0xfebf) return "link-local"
  if (a >= 0xfc00 && a <= 0xfdff) return "unique-local"
  if ((a === 0x2001 && b === 0xdb8) || (a === 0x3fff && b <= 0xfff)) return "documentation"
  if (a === 0x64 && b === 0xff9b) return "private"
  // global unicast is 2000::/3; of 2001::/23 only protocol assignments live there
  return a >= 0x2000 && a <= 0x3fff && !(a === 0x2001 && b < 0x200) ? "public" : "reserved"
}

/** The range of a literal address; `undefined` for what is none. */
export const classify = (address: string): AddressKind | undefined => {
  const v4 = parseV4(address)
  if (v4 !== undefined) return classifyV4(v4)
  const v6 = parseV6(address)
  return v6 === undefined ? undefined : classifyV6(v6)
}

/** One spelling for each address: dotted decimals for IPv4 and v4-mapped, eight full groups for IPv6. */
export const canonical = (address: string): string | undefined => {
  const v4 = parseV4(address)
  if (v4 !== undefined) return v4.join(".")
  const v6 = parseV6(address)
  if (v6 === undefined) return undefined
  const mapped = v6.slice(0, 5).every((group) => group === 0) && v6[5] === 0xffff
  return mapped ? fromGroups(v6[6] ?? 0, v6[7] ?? 0).join(".") : v6.map((group) => group.toString(16)).join(":")
}
