/** One user's answers to Digest challenges (RFC 7616 3.4), and what a server has to answer who knows the user as well (3.5). */
import { credentialBytes } from "./basic.ts"
import { binaryString, hasControl, hasLoneSurrogate, latin1, lentBytes, utf8 } from "./characters.ts"
import { byteText, type DigestChallenge, type DigestHash, type DigestQop, hashOf, hasSessionKey } from "./digest.ts"
import type { SessionPrime } from "./digestSession.ts"

/** What an answer is made of, beside the user. */
export interface DigestRequest {
  readonly challenge: DigestChallenge
  readonly method: string
  /** The request target as it is sent. */
  readonly uri: string
  readonly nc: number
  readonly cnonce: string
  readonly prime: SessionPrime | undefined
  /** H(body), for `auth-int`. */
  readonly bodyHash: string | undefined
}

/** What of an answer is the same for every request on one nonce. */
interface Fixed {
  readonly challenge: DigestChallenge
  readonly head: string
  readonly nonce: string
  readonly response: string
  readonly tail: string
}

const zeros = "00000000"

const count = (nc: number): string => {
  const digits = nc.toString(16)
  return digits.length < 8 ? zeros.slice(digits.length) + digits : digits
}

const quoted = (text: string): string => `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`

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
  const bytes = utf8(composed)
  // servers that name no charset do not know `username*` either, and compare bytes
  return charset === undefined || bytes.every((byte) => byte < 0x80)
    ? `username=${quoted(binaryString(bytes))}`
    : `username*=${extended(composed)}`
}

const fixedParts = (challenge: DigestChallenge, username: string): Fixed => {
  const { algorithm, algorithmNamed, nonce, opaque, qop, realm, userhash } = challenge
  return {
    challenge,
    head: `Digest ${username}, realm=${quoted(realm)}, uri=`,
    nonce: `${algorithmNamed ? `, algorithm=${algorithm}` : ""}, nonce=${quoted(nonce)}`,
    response: `${qop === undefined ? "" : `, qop=${qop}`}, response="`,
    tail: `"${opaque === undefined ? "" : `, opaque=${quoted(opaque)}`}${userhash ? ", userhash=true" : ""}`
  }
}

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

/** What makes a user's secret, and the form of the user's name. */
type Kind = Pick<DigestChallenge, "realm" | "algorithm" | "charset" | "userhash">

/** Keeps H(user:realm:password), in place of the password. */
export class DigestUser {
  readonly #kind: Kind
  readonly #h: (data: Uint8Array) => string
  /** The parameter that names the user. */
  readonly #username: string
  readonly #secret: string
  #key: { readonly prime: SessionPrime; readonly secret: string } | undefined = undefined
  #fixed: Fixed | undefined = undefined

  private constructor(kind: Kind, user: string, password: string, hash: DigestHash) {
    const h = hashOf(kind.algorithm, hash)
    const name = credentialBytes(user)
    const realm = latin1(kind.realm) ?? utf8(kind.realm)
    this.#kind = kind
    this.#h = h
    this.#username = kind.userhash ? `username="${h(joined(name, realm))}"` : userParam(user, kind.charset)
    this.#secret = h(joined(name, realm, credentialBytes(password)))
  }

  /** `undefined` for a user or password with a control character or half a surrogate pair. */
  static of(kind: Kind, user: string, password: string, hash: DigestHash): DigestUser | undefined {
    return hasControl(user + password) || hasLoneSurrogate(user) || hasLoneSurrogate(password)
      ? undefined
      : new DigestUser(kind, user, password, hash)
  }

  /** Whether this is the user's secret for another challenge, too. */
  serves({ algorithm, charset, realm, userhash }: Kind): boolean {
    const kind = this.#kind
    return kind.realm === realm && kind.algorithm === algorithm && kind.charset === charset &&
      kind.userhash === userhash
  }

  /**
   * The value of `Authorization`. `undefined` for a method or target that a field cannot hold, and where the nonce count has
   * run over its eight digits.
   */
  authorization(request: DigestRequest): string | undefined {
    const { challenge, cnonce, method, uri } = request
    if (hasControl(method) || hasControl(uri) || request.nc > 0xffffffff) return undefined
    let fixed = this.#fixed
    // a challenge is replaced, never changed
    if (fixed?.challenge !== challenge) fixed = this.#fixed = fixedParts(challenge, this.#username)
    // without qop a client nonce is only said where the session key needs it
    const counted = challenge.qop === undefined
      ? hasSessionKey(challenge.algorithm) ? `, cnonce=${quoted(cnonce)}` : ""
      : `, nc=${count(request.nc)}, cnonce=${quoted(cnonce)}`
    const response = this.#response(request, challenge.qop, method, request.bodyHash)
    return fixed.head + quoted(byteText(uri)) + fixed.nonce + counted + fixed.response + response + fixed.tail
  }

  /**
   * What `rspauth` has to be in the answer to a request. `qop` is what the server says of its response, and `bodyHash` that
   * response's.
   */
  rspauth(request: DigestRequest, qop: DigestQop | undefined, bodyHash: string | undefined): string {
    return this.#response(request, qop, "", bodyHash)
  }

  #response(request: DigestRequest, qop: DigestQop | undefined, method: string, bodyHash: string | undefined): string {
    const h = this.#h
    const { challenge, cnonce, nc, uri } = request
    const covered = qop === "auth-int" ? `:${bodyHash ?? h(new Uint8Array(0))}` : ""
    const what = h(lentBytes(`${method}:${byteText(uri)}${covered}`))
    const protection = qop === undefined ? "" : `:${count(nc)}:${cnonce}:${qop}`
    return h(lentBytes(`${this.#keyFor(request)}:${challenge.nonce}${protection}:${what}`))
  }

  #keyFor({ challenge, cnonce, prime }: DigestRequest): string {
    if (!hasSessionKey(challenge.algorithm)) return this.#secret
    const known = this.#key
    if (prime !== undefined && known?.prime === prime) return known.secret
    const made = prime ?? { nonce: challenge.nonce, cnonce }
    const secret = this.#h(lentBytes(`${this.#secret}:${made.nonce}:${made.cnonce}`))
    this.#key = { prime: made, secret }
    return secret
  }
}
