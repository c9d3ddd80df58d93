/**
 * Answers 401 (RFC 9110 11): parses the challenges, asks the resolvers for each in order of strength, and sends again. A
 * credential that has worked is sent ahead of any challenge inside its protection space.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { HttpChallenge } from "../../AuthenticationChallenge.ts"
import type { HttpCredential } from "../../Credential.ts"
import type { ChallengeAnswered } from "../../Decision.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { goOn } from "../goOn.ts"
import * as ChallengeMachine from "../protocol/challengeMachine.ts"
import { answerable } from "../protocol/strength.ts"
import { parseChallenges } from "../protocol/wwwAuthenticate.ts"
import { AuthenticationState, spaceKey } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import { type Answered, isSafe, mayDefault, proposal, route, routeBearer, tokenAhead } from "./challengeRouting.ts"
import { credentialSender } from "./credentialSender.ts"
import type { Exchange, Stage } from "./exchange.ts"
import { type Applied, type Candidate, entryFor, mayAuthorize, remembered, spaceOf, staleNonce } from "./spaceEntry.ts"

const stateOf = (context: ExchangeContext): AuthenticationState =>
  context.authentication ??= new AuthenticationState(context.session.configuration.authenticationRoundLimit)

const sentOf = ({ ahead, entry }: Applied): ChallengeMachine.Sent<HttpCredential> => ({
  space: spaceKey(entry.space),
  credential: entry.credential,
  ahead,
  perishable: entry.digest !== undefined
})

export const authentication = (session: SessionState): Stage => (next) => {
  const { allowsAuthenticationDowngrade, authenticationRoundLimit: limit } = session.configuration

  /** What can be answered of a response, and whether there would have been more but for its weakness. */
  const candidatesOf = (request: WireRequest, response: WireResponse): ReadonlyArray<Candidate> =>
    answerable(parseChallenges(response.fields.getAll("www-authenticate")), session.abilities)

  const tooManyRounds = (request: WireRequest, response: WireResponse): Effect.Effect<never, ExchangeError> => {
    response.body.cancel()
    return Effect.fail(
      new AuthenticationError({ url: request.url.href, reason: { _tag: "TooManyRounds", limit } })
    )
  }

  const challenged = (
    request: WireRequest,
    context: ExchangeContext,
    response: WireResponse,
    before: Applied | undefined
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const state = stateOf(context)
    const all = withToken(candidatesOf(request, response), before)
    const applied = ofItsRealm(before, all, request)
    const offered = allowsAuthenticationDowngrade ?
      all :
      all.filter((one) => one.strength >= session.memory.strengthOf(request.url.origin, one.realm))
    const renewed = applied === undefined ? undefined : staleNonce(offered, applied.entry, request, session)
    const step = ChallengeMachine.challenged(
      state.challenges,
      offered.map((one) => ({ space: spaceKey(spaceOf(one, request)) })),
      applied === undefined ? undefined : sentOf(applied),
      renewed !== undefined
    )
    state.challenges = step.challenges
    if (step.forgets && applied !== undefined) session.memory.forget(request.url.origin, applied.entry)
    if (offered.length === 0 && all.length > 0) return downgraded(request, response, all)
    switch (step.move._tag) {
      case "Deliver":
        return Effect.succeed(response)
      case "TooManyRounds":
        return tooManyRounds(request, response)
      case "Renew": {
        if (applied === undefined || renewed === undefined) return Effect.succeed(response)
        response.body.cancel()
        if (applied.ahead) session.memory.remember(request.url.origin, renewed)
        return send(request, context, { entry: renewed, ahead: applied.ahead })
      }
      case "Ask":
        return ask(offered, step.move.index, request, context, response, applied)
    }
  }

  const downgraded = (
    request: WireRequest,
    response: WireResponse,
    offered: ReadonlyArray<Candidate>
  ): Effect.Effect<never, ExchangeError> => {
    response.body.cancel()
    const [first] = offered
    const space = first === undefined ? "" : spaceOf(first, request).toString()
    const reason = { _tag: "DowngradeRefused", space, offered: offered.map((one) => one.method) } as const
    return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
  }

  const send = credentialSender(session, next, {
    challenged,
    round: (request, context, response, applied) => {
      const state = stateOf(context)
      const step = ChallengeMachine.challenged(state.challenges, [], sentOf(applied), true)
      state.challenges = step.challenges
      return step.move._tag === "TooManyRounds" ? tooManyRounds(request, response) : Effect.void
    },
    candidatesOf
  })

  /** Asks about one challenge after the other until one is answered. */
  const ask = (
    candidates: ReadonlyArray<Candidate>,
    index: number,
    request: WireRequest,
    context: ExchangeContext,
    response: WireResponse,
    applied: Applied | undefined
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const candidate = candidates[index]
    if (candidate === undefined) return Effect.succeed(response)
    const state = stateOf(context)
    const space = spaceOf(candidate, request)
    const sent = applied !== undefined && spaceKey(applied.entry.space) === spaceKey(space) ? applied : undefined
    const about = {
      space,
      previousFailureCount: state.failures(space),
      failureResponse: Option.some({ status: response.status, headers: response.fields }),
      crossOrigin: request.url.origin !== context.firstOrigin,
      taskIdentifier: context.taskIdentifier
    }
    const pass = (): Effect.Effect<WireResponse, ExchangeError> => {
      const move = ChallengeMachine.passed(candidates.map(() => ({ space: "" })), index)
      return move._tag === "Ask"
        ? ask(candidates, move.index, request, context, response, applied)
        : Effect.succeed(response)
    }
    const apply = (
      credential: HttpCredential,
      owner: Answered["owner"],
      insecure: boolean
    ): Effect.Effect<WireResponse, ExchangeError> => {
      response.body.cancel()
      const entry = entryFor(candidate, space, credential, owner, insecure, request, context, session)
      return send(request, context, { entry, ahead: false })
    }
    const carryOut = (
      { disposition, owner }: Answered,
      byDefault: (() => Effect.Effect<WireResponse, ExchangeError>) | undefined
    ): Effect.Effect<WireResponse, ExchangeError> => {
      if (context.observed) tell(context, space, about.previousFailureCount, disposition._tag)
      context.decisions?.about(answeredBy(disposition._tag, about))
      switch (disposition._tag) {
        case "UseCredential":
          return apply(disposition.credential, owner, false)
        case "UseNone":
          return Effect.succeed(response)
        case "CancelChallenge": {
          response.body.cancel()
          const reason = { _tag: "Cancelled", space: space.toString() } as const
          return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
        }
        case "PerformDefault":
          return byDefault === undefined ? pass() : byDefault()
        case "RejectSpace":
          return pass()
      }
    }
    if (candidate._tag === "Bearer") {
      const { params } = candidate.challenge
      const failed = Option.flatMap(
        Option.fromNullable(sent),
        ({ entry: { credential } }) => credential._tag === "Token" ? Option.some(credential) : Option.none()
      )
      const challenge = {
        ...about,
        proposedCredential: failed,
        error: params.get("error"),
        scope: params.get("scope")
      }
      return Effect.flatMap(
        routeBearer(challenge, context, session, request),
        (answered) => carryOut(answered, undefined)
      )
    }
    const failed = Option.flatMap(
      Option.fromNullable(sent),
      ({ ahead, entry: { credential } }) =>
        !ahead && credential._tag === "Password" ? Option.some(credential) : Option.none()
    )
    return Effect.flatMap(proposal(space, state, context, session), (proposed) => {
      const challenge = { ...about, proposedCredential: Option.orElse(failed, () => proposed) }
      const hidden = candidate._tag === "Scheme" && candidate.scheme.hidesSecret
      const byDefault = Option.isSome(proposed) && mayDefault(challenge, context, hidden)
        ? () => apply(proposed.value, undefined, !hidden && !isSafe(space))
        : undefined
      return Effect.flatMap(route(challenge, context, session, request), (answered) => carryOut(answered, byDefault))
    })
  }

  const begin = (
    request: WireRequest,
    context: ExchangeContext,
    applied: Applied | undefined
  ): Effect.Effect<WireResponse, ExchangeError> =>
    applied !== undefined
      ? send(request, context, applied)
      : goOn(
        next(request, context),
        (response) =>
          response.status === 401 ? challenged(request, context, response, undefined) : Effect.succeed(response)
      )

  const run: Exchange = (request, context) => {
    context.again = undefined
    context.affinity = undefined
    const token = withTokens(request, context)
    if (token !== undefined) return Effect.flatMap(token, (applied) => begin(request, context, applied))
    const entry = remembered(session, request, context)
    return begin(request, context, entry === undefined ? undefined : { entry, ahead: true })
  }

  /** Where somebody has tokens for this origin; `undefined` costs nothing. */
  const withTokens = (
    request: WireRequest,
    context: ExchangeContext
  ): Effect.Effect<Applied | undefined, ExchangeError> | undefined => {
    if (session.slots.challenge?.token === undefined && context.delegate.challenge?.token === undefined) {
      return undefined
    }
    const candidate: Candidate = bearerOf(undefined)
    const space = spaceOf(candidate, request)
    if (!mayAuthorize(session, request, context)) return undefined
    if (!isSafe(space) && context.options.allowInsecureBasic !== true) return undefined
    const ahead = tokenAhead(space, context, session, request)
    if (ahead === undefined) return undefined
    return Effect.map(ahead, (token) => {
      if (token === undefined) {
        const entry = remembered(session, request, context)
        return entry === undefined ? undefined : { entry, ahead: true }
      }
      const { credential, owner } = token
      return { entry: entryFor(candidate, space, credential, owner, false, request, context, session), ahead: true }
    })
  }

  return run
}

