/** A credential in use at a proxy, in the form that the proxy takes. */
import * as Redacted from "effect/Redacted"
import type { AuthenticationScheme, SchemeChallenge, SchemeExchange } from "../../AuthenticationScheme.ts"
import type { HttpCredential } from "../../Credential.ts"
import type { DigestsService } from "../../Digests.ts"
import * as ProtectionSpace from "../../ProtectionSpace.ts"
import { originOf, type ProxyServer } from "../../Proxy.ts"
import { basicAuthorization } from "../protocol/basic.ts"
import { DigestSession, type NonceCounts } from "../protocol/digestSession.ts"
import { DigestUser } from "../protocol/digestUser.ts"
import type { Answerable } from "../protocol/strength.ts"

export type Candidate = Answerable<AuthenticationScheme>

/** A scheme that answers in messages of its own. */
export interface SchemeEntry {
  readonly scheme: AuthenticationScheme
  readonly challenge: SchemeChallenge
  /** Whose the connections are. */
  readonly user: object
}

export interface Entry {
  readonly space: ProtectionSpace.ProtectionSpace
  readonly credential: HttpCredential
  /** The value for one request; `undefined` where the scheme needs messages for it. */
  readonly value: (method: string, target: string) => string | undefined
  readonly digest: DigestSession | undefined
  readonly scheme: SchemeEntry | undefined
  readonly strength: number
}

/** One exchange of messages that is under way; the token of its answers. */
export interface Conversation {
  readonly _tag: "Conversation"
  readonly entry: Entry
  readonly exchange: SchemeExchange
}

export const spaceOf = ({ method, realm }: Candidate, proxy: ProxyServer): ProtectionSpace.ProtectionSpace =>
  ProtectionSpace.make({
    host: proxy.host,
    port: proxy.port,
    protocol: proxy.scheme,
    method,
    realm,
    isProxy: true
  })

const never = (): undefined => undefined

/** `undefined` for a credential that the scheme cannot carry. */
export const entryOf = (
  candidate: Candidate,
  space: ProtectionSpace.ProtectionSpace,
  credential: HttpCredential,
  proxy: ProxyServer,
  { counts, digests }: { readonly counts: NonceCounts; readonly digests: DigestsService | undefined }
): Entry | undefined => {
  const { strength } = candidate
  if (credential._tag === "Token") {
    const token = Redacted.value(credential.token)
    const fixed = `Bearer ${token}`
    return /^[\x21-\x7e]+$/.test(token)
      ? { space, credential, value: () => fixed, digest: undefined, scheme: undefined, strength }
      : undefined
  }
  const password = Redacted.value(credential.password)
  switch (candidate._tag) {
    case "Basic": {
      const fixed = basicAuthorization({ user: credential.user, password })
      return fixed === undefined
        ? undefined
        : { space, credential, value: () => fixed, digest: undefined, scheme: undefined, strength }
    }
    case "Scheme": {
      const { params, token68 } = candidate.challenge
      const scheme = { scheme: candidate.scheme, challenge: { space, params, token68 }, user: credential }
      return { space, credential, value: never, digest: undefined, scheme, strength }
    }
    case "Digest": {
      if (digests === undefined) return undefined
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
      return { space, credential, value, digest: session, scheme: undefined, strength }
    }
    case "Bearer":
      return undefined
  }
}
