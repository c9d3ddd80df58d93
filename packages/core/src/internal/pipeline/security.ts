/**
 * What may be requested at all, per hop: the schemes of the session and of the request, TransportSecurity, and nothing but HTTP by
 * redirect. A host that wants https only is asked over https (RFC 6797 8.3), before cookies, cache and connections see the request.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { HstsStorageService } from "../../HstsStorage.ts"
import { InvalidRequest } from "../../SessionError.ts"
import { parseUrl } from "../../SessionRequest.ts"
import type { WireRequest, WireUrl } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
import { secureUrl } from "../protocol/hsts.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Stage } from "./exchange.ts"

/** The reason why a URL may not be requested; `undefined` where it may. */
const refusal = (session: SessionState, schemes: ReadonlySet<string>, url: WireUrl, context: ExchangeContext) => {
  const { options, redirectCount } = context
  const allowed = schemes.has(url.scheme) && (options.schemes?.includes(url.scheme) ?? true) &&
    (redirectCount === 0 || url.scheme === "http" || url.scheme === "https")
  if (!allowed) return new InvalidRequest({ url: url.href, reason: { _tag: "UnsupportedURL", scheme: url.scheme } })
  const rule = session.slots.security?.refuse(url)
  return rule === undefined
    ? undefined
    : new InvalidRequest({ url: url.href, reason: { _tag: "SecurityPolicyViolation", rule } })
}

const ruleOf = ({ reason }: InvalidRequest): string =>
  reason._tag === "SecurityPolicyViolation" ? reason.rule : "the scheme is not served, or not by redirect"

/** The internal redirect: nothing was on the wire, so every field goes along, and what belongs to the origin belongs to it. */
const upgraded = (request: WireRequest, context: ExchangeContext): WireRequest => {
  const parsed = parseUrl(secureUrl(request.url))
  if (Either.isLeft(parsed)) return request
  const { url } = parsed.right
  if (request.url.origin === context.firstOrigin) context.firstOrigin = url.origin
  const from = displayUrl(request.url.href)
  const to = displayUrl(url.href)
  context.decisions?.led({ _tag: "SchemeUpgraded", from, to, clause: "RFC 6797 8.3" })
  if (context.observed) {
    context.emit({
      _tag: "Redirected",
      taskIdentifier: context.taskIdentifier,
      status: 307,
      from,
      to
    })
  }
  return { ...request, url }
}

const isPlain = (scheme: string): boolean => scheme === "http" || scheme === "ws"

const wanted = (store: HstsStorageService, session: SessionState, url: WireUrl): boolean =>
  isPlain(url.scheme) && store.has(url.host, session.wheel.wall())

export const security = (session: SessionState): Stage => {
  const served = new Set([...session.service.schemes, "data"])
  const schemes: ReadonlySet<string> = new Set(session.configuration.schemes.filter((scheme) => served.has(scheme)))
  const store = session.slots.hsts
  return (next) => (given, context) => {
    const request = wanted(store, session, given.url) ? upgraded(given, context) : given
    const error = refusal(session, schemes, request.url, context)
    if (error === undefined) return next(request, context)
    context.decisions?.led({ _tag: "RequestRefused", url: displayUrl(request.url.href), rule: ruleOf(error) })
    return Effect.fail(error)
  }
}
