/**
 * Cookies in memory, by domain, and the domains by site: looking up costs what a host has, whatever else there is. Not
 * bounded by itself; `evict` is.
 */
import type { Cookie } from "../../Cookie.ts"
import { domainMatches, pathMatches } from "../protocol/cookieMatch.ts"
import { excess, type Limits } from "./eviction.ts"
import { registrable } from "./site.ts"

/** A cookie with its place among the others. */
export interface Entry {
  cookie: Cookie
  /** As it goes out. */
  pair: string
  readonly key: string
  readonly order: number
  /** Grows with every use. */
  used: number
}

/** The cookies of one domain. */
export interface Group {
  readonly domain: string
  readonly entries: Map<string, Entry>
  /** In the order of the field; `undefined` after a change. */
  sorted: ReadonlyArray<Entry> | undefined
}

/** A question to the store. */
export interface Question {
  readonly host: string
  readonly path: string
  readonly secure: boolean
  readonly http: boolean
  /** `all`, `lax` for `Lax` and `None`, or `none` for `None` alone. */
  readonly sameSite: "all" | "lax" | "none"
  readonly partition: string
  readonly now: number
}

/** What keeps a cookie of a domain from going along. */
export type Withheld = "Expired" | "OtherHost" | "OtherPath" | "NotSecure" | "HttpOnly" | "OtherPartition" | "CrossSite"

/** Told of every change; the store itself has none to tell. */
export interface Watcher {
  readonly put: (cookie: Cookie) => void
  readonly removed: (cookie: Cookie) => void
}

const keyOf = (cookie: Cookie): string =>
  `${cookie.hostOnly ? "h" : "d"}${cookie.partitionKey ?? ""}\n${cookie.path}\n${cookie.name}`

/** What makes two cookies one, over all domains. */
export const identity = (cookie: Cookie): string => `${cookie.domain}\n${keyOf(cookie)}`

const pairOf = (cookie: Cookie): string => cookie.name === "" ? cookie.value : `${cookie.name}=${cookie.value}`

const inOrder = (a: Entry, b: Entry): number =>
  b.cookie.path.length - a.cookie.path.length || a.cookie.createdAt - b.cookie.createdAt || a.order - b.order

const same = (a: Cookie, b: Cookie): boolean =>
  a.value === b.value && a.expires === b.expires && a.secure === b.secure && a.httpOnly === b.httpOnly &&
  a.sameSite === b.sameSite

export const isExpired = (cookie: Cookie, now: number): boolean => cookie.expires !== undefined && cookie.expires <= now

/** Whether the site that asks keeps a cookie back. */
const isCrossSite = (cookie: Cookie, sameSite: Question["sameSite"]): boolean =>
  sameSite !== "all" && cookie.sameSite !== "None" && (sameSite === "none" || cookie.sameSite === "Strict")

const reasonOf = (cookie: Cookie, question: Question): Withheld | undefined => {
  if (isExpired(cookie, question.now)) return "Expired"
  if (cookie.hostOnly && cookie.domain !== question.host) return "OtherHost"
  if (!pathMatches(question.path, cookie.path)) return "OtherPath"
  if (cookie.secure && !question.secure) return "NotSecure"
  if (cookie.httpOnly && !question.http) return "HttpOnly"
  if (cookie.partitionKey !== undefined && cookie.partitionKey !== question.partition) return "OtherPartition"
  return isCrossSite(cookie, question.sameSite) ? "CrossSite" : undefined
}

const nothing: ReadonlyArray<Entry> = []

/** See the head of this file. */
export class Jar {
  readonly #groups = new Map<string, Group>()
  readonly #sites = new Map<string, Map<string, Group>>()
  readonly #limits: Limits
  readonly #watcher: Watcher
  #size = 0
  #order = 0
  #tick = 0

  constructor(limits: Limits, watcher: Watcher) {
    this.#limits = limits
    this.#watcher = watcher
  }

  get size(): number {
    return this.#size
  }

  /** Every cookie that has not expired, as they came. */
  all(now: number): ReadonlyArray<Cookie> {
    const entries: Array<Entry> = []
    for (const group of this.#groups.values()) {
      for (const entry of group.entries.values()) {
        if (!isExpired(entry.cookie, now)) entries.push(entry)
      }
    }
    return entries.sort((a, b) => a.order - b.order).map((entry) => entry.cookie)
  }

  find(cookie: Cookie): Cookie | undefined {
    return this.#groups.get(cookie.domain)?.entries.get(keyOf(cookie))?.cookie
  }

