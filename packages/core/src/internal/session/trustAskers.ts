/** Who decides on servers for a task, and who answers those that ask for a certificate: values that a pool can compare. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import * as ServerTrust from "../../ServerTrust.ts"
import { AuthenticationError, TlsError } from "../../SessionError.ts"
import type { TrustAsker, TrustDecision } from "../../Transport.ts"
import type { TransportSecurityService, Weakness } from "../../TransportSecurity.ts"
import { report } from "../challengeObserver.ts"
import type { Resolver } from "../resolver.ts"
import { mergeRoots, system } from "../trust/roots.ts"
import { isAnswer } from "./asked.ts"
import { Identities, type IdentityHandler } from "./identityAsker.ts"
import { ProxyCredentials, type ProxyServices } from "./proxyAsker.ts"
import { Resolving } from "./resolving.ts"

const verified: TrustDecision = { overridden: false }
const overridden: TrustDecision = { overridden: true }

const spaceOf = ({ host, port }: ServerTrust.ServerTrust): ProtectionSpace.ProtectionSpace =>
  ProtectionSpace.make({ host, port, protocol: "https", method: "ServerTrust" })

const urlOf = (trust: ServerTrust.ServerTrust): string => spaceOf(trust).origin

const dispositions = {
  Accept: "UseCredential",
  RetryWith: "RetryWith",
  Reject: "CancelChallenge",
  Default: "PerformDefault",
  Verify: "PerformDefault"
} as const

const conclude = (
  trust: ServerTrust.ServerTrust,
  verdict: ServerTrust.Verdict
): Effect.Effect<TrustDecision, TlsError> => {
  switch (verdict._tag) {
    case "Accept":
      return Effect.succeed(trust.trusted ? verified : overridden)
    case "RetryWith":
      return Effect.succeed({ overridden: false, retryWith: verdict.roots })
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
      Effect.catchAllCause(Effect.tap(Effect.suspend(() => judge(trust)), isAnswer), (cause) =>
        Effect.fail(
          new AuthenticationError({
            url: urlOf(trust),
            cause,
            reason: { _tag: "ResolverFailed", space: `ServerTrust space of ${urlOf(trust)}` }
          })
        )),
      (given) => {
        const verdict = given._tag === "Accept" && !accepts ? ServerTrust.performDefault : given
        return Effect.zipRight(reportVerdict(trust, verdict), conclude(trust, verdict))
      }
    )
}

const reportVerdict = (trust: ServerTrust.ServerTrust, { _tag }: ServerTrust.Verdict): Effect.Effect<void> =>
  report({
    space: spaceOf(trust).toString(),
    disposition: dispositions[_tag],
    previousFailureCount: 0
  })

const byDefault: Decide = (trust) => conclude(trust, ServerTrust.performDefault)

/** A decision with the roots that another level promises. */
const within = (decision: TrustDecision, other: ServerTrust.Evaluator, host: string): TrustDecision =>
  decision.retryWith === undefined
    ? decision
    : { ...decision, retryWith: mergeRoots(ServerTrust.rootsOf(other, host), decision.retryWith) }

/** Both must accept: what one level refuses, by its function or by its roots, the other cannot let in. */
const both = (first: ServerTrust.Evaluator, second: ServerTrust.Evaluator): Decide | undefined => {
  const [one, other] = [decideOf(first), decideOf(second)]
  if (one === undefined && other === undefined) return undefined
  return (trust) =>
    Effect.flatMap((one ?? byDefault)(trust), (decision) =>
      decision.retryWith === undefined
        ? Effect.map((other ?? byDefault)(trust), (next) => within(next, first, trust.host))
        : Effect.succeed(within(decision, second, trust.host)))
}

type SecurityJudge = NonNullable<TransportSecurityService["judge"]>

/** After everybody has accepted: a connection that is too weak is refused all the same. */
const narrowed = (decide: Decide | undefined, security: SecurityJudge | undefined): Decide | undefined =>
  security === undefined ? decide : (trust) =>
    Effect.flatMap((decide ?? byDefault)(trust), (decision) => {
      if (decision.retryWith !== undefined) return Effect.succeed(decision)
      const weakness = security(trust)
      return weakness === undefined ? Effect.succeed(decision) : Effect.fail(weak(trust, weakness))
    })

const weak = (trust: ServerTrust.ServerTrust, { detail, of }: Weakness): TlsError =>
  new TlsError({
    url: urlOf(trust),
    reason: of === "connection"
      ? { _tag: "SecureConnectionFailed", detail }
      : { _tag: "ServerCertificateUntrusted", trust, why: "WeakKey", detail, also: trust.faults }
  })

/** Stands for an entry that is not there. */
const absent = {}

/**
 * See the head of this file. One asker per pair of evaluators and of entries for client certificates, so that connections
 * are shared where the deciders are.
 */
