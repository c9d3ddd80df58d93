/**
 * A server's certificate chain as it was presented, what the platform and RFC 9525 say of it, and evaluators that decide on
 * it. An evaluator is a value: its roots are needed before the handshake, its judgement is asked after it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import { matches } from "./internal/protocol/identity.ts"
import { type CertificateFault, TlsError } from "./SessionError.ts"

/**
 * One certificate of a chain. `der` is the certificate itself, `spkiSha256` the base64 SHA-256 of its public key info, the
 * form that pins have.
 *
 * @since 0.1.0
 * @category models
 */
export interface Certificate {
  readonly der: Uint8Array
  readonly subject: string
  readonly issuer: string
  readonly serialNumber: string
  readonly notBefore: Date
  readonly notAfter: Date
  /** The subject alternative names that identity is judged by; the common name is never used (RFC 9525 6.3). */
  readonly names: { readonly dns: ReadonlyArray<string>; readonly ip: ReadonlyArray<string> }
  readonly spkiSha256: string
}

/**
 * What a server presented in one handshake, and what is known about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerTrust {
  readonly host: string
  readonly port: number
  /** Leaf first; ends with the root where the platform found one. */
  readonly chain: ReadonlyArray<Certificate>
  /** Whether the platform verified the chain against the roots of this connection. Never a statement about the name. */
  readonly chainTrusted: boolean
  /** Whether the leaf is for this host (RFC 9525), always computed by this library. */
  readonly identityMatches: boolean
  /** Both of the above. */
  readonly trusted: boolean
  /** Every fault that could be found, the most important first. Empty exactly when `trusted`. */
  readonly faults: ReadonlyArray<CertificateFault>
  /** For example `TLSv1.3`. */
  readonly protocol: string
  readonly cipher: string
}

/**
 * What a platform knows of a handshake; `make` adds identity, dates and the order of the faults.
 *
 * @since 0.1.0
 * @category models
 */
export interface Presented {
  readonly host: string
  readonly port: number
  readonly chain: ReadonlyArray<Certificate>
  readonly chainTrusted: boolean
  /** What the platform's verification stopped at: one of possibly several faults. */
  readonly systemFault: CertificateFault | undefined
  /** Whether the chain, link by link, ends in a root of this connection; `undefined` where the platform cannot tell. */
  readonly reachesRoot: boolean | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly protocol: string
  readonly cipher: string
}

const order: ReadonlyArray<CertificateFault> = [
  "UnknownRoot",
  "Untrusted",
  "WrongName",
  "Expired",
  "NotYetValid",
  "WrongUsage"
]

/**
 * The trust value of a handshake. A platform reports one fault of several (an expired leaf of an unknown root shows only
 * the date), so name, dates and the way to a root are looked at again here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (presented: Presented): ServerTrust => {
  const leaf = presented.chain[0]
  const identityMatches = leaf !== undefined && matches(presented.host, leaf.names)
  const found = new Set<CertificateFault>()
  if (!presented.chainTrusted) found.add(presented.systemFault ?? "Untrusted")
  if (presented.reachesRoot === false) {
    const last = presented.chain[presented.chain.length - 1]
    if (!found.has("Untrusted") && !found.has("UnknownRoot")) {
      found.add(last === undefined || last.subject === last.issuer ? "Untrusted" : "UnknownRoot")
    }
  }
  if (!identityMatches) found.add("WrongName")
  for (const certificate of presented.chain) {
    if (certificate.notAfter.getTime() < presented.now) found.add("Expired")
    if (certificate.notBefore.getTime() > presented.now) found.add("NotYetValid")
  }
  // the platform's own verdict stands: a clock that runs differently here must not make a verified chain untrusted
  if (presented.chainTrusted) {
    found.delete("Expired")
    found.delete("NotYetValid")
  }
  return {
    host: presented.host,
    port: presented.port,
    chain: presented.chain,
    chainTrusted: presented.chainTrusted,
    identityMatches,
    trusted: presented.chainTrusted && identityMatches,
    faults: order.filter((fault) => found.has(fault)),
    protocol: presented.protocol,
    cipher: presented.cipher
  }
}

const details: Record<CertificateFault, string> = {
  UnknownRoot: "its authority is not known here",
  Untrusted: "its chain ends in a certificate that is not trusted here",
  WrongName: "it is for another name",
  Expired: "it has expired",
  NotYetValid: "it is not valid yet",
  WrongUsage: "it is not meant for servers"
}

/**
 * The error of a chain that the platform or RFC 9525 refuses, by the first fault; the others are in `also`.
 *
 * @since 0.1.0
 * @category errors
 */
