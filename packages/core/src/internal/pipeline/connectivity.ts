/**
 * Whether there is a way to the network that may be used. Without one a request fails at once, or waits for one: once it has a
 * connection this is over, and what is lost later is lost. While it waits the idle timer stands still and the total one runs.
 */
import * as Effect from "effect/Effect"
import type { ConnectivityService } from "../../Connectivity.ts"
import * as Proxy from "../../Proxy.ts"
import type { RequestOptionsRecord } from "../../RequestOptions.ts"
import type { SessionConfiguration } from "../../SessionConfiguration.ts"
import { ConnectionError, type ExchangeError } from "../../SessionError.ts"
import { displayUrl } from "../displayUrl.ts"
import { isLoopbackHost } from "../protocol/address.ts"
import { type Allowed, unreachable } from "../protocol/connectivity.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Exchange, Stage } from "./exchange.ts"

/** Milliseconds between two looks at a service that does not tell, and before a network that looks right is tried again. */
const interval = 1000

const unknown: ConnectivityService = { paths: () => [{ name: "unknown" }] }

/** A request may be stricter than its session, and never laxer (CFG-31). */
const allowedFor = (configuration: SessionConfiguration, options: RequestOptionsRecord): Allowed => ({
  cellular: configuration.allowsCellularAccess && options.allowsCellularAccess !== false,
  expensive: configuration.allowsExpensiveNetworkAccess && options.allowsExpensiveNetworkAccess !== false,
  constrained: configuration.allowsConstrainedNetworkAccess && options.allowsConstrainedNetworkAccess !== false,
  ultraConstrained: configuration.allowsUltraConstrainedNetworkAccess &&
    options.allowsUltraConstrainedNetworkAccess !== false
})

const restricts = (of: Partial<Pick<SessionConfiguration, Restriction>>): boolean =>
  of.allowsCellularAccess === false || of.allowsExpensiveNetworkAccess === false ||
  of.allowsConstrainedNetworkAccess === false || of.allowsUltraConstrainedNetworkAccess === false

type Restriction =
  | "allowsCellularAccess"
  | "allowsExpensiveNetworkAccess"
  | "allowsConstrainedNetworkAccess"
  | "allowsUltraConstrainedNetworkAccess"

const why = {
  NoRoute: "NoRoute: no network interface is up",
  Cellular: "Cellular: the only network is cellular, and allowsCellularAccess is off",
  Expensive: "Expensive: the only network is expensive, and allowsExpensiveNetworkAccess is off",
  Constrained: "Constrained: the only network is constrained, and allowsConstrainedNetworkAccess is off",
  UltraConstrained: "UltraConstrained: the only network is ultra-constrained, and " +
    "allowsUltraConstrainedNetworkAccess is off"
}

/** Waits for a change, or for the interval; given up when the task ends. */
const change = (service: ConnectivityService, context: ExchangeContext): Effect.Effect<void, ExchangeError> =>
  Effect.async<void, ExchangeError>((resume) => {
    context.networkWait(false)
    let stop: (() => void) | undefined = undefined
    let over = false
    const leave = () => {
      over = true
      timer.cancel()
      stop?.()
    }
    const next = () => {
      if (over) return
      leave()
      context.unpark()
      resume(Effect.void)
    }
    const timer = context.session.wheel.after(interval, next)
    const parked = context.park((ended) => {
      leave()
      resume(ended)
    })
    if (!parked) return
    stop = service.subscribe?.(next)
    // it may have called back while it was subscribed to
    if (over) stop?.()
    return Effect.sync(() => {
      leave()
      context.unpark()
    })
  })

const tell = (url: string, context: ExchangeContext): void => {
  if (context.toldOfWaiting) return
  context.toldOfWaiting = true
  if (!context.observed) return
  context.emit({
    _tag: "WaitingForConnectivity",
    taskIdentifier: context.taskIdentifier,
    url: displayUrl(url)
  })
}

const isOffline = (error: ExchangeError): boolean =>
  error._tag === "ConnectionError" && error.reason._tag === "NotConnectedToInternet"

export const connectivity = (session: SessionState): Stage => {
  const { configuration } = session
  const waits = configuration.waitsForConnectivity
  const service = session.slots.connectivity ?? unknown
  const restricted = restricts(configuration)
  return (next) => {
    const wait = (request: Parameters<Exchange>[0], context: ExchangeContext): ReturnType<Exchange> => {
      tell(request.url.href, context)
      return Effect.flatMap(change(service, context), () => run(request, context))
    }
    const run: Exchange = (request, context) => {
      const { scheme } = request.url
      // with a proxy between, it is the proxy that has to be reached
      const host = Proxy.select(configuration.proxies, request.url)?.host ?? request.url.host
      // neither a file nor this machine is behind a network
      if (isLoopbackHost(host) || (scheme !== "http" && scheme !== "https")) return next(request, context)
      const missing = unreachable(service.paths(), allowedFor(configuration, context.options))
      if (missing !== undefined) {
        if (waits) return wait(request, context)
        const reason = { _tag: "NotConnectedToInternet", why: why[missing] } as const
        return Effect.fail(new ConnectionError({ url: request.url.href, reason }))
      }
      if (!waits) return next(request, context)
      return Effect.catchAll(
        next(request, context),
        (error) => isOffline(error) ? wait(request, context) : Effect.fail(error)
      )
    }
    return (request, context) =>
      waits || restricted || restricts(context.options) ? run(request, context) : next(request, context)
  }
}