  /** Keeps a cookie in place of its like, whose time of creation it takes over; an expired one only removes that. */
  put(cookie: Cookie, now: number): void {
    const key = keyOf(cookie)
    const group = this.#groups.get(cookie.domain)
    const before = group?.entries.get(key)
    if (group !== undefined && before !== undefined) {
      if (!isExpired(cookie, now) && !isExpired(before.cookie, now)) return this.#renew(before, cookie)
      this.#drop(group, before)
    }
    if (isExpired(cookie, now)) return
    const into = this.#groups.get(cookie.domain) ?? this.#open(cookie.domain)
    into.entries.set(key, { cookie, pair: pairOf(cookie), key, order: ++this.#order, used: ++this.#tick })
    into.sorted = undefined
    this.#size++
    this.#watcher.put(cookie)
    this.#evict(into, now)
  }

  /** In the place of the one before, so that the order stays. */
  #renew(entry: Entry, cookie: Cookie): void {
    const { createdAt } = entry.cookie
    const changed = !same(entry.cookie, cookie)
    entry.cookie = cookie.createdAt === createdAt ? cookie : cookie.createdAs(createdAt)
    entry.pair = pairOf(cookie)
    entry.used = ++this.#tick
    if (changed) this.#watcher.put(entry.cookie)
  }

  remove(cookie: Cookie): boolean {
    const group = this.#groups.get(cookie.domain)
    const entry = group?.entries.get(keyOf(cookie))
    if (group === undefined || entry === undefined) return false
    this.#drop(group, entry)
    return true
  }

  /** Whether a cookie without `Secure` would overlay a secure one (RFC 6265bis 5.7, step 16). */
  overlays(name: string, domain: string, path: string, now: number): boolean {
    const site = this.#sites.get(registrable(domain))
    if (site === undefined) return false
    for (const group of site.values()) {
      if (!domainMatches(group.domain, domain) && !domainMatches(domain, group.domain)) continue
      for (const { cookie } of group.entries.values()) {
        if (cookie.secure && cookie.name === name && pathMatches(path, cookie.path) && !isExpired(cookie, now)) {
          return true
        }
      }
    }
    return false
  }

  /** What goes along, in the order of the field (5.8.3). */
  matching(question: Question): ReadonlyArray<Entry> {
    let found: Array<Entry> | undefined
    let several = false
    const { host } = question
    for (let dot = -1;; dot = host.indexOf(".", dot + 1)) {
      const group = this.#groups.get(dot < 0 ? host : host.slice(dot + 1))
      if (group !== undefined) {
        const before = found?.length ?? 0
        found = this.#select(group, question, found ?? [])
        several ||= before > 0 && found.length > before
      }
      if (host.indexOf(".", dot + 1) < 0) break
    }
    if (found === undefined) return nothing
    return several ? found.sort(inOrder) : found
  }

  #select(group: Group, question: Question, into: Array<Entry>): Array<Entry> {
    const { host, http, now, partition, path, sameSite, secure } = question
    const own = group.domain === host
    // an address has nothing above it
    if (!own && !domainMatches(host, group.domain)) return into
    const sorted = group.sorted ??= [...group.entries.values()].sort(inOrder)
    let looked: string | undefined
    let covers = false
    let expired: Array<Entry> | undefined
    for (const entry of sorted) {
      const { cookie } = entry
      if (cookie.path !== looked) {
        looked = cookie.path
        covers = pathMatches(path, looked)
      }
      if (!covers || (cookie.hostOnly && !own) || (cookie.secure && !secure) || (cookie.httpOnly && !http)) continue
      if (cookie.partitionKey !== undefined && cookie.partitionKey !== partition) continue
      if (isCrossSite(cookie, sameSite)) continue
      if (isExpired(cookie, now)) (expired ??= []).push(entry)
      else into.push(entry)
    }
    if (expired !== undefined) { for (const entry of expired) this.#drop(group, entry) }
    return into
  }

  /** Why each of the domain's cookies that does not go along stays; for people, so it need not be quick. */
  withheld(question: Question): ReadonlyArray<readonly [cookie: Cookie, why: Withheld]> {
    const { host } = question
    const found: Array<readonly [Cookie, Withheld]> = []
    for (const group of this.#groups.values()) {
      if (!domainMatches(host, group.domain)) continue
      for (const { cookie } of group.entries.values()) {
        const why = reasonOf(cookie, question)
        if (why !== undefined) found.push([cookie, why])
      }
    }
    return found
  }

  /** The field's value; `undefined` where nothing goes along. */
  header(question: Question): string | undefined {
    const entries = this.matching(question)
    if (entries.length === 0) return undefined
    const tick = ++this.#tick
    let text = ""
    for (const entry of entries) {
      entry.used = tick
      text = text === "" ? entry.pair : `${text}; ${entry.pair}`
    }
    return text
  }

  clear(): ReadonlyArray<Cookie> {
    return this.removeWhere(() => true)
  }

  removeWhere(unwanted: (cookie: Cookie) => boolean): ReadonlyArray<Cookie> {
    const removed: Array<Cookie> = []
    for (const group of [...this.#groups.values()]) {
      for (const entry of [...group.entries.values()]) {
        if (!unwanted(entry.cookie)) continue
        this.#drop(group, entry)
        removed.push(entry.cookie)
      }
    }
    return removed
  }

  #open(domain: string): Group {
    const group: Group = { domain, entries: new Map(), sorted: undefined }
    this.#groups.set(domain, group)
    const name = registrable(domain)
    const site = this.#sites.get(name)
    if (site === undefined) this.#sites.set(name, new Map([[domain, group]]))
    else site.set(domain, group)
    return group
  }

  #drop(group: Group, entry: Entry): void {
    group.entries.delete(entry.key)
    group.sorted = undefined
    this.#size--
    if (group.entries.size === 0) {
      this.#groups.delete(group.domain)
      const name = registrable(group.domain)
      const site = this.#sites.get(name)
      site?.delete(group.domain)
      if (site?.size === 0) this.#sites.delete(name)
    }
    this.#watcher.removed(entry.cookie)
  }

  #evict(group: Group, now: number): void {
    if (group.entries.size > this.#limits.perDomain) {
      for (const entry of excess([group], this.#limits.perDomain, 0, now)) this.#drop(group, entry)
    }
    if (this.#size <= this.#limits.total) return
    for (const entry of excess(this.#groups.values(), this.#limits.total, this.#limits.fair, now)) {
      const from = this.#groups.get(entry.cookie.domain)
      if (from !== undefined) this.#drop(from, entry)
    }
  }
}
