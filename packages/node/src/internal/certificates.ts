/** A certificate chain as Node shows it, made into values of our own, and the walk from a leaf to a root. */
import type { Certificate } from "@urlsession/core/ServerTrust"
import { createHash, X509Certificate } from "node:crypto"
import type { DetailedPeerCertificate, TLSSocket } from "node:tls"
import { copyOf } from "./buffers.ts"
import type { RootSet } from "./secureContext.ts"
import { type Fields, fieldsOf } from "./x509/fields.ts"

/** A certificate in both forms. */
export interface Parsed {
  readonly x509: X509Certificate
  readonly value: Certificate
  /** What it is judged by beyond the above; `undefined` where it cannot be read. Read when it is asked for. */
  readonly fields: Fields | undefined
}

const longestChain = 16

/**
 * The chain, leaf first. Node's own getter of X509Certificate values takes the leaf out of the chain for every later
 * question, so only the older getter is used, once.
 */
export const chainOf = (socket: TLSSocket): ReadonlyArray<Parsed> => {
  const chain: Array<Parsed> = []
  const seen = new Set<string>()
  let next: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true)
  // a root is its own issuer there, and a missing issuer is an empty object
  while (next?.raw !== undefined && chain.length < longestChain) {
    const parsed = parse(next.raw)
    if (seen.has(parsed.x509.fingerprint256)) break
    seen.add(parsed.x509.fingerprint256)
    chain.push(parsed)
    next = next.issuerCertificate
  }
  return chain
}

const recent = new Map<string, Parsed>()
const recentKept = 64

// taking a certificate apart and hashing its key costs more than the rest of a verdict; servers show the same few
const parse = (der: Uint8Array): Parsed => {
  const key = createHash("sha256").update(der).digest("base64")
  const known = recent.get(key)
  if (known !== undefined) return known
  const x509 = new X509Certificate(der)
  let fields: { readonly read: Fields | undefined } | undefined
  const parsed: Parsed = {
    x509,
    value: {
      der: copyOf(der),
      subject: oneLine(x509.subject),
      issuer: oneLine(x509.issuer),
      serialNumber: x509.serialNumber,
      notBefore: new Date(x509.validFrom),
      notAfter: new Date(x509.validTo),
      names: alternativeNames(x509.subjectAltName),
      spkiSha256: spkiSha256(x509)
    },
    get fields() {
      return (fields ??= { read: fieldsOf(parsed.value.der) }).read
    }
  }
  if (recent.size >= recentKept) {
    const oldest = recent.keys().next()
    if (oldest.done !== true) recent.delete(oldest.value)
  }
  recent.set(key, parsed)
  return parsed
}

// a certificate without a subject has none at run time
const oneLine = (name: string | undefined): string => (name ?? "").split("\n").join(", ")

const spkiSha256 = (certificate: X509Certificate): string => {
  try {
    return createHash("sha256").update(certificate.publicKey.export({ type: "spki", format: "der" })).digest("base64")
  } catch {
    // a key of a kind that cannot be read satisfies no pin
    return ""
  }
}

/** `DNS:a.example, IP Address:192.0.2.1, DNS:"quoted\u002c with comma"`: the text form that Node gives. */
export const alternativeNames = (
  text: string | undefined
): { readonly dns: ReadonlyArray<string>; readonly ip: ReadonlyArray<string> } => {
  const dns: Array<string> = []
  const ip: Array<string> = []
  // an entry is `kind:value`, where a value with special characters is a JSON string
  const entry = /\s*([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)/y
  let rest = text ?? ""
  for (let found = entry.exec(rest); found !== null && found[0] !== ""; found = entry.exec(rest)) {
    const [, kind = "", raw = ""] = found
    const value = raw.startsWith("\"") ? unquote(raw) : raw
    if (kind === "DNS" && value !== undefined) dns.push(value)
    if (kind === "IP Address" && value !== undefined) ip.push(value)
    if (entry.lastIndex >= rest.length) rest = ""
  }
  return { dns, ip }
}

const unquote = (text: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "string" ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether a leaf, link by link, comes to one of the roots: by the certificates presented and the roots themselves, each
 * link by name and by signature. Dates are left out on purpose, since this is asked where they hide the rest.
 */
export const reachesRoot = (chain: ReadonlyArray<Parsed>, roots: RootSet): boolean => {
  let current = chain[0]?.x509
  for (let depth = 0; current !== undefined && depth < longestChain; depth++) {
    if (roots.has(current)) return true
    const below: X509Certificate = current
    const issued = (above: X509Certificate): boolean => below.checkIssued(above) && verified(below, above)
    if (roots.named(below.issuer).some(issued)) return true
    current = chain.find((one) => one.x509 !== below && one.x509.ca && issued(one.x509))?.x509
  }
  return false
}

const verified = (below: X509Certificate, above: X509Certificate): boolean => {
  try {
    return below.verify(above.publicKey)
  } catch {
    return false
  }
}
