/**
 * A server's certificate chain as it was presented, what the platform and RFC 9525 say of it, and evaluators that decide on
 * it. An evaluator is a value: its roots are needed before the handshake, its judgement is asked after it.
 *
 * @since 0.1.0
 */
export { type LeastBits, weaknessOf } from "./internal/protocol/certificateStrength.ts"
export {
  accept,
  composite,
  type Evaluator,
  evaluator,
  performDefault,
  perHost,
  reject,
  type RejectWhy,
  retryWith,
  rootsOf,
  type Verdict,
  verify
} from "./internal/trust/evaluator.ts"
export { additionalRoots, custom, default, insecure, keySizes, onlyRoots } from "./internal/trust/evaluators.ts"
export {
  type Certificate,
  type Finding,
  make,
  type Presented,
  refusal,
  type ServerTrust,
  undecided
} from "./internal/trust/model.ts"
export { type Pin, pinned, pinnedCertificates, type PinSet } from "./internal/trust/pins.ts"
export type { Roots } from "./internal/trust/roots.ts"
