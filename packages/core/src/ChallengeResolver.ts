/**
 * The decider on authentication challenges: values that compose, and the Layers and combinators that put one in place.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type { AuthenticationChallenge, BearerChallenge, ClientCertificateChallenge } from "./AuthenticationChallenge.ts"
import type { ClientIdentity, ConnectionBinding, ServerTrustControl } from "./Capability.ts"
import type { Credential, IdentityCredential, PasswordCredential, TokenCredential } from "./Credential.ts"
import * as Disposition from "./Disposition.ts"
import { capture, type Captured } from "./internal/capture.ts"
import type { Resolver, TokenAnswers } from "./internal/resolver.ts"
import { type AuthenticationMethod, matches, type SpacePattern } from "./ProtectionSpace.ts"
import * as ServerTrust from "./ServerTrust.ts"
import * as TaskDelegate from "./TaskDelegate.ts"

export type {
  /**
   * A resolver that needs `R`: which methods it answers, and how. Combine with `orElse`.
   *
   * @since 0.1.0
   * @category models
   */
  Resolver
} from "./internal/resolver.ts"

/**
 * Answers one challenge. A failure ends the request with `AuthenticationError` and reason `ResolverFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer<out R = never> {
  (challenge: AuthenticationChallenge): Effect.Effect<Disposition.Disposition, unknown, R>
}

/**
 * Answers a server that asks for a client certificate: `use` shows it, every other answer but `cancel` goes on without one.
 * No secret is given away (the key signs, and stays here), so a plain function will do; but a certificate says who one is,
 * so `forSpace` keeps it from servers that are only curious. It must not send requests of its own session to the server
 * that asks: such a request is sent without a certificate.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentityAnswer<out R = never> {
  (challenge: ClientCertificateChallenge): Effect.Effect<Disposition.Disposition<IdentityCredential>, unknown, R>
}

/**
 * An answer that is bound to an origin, made by `forSpace` or `anyOrigin`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpaceAnswer<out R, in Challenge, out C extends Credential> {
  readonly _tag: "SpaceHandler"
  readonly answer: (challenge: Challenge) => Effect.Effect<Disposition.Disposition<C>, unknown, R>
}

/**
 * Such an answer for the methods of HTTP. Those that give the secret away take nothing else, so that no password goes to
 * whoever names a realm.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpaceHandler<out R = never> extends SpaceAnswer<R, AuthenticationChallenge, PasswordCredential> {}

/**
 * Such an answer for ClientCertificate.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdentityHandler<out R = never>
  extends SpaceAnswer<R, ClientCertificateChallenge, IdentityCredential>
{}

/**
 * Such an answer for Bearer. `ahead` is asked, for requests to an origin that nobody has authorized, before they are sent: APIs
 * expect tokens unasked.
 *
 * @since 0.1.0
 * @category models
 */
export interface BearerHandler<out R = never> extends SpaceAnswer<R, BearerChallenge, TokenCredential> {
  readonly ahead?: (origin: string) => Effect.Effect<Option.Option<TokenCredential>, unknown, R>
}

/**
 * Entries by method. `ServerTrust` needs a platform that shows certificates: it alone adds `ServerTrustControl` to what the
 * resolver needs, `ClientCertificate` alone `ClientIdentity`, and `NTLM` and `Negotiate` `ConnectionBinding`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handlers<out R = never> {
  readonly Basic?: SpaceHandler<R>
  readonly Digest?: SpaceHandler<R> | Answer<R>
  readonly Bearer?: BearerHandler<R>
  readonly NTLM?: SpaceHandler<R> | Answer<R>
  readonly Negotiate?: SpaceHandler<R> | Answer<R>
  /** By the names of schemes that the session was given as `AuthenticationScheme`. */
  readonly schemes?: Readonly<Record<string, SpaceHandler<R>>>
  readonly ServerTrust?: ServerTrust.Evaluator<R>
  readonly ClientCertificate?: IdentityHandler<R> | IdentityAnswer<R>
}

/**
 * The slot at the session level. Read once, when the session is built.
 *
 * @since 0.1.0
 * @category slots
 */
export class ChallengeResolver extends Context.Tag("@urlsession/core/ChallengeResolver")<
  ChallengeResolver,
  Resolver
>() {}

/** What one entry needs; distributes, so that one that may be absent needs what it needs where it is there. */
type EntryContext<Entry> = Entry extends SpaceAnswer<infer R, infer _Challenge, infer _C> ? R
  : Entry extends ServerTrust.Evaluator<infer R> ? R
  : Entry extends Readonly<Record<string, SpaceHandler<infer R>>> ? R
  : Entry extends (challenge: infer _Challenge) => Effect.Effect<infer _A, infer _E, infer R> ? R
  : never

