/** Answers proxies that ask who is there: what worked is remembered for a session, or for the resolver of a task. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { HttpChallenge } from "../../AuthenticationChallenge.ts"
import type { AuthenticationScheme, SchemeChallenge, SchemeError } from "../../AuthenticationScheme.ts"
import { equals, type HttpCredential, type PasswordCredential } from "../../Credential.ts"
import type { CredentialStorageService } from "../../CredentialStorage.ts"
import type { DigestsService } from "../../Digests.ts"
import * as Disposition from "../../Disposition.ts"
import { HeaderFields } from "../../HeaderFields.ts"
import type * as ProtectionSpace from "../../ProtectionSpace.ts"
import { originOf, type ProxyServer } from "../../Proxy.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { ProxyAnswer, ProxyAsker, ProxyRefusal, ProxyRequest } from "../../Transport.ts"
import { isLoopback } from "../../TransportSecurity.ts"
import { report } from "../challengeObserver.ts"
import * as ChallengeMachine from "../protocol/challengeMachine.ts"
import type { NonceCounts } from "../protocol/digestSession.ts"
import { type Abilities, answerable } from "../protocol/strength.ts"
import { parseChallenges } from "../protocol/wwwAuthenticate.ts"
import type { Resolver } from "../resolver.ts"
import { asked } from "./asked.ts"
import type { AuthenticationMemory } from "./authenticationMemory.ts"
import { type Candidate, type Conversation, type Entry, entryOf, spaceOf } from "./proxyEntry.ts"
import { Resolving } from "./resolving.ts"

/** What is known of one proxy. */
class Known {
  readonly turn = Effect.unsafeMakeSemaphore(1)
  entry: Entry | undefined = undefined
  // the rounds are counted by who sends
  challenges = ChallengeMachine.begin(Infinity, equals)
}

/** What an asker needs of its session. */
export interface ProxyServices {
  readonly abilities: Abilities<AuthenticationScheme>
  readonly credentials: CredentialStorageService
  readonly digests: DigestsService | undefined
  readonly counts: NonceCounts
  readonly strengths: Pick<AuthenticationMemory, "entered" | "strengthOf">
  readonly allowsDowngrade: boolean
}

const strengthOrigin = (proxy: ProxyServer): string => `proxy ${originOf(proxy)}`

const isConversation = (token: object | undefined): token is Conversation =>
  token !== undefined && "_tag" in token && token._tag === "Conversation"

/** The entry that an answer was made of. */
const entryBehind = (sent: ProxyAnswer | undefined): object | undefined =>
  isConversation(sent?.token) ? sent.token.entry : sent?.token

/** See the head of this file. */
export class ProxyCredentials implements ProxyAsker {
  readonly #resolvers: ReadonlyArray<Resolver>
  readonly #services: ProxyServices
  readonly #epoch: () => number
  readonly #proxies = new Map<string, Known>()
  #of = -1

  /** The resolvers in the order in which they are asked. Everything is forgotten where `epoch` has changed. */
  constructor(resolvers: ReadonlyArray<Resolver>, services: ProxyServices, epoch: () => number) {
    this.#resolvers = resolvers
    this.#services = services
    this.#epoch = epoch
  }

  readonly authorization = (proxy: ProxyServer, request: ProxyRequest): ProxyAnswer | undefined =>
    this.#ready(this.#known(proxy).entry, request)

  readonly accepted = (
    proxy: ProxyServer,
    sent: ProxyAnswer,
    response: ProxyRefusal
  ): Effect.Effect<void, ExchangeError> => {
    const known = this.#known(proxy)
    if (known.entry === entryBehind(sent)) known.challenges = ChallengeMachine.begin(Infinity, equals)
    const { token } = sent
    if (!isConversation(token)) {
      if (token === known.entry) this.#entered(proxy, known.entry)
      return Effect.void
    }
    this.#entered(proxy, token.entry)
    // what a proxy says of itself stands in a field of its own (RFC 9110 11.7.3)
    const info = response.fields.getAll("proxy-authentication-info")
    const fields = HeaderFields.fromEntries(info.map((value) => ["authentication-info", value]))
    return Effect.mapError(
      token.exchange.accepted({ status: response.status, fields }),
      (error) => schemeFailure(error, token.entry.space)
    )
  }

