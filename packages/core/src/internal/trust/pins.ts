/** Evaluators that narrow what the platform trusts to keys or certificates that are known in advance. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Evaluator, evaluator, performDefault, reject, verify } from "./evaluator.ts"
import type { Certificate } from "./model.ts"
import { byHost, unusableText } from "./names.ts"
import { derOf, system } from "./roots.ts"

/**
 * A public key: `sha256/` and the base64 SHA-256 of its SubjectPublicKeyInfo (RFC 7469 2.4).
 *
 * @since 0.1.0
 * @category models
 */
export type Pin = `sha256/${string}`

/**
 * The pins of one host. A list alone never expires and is its own backup; keep at least one key in it that is not in use yet,
 * or the loss of the only key locks everybody out until the pins are changed.
 *
 * @since 0.1.0
 * @category models
 */
export type PinSet<P> = ReadonlyArray<P> | {
  readonly pins: ReadonlyArray<P>
  /** Of keys that are kept for later: they count as the others do. */
  readonly backups?: ReadonlyArray<P>
  /** From then on the host is evaluated by default: a program that is not updated any more is not locked out for ever. */
  readonly expires?: Date
}

interface Wanted {
  readonly values: ReadonlySet<string>
  readonly expires: number
}

const wantedOf = <P extends string>(set: PinSet<P>, value: (pin: P) => string): Wanted =>
  "pins" in set
    ? {
      values: new Set([...set.pins, ...set.backups ?? []].map(value)),
      expires: set.expires?.getTime() ?? Infinity
    }
    : { values: new Set(set.map(value)), expires: Infinity }

const pinEvaluator = <P extends string>(
  pins: Readonly<Record<string, PinSet<P>>>,
  kind: string,
  value: (pin: P) => string,
  has: (certificate: Certificate, pins: ReadonlySet<string>) => boolean
): Evaluator => {
  const hosts = byHost(Object.fromEntries(Object.entries(pins).map(([host, set]) => [host, wantedOf(set, value)])))
  return evaluator(system, (trust) => {
    // pins that are left out protect nobody
    if (hosts.unusable.length > 0) return Effect.succeed(reject(unusableText("what is pinned,", hosts.unusable)))
    const wanted = hosts.find(trust.host)
    if (wanted === undefined) return Effect.succeed(performDefault)
    return Effect.map(Clock.currentTimeMillis, (now) => {
      if (now >= wanted.expires) return performDefault
      // a pin narrows what the platform trusts and never widens it: an unverified chain proves nothing about its keys
      if (!trust.trusted || trust.chain.some((one) => has(one, wanted.values))) return verify
      return reject(
        `none of its chain has a pinned ${kind}. If the ${kind} was changed on purpose, change the pin`,
        "PinMismatch"
      )
    })
  }, { usesServices: false, mayAccept: false })
}

/**
 * Pins public keys by host: `{ "api.example.com": ["sha256/<base64 of SHA-256 of the SPKI>"] }`, or with backups and an end:
 * `{ "api.example.com": { pins: [...], backups: [...], expires: new Date("2027-06-30") } }`. Any certificate of the verified
 * chain may match; the chain must be trusted besides. `*.example.com` is for all hosts below it that have no pins of their own.
 * Hosts that are not named are evaluated by default, and so are those whose pins have expired. A name that is no host (a URL,
 * a name with a port) refuses everybody rather than being left out.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const pinned = (pins: Readonly<Record<string, PinSet<Pin>>>): Evaluator =>
  pinEvaluator(pins, "key", (pin) => pin, (certificate, wanted) => wanted.has(`sha256/${certificate.spkiSha256}`))

const base64 = (bytes: Uint8Array): string => {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/**
 * Pins whole certificates (PEM) by host, as `pinned` does keys. Any certificate of the verified chain may match.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const pinnedCertificates = (pem: Readonly<Record<string, PinSet<string>>>): Evaluator =>
  pinEvaluator(pem, "certificate", derOf, (certificate, wanted) => wanted.has(base64(certificate.der)))