/**
 * What the entries need, capabilities included.
 *
 * @since 0.1.0
 * @category models
 */
export type HandlersContext<H> =
  | { readonly [Key in keyof H]-?: EntryContext<H[Key]> }[keyof H]
  | ("ServerTrust" extends keyof H ? ServerTrustControl : never)
  | ("ClientCertificate" extends keyof H ? ClientIdentity : never)
  | ("NTLM" extends keyof H ? ConnectionBinding : never)
  | ("Negotiate" extends keyof H ? ConnectionBinding : never)

type NoOthers<H> = {
  readonly [Key in Exclude<keyof H, keyof Handlers>]: `'${Key & string}' is not an authentication method`
}

const resolver = <R>(parts: Omit<Resolver<R>, "_tag" | "pipe">): Resolver<R> => ({
  _tag: "ChallengeResolver",
  ...parts,
  pipe() {
    return pipeArguments(this, arguments)
  }
})

const nothingToSay: Effect.Effect<Disposition.Disposition<never>> = Effect.succeed(Disposition.next)

const answerOf = <F>(entry: { readonly _tag: "SpaceHandler"; readonly answer: F } | F | undefined): F | undefined =>
  entry instanceof Object && "_tag" in entry ? entry.answer : entry

/**
 * A resolver from entries by method.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make<const H extends Handlers<unknown>>(handlers: H & NoOthers<H>): Resolver<HandlersContext<H>>
export function make(handlers: Handlers<unknown>): Resolver<unknown> {
  const { Basic, Bearer, ClientCertificate, Digest, NTLM, Negotiate, ServerTrust: trust, schemes } = handlers
  const answers = new Map<string, Answer<unknown>>()
  for (const [method, entry] of Object.entries({ ...schemes, Basic, Digest, NTLM, Negotiate })) {
    const answer = answerOf(entry)
    if (answer !== undefined) answers.set(method.toLowerCase(), answer)
  }
  const methods = new Set<AuthenticationMethod>(Object.keys(schemes ?? {}))
  for (
    const method of ["Basic", "Digest", "Bearer", "NTLM", "Negotiate", "ServerTrust", "ClientCertificate"] as const
  ) {
    if (handlers[method] !== undefined) methods.add(method)
  }
  return resolver({
    methods,
    answer: (challenge) => answers.get(challenge.space.method.toLowerCase())?.(challenge) ?? nothingToSay,
    token: Bearer === undefined ? undefined : { answer: Bearer.answer, ahead: Bearer.ahead },
    trust,
    identity: answerOf(ClientCertificate)
  })
}

/**
 * Answers for one origin, and one realm of it where that is given; for every other space there is nothing to say.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forSpace = <
  R = never,
  Challenge extends AuthenticationChallenge | BearerChallenge | ClientCertificateChallenge = AuthenticationChallenge,
  C extends Credential = PasswordCredential
>(
  pattern: SpacePattern,
  answer: (challenge: Challenge) => Effect.Effect<Disposition.Disposition<C>, unknown, R>
): SpaceAnswer<R, Challenge, C> => ({
  _tag: "SpaceHandler",
  answer: (challenge) => matches(pattern, challenge.space) ? answer(challenge) : nothingToSay
})

/**
 * Answers for every origin. Whoever can make the program send a request to a host of theirs gets the secret: look at
 * `challenge.space.origin` and `challenge.crossOrigin` before giving it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const anyOrigin = <
  R = never,
  Challenge extends AuthenticationChallenge | BearerChallenge | ClientCertificateChallenge = AuthenticationChallenge,
  C extends Credential = PasswordCredential
>(answer: (challenge: Challenge) => Effect.Effect<Disposition.Disposition<C>, unknown, R>): SpaceAnswer<
  R,
  Challenge,
  C
> => ({ _tag: "SpaceHandler", answer })

const inTurn = <Challenge, C extends Credential, R, R2>(
  first: (challenge: Challenge) => Effect.Effect<Disposition.Disposition<C>, unknown, R>,
  second: (challenge: Challenge) => Effect.Effect<Disposition.Disposition<C>, unknown, R2>
) =>
(challenge: Challenge): Effect.Effect<Disposition.Disposition<C>, unknown, R | R2> =>
  Effect.flatMap(
    first(challenge),
    (disposition): Effect.Effect<Disposition.Disposition<C>, unknown, R2> =>
      disposition._tag === "Next" ? second(challenge) : Effect.succeed(disposition)
  )

/**
 * Asks the first; where it has nothing to say (no entry, or `Disposition.next`), the second. Evaluators of both judge
 * servers, as `ServerTrust.composite` does.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse = <R2>(that: Resolver<R2>) => <R>(self: Resolver<R>): Resolver<R | R2> =>
  resolver<R | R2>({
    methods: new Set([...self.methods, ...that.methods]),
    answer: inTurn(self.answer, that.answer),
    token: either(self.token, that.token, tokensInTurn),
    trust: either(self.trust, that.trust, (one, other) => ServerTrust.composite(one, other)),
    identity: either(self.identity, that.identity, inTurn)
  })

const either = <A, B, C>(
  first: A | undefined,
  second: B | undefined,
  both: (first: A, second: B) => C
): A | B | C | undefined => first === undefined ? second : second === undefined ? first : both(first, second)

const tokensInTurn = <R, R2>(first: TokenAnswers<R>, second: TokenAnswers<R2>): TokenAnswers<R | R2> => ({
  answer: inTurn(first.answer, second.answer),
  ahead: either(first.ahead, second.ahead, (one, other) => (origin: string) =>
    Effect.flatMap(
      one(origin),
      (token): Effect.Effect<Option.Option<TokenCredential>, unknown, R2> =>
        Option.isSome(token) ? Effect.succeed(token) : other(origin)
    ))
})

/** Evaluators that need no service, each with its bound form: one identity, so their connections are shared. */
const closed = new WeakMap<ServerTrust.Evaluator<unknown>, ServerTrust.Evaluator>()

