/**
 * What a session would do: the request goes through the real stages, and where the network would begin there is a probe that
 * notes it and gives up. Stages that only wait, repeat, tell or run the program's own code are left out.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Decision } from "../../Decision.ts"
import type { ExplainedAddress, ExplainedRequest, Explanation } from "../../Explanation.ts"
import { Cancelled, type ExchangeError } from "../../SessionError.ts"
import type { Input } from "../../SessionRequest.ts"
import { bodyLength, type WireRequest } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
import { exchangeDataUrl } from "../pipeline/dataUrl.ts"
import type { Exchange, Stage } from "../pipeline/exchange.ts"
import { classify } from "../protocol/address.ts"
import { makeRedaction, redactRequestFields } from "../recorder/redaction.ts"
import { DecisionLog } from "./decisionLog.ts"
import type { SessionState } from "./sessionState.ts"

/** The seats that decide what is sent; every other one is about time, repetition, or somebody else's code. */
const deciding: ReadonlySet<string> = new Set([
  "prepare",
  "decode",
  "redirect",
  "security",
  "authentication",
  "cookies",
  "cache",
  "attempt"
])

const redaction = makeRedaction([], [])

/** An explanation is made to be printed: of a query it shows the names, and any value may be a signature. */
const withoutValues = (href: string): string => {
  const bare = displayUrl(href).replace(/\?…$/, "")
  const start = href.indexOf("?")
  if (start < 0) return bare
  const names = href.slice(start + 1).split("&").map((pair) => {
    const equals = pair.indexOf("=")
    // a pair without a name may be a token by itself
    return equals < 0 ? "…" : `${pair.slice(0, equals)}=…`
  })
  return `${bare}?${names.join("&")}`
}

const shown = (request: WireRequest): ExplainedRequest => ({
  method: request.method,
  url: withoutValues(request.url.href),
  authority: request.url.authority,
  fields: redactRequestFields(request.fields, redaction).map(([name, value]) => ({ name, value })),
  hasBody: request.body !== undefined,
  bodyLength: bodyLength(request.body)
})

const last = <Tag extends Decision["_tag"]>(
  log: DecisionLog,
  tag: Tag
): Extract<Decision, { readonly _tag: Tag }> | undefined =>
  log.entries.map(({ decision }) => decision).reverse().find(
    (one): one is Extract<Decision, { readonly _tag: Tag }> => one._tag === tag
  )

const addressOf = (session: SessionState, request: WireRequest | undefined): Effect.Effect<ExplainedAddress> => {
  const { judgeAddress } = session
  if (judgeAddress === undefined || request === undefined) return Effect.succeed({ _tag: "NoPolicy" })
  const { host, port } = request.url
  if (classify(host) === undefined) return Effect.succeed({ _tag: "Asked" })
  const family = host.includes(":") ? 6 : 4
  return Effect.match(judgeAddress({ address: host, host, family, port }), {
    onFailure: (): ExplainedAddress => ({ _tag: "Refused", why: "the policy itself failed" }),
    onSuccess: (verdict): ExplainedAddress =>
      verdict._tag === "Allow" ? { _tag: "Allowed" } : { _tag: "Refused", why: verdict.rule }
  })
}

/** See the head of this file. `stages` are those of the pipeline. */
export const explain = (
  session: SessionState,
  stages: ReadonlyArray<readonly [seat: string, stage: Stage]>,
  input: Input
): Effect.Effect<Explanation, ExchangeError> =>
  Effect.withFiberRuntime((fiber) => {
    const begun = session.begin(input, fiber, true)
    if (Either.isLeft(begun)) return Effect.fail(begun.left)
    const context = begun.right
    const log = context.decisions = new DecisionLog(context)
    let sent: WireRequest | undefined
    const gaveUp = new Cancelled({ url: context.originalRequest.url.href, reason: { _tag: "Cancelled", by: "task" } })
    const probe: Exchange = (request, task) => {
      if (request.url.scheme === "data") return exchangeDataUrl(request, task)
      sent ??= request
      return Effect.fail(gaveUp)
    }
    const run = stages.reduceRight((next, [seat, stage]) => deciding.has(seat) ? stage(next) : next, probe)
    return Effect.ensuring(
      Effect.flatMap(
        Effect.either(Effect.suspend(() => run(context.originalRequest, context))),
        (answered) => {
          if (Either.isRight(answered)) answered.right.body.cancel()
          return Effect.map(addressOf(session, sent), (address): Explanation => ({
            outcome: sent !== undefined
              ? { _tag: "Sent", request: shown(sent) }
              : Either.isRight(answered)
              ? { _tag: "Answered", status: answered.right.status }
              : { _tag: "Failed", error: answered.left },
            upgrade: last(log, "SchemeUpgraded"),
            cookies: last(log, "CookiesAttached"),
            credential: last(log, "CredentialAttached"),
            cache: last(log, "CacheConsulted"),
            proxy: last(log, "ProxyChosen"),
            address,
            interceptors: session.slots.interceptors.length + session.slots.networkInterceptors.length,
            decisions: log.entries.slice()
          }))
        }
      ),
      Effect.sync(() => context.complete(undefined, false))
    )
  })
