/**
 * Answers 407 of a proxy that requests are given to as a whole (RFC 9110 11.7): plain http. From an origin, and inside a tunnel,
 * 407 is a response like any other; what a proxy says to CONNECT is the connector's.
 */
import * as Effect from "effect/Effect"
import * as Proxy from "../../Proxy.ts"
import { AuthenticationError, type ExchangeError } from "../../SessionError.ts"
import type { ProxyAnswer, ProxyAsker, ProxyRequest, WireRequest, WireResponse } from "../../Transport.ts"
import { ChallengeObserver } from "../challengeObserver.ts"
import { Affinity } from "../session/affinity.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Exchange, Stage } from "./exchange.ts"

export const proxyAuthentication = (session: SessionState): Stage => (next) => {
  const { authenticationRoundLimit: limit, proxies } = session.configuration

  /** The connection of a user of the proxy. One that an exchange with the server is pinned to serves for both. */
  const affinityFor = (answer: ProxyAnswer | undefined, context: ExchangeContext): Affinity | undefined => {
    if (answer?.user === undefined) return undefined
    const affinity = context.affinity ??= new Affinity(answer.user, context)
    if (answer.value !== undefined) affinity.begin()
    if (answer.pinned) affinity.pin()
    affinity.sending()
    return affinity
  }

  const send = (
    request: WireRequest,
    context: ExchangeContext,
    proxy: Proxy.ProxyServer,
    asker: ProxyAsker,
    answer: ProxyAnswer | undefined,
    shared: boolean
  ): Effect.Effect<WireResponse, ExchangeError> => {
    const affinity = affinityFor(answer, context)
    context.proxyAuthorization = answer?.value
    return Effect.flatMap(next(request, context), (response) => {
      context.proxyAuthorization = undefined
      if (response.status !== 407) {
        if (!shared) affinity?.finish()
        if (answer === undefined) return Effect.succeed(response)
        return Effect.as(
          Effect.tapError(asker.accepted(proxy, answer, response), () => Effect.sync(() => response.body.cancel())),
          response
        )
      }
      if (++context.proxyRounds > limit) {
        response.body.cancel()
        const reason = { _tag: "TooManyRounds", limit } as const
        return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
      }
      const about = { ...aboutOf(request), connection: response.connection }
      const challenged = Effect.provideService(
        asker.challenged(proxy, response, answer, about),
        ChallengeObserver,
        (answered) => context.challengeAnswered(answered)
      )
      return Effect.flatMap(context.decide(challenged), (more) => {
        if (more === undefined) {
          if (!shared) affinity?.close()
          return Effect.succeed(response)
        }
        response.body.cancel()
        const again = () => send(context.again?.(request) ?? request, context, proxy, asker, more, shared)
        if (!more.pinned || affinity === undefined) {
          // another exchange goes over another connection
          if (!shared) {
            affinity?.close()
            context.affinity = undefined
          }
          return again()
        }
        return Effect.flatMap(affinity.settled, () => affinity.held === undefined ? torn(request, proxy) : again())
      })
    })
  }

  const run: Exchange = (request, context) => {
    const asker = context.trust.proxy
    const proxy = request.url.scheme === "http" ? Proxy.select(proxies, request.url) : undefined
    if (proxy === undefined || asker === undefined || proxy.scheme === "socks5") return next(request, context)
    // an exchange with the server has its own use for the connection
    const shared = context.affinity !== undefined
    return send(request, context, proxy, asker, asker.authorization(proxy, aboutOf(request)), shared)
  }
  return run
}

const aboutOf = ({ method, url }: WireRequest): ProxyRequest => ({
  method,
  target: `${url.origin}${url.target}`,
  connection: undefined
})

const torn = (request: WireRequest, proxy: Proxy.ProxyServer): Effect.Effect<never, ExchangeError> => {
  const detail = "it closes its connections in the middle, which this scheme cannot bear"
  const reason = { _tag: "ExchangeFailed", space: `the proxy ${Proxy.originOf(proxy)}`, detail } as const
  return Effect.fail(new AuthenticationError({ url: request.url.href, reason }))
}
