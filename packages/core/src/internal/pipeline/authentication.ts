/**
 * Answers 401 (RFC 9110 11): parses the challenges, asks the resolvers for each in order of strength, and sends again. A
 * credential that has worked is sent ahead of any challenge inside its protection space.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PasswordCredential } from "../../Credential.ts"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { digestInfo, DigestSession } from "../protocol/digest.ts"
import { digestDomain, pathPrefix } from "../protocol/protectionSpace.ts"
import { type Answerable, answerable } from "../protocol/strength.ts"
import { parseChallenges } from "../protocol/wwwAuthenticate.ts"
import type { SpaceEntry } from "../session/authenticationMemory.ts"
import { AuthenticationState } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import { authorize } from "./authorization.ts"
import { type Answered, mayDefault, proposal, route } from "./challengeRouting.ts"
import type { Exchange, Stage } from "./exchange.ts"

/** A credential on its way. `ahead`: sent without a challenge, from what the session remembers. */
interface Applied {
  readonly entry: SpaceEntry
  readonly ahead: boolean
}

const stateOf = (context: ExchangeContext): AuthenticationState => context.authentication ??= new AuthenticationState()

const remembered = (session: SessionState, request: WireRequest, context: ExchangeContext): SpaceEntry | undefined => {
  if (session.memory.isEmpty || request.fields.some((field) => field.name === "authorization")) return undefined
  const task = context.delegate.challenge
  if (task === undefined) return session.memory.find(request.url, undefined)
  const own = session.memory.find(request.url, task)
  if (own !== undefined) return own
  const shared = session.memory.find(request.url, undefined)
  // a task that answers this method itself never gets the session's credential
  return shared === undefined || task.methods.has(shared.space.method) ? undefined : shared
}

const prefixesOf = (candidate: Answerable, request: WireRequest): ReadonlyArray<string> => {
  if (candidate.method === "Basic") return [pathPrefix(request.url.target)]
  const named = digestDomain(candidate.digest.domain, request.url.href)
  if (named.length > 0) return named
  // a `domain` that names other origins only says nothing about this one, so no more than the directory is assumed
  return candidate.digest.domain.length === 0 ? ["/"] : [pathPrefix(request.url.target)]
}

const entryFor = (
  candidate: Answerable,
  space: ProtectionSpace.ProtectionSpace,
  credential: PasswordCredential,
  owner: object | undefined,
  request: WireRequest
): SpaceEntry => ({
  space,
  credential,
  owner,
  prefixes: prefixesOf(candidate, request),
  charset: candidate.charset,
  digest: candidate.method === "Digest" ? new DigestSession(candidate.digest) : undefined
})

