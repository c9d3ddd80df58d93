/**
 * Answers 401 (RFC 9110 11): parses the challenges, asks the resolvers for each in order of strength, and sends again. A
 * credential that has worked is sent ahead of any challenge inside its protection space.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { AuthenticationChallenge } from "../../AuthenticationChallenge.ts"
import { equals, type PasswordCredential } from "../../Credential.ts"
import type { ChallengeAnswered } from "../../Decision.ts"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { hashName, isStrong } from "../protocol/digest.ts"
import { DigestUser } from "../protocol/digestUser.ts"
import { digestDomain, pathPrefix } from "../protocol/protectionSpace.ts"
import { type Answerable, answerable } from "../protocol/strength.ts"
import { parseChallenges } from "../protocol/wwwAuthenticate.ts"
import type { Owner, SpaceEntry } from "../session/authenticationMemory.ts"
import { AuthenticationState } from "../session/authenticationState.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import { checkServer } from "./authenticationInfo.ts"
import { authorize, authorizedAgain, type DigestProof } from "./authorization.ts"
import { type Answered, isSafe, mayDefault, proposal, route } from "./challengeRouting.ts"
import { bodyHash } from "./digestBody.ts"
import type { Exchange, Stage } from "./exchange.ts"

/** A credential on its way. `ahead`: sent without a challenge, from what the session remembers. */
interface Applied {
  readonly entry: SpaceEntry
  readonly ahead: boolean
}

const stateOf = (context: ExchangeContext): AuthenticationState => context.authentication ??= new AuthenticationState()

const remembered = (session: SessionState, request: WireRequest, context: ExchangeContext): SpaceEntry | undefined => {
  const { memory } = session
  if (memory.isEmpty || request.fields.some((field) => field.name === "authorization")) return undefined
  // where a redirect leads, nothing is sent unasked: the challenge says `crossOrigin`, and whoever answers can look
  if (request.url.origin !== context.firstOrigin) return undefined
  // nor to whoever may turn out, after the handshake, to be accepted against the platform's verdict
  if (request.url.scheme === "https" && session.askers.mayAccept(context.trust)) return undefined
  const task = context.delegate.challenge
  const own = task === undefined ? undefined : memory.find(request.url, task)
  if (own !== undefined) return own
  // a URL that names its user is never sent as another one
  const shared = memory.find(request.url, context.userInfo)
  // a task that answers this method itself never gets the session's credential
  if (shared === undefined || task?.methods.has(shared.space.method) === true) return undefined
  return shared.insecure && context.options.allowInsecureBasic !== true ? undefined : shared
}

const prefixesOf = (candidate: Answerable, request: WireRequest): ReadonlyArray<string> => {
  if (candidate.method === "Basic") return [pathPrefix(request.url.target)]
  const named = digestDomain(candidate.digest.domain, request.url.href)
  if (named.length > 0) return named
  // a `domain` that names other origins only says nothing about this one, so no more than the directory is assumed
  return candidate.digest.domain.length === 0 ? ["/"] : [pathPrefix(request.url.target)]
}

