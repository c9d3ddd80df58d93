/** Answers proxies that ask who is there: what worked is remembered for a session, or for the resolver of a task. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { AuthenticationChallenge } from "../../AuthenticationChallenge.ts"
import type { AuthenticationScheme } from "../../AuthenticationScheme.ts"
import { equals, type PasswordCredential } from "../../Credential.ts"
import type { CredentialStorageService } from "../../CredentialStorage.ts"
import type { DigestsService } from "../../Digests.ts"
import * as Disposition from "../../Disposition.ts"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import { originOf, type ProxyServer } from "../../Proxy.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { ProxyAnswer, ProxyAsker, ProxyRefusal } from "../../Transport.ts"
import { isLoopback } from "../../TransportSecurity.ts"
import { basicAuthorization } from "../protocol/basic.ts"
import { DigestSession, type NonceCounts } from "../protocol/digestSession.ts"
import { DigestUser } from "../protocol/digestUser.ts"
import { type Abilities, type Answerable, answerable } from "../protocol/strength.ts"
import { parseChallenges } from "../protocol/wwwAuthenticate.ts"
import type { Resolver } from "../resolver.ts"
import { Resolving } from "./resolving.ts"

/** A credential in use, in the form that a proxy takes. */
interface Entry {
  readonly space: ProtectionSpace.ProtectionSpace
  readonly credential: PasswordCredential
  readonly value: (method: string, target: string) => string | undefined
  readonly digest: DigestSession | undefined
}

/** What is known of one proxy. */
class Known {
  readonly turn = Effect.unsafeMakeSemaphore(1)
  entry: Entry | undefined = undefined
  readonly failures = new Map<string, number>()
  readonly refused: Array<PasswordCredential> = []
}

