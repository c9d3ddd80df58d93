/**
 * Answers 407 of a proxy that requests are given to as a whole (RFC 9110 11.7): plain http. From an origin, and inside a tunnel,
 * 407 is a response like any other; what a proxy says to CONNECT is the connector's.
 */
import * as Effect from "effect/Effect"
import * as Proxy from "../../Proxy.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { ProxyAsker, WireRequest, WireResponse } from "../../Transport.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Exchange, Stage } from "./exchange.ts"

export const proxyAuthentication = (session: SessionState): Stage => (next) => {
  const { authenticationRoundLimit: limit, proxies } = session.configuration

  const send = (
    request: WireRequest,
    context: ExchangeContext,
    proxy: Proxy.ProxyServer,
    asker: ProxyAsker
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const sent = asker.authorization(proxy, request.method, `${request.url.origin}${request.url.target}`)
    context.proxyAuthorization = sent?.value
    return Effect.flatMap(next(request, context), (response) => {
      context.proxyAuthorization = undefined
      if (response.status !== 407) {
        if (sent !== undefined) asker.accepted(proxy, sent)
        return Effect.succeed(response)
      }
      if (++context.proxyRounds > limit) {
        response.body.cancel()
        const reason = { _tag: "TooManyRounds", limit } as const
        return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
      }
      return Effect.flatMap(context.decide(asker.challenged(proxy, response, sent)), (answered) => {
        if (!answered) return Effect.succeed(response)
        response.body.cancel()
        return send(context.again?.(request) ?? request, context, proxy, asker)
      })
    })
  }

  const run: Exchange = (request, context) => {
    const asker = context.trust.proxy
    const proxy = request.url.scheme === "http" ? Proxy.select(proxies, request.url) : undefined
    return proxy === undefined || asker === undefined || proxy.scheme === "socks5"
      ? next(request, context)
      : send(request, context, proxy, asker)
  }
  return run
}