  readonly challenged = (
    proxy: ProxyServer,
    refusal: ProxyRefusal,
    sent: ProxyAnswer | undefined,
    request: ProxyRequest
  ): Effect.Effect<ProxyAnswer | undefined, ExchangeError> => {
    const all = answerable(
      parseChallenges(refusal.fields.getAll("proxy-authenticate")),
      this.#services.abilities
    ).filter((one) => one._tag !== "Digest" || one.digest.qop !== "auth-int")
    const candidates = this.#strongEnough(all, proxy)
    const [weaker] = all
    if (candidates.length === 0 && weaker !== undefined) {
      const space = spaceOf(weaker, proxy)
      const offered = all.map((one) => one.method)
      return failedWith(space, { _tag: "DowngradeRefused", space: space.toString(), offered })
    }
    const token = sent?.token
    const asked = () => this.#inTurn(candidates, proxy, refusal, sent, request)
    if (!isConversation(token)) return asked()
    const challenge = challengeOf(candidates, token)
    if (challenge === undefined) return asked()
    return Effect.flatMap(
      Effect.mapError(token.exchange.challenged(challenge), (error) => schemeFailure(error, token.entry.space)),
      (verdict) => verdict === "Refused" ? asked() : this.#message(token, request, true)
    )
  }

  /** One after the other, so that a user is asked once for all that wait. */
  #inTurn(
    candidates: ReadonlyArray<Candidate>,
    proxy: ProxyServer,
    refusal: ProxyRefusal,
    sent: ProxyAnswer | undefined,
    request: ProxyRequest
  ): Effect.Effect<ProxyAnswer | undefined, ExchangeError> {
    const known = this.#known(proxy)
    return known.turn.withPermits(1)(Effect.suspend(() => {
      // somebody else has been answered in the meantime, or the connection was not yet this user's
      const before = known.entry
      const silent = sent !== undefined && sent.value === undefined && before === sent.token
      if (before !== undefined && (silent || before !== entryBehind(sent))) return this.#send(before, request)
      known.entry = undefined
      const renewed = before === undefined ? undefined : this.#renewed(candidates, before, proxy)
      const step = ChallengeMachine.challenged(
        known.challenges,
        candidates.map((one) => ({ space: spaceOf(one, proxy).toString() })),
        before === undefined
          ? undefined
          : { space: before.space.toString(), credential: before.credential, ahead: false, perishable: false },
        renewed !== undefined
      )
      known.challenges = step.challenges
      if (renewed !== undefined) {
        known.entry = renewed
        return this.#send(renewed, request)
      }
      return this.#walk(candidates, 0, proxy, refusal, known, before, request)
    }))
  }

  #strongEnough(all: ReadonlyArray<Candidate>, proxy: ProxyServer): ReadonlyArray<Candidate> {
    const { allowsDowngrade, strengths } = this.#services
    if (allowsDowngrade) return all
    return all.filter((one) => one.strength >= strengths.strengthOf(strengthOrigin(proxy), one.realm))
  }

  #entered(proxy: ProxyServer, entry: Entry | undefined): void {
    if (entry === undefined) return
    this.#services.strengths.entered(strengthOrigin(proxy), entry.space.realm, entry.strength)
  }

  #known(proxy: ProxyServer): Known {
    const epoch = this.#epoch()
    if (epoch !== this.#of) {
      this.#of = epoch
      this.#proxies.clear()
    }
    const key = originOf(proxy)
    const found = this.#proxies.get(key) ?? new Known()
    this.#proxies.set(key, found)
    return found
  }

  // a nonce that has only grown old is no failure (RFC 7616 3.3)
  #renewed(candidates: ReadonlyArray<Candidate>, before: Entry, proxy: ProxyServer): Entry | undefined {
    const challenge = before.digest?.challenge
    if (challenge === undefined) return undefined
    const stale = candidates.find((one) =>
      one._tag === "Digest" && one.digest.stale && one.realm === challenge.realm &&
      one.digest.algorithm === challenge.algorithm
    )
    return stale === undefined
      ? undefined
      : entryOf(stale, before.space, before.credential, proxy, this.#services)
  }

  /** What an entry says without further ado. */
  #ready(entry: Entry | undefined, { method, target }: ProxyRequest): ProxyAnswer | undefined {
    if (entry === undefined) return undefined
    const { scheme } = entry
    if (scheme === undefined) {
      const value = entry.value(method, target)
      return value === undefined ? undefined : { value, token: entry, user: undefined, pinned: false }
    }
    return scheme.scheme.binding === "connection"
      ? { value: undefined, token: entry, user: scheme.user, pinned: false }
      : undefined
  }

  /** What an entry says to a challenge. */
  #send(entry: Entry, request: ProxyRequest): Effect.Effect<ProxyAnswer | undefined, ExchangeError> {
    const { credential, scheme, space } = entry
    if (scheme === undefined || credential._tag === "Token") return Effect.sync(() => this.#ready(entry, request))
    return Effect.flatMap(
      Effect.mapError(scheme.scheme.begin(scheme.challenge, credential), (error) => schemeFailure(error, space)),
      (exchange) => this.#message({ _tag: "Conversation", entry, exchange }, request, false)
    )
  }

  #message(
    token: Conversation,
    request: ProxyRequest,
    goesOn: boolean
  ): Effect.Effect<ProxyAnswer, ExchangeError> {
    const { entry, exchange } = token
    const bound = entry.scheme?.scheme.binding === "connection"
    return Effect.mapBoth(exchange.next(request), {
      onFailure: (error) => schemeFailure(error, entry.space),
      onSuccess: (value) => ({
        value: Redacted.value(value),
        token,
        user: bound ? entry.scheme?.user : undefined,
        pinned: bound && goesOn
      })
    })
  }

  #walk(
    candidates: ReadonlyArray<Candidate>,
    index: number,
    proxy: ProxyServer,
    refusal: ProxyRefusal,
    known: Known,
    before: Entry | undefined,
    request: ProxyRequest
  ): Effect.Effect<ProxyAnswer | undefined, ExchangeError> {
    const candidate = candidates[index]
    if (candidate === undefined) return Effect.succeed(undefined)
    const space = spaceOf(candidate, proxy)
    const key = space.toString()
    const failed = before?.space.toString() === key ? before.credential : undefined
    const about = {
      space,
      previousFailureCount: ChallengeMachine.failures(known.challenges, key),
      failureResponse: Option.some({ status: refusal.status, headers: refusal.fields }),
      crossOrigin: false,
      taskIdentifier: 0
    }
    const next = () => this.#walk(candidates, index + 1, proxy, refusal, known, before, request)
    const apply = (credential: HttpCredential): Effect.Effect<ProxyAnswer | undefined, ExchangeError> => {
      const entry = known.entry = entryOf(candidate, space, credential, proxy, this.#services)
      if (entry !== undefined) return this.#send(entry, request)
      const detail = "the user name or token cannot be sent by this method: it holds a colon or control characters"
      return failedWith(space, { _tag: "CredentialUnusable", space: key, detail })
    }
    const carryOut = (
      disposition: Disposition.Disposition<HttpCredential>,
      byDefault: PasswordCredential | undefined
    ): Effect.Effect<ProxyAnswer | undefined, ExchangeError> =>
      Effect.zipRight(
        report({
          space: key,
          disposition: disposition._tag === "Next" ? "PerformDefault" : disposition._tag,
          previousFailureCount: about.previousFailureCount
        }),
        act(disposition, byDefault)
      )
    const act = (
      disposition: Disposition.Disposition<HttpCredential>,
      byDefault: PasswordCredential | undefined
    ): Effect.Effect<ProxyAnswer | undefined, ExchangeError> => {
      switch (disposition._tag) {
        case "UseCredential":
          return apply(disposition.credential)
        case "UseNone":
          return Effect.succeed(undefined)
        case "CancelChallenge":
          return failedWith(space, { _tag: "Cancelled", space: key })
        case "RejectSpace":
          return next()
        case "PerformDefault":
        case "Next":
          return byDefault === undefined ? next() : apply(byDefault)
      }
    }
    if (candidate._tag === "Bearer") {
      const { params } = candidate.challenge
      const challenge = {
        ...about,
        proposedCredential: failed?._tag === "Token" ? Option.some(failed) : Option.none(),
        error: params.get("error"),
        scope: params.get("scope")
      }
      const asked = this.#ask(
        challenge,
        0,
        (resolver) => resolver.token?.answer(challenge) ?? Effect.succeed(Disposition.next)
      )
      return Effect.flatMap(asked, (disposition) => carryOut(disposition, undefined))
    }
    return Effect.flatMap(this.#services.credentials.defaultCredential(space), (stored) => {
      const proposed = Option.filter(
        Option.orElse(Option.fromNullable(proxy.credential), () => stored),
        (one) => !ChallengeMachine.wasRefused(known.challenges, key, one)
      )
      const challenge = {
        ...about,
        proposedCredential: failed?._tag === "Password" ? Option.some(failed) : proposed
      }
      // whoever wrote the password beside the name of the proxy meant it for that one
      const mine = Option.exists(proposed, (one) => one === proxy.credential)
      const hidden = candidate._tag === "Scheme" && candidate.scheme.hidesSecret
      const safe = mine || hidden || space.receivesCredentialSecurely || isLoopback(space.host)
      const byDefault = safe ? Option.getOrUndefined(proposed) : undefined
      const asked = this.#ask<PasswordCredential>(challenge, 0, (resolver) => resolver.answer(challenge))
      return Effect.flatMap(asked, (disposition) => carryOut(disposition, byDefault))
    })
  }

  #ask<C extends HttpCredential>(
    challenge: HttpChallenge<C>,
    index: number,
    question: (resolver: Resolver) => Effect.Effect<Disposition.Disposition<C>, unknown>
  ): Effect.Effect<Disposition.Disposition<C>, AuthenticationError> {
    const resolver = this.#resolvers[index]
    if (resolver === undefined) return Effect.succeed(Disposition.next)
    if (!resolver.methods.has(challenge.space.method)) return this.#ask(challenge, index + 1, question)
    return Effect.flatMap(Resolving, (within) => {
      if (within.includes(resolver)) return this.#ask(challenge, index + 1, question)
      const { space } = challenge
      return Effect.flatMap(
        asked(resolver, within, space, space.origin, () => question(resolver)),
        (disposition) =>
          disposition._tag === "Next" ? this.#ask(challenge, index + 1, question) : Effect.succeed(disposition)
      )
    })
  }
}

const challengeOf = (
  candidates: ReadonlyArray<Candidate>,
  { entry: { scheme, space } }: Conversation
): SchemeChallenge | undefined => {
  const found = candidates.find((one) => one._tag === "Scheme" && one.scheme === scheme?.scheme)
  return found?._tag === "Scheme"
    ? { space, params: found.challenge.params, token68: found.challenge.token68 }
    : undefined
}

const schemeFailure = (
  error: SchemeError,
  space: ProtectionSpace.ProtectionSpace
): AuthenticationError => {
  const named = space.toString()
  return new AuthenticationError({
    url: space.origin,
    cause: error,
    reason: error.reason === "CredentialUnusable"
      ? { _tag: "CredentialUnusable", space: named, detail: error.detail }
      : error.reason === "ServerNotAuthenticated"
      ? { _tag: "ServerNotAuthenticated", space: named }
      : { _tag: "ExchangeFailed", space: named, detail: error.detail }
  })
}

const failedWith = (
  space: ProtectionSpace.ProtectionSpace,
  reason: AuthenticationError["reason"]
): Effect.Effect<never, AuthenticationError> => Effect.fail(new AuthenticationError({ url: space.origin, reason }))
