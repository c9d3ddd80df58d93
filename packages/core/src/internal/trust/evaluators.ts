/** The named evaluators but those with pins. */
import * as Effect from "effect/Effect"
import { type LeastBits, leastBits, weaknessOf } from "../protocol/certificateStrength.ts"
import { accept, type Evaluator, evaluator, performDefault, reject, type Verdict } from "./evaluator.ts"
import type { ServerTrust } from "./model.ts"
import { system } from "./roots.ts"

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

/**
 * Refuses (`WeakKey`) chains with shorter keys than these, in bits, a root's included, or with a signature of a hash weaker than
 * SHA-256 on anything but a root. RSA 2048 and EC 256 unless said. Without any evaluator a session on Node asks the same of
 * all but the root.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const keySizes = (least: { readonly rsa?: number; readonly ec?: number } = {}): Evaluator => {
  const bits: LeastBits = { ...leastBits, RSA: least.rsa ?? leastBits.RSA, EC: least.ec ?? leastBits.EC }
  return evaluator(system, (trust) => {
    const weakness = weaknessOf(trust.chain, bits)
    return Effect.succeed(weakness === undefined ? performDefault : reject(weakness, "WeakKey"))
  }, { usesServices: false, mayAccept: false })
}

/**
 * Accepts every certificate of every server, whoever is at the other end: for experiments, never for a program that others use.
 * Warns once in the log. Nothing that is learned over such a connection is kept.
 *
 * @since 0.1.0
 * @category evaluators
 */
export const insecure = (): Evaluator => {
  let warned = false
  return evaluator(system, (trust) =>
    Effect.suspend(() => {
      if (warned) return Effect.succeed(accept)
      warned = true
      return Effect.as(
        Effect.logWarning(
          `ServerTrust.insecure accepts any certificate, first that of ${trust.host}: whoever is in between can read and change everything`
        ),
        accept
      )
    }), { usesServices: false, mayAccept: true })
}
