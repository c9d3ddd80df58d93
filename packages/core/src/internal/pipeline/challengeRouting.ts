/** Who is asked about a challenge, in which order (DESIGN 6): for the methods of HTTP the task's resolver, then the session's. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AuthenticationChallenge } from "../../AuthenticationChallenge.ts"
import type { PasswordCredential } from "../../Credential.ts"
import * as Disposition from "../../Disposition.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest } from "../../Transport.ts"
import { isLoopback } from "../../TransportSecurity.ts"
import type { Resolver } from "../resolver.ts"
import type { AuthenticationState } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import { Resolving } from "../session/resolving.ts"
import type { SessionState } from "../session/sessionState.ts"

/** An answer, and who owns its credential. */
export interface Answered {
  readonly disposition: Exclude<Disposition.Disposition, Disposition.Next>
  readonly owner: Resolver | undefined
}

const ask = (
  resolver: Resolver,
  challenge: AuthenticationChallenge,
  context: ExchangeContext,
  request: WireRequest
): Effect.Effect<Disposition.Disposition, ExchangeError> =>
  Effect.flatMap(Resolving, (within) => {
    // a resolver that uses the session it is part of would be asked about its own request, without end
    if (within.includes(resolver)) return Effect.succeed(Disposition.next)
    const answer = Effect.provideService(
      Effect.suspend(() => resolver.answer(challenge)),
      Resolving,
      [...within, resolver]
    )
    return context.decide(
      Effect.catchAllCause(answer, (cause) =>
        Effect.fail(
          new AuthenticationError({
            url: request.url.href,
            cause,
            reason: { _tag: "ResolverFailed", space: challenge.space.toString() }
          })
        ))
    )
  })

const byDefault: Answered = { disposition: Disposition.performDefault, owner: undefined }

/** Asks the levels that have an entry for the method; where none has anything to say, the default is done. */
export const route = (
  challenge: AuthenticationChallenge,
  context: ExchangeContext,
  session: SessionState,
  request: WireRequest
): Effect.Effect<Answered, ExchangeError> => {
  const method = challenge.space.method
  const task = context.delegate.challenge
  const own = session.slots.challenge
  const askSession: Effect.Effect<Answered, ExchangeError> = own === undefined || !own.methods.has(method)
    ? Effect.succeed(byDefault)
    : Effect.map(
      ask(own, challenge, context, request),
      (disposition) => disposition._tag === "Next" ? byDefault : { disposition, owner: undefined }
    )
  if (task === undefined || !task.methods.has(method)) return askSession
  return Effect.flatMap(
    ask(task, challenge, context, request),
    (disposition) => disposition._tag === "Next" ? askSession : Effect.succeed({ disposition, owner: task })
  )
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
export const mayDefault = (challenge: AuthenticationChallenge, context: ExchangeContext): boolean =>
  !challenge.crossOrigin && (isSafe(challenge.space) || context.options.allowInsecureBasic === true)
