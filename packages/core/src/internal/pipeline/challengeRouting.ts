/**
 * Who is asked about a challenge, in which order (DESIGN 6): about what belongs to a connection the session's resolver, then the
 * task's; about all else the task's, then the session's.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AuthenticationChallenge, BearerChallenge, HttpChallenge } from "../../AuthenticationChallenge.ts"
import type { HttpCredential, PasswordCredential, TokenCredential } from "../../Credential.ts"
import * as Disposition from "../../Disposition.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type { WireRequest } from "../../Transport.ts"
import { isLoopback } from "../../TransportSecurity.ts"
import type { Resolver } from "../resolver.ts"
import { asked } from "../session/asked.ts"
import type { AuthenticationState } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import { Resolving } from "../session/resolving.ts"
import type { SessionState } from "../session/sessionState.ts"

/** An answer, and who owns its credential. */
export interface Answered<out C extends HttpCredential = HttpCredential> {
  readonly disposition: Exclude<Disposition.Disposition<C>, Disposition.Next>
  readonly owner: Resolver | undefined
}

/** A resolver that uses the session it is part of would be asked about its own request, without end: it gets `otherwise`. */
const guarded = <A>(
  resolver: Resolver,
  space: ProtectionSpace,
  context: ExchangeContext,
  request: WireRequest,
  otherwise: A,
  question: () => Effect.Effect<A, unknown>
): Effect.Effect<A, ExchangeError> =>
  Effect.flatMap(Resolving, (within) => {
    if (within.includes(resolver)) return Effect.succeed(otherwise)
    return context.decide(asked(resolver, within, space, request.url.href, question))
  })

const byDefault: Answered<never> = { disposition: Disposition.performDefault, owner: undefined }

/** Methods whose answers hold for a connection. */
const sessionWide: ReadonlySet<string> = new Set(["NTLM", "Negotiate"])

const inOrder = (method: string, context: ExchangeContext, session: SessionState): ReadonlyArray<Resolver> => {
  const task = context.delegate.challenge
  const own = session.slots.challenge
  const levels = sessionWide.has(method) ? [own, task] : [task, own]
  return levels.filter((one): one is Resolver => one !== undefined && one.methods.has(method))
}

const routed = <C extends HttpCredential>(
  challenge: HttpChallenge<C>,
  context: ExchangeContext,
  session: SessionState,
  request: WireRequest,
  question: (resolver: Resolver) => Effect.Effect<Disposition.Disposition<C>, unknown>
): Effect.Effect<Answered<C>, ExchangeError> => {
  const { space } = challenge
  const levels = inOrder(space.method, context, session)
  const from = (index: number): Effect.Effect<Answered<C>, ExchangeError> => {
    const resolver = levels[index]
    if (resolver === undefined) return Effect.succeed(byDefault)
    const asked = guarded<Disposition.Disposition<C>>(
      resolver,
      space,
      context,
      request,
      Disposition.next,
      () => question(resolver)
    )
    return Effect.flatMap(asked, (disposition) =>
      disposition._tag === "Next"
        ? from(index + 1)
        : Effect.succeed({ disposition, owner: resolver === session.slots.challenge ? undefined : resolver }))
  }
  return from(0)
}

/** Asks the levels that have an entry for the method; where none has anything to say, the default is done. */
export const route = (
  challenge: AuthenticationChallenge,
  context: ExchangeContext,
  session: SessionState,
  request: WireRequest
): Effect.Effect<Answered<PasswordCredential>, ExchangeError> =>
  routed(challenge, context, session, request, (resolver) => resolver.answer(challenge))

/** The same for Bearer. */
export const routeBearer = (
  challenge: BearerChallenge,
  context: ExchangeContext,
  session: SessionState,
  request: WireRequest
): Effect.Effect<Answered<TokenCredential>, ExchangeError> =>
  routed<TokenCredential>(
    challenge,
    context,
    session,
    request,
    (resolver) => resolver.token?.answer(challenge) ?? Effect.succeed(Disposition.next)
  )

/** A token, and the resolver that it belongs to; `undefined` for the session's. */
export interface TokenAhead {
  readonly credential: TokenCredential
  readonly owner: Resolver | undefined
}

/** Who has tokens to send before they are asked for; mostly nobody. */
export const tokenAhead = (
  space: ProtectionSpace,
  context: ExchangeContext,
  session: SessionState,
  request: WireRequest
): Effect.Effect<TokenAhead | undefined, ExchangeError> | undefined => {
  const levels = inOrder("Bearer", context, session).filter((one) => one.token?.ahead !== undefined)
  if (levels.length === 0) return undefined
  const from = (index: number): Effect.Effect<TokenAhead | undefined, ExchangeError> => {
    const resolver = levels[index]
    const ahead = resolver?.token?.ahead
    if (resolver === undefined || ahead === undefined) return Effect.succeed(undefined)
    const asked = guarded<Option.Option<TokenCredential>>(
      resolver,
      space,
      context,
      request,
      Option.none(),
      () => ahead(request.url.origin)
    )
    return Effect.flatMap(asked, (token) =>
      Option.isNone(token)
        ? from(index + 1)
        : Effect.succeed({
          credential: token.value,
          owner: resolver === session.slots.challenge ? undefined : resolver
        }))
  }
  return from(0)
}

/**
 * What is proposed, and done by default where `mayDefault` allows it: the URL's own user info for its own origin, else the
 * stored default credential of the space; nothing that this task has had refused.
 */
export const proposal = (
  space: ProtectionSpace,
  state: AuthenticationState,
  context: ExchangeContext,
  session: SessionState
): Effect.Effect<Option.Option<PasswordCredential>> => {
  const origin = context.firstOrigin
  const fromUrl = context.userInfo
  if (fromUrl !== undefined && space.origin === origin && !state.wasRefused(space, fromUrl)) {
    return Effect.succeed(Option.some(fromUrl))
  }
  return Effect.map(
    session.slots.credentials.defaultCredential(space),
    Option.filter((stored) => !state.wasRefused(space, stored))
  )
}

/** Whether a secret sent to a space stays on this machine, or cannot be read on its way. */
export const isSafe = (space: ProtectionSpace): boolean => space.receivesCredentialSecurely || isLoopback(space.host)

/** Whether default handling may answer: never across origins, and no readable password over plain http to elsewhere. */
export const mayDefault = (
  challenge: AuthenticationChallenge,
  context: ExchangeContext,
  hidden: boolean
): boolean =>
  !challenge.crossOrigin && (hidden || isSafe(challenge.space) || context.options.allowInsecureBasic === true)