/** What an asker needs of its session. */
export interface ProxyServices {
  readonly abilities: Abilities<AuthenticationScheme>
  readonly credentials: CredentialStorageService
  readonly digests: DigestsService | undefined
  readonly counts: NonceCounts
}

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

  readonly authorization = (proxy: ProxyServer, method: string, target: string): ProxyAnswer | undefined => {
    const entry = this.#known(proxy).entry
    const value = entry?.value(method, target)
    return entry === undefined || value === undefined ? undefined : { value, token: entry }
  }

  readonly accepted = (proxy: ProxyServer, sent: ProxyAnswer): void => {
    const known = this.#known(proxy)
    if (known.entry !== sent.token) return
    known.failures.clear()
    known.refused.length = 0
  }

  readonly challenged = (
    proxy: ProxyServer,
    refusal: ProxyRefusal,
    sent: ProxyAnswer | undefined
  ): Effect.Effect<boolean, ExchangeError> => {
    const known = this.#known(proxy)
    return known.turn.withPermits(1)(Effect.suspend(() => {
      // somebody else has been answered in the meantime
      if (known.entry !== undefined && known.entry !== sent?.token) return Effect.succeed(true)
      const candidates = answerable(
        parseChallenges(refusal.fields.getAll("proxy-authenticate")),
        this.#services.abilities
      ).filter((one) => one._tag === "Basic" || (one._tag === "Digest" && one.digest.qop !== "auth-int"))
      const before = known.entry
      known.entry = undefined
      if (before !== undefined) {
        const renewed = this.#renewed(candidates, before, proxy)
        if (renewed !== undefined) {
          known.entry = renewed
          return Effect.succeed(true)
        }
        const space = before.space.toString()
        known.failures.set(space, (known.failures.get(space) ?? 0) + 1)
        known.refused.push(before.credential)
      }
      return this.#walk(candidates, 0, proxy, refusal, known, before)
    }))
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
  #renewed(candidates: ReadonlyArray<Answerable>, before: Entry, proxy: ProxyServer): Entry | undefined {
    const challenge = before.digest?.challenge
    if (challenge === undefined) return undefined
    const stale = candidates.find((one) =>
      one._tag === "Digest" && one.digest.stale && one.realm === challenge.realm &&
      one.digest.algorithm === challenge.algorithm
    )
    return stale === undefined ? undefined : this.#entryOf(stale, before.space, before.credential, proxy)
  }

  #entryOf(
    candidate: Answerable,
    space: ProtectionSpace.ProtectionSpace,
    credential: PasswordCredential,
    proxy: ProxyServer
  ): Entry | undefined {
    const { counts, digests } = this.#services
    const password = Redacted.value(credential.password)
    if (candidate._tag === "Basic") {
      const value = basicAuthorization({ user: credential.user, password, charset: candidate.charset })
      return value === undefined ? undefined : { space, credential, value: () => value, digest: undefined }
    }
    if (digests === undefined || candidate._tag !== "Digest") return undefined
    const user = DigestUser.of(candidate.digest, credential.user, password, digests)
    if (user === undefined) return undefined
    const session = new DigestSession(candidate.digest, counts, `proxy ${originOf(proxy)}`)
    const value = (method: string, uri: string): string | undefined => {
      const cnonce = session.clientNonce(digests.randomHex(16))
      return user.authorization({
        challenge: session.challenge,
        method,
        uri,
        nc: session.next(),
        cnonce,
        prime: session.prime,
        bodyHash: undefined
      })
    }
    return { space, credential, value, digest: session }
  }

  #walk(
    candidates: ReadonlyArray<Answerable>,
    index: number,
    proxy: ProxyServer,
    refusal: ProxyRefusal,
    known: Known,
    before: Entry | undefined
  ): Effect.Effect<boolean, ExchangeError> {
    const candidate = candidates[index]
    if (candidate === undefined) return Effect.succeed(false)
    const space = ProtectionSpace.make({
      host: proxy.host,
      port: proxy.port,
      protocol: proxy.scheme,
      method: candidate.method,
      realm: candidate.realm,
      isProxy: true
    })
    const untried = (one: PasswordCredential) => !known.refused.some((other) => equals(one, other))
    return Effect.flatMap(this.#services.credentials.defaultCredential(space), (stored) => {
      const proposed = Option.filter(
        Option.orElse(Option.fromNullable(proxy.credential), () => stored),
        untried
      )
      const failed = before?.space.toString() === space.toString() ? Option.some(before.credential) : Option.none()
      const challenge: AuthenticationChallenge = {
        space,
        previousFailureCount: known.failures.get(space.toString()) ?? 0,
        proposedCredential: Option.orElse(failed, () => proposed),
        failureResponse: Option.some({ status: refusal.status, headers: refusal.fields }),
        crossOrigin: false,
        taskIdentifier: 0
      }
      const apply = (credential: PasswordCredential): Effect.Effect<boolean, ExchangeError> => {
        known.entry = this.#entryOf(candidate, space, credential, proxy)
        if (known.entry !== undefined) return Effect.succeed(true)
        const detail = "the user name cannot be sent by this method: it holds a colon or control characters"
        return failedWith(space, { _tag: "CredentialUnusable", space: space.toString(), detail })
      }
      const next = () => this.#walk(candidates, index + 1, proxy, refusal, known, before)
      return Effect.flatMap(this.#ask(challenge, 0), (disposition): Effect.Effect<boolean, ExchangeError> => {
        switch (disposition._tag) {
          case "UseCredential":
            return apply(disposition.credential)
          case "UseNone":
            return Effect.succeed(false)
          case "CancelChallenge":
            return failedWith(space, { _tag: "Cancelled", space: space.toString() })
          case "RejectSpace":
            return next()
          case "PerformDefault":
          case "Next": {
            // whoever wrote the password beside the name of the proxy meant it for that one
            const mine = Option.exists(proposed, (one) => one === proxy.credential)
            const safe = mine || space.receivesCredentialSecurely || isLoopback(space.host)
            return Option.isSome(proposed) && safe ? apply(proposed.value) : next()
          }
        }
      })
    })
  }

  #ask(
    challenge: AuthenticationChallenge,
    index: number
  ): Effect.Effect<Disposition.Disposition, AuthenticationError> {
    const resolver = this.#resolvers[index]
    if (resolver === undefined) return Effect.succeed(Disposition.next)
    if (!resolver.methods.has(challenge.space.method)) return this.#ask(challenge, index + 1)
    return Effect.flatMap(Resolving, (within) => {
      if (within.includes(resolver)) return this.#ask(challenge, index + 1)
      const answer = Effect.provideService(
        Effect.suspend(() => resolver.answer(challenge)),
        Resolving,
        [...within, resolver]
      )
      return Effect.flatMap(
        Effect.catchAllCause(answer, (cause) =>
          Effect.fail(
            new AuthenticationError({
              url: challenge.space.origin,
              cause,
              reason: { _tag: "ResolverFailed", space: challenge.space.toString() }
            })
          )),
        (disposition) => disposition._tag === "Next" ? this.#ask(challenge, index + 1) : Effect.succeed(disposition)
      )
    })
  }
}

const failedWith = (
  space: ProtectionSpace.ProtectionSpace,
  reason: AuthenticationError["reason"]
): Effect.Effect<never, AuthenticationError> => Effect.fail(new AuthenticationError({ url: space.origin, reason }))
