/** Handles over contexts, and the data task: a fiber in the caller's scope that fetches the head when it is let. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Cancelled, type ExchangeError } from "../../SessionError.ts"
import type { SessionResponse } from "../../SessionResponse.ts"
import type { DataTask, Progress, RequestLine, SessionTask } from "../../SessionTask.ts"
import type { WireRequest } from "../../Transport.ts"
import type { ExchangeContext } from "./exchangeContext.ts"
import { headOf } from "./run.ts"

const lineOf = (request: WireRequest): RequestLine => ({ method: request.method, url: request.url.href })

const snapshot = (context: ExchangeContext): Progress => ({
  state: context.state,
  bytesSent: context.bytesSent,
  bytesExpectedToSend: context.bytesExpectedToSend,
  bytesReceived: context.bytesReceived,
  bytesExpectedToReceive: context.bytesExpected
})

const cancelled = (context: ExchangeContext, by: "task" | "scope"): Cancelled =>
  new Cancelled({ url: context.currentRequest.url.href, reason: { _tag: "Cancelled", by } })

const progressOf = (context: ExchangeContext): Stream.Stream<Progress> =>
  Stream.suspend(() => {
    let news = true
    let last = false
    let wake: (() => void) | undefined
    const leave = context.watch(() => {
      news = true
      wake?.()
    })
    const changed = Effect.async<void>((resume) => {
      if (news || context.completed) return resume(Effect.void)
      wake = () => resume(Effect.void)
    })
    const pull = Effect.suspend((): Effect.Effect<Progress, Option.Option<never>> => {
      if (last) return Effect.fail(Option.none())
      news = false
      last = context.completed
      return Effect.succeed(snapshot(context))
    })
    return Stream.repeatEffectOption(
      Effect.suspend(() => news || last ? pull : Effect.zipRight(changed, pull))
    ).pipe(Stream.ensuring(Effect.sync(leave)))
  })

const completion = (context: ExchangeContext): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (context.completed) return resume(Effect.void)
    const leave = context.watch(() => {
      if (!context.completed) return
      leave()
      resume(Effect.void)
    })
    return Effect.sync(leave)
  })

/** The handle of any task. */
export const handleOf = (context: ExchangeContext): SessionTask => ({
  taskIdentifier: context.taskIdentifier,
  taskDescription: context.options.taskDescription,
  originalRequest: lineOf(context.originalRequest),
  currentRequest: Effect.sync(() => lineOf(context.currentRequest)),
  state: Effect.sync(() => context.state),
  suspend: Effect.sync(() => context.suspend()),
  resume: Effect.sync(() => context.resume()),
  cancel: Effect.sync(() => context.abort(cancelled(context, "task"))),
  priority: Effect.sync(() => context.priority),
  setPriority: (priority) =>
    Effect.sync(() => {
      context.priority = Math.min(1, Math.max(0, priority))
    }),
  snapshot: Effect.sync(() => snapshot(context)),
  progress: progressOf(context),
  error: Effect.sync(() => context.error),
  metrics: Effect.map(completion(context), () => context.metrics ?? context.collect())
})

/** A data task whose context has just been begun. */
export const dataTask = (context: ExchangeContext): Effect.Effect<DataTask, never, Scope.Scope> =>
  Effect.gen(function*() {
    let resumed = false
    context.observed = true
    context.suspend()
    const head = yield* Deferred.make<SessionResponse, ExchangeError>()
    yield* Effect.addFinalizer(() => Effect.sync(() => context.abort(cancelled(context, "scope"))))
    yield* context.session.announce(context)
    yield* Effect.forkScoped(Effect.intoDeferred(headOf(context), head))
    const base = handleOf(context)
    const start = Effect.sync(() => {
      if (resumed) return
      resumed = true
      context.resume()
    })
    const response = Effect.zipRight(start, Deferred.await(head))
    return {
      ...base,
      resume: Effect.zipRight(
        Effect.sync(() => {
          resumed = true
        }),
        base.resume
      ),
      response,
      data: Effect.flatMap(response, (one) => Effect.map(one.bytes, (bytes) => [bytes, one] as const))
    }
  })
