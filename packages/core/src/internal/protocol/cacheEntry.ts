/** What of a response may be kept (RFC 9111 3), and how a kept one is brought up to date (RFC 9111 3.2, 4.3.4). */
import { HeaderFields, type HeaderFields as Fields } from "../http1/headerFields.ts"
import { parseContentRange, type Part, partLength } from "./byteRange.ts"
import type { ResponseControl } from "./cacheControl.ts"
import { trimBlanks } from "./characters.ts"
import { type Freshness, freshnessOf, isHeuristicallyCacheable } from "./freshness.ts"
import { controlFor } from "./targetedCacheControl.ts"
import { type Validators, validatorsOf } from "./validators.ts"
import { parseVary, type VaryPair } from "./vary.ts"

/** What kind of cache it is: a shared one serves many users, and obeys `private`, `s-maxage` and RFC 9111 3.5. */
export interface CacheMode {
  readonly shared: boolean
  /** Names of targeted fields (RFC 9213), first the one that counts most. */
  readonly targets: ReadonlyArray<string>
}

/** The head of a response as it is kept, without what is derived from it. */
export interface KeptHead {
  readonly url: string
  readonly status: number
  readonly reason: string
  readonly fields: Fields
  readonly requestTime: number
  readonly responseTime: number
  readonly vary: ReadonlyArray<VaryPair>
  /** Of a part: which one. */
  readonly part: Part | undefined
}

/** What a cache has to know of a response, worked out once. */
export interface Judged {
  readonly freshness: Freshness
  readonly validators: Validators
  /** May not be used without asking, however fresh (`no-cache`). */
  readonly mustAsk: boolean
  /** May not be used once it is stale without asking (`must-revalidate` and its like). */
  readonly neverStale: boolean
  readonly immutable: boolean
  /** It is for one user, in whole or in part (`private`). */
  readonly private: boolean
  /** Seconds after its lifetime. */
  readonly staleWhileRevalidate: number
  readonly staleIfError: number | undefined
  /** The fields that are given out: without those that `no-cache` names, without `Age`, which is counted anew. */
  readonly fields: Fields
}

/** Fields of one connection, which are none of the response's (RFC 9111 3.1, RFC 9110 7.6.1). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** It was learned when it came; kept, it would log in again whoever has logged out. */
const cookies = "set-cookie"

/** They say how the kept bytes are to be read, so they stay with those bytes. */
const ofTheBody = new Set(["content-encoding", "content-length", "content-range", "content-md5"])

const listed = (value: string): ReadonlySet<string> =>
  new Set(value.split(",").map((one) => trimBlanks(one).toLowerCase()))

/** The fields themselves where none is dropped, as most often. */
const without = (fields: Fields, drop: (name: string) => boolean): Fields => {
  const { flat } = fields
  let left: Array<string> | undefined
  for (let i = 0; i < flat.length; i += 2) {
    const [name = "", value = ""] = [flat[i], flat[i + 1]]
    if (drop(name)) left ??= flat.slice(0, i)
    else left?.push(name, value)
  }
  return left === undefined ? fields : new HeaderFields(left)
}

/** The fields that may be kept of a response. */
export const keptFields = (fields: Fields, control: ResponseControl, { shared }: CacheMode): Fields => {
  const said = fields.get("connection")
  // what nearly every server says names nothing beyond the set
  const connection = said === undefined || said === "keep-alive" ? undefined : listed(said)
  const secret = shared && typeof control.private === "object" ? control.private : []
  return without(
    fields,
    (name) => hopByHop.has(name) || name === cookies || connection?.has(name) === true || secret.includes(name)
  )
}

/** Works out what a cache has to know of a kept head. */
export const judge = (head: KeptHead, mode: CacheMode): Judged => {
  const getAll = (name: string) => head.fields.getAll(name)
  const { control, targeted } = controlFor(getAll, mode.targets)
  const named = typeof control.noCache === "object" ? control.noCache : []
  return {
    freshness: freshnessOf(
      { status: head.status, requestTime: head.requestTime, responseTime: head.responseTime, getAll },
      control,
      mode.shared,
      targeted
    ),
    validators: validatorsOf(getAll),
    mustAsk: control.noCache === true,
    neverStale: control.mustRevalidate || control.noCache === true ||
      (mode.shared && (control.proxyRevalidate || control.sharedMaxAge !== undefined)),
    immutable: control.immutable,
    private: control.private !== false,
    staleWhileRevalidate: control.staleWhileRevalidate ?? 0,
    staleIfError: control.staleIfError,
    fields: without(head.fields, (name) => name === "age" || named.includes(name))
  }
}

/** Statuses that are an answer to one request alone, or about it. */
const never = new Set([304, 401, 407, 412, 416, 417, 421, 425, 426, 428, 429, 431, 511])

/** Final statuses of RFC 9110 and its registry that this cache knows the meaning of (RFC 9111 5.2.2.3). */
const understood = (status: number): boolean =>
  (status >= 200 && status <= 206) || (status >= 300 && status <= 303) || status === 307 || status === 308 ||
  (status >= 400 && status <= 417) || status === 422 || status === 451 || (status >= 500 && status <= 505)

