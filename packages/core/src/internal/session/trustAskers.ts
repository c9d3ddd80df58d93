/** Who decides on servers for a task: the session's evaluator and the task's own, as values that a pool can compare. */
import * as Effect from "effect/Effect"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import * as ServerTrust from "../../ServerTrust.ts"
import { AuthenticationError, TlsError } from "../../SessionError.ts"
import type { TrustAsker, TrustDecision } from "../../Transport.ts"
import type { Resolver } from "../resolver.ts"

const verified: TrustDecision = { overridden: false }
const overridden: TrustDecision = { overridden: true }

const urlOf = (trust: ServerTrust.ServerTrust): string =>
  ProtectionSpace.make({ host: trust.host, port: trust.port, protocol: "https", method: "ServerTrust" }).origin

const conclude = (
  trust: ServerTrust.ServerTrust,
  verdict: ServerTrust.Verdict
): Effect.Effect<TrustDecision, TlsError> => {
  switch (verdict._tag) {
    case "Accept":
      return Effect.succeed(trust.trusted ? verified : overridden)
    case "Reject":
      return Effect.fail(
        new TlsError({
          url: urlOf(trust),
          reason: {
            _tag: "ServerCertificateUntrusted",
            trust,
            why: verdict.why,
            detail: verdict.detail,
            also: trust.faults
          }
        })
      )
    case "Default":
      return trust.trusted ? Effect.succeed(verified) : Effect.fail(ServerTrust.refusal(trust, urlOf(trust)))
  }
}

const askerOf = (evaluator: ServerTrust.Evaluator | undefined): TrustAsker => {
  const judge = evaluator?.judge
  return {
    roots: evaluator?.roots ?? { _tag: "System" },
    decide: judge === undefined ? undefined : (trust) =>
      Effect.flatMap(
        Effect.catchAllCause(Effect.suspend(() => judge(trust)), (cause) =>
          Effect.fail(
            new AuthenticationError({
              url: urlOf(trust),
              cause,
              reason: { _tag: "ResolverFailed", space: `ServerTrust space of ${urlOf(trust)}` }
            })
          )),
        (verdict) => conclude(trust, verdict)
      )
  }
}

/** See the head of this file. One asker per pair of evaluators, so that connections are shared where the deciders are. */
export class TrustAskers {
  readonly #evaluator: ServerTrust.Evaluator | undefined
  readonly session: TrustAsker
  readonly #byTask = new WeakMap<ServerTrust.Evaluator, TrustAsker>()

  constructor(resolver: Resolver | undefined) {
    this.#evaluator = resolver?.trust
    this.session = askerOf(this.#evaluator)
  }

  /** Session first, then task: where both have an evaluator, both must agree. */
  of(task: Resolver | undefined): TrustAsker {
    const own = task?.trust
    if (own === undefined) return this.session
    const known = this.#byTask.get(own)
    if (known !== undefined) return known
    const asker = askerOf(this.#evaluator === undefined ? own : ServerTrust.composite(this.#evaluator, own))
    this.#byTask.set(own, asker)
    return asker
  }
}
