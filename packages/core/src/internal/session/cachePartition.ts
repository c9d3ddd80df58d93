/**
 * Whose responses are whose (RFC 9111 7.3 and beyond): one session may serve many users, and what one was answered is nothing
 * for another. A request without credentials is in the empty partition; every other one in a keyed hash of what it carries.
 */
import type { WireRequest } from "../../Transport.ts"
import { utf8 } from "../protocol/characters.ts"
import { hex, hmacSha256 } from "../protocol/sha256.ts"
import { StoredCookies } from "../requestField.ts"
import type { ExchangeContext } from "./exchangeContext.ts"

/** Objects that are told apart by being themselves, under names that no other process makes. */
class Names {
  readonly #process = hex(crypto.getRandomValues(new Uint8Array(16)))
  readonly #ids = new WeakMap<object, number>()
  #last = 0

  of(object: object): string {
    let id = this.#ids.get(object)
    if (id === undefined) this.#ids.set(object, id = ++this.#last)
    return `${this.#process}/${id}`
  }
}

const names = new Names()

/** Fields that carry a credential by their own name or by custom. */
const credential =
  /(^|[-_])(authorization|auth|cookie|token|secret|password|session|jwt|api-?key|access-?key)s?($|[-_])/
const known = new Map<string, boolean>()
const namesRemembered = 512

/** Whether what is sent in a field may be what tells one user from another. */
export const isCredentialField = (name: string): boolean => {
  const before = known.get(name)
  if (before !== undefined) return before
  if (known.size >= namesRemembered) known.clear()
  const is = credential.test(name)
  known.set(name, is)
  return is
}

/** Schemes whose answers are made anew for every request: nothing kept under one would be found again. */
const oneTime = /^(?:digest|ntlm|negotiate|hawk|dpop)\b/i

const remembered = 256

/** See the head of this file. */
export class Partitions {
  readonly #key: Uint8Array
  /** Of the cookie store, where there is one. */
  readonly #cookies: string
  readonly #hashes = new Map<string, string>()

  constructor(key: Uint8Array, cookieStore: object | undefined) {
    this.#key = key
    this.#cookies = cookieStore === undefined ? "" : `cookies:${names.of(cookieStore)}\n`
  }

  /**
   * The partition of a request; `undefined` where nothing that is kept for it could be found again. Cookies of a store are the
   * store's: it is the store that counts, and not what is in it at the moment, for a request that has some and for a response
   * that sets some.
   */
  of(request: WireRequest, context: ExchangeContext, setsCookies: boolean): string | undefined {
    return this.#of(request, context, setsCookies, this.#cookies)
  }

  /**
   * Where the answers are that the same user got before the store had a cookie for the URL: they were nobody's in particular, so
   * they are this store's too. Never the other way round. `undefined` for a request that carries no cookie of the store.
   */
  beforeCookies(request: WireRequest, context: ExchangeContext): string | undefined {
    return request.fields.some((field) => field instanceof StoredCookies)
      ? this.#of(request, context, false, "")
      : undefined
  }

  #of(request: WireRequest, context: ExchangeContext, setsCookies: boolean, store: string): string | undefined {
    let parts = setsCookies ? store : ""
    for (const field of request.fields) {
      const { name, value } = field
      if (!isCredentialField(name)) continue
      if (name === "authorization" && oneTime.test(value)) return undefined
      if (name === "cookie" && this.#cookies !== "") {
        if (!setsCookies) parts += store
        // any other is the caller's or an interceptor's, who may speak for many users
        if (field instanceof StoredCookies) continue
      }
      parts += `${name}:${value.length}:${value}\n`
    }
    const { identity } = context.trust
    const { cachePartition } = context.options
    if (cachePartition !== undefined) parts += `partition:${cachePartition.length}:${cachePartition}\n`
    if (context.trust.decide !== undefined || context.trust.roots._tag !== "System" || identity !== undefined) {
      parts += `trust:${names.of(context.trust)}\n`
    }
    if (identity !== undefined && request.url.scheme === "https") {
      const presented = identity.known(request.url.host, request.url.port)?.identity
      if (presented !== undefined) parts += `identity:${names.of(presented)}\n`
    }
    return parts === "" ? "" : this.#hash(parts)
  }

  #hash(parts: string): string {
    const before = this.#hashes.get(parts)
    if (before !== undefined) return before
    if (this.#hashes.size >= remembered) this.#hashes.clear()
    const hash = hex(hmacSha256(this.#key, utf8(parts)))
    this.#hashes.set(parts, hash)
    return hash
  }
}