export const refusal = (trust: ServerTrust, url?: string): TlsError => {
  const [first = "Untrusted", ...also] = trust.faults
  const leaf = trust.chain[0]
  if (first === "UnknownRoot") {
    return new TlsError({ url, reason: { _tag: "ServerCertificateHasUnknownRoot", trust, also } })
  }
  if (first === "Expired" && leaf !== undefined) {
    const notAfter = trust.chain.reduce((date, one) => one.notAfter < date ? one.notAfter : date, leaf.notAfter)
    return new TlsError({ url, reason: { _tag: "ServerCertificateHasBadDate", trust, notAfter, also } })
  }
  if (first === "NotYetValid" && leaf !== undefined) {
    const notBefore = trust.chain.reduce((date, one) => one.notBefore > date ? one.notBefore : date, leaf.notBefore)
    return new TlsError({ url, reason: { _tag: "ServerCertificateNotYetValid", trust, notBefore, also } })
  }
  const selfSigned = first === "Untrusted" && leaf !== undefined && leaf.subject === leaf.issuer
  const why = first === "WrongName"
    ? "WrongName"
    : first === "WrongUsage"
    ? "Usage"
    : selfSigned
    ? "SelfSigned"
    : "Unknown"
  const detail = selfSigned ? "it is self-signed" : details[first]
  return new TlsError({ url, reason: { _tag: "ServerCertificateUntrusted", trust, why, detail, also } })
}

/**
 * Which roots a handshake is verified against: the platform's, the platform's and more, or only some. PEM texts.
 *
 * @since 0.1.0
 * @category models
 */
export type Roots =
  | { readonly _tag: "System" }
  | { readonly _tag: "Additional"; readonly pem: ReadonlyArray<string> }
  | { readonly _tag: "Only"; readonly pem: ReadonlyArray<string> }

/**
 * What an evaluator says of a trust value.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict =
  /** Accept, even against the platform: nothing learned over this connection is kept for later. */
  | { readonly _tag: "Accept" }
  | { readonly _tag: "Reject"; readonly why: "PinMismatch" | "Refused"; readonly detail: string }
  /** Accept exactly what the platform and RFC 9525 accept. */
  | { readonly _tag: "Default" }
  /** The same, and no `Accept` of another evaluator changes it: what a pin says of a chain that did not verify. */
  | { readonly _tag: "Verify" }

/**
 * Decides on servers: `roots` before the handshake, `judge` after it. No `judge` means `performDefault`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Evaluator<out R = never> extends Pipeable {
  readonly _tag: "ServerTrustEvaluator"
  readonly roots: Roots
  readonly judge: ((trust: ServerTrust) => Effect.Effect<Verdict, unknown, R>) | undefined
  /** Whether the verdict may depend on services: connections are then shared only inside one provision of it. */
  readonly usesServices: boolean
  /**
   * Whether it may accept a server against the platform; an `Accept` of an evaluator that may not is a `Default`. Where one
   * may, no secret is sent ahead of a challenge: who is at the other end is known only after the handshake.
   */
  readonly mayAccept: boolean
}

/**
 * @since 0.1.0
 * @category verdicts
 */
export const accept: Verdict = { _tag: "Accept" }

/**
 * @since 0.1.0
 * @category verdicts
 */
export const performDefault: Verdict = { _tag: "Default" }

/**
 * @since 0.1.0
 * @category verdicts
 */
export const verify: Verdict = { _tag: "Verify" }

/**
 * @since 0.1.0
 * @category verdicts
 */
export const reject = (detail: string): Verdict => ({ _tag: "Reject", why: "Refused", detail })

const system: Roots = { _tag: "System" }

/**
 * An evaluator from its parts; the named ones below are made of it. A `judge` is taken to use services and to accept
 * against the platform unless the options say that it does not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const evaluator = <R = never>(
  roots: Roots,
  judge: ((trust: ServerTrust) => Effect.Effect<Verdict, unknown, R>) | undefined,
  options: { readonly usesServices?: boolean; readonly mayAccept?: boolean } = {}
): Evaluator<R> => ({
  _tag: "ServerTrustEvaluator",
  roots,
  judge,
  usesServices: options.usesServices ?? judge !== undefined,
  mayAccept: options.mayAccept ?? judge !== undefined,
  pipe() {
    return pipeArguments(this, arguments)
  }
})

const default_: Evaluator = evaluator(system, undefined)
export {
  /**
   * What the platform and RFC 9525 say.
   *
   * @since 0.1.0
   * @category evaluators
   */
  default_ as default
}

/**
 * Trusts the platform's roots and these (PEM).
 *
 * @since 0.1.0
 * @category evaluators
 */
export const additionalRoots = (pem: ReadonlyArray<string>): Evaluator =>
  evaluator({ _tag: "Additional", pem }, undefined)

