/** TLS contexts by what they are made of. One with roots of its own takes 17 ms to make, so each is made once. */
import type { Roots } from "@urlsession/core/ServerTrust"
import { constants, createHash, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import * as tls from "node:tls"
import { type Fields, fieldsOf } from "./x509/fields.ts"

/** A version of TLS that is offered. */
export type Version = "TLSv1.2" | "TLSv1.3"

/** A context, and the roots it verifies against. */
export interface TrustContext {
  readonly context: tls.SecureContext
  readonly roots: RootSet
  /** OpenSSL trusts more than `roots` in it: what it verifies must reach one of them besides. */
  readonly widened: boolean
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Every certificate of some PEM texts. */
export const splitPem = (pem: ReadonlyArray<string>): ReadonlyArray<string> =>
  pem.flatMap((text) => text.match(certificatePattern) ?? [])

let extra: ReadonlyArray<string> | undefined

// Node adds this file to its own roots; a context with roots of its own would lose it
const extraRoots = (): ReadonlyArray<string> => {
  if (extra !== undefined) return extra
  extra = []
  const file = process.env.NODE_EXTRA_CA_CERTS
  if (file !== undefined && file !== "") {
    try {
      extra = splitPem([readFileSync(file, "latin1")])
    } catch {
      // as Node itself: a file that cannot be read adds nothing
    }
  }
  return extra
}

/** The roots of a context, parsed when a chain that was not verified has to be looked at. */
export class RootSet {
  readonly #pem: () => ReadonlyArray<string>
  readonly #fields = new Map<X509Certificate, Fields | undefined>()
  #bySubject: Map<string, Array<X509Certificate>> | undefined = undefined

  constructor(pem: () => ReadonlyArray<string>) {
    this.#pem = pem
  }

  /** The roots with this subject. */
  named(subject: string): ReadonlyArray<X509Certificate> {
    return this.#parsed().get(subject) ?? []
  }

  has(certificate: X509Certificate): boolean {
    return this.named(certificate.subject).some((root) => root.fingerprint256 === certificate.fingerprint256)
  }

  /** Of those with the subject that issued a certificate, or that it has itself. */
  fieldsFor(one: Fields): ReadonlyArray<Fields> {
    const names = one.x509.subject === one.x509.issuer ? [one.x509.subject] : [one.x509.subject, one.x509.issuer]
    return names.flatMap((name) => this.named(name)).map((root) => this.#fieldsOf(root)).filter((root) =>
      root !== undefined
    )
  }

  #fieldsOf(root: X509Certificate): Fields | undefined {
    if (!this.#fields.has(root)) this.#fields.set(root, fieldsOf(root.raw))
    return this.#fields.get(root)
  }

  #parsed(): Map<string, Array<X509Certificate>> {
    if (this.#bySubject !== undefined) return this.#bySubject
    const bySubject = new Map<string, Array<X509Certificate>>()
    for (const text of this.#pem()) {
      try {
        const root = new X509Certificate(text)
        const same = bySubject.get(root.subject)
        if (same === undefined) bySubject.set(root.subject, [root])
        else same.push(root)
      } catch {
        // what OpenSSL could not read either is no root
      }
    }
    return this.#bySubject = bySubject
  }
}

const platformRoots = new RootSet(() => [...tls.rootCertificates, ...extraRoots()])

const rootSets = new WeakMap<Roots, RootSet>()

const pemOf = (roots: Exclude<Roots, { readonly _tag: "System" }>): ReadonlyArray<string> =>
  roots._tag === "Only" ? splitPem(roots.pem) : [...tls.rootCertificates, ...extraRoots(), ...splitPem(roots.pem)]

// OpenSSL reads as far as it can, and says nothing of the rest: a root that is left out looks like a server that is refused
const assertReadable = (roots: Roots): void => {
  if (roots._tag === "System") return
  for (const text of roots.pem) {
    const certificates = splitPem([text])
    if (certificates.length === 0) throw new TypeError("no certificate in a PEM text")
    for (const one of certificates) new X509Certificate(one)
  }
}

/** The roots that a handshake with these is verified against. */
export const rootSetOf = (roots: Roots): RootSet => {
  if (roots._tag === "System") return platformRoots
  const known = rootSets.get(roots)
  if (known !== undefined) return known
  const made = new RootSet(() => pemOf(roots))
  rootSets.set(roots, made)
  return made
}

// what is no certificate counts too: with it the roots cannot be used
const certificatesOf = (pem: ReadonlyArray<string>): ReadonlyArray<string> =>
  pem.flatMap((text) => text.match(certificatePattern) ?? [text])

const rootKeys = new WeakMap<Roots, string>()

const rootsKey = (roots: Roots): string => {
  const known = rootKeys.get(roots)
  if (known !== undefined) return known
  const key = roots._tag === "System"
    ? "system"
    : `${roots._tag}:${createHash("sha256").update(certificatesOf(roots.pem).join()).digest("base64")}`
  rootKeys.set(roots, key)
  return key
}

const contexts = new Map<string, TrustContext>()
const contextsKept = 64

/** The key of the context without making it. */
export const contextKey = (roots: Roots, minimum: Version, maximum: Version): string =>
  `${rootsKey(roots)} ${minimum} ${maximum}`

/**
 * Makes a context of some roots and TLS versions, that may present an identity. Throws where OpenSSL cannot read a root or
 * the identity.
 */
export const makeContext = (
  roots: Roots,
  minimum: Version,
  maximum: Version,
  identity: tls.SecureContextOptions
): TrustContext => {
  assertReadable(roots)
  const trusted = roots._tag === "System" ? undefined : pemOf(roots)
  const context = tls.createSecureContext({
    minVersion: minimum,
    maxVersion: maximum,
    // a server that renegotiates could show another certificate after the verdict
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // whom the caller names is trusted, be it a root, an authority below one, or a server's own certificate
    ...(trusted === undefined ? {} : { ca: [...trusted], allowPartialTrustChain: true }),
    ...identity
  })
  return {
    context,
    roots: trusted === undefined ? platformRoots : new RootSet(() => trusted),
    // Node trusts every authority that comes with a PKCS#12 file, for servers as well
    widened: identity.pfx !== undefined
  }
}

/** The context of some roots and TLS versions. Throws where OpenSSL cannot read a root. */
export const contextFor = (roots: Roots, minimum: Version, maximum: Version): TrustContext => {
  const key = contextKey(roots, minimum, maximum)
  const known = contexts.get(key)
  if (known !== undefined) return known
  const made = makeContext(roots, minimum, maximum, {})
  if (contexts.size >= contextsKept) {
    const oldest = contexts.keys().next()
    if (oldest.done !== true) contexts.delete(oldest.value)
  }
  contexts.set(key, made)
  return made
}
