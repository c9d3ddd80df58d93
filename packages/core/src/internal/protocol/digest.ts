/** The Digest scheme (RFC 7616, and RFC 2069 where a server offers no quality of protection): challenge, answer, nonce count. */
import { charsetOf, credentialBytes } from "./basic.ts"
import { binaryString, hasControl, hasLoneSurrogate, latin1, utf8 } from "./characters.ts"
import { type Challenge, parseAuthParams } from "./wwwAuthenticate.ts"

/** The hash functions, each from bytes to lower-case hexadecimal digits. */
export interface DigestHash {
  readonly md5: (data: Uint8Array) => string
  readonly sha256: (data: Uint8Array) => string
}

export type DigestAlgorithm = "MD5" | "MD5-sess" | "SHA-256" | "SHA-256-sess"

/** A challenge that can be answered. */
export interface DigestChallenge {
  readonly realm: string
  readonly nonce: string
  readonly opaque: string | undefined
  readonly algorithm: DigestAlgorithm
  /** Whether the challenge names its algorithm: servers older than RFC 2617 do not know the parameter. */
  readonly algorithmNamed: boolean
  /** `undefined`: the form of RFC 2069, without nonce count. */
  readonly qop: "auth" | undefined
  /** The credential was right and only the nonce has grown old (RFC 7616 3.3). */
  readonly stale: boolean
  readonly charset: "utf-8" | undefined
  /** The URIs of the space as the server wrote them; `protectionSpace` says which of them count. */
  readonly domain: ReadonlyArray<string>
  readonly userhash: boolean
}

const algorithms: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ["md5", "MD5"],
  ["md5-sess", "MD5-sess"],
  ["sha-256", "SHA-256"],
  ["sha-256-sess", "SHA-256-sess"]
])

const isSession = (algorithm: DigestAlgorithm): boolean => algorithm === "MD5-sess" || algorithm === "SHA-256-sess"

/** Whether an algorithm rests on SHA-256 and not on MD5. */
export const isStrong = (algorithm: DigestAlgorithm): boolean => algorithm === "SHA-256" || algorithm === "SHA-256-sess"

const listOf = (text: string): ReadonlyArray<string> => text.split(/[ \t,]/).filter((item) => item !== "")

const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === "true"

/**
 * What can be answered of a challenge; `undefined` where realm or nonce is missing, the algorithm is not one of ours, or only
 * `auth-int` is offered.
 */
export const digestChallenge = (challenge: Challenge): DigestChallenge | undefined => {
  if (challenge.scheme !== "digest") return undefined
  const { params } = challenge
  const realm = params.get("realm")
  const nonce = params.get("nonce")
  const named = params.get("algorithm")
  const algorithm = algorithms.get((named ?? "MD5").toLowerCase())
  if (realm === undefined || nonce === undefined || algorithm === undefined) return undefined
  const offered = listOf((params.get("qop") ?? "").toLowerCase())
  if (offered.length > 0 && !offered.includes("auth")) return undefined
  return {
    realm,
    nonce,
    opaque: params.get("opaque"),
    algorithm,
    algorithmNamed: named !== undefined,
    qop: offered.length > 0 ? "auth" : undefined,
    stale: isTrue(params.get("stale")),
    charset: charsetOf(challenge),
    domain: listOf(params.get("domain") ?? ""),
    userhash: isTrue(params.get("userhash"))
  }
}

/** The nonce and client nonce that a session key is made of (RFC 7616 3.4.2): those of the first answer. */
export interface SessionPrime {
  readonly nonce: string
  readonly cnonce: string
}

/** So many nonces that were in use are remembered with their counts, should a server come back to one. */
const rememberedNonces = 32

/** A nonce in use, and how often. Each `next` is a count that this nonce has not had; a new nonce starts at one. */
export class DigestSession {
  #challenge: DigestChallenge
  #count = 0
  readonly #earlier = new Map<string, number>()
  #prime: SessionPrime | undefined

  constructor(challenge: DigestChallenge) {
    this.#challenge = challenge
  }

  get challenge(): DigestChallenge {
    return this.#challenge
  }

  /** What the session key was made of; `undefined` before the first `clientNonce`, and where the algorithm has no such key. */
  get prime(): SessionPrime | undefined {
    return this.#prime
  }

  /** The nonce count of the next request. */
  next(): number {
    return ++this.#count
  }

