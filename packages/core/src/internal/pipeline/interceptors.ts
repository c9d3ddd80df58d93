/**
 * The session's interceptors, outermost first, at both levels. They end with the task whatever they wait for; what they do wrong
 * is their failure, and what went wrong below them is not.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { InterceptorService } from "../../Interceptor.ts"
import { DelegateFailed, type ExchangeError } from "../../SessionError.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import { StreamBody } from "../streamBody.ts"
import type { Exchange, Stage } from "./exchange.ts"

type Level = "application" | "network"

const failed = (request: WireRequest, cause: unknown): DelegateFailed =>
  new DelegateFailed({ url: request.url.href, cause, reason: { _tag: "HandlerFailed", slot: "Interceptor" } })

/** Runs one interceptor. A defect of its own is its failure; one of the stages below stays what it is. */
const intercepted = (
  service: InterceptorService,
  request: WireRequest,
  inner: Exchange,
  context: ExchangeContext,
  level: Level
): Effect.Effect<WireResponse, ExchangeError> => {
  let below = false
  let called = false
  const proceed = (changed: WireRequest): Effect.Effect<WireResponse, ExchangeError> =>
    Effect.suspend(() => {
      if (level === "network") {
        if (called) return Effect.fail(failed(request, new Error("a network interceptor called on twice")))
        if (changed.url.origin !== request.url.origin) {
          return Effect.fail(failed(request, new Error("a network interceptor changed the origin of its request")))
        }
      }
      called = true
      return Effect.tapErrorCause(inner(changed, context), (cause) =>
        Effect.sync(() => {
          below ||= Cause.isDie(cause)
        }))
    })
  const run = Effect.suspend(() => service.intercept(request, proceed))
  return Effect.catchAllDefect(run, (defect) => below ? Effect.die(defect) : Effect.fail(failed(request, defect)))
}

const note = (context: ExchangeContext, level: Level, status: number): void => {
  const decision = { _tag: "Intercepted", level, status } as const
  if (level === "network") context.decisions?.about(decision)
  else context.decisions?.led(decision)
}

const through = (services: ReadonlyArray<InterceptorService>, next: Exchange, level: Level): Exchange =>
  services.reduceRight<Exchange>(
    (inner, service) => (request, context) => intercepted(service, request, inner, context, level),
    next
  )

const levelOf = (services: ReadonlyArray<InterceptorService>, level: Level): Stage => (next) => {
  if (services.length === 0) return next
  return (request, context) => {
    let reached = false
    const all = through(
      services,
      (changed, task) => {
        reached = true
        return next(changed, task)
      },
      level
    )
    return Effect.map(context.enclose(Effect.suspend(() => all(request, context))), (response) => {
      if (response.body instanceof StreamBody) response.body.belongTo(context)
      if (!reached) {
        note(context, level, response.status)
        // nothing of it was on a network, and nothing more will come
        if (level === "network") context.transaction.fetchType = "local"
      }
      return response
    })
  }
}

/** Each sees a request once, and its final response. */
export const interceptors = (services: ReadonlyArray<InterceptorService>): Stage => levelOf(services, "application")

/** Each sees one attempt, with everything that the session adds to it; the origin is not its to change, nor to call on twice. */
export const networkInterceptors = (services: ReadonlyArray<InterceptorService>): Stage => levelOf(services, "network")