/** What decides whether a response may be kept. */
export interface Storable {
  readonly method: string
  /** The request said `no-store`. */
  readonly requestNoStore: boolean
  /** The request had an `Authorization`. */
  readonly authorized: boolean
  readonly url: string
  readonly status: number
  readonly fields: Fields
}

/** Why not, or what is known of it so far. */
export type StoreDecision =
  | { readonly store: false; readonly why: string }
  | {
    readonly store: true
    readonly control: ResponseControl
    readonly vary: ReadonlyArray<string>
    readonly part: Part | undefined
  }

const no = (why: string): StoreDecision => ({ store: false, why })

/** A response to POST that says that it is what GET would give (RFC 9110 9.3.3). */
const answersGet = ({ fields, url }: Storable, control: ResponseControl): boolean => {
  const location = fields.get("content-location")
  const lives = control.maxAge !== undefined || control.sharedMaxAge !== undefined || fields.has("expires")
  return location !== undefined && lives && resolves(location, url)
}

const resolves = (location: string, url: string): boolean => {
  try {
    return new URL(location, url).href === new URL(url).href
  } catch {
    return false
  }
}

/** Whether a response may be kept (RFC 9111 3). */
export const mayStore = (response: Storable, mode: CacheMode): StoreDecision => {
  const { fields, method, status } = response
  const { control, targeted } = controlFor((name) => fields.getAll(name), mode.targets)
  if (method !== "GET" && !(method === "POST" && status === 200 && answersGet(response, control))) {
    return no("its method is not kept (RFC 9111 3)")
  }
  if (status < 200 || never.has(status)) return no("its status is an answer to one request only")
  if (control.mustUnderstand && !understood(status)) return no("must-understand (RFC 9111 5.2.2.3)")
  if (response.requestNoStore) return no("the request says no-store (RFC 9111 5.2.1.5)")
  if (control.noStore && !control.mustUnderstand) return no("no-store (RFC 9111 5.2.2.5)")
  if (mode.shared) {
    if (control.private === true) return no("private (RFC 9111 5.2.2.7)")
    const allowed = control.public || control.mustRevalidate || control.sharedMaxAge !== undefined
    if (response.authorized && !allowed) return no("the request was authorized (RFC 9111 3.5)")
  }
  const explicit = control.public || (!mode.shared && control.private !== false) || control.maxAge !== undefined ||
    (mode.shared && control.sharedMaxAge !== undefined) || (!targeted && fields.has("expires"))
  if (!explicit && !isHeuristicallyCacheable(status)) return no("nothing allows it (RFC 9111 3)")
  const vary = fields.has("vary") ? parseVary(fields.getAll("vary")) : []
  if (vary === undefined) return no("it varies by more than fields (RFC 9111 4.1)")
  const part = status === 206 ? partOfHead(fields) : undefined
  if (status === 206 && part === undefined) return no("which part it is cannot be told (RFC 9110 14.4)")
  return { store: true, control, vary, part }
}

const partOfHead = (fields: Fields): Part | undefined => {
  const lines = fields.getAll("content-range")
  const part = lines.length === 1 ? parseContentRange(lines[0] ?? "") : undefined
  if (part === undefined) return undefined
  const length = fields.get("content-length")
  return length === undefined || length === String(partLength(part)) ? part : undefined
}

/**
 * The fields of a kept response after a 304, or a 200 to HEAD, that speaks of it (RFC 9111 3.2): what the answer says counts,
 * save for what describes the kept bytes.
 */
export const updatedFields = (kept: Fields, answer: Fields, mode: CacheMode): Fields => {
  const { control } = controlFor((name) => answer.getAll(name), mode.targets)
  const fresh = without(keptFields(answer, control, mode), (name) => ofTheBody.has(name))
  const replaced = new Set(Array.from(fresh, ([name]) => name))
  // how old it was when it came last says nothing about this time
  const flat: Array<string> = []
  for (const [name, value] of kept) if (!replaced.has(name) && name !== "age") flat.push(name, value)
  return new HeaderFields([...flat, ...fresh.flat])
}

const safe = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"])

/** Whether a method changes nothing (RFC 9110 9.2.1); of one that is not known that cannot be said. */
export const isSafeMethod = (method: string): boolean => safe.has(method)

/**
 * The URLs whose kept responses a response to an unsafe method makes worthless (RFC 9111 4.4): its own, and those that it
 * names in the same origin.
 */
export const invalidated = (
  method: string,
  url: string,
  status: number,
  fields: Fields
): ReadonlyArray<string> => {
  if (safe.has(method) || status < 200 || status > 399) return []
  const urls = new Set([withoutFragment(url)])
  for (const name of ["location", "content-location"]) {
    for (const value of fields.getAll(name)) {
      const named = sameOrigin(value, url)
      if (named !== undefined) urls.add(named)
    }
  }
  return [...urls]
}

const withoutFragment = (url: string): string => {
  const hash = url.indexOf("#")
  return hash < 0 ? url : url.slice(0, hash)
}

const sameOrigin = (value: string, base: string): string | undefined => {
  try {
    const url = new URL(value, base)
    return url.origin === new URL(base).origin ? withoutFragment(url.href) : undefined
  } catch {
    return undefined
  }
}
