/** Ties a streamed body to its task: where its effect runs, who is asked for a new one, and who waits for it at the end. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { BodyStreamProviderService } from "../../BodyStreamProvider.ts"
import { DelegateFailed } from "../../SessionError.ts"
import { displayUrl } from "../displayUrl.ts"
import { streamProduce } from "../requestBody/stream.ts"
import { type BodyOwner, type Produce, StreamedRequestBody } from "../requestBody/streamedRequestBody.ts"
import type { ExchangeContext } from "./exchangeContext.ts"
import type { SessionState } from "./sessionState.ts"

const ask = (
  provider: BodyStreamProviderService,
  attempt: number,
  context: ExchangeContext,
  session: SessionState
): Effect.Effect<Option.Option<Produce>, DelegateFailed> => {
  const { method, url } = context.currentRequest
  const need = {
    taskIdentifier: context.taskIdentifier,
    method,
    url: displayUrl(url.href),
    attempt,
    offset: 0
  }
  return session.queue.barrier(context.onQueue).pipe(
    Effect.zipRight(Effect.suspend(() => provider.provide(need))),
    Effect.map(Option.map(streamProduce)),
    Effect.catchAllCause((cause) =>
      Effect.fail(
        new DelegateFailed({
          url: url.href,
          cause: Cause.squash(cause),
          reason: { _tag: "HandlerFailed", slot: "BodyStreamProvider" }
        })
      )
    )
  )
}

/** The runtime of whoever made the request: its services and its references. */
const runtimeOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Runtime.Runtime<never> =>
  Runtime.make({
    context: fiber.currentContext,
    runtimeFlags: Runtime.defaultRuntimeFlags,
    fiberRefs: fiber.getFiberRefs()
  })

/** Nothing for any other body. */
export const bindBody = (
  context: ExchangeContext,
  session: SessionState,
  fiber: Fiber.RuntimeFiber<unknown, unknown>
): void => {
  const { body, url } = context.originalRequest
  if (!(body instanceof StreamedRequestBody)) return
  const provider = context.delegate.body ?? session.slots.body
  const owner: BodyOwner = {
    url: url.href,
    runtime: runtimeOf(fiber),
    provide: provider === undefined ? undefined : (attempt) => ask(provider, attempt, context, session),
    started: (making) => session.track(making)
  }
  body.bind(owner)
}