export class TrustAskers {
  readonly #evaluator: ServerTrust.Evaluator | undefined
  readonly #security: SecurityJudge | undefined
  readonly #identity: IdentityHandler | undefined
  readonly #mayAccept = new WeakSet<TrustAsker>()
  readonly session: TrustAsker
  /** The session's, for what its own handler of client certificates sends: it is not asked about itself. */
  readonly #unasked: TrustAsker
  readonly #byTask = new WeakMap<object, WeakMap<object, TrustAsker>>()
  readonly #session: Resolver | undefined
  readonly #proxies: ProxyServices | undefined
  readonly #byProxyTask = new WeakMap<Resolver, WeakMap<TrustAsker, TrustAsker>>()
  /** All tasks without a resolver of their own say the same to a proxy. */
  #shared: ProxyCredentials | undefined = undefined
  #epoch = 0

  /** `security` narrows what anybody accepts: a text refuses, and says why. `proxies` where the session has any. */
  constructor(resolver: Resolver | undefined, security?: SecurityJudge, proxies?: ProxyServices) {
    this.#security = security
    this.#session = resolver
    this.#proxies = proxies
    this.#evaluator = resolver?.trust
    this.#identity = resolver?.identity
    this.session = this.#make(undefined, this.#identity, undefined)
    this.#unasked = this.#identity === undefined ? this.session : this.#make(undefined, undefined, undefined)
  }

  /** Session first, then task: where both have an evaluator, both must agree. `caller` tells who is being asked already. */
  of(task: Resolver | undefined, caller: Context.Context<never> = Context.empty()): TrustAsker {
    const asker = this.#tlsAsker(task, caller)
    const proxies = this.#proxies
    if (proxies === undefined || task === undefined || !(task.methods.has("Basic") || task.methods.has("Digest"))) {
      return asker
    }
    // what a task's resolver tells a proxy is for its own requests
    const byAsker = this.#byProxyTask.get(task) ?? new WeakMap<TrustAsker, TrustAsker>()
    this.#byProxyTask.set(task, byAsker)
    const known = byAsker.get(asker)
    if (known !== undefined) return known
    const own: TrustAsker = { ...asker, proxy: this.#proxyAsker([task], proxies) }
    if (this.#mayAccept.has(asker)) this.#mayAccept.add(own)
    byAsker.set(asker, own)
    return own
  }

  #proxyAsker(before: ReadonlyArray<Resolver>, proxies: ProxyServices): ProxyCredentials {
    const resolvers = this.#session === undefined ? before : [...before, this.#session]
    return new ProxyCredentials(resolvers, proxies, () => this.#epoch)
  }

  #tlsAsker(task: Resolver | undefined, caller: Context.Context<never>): TrustAsker {
    const trust = task?.trust
    const within = this.#identity === undefined && task?.identity === undefined ? [] : Context.get(caller, Resolving)
    const own = within.length > 0 && this.#identity !== undefined && within.includes(this.#identity)
      ? undefined
      : this.#identity
    const identity = task?.identity !== undefined && within.includes(task.identity) ? undefined : task?.identity
    if (trust === undefined && identity === undefined) return own === this.#identity ? this.session : this.#unasked
    // what a handler does by itself is kept apart, and shared with nobody
    if (own !== this.#identity) return this.#make(trust, undefined, identity)
    const byIdentity = this.#byTask.get(trust ?? absent) ?? new WeakMap<object, TrustAsker>()
    this.#byTask.set(trust ?? absent, byIdentity)
    const known = byIdentity.get(identity ?? absent)
    if (known !== undefined) return known
    const asker = this.#make(trust, own, identity)
    byIdentity.set(identity ?? absent, asker)
    return asker
  }

  /** Forgets what servers that want a client certificate were answered. */
  forget(): void {
    this.#epoch++
  }

  /** Whether a connection of this asker may be one that the platform refuses. */
  mayAccept(asker: TrustAsker): boolean {
    return this.#mayAccept.has(asker)
  }

  #make(
    task: ServerTrust.Evaluator | undefined,
    ...handlers: ReadonlyArray<IdentityHandler | undefined>
  ): TrustAsker {
    const session = this.#evaluator
    const asked = handlers.filter((one) => one !== undefined)
    const all = session !== undefined && task !== undefined ? ServerTrust.composite(session, task) : session ?? task
    const asker: TrustAsker = {
      roots: all?.roots ?? system,
      rootsFor: all?.rootsFor,
      decide: narrowed(
        session !== undefined && task !== undefined
          ? both(session, task)
          : decideOf(session ?? task),
        this.#security
      ),
      identity: asked.length === 0 ? undefined : new Identities(asked, () => this.#epoch),
      proxy: this.#proxies === undefined ? undefined : (this.#shared ??= this.#proxyAsker([], this.#proxies))
    }
    // what the session refuses nobody accepts
    const evaluators = [session, task].filter((one) => one !== undefined)
    if (evaluators.length > 0 && evaluators.every((one) => one.mayAccept)) this.#mayAccept.add(asker)
    return asker
  }
}
