/**
 * What a cache does with a request, given what it has (RFC 9111 4): use it, ask about it, complete it, or go on without it.
 * Pure: the stage only carries the decision out.
 */
import { contains, missing, parseRange, type Part, partOf } from "./byteRange.ts"
import { anything, type RequestControl, requestControl } from "./cacheControl.ts"
import type { Judged } from "./cacheEntry.ts"
import type { ForwardReason } from "./cacheStatus.ts"
import { currentAge, isFresh } from "./freshness.ts"
import { ifRangeHolds, isStrong } from "./validators.ts"

/** Apple's six. */
export type CachePolicy =
  | "useProtocolCachePolicy"
  | "reloadIgnoringLocalCacheData"
  | "reloadIgnoringLocalAndRemoteCacheData"
  | "returnCacheDataElseLoad"
  | "returnCacheDataDontLoad"
  | "reloadRevalidatingCacheData"

/** What a request says that matters here. */
export interface Asked {
  readonly method: string
  readonly control: RequestControl
  readonly range: string | undefined
  readonly ifRange: string | undefined
  /** The caller has asked about a version of its own. */
  readonly conditional: boolean
}

interface Field {
  readonly name: string
  readonly value: string
}

const get: Asked = { method: "GET", control: anything, range: undefined, ifRange: undefined, conditional: false }

/** Reads a request; most say nothing. */
export const askedBy = (method: string, fields: ReadonlyArray<Field>): Asked => {
  let control: string | undefined
  let pragma: string | undefined
  let range: string | undefined
  let ifRange: string | undefined
  let conditional = false
  let silent = method === "GET"
  for (const { name, value } of fields) {
    switch (name) {
      case "cache-control":
        control = control === undefined ? value : `${control}, ${value}`
        break
      case "pragma":
        pragma = value
        break
      case "range":
        range = value
        break
      case "if-range":
        ifRange = value
        break
      case "if-match":
      case "if-none-match":
      case "if-modified-since":
      case "if-unmodified-since":
        conditional = true
        break
      default:
        continue
    }
    silent = false
  }
  return silent ? get : { method, control: requestControl(control, pragma), range, ifRange, conditional }
}

/** A kept response, as far as a decision needs it. */
export interface Kept {
  readonly status: number
  readonly judged: Judged
  readonly part: Part | undefined
  /** Bytes that are here. */
  readonly length: number
}

/** What is given out of a kept response: all of it, or a part as a 206. */
export type Extent = { readonly _tag: "Whole" } | { readonly _tag: "Part"; readonly part: Part }

/** What to do. `detail` is the rule and where it stands. */
export type Decision =
  | { readonly _tag: "Use"; readonly extent: Extent; readonly refresh: boolean; readonly detail: string }
  /** Ask whether it still holds; `staleIfError`: and use it if nobody can be asked. */
  | {
    readonly _tag: "Validate"
    readonly extent: Extent
    readonly staleIfError: boolean
    readonly endToEnd: boolean
    readonly detail: string
  }
  /** Ask for what is missing of it. */
  | { readonly _tag: "Complete"; readonly range: string; readonly detail: string }
  | {
    readonly _tag: "Forward"
    readonly reason: ForwardReason
    /** What may be used if nobody can be asked. */
    readonly staleIfError: Extent | undefined
    readonly detail: string
  }
  /** Nothing may be asked of the network, and nothing is here (RFC 9111 5.2.1.7). */
  | { readonly _tag: "Unsatisfiable"; readonly detail: string }

const whole: Extent = { _tag: "Whole" }
const useFresh: Decision = { _tag: "Use", extent: whole, refresh: false, detail: "fresh (RFC 9111 4.2)" }

const forward = (reason: ForwardReason, detail: string, staleIfError?: Extent): Decision => ({
  _tag: "Forward",
  reason,
  staleIfError,
  detail
})

/** What of a kept response answers a request; `undefined` where it does not. */
export const extentOf = (asked: Asked, kept: Kept): Extent | undefined => {
  const { part } = kept
  if (asked.range === undefined || asked.method !== "GET") return part === undefined ? whole : undefined
  if (kept.status !== 200 && part === undefined) return whole
  if (asked.ifRange !== undefined && !ifRangeHolds(asked.ifRange, kept.judged.validators)) {
    return part === undefined ? whole : undefined
  }
  const range = parseRange(asked.range)
  const total = part?.total ?? kept.length
  const wanted = range === undefined ? undefined : partOf(range, total)
  if (wanted === undefined) return undefined
  return contains(part ?? { first: 0, last: total - 1, total }, wanted) ? { _tag: "Part", part: wanted } : undefined
}

/** Whether it may be used though it is stale, when nobody can be asked (RFC 5861 4). */
const mayBeStale = (asked: Asked, { freshness, neverStale, staleIfError }: Judged, now: number): boolean => {
  if (neverStale || asked.control.noCache) return false
  const allowed = Math.max(staleIfError ?? -1, asked.control.staleIfError ?? -1)
  return allowed >= 0 && staleness(freshness, now) <= allowed * 1000
}

/** Milliseconds since it stopped being fresh. */
const staleness = (freshness: Judged["freshness"], now: number): number =>
  currentAge(freshness, now) - freshness.lifetime * 1000

