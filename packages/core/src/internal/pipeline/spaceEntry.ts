/** From a challenge and its answer to what is sent, and kept for later requests. */
import * as Redacted from "effect/Redacted"
import type { AuthenticationScheme, SchemeChallenge } from "../../AuthenticationScheme.ts"
import { equals, type HttpCredential } from "../../Credential.ts"
import type { DigestsService } from "../../Digests.ts"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import type { WireRequest } from "../../Transport.ts"
import { type DigestChallenge, isStrong } from "../protocol/digest.ts"
import { DigestUser } from "../protocol/digestUser.ts"
import { digestDomain, pathPrefix } from "../protocol/protectionSpace.ts"
import type { Answerable } from "../protocol/strength.ts"
import type { Challenge } from "../protocol/wwwAuthenticate.ts"
import type { Owner, SpaceEntry } from "../session/authenticationMemory.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"

/** A challenge that this session can answer. */
export type Candidate = Answerable<AuthenticationScheme>

/** A credential on its way. `ahead`: sent without a challenge, from what the session remembers. */
export interface Applied {
  readonly entry: SpaceEntry
  readonly ahead: boolean
}

export const spaceOf = ({ method, realm }: Pick<Candidate, "method" | "realm">, request: WireRequest) =>
  ProtectionSpace.make({
    host: request.url.host,
    port: request.url.port,
    protocol: request.url.scheme,
    method,
    realm
  })

export const schemeChallenge = (
  { params, token68 }: Challenge,
  space: ProtectionSpace.ProtectionSpace
): SchemeChallenge => ({ space, params, token68 })

const prefixesOf = (candidate: Candidate, request: WireRequest): ReadonlyArray<string> => {
  if (candidate._tag === "Digest") {
    const named = digestDomain(candidate.digest.domain, request.url.href)
    if (named.length > 0) return named
    // a `domain` that names other origins only says nothing about this one, so no more than the directory is assumed
    return candidate.digest.domain.length === 0 ? ["/"] : [pathPrefix(request.url.target)]
  }
  // a connection that is a user's is so for every path
  const whole = candidate._tag === "Scheme" && candidate.scheme.binding === "connection"
  return [whole ? "/" : pathPrefix(request.url.target)]
}

const userOf = (
  digest: DigestChallenge,
  credential: HttpCredential,
  digests: DigestsService | undefined
): DigestUser | undefined =>
  credential._tag === "Password" && digests !== undefined
    ? DigestUser.of(digest, credential.user, Redacted.value(credential.password), digests)
    : undefined

/** What the answer is kept under. A credential out of the URL belongs to it, whoever says that it be used. */
export const entryFor = (
  candidate: Candidate,
  space: ProtectionSpace.ProtectionSpace,
  credential: HttpCredential,
  owner: Owner,
  insecure: boolean,
  request: WireRequest,
  context: ExchangeContext,
  session: SessionState
): SpaceEntry => ({
  space,
  credential,
  owner: context.userInfo !== undefined && equals(credential, context.userInfo) ? context.userInfo : owner,
  prefixes: prefixesOf(candidate, request),
  digest: candidate._tag === "Digest" ? session.memory.digestOf(request.url.origin, candidate.digest) : undefined,
  user: candidate._tag === "Digest" ? userOf(candidate.digest, credential, session.slots.digests) : undefined,
  scheme: candidate._tag === "Scheme"
    ? {
      scheme: candidate.scheme,
      challenge: schemeChallenge(candidate.challenge, space),
      user: session.memory.userOf(credential)
    }
    : undefined,
  strength: candidate.strength,
  insecure
})

/**
 * A nonce has only grown old (RFC 7616 3.3): the same credential with the new one, and no failure. Not where the challenge
 * would have it hashed more weakly than before: whoever is asked then sees that.
 */
export const staleNonce = (
  candidates: ReadonlyArray<Candidate>,
  entry: SpaceEntry,
  request: WireRequest,
  session: SessionState
): SpaceEntry | undefined => {
  const before = entry.digest?.challenge
  if (before === undefined) return undefined
  for (const candidate of candidates) {
    if (candidate._tag !== "Digest" || !candidate.digest.stale || candidate.realm !== before.realm) continue
    if (isStrong(before.algorithm) && !isStrong(candidate.digest.algorithm)) continue
    const digest = session.memory.digestOf(request.url.origin, candidate.digest)
    const user = entry.user?.serves(candidate.digest) === true
      ? entry.user
      : userOf(candidate.digest, entry.credential, session.slots.digests)
    return { ...entry, digest, user, strength: candidate.strength }
  }
  return undefined
}

/** What the session remembers for a request; `undefined` where nothing may be sent unasked. */
export const remembered = (
  session: SessionState,
  request: WireRequest,
  context: ExchangeContext
): SpaceEntry | undefined => {
  const { memory } = session
  if (memory.isEmpty || !mayAuthorize(session, request, context)) return undefined
  const task = context.delegate.challenge
  const own = task === undefined ? undefined : memory.find(request.url, task)
  if (own !== undefined) return isOver(own, context) ? undefined : own
  // a URL that names its user is never sent as another one
  const shared = memory.find(request.url, context.userInfo)
  // a task that answers this method itself never gets the session's credential
  if (shared === undefined || task?.methods.has(shared.space.method) === true || isOver(shared, context)) {
    return undefined
  }
  return shared.insecure && context.options.allowInsecureBasic !== true ? undefined : shared
}

const isOver = ({ credential }: SpaceEntry, context: ExchangeContext): boolean =>
  credential._tag === "Token" && credential.expiresAt !== undefined && credential.expiresAt <= context.now()

/** Whether a secret may be sent without being asked for. */
export const mayAuthorize = (session: SessionState, request: WireRequest, context: ExchangeContext): boolean =>
  !request.fields.some((field) => field.name === "authorization") &&
  // where a redirect leads, nothing is sent unasked: the challenge says `crossOrigin`, and whoever answers can look
  request.url.origin === context.firstOrigin &&
  // nor to whoever may turn out, after the handshake, to be accepted against the platform's verdict
  !(request.url.scheme === "https" && session.askers.mayAccept(context.trust))
