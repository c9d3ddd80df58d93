/**
 * What a session has learned of protection spaces: credentials that worked, for which paths, and the nonces in use, so that
 * later requests inside the space need no challenge. An entry belongs to the resolver that gave the credential: one task's
 * secrets never answer for another's.
 */
import type { AuthenticationScheme, SchemeChallenge } from "../../AuthenticationScheme.ts"
import { equals, type HttpCredential, type PasswordCredential } from "../../Credential.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import type { WireUrl } from "../../Transport.ts"
import type { DigestChallenge } from "../protocol/digest.ts"
import { DigestSession, NonceCounts } from "../protocol/digestSession.ts"
import type { DigestUser } from "../protocol/digestUser.ts"
import { covers } from "../protocol/protectionSpace.ts"
import type { Resolver } from "../resolver.ts"

/**
 * Who gave a credential: a task-level resolver, the user info of a URL (which is the credential itself), or `undefined` for
 * the session and its storage.
 */
export type Owner = Resolver | PasswordCredential | undefined

const sameOwner = (left: Owner, right: Owner): boolean =>
  left === right || (left?._tag === "Password" && right?._tag === "Password" && equals(left, right))

/** What a scheme needs to answer again. */
export interface SchemeUse {
  readonly scheme: AuthenticationScheme
  /** The one that begins an exchange. */
  readonly challenge: SchemeChallenge
  /** Whose the connections are, where the scheme authenticates those. */
  readonly user: object
}

/** One space that has been entered. */
export interface SpaceEntry {
  readonly space: ProtectionSpace
  readonly credential: HttpCredential
  readonly owner: Owner
  /** Path prefixes of the space, by whole segments. */
  readonly prefixes: ReadonlyArray<string>
  /** For Digest: the challenge in use and its nonce count. */
  readonly digest: DigestSession | undefined
  /** For Digest: the hash of the password; `undefined` where the credential cannot be sent. */
  readonly user: DigestUser | undefined
  /** For a scheme that is not built in here. */
  readonly scheme: SchemeUse | undefined
  /** The strength of the challenge that it answers. */
  readonly strength: number
  /** Given by default handling where only the request's own option allowed it: not sent ahead where that is not said again. */
  readonly insecure: boolean
}

/** Spaces of one origin that are kept at most; the oldest goes first. */
const perOrigin = 32
const origins = 1024
/** Challenges that requests share, and prefixes of one space. */
const challenges = 256
const prefixes = 32

const strengthKey = (origin: string, realm: string | undefined): string =>
  realm === undefined ? origin : `${origin} ${realm}`

const sameSpace = (left: SpaceEntry, right: SpaceEntry): boolean =>
  sameOwner(left.owner, right.owner) && left.space.method === right.space.method &&
  left.space.realm === right.space.realm

/** Whether two challenges of one realm and algorithm are answered in the same words. */
const sameAnswers = (one: DigestChallenge, other: DigestChallenge): boolean =>
  one.nonce === other.nonce && one.opaque === other.opaque && one.qop === other.qop &&
  one.userhash === other.userhash && one.charset === other.charset && one.algorithmNamed === other.algorithmNamed

/** The prefixes of both, without those that another one covers. */
const union = (known: ReadonlyArray<string>, added: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...known.filter((one) => !added.some((other) => covers(other, one))).slice(-(prefixes - 1)),
  ...added
]

/** See the head of this file. */
export class AuthenticationMemory {
  readonly #byOrigin = new Map<string, Array<SpaceEntry>>()
  readonly #overridden = new Set<string>()
  readonly #digests = new Map<string, DigestSession>()
  readonly #users: Array<HttpCredential> = []
  /** By origin and realm, the strength of what has let somebody in. */
  readonly #strengths = new Map<string, number>()
  readonly counts = new NonceCounts()

  /** Whether anything is known at all: the quick way past for sessions that never authenticate. */
  get isEmpty(): boolean {
    return this.#byOrigin.size === 0
  }

