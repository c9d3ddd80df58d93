/**
 * Sends again, on a new connection, what was not processed: lost with an idle connection that the server had closed (engine
 * rule 9), refused unprocessed (RFC 9113 8.7), or sent to a server that is the wrong one (421). Only where that is safe: the
 * server says so, the method is idempotent (RFC 9110 9.2.2), or nothing was sent yet.
 */
import * as Effect from "effect/Effect"
import type { ExchangeError } from "../../SessionError.ts"
import type { WireRequest } from "../../Transport.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { Exchange, Stage } from "./exchange.ts"

const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"])

/** How often a request is sent again that servers do not process: each may close its connection after a few others. */
const resends = 6

const misdirected = 421

/** Whether the server has said that it did not process the request. */
const unprocessed = (error: ExchangeError): boolean =>
  error._tag === "ConnectionError" && error.reason._tag === "NetworkConnectionLost" && error.reason.unprocessed === true

/** Whether the loss of a connection may be repaired by sending the same request again. */
export const recoverable = (request: WireRequest, error: ExchangeError): boolean => {
  if (error._tag !== "ConnectionError" || error.reason._tag !== "NetworkConnectionLost") return false
  const { requestSent, reused } = error.reason
  return unprocessed(error) || (reused && (!requestSent || idempotent.has(request.method)))
}

const note = (context: ExchangeContext, why: string): void =>
  context.decisions?.led({ _tag: "SentAgain", by: "recover", why, after: 0 })

const whyAgain = (error: ExchangeError): string =>
  unprocessed(error)
    ? "the server did not process it (RFC 9113 8.7)"
    : "an idle connection had been closed by the server (RFC 9110 9.2.2)"

/** A server that will not say `100 Continue` gets the body without being asked (RFC 9110 10.1.1). */
const withoutExpectation = (next: Exchange): Exchange => (request, context) =>
  Effect.flatMap(next(request, context), (response) => {
    if (response.status !== 417 || !context.expectContinue) return Effect.succeed(response)
    context.expectContinue = false
    note(context, "the server does not say 100 Continue (RFC 9110 10.1.1)")
    response.body.cancel()
    return next(context.again?.(request) ?? request, context)
  })

export const recover: Stage = (inner) => {
  const expecting = withoutExpectation(inner)
  return (request, context) => recovered(context.expectContinue ? expecting : inner, request, context)
}

const recovered = (next: Exchange, request: WireRequest, context: ExchangeContext): ReturnType<Exchange> =>
  Effect.matchEffect(next(request, context), {
    onFailure: (error) =>
      // what is pinned to a connection is begun anew with it, by who has pinned it
      context.fresh || context.affinity?.pinned === true || !recoverable(request, error)
        ? Effect.fail(error)
        : sentAgain(next, request, context, whyAgain(error)),
    onSuccess: (response) => {
      if (response.status !== misdirected || context.fresh) return Effect.succeed(response)
      // whatever the method (RFC 9110 15.5.20)
      response.body.cancel()
      return sentAgain(next, request, context, "421, the connection leads to another server (RFC 9110 15.5.20)")
    }
  })

const sentAgain = (
  next: Exchange,
  request: WireRequest,
  context: ExchangeContext,
  why: string
): ReturnType<Exchange> => {
  context.fresh = true
  note(context, why)
  return Effect.ensuring(
    untilProcessed(next, request, context, resends - 1),
    Effect.sync(() => {
      context.fresh = false
    })
  )
}

const untilProcessed = (
  next: Exchange,
  request: WireRequest,
  context: ExchangeContext,
  left: number
): ReturnType<Exchange> =>
  Effect.catchAll(
    next(context.again?.(request) ?? request, context),
    (error) => {
      if (left === 0 || !unprocessed(error)) return Effect.fail(error)
      note(context, whyAgain(error))
      return untilProcessed(next, request, context, left - 1)
    }
  )
