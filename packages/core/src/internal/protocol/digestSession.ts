/** The nonces in use and how often each has been: no count is ever used twice, whoever uses the nonce. */
import { byteText, type DigestChallenge, hasSessionKey } from "./digest.ts"

/** How often a nonce has been used. */
interface Uses {
  count: number
}

/** So many nonces are remembered with their counts, and so many characters of them, should a server come back to one. */
const maximumNonces = 1024
const maximumCharacters = 1_048_576

/**
 * The counts of all nonces of a session. Servers give one nonce to many requests, by challenges and by `nextnonce`, and refuse
 * a count that they have seen: so a nonce has one count, not one for each challenge, user or algorithm.
 */
export class NonceCounts {
  readonly #uses = new Map<string, Uses>()
  #characters = 0

  /** The uses of a nonce of an origin. */
  of(origin: string, nonce: string): Uses {
    const key = `${origin} ${nonce}`
    const known = this.#uses.get(key)
    // the oldest goes first, so what is used again goes to the end
    if (known !== undefined) this.#uses.delete(key)
    else this.#characters += key.length
    const uses = known ?? { count: 0 }
    this.#uses.set(key, uses)
    for (const oldest of this.#uses.keys()) {
      if (this.#uses.size <= maximumNonces && this.#characters <= maximumCharacters) break
      this.#uses.delete(oldest)
      this.#characters -= oldest.length
    }
    return uses
  }

  clear(): void {
    this.#uses.clear()
    this.#characters = 0
  }
}

/** The nonce and client nonce that a session key is made of (RFC 7616 3.4.2): those of the first answer. */
export interface SessionPrime {
  readonly nonce: string
  readonly cnonce: string
}

/** A challenge in use. Each `next` is a count that its nonce has not had. */
export class DigestSession {
  readonly #counts: NonceCounts
  readonly #origin: string
  #challenge: DigestChallenge
  #uses: Uses
  #prime: SessionPrime | undefined

  constructor(challenge: DigestChallenge, counts: NonceCounts = new NonceCounts(), origin = "") {
    this.#challenge = challenge
    this.#counts = counts
    this.#origin = origin
    this.#uses = counts.of(origin, challenge.nonce)
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
    return ++this.#uses.count
  }

  /**
   * The client nonce to send: `fresh`, but always the first one where the algorithm has a session key. Then a server that makes
   * the key from the first request and one that makes it from each come to the same.
   */
  clientNonce(fresh: string): string {
    if (!hasSessionKey(this.#challenge.algorithm)) return fresh
    this.#prime ??= { nonce: this.#challenge.nonce, cnonce: fresh }
    return this.#prime.cnonce
  }

  /** Goes over to the `nextnonce` of an `Authentication-Info` field (RFC 7616 3.5); the nonce in use stays as it is. */
  renew(nextnonce: string): void {
    if (nextnonce === this.#challenge.nonce) return
    this.#challenge = { ...this.#challenge, nonce: byteText(nextnonce), stale: false }
    this.#uses = this.#counts.of(this.#origin, this.#challenge.nonce)
  }
}