export const authentication = (session: SessionState): Stage => (next) => {
  const limit = session.configuration.authenticationRoundLimit
  const { digests } = session.slots

  const send = (
    request: WireRequest,
    context: ExchangeContext,
    applied: Applied
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const challenge = applied.entry.digest?.challenge
    return challenge?.qop === "auth-int" && digests !== undefined
      ? Effect.flatMap(
        bodyHash(request.body, hashName(challenge.algorithm), context, digests),
        (hash) => sendWith(request, context, applied, hash)
      )
      : sendWith(request, context, applied, undefined)
  }

  const sendWith = (
    request: WireRequest,
    context: ExchangeContext,
    applied: Applied,
    hash: string | undefined
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const authorized = authorize(request, applied.entry, digests, hash)
    if (authorized._tag === "AuthenticationError") return Effect.fail(authorized)
    const { proof } = authorized
    const { ahead, entry } = applied
    context.decisions?.led({
      _tag: "CredentialAttached",
      scheme: entry.space.method,
      space: entry.space.toString(),
      ahead
    })
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
    let kept = entry
    const unproven = (): AuthenticationError => {
      session.memory.forget(request.url.origin, kept)
      const reason = { _tag: "ServerNotAuthenticated", space: entry.space.toString() } as const
      return new AuthenticationError({ url: request.url.href, reason })
    }
    const checked = proof === undefined || digests === undefined
      ? response
      : checkServer(response, request.method, proof, digests, unproven)
    if (checked instanceof AuthenticationError) return Effect.fail(checked)
    if (applied.ahead || entry.credential.persistence === "none" || response.connection?.overridden === true) {
      return Effect.succeed(checked)
    }
    kept = session.memory.remember(request.url.origin, entry)
    return entry.owner === undefined ? Effect.as(store(entry, stateOf(context)), checked) : Effect.succeed(checked)
  }

  /** A default that was refused in this very task gives way to what worked instead. */
  const store = ({ credential, space }: SpaceEntry, state: AuthenticationState): Effect.Effect<void> => {
    const { credentials } = session.slots
    return Effect.flatMap(
      credentials.defaultCredential(space),
      (before) =>
        Option.exists(before, (one) => state.wasRefused(space, one))
          ? credentials.setDefaultCredential(credential, space)
          : credentials.set(credential, space)
    )
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
    const renewed = applied === undefined ? undefined : staleNonce(candidates, applied.entry, request)
    if (applied !== undefined && renewed === undefined) {
      refused(candidates, request, stateOf(context), applied)
    }
    if (candidates.length === 0) return Effect.succeed(response)
    if (++stateOf(context).rounds > limit) {
      response.body.cancel()
      const reason = { _tag: "TooManyRounds", limit } as const
      return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
    }
    if (applied === undefined || renewed === undefined) return walk(candidates, 0, request, context, response, applied)
    response.body.cancel()
    if (applied.ahead) session.memory.remember(request.url.origin, renewed)
    return send(request, context, { entry: renewed, ahead: applied.ahead })
  }

  const refused = (
    candidates: ReadonlyArray<Answerable>,
    request: WireRequest,
    state: AuthenticationState,
    { ahead, entry }: Applied
  ): void => {
    const { method, realm } = entry.space
    // a challenge of another space says nothing against what was sent ahead: the URL is only not inside that one
    const elsewhere = candidates.length > 0 && !candidates.some((one) => one.method === method && one.realm === realm)
    if (ahead && elsewhere) return
    session.memory.forget(request.url.origin, entry)
    // not every server says of a nonce that it has grown old: the credential itself may still be good
    if (!(ahead && entry.digest !== undefined)) state.refuse(entry.space, entry.credential, !ahead)
  }

  /**
   * A nonce has only grown old (RFC 7616 3.3): the same credential with the new one, and no failure. Not where the challenge
   * would have it hashed more weakly than before: whoever is asked then sees that.
   */
  const staleNonce = (
    candidates: ReadonlyArray<Answerable>,
    entry: SpaceEntry,
    request: WireRequest
  ): SpaceEntry | undefined => {
    const before = entry.digest?.challenge
    if (before === undefined) return undefined
    for (const candidate of candidates) {
      if (candidate.method !== "Digest" || !candidate.digest.stale || candidate.realm !== before.realm) continue
      if (isStrong(before.algorithm) && !isStrong(candidate.digest.algorithm)) continue
      const digest = session.memory.digestOf(request.url.origin, candidate.digest)
      const user = entry.user?.serves(candidate.digest) === true ? entry.user : userOf(candidate, entry.credential)
      return { ...entry, charset: candidate.charset, digest, user }
    }
    return undefined
  }

  const userOf = (candidate: Answerable, credential: PasswordCredential): DigestUser | undefined =>
    candidate.method === "Digest" && digests !== undefined
      ? DigestUser.of(candidate.digest, credential.user, Redacted.value(credential.password), digests)
      : undefined

  /** What the answer is kept under. A credential out of the URL belongs to it, whoever says that it be used. */
  const entryFor = (
    candidate: Answerable,
    space: ProtectionSpace.ProtectionSpace,
    credential: PasswordCredential,
    owner: Owner,
    insecure: boolean,
    request: WireRequest,
    context: ExchangeContext
  ): SpaceEntry => ({
    space,
    credential,
    owner: context.userInfo !== undefined && equals(credential, context.userInfo) ? context.userInfo : owner,
    prefixes: prefixesOf(candidate, request),
    charset: candidate.charset,
    digest: candidate.method === "Digest"
      ? session.memory.digestOf(request.url.origin, candidate.digest)
      : undefined,
    user: userOf(candidate, credential),
    insecure
  })

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
    const failed = applied !== undefined && !applied.ahead && Equal.equals(applied.entry.space, space)
      ? Option.some(applied.entry.credential)
      : Option.none()
    return Effect.flatMap(proposal(space, state, context, session), (proposed) => {
      const challenge = {
        space,
        previousFailureCount: state.failures(space),
        proposedCredential: Option.orElse(failed, () => proposed),
        failureResponse: Option.some({ status: response.status, headers: response.fields }),
        crossOrigin: request.url.origin !== context.firstOrigin,
        taskIdentifier: context.taskIdentifier
      }
      const carryOut = (answered: Answered): Effect.Effect<WireResponse, ExchangeError> => {
        const { disposition, owner } = answered
        if (context.observed) tell(context, space, challenge.previousFailureCount, disposition._tag)
        context.decisions?.about(answeredBy(disposition._tag, challenge))
        const apply = (credential: PasswordCredential, insecure: boolean) => {
          response.body.cancel()
          const entry = entryFor(candidate, space, credential, owner, insecure, request, context)
          return send(request, context, { entry, ahead: false })
        }
        switch (disposition._tag) {
          case "UseCredential":
            return apply(disposition.credential, false)
          case "UseNone":
            return Effect.succeed(response)
          case "CancelChallenge": {
            response.body.cancel()
            const reason = { _tag: "Cancelled", space: space.toString() } as const
            return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
          }
          case "PerformDefault":
            if (Option.isSome(proposed) && mayDefault(challenge, context)) return apply(proposed.value, !isSafe(space))
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
    context.again = undefined
    if (entry !== undefined) return send(request, context, { entry, ahead: true })
    return Effect.flatMap(
      next(request, context),
      (response) =>
        response.status === 401 ? challenged(request, context, response, undefined) : Effect.succeed(response)
    )
  }
  return run
}

const answeredBy = (disposition: string, challenge: AuthenticationChallenge): ChallengeAnswered => ({
  _tag: "ChallengeAnswered",
  space: challenge.space.toString(),
  disposition,
  previousFailureCount: challenge.previousFailureCount,
  crossOrigin: challenge.crossOrigin
})

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
