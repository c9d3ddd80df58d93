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
    case "Verify":
      return trust.trusted ? Effect.succeed(verified) : Effect.fail(ServerTrust.refusal(trust, urlOf(trust)))
  }
}

type Decide = NonNullable<TrustAsker["decide"]>

/** No function: the platform decides, and there is nothing to ask. */
const decideOf = (evaluator: ServerTrust.Evaluator | undefined): Decide | undefined => {
  const judge = evaluator?.judge
  if (judge === undefined) return undefined
  const accepts = evaluator?.mayAccept === true
  return (trust) =>
    Effect.flatMap(
      Effect.catchAllCause(Effect.suspend(() => judge(trust)), (cause) =>
        Effect.fail(
          new AuthenticationError({
            url: urlOf(trust),
            cause,
            reason: { _tag: "ResolverFailed", space: `ServerTrust space of ${urlOf(trust)}` }
          })
        )),
      (verdict) => conclude(trust, verdict._tag === "Accept" && !accepts ? ServerTrust.performDefault : verdict)
    )
}

const byDefault: Decide = (trust) => conclude(trust, ServerTrust.performDefault)

/** Both must accept: what one level refuses, by its function or by its roots, the other cannot let in. */
const both = (first: Decide | undefined, second: Decide | undefined): Decide | undefined =>
  first === undefined && second === undefined
    ? undefined
    : (trust) => Effect.zipRight((first ?? byDefault)(trust), (second ?? byDefault)(trust))

/** See the head of this file. One asker per pair of evaluators, so that connections are shared where the deciders are. */
export class TrustAskers {
  readonly #evaluator: ServerTrust.Evaluator | undefined
  readonly #mayAccept = new WeakSet<TrustAsker>()
  readonly session: TrustAsker
  readonly #byTask = new WeakMap<ServerTrust.Evaluator, TrustAsker>()

  constructor(resolver: Resolver | undefined) {
    const evaluator = resolver?.trust
    this.#evaluator = evaluator
    this.session = { roots: evaluator?.roots ?? { _tag: "System" }, decide: decideOf(evaluator) }
    if (evaluator?.mayAccept === true) this.#mayAccept.add(this.session)
  }

  /** Session first, then task: where both have an evaluator, both must agree. */
  of(task: Resolver | undefined): TrustAsker {
    const own = task?.trust
    if (own === undefined) return this.session
    const known = this.#byTask.get(own)
    if (known !== undefined) return known
    const evaluator = this.#evaluator
    const asker: TrustAsker = evaluator === undefined
      ? { roots: own.roots, decide: decideOf(own) }
      : {
        roots: ServerTrust.composite(evaluator, own).roots,
        decide: both(decideOf(evaluator), decideOf(own))
      }
    // what the session refuses nobody accepts
    if (own.mayAccept && evaluator?.mayAccept !== false) this.#mayAccept.add(asker)
    this.#byTask.set(own, asker)
    return asker
  }

  /** Whether a connection of this asker may be one that the platform refuses. */
  mayAccept(asker: TrustAsker): boolean {
    return this.#mayAccept.has(asker)
  }
}
