/**
 * The HTTP cache: looks, decides (protocol/cacheStrategy), and carries the decision out. It sees encoded bytes, every hop of
 * a redirect and every round of an authentication; what it gives out is a transaction of its own.
 */
import * as Effect from "effect/Effect"
import type { CacheConsulted } from "../../Decision.ts"
import { CacheError, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import type { UrlCacheService } from "../../UrlCache.ts"
import type { Entry } from "../cache/entry.ts"
import { isSafeMethod } from "../protocol/cacheEntry.ts"
import type { CacheStatus } from "../protocol/cacheStatus.ts"
import { type Asked, askedBy, decide, type Decision, type Extent } from "../protocol/cacheStrategy.ts"
import { varyMatches } from "../protocol/vary.ts"
import { Partitions } from "../session/cachePartition.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import { consulted, updated } from "./cacheDecisions.ts"
import { Keeping, lendable, lookupOf, type Sent } from "./cacheKeeping.ts"
import { cachePolicy, forEveryPolicy, refuseToLoad } from "./cachePolicy.ts"
import { Refreshing } from "./cacheRefresh.ts"
import { conditional, field, gatewayTimeout, holds, serve } from "./cacheServing.ts"
import type { Exchange, Stage } from "./exchange.ts"

const urlOf = (request: WireRequest): string => {
  const { href } = request.url
  const hash = href.indexOf("#")
  return hash < 0 ? href : href.slice(0, hash)
}

const ttl = (entry: Entry, now: number): number => (entry.judged.freshness.freshUntil - now) / 1000

/** Whether a failure is one that a stale response stands in for (RFC 5861 4). */
const isOutage = (error: ExchangeError): boolean => error._tag === "ConnectionError" || error._tag === "TimeoutError"
const isOutageStatus = (status: number): boolean => status === 500 || (status >= 502 && status <= 504)

export const cache = (session: SessionState, service: UrlCacheService): Stage => (next) => {
  const { entries } = service
  const partitions = new Partitions(entries.partitionKey, session.slots.cookies)
  const partitionOf = entries.mode.shared
    ? () => ""
    : (request: WireRequest, context: ExchangeContext, setsCookies = false) =>
      partitions.of(request, context, setsCookies)
  const beforeCookies = entries.mode.shared
    ? () => undefined
    : (request: WireRequest, context: ExchangeContext) => partitions.beforeCookies(request, context)
  const keeping = new Keeping(session, entries, partitionOf, beforeCookies)
  const refreshing = new Refreshing(session, keeping, next)
  const now = () => session.wheel.now()

  const fetch = (
    request: WireRequest,
    context: ExchangeContext,
    asked: Asked,
    status: CacheStatus
  ): ReturnType<Exchange> => {
    const sent: Sent = { request, asked, requestTime: now() }
    return Effect.map(next(request, context), (response) => keeping.received(sent, response, context, status))
  }

  /** Once more, without any condition: what was answered is of no use. */
  const again = (
    request: WireRequest,
    context: ExchangeContext,
    asked: Asked,
    response: WireResponse,
    detail: string
  ): ReturnType<Exchange> => {
    response.body.cancel()
    const status = { hit: false, forward: "stale", forwardStatus: response.status, detail } as const
    return fetch(context.again?.(request) ?? request, context, asked, status)
  }

  /** Sends, and goes on with what was answered; where nobody can be asked, the kept one stands in if it may. */
  const orStale = (
    request: WireRequest,
    context: ExchangeContext,
    entry: Entry,
    extent: Extent | undefined,
    detail: string,
    answered: (response: WireResponse) => ReturnType<Exchange>
  ): ReturnType<Exchange> => {
    if (extent === undefined) return Effect.flatMap(next(request, context), answered)
    const stale = (forwardStatus?: number): WireResponse => {
      const at = now()
      const status = { hit: true, ttl: ttl(entry, at), detail: `stale-if-error (RFC 5861 4), ${detail}` }
      return serve(
        entry,
        extent,
        request,
        context,
        at,
        forwardStatus === undefined ? status : { ...status, forwardStatus }
      )
    }
    return Effect.matchEffect(next(request, context), {
      onFailure: (error) =>
        isOutage(error) && context.failure === undefined ? Effect.sync(() => stale()) : Effect.fail(error),
      onSuccess: (response) => {
        if (!isOutageStatus(response.status)) return answered(response)
        response.body.cancel()
        return Effect.succeed(stale(response.status))
      }
    })
  }

  const validate = (
    decision: Extract<Decision, { readonly _tag: "Validate" }>,
    entry: Entry,
    request: WireRequest,
    context: ExchangeContext,
    asked: Asked
  ): ReturnType<Exchange> => {
    const { detail, endToEnd, extent, staleIfError } = decision
    const asking = conditional(request, entry, endToEnd)
    const sent: Sent = { request, asked, requestTime: now() }
    return orStale(asking, context, entry, staleIfError ? extent : undefined, detail, (response) => {
      const forwardStatus = response.status
      if (forwardStatus !== 304) {
        return Effect.succeed(keeping.received(sent, response, context, { hit: false, forward: "stale", detail }))
      }
      if (!holds(response, entry)) {
        return again(request, context, asked, response, "the 304 is about another version (RFC 9111 4.3.4)")
      }
      response.body.cancel()
      const fresh = keeping.freshened(sent, entry, response, context)
      context.decisions?.about(updated("Refresh", "the origin says that it holds (RFC 9111 4.3.4)"))
      const at = now()
      const status = {
        hit: false,
        forward: "stale",
        forwardStatus,
        ttl: ttl(fresh, at),
        stored: true,
        detail
      } as const
      return Effect.succeed(serve(fresh, extent, request, context, at, status))
    })
  }

  const complete = (
    decision: Extract<Decision, { readonly _tag: "Complete" }>,
    entry: Entry,
    request: WireRequest,
    context: ExchangeContext,
    asked: Asked
  ): ReturnType<Exchange> => {
    const { detail, range } = decision
    const fields = [...request.fields, field("range", range), field("if-range", entry.judged.validators.etag ?? "")]
    const sent: Sent = { request, asked, requestTime: now() }
    return Effect.flatMap(next({ ...request, fields }, context), (response) => {
      const status = { hit: false, forward: "partial", forwardStatus: response.status, detail } as const
      if (response.status === 206) {
        const completed = keeping.completed(sent, entry, response, context, status)
        if (completed !== undefined) return Effect.succeed(completed)
      }
      if (response.status !== 206 && response.status !== 416) {
        return Effect.succeed(keeping.received(sent, response, context, status))
      }
      entries.remove(entry.url, entry.partition)
      return again(request, context, asked, response, "what came does not fit what is kept (RFC 9111 3.4)")
    })
  }

  const carryOut = (
    decision: Decision,
    entry: Entry | undefined,
    request: WireRequest,
    context: ExchangeContext,
    asked: Asked,
    at: number
  ): ReturnType<Exchange> => {
    if (decision._tag === "Unsatisfiable") {
      return cachePolicy(session, context) === "returnCacheDataDontLoad"
        ? Effect.fail(
          new CacheError({ url: request.url.href, reason: { _tag: "CacheMiss", policy: "returnCacheDataDontLoad" } })
        )
        : Effect.succeed(gatewayTimeout(request, context, decision.detail))
    }
    if (decision._tag === "Forward") {
      const status = { hit: false, forward: decision.reason, detail: decision.detail } as const
      if (entry === undefined || decision.staleIfError === undefined) return fetch(request, context, asked, status)
      const sent: Sent = { request, asked, requestTime: now() }
      const { detail, staleIfError } = decision
      return orStale(
        request,
        context,
        entry,
        staleIfError,
        detail,
        (response) => Effect.succeed(keeping.received(sent, response, context, status))
      )
    }
    // the others are decisions about an entry
    if (entry === undefined) return fetch(request, context, asked, { hit: false, forward: "miss", detail: "not kept" })
    switch (decision._tag) {
      case "Use": {
        const status = { hit: true, ttl: ttl(entry, at), detail: decision.detail }
        const response = serve(entry, decision.extent, request, context, at, status)
        return decision.refresh
          ? Effect.as(refreshing.begin(entry, request, context), response)
          : Effect.succeed(response)
      }
      case "Validate":
        return validate(decision, entry, request, context, asked)
      case "Complete":
        return complete(decision, entry, request, context, asked)
    }
  }

  const look = (
    entry: Entry | undefined,
    others: boolean,
    request: WireRequest,
    context: ExchangeContext,
    asked: Asked
  ): ReturnType<Exchange> => {
    const policy = cachePolicy(session, context)
    const rounds = (context.authentication?.challenges.rounds ?? 0) > 0
    const at = now()
    const decision = decide(asked, policy, entry, others, rounds, at)
    context.decisions?.led(consulted(decision))
    return carryOut(decision, entry, request, context, asked, at)
  }

  const lookIn = (
    url: string,
    partition: string,
    context: ExchangeContext,
    use: (found: ReadonlyArray<Entry>) => ReturnType<Exchange>
  ): ReturnType<Exchange> => {
    const found = entries.find(url, partition)
    return found !== undefined ? use(found) : Effect.flatMap(context.enclose(entries.load(url, partition)), use)
  }

  return (given, context) => {
    if (given.url.scheme !== "http" && given.url.scheme !== "https") return next(given, context)
    const request = forEveryPolicy(session, given, context)
    const { method } = request
    if (method !== "GET" && method !== "HEAD") {
      if (refuseToLoad(session, context)) {
        return carryOut(offline, undefined, request, context, askedBy(method, []), now())
      }
      context.decisions?.led(unkept)
      if (isSafeMethod(method)) return next(request, context)
      return fetch(request, context, askedBy(method, request.fields), {
        hit: false,
        forward: "method",
        detail: "not a method that is kept"
      })
    }
    const asked = askedBy(method, request.fields)
    const partition = partitionOf(request, context)
    if (partition === undefined) return look(undefined, false, request, context, asked)
    const url = urlOf(request)
    return lookIn(url, partition, context, (found) => {
      const entry = matching(found, request)
      const others = found.length > 0
      const before = entry === undefined ? beforeCookies(request, context) : undefined
      return before === undefined
        ? look(entry, others, request, context, asked)
        : lookIn(
          url,
          before,
          context,
          (more) => look(matching(lendable(more, before), request), others || more.length > 0, request, context, asked)
        )
    })
  }
}

const matching = (found: ReadonlyArray<Entry>, request: WireRequest): Entry | undefined => {
  const lookup = lookupOf(request)
  return found.find(({ vary }) => vary.length === 0 || varyMatches(vary, lookup))
}

const unkept: CacheConsulted = {
  _tag: "CacheConsulted",
  action: "Forward",
  rule: "not a method that is kept",
  clause: "RFC 9111 3"
}

const offline: Decision = { _tag: "Unsatisfiable", detail: "the policy is returnCacheDataDontLoad" }
