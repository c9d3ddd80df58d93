/**
 * Sends once more, on a new connection, what was lost with an idle one: the server had closed it and the request met the
 * closing (engine rule 9). Only where that is safe: an idempotent method (RFC 9110 9.2.2), or nothing sent yet.
 */
import * as Effect from "effect/Effect"
import type { ExchangeError } from "../../SessionError.ts"
import type { WireRequest } from "../../Transport.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { Exchange, Stage } from "./exchange.ts"

const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"])

/** Whether the loss of a connection may be repaired by sending the same request again. */
export const recoverable = (request: WireRequest, error: ExchangeError): boolean => {
  if (error._tag !== "ConnectionError" || error.reason._tag !== "NetworkConnectionLost") return false
  const { requestSent, reused } = error.reason
  return reused && (!requestSent || idempotent.has(request.method))
}

/** A server that will not say `100 Continue` gets the body without being asked (RFC 9110 10.1.1). */
const withoutExpectation = (next: Exchange): Exchange => (request, context) =>
  Effect.flatMap(next(request, context), (response) => {
    if (response.status !== 417 || !context.expectContinue) return Effect.succeed(response)
    context.expectContinue = false
    response.body.cancel()
    return next(context.again?.(request) ?? request, context)
  })

export const recover: Stage = (inner) => {
  const expecting = withoutExpectation(inner)
  return (request, context) => recovered(context.expectContinue ? expecting : inner, request, context)
}

const recovered = (next: Exchange, request: WireRequest, context: ExchangeContext): ReturnType<Exchange> =>
  Effect.catchAll(next(request, context), (error) => {
    if (context.fresh || !recoverable(request, error)) return Effect.fail(error)
    context.fresh = true
    return Effect.ensuring(
      next(context.again?.(request) ?? request, context),
      Effect.sync(() => {
        context.fresh = false
      })
    )
  })
