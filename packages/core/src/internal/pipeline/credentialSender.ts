/** Sends a request with a credential, and keeps what has worked. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SchemeChallenge } from "../../AuthenticationScheme.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { hashName } from "../protocol/digest.ts"
import type { SchemeUse, SpaceEntry } from "../session/authenticationMemory.ts"
import { AuthenticationState } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import { checkServer } from "./authenticationInfo.ts"
import { authorize, authorizedAgain, type DigestProof } from "./authorization.ts"
import { bodyHash } from "./digestBody.ts"
import type { Exchange } from "./exchange.ts"
import { type Ends, exchangeMessages, overOwnConnection } from "./schemeMessages.ts"
import { type Applied, type Candidate, schemeChallenge, spaceOf } from "./spaceEntry.ts"

type Sending = (
  request: WireRequest,
  context: ExchangeContext,
  applied: Applied
) => Effect.Effect<WireResponse, ExchangeError>

/** What is done with a response that lets nobody in. */
export interface Refusals {
  readonly challenged: (
    request: WireRequest,
    context: ExchangeContext,
    response: WireResponse,
    applied: Applied
  ) => Effect.Effect<WireResponse, ExchangeError>
  /** A scheme goes on with its next message. */
  readonly round: (
    request: WireRequest,
    context: ExchangeContext,
    response: WireResponse,
    applied: Applied
  ) => Effect.Effect<void, ExchangeError>
  readonly candidatesOf: (request: WireRequest, response: WireResponse) => ReadonlyArray<Candidate>
}

export const credentialSender = (
  session: SessionState,
  next: Exchange,
  { candidatesOf, challenged, round }: Refusals
): Sending => {
  const { digests } = session.slots
  const { authenticationRoundLimit } = session.configuration

  const attached = ({ ahead, entry }: Applied, context: ExchangeContext): void =>
    context.decisions?.led({
      _tag: "CredentialAttached",
      scheme: entry.space.method,
      space: entry.space.toString(),
      ahead
    })

  const withField = (
    request: WireRequest,
    context: ExchangeContext,
    applied: Applied,
    hash: string | undefined
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const authorized = authorize(request, applied.entry, digests, hash)
    if (authorized._tag === "AuthenticationError") return Effect.fail(authorized)
    const { proof } = authorized
    attached(applied, context)
    context.again = proof === undefined ? undefined : (again) => authorizedAgain(again, proof)
    return Effect.flatMap(next(authorized.request, context), (response) =>
      response.status === 401
        ? challenged(request, context, response, applied)
        : accepted(request, context, response, applied, proof))
  }

  /** The credential worked: keep it as its persistence says. */
  const accepted = (
    request: WireRequest,
    context: ExchangeContext,
    response: WireResponse,
    applied: Applied,
    proof: DigestProof | undefined
  ): Effect.Effect<WireResponse, AuthenticationError> => {
    const { entry } = applied
    const { origin } = request.url
    let kept = entry
    const unproven = (): AuthenticationError => {
      session.memory.forget(origin, kept)
      const reason = { _tag: "ServerNotAuthenticated", space: entry.space.toString() } as const
      return new AuthenticationError({ url: request.url.href, reason })
    }
    const checked = proof === undefined || digests === undefined
      ? response
      : checkServer(response, request.method, proof, digests, unproven)
    if (checked instanceof AuthenticationError) return Effect.fail(checked)
    if (response.connection?.overridden === true) return Effect.succeed(checked)
    session.memory.entered(origin, entry.space.realm, entry.strength)
    const { credential } = entry
    if (applied.ahead || (credential._tag === "Password" && credential.persistence === "none")) {
      return Effect.succeed(checked)
    }
    kept = session.memory.remember(origin, entry)
    return entry.owner === undefined ? Effect.as(store(entry, context), checked) : Effect.succeed(checked)
  }

  /** A default that was refused in this very task gives way to what worked instead. A token is kept by who gave it. */
  const store = ({ credential, space }: SpaceEntry, { authentication }: ExchangeContext): Effect.Effect<void> => {
    if (credential._tag === "Token") return Effect.void
    const { credentials } = session.slots
    return Effect.flatMap(
      credentials.defaultCredential(space),
      (before) =>
        Option.exists(before, (one) => authentication?.wasRefused(space, one) === true)
          ? credentials.setDefaultCredential(credential, space)
          : credentials.set(credential, space)
    )
  }

  const byScheme = (
    request: WireRequest,
    context: ExchangeContext,
    applied: Applied,
    use: SchemeUse
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const { credential } = applied.entry
    if (credential._tag === "Token") return next(request, context)
    const challengeIn = (response: WireResponse): SchemeChallenge | undefined => {
      const found = candidatesOf(request, response).find((one) => one._tag === "Scheme" && one.scheme === use.scheme)
      return found?._tag === "Scheme" ? schemeChallenge(found.challenge, spaceOf(found, request)) : undefined
    }
    const ends: Ends = {
      challengeIn,
      round: (response) => round(request, context, response, applied),
      refused: (response) => challenged(request, context, response, applied),
      accepted: (response) => accepted(request, context, response, applied, undefined)
    }
    const state = context.authentication ??= new AuthenticationState(authenticationRoundLimit)
    const exchange = (): Effect.Effect<WireResponse, ExchangeError> => {
      attached(applied, context)
      return exchangeMessages(next, request, context, use, credential, state, ends)
    }
    if (!applied.ahead || use.scheme.binding !== "connection") return exchange()
    // a connection of this user may be there, and know it
    return Effect.flatMap(overOwnConnection(next, request, context, use), (response) => {
      if (response.status !== 401) return accepted(request, context, response, applied, undefined)
      if (challengeIn(response) === undefined) return challenged(request, context, response, applied)
      return Effect.flatMap(round(request, context, response, applied), () => {
        response.body.cancel()
        return exchange()
      })
    })
  }

  return (request, context, applied) => {
    context.again = undefined
    const { digest, scheme } = applied.entry
    if (scheme !== undefined) return byScheme(request, context, applied, scheme)
    const challenge = digest?.challenge
    return challenge?.qop === "auth-int" && digests !== undefined
      ? Effect.flatMap(
        bodyHash(request.body, hashName(challenge.algorithm), context, digests),
        (hash) => withField(request, context, applied, hash)
      )
      : withField(request, context, applied, undefined)
  }
}
