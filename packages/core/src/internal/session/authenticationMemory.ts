/**
 * What a session has learned of protection spaces: credentials that worked, for which paths, and the nonces in use, so that
 * later requests inside the space need no challenge. An entry belongs to the resolver that gave the credential: one task's
 * secrets never answer for another's.
 */
import type { PasswordCredential } from "../../Credential.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import type { WireUrl } from "../../Transport.ts"
import type { DigestSession } from "../protocol/digest.ts"
import { covers } from "../protocol/protectionSpace.ts"

/** One space that has been entered. */
export interface SpaceEntry {
  readonly space: ProtectionSpace
  readonly credential: PasswordCredential
  /** Who gave the credential: a task-level resolver, or `undefined` for the session and its storage. */
  readonly owner: object | undefined
  /** Path prefixes of the space, by whole segments. */
  readonly prefixes: ReadonlyArray<string>
  readonly charset: "utf-8" | undefined
  /** For Digest: the challenge in use and its nonce count. */
  digest: DigestSession | undefined
}

/** Spaces of one origin that are kept at most; the oldest goes first. */
const perOrigin = 32
const origins = 1024

/** See the head of this file. */
export class AuthenticationMemory {
  readonly #byOrigin = new Map<string, Array<SpaceEntry>>()
  readonly #overridden = new Set<string>()

  /** Whether anything is known at all: the quick way past for sessions that never authenticate. */
  get isEmpty(): boolean {
    return this.#byOrigin.size === 0
  }

  /** The entry whose space covers a URL most closely. */
  find(url: WireUrl, owner: object | undefined): SpaceEntry | undefined {
    const entries = this.#byOrigin.get(url.origin)
    if (entries === undefined || this.#overridden.has(url.origin)) return undefined
    let best: SpaceEntry | undefined
    let length = -1
    for (const entry of entries) {
      if (entry.owner !== owner) continue
      for (const prefix of entry.prefixes) {
        if (prefix.length > length && covers(prefix, url.target)) {
          best = entry
          length = prefix.length
        }
      }
    }
    return best
  }

  /** The entry of a space. */
  ofSpace(origin: string, space: ProtectionSpace, owner: object | undefined): SpaceEntry | undefined {
    return this.#byOrigin.get(origin)?.find((entry) =>
      entry.owner === owner && entry.space.method === space.method && entry.space.realm === space.realm
    )
  }

  remember(origin: string, entry: SpaceEntry): void {
    if (this.#overridden.has(origin)) return
    const others = (this.#byOrigin.get(origin) ?? []).filter((one) =>
      !(one.owner === entry.owner && one.space.method === entry.space.method && one.space.realm === entry.space.realm)
    )
    if (!this.#byOrigin.has(origin) && this.#byOrigin.size >= origins) {
      const oldest = this.#byOrigin.keys().next()
      if (oldest.done !== true) this.#byOrigin.delete(oldest.value)
    }
    this.#byOrigin.set(origin, [...others.slice(-(perOrigin - 1)), entry])
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
  }
}