/**
 * Trusts these roots (PEM) and no others.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const onlyRoots = (pem: ReadonlyArray<string>): Evaluator => evaluator({ _tag: "Only", pem }, undefined)

/**
 * Asks a function, after the handshake. Its failure or defect ends the connection attempt.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const custom = <E, R>(judge: (trust: ServerTrust) => Effect.Effect<Verdict, E, R>): Evaluator<R> =>
  evaluator(system, judge)

const hostOf = (host: string): string => (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase()

const pinEvaluator = (
  pins: Readonly<Record<string, ReadonlyArray<string>>>,
  kind: string,
  has: (certificate: Certificate, pins: ReadonlySet<string>) => boolean
): Evaluator => {
  const byHost = new Map(Object.entries(pins).map(([host, values]) => [hostOf(host), new Set(values)]))
  return evaluator(system, (trust) => {
    const wanted = byHost.get(hostOf(trust.host))
    if (wanted === undefined) return Effect.succeed(performDefault)
    // a pin narrows what the platform trusts and never widens it: an unverified chain proves nothing about its keys
    if (!trust.trusted || trust.chain.some((one) => has(one, wanted))) return Effect.succeed(verify)
    return Effect.succeed<Verdict>({
      _tag: "Reject",
      why: "PinMismatch",
      detail: `none of its chain has a pinned ${kind}. If the ${kind} was changed on purpose, change the pin`
    })
  }, { usesServices: false, mayAccept: false })
}

/**
 * Pins public keys by host: `{ "api.example.com": ["sha256/<base64 of SHA-256 of the SPKI>"] }`. Any certificate of the
 * verified chain may match; the chain must be trusted besides. Hosts that are not named are evaluated by default.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const pinned = (pins: Readonly<Record<string, ReadonlyArray<`sha256/${string}`>>>): Evaluator =>
  pinEvaluator(pins, "key", (certificate, wanted) => wanted.has(`sha256/${certificate.spkiSha256}`))

const derOf = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\s/g, "")

const base64 = (bytes: Uint8Array): string => {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/**
 * Pins whole certificates (PEM) by host. Any certificate of the verified chain may match.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const pinnedCertificates = (pem: Readonly<Record<string, ReadonlyArray<string>>>): Evaluator =>
  pinEvaluator(
    Object.fromEntries(Object.entries(pem).map(([host, values]) => [host, values.map(derOf)])),
    "certificate",
    (certificate, wanted) => wanted.has(base64(certificate.der))
  )

const mergeRoots = (left: Roots, right: Roots): Roots => {
  if (left._tag === "System") return right
  if (right._tag === "System") return left
  if (left._tag === "Only" && right._tag === "Only") {
    const both = new Set(right.pem.map(derOf))
    return { _tag: "Only", pem: left.pem.filter((one) => both.has(derOf(one))) }
  }
  // "only these" is the narrower promise, so it holds against "these too"
  if (left._tag === "Only") return left
  if (right._tag === "Only") return right
  return { _tag: "Additional", pem: [...left.pem, ...right.pem] }
}

/** Distributes, so that no evaluators at all need nothing. */
type EvaluatorContext<One> = One extends Evaluator<infer R> ? R : never

/**
 * All of several evaluators: the roots configure the handshake together (`onlyRoots` is the narrower promise and holds),
 * then each judges in order and the first rejection decides. One `Accept` against the platform suffices where no other
 * rejects, and none has a pin for the host.
 *
 * @since 0.1.0
 * @category evaluators
 */
export function composite<const Evaluators extends ReadonlyArray<Evaluator<unknown>>>(
  ...evaluators: Evaluators
): Evaluator<EvaluatorContext<Evaluators[number]>>
export function composite(...evaluators: ReadonlyArray<Evaluator<unknown>>): Evaluator<unknown> {
  const judges = evaluators.flatMap((one) =>
    one.judge === undefined ? [] : [{ judge: one.judge, mayAccept: one.mayAccept }]
  )
  const judge = (trust: ServerTrust) =>
    Effect.gen(function*() {
      let verdict: Verdict = performDefault
      for (const one of judges) {
        const next = yield* one.judge(trust)
        if (next._tag === "Reject") return next
        if (next._tag === "Verify" || (next._tag === "Accept" && verdict._tag === "Default" && one.mayAccept)) {
          verdict = next
        }
      }
      return verdict
    })
  return evaluator(
    evaluators.reduce<Roots>((roots, one) => mergeRoots(roots, one.roots), system),
    judges.length === 0 ? undefined : judge,
    {
      usesServices: evaluators.some((one) => one.usesServices),
      mayAccept: evaluators.some((one) => one.mayAccept)
    }
  )
}
