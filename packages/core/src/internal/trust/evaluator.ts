/** The value that decides on servers, its verdicts, and how several become one. */
import * as Effect from "effect/Effect"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import type { UntrustedWhy } from "../../SessionError.ts"
import type { ServerTrust } from "./model.ts"
import { byHost, unusableText } from "./names.ts"
import { mergeRoots, type Roots, system } from "./roots.ts"

/**
 * What an evaluator says of a trust value.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict =
  /** Accept, even against the platform: nothing learned over this connection is kept for later. */
  | { readonly _tag: "Accept" }
  | { readonly _tag: "Reject"; readonly why: RejectWhy; readonly detail: string }
  /** Accept exactly what the platform and RFC 9525 accept. */
  | { readonly _tag: "Default" }
  /** The same, and no `Accept` of another evaluator changes it: what a pin says of a chain that did not verify. */
  | { readonly _tag: "Verify" }
  /**
   * Only a handshake with these roots can tell, in place of those of the evaluator: the connection is closed and made anew,
   * once, and the evaluator is asked again. Who wants other roots a second time has refused the server.
   */
  | { readonly _tag: "RetryWith"; readonly roots: Roots }

/**
 * What an evaluator refuses for.
 *
 * @since 0.1.0
 * @category models
 */
export type RejectWhy = Extract<
  UntrustedWhy,
  "PinMismatch" | "Refused" | "Revoked" | "RevocationUnknown" | "WeakKey" | "InvalidChain"
>

/**
 * Decides on servers: `roots` before the handshake, `judge` after it. No `judge` means `performDefault`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Evaluator<out R = never> extends Pipeable {
  readonly _tag: "ServerTrustEvaluator"
  readonly roots: Roots
  /** The roots for one host, where they differ by host; `roots` are those of all others. */
  readonly rootsFor: ((host: string) => Roots) | undefined
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
 * Refuses, and says why in words; `why` is `Refused` unless there is a better one.
 *
 * @since 0.1.0
 * @category verdicts
 */
export const reject = (detail: string, why: RejectWhy = "Refused"): Verdict => ({ _tag: "Reject", why, detail })

/**
 * @since 0.1.0
 * @category verdicts
 */
export const retryWith = (roots: Roots): Verdict => ({ _tag: "RetryWith", roots })

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
  options: {
    readonly usesServices?: boolean
    readonly mayAccept?: boolean
    readonly rootsFor?: ((host: string) => Roots) | undefined
  } = {}
): Evaluator<R> => ({
  _tag: "ServerTrustEvaluator",
  roots,
  rootsFor: options.rootsFor,
  judge,
  usesServices: options.usesServices ?? judge !== undefined,
  mayAccept: options.mayAccept ?? judge !== undefined,
  pipe() {
    return pipeArguments(this, arguments)
  }
})

/**
 * The roots that a handshake with a host is verified against.
 *
 * @since 0.1.0
 * @category getters
 */
export const rootsOf = (self: Evaluator<unknown>, host: string): Roots => self.rootsFor?.(host) ?? self.roots

/** Distributes, so that no evaluators at all need nothing. */
export type EvaluatorContext<One> = One extends Evaluator<infer R> ? R : never

const merged = (evaluators: ReadonlyArray<Evaluator<unknown>>, host: string): Roots =>
  evaluators.reduce<Roots>((roots, one) => mergeRoots(roots, rootsOf(one, host)), system)

/** The same roots are the same value each time, so that what is made of them is found again. */
const remembering = (rootsFor: (host: string) => Roots): (host: string) => Roots => {
  const known = new Map<string, Roots>()
  return (host) => {
    const before = known.get(host)
    if (before !== undefined) return before
    const roots = rootsFor(host)
    if (known.size >= 256) known.clear()
    known.set(host, roots)
    return roots
  }
}

/**
 * All of several evaluators: the roots configure the handshake together (`onlyRoots` is the narrower promise and holds),
 * then each judges in order and the first rejection decides, or the first that wants other roots. One `Accept` against the
 * platform suffices where no other rejects, and none has a pin for the host.
 *
 * @since 0.1.0
 * @category evaluators
 */
export function composite<const Evaluators extends ReadonlyArray<Evaluator<unknown>>>(
  ...evaluators: Evaluators
): Evaluator<EvaluatorContext<Evaluators[number]>>
export function composite(...evaluators: ReadonlyArray<Evaluator<unknown>>): Evaluator<unknown> {
  const judge = (trust: ServerTrust) =>
    Effect.gen(function*() {
      let verdict: Verdict = performDefault
      for (const one of evaluators) {
        if (one.judge === undefined) continue
        const next: Verdict = yield* one.judge(trust)
        if (next._tag === "Reject") return next
        if (next._tag === "RetryWith") {
          // what the others promise of their roots holds all the same
          return retryWith(mergeRoots(merged(evaluators.filter((other) => other !== one), trust.host), next.roots))
        }
        if (next._tag === "Verify" || (next._tag === "Accept" && verdict._tag === "Default" && one.mayAccept)) {
          verdict = next
        }
      }
      return verdict
    })
  return evaluator(
    evaluators.reduce<Roots>((roots, one) => mergeRoots(roots, one.roots), system),
    evaluators.every((one) => one.judge === undefined) ? undefined : judge,
    {
      usesServices: evaluators.some((one) => one.usesServices),
      mayAccept: evaluators.some((one) => one.mayAccept),
      rootsFor: evaluators.every((one) => one.rootsFor === undefined)
        ? undefined
        : remembering((host) => merged(evaluators, host))
    }
  )
}

/**
 * One evaluator for each host, by name: `api.example.com` is that host, `*.example.com` all below it. The longest name that
 * covers a host decides, `otherwise` for all others (the platform, unless said). The roots of each count for its hosts only.
 * A name that is no host (a URL, a name with a port) refuses everybody rather than being left out.
 *
 * @since 0.1.0
 * @category evaluators
 */
export function perHost<const Hosts extends Readonly<Record<string, Evaluator<unknown>>>, R = never>(
  hosts: Hosts,
  otherwise?: Evaluator<R>
): Evaluator<EvaluatorContext<Hosts[keyof Hosts]> | R>
export function perHost(
  hosts: Readonly<Record<string, Evaluator<unknown>>>,
  otherwise: Evaluator<unknown> = evaluator(system, undefined)
): Evaluator<unknown> {
  const named = byHost(hosts)
  const of = (host: string): Evaluator<unknown> => named.find(host) ?? otherwise
  const all = [otherwise, ...Object.values(hosts)]
  const judge = (trust: ServerTrust): Effect.Effect<Verdict, unknown, unknown> => {
    // an evaluator that is left out protects nobody
    if (named.unusable.length > 0) {
      return Effect.succeed(reject(unusableText("what evaluators are for,", named.unusable)))
    }
    const one = of(trust.host)
    if (one.judge === undefined) return Effect.succeed(performDefault)
    return one.mayAccept
      ? one.judge(trust)
      : Effect.map(one.judge(trust), (verdict) => verdict._tag === "Accept" ? performDefault : verdict)
  }
  return evaluator(otherwise.roots, judge, {
    usesServices: all.some((one) => one.usesServices),
    mayAccept: all.some((one) => one.mayAccept),
    rootsFor: (host) => rootsOf(of(host), host)
  })
}
