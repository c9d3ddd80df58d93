/** What a cache learns of responses: keeps them, brings kept ones up to date, and drops what has become worthless. */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { CachedResponse } from "../../CachedResponse.ts"
import type { CacheHandlerService } from "../../CacheHandler.ts"
import { HeaderFields } from "../../HeaderFields.ts"
import { ResponseHead } from "../../ResponseHead.ts"
import { DelegateFailed, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import type { CacheEntries } from "../../UrlCache.ts"
import { CompletedBody } from "../cache/bodies.ts"
import { Entry, type StoredResponse } from "../cache/entry.ts"
import { type Keeper, StoringBody } from "../cache/storingBody.ts"
import { parseContentRange, partLength, union } from "../protocol/byteRange.ts"
import { invalidated, keptFields, mayStore, updatedFields } from "../protocol/cacheEntry.ts"
import type { CacheStatus } from "../protocol/cacheStatus.ts"
import type { Asked } from "../protocol/cacheStrategy.ts"
import { isFresh } from "../protocol/freshness.ts"
import { isStrong, speaksOf, validatorsOf } from "../protocol/validators.ts"
import { sameVary, varyMatches, varyPairs } from "../protocol/vary.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import { updated } from "./cacheDecisions.ts"

/** A request that has been sent on; `request` is the caller's, without what was added to ask about a kept response. */
export interface Sent {
  readonly request: WireRequest
  readonly asked: Asked
  readonly requestTime: number
}

/**
 * What of another partition may be used by who has a cookie now: not what is private where nothing at all said for whom it was,
 * since whoever that was, it was one user (RFC 9111 5.2.2.7).
 */
export const lendable = (found: ReadonlyArray<Entry>, partition: string): ReadonlyArray<Entry> =>
  partition === "" ? found.filter(({ judged }) => !judged.private) : found

/** Looks the fields of a request up. */
export const lookupOf = (request: WireRequest) => (name: string): string | undefined => {
  let found: string | undefined = undefined
  for (const field of request.fields) {
    if (field.name === name) found = found === undefined ? field.value : `${found}, ${field.value}`
  }
  return found
}

const withoutFragment = (href: string): string => {
  const hash = href.indexOf("#")
  return hash < 0 ? href : href.slice(0, hash)
}

const without = (fields: HeaderFields, ...names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const flat: Array<string> = []
  for (const [name, value] of fields) if (!names.includes(name)) flat.push(name, value)
  return flat
}

/** What is kept of a response, but for its bytes, which come last. */
interface Arriving extends Omit<StoredResponse, "body"> {
  body: Uint8Array
}

const noBytes = new Uint8Array(0)

/** Where nobody has to be asked. */
class KeptAtOnce implements Keeper {
  readonly immediate = true
  readonly #arriving: Arriving
  readonly #put: (stored: StoredResponse) => void
  constructor(arriving: Arriving, put: (stored: StoredResponse) => void) {
    this.#arriving = arriving
    this.#put = put
  }
  keep(body: Uint8Array, done: () => void): void {
    const { part } = this.#arriving
    this.#arriving.body = body
    if (part === undefined || body.length === partLength(part)) this.#put(this.#arriving)
    done()
  }
}

/** By its members: to add one to what was spread makes V8 change the shape of the object, which took 0.9 us. */
const answered = (response: WireResponse, cache: CacheStatus, body = response.body): WireResponse => {
  if (response.decoded !== undefined) return { ...response, cache, body }
  const { connection, fields, reason, status, url } = response
  return { status, reason, fields, body, url, connection, cache }
}

/** The same for a status. */
const stored = (status: CacheStatus): CacheStatus => {
  const { detail, forward, forwardStatus, hit } = status
  return forward === undefined || forwardStatus !== undefined
    ? { ...status, stored: true }
    : { hit, forward, stored: true, detail }
}

type PartitionOf = (request: WireRequest, context: ExchangeContext, setsCookies?: boolean) => string | undefined
type BeforeCookies = (request: WireRequest, context: ExchangeContext) => string | undefined

/** See the head of this file. */
export class Keeping {
  readonly #session: SessionState
  readonly #entries: CacheEntries
  readonly #partitionOf: PartitionOf
  readonly #beforeCookies: BeforeCookies

  constructor(
    session: SessionState,
    entries: CacheEntries,
    partitionOf: PartitionOf,
    beforeCookies: BeforeCookies
  ) {
    this.#session = session
    this.#entries = entries
    this.#partitionOf = partitionOf
    this.#beforeCookies = beforeCookies
  }

  get entries(): CacheEntries {
    return this.#entries
  }

  /** A final response of the network, on its way to the reader. */
  received(sent: Sent, response: WireResponse, context: ExchangeContext, status: CacheStatus): WireResponse {
    const { request } = sent
    const responseTime = this.#session.wheel.now()
    const gone = invalidated(request.method, request.url.href, response.status, response.fields)
    for (const url of gone) this.#entries.remove(url)
    if (gone.length > 0) context.decisions?.about(updated("Invalidate", "an unsafe method succeeded (RFC 9111 4.4)"))
    if (request.method === "HEAD") this.#head(sent, response, context, responseTime)
    // nothing may be learned from whom the platform refuses
    if (response.connection?.overridden === true) return answered(response, status)
    const partition = this.#partitionOf(request, context, response.fields.has("set-cookie"))
    const decision = partition === undefined || !response.body.delimited
      ? undefined
      : mayStore({
        method: request.method,
        requestNoStore: sent.asked.control.noStore,
        authorized: request.fields.some(({ name }) => name === "authorization"),
        url: request.url.href,
        status: response.status,
        fields: response.fields
      }, this.#entries.mode)
    const limit = this.#entries.entryLimit()
    const tooLong = response.body.length !== undefined && response.body.length > limit
    if (context.decisions !== undefined && request.method !== "HEAD") {
      const why = partition === undefined
        ? "its Authorization is used once"
        : decision === undefined
        ? "nobody can tell whether it is whole (RFC 9111 3.3)"
        : decision.store
        ? tooLong ? "it is longer than the limit" : "it may be kept once it is whole (RFC 9111 3)"
        : decision.why
      context.decisions.about(updated(decision?.store === true && !tooLong ? "Store" : "LeaveOut", why))
    }
    if (partition === undefined || decision?.store !== true || tooLong) return answered(response, status)
    const { part } = decision
    if (
      part !== undefined &&
      (partLength(part) > limit || (response.body.length ?? partLength(part)) !== partLength(part))
    ) {
      return answered(response, status)
    }
    const arriving: Arriving = {
      url: withoutFragment(request.url.href),
      partition,
      status: response.status,
      reason: response.reason,
      fields: keptFields(response.fields, decision.control, this.#entries.mode),
      requestTime: sent.requestTime,
      responseTime,
      vary: decision.vary.length === 0 ? noVary : varyPairs(decision.vary, lookupOf(request)),
      part,
      body: noBytes,
      storedAt: responseTime,
      storagePolicy: "allowed",
      userInfo: undefined
    }
    return this.#keep(arriving, response, context, stored(status))
  }

  #keep(arriving: Arriving, response: WireResponse, context: ExchangeContext, status: CacheStatus): WireResponse {
    const handler = context.delegate.cache ?? this.#session.slots.cache
    const keeper = handler === undefined
      ? new KeptAtOnce(arriving, this.#put)
      : this.#asking(handler, arriving, context)
    if (response.body.length === 0 && keeper.immediate) {
      keeper.keep(noBytes, () => undefined)
      return answered(response, status)
    }
    return answered(response, status, new StoringBody(response.body, this.#entries.entryLimit(), keeper))
  }

  #asking(handler: CacheHandlerService, head: Omit<StoredResponse, "body">, context: ExchangeContext): Keeper {
    const { reason, status, url } = head
    return {
      immediate: false,
      keep: (body, done) => {
        const response = new ResponseHead({ url, status, reason, headers: head.fields })
        // parts are put together behind the scenes, which is nothing to decide about
        const proposed = new CachedResponse({ response, data: body })
        const answer = Effect.suspend(() => handler.decide({ proposed, taskIdentifier: context.taskIdentifier }))
        const asked = Effect.zipRight(this.#session.queue.barrier(context.onQueue), answer)
        const fiber = Runtime.runFork(this.#session.runtime, Effect.exit(asked))
        this.#session.track(fiber)
        const closeable = { close: () => fiber.unsafeInterruptAsFork(fiber.id()) }
        context.register(closeable)
        fiber.addObserver((exit) => {
          context.unregister(closeable)
          done(exit._tag === "Failure" ? undefined : this.#answered(exit.value, head, body, context))
        })
      }
    }
  }

  #answered(
    exit: Exit.Exit<Option.Option<CachedResponse>, unknown>,
    head: Omit<StoredResponse, "body">,
    body: Uint8Array,
    context: ExchangeContext
  ): ExchangeError | undefined {
    if (exit._tag === "Failure") {
      const { href } = context.currentRequest.url
      return new DelegateFailed({
        url: href,
        cause: exit.cause,
        reason: { _tag: "HandlerFailed", slot: "CacheHandler" }
      })
    }
    if (Option.isNone(exit.value)) return undefined
    const { data, response, storagePolicy, userInfo } = exit.value.value
    const { headers: fields, reason, status } = response
    this.#put({ ...head, status, reason, fields, body: data === body ? body : data.slice(), storagePolicy, userInfo })
    return undefined
  }

  /** Parts of one version are put together; a part does not take the place of a whole that is fresh. */
  readonly #put = (stored: StoredResponse): void => {
    const before = stored.part === undefined
      ? undefined
      : this.#entries.find(stored.url, stored.partition)?.find((one) => sameVary(one.vary, stored.vary))
    if (before === undefined || stored.part === undefined) return this.#entries.put(stored)
    const { etag } = validatorsOf((name) => stored.fields.getAll(name))
    const same = isStrong(etag) && etag === before.judged.validators.etag
    if (before.part === undefined) {
      if (!same && !isFresh(before.judged.freshness, stored.responseTime)) this.#entries.put(stored)
      return
    }
    const both = same ? union(before.part, stored.part) : undefined
    if (both === undefined || partLength(both) > this.#entries.entryLimit()) return this.#entries.put(stored)
    const body = new Uint8Array(partLength(both))
    body.set(before.body, before.part.first - both.first)
    body.set(stored.body, stored.part.first - both.first)
    this.#entries.put(partLength(both) === both.total ? wholeOf({ ...stored, body }) : { ...stored, body, part: both })
  }

  /** A kept response of which the origin says that it holds: from now on it is an answer to who has asked. */
  freshened(sent: Sent, entry: Entry, answer: WireResponse, context: ExchangeContext): Entry {
    const { mode } = this.#entries
    const partition = this.#partitionOf(sent.request, context, answer.fields.has("set-cookie"))
    const fresh: StoredResponse = {
      ...entry.stored,
      partition: partition ?? entry.partition,
      fields: updatedFields(entry.fields, answer.fields, mode),
      requestTime: sent.requestTime,
      responseTime: this.#session.wheel.now()
    }
    const allowed = mayStore({
      method: "GET",
      requestNoStore: sent.asked.control.noStore,
      authorized: sent.request.fields.some(({ name }) => name === "authorization"),
      url: entry.url,
      status: entry.status,
      fields: fresh.fields
    }, mode)
    if (answer.connection?.overridden !== true && partition !== undefined) {
      if (allowed.store) this.#entries.put(fresh)
      else this.#entries.remove(entry.url, partition)
    }
    return new Entry(fresh, mode)
  }

  /** The rest of a part that is kept; `undefined` where it is not its rest. */
  completed(
    sent: Sent,
    entry: Entry,
    response: WireResponse,
    context: ExchangeContext,
    status: CacheStatus
  ): WireResponse | undefined {
    const lines = response.fields.getAll("content-range")
    const part = lines.length === 1 ? parseContentRange(lines[0] ?? "") : undefined
    const { etag } = validatorsOf((name) => response.fields.getAll(name))
    if (part === undefined || entry.part === undefined || etag !== entry.judged.validators.etag) return undefined
    const both = union(entry.part, part)
    const apart = part.last < entry.part.first || entry.part.last < part.first
    if (both === undefined || partLength(both) !== both.total || !apart) return undefined
    if (response.body.length !== undefined && response.body.length !== partLength(part)) return undefined
    const kept = part.first === 0
      ? { before: undefined, after: entry.body }
      : { before: entry.body, after: undefined }
    const merged = new HeaderFields([
      ...without(updatedFields(entry.fields, response.fields, this.#entries.mode), "content-range", "content-length"),
      "content-length",
      String(both.total)
    ])
    const body = new CompletedBody(response.body, partLength(part), kept, sent.request.url.href)
    return this.received(
      sent,
      { ...response, status: 200, reason: "OK", fields: merged, body },
      context,
      status
    )
  }

  /** A HEAD tells whether what is kept for GET is still what GET would give (RFC 9111 4.3.5). */
  #head(sent: Sent, response: WireResponse, context: ExchangeContext, now: number): void {
    const partition = this.#partitionOf(sent.request, context)
    if (response.status !== 200 || partition === undefined || response.connection?.overridden === true) return
    const lookup = lookupOf(sent.request)
    const url = withoutFragment(sent.request.url.href)
    const before = this.#beforeCookies(sent.request, context)
    const own = this.#entries.find(url, partition) ?? []
    const others = before === undefined ? [] : lendable(this.#entries.find(url, before) ?? [], before)
    for (const entry of [...own, ...others]) {
      if (!varyMatches(entry.vary, lookup) || entry.status !== 200 || entry.part !== undefined) continue
      const length = response.fields.get("content-length")
      const agrees = speaksOf(validatorsOf((name) => response.fields.getAll(name)), entry.judged.validators) &&
        (length === undefined || length === String(entry.body.length))
      if (agrees) this.freshened(sent, entry, response, context)
      // it is another version now: what is kept may only be asked about
      else this.#entries.put({ ...entry.stored, responseTime: now, requestTime: now, fields: staleFields(entry) })
      return
    }
  }
}

const noVary: StoredResponse["vary"] = []

const staleFields = ({ fields }: Entry): HeaderFields =>
  new HeaderFields([...without(fields, "cache-control", "expires"), "cache-control", "no-cache"])

const wholeOf = (stored: StoredResponse): StoredResponse => ({
  ...stored,
  status: 200,
  reason: "OK",
  part: undefined,
  fields: new HeaderFields([
    ...without(stored.fields, "content-range", "content-length"),
    "content-length",
    String(stored.body.length)
  ])
})