/** A Bearer challenge, as good as the server's own, where there was only a 401. */
const bearerOf = (realm: string | undefined): Extract<Candidate, { readonly _tag: "Bearer" }> => ({
  _tag: "Bearer",
  method: "Bearer",
  realm,
  strength: 0,
  challenge: { scheme: "bearer", params: new Map(), token68: undefined }
})

/** Many an API refuses a token with a 401 and says no more (against RFC 9110 15.5.2): it means the token. */
const withToken = (candidates: ReadonlyArray<Candidate>, applied: Applied | undefined): ReadonlyArray<Candidate> =>
  candidates.length === 0 && applied?.entry.credential._tag === "Token"
    ? [bearerOf(applied.entry.space.realm)]
    : candidates

/** A token that was sent unasked is refused by whatever realm asks for another. */
const ofItsRealm = (
  applied: Applied | undefined,
  candidates: ReadonlyArray<Candidate>,
  request: WireRequest
): Applied | undefined => {
  if (applied?.ahead !== true || applied.entry.credential._tag !== "Token") return applied
  const asking = candidates.find((one) => one._tag === "Bearer")
  return asking === undefined || applied.entry.space.realm !== undefined
    ? applied
    : { ...applied, entry: { ...applied.entry, space: spaceOf(asking, request) } }
}

const answeredBy = (
  disposition: string,
  { crossOrigin, previousFailureCount, space }: Omit<HttpChallenge<never>, "proposedCredential">
): ChallengeAnswered => ({
  _tag: "ChallengeAnswered",
  space: space.toString(),
  disposition,
  previousFailureCount,
  crossOrigin
})

const tell = (
  context: ExchangeContext,
  space: ProtectionSpace,
  previousFailureCount: number,
  disposition: string
): void =>
  context.emit({
    _tag: "ChallengeAnswered",
    taskIdentifier: context.taskIdentifier,
    space: space.toString(),
    disposition,
    previousFailureCount
  })
