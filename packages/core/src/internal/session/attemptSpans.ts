/**
 * A span for each attempt of a request, with its phases as events. They are made when the request is over, out of what was
 * measured, so that a request costs no more while it is under way; they belong to the request's span, and end with their body.
 */
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import { format, type LoggedDecision } from "../../Decision.ts"
import type { DownloadError } from "../../SessionError.ts"
import type { TransactionMetrics } from "../../TaskMetrics.ts"
import { ofAttemptSpan } from "../spanAttributes.ts"

/** The phases, in the order in which they come. */
const phases = [
  ["dns.start", "domainLookupStart"],
  ["dns.end", "domainLookupEnd"],
  ["connect.start", "connectStart"],
  ["tls.start", "secureConnectionStart"],
  ["tls.end", "secureConnectionEnd"],
  ["connect.end", "connectEnd"],
  ["request.start", "requestStart"],
  ["request.sent", "requestEnd"],
  ["response.first_byte", "responseStart"],
  ["response.end", "responseEnd"]
] as const

const nanosOf = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1e6))

const within = (at: bigint, from: bigint, to: bigint): bigint => at < from ? from : at > to ? to : at

/** `now` is the end of the request's span; no attempt is outside of that, whatever two clocks say. */
export const attemptSpans = (
  tracer: Tracer.Tracer,
  parent: Tracer.Span,
  transactions: ReadonlyArray<TransactionMetrics>,
  decisions: ReadonlyArray<LoggedDecision>,
  now: bigint,
  error: DownloadError | undefined
): void => {
  const begin = parent.status.startTime
  transactions.forEach((attempt, index) => {
    const from = within(nanosOf(attempt.fetchStart), begin, now)
    const next = transactions[index + 1]
    const end = attempt.responseEnd ?? next?.fetchStart
    const to = end === undefined ? now : within(nanosOf(end), from, now)
    const span = tracer.span("http.attempt", Option.some(parent), Context.empty(), [], from, "internal", {
      attributes: ofAttemptSpan(attempt, index)
    })
    for (const [name, field] of phases) {
      const at = attempt[field]
      if (at !== undefined) span.event(name, within(nanosOf(at), from, to))
    }
    for (const one of decisions) {
      const own = one.attempt === index || (next === undefined && one.attempt > index)
      if (own) span.event("decision", within(nanosOf(one.at), from, to), { text: format(one.decision) })
    }
    const failed = next === undefined ? error : undefined
    if (failed !== undefined) span.attribute("error.type", failed.reason._tag)
    span.end(to, failed === undefined ? Exit.void : Exit.fail(failed))
  })
}
