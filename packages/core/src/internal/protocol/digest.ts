/** The Digest scheme (RFC 7616, and RFC 2069 where a server offers no quality of protection): what a challenge says. */
import { binaryString, utf8 } from "./characters.ts"
import type { Challenge } from "./wwwAuthenticate.ts"

/** The hash functions, each from bytes to lower-case hexadecimal digits. */
export interface DigestHash {
  readonly md5: (data: Uint8Array) => string
  readonly sha256: (data: Uint8Array) => string
  readonly sha512256: (data: Uint8Array) => string
}

export type DigestAlgorithm = "MD5" | "MD5-sess" | "SHA-256" | "SHA-256-sess" | "SHA-512-256" | "SHA-512-256-sess"

/** `auth-int` covers the bodies too. */
export type DigestQop = "auth" | "auth-int"

/** A challenge that can be answered. Its texts are as they came: one code unit is one byte. */
export interface DigestChallenge {
  readonly realm: string
  readonly nonce: string
  readonly opaque: string | undefined
  readonly algorithm: DigestAlgorithm
  /** Whether the challenge names its algorithm: servers older than RFC 2617 do not know the parameter. */
  readonly algorithmNamed: boolean
  /** What is answered with; `undefined`: the form of RFC 2069, without nonce count. */
  readonly qop: DigestQop | undefined
  /** The credential was right and only the nonce has grown old (RFC 7616 3.3). */
  readonly stale: boolean
  readonly charset: "utf-8" | undefined
  /** The URIs of the space as the server wrote them; `protectionSpace` says which of them count. */
  readonly domain: ReadonlyArray<string>
  /** The server takes H(user:realm) for the user. */
  readonly userhash: boolean
}

interface Algorithm {
  readonly name: DigestAlgorithm
  readonly hash: "md5" | "sha256" | "sha512-256"
  readonly session: boolean
}

const all: ReadonlyArray<Algorithm> = [
  { name: "MD5", hash: "md5", session: false },
  { name: "MD5-sess", hash: "md5", session: true },
  { name: "SHA-256", hash: "sha256", session: false },
  { name: "SHA-256-sess", hash: "sha256", session: true },
  { name: "SHA-512-256", hash: "sha512-256", session: false },
  { name: "SHA-512-256-sess", hash: "sha512-256", session: true }
]

const byName: ReadonlyMap<string, Algorithm> = new Map(all.map((one) => [one.name.toLowerCase(), one]))

/** The hash function that an algorithm rests on. */
export const hashName = (algorithm: DigestAlgorithm): Algorithm["hash"] =>
  byName.get(algorithm.toLowerCase())?.hash ?? "md5"

/** Whether the secret is a key that the first answer to a challenge makes (RFC 7616 3.4.2). */
export const hasSessionKey = (algorithm: DigestAlgorithm): boolean => algorithm.endsWith("-sess")

/** Whether an algorithm rests on a hash of the SHA-2 family and not on MD5. */
export const isStrong = (algorithm: DigestAlgorithm): boolean => hashName(algorithm) !== "md5"

/** H of an algorithm. */
export const hashOf = (algorithm: DigestAlgorithm, hash: DigestHash): (data: Uint8Array) => string => {
  switch (hashName(algorithm)) {
    case "md5":
      return hash.md5
    case "sha256":
      return hash.sha256
    case "sha512-256":
      return hash.sha512256
  }
}

/** Text whose code units are bytes; what a server sent is so already. */
export const byteText = (text: string): string => {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0xff) return binaryString(utf8(text))
  }
  return text
}

const listOf = (text: string): ReadonlyArray<string> => text.split(/[ \t,]/).filter((item) => item !== "")

const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === "true"

/**
 * What can be answered of a challenge; `undefined` where realm or nonce is missing, the algorithm is not one of ours, or a
 * quality of protection is asked for that is not. Of several offered `auth` is taken: `auth-int` has every body hashed first.
 */
export const digestChallenge = (challenge: Challenge): DigestChallenge | undefined => {
  if (challenge.scheme !== "digest") return undefined
  const { params } = challenge
  const realm = params.get("realm")
  const nonce = params.get("nonce")
  const opaque = params.get("opaque")
  const named = params.get("algorithm")
  const algorithm = byName.get((named ?? "MD5").toLowerCase())
  if (realm === undefined || nonce === undefined || algorithm === undefined) return undefined
  const offered = listOf((params.get("qop") ?? "").toLowerCase())
  const qop = offered.includes("auth") ? "auth" : offered.includes("auth-int") ? "auth-int" : undefined
  if (qop === undefined && offered.length > 0) return undefined
  return {
    realm: byteText(realm),
    nonce: byteText(nonce),
    opaque: opaque === undefined ? undefined : byteText(opaque),
    algorithm: algorithm.name,
    algorithmNamed: named !== undefined,
    qop,
    stale: isTrue(params.get("stale")),
    // any other value means nothing (RFC 7616 3.3)
    charset: challenge.params.get("charset")?.toLowerCase() === "utf-8" ? "utf-8" : undefined,
    domain: listOf(params.get("domain") ?? ""),
    userhash: isTrue(params.get("userhash"))
  }
}
