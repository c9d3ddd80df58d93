/** What a cache sends and gives out: responses made of kept ones, and requests that ask about them. */
import { HeaderFields } from "../../HeaderFields.ts"
import type { RequestField, WireRequest, WireResponse } from "../../Transport.ts"
import { CachedBody } from "../cache/bodies.ts"
import type { Entry } from "../cache/entry.ts"
import { MemoryBody } from "../memoryBody.ts"
import { contentRange, partLength } from "../protocol/byteRange.ts"
import type { CacheStatus } from "../protocol/cacheStatus.ts"
import type { Extent } from "../protocol/cacheStrategy.ts"
import { currentAge } from "../protocol/freshness.ts"
import { speaksOf, validatorsOf } from "../protocol/validators.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"

const empty = new Uint8Array(0)

/** The kept response as it is given out at this moment, without its status. */
const given = (entry: Entry, extent: Extent, method: string, now: number) => {
  const { judged } = entry
  const age = Math.floor(currentAge(judged.freshness, now) / 1000)
  if (extent._tag === "Whole") {
    const fields = entry.fieldsAtAge(age)
    return { status: entry.status, reason: entry.reason, fields, bytes: method === "HEAD" ? empty : entry.body }
  }
  const { part } = extent
  const flat: Array<string> = []
  for (const [name, value] of judged.fields) {
    if (name !== "content-length" && name !== "content-range") flat.push(name, value)
  }
  flat.push("content-length", String(partLength(part)), "content-range", contentRange(part), "age", String(age))
  const from = part.first - (entry.part?.first ?? 0)
  const bytes = entry.body.subarray(from, from + partLength(part))
  return { status: 206, reason: "Partial Content", fields: new HeaderFields(flat), bytes }
}

/** A response out of the cache; one transaction. */
export const serve = (
  entry: Entry,
  extent: Extent,
  request: WireRequest,
  context: ExchangeContext,
  now: number,
  status: CacheStatus
): WireResponse => {
  const { bytes, fields, reason, status: code } = given(entry, extent, request.method, now)
  context.attempt(request)
  const { transaction } = context
  transaction.fetchType = "localCache"
  transaction.status = code
  transaction.responseStart = transaction.responseEnd = transaction.fetchStart
  context.arrived()
  const body = new CachedBody(bytes)
  return { status: code, reason, fields, body, url: request.url, connection: undefined, cache: status }
}

/** A 504 of our own (RFC 9111 5.2.1.7). */
export const gatewayTimeout = (request: WireRequest, context: ExchangeContext, detail: string): WireResponse => {
  context.attempt(request)
  context.transaction.fetchType = "localCache"
  context.transaction.status = 504
  context.arrived()
  return {
    status: 504,
    reason: "Gateway Timeout",
    fields: new HeaderFields(["content-length", "0"]),
    body: new MemoryBody(empty),
    url: request.url,
    connection: undefined,
    cache: { hit: false, detail }
  }
}

/** A field that the cache adds. */
export const field = (name: string, value: string): RequestField => ({ name, value, bound: false })

/** The request that asks whether a kept response still holds (RFC 9111 4.3.1). */
export const conditional = (request: WireRequest, entry: Entry, endToEnd: boolean): WireRequest => {
  const { etag, lastModified } = entry.judged.validators
  const fields = [...request.fields]
  if (etag !== undefined) fields.push(field("if-none-match", etag))
  if (lastModified !== undefined) fields.push(field("if-modified-since", lastModified))
  if (endToEnd && !fields.some(({ name }) => name === "cache-control")) fields.push(field("cache-control", "max-age=0"))
  return { ...request, fields }
}

/** The answer says of the version that is kept that it holds. */
export const holds = (response: WireResponse, entry: Entry): boolean =>
  response.status === 304 && speaksOf(validatorsOf((name) => response.fields.getAll(name)), entry.judged.validators)
