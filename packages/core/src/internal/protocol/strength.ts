/** Which challenges of a response can be answered, and in which order they are tried: the strongest scheme first. */
import { charsetOf } from "./basic.ts"
import { type DigestChallenge, digestChallenge, isStrong } from "./digest.ts"
import type { Challenge } from "./wwwAuthenticate.ts"

/** A challenge that a user and a password can answer. */
export type Answerable =
  | {
    readonly method: "Digest"
    readonly realm: string
    readonly charset: "utf-8" | undefined
    readonly digest: DigestChallenge
  }
  | { readonly method: "Basic"; readonly realm: string; readonly charset: "utf-8" | undefined }

const read = (challenge: Challenge, digest: boolean): Answerable | undefined => {
  if (challenge.scheme === "digest") {
    const read = digest ? digestChallenge(challenge) : undefined
    return read === undefined
      ? undefined
      : { method: "Digest", realm: read.realm, charset: read.charset, digest: read }
  }
  if (challenge.scheme !== "basic") return undefined
  // a Basic challenge without a realm has no protection space (RFC 7617 2)
  const realm = challenge.params.get("realm")
  return realm === undefined ? undefined : { method: "Basic", realm, charset: charsetOf(challenge) }
}

/** 0 is the weakest. */
const strength = (one: Answerable): number => one.method === "Basic" ? 0 : isStrong(one.digest.algorithm) ? 2 : 1

/**
 * The challenges that can be answered: Digest with a hash of the SHA-2 family, Digest with MD5, Basic; among equals the server's
 * order (RFC 7616 3.7). Of several for one method and realm only the strongest is left, so that a failed answer is not tried
 * again in a weaker form.
 */
export const answerable = (
  challenges: ReadonlyArray<Challenge>,
  options?: { readonly digest?: boolean }
): ReadonlyArray<Answerable> => {
  const known = challenges.flatMap((challenge) => {
    const one = read(challenge, options?.digest ?? true)
    return one === undefined ? [] : [one]
  })
  const seen = new Set<string>()
  return known.sort((left, right) => strength(right) - strength(left)).filter((one) => {
    const key = `${one.method} ${one.realm}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}
