/** Cookies, per hop: what the storage has goes along; what a final head from the network says is learned, in `attempt`. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CookieContext, CookieStorageService, Explanation, Received } from "../../CookieStorage.ts"
import type { CookiesAttached, CookiesLearned, Refusal } from "../../Decision.ts"
import type { ExchangeError, InvalidRequest } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { emptinessOf } from "../cookies/emptyStore.ts"
import { withinSite } from "../cookies/setting.ts"
import { StoredCookies } from "../requestField.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Stage } from "./exchange.ts"

/** Cookies are HTTP's; an interceptor's own scheme has none. */
const hasCookies = ({ url }: WireRequest): boolean =>
  url.scheme === "https" || url.scheme === "http" || url.scheme === "wss" || url.scheme === "ws"

const handles = (request: WireRequest, context: ExchangeContext): boolean =>
  context.options.httpShouldHandleCookies !== false && hasCookies(request)

/** What the task says of its page; `undefined` where it says nothing, as nearly every task of a server does. */
const settingOf = (request: WireRequest, context: ExchangeContext): CookieContext | undefined => {
  const { cookiePartitionKey, isTopLevelNavigation, mainDocumentUrl, siteForCookies } = context.options
  if (mainDocumentUrl === undefined && siteForCookies === undefined && cookiePartitionKey === undefined) {
    return undefined
  }
  return {
    method: request.method,
    hasLeftSite: context.hasLeftSite,
    ...(mainDocumentUrl === undefined ? {} : { mainDocumentUrl }),
    ...(siteForCookies === undefined ? {} : { siteForCookies }),
    ...(isTopLevelNavigation === undefined ? {} : { isTopLevelNavigation }),
    ...(cookiePartitionKey === undefined ? {} : { partitionKey: cookiePartitionKey })
  }
}

/** A redirect that leads out of the site and back in comes from outside (RFC 6265bis 5.2.1). */
const follow = (request: WireRequest, context: ExchangeContext): Either.Either<void, InvalidRequest> => {
  const setting = settingOf(request, context)
  if (setting === undefined) return Either.void
  return Either.map(withinSite(request.url, setting), (within) => {
    if (!within) context.hasLeftSite = true
  })
}

const withCookies = (request: WireRequest, value: string): WireRequest => ({
  ...request,
  fields: [...request.fields.filter((field) => field.name !== "cookie"), new StoredCookies(value)]
})

const shown = (name: string): string => name === "" ? "(without a name)" : name

const chosen = ({ sent, withheld }: Explanation): CookiesAttached => ({
  _tag: "CookiesAttached",
  sent: sent.map(({ name }) => shown(name)),
  refused: withheld.map(({ cookie, why }) => ({ name: shown(cookie.name), why }))
})

const learned = (received: ReadonlyArray<Received>): CookiesLearned => {
  const stored: Array<string> = []
  const refused: Array<Refusal> = []
  for (const one of received) {
    if (one._tag === "Stored") stored.push(shown(one.cookie.name))
    else if (one._tag === "Removed") refused.push({ name: shown(one.cookie.name), why: "Expired" })
    else refused.push({ name: shown(one.name), why: one.reason })
  }
  return { _tag: "CookiesLearned", stored, refused }
}

/** A `Cookie` field of the caller's own gives way where the storage has something for the URL. */
export const cookies = (session: SessionState, storage: CookieStorageService): Stage => (next) => {
  const sends = session.configuration.httpShouldSetCookies
  const isEmpty = emptinessOf(storage)
  return (request, context) => {
    if (!handles(request, context)) return next(request, context)
    const followed = follow(request, context)
    if (Either.isLeft(followed)) return Effect.fail(followed.left)
    if (!sends) return next(request, context)
    const setting = settingOf(request, context)
    const { decisions } = context
    if (decisions === undefined && setting === undefined && isEmpty()) return next(request, context)
    const attached = Effect.flatMap(
      storage.cookieHeader(request.url, setting),
      (value) => next(value === undefined ? request : withCookies(request, value), context)
    )
    return decisions === undefined ? attached : Effect.flatMap(storage.explain(request.url, setting), (explanation) => {
      decisions.led(chosen(explanation))
      return attached
    })
  }
}

/** Learns the cookies of a response; `undefined` for a session that learns none. */
export const learnCookies = (
  session: SessionState
):
  | ((
    request: WireRequest,
    response: WireResponse,
    context: ExchangeContext
  ) => Effect.Effect<WireResponse, ExchangeError>)
  | undefined =>
{
  const storage = session.slots.cookies
  const acceptPolicy = session.configuration.httpCookieAcceptPolicy
  if (storage === undefined || acceptPolicy === "never") return undefined
  const bare = { acceptPolicy }
  return (request, response, context) => {
    // a proxy answers plain http with 407; it does not speak for the origin
    const ofProxy = response.status === 407 && response.url.scheme === "http"
    if (!response.fields.has("set-cookie") || ofProxy || !handles(request, context)) return Effect.succeed(response)
    const said = settingOf(request, context)
    return Effect.map(
      storage.setFromResponse(
        response.url,
        response.fields.getAll("set-cookie"),
        said === undefined ? bare : { ...said, acceptPolicy }
      ),
      (received) => {
        context.decisions?.about(learned(received))
        return response
      }
    )
  }
}
