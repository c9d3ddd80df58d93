/** One attempt on the network: the suspension gate, one transaction of the metrics, and the innermost exchange. */
import * as Effect from "effect/Effect"
import type { AttemptBegan } from "../../Decision.ts"
import type { WireRequest, WireResponse } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
import { parseSts } from "../protocol/hsts.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import { learnCookies } from "./cookies.ts"
import { exchangeDataUrl } from "./dataUrl.ts"
import type { Exchange, Stage } from "./exchange.ts"

/** RFC 6797 8.1: of the fields the first, over https, from a server that the platform trusts. */
const learnHsts = (session: SessionState, { connection, fields, url }: WireResponse): void => {
  if (url.scheme !== "https" || !fields.has("strict-transport-security") || connection?.overridden === true) return
  const field = fields.getAll("strict-transport-security")[0]
  const directives = field === undefined ? undefined : parseSts(field)
  if (directives !== undefined) session.slots.hsts.learn(url.host, directives, session.wheel.wall())
}

/** Notes what the head says; what was accepted against the platform's verdict is remembered for its origin. */
const learn = (session: SessionState, context: ExchangeContext, response: WireResponse): WireResponse => {
  context.transaction.status = response.status
  learnHsts(session, response)
  if (response.connection?.overridden === true) session.memory.override(response.url.origin)
  return response
}

const began = ({ fields, method, url }: WireRequest): AttemptBegan => ({
  _tag: "AttemptBegan",
  method,
  url: displayUrl(url.href),
  fields: fields.map((field) => field.name)
})

export const attempt = (session: SessionState): Stage => (next) => {
  const cookies = learnCookies(session)
  const run: Exchange = (request, context) => {
    context.decisions?.led(began(request))
    context.attempt(request)
    return cookies === undefined
      ? Effect.map(next(request, context), (response) => learn(session, context, response))
      : Effect.flatMap(
        next(request, context),
        (response) => cookies(request, learn(session, context, response), context)
      )
  }
  return (request, context) =>
    context.suspended ? Effect.flatMap(context.whenRunning(), () => run(request, context)) : run(request, context)
}

/** The bottom of the pipeline: `data:` URLs here, everything else by the transport. */
export const innermost = (session: SessionState): Exchange => (request, context) =>
  request.url.scheme === "data" ? exchangeDataUrl(request, context) : session.transport.exchange(request, context)
