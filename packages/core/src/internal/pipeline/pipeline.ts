/** The pipeline: every seat, outermost first. A seat that is empty today, or not needed by a session, is identity. */
import type { SessionState } from "../session/sessionState.ts"
import { attempt, innermost } from "./attempt.ts"
import { authentication } from "./authentication.ts"
import { cache } from "./cache.ts"
import { withoutCache } from "./cachePolicy.ts"
import { connectivity } from "./connectivity.ts"
import { cookies } from "./cookies.ts"
import { decode } from "./decode.ts"
import { events } from "./events.ts"
import type { Exchange, Stage } from "./exchange.ts"
import { interceptors, networkInterceptors } from "./interceptors.ts"
import { prepare } from "./prepare.ts"
import { proxyAuthentication } from "./proxyAuthentication.ts"
import { recover } from "./recover.ts"
import { redirect } from "./redirect.ts"
import { retryPolicy } from "./retryPolicy.ts"
import { security } from "./security.ts"
import { idleTimeout, resourceTimeout } from "./timeouts.ts"

const identity: Stage = (next) => next

/** The list. The reasons for its order are in docs/decisions. */
export const stages = (session: SessionState): ReadonlyArray<readonly [seat: string, stage: Stage]> => [
  ["events", events(session)],
  ["resourceTimeout", resourceTimeout],
  ["interceptors(application)", interceptors(session.slots.interceptors)],
  ["retryPolicy", retryPolicy(session)],
  ["prepare", prepare(session)],
  ["decode", session.slots.codings === undefined ? identity : decode(session.slots.codings, session.additionalFields)],
  ["redirect", redirect(session)],
  ["security", security(session)],
  ["authentication", authentication(session)],
  ["cookies", session.slots.cookies === undefined ? identity : cookies(session, session.slots.cookies)],
  [
    "cache",
    session.slots.urlCache === undefined ? withoutCache(session) : cache(session, session.slots.urlCache)
  ],
  ["recover", recover],
  ["proxyAuthentication", session.configuration.proxies.length === 0 ? identity : proxyAuthentication(session)],
  ["connectivity", connectivity(session)],
  ["idleTimeout", idleTimeout],
  ["attempt", attempt(session)],
  ["interceptors(network)", networkInterceptors(session.slots.networkInterceptors)]
]

export const pipeline = (session: SessionState): Exchange =>
  stages(session).reduceRight((next, [, stage]) => stage(next), innermost(session))
