/** Follows redirects: the decision is pure (protocol/redirectDecision), the delegate is asked, and what is bound to the first origin stays with it. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { RedirectDecided } from "../../Decision.ts"
import type { RedirectAnswer } from "../../RedirectHandler.ts"
import { DelegateFailed, type ExchangeError, RedirectError } from "../../SessionError.ts"
import { parseUrl } from "../../SessionRequest.ts"
import type { RequestField, WireRequest, WireResponse } from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
import { goOn } from "../goOn.ts"
import { decideRedirect, type FollowRedirect, isBodyField, isSecretField } from "../protocol/redirectDecision.ts"
import { redirectedReferrer } from "../protocol/referrer.ts"
import { requestField } from "../requestField.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { SessionState } from "../session/sessionState.ts"
import type { Exchange, Stage } from "./exchange.ts"
import { checkedReplacement } from "./replacement.ts"

interface Step {
  readonly request: WireRequest
  readonly crossOrigin: boolean
}

const keeps = (context: ExchangeContext, session: SessionState): boolean =>
  context.options.keepFieldsOnRedirect ?? session.configuration.keepFieldsOnRedirect

/** What goes along: not what tells of a body that stays behind, nor what is bound to an origin that is left. */
const fieldsFor = (
  decision: FollowRedirect,
  request: WireRequest,
  response: WireResponse,
  context: ExchangeContext,
  session: SessionState
): ReadonlyArray<RequestField> => {
  const leaves = decision.crossOrigin && !keeps(context, session)
  const fields: Array<RequestField> = []
  for (const field of request.fields) {
    if (field.name === "referer") {
      const referrer = redirectedReferrer({
        referrer: field.value,
        target: decision.url,
        crossOrigin: decision.crossOrigin,
        policy: context.options.referrerPolicy ?? session.configuration.referrerPolicy,
        said: response.fields.getAll("referrer-policy")
      })
      if (referrer !== undefined) fields.push(requestField("referer", referrer, field.bound))
    } else if (
      !(leaves && (field.bound || isSecretField(field.name))) && !(decision.dropBody && isBodyField(field.name))
    ) fields.push(field)
  }
  return fields
}

const nextRequest = (
  request: WireRequest,
  response: WireResponse,
  context: ExchangeContext,
  session: SessionState
): Either.Either<Step | undefined, RedirectError> => {
  const limit = session.configuration.redirectLimit
  const decision = decideRedirect({
    status: response.status,
    method: request.method,
    locations: response.fields.getAll("location"),
    // after an upgrade to https the one that was answered is another one
    currentUrl: response.url.href,
    hops: context.redirectCount,
    limit
  })
  const url = request.url.href
  switch (decision._tag) {
    case "Deliver":
      return Either.right(undefined)
    case "TooMany": {
      const location = displayUrl(decision.url)
      return Either.left(new RedirectError({ url, reason: { _tag: "TooManyRedirects", limit, location } }))
    }
    case "BadLocation": {
      const location = displayUrl(decision.location.slice(0, 256))
      return Either.left(new RedirectError({ url, reason: { _tag: "RedirectToNonExistentLocation", location } }))
    }
    case "Follow": {
      const parsed = parseUrl(decision.url)
      if (Either.isLeft(parsed)) {
        const location = displayUrl(decision.url.slice(0, 256))
        return Either.left(new RedirectError({ url, reason: { _tag: "RedirectToNonExistentLocation", location } }))
      }
      return Either.right({
        request: {
          method: decision.method,
          url: parsed.right.url,
          fields: fieldsFor(decision, request, response, context, session),
          body: decision.dropBody ? undefined : request.body,
          properties: request.properties
        },
        crossOrigin: decision.crossOrigin
      })
    }
  }
}

const ask = (
  step: Step,
  request: WireRequest,
  response: WireResponse,
  context: ExchangeContext,
  session: SessionState
): Effect.Effect<RedirectAnswer, ExchangeError> => {
  const handler = context.delegate.redirect ?? session.slots.redirect
  if (handler === undefined) return Effect.succeed({ _tag: "Follow" })
  const redirect = {
    status: response.status,
    headers: response.fields,
    from: request.url.href,
    request: step.request,
    hop: context.redirectCount + 1,
    crossOrigin: step.crossOrigin,
    taskIdentifier: context.taskIdentifier
  }
  return context.decide(
    Effect.catchAllCause(Effect.suspend(() => handler.decide(redirect)), (cause) =>
      Effect.fail(
        new DelegateFailed({
          url: request.url.href,
          cause,
          reason: { _tag: "HandlerFailed", slot: "RedirectHandler" }
        })
      ))
  )
}

const follow = (from: WireRequest, to: WireRequest, status: number, context: ExchangeContext): void => {
  context.redirectCount++
  if (context.observed) {
    context.emit({
      _tag: "Redirected",
      taskIdentifier: context.taskIdentifier,
      status,
      from: displayUrl(from.url.href),
      to: displayUrl(to.url.href)
    })
  }
}

/** What the redirect changes, for the decision log. */
const changed = (from: WireRequest, step: Step, status: number, answer: RedirectAnswer): RedirectDecided => {
  const to = answer._tag === "FollowWith" ? answer.request : step.request
  return {
    _tag: "RedirectDecided",
    status,
    from: displayUrl(from.url.href),
    to: displayUrl(to.url.href),
    action: answer._tag,
    method: to.method,
    methodChanged: to.method !== from.method,
    bodyDropped: from.body !== undefined && to.body === undefined,
    crossOrigin: step.crossOrigin,
    droppedFields: from.fields.map((field) => field.name).filter((name) => !to.fields.some((one) => one.name === name))
  }
}

export const redirect = (session: SessionState): Stage => (next) => {
  const run: Exchange = (request, context) =>
    goOn(next(request, context), (response) => {
      const status = response.status
      if (status < 300 || status > 399) return Effect.succeed(response)
      const decided = nextRequest(request, response, context, session)
      if (Either.isLeft(decided)) {
        response.body.cancel()
        return Effect.fail(decided.left)
      }
      const step = decided.right
      if (step === undefined) return Effect.succeed(response)
      return Effect.flatMap(ask(step, request, response, context, session), (answer) => {
        context.decisions?.led(changed(request, step, response.status, answer))
        if (answer._tag === "Stop") return Effect.succeed(response)
        response.body.cancel()
        const chosen = answer._tag === "Follow"
          ? Either.right(step.request)
          : checkedReplacement(answer.request, request, keeps(context, session))
        if (Either.isLeft(chosen)) return Effect.fail(chosen.left)
        follow(request, chosen.right, status, context)
        return run(chosen.right, context)
      })
    })
  return run
}
