/** Turns a credential and a space into an `Authorization` field. */
import * as Redacted from "effect/Redacted"
import type { DigestsService, HashName } from "../../Digests.ts"
import { AuthenticationError } from "../../SessionError.ts"
import type { RequestField, WireRequest } from "../../Transport.ts"
import { basicAuthorization } from "../protocol/basic.ts"
import { type DigestQop, hashName } from "../protocol/digest.ts"
import type { DigestInfo } from "../protocol/digestInfo.ts"
import type { DigestSession } from "../protocol/digestSession.ts"
import type { DigestRequest, DigestUser } from "../protocol/digestUser.ts"
import { BoundField } from "../requestField.ts"
import type { SpaceEntry } from "../session/authenticationMemory.ts"

/** The Digest answers of one request: one count for each sending, and what the server has to prove to the last of them. */
export class DigestProof {
  readonly #session: DigestSession
  readonly #user: DigestUser
  readonly #digests: DigestsService
  readonly #bodyHash: string | undefined
  #last: DigestRequest | undefined = undefined

  constructor(session: DigestSession, user: DigestUser, digests: DigestsService, bodyHash: string | undefined) {
    this.#session = session
    this.#user = user
    this.#digests = digests
    this.#bodyHash = bodyHash
  }

  /** The value for the next sending. */
  next(request: WireRequest): string | undefined {
    const session = this.#session
    const cnonce = session.clientNonce(this.#digests.randomHex(16))
    this.#last = {
      challenge: session.challenge,
      method: request.method,
      uri: request.url.target,
      nc: session.next(),
      cnonce,
      prime: session.prime,
      bodyHash: this.#bodyHash
    }
    return this.#user.authorization(this.#last)
  }

  /** The protection that the last request had. */
  get qop(): DigestQop | undefined {
    return this.#last?.challenge.qop
  }

  /** The hash function of the algorithm in use. */
  get hash(): HashName {
    return hashName(this.#session.challenge.algorithm)
  }

  /** The server names the nonce of the next request. */
  renew(nextnonce: string): void {
    this.#session.renew(nextnonce)
  }

  /** What the server has to say to the last request. A protection that is none of ours proves nothing. */
  expected(qop: DigestInfo["qop"], bodyHash: string | undefined): string | undefined {
    const last = this.#last
    return last === undefined || qop === "unknown"
      ? undefined
      : this.#user.rspauth(last, qop ?? last.challenge.qop, bodyHash)
  }
}

/** A request with its credential. */
export interface Authorized {
  readonly _tag: "Authorized"
  readonly request: WireRequest
  readonly proof: DigestProof | undefined
}

/** The request with the value in it, in place of an `Authorization` that it had. */
export const withAuthorization = (request: WireRequest, value: string): WireRequest => {
  const fields: Array<RequestField> = []
  for (const field of request.fields) if (field.name !== "authorization") fields.push(field)
  fields.push(new BoundField("authorization", value))
  return { ...request, fields }
}

/** The same request for another sending: a Digest answer is good for one. */
export const authorizedAgain = (request: WireRequest, proof: DigestProof): WireRequest => {
  const value = proof.next(request)
  return value === undefined ? request : withAuthorization(request, value)
}

const unusable = (request: WireRequest, entry: SpaceEntry): AuthenticationError => {
  const detail = entry.credential._tag === "Token"
    ? "a token is made of visible ASCII characters without a blank (RFC 6750 2.1)"
    : "the user name cannot be sent by this method: it holds a colon or control characters"
  return new AuthenticationError({
    url: request.url.href,
    reason: { _tag: "CredentialUnusable", space: entry.space.toString(), detail }
  })
}

const authorized = (
  request: WireRequest,
  entry: SpaceEntry,
  value: string | undefined,
  proof?: DigestProof
): Authorized | AuthenticationError =>
  value === undefined
    ? unusable(request, entry)
    : { _tag: "Authorized", request: withAuthorization(request, value), proof }

/** The request with the credential in it, in place of an `Authorization` that it had. */
export const authorize = (
  request: WireRequest,
  entry: SpaceEntry,
  digests: DigestsService | undefined,
  bodyHash: string | undefined
): Authorized | AuthenticationError => {
  const { credential, digest, user } = entry
  if (credential._tag === "Token") {
    const token = Redacted.value(credential.token)
    return authorized(request, entry, /^[\x21-\x7e]+$/.test(token) ? `Bearer ${token}` : undefined)
  }
  if (entry.space.method === "Basic") {
    const password = Redacted.value(credential.password)
    return authorized(request, entry, basicAuthorization({ user: credential.user, password }))
  }
  if (digest === undefined || user === undefined || digests === undefined) return unusable(request, entry)
  const proof = new DigestProof(digest, user, digests, bodyHash)
  return authorized(request, entry, proof.next(request), proof)
}
