/** What the tests of Digest share: hash functions of Node, challenges out of their lines, and a user of the RFCs' examples. */
import { createHash } from "node:crypto"
import { type DigestChallenge, digestChallenge, type DigestHash } from "../../src/internal/protocol/digest.ts"
import { type DigestRequest, DigestUser } from "../../src/internal/protocol/digestUser.ts"
import { parseAuthParams, parseChallenges } from "../../src/internal/protocol/wwwAuthenticate.ts"

const hex = (algorithm: string) => (data: Uint8Array): string => createHash(algorithm).update(data).digest("hex")

export const hash: DigestHash = { md5: hex("md5"), sha256: hex("sha256"), sha512256: hex("sha512-256") }

export const algorithms = [
  ["MD5", "md5"],
  ["MD5-sess", "md5"],
  ["SHA-256", "sha256"],
  ["SHA-256-sess", "sha256"],
  ["SHA-512-256", "sha512-256"],
  ["SHA-512-256-sess", "sha512-256"]
] as const

export const challengeOf = (line: string): DigestChallenge | undefined => {
  const [challenge] = parseChallenges([line])
  return challenge === undefined ? undefined : digestChallenge(challenge)
}

export const must = (line: string): DigestChallenge => {
  const challenge = challengeOf(line)
  if (challenge === undefined) throw new Error(`not answerable: ${line}`)
  return challenge
}

/** The challenge of RFC 7616 3.9.1. */
export const rfc7616 = (algorithm: string): DigestChallenge =>
  must(
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
      `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
  )

/** Its request. */
export const request = (challenge: DigestChallenge, more?: Partial<DigestRequest>): DigestRequest => ({
  challenge,
  method: "GET",
  uri: "/dir/index.html",
  nc: 1,
  cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  prime: undefined,
  bodyHash: undefined,
  ...more
})

export const userFor = (challenge: DigestChallenge, user = "Mufasa", password = "Circle of Life"): DigestUser => {
  const made = DigestUser.of(challenge, user, password, hash)
  if (made === undefined) throw new Error("a user that cannot be sent")
  return made
}

/** The answer of the RFCs' user, or of another one. */
export const answer = (
  challenge: DigestChallenge,
  more?: Partial<DigestRequest> & { readonly user?: string; readonly password?: string }
): string => userFor(challenge, more?.user, more?.password).authorization(request(challenge, more)) ?? ""

/** The parameters of an answer. */
export const params = (value: string): Readonly<Record<string, string>> =>
  Object.fromEntries(parseAuthParams(value.replace(/^Digest /, "")))
