/** Which challenges of a response can be answered, and in which order they are tried: the strongest scheme first. */
import { type DigestChallenge, digestChallenge, isStrong } from "./digest.ts"
import type { Challenge } from "./wwwAuthenticate.ts"

/** What is asked of a scheme that is not built in here. */
export interface Scheme {
  readonly name: string
  readonly strength: number
  readonly answers: (challenge: Pick<Challenge, "params" | "token68">) => boolean
}

interface Named {
  /** Of the protection space. */
  readonly method: string
  readonly realm: string | undefined
  readonly strength: number
}

/** A challenge that can be answered; `challenge` is what the server said. */
export type Answerable<S extends Scheme = Scheme> =
  | Named & { readonly _tag: "Digest"; readonly realm: string; readonly digest: DigestChallenge }
  | Named & { readonly _tag: "Basic"; readonly realm: string }
  | Named & { readonly _tag: "Bearer"; readonly challenge: Challenge }
  | Named & { readonly _tag: "Scheme"; readonly scheme: S; readonly challenge: Challenge }

/** What a session can do. */
export interface Abilities<S extends Scheme = Scheme> {
  readonly digest?: boolean
  /** In lower case, in place of the built-in ones of the same name. */
  readonly schemes?: ReadonlyMap<string, S>
  /** In lower case: never answered. */
  readonly disabled?: ReadonlySet<string>
}

const BASIC = 0
const DIGEST_MD5 = 10
const DIGEST_SHA2 = 30
const BEARER = 50

const read = <S extends Scheme>(challenge: Challenge, abilities: Abilities<S>): Answerable<S> | undefined => {
  if (abilities.disabled?.has(challenge.scheme) === true) return undefined
  const realm = challenge.params.get("realm")
  const scheme = abilities.schemes?.get(challenge.scheme)
  if (scheme !== undefined) {
    return scheme.answers(challenge)
      ? { _tag: "Scheme", method: scheme.name, realm, strength: scheme.strength, scheme, challenge }
      : undefined
  }
  switch (challenge.scheme) {
    case "digest": {
      const digest = abilities.digest ?? true ? digestChallenge(challenge) : undefined
      if (digest === undefined) return undefined
      const strength = isStrong(digest.algorithm) ? DIGEST_SHA2 : DIGEST_MD5
      return { _tag: "Digest", method: "Digest", realm: digest.realm, strength, digest }
    }
    case "basic":
      // a Basic challenge without a realm has no protection space (RFC 7617 2)
      return realm === undefined ? undefined : { _tag: "Basic", method: "Basic", realm, strength: BASIC }
    case "bearer":
      // the realm may be left out (RFC 6750 3)
      return { _tag: "Bearer", method: "Bearer", realm, strength: BEARER, challenge }
    default:
      return undefined
  }
}

/**
 * The challenges that can be answered, by the strength of their schemes; among equals the server's order (RFC 7616 3.7). Of several
 * for one method and realm only the strongest is left, so that a failed answer is not tried again in a weaker form.
 */
export const answerable = <S extends Scheme = Scheme>(
  challenges: ReadonlyArray<Challenge>,
  abilities: Abilities<S> = {}
): ReadonlyArray<Answerable<S>> => {
  const known = challenges.flatMap((challenge) => {
    const one = read(challenge, abilities)
    return one === undefined ? [] : [one]
  })
  const seen = new Set<string>()
  return known.sort((left, right) => right.strength - left.strength).filter((one) => {
    const key = `${one.method} ${one.realm ?? ""}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