  /** The entry whose space covers a URL most closely; of several the newest. */
  find(url: WireUrl, owner: Owner): SpaceEntry | undefined {
    const entries = this.#byOrigin.get(url.origin)
    if (entries === undefined || this.#overridden.has(url.origin)) return undefined
    let best: SpaceEntry | undefined
    let length = -1
    for (const entry of entries) {
      if (!sameOwner(entry.owner, owner)) continue
      for (const prefix of entry.prefixes) {
        if (prefix.length >= length && covers(prefix, url.target)) {
          best = entry
          length = prefix.length
        }
      }
    }
    return best
  }

  /** Stands for a user in the pool of connections, by the credential; two of one user with one password are the same. */
  userOf(credential: HttpCredential): object {
    const known = this.#users.find((one) => equals(one, credential))
    if (known !== undefined) return known
    if (this.#users.length >= perOrigin) this.#users.shift()
    this.#users.push(credential)
    return credential
  }

  /** The strength of what was last accepted in a realm of an origin; to have none is a realm of its own. */
  strengthOf(origin: string, realm: string | undefined): number {
    return this.#strengths.get(strengthKey(origin, realm)) ?? 0
  }

  /** Somebody was let in: nothing weaker is answered there from now on. */
  entered(origin: string, realm: string | undefined, strength: number): void {
    if (strength <= this.strengthOf(origin, realm)) return
    if (this.#strengths.size >= origins * perOrigin) this.#strengths.clear()
    this.#strengths.set(strengthKey(origin, realm), strength)
  }

  /** A challenge in use: all answers to one that came many times belong together, as one session key makes them. */
  digestOf(origin: string, challenge: DigestChallenge): DigestSession {
    const key = `${origin} ${challenge.algorithm} ${challenge.nonce} ${challenge.realm}`
    const known = this.#digests.get(key)
    if (known !== undefined && sameAnswers(known.challenge, challenge)) return known
    if (this.#digests.size >= challenges) {
      for (const oldest of this.#digests.keys()) {
        this.#digests.delete(oldest)
        break
      }
    }
    const fresh = new DigestSession(challenge, this.counts, origin)
    this.#digests.set(key, fresh)
    return fresh
  }

  /** Gives the entry as it is kept. */
  remember(origin: string, entry: SpaceEntry): SpaceEntry {
    if (this.#overridden.has(origin)) return entry
    const known = this.#byOrigin.get(origin) ?? []
    const before = known.find((one) => sameSpace(one, entry))
    const others = known.filter((one) => one !== before)
    if (!this.#byOrigin.has(origin) && this.#byOrigin.size >= origins) {
      const oldest = this.#byOrigin.keys().next()
      if (oldest.done !== true) this.#byOrigin.delete(oldest.value)
    }
    // the space of one credential is wherever it has worked; another credential begins anew
    const merged = before !== undefined && equals(before.credential, entry.credential)
      ? { ...entry, prefixes: union(before.prefixes, entry.prefixes) }
      : entry
    this.#byOrigin.set(origin, [...others.slice(-(perOrigin - 1)), merged])
    return merged
  }

  forget(origin: string, entry: SpaceEntry): void {
    const entries = this.#byOrigin.get(origin)?.filter((one) => one !== entry)
    if (entries === undefined) return
    if (entries.length === 0) this.#byOrigin.delete(origin)
    else this.#byOrigin.set(origin, entries)
  }

  /** An origin was accepted against the platform's verdict: nothing is kept for it, and nothing sent unasked. */
  override(origin: string): void {
    this.#overridden.add(origin)
    this.#byOrigin.delete(origin)
  }

  clear(): void {
    this.#byOrigin.clear()
    this.#overridden.clear()
    this.#digests.clear()
    this.#strengths.clear()
    this.#users.length = 0
    this.counts.clear()
  }
}
