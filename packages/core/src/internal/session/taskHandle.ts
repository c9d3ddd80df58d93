/** Handles over contexts, and the data task: a fiber that belongs to the caller's scope that fetches the head when it is let. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Cancelled, type ExchangeError, type InvalidRequest, type SessionInvalidated } from "../../SessionError.ts"
import type { Input } from "../../SessionRequest.ts"
import type { SessionResponse } from "../../SessionResponse.ts"
import type { DataTask, Progress, RequestLine, SessionTask, TaskKind } from "../../SessionTask.ts"
import type { WireRequest } from "../../Transport.ts"
import type { ExchangeContext } from "./exchangeContext.ts"
import { headOf } from "./run.ts"
import type { SessionState } from "./sessionState.ts"

class Line implements RequestLine {
  readonly method: string
  declare readonly url: string
  constructor(request: WireRequest) {
    this.method = request.method
    // not enumerable: a query may be a signature, and handles are printed
    Object.defineProperty(this, "url", { value: request.url.href, enumerable: false })
  }
}

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
  kind: context.kind,
  taskDescription: context.options.taskDescription,
  originalRequest: new Line(context.originalRequest),
  currentRequest: Effect.sync(() => new Line(context.currentRequest)),
  state: Effect.sync(() => context.state),
  suspend: Effect.sync(() => context.suspend()),
  resume: Effect.sync(() => context.resume()),
  cancel: Effect.sync(() => context.abort(cancelled(context, "task"))),
  priority: Effect.sync(() => context.priority),
  setPriority: (priority) =>
    Effect.sync(() => {
      context.reprioritize(Math.min(1, Math.max(0, priority)))
    }),
  snapshot: Effect.sync(() => snapshot(context)),
  progress: progressOf(context),
  error: Effect.sync(() => context.error),
  metrics: Effect.map(completion(context), () => context.metrics),
  decisions: Effect.sync(() => context.decisions?.entries.slice() ?? [])
})

/** A data task: suspended until it is let, and given up when the scope closes. */
export const dataTask = (
  session: SessionState,
  input: Input,
  kind: TaskKind = "data"
): Effect.Effect<DataTask, InvalidRequest | SessionInvalidated, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<DataTask, InvalidRequest | SessionInvalidated, Scope.Scope>((fiber) => {
      const begun = session.begin(input, fiber)
      if (Either.isLeft(begun)) return Effect.fail(begun.left)
      const context = begun.right
      context.kind = kind
      context.observed = true
      context.suspend()
      const head = Deferred.unsafeMake<SessionResponse, ExchangeError>(FiberId.none)
      const work = Effect.forkDaemon(Effect.interruptible(Effect.intoDeferred(headOf(context), head)))
      // the finalizer is there before anything can be interrupted, and the worker belongs to it
      let worker: Fiber.RuntimeFiber<boolean> | undefined
      const giveUp = Effect.suspend(() => {
        const error = cancelled(context, "scope")
        context.abort(error)
        Deferred.unsafeDone(head, Effect.fail(error))
        return worker === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(worker))
      })
      return Effect.addFinalizer(() => giveUp).pipe(
        Effect.zipRight(restore(Effect.suspend(() => context.announce()))),
        Effect.zipRight(work),
        Effect.map((fiber) => {
          worker = fiber
          return dataHandle(context, Deferred.await(head))
        })
      )
    })
  )

const dataHandle = (context: ExchangeContext, head: Effect.Effect<SessionResponse, ExchangeError>): DataTask => {
  const base = handleOf(context)
  let resumed = false
  const start = Effect.sync(() => {
    if (resumed) return
    resumed = true
    context.resume()
  })
  const response = Effect.zipRight(start, head)
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
}
