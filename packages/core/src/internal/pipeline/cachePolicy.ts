/** The six request cache policies, with a cache and without one. */
import * as Effect from "effect/Effect"
import { CacheError } from "../../SessionError.ts"
import type { WireRequest } from "../../Transport.ts"
import type { CachePolicy } from "../protocol/cacheStrategy.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Stage } from "./exchange.ts"

/** The request's; the session's where the request has the default one. */
export const cachePolicy = (session: SessionState, context: ExchangeContext): CachePolicy => {
  const own = context.options.cachePolicy
  return own === undefined || own === "useProtocolCachePolicy" ? session.configuration.requestCachePolicy : own
}

/** Whether nothing may be asked of the network. */
export const refuseToLoad = (session: SessionState, context: ExchangeContext): boolean =>
  cachePolicy(session, context) === "returnCacheDataDontLoad"

/** Tells the caches on the way what the caller wants of them. */
export const forEveryPolicy = (
  session: SessionState,
  request: WireRequest,
  context: ExchangeContext
): WireRequest => {
  if (cachePolicy(session, context) !== "reloadIgnoringLocalAndRemoteCacheData") return request
  const fields = request.fields.filter(({ name }) => name !== "cache-control" && name !== "pragma")
  return {
    ...request,
    fields: [
      ...fields,
      { name: "cache-control", value: "no-cache", bound: false },
      { name: "pragma", value: "no-cache", bound: false }
    ]
  }
}

/** A session without a cache: nothing is ever kept, and what must come from one does not come. */
export const withoutCache = (session: SessionState): Stage => (next) => (request, context) => {
  const policy = cachePolicy(session, context)
  if (policy === "useProtocolCachePolicy") return next(request, context)
  if (policy === "returnCacheDataDontLoad" && request.url.scheme !== "data") {
    return Effect.fail(new CacheError({ url: request.url.href, reason: { _tag: "CacheMiss", policy } }))
  }
  return next(forEveryPolicy(session, request, context), context)
}