  /**
   * The client nonce to send: `fresh`, but always the first one where the algorithm has a session key. Then a server that makes
   * the key from the first request and one that makes it from each come to the same.
   */
  clientNonce(fresh: string): string {
    if (!isSession(this.#challenge.algorithm)) return fresh
    this.#prime ??= { nonce: this.#challenge.nonce, cnonce: fresh }
    return this.#prime.cnonce
  }

  /** Goes over to the `nextnonce` of an `Authentication-Info` field (RFC 7616 3.5); the nonce in use stays as it is. */
  renew(nextnonce: string): void {
    const before = this.#challenge.nonce
    if (nextnonce === before) return
    // the oldest goes first, so what is set again goes to the end
    this.#earlier.delete(before)
    this.#earlier.set(before, this.#count)
    this.#challenge = { ...this.#challenge, nonce: nextnonce, stale: false }
    this.#count = this.#earlier.get(nextnonce) ?? 0
    if (this.#earlier.size > rememberedNonces) {
      for (const oldest of this.#earlier.keys()) {
        this.#earlier.delete(oldest)
        break
      }
    }
  }
}

/** What an answer is made of. `uri` is the request target as it is sent. */
export interface DigestInput {
  readonly challenge: DigestChallenge
  readonly user: string
  readonly password: string
  readonly method: string
  readonly uri: string
  readonly nc: number
  readonly cnonce: string
  readonly hash: DigestHash
  readonly prime?: SessionPrime | undefined
}

// What a server sent is one byte per code unit, and has to be hashed as the same bytes.
const received = (text: string): Uint8Array => latin1(text) ?? utf8(text)

const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, parts.length - 1))
  let at = 0
  for (const [index, part] of parts.entries()) {
    if (index > 0) bytes[at++] = 0x3a
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const hashOf = (algorithm: DigestAlgorithm, hash: DigestHash): (data: Uint8Array) => string =>
  isStrong(algorithm) ? hash.sha256 : hash.md5

/** H(user:realm:password), the secret of one user in one realm; it may be kept in place of the password. */
export const ha1 = (input: {
  readonly challenge: Pick<DigestChallenge, "realm" | "algorithm" | "charset">
  readonly user: string
  readonly password: string
  readonly hash: DigestHash
}): string => {
  const { algorithm, charset, realm } = input.challenge
  const user = credentialBytes(input.user, charset)
  return hashOf(algorithm, input.hash)(joined(user, received(realm), credentialBytes(input.password, charset)))
}

const count = (nc: number): string => nc.toString(16).padStart(8, "0")

/** KD over a method; the empty method gives what `rspauth` has to be (RFC 7616 3.5). */
const response = (input: DigestInput, method: string): string => {
  const { challenge, cnonce } = input
  const h = hashOf(challenge.algorithm, input.hash)
  const text = (value: string): Uint8Array => received(value)
  const prime = input.prime ?? { nonce: challenge.nonce, cnonce }
  const plain = ha1(input)
  const secret = isSession(challenge.algorithm)
    ? h(joined(text(plain), text(prime.nonce), text(prime.cnonce)))
    : plain
  const what = h(joined(text(method), text(input.uri)))
  return challenge.qop === undefined
    ? h(joined(text(secret), text(challenge.nonce), text(what)))
    : h(
      joined(text(secret), text(challenge.nonce), text(count(input.nc)), text(cnonce), text(challenge.qop), text(what))
    )
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`

/** `UTF-8''...` of RFC 8187: everything but its attr-chars as `%41`. */
const extended = (text: string): string => {
  let value = "UTF-8''"
  for (const byte of utf8(text)) {
    const character = String.fromCharCode(byte)
    value += /[A-Za-z0-9!#$&+.^_`|~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }
  return value
}

/** The user, in the one of two forms that holds it (RFC 7616 3.4). */
const userParam = (user: string, charset: "utf-8" | undefined): string => {
  const composed = user.normalize("NFC")
  const bytes = latin1(composed)
  const ascii = bytes !== undefined && bytes.every((byte) => byte < 0x80)
  return ascii || (bytes !== undefined && charset === undefined)
    ? `username=${quoted(composed)}`
    : `username*=${extended(composed)}`
}

/**
 * The value of `Authorization` (RFC 7616 3.4). `undefined` for a user or password with a control character or half a surrogate
 * pair, for a method or target that a field cannot hold, and where the nonce count has run over its eight digits.
 */
export const digestAuthorization = (input: DigestInput): string | undefined => {
  const { challenge } = input
  const both = input.user + input.password
  if (hasControl(both) || hasLoneSurrogate(input.user) || hasLoneSurrogate(input.password)) return undefined
  if (hasControl(input.method + input.uri + input.cnonce) || input.nc > 0xffffffff) return undefined
  const wire = (text: string): string => quoted(binaryString(received(text)))
  const params = [
    userParam(input.user, challenge.charset),
    `realm=${wire(challenge.realm)}`,
    `uri=${wire(input.uri)}`
  ]
  if (challenge.algorithmNamed) params.push(`algorithm=${challenge.algorithm}`)
  params.push(`nonce=${wire(challenge.nonce)}`)
  if (challenge.qop !== undefined) params.push(`nc=${count(input.nc)}`)
  // without qop a client nonce is only said where the session key needs it
  if (challenge.qop !== undefined || isSession(challenge.algorithm)) params.push(`cnonce=${wire(input.cnonce)}`)
  if (challenge.qop !== undefined) params.push(`qop=${challenge.qop}`)
  params.push(`response="${response(input, input.method)}"`)
  if (challenge.opaque !== undefined) params.push(`opaque=${wire(challenge.opaque)}`)
  return `Digest ${params.join(", ")}`
}

/** What `rspauth` has to be in the answer to a request: a server that knows the password proves it so. */
export const expectedRspauth = (input: DigestInput): string => response(input, "")

/** What `Authentication-Info` says after a request that was let in (RFC 7616 3.5). */
export interface DigestInfo {
  readonly nextnonce: string | undefined
  readonly rspauth: string | undefined
  readonly qop: string | undefined
  readonly cnonce: string | undefined
  readonly nc: number | undefined
}

/** Reads `Authentication-Info`; of several lines the first that says something holds. */
export const digestInfo = (lines: ReadonlyArray<string>): DigestInfo => {
  const params = lines.map(parseAuthParams)
  const find = (name: string): string | undefined => params.find((one) => one.has(name))?.get(name)
  const nc = find("nc")
  const nextnonce = find("nextnonce")
  return {
    nextnonce: nextnonce === "" ? undefined : nextnonce,
    rspauth: find("rspauth"),
    qop: find("qop"),
    cnonce: find("cnonce"),
    nc: nc !== undefined && /^[0-9a-fA-F]{8}$/.test(nc) ? Number.parseInt(nc, 16) : undefined
  }
}
