/** What may be requested at all, per hop: the schemes of the session and of the request, TransportSecurity, and nothing but HTTP by redirect. */
import * as Effect from "effect/Effect"
import { InvalidRequest } from "../../SessionError.ts"
import type { WireUrl } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
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

export const security = (session: SessionState): Stage => {
  const served = new Set([...session.service.schemes, "data"])
  const schemes: ReadonlySet<string> = new Set(session.configuration.schemes.filter((scheme) => served.has(scheme)))
  return (next) => (request, context) => {
    const error = refusal(session, schemes, request.url, context)
    if (error === undefined) return next(request, context)
    context.decisions?.led({ _tag: "RequestRefused", url: displayUrl(request.url.href), rule: ruleOf(error) })
    return Effect.fail(error)
  }
}