/** Whether the request itself wants something fresher than what is fresh (RFC 9111 5.2.1). */
const wantsFresher = ({ control }: Asked, { freshness }: Judged, now: number): string | undefined => {
  if (control.noCache) return "the request says no-cache (RFC 9111 5.2.1.4)"
  const age = currentAge(freshness, now) / 1000
  if (control.maxAge !== undefined && (age > control.maxAge || control.maxAge === 0)) {
    return "older than the request's max-age (RFC 9111 5.2.1.1)"
  }
  if (control.minFresh !== undefined && freshness.lifetime - age < control.minFresh) {
    return "not fresh for long enough (RFC 9111 5.2.1.3)"
  }
  return undefined
}

/** With what is kept and would answer. */
const withKept = (asked: Asked, policy: CachePolicy, kept: Kept, extent: Extent, now: number): Decision => {
  const { judged } = kept
  const { freshness } = judged
  const { control } = asked
  const fresh = isFresh(freshness, now)
  const ask = (detail: string, endToEnd = false): Decision => {
    const staleIfError = mayBeStale(asked, judged, now)
    if (control.onlyIfCached) return { _tag: "Unsatisfiable", detail: "only-if-cached (RFC 9111 5.2.1.7)" }
    const { etag, lastModified } = judged.validators
    return etag === undefined && lastModified === undefined
      ? forward(fresh ? "request" : "stale", detail, staleIfError ? extent : undefined)
      : { _tag: "Validate", extent, staleIfError, endToEnd, detail }
  }
  if (policy === "reloadRevalidatingCacheData") {
    return fresh && judged.immutable && !judged.mustAsk
      ? { ...useFresh, extent, detail: "immutable, so not asked about while fresh (RFC 8246 2)" }
      : ask("the policy is reloadRevalidatingCacheData", true)
  }
  if (judged.mustAsk) return ask("no-cache (RFC 9111 5.2.2.4)")
  const fresher = wantsFresher(asked, judged, now)
  if (fresh) {
    if (fresher === undefined) return extent === whole ? useFresh : { ...useFresh, extent }
    // a reload is what immutable is about
    return judged.immutable && !control.noCache && control.maxAge === 0 && control.minFresh === undefined
      ? { ...useFresh, extent, detail: "immutable, so not asked about while fresh (RFC 8246 2)" }
      : ask(fresher)
  }
  if (fresher !== undefined) return ask(fresher)
  if (judged.neverStale) return ask("stale, and must be asked about (RFC 9111 5.2.2.2)")
  // since when it is stale cannot be told where the clock has gone back
  if (now < freshness.receivedAt) return ask("the clock was set back since it came (RFC 9111 4.2)")
  const late = staleness(freshness, now)
  if (control.maxStale !== undefined && late <= control.maxStale * 1000) {
    return { _tag: "Use", extent, refresh: false, detail: "the request takes stale responses (RFC 9111 5.2.1.2)" }
  }
  if (late < judged.staleWhileRevalidate * 1000 && control.minFresh === undefined && !control.onlyIfCached) {
    return { _tag: "Use", extent, refresh: true, detail: "stale-while-revalidate (RFC 5861 3)" }
  }
  return ask("stale (RFC 9111 4.2)")
}

/** A part that a request for the whole can be completed with (RFC 9110 15.3.7.3). */
const completion = (asked: Asked, kept: Kept, now: number): Decision | undefined => {
  const range = kept.part === undefined ? undefined : missing(kept.part)
  const may = asked.method === "GET" && asked.range === undefined && range !== undefined &&
    isStrong(kept.judged.validators.etag) && !asked.control.noCache
  return may
    ? {
      _tag: "Complete",
      range,
      detail: `a part is here, ${isFresh(kept.judged.freshness, now) ? "fresh" : "stale"} (RFC 9111 3.4)`
    }
    : undefined
}

const reloads: ReadonlySet<CachePolicy> = new Set([
  "reloadIgnoringLocalCacheData",
  "reloadIgnoringLocalAndRemoteCacheData"
])

/** Decides about a request. `kept` is what its URL and its fields choose; `others`: there is something for other fields. */
export const decide = (
  asked: Asked,
  policy: CachePolicy,
  kept: Kept | undefined,
  others: boolean,
  revalidate: boolean,
  now: number
): Decision => {
  if (reloads.has(policy)) return forward("request", `the policy is ${policy}`)
  const extent = kept === undefined || asked.conditional ? undefined : extentOf(asked, kept)
  const offline = policy === "returnCacheDataDontLoad"
  if (offline || policy === "returnCacheDataElseLoad") {
    if (extent !== undefined) return { _tag: "Use", extent, refresh: false, detail: `the policy is ${policy}` }
    if (offline) return { _tag: "Unsatisfiable", detail: `the policy is ${policy}` }
  }
  if (asked.control.onlyIfCached && extent === undefined) {
    return { _tag: "Unsatisfiable", detail: "only-if-cached (RFC 9111 5.2.1.7)" }
  }
  if (asked.conditional) return forward("bypass", "the caller asks about a version of its own")
  if (asked.control.noStore) return forward("bypass", "the request says no-store (RFC 9111 5.2.1.5)")
  if (kept === undefined) {
    return others ? forward("vary-miss", "kept for other fields (RFC 9111 4.1)") : forward("uri-miss", "not kept")
  }
  if (extent === undefined) {
    return completion(asked, kept, now) ?? forward("partial", "what is kept does not hold the range (RFC 9111 3.3)")
  }
  if (!revalidate) return withKept(asked, policy, kept, extent, now)
  const decision = withKept(asked, "reloadRevalidatingCacheData", kept, extent, now)
  return decision._tag === "Validate"
    ? { ...decision, endToEnd: false, detail: "a later round of authentication" }
    : decision
}