export const authentication = (session: SessionState): Stage => (next) => {
  const limit = session.configuration.authenticationRoundLimit
  const { digests } = session.slots

  const send = (
    request: WireRequest,
    context: ExchangeContext,
    applied: Applied
  ): Effect.Effect<WireResponse, ExchangeError> =>
    Effect.flatMap(
      authorize(request, applied.entry, digests),
      (authorized) =>
        Effect.flatMap(next(authorized, context), (response) =>
          response.status === 401
            ? challenged(request, context, response, applied)
            : accepted(request, response, applied))
    )

  /** The credential worked: keep it as its persistence says. */
  const accepted = (request: WireRequest, response: WireResponse, applied: Applied): Effect.Effect<WireResponse> => {
    const { entry } = applied
    if (entry.digest !== undefined) {
      const { nextnonce } = digestInfo(response.fields.getAll("authentication-info"))
      if (nextnonce !== undefined) entry.digest.renew(nextnonce)
    }
    if (applied.ahead || entry.credential.persistence === "none" || response.connection?.overridden === true) {
      return Effect.succeed(response)
    }
    session.memory.remember(request.url.origin, entry)
    return entry.owner === undefined
      ? Effect.as(session.slots.credentials.set(entry.credential, entry.space), response)
      : Effect.succeed(response)
  }

  const challenged = (
    request: WireRequest,
    context: ExchangeContext,
    response: WireResponse,
    applied: Applied | undefined
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const candidates = answerable(parseChallenges(response.fields.getAll("www-authenticate")), {
      digest: digests !== undefined
    })
    if (candidates.length === 0) return Effect.succeed(response)
    const state = stateOf(context)
    if (++state.rounds > limit) {
      response.body.cancel()
      const reason = { _tag: "TooManyRounds", limit } as const
      return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
    }
    if (applied !== undefined) {
      const renewed = staleNonce(candidates, applied.entry)
      if (renewed !== undefined) {
        response.body.cancel()
        if (applied.ahead) session.memory.remember(request.url.origin, renewed)
        return send(request, context, { entry: renewed, ahead: applied.ahead })
      }
      state.refuse(applied.entry.space, applied.entry.credential, !applied.ahead)
      session.memory.forget(request.url.origin, applied.entry)
    }
    return walk(candidates, 0, request, context, response, applied)
  }

  /** A nonce has only grown old (RFC 7616 3.3): the same credential with the new one, and no failure. */
  const staleNonce = (candidates: ReadonlyArray<Answerable>, entry: SpaceEntry): SpaceEntry | undefined => {
    for (const candidate of candidates) {
      if (candidate.method === "Digest" && candidate.digest.stale && candidate.realm === entry.space.realm) {
        if (entry.space.method === "Digest") return { ...entry, digest: new DigestSession(candidate.digest) }
      }
    }
    return undefined
  }

  /** Asks about one challenge after the other until one is answered. */
  const walk = (
    candidates: ReadonlyArray<Answerable>,
    index: number,
    request: WireRequest,
    context: ExchangeContext,
    response: WireResponse,
    applied: Applied | undefined
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const candidate = candidates[index]
    if (candidate === undefined) return Effect.succeed(response)
    const state = stateOf(context)
    const space = ProtectionSpace.make({
      host: request.url.host,
      port: request.url.port,
      protocol: request.url.scheme,
      method: candidate.method,
      realm: candidate.realm
    })
    const failed = applied !== undefined && !applied.ahead && applied.entry.space.toString() === space.toString()
      ? Option.some(applied.entry.credential)
      : Option.none()
    return Effect.flatMap(proposal(space, state, context, session), (proposed) => {
      const challenge = {
        space,
        previousFailureCount: state.failures(space),
        proposedCredential: Option.orElse(failed, () => proposed),
        failureResponse: Option.some({ status: response.status, headers: response.fields }),
        crossOrigin: request.url.origin !== context.originalRequest.url.origin,
        taskIdentifier: context.taskIdentifier
      }
      const carryOut = (answered: Answered): Effect.Effect<WireResponse, ExchangeError> => {
        const { disposition, owner } = answered
        if (context.observed) tell(context, space, challenge.previousFailureCount, disposition._tag)
        const apply = (credential: PasswordCredential) => {
          response.body.cancel()
          return send(request, context, { entry: entryFor(candidate, space, credential, owner, request), ahead: false })
        }
        switch (disposition._tag) {
          case "UseCredential":
            return apply(disposition.credential)
          case "UseNone":
            return Effect.succeed(response)
          case "CancelChallenge": {
            response.body.cancel()
            const reason = { _tag: "Cancelled", space: space.toString() } as const
            return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
          }
          case "PerformDefault":
            if (Option.isSome(proposed) && mayDefault(challenge, context)) return apply(proposed.value)
            return walk(candidates, index + 1, request, context, response, applied)
          case "RejectSpace":
            return walk(candidates, index + 1, request, context, response, applied)
        }
      }
      return Effect.flatMap(route(challenge, context, session, request), carryOut)
    })
  }

  const run: Exchange = (request, context) => {
    const entry = remembered(session, request, context)
    if (entry !== undefined) return send(request, context, { entry, ahead: true })
    return Effect.flatMap(
      next(request, context),
      (response) =>
        response.status === 401 ? challenged(request, context, response, undefined) : Effect.succeed(response)
    )
  }
  return run
}

const tell = (
  context: ExchangeContext,
  space: ProtectionSpace.ProtectionSpace,
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