const bindTrust = <R>(trust: ServerTrust.Evaluator<R>, run: Captured<R>): ServerTrust.Evaluator => {
  const known = closed.get(trust)
  if (known !== undefined) return known
  const { judge } = trust
  const bound = ServerTrust.evaluator(
    trust.roots,
    judge === undefined ? undefined : (value) => run(judge(value)),
    { usesServices: trust.usesServices, mayAccept: trust.mayAccept, rootsFor: trust.rootsFor }
  )
  if (!trust.usesServices) closed.set(trust, bound)
  return bound
}

const bind = <R>(self: Resolver<R>, run: Captured<R>): Resolver => {
  const { answer, identity, methods, token, trust } = self
  const ahead = token?.ahead
  return resolver({
    methods,
    answer: (challenge) => run(answer(challenge)),
    token: token === undefined ? undefined : {
      answer: (challenge) => run(token.answer(challenge)),
      ahead: ahead === undefined ? undefined : (origin) => run(ahead(origin))
    },
    trust: trust === undefined ? undefined : bindTrust(trust, run),
    identity: identity === undefined ? undefined : (challenge) => run(identity(challenge))
  })
}

/**
 * The session's resolver, from entries by method.
 *
 * @example
 * ```ts
 * import { ChallengeResolver, Credential, Disposition } from "@urlsession/core"
 * import { Effect, Redacted } from "effect"
 *
 * declare const password: Redacted.Redacted
 *
 * const Delegate = ChallengeResolver.layer({
 *   Basic: ChallengeResolver.forSpace({ origin: "https://api.example.com" }, ({ previousFailureCount }) =>
 *     Effect.succeed(
 *       previousFailureCount > 0
 *         ? Disposition.cancel
 *         : Disposition.use(Credential.password({ user: "ada", password }))
 *     ))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <const H extends Handlers<unknown>>(
  handlers: H & NoOthers<H>
): Layer.Layer<ChallengeResolver, never, HandlersContext<H>> => layerFrom(make<H>(handlers))

/**
 * The session's resolver, from a value.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFrom = <R>(self: Resolver<R>): Layer.Layer<ChallengeResolver, never, R> =>
  Layer.effect(ChallengeResolver, Effect.map(capture<R>(), (run) => bind(self, run)))

/**
 * Puts a resolver at the task level of every request that the effect makes. For Basic and Digest it is asked before the
 * session's, for ServerTrust after it; where both have an evaluator, both must accept the server. For ClientCertificate it is
 * asked after the session's too. Build the resolver once: connections are shared only under the same one, and with a
 * ClientCertificate entry only between requests that it is provided to together.
 *
 * @since 0.1.0
 * @category combinators
 */
export const provideTask =
  <R2>(self: Resolver<R2>) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | R2> =>
    Effect.flatMap(capture<R2>(), (run) => TaskDelegate.provide({ challenge: bind(self, run) })(effect))
