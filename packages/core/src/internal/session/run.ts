/**
 * How a request enters the session and leaves it: the context is created inside the mask that installs the one exit
 * handler, so there is no interpreter step at which it could be lost.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { DownloadError, ExchangeError } from "../../SessionError.ts"
import type { Input } from "../../SessionRequest.ts"
import type { SessionResponse } from "../../SessionResponse.ts"
import type { TaskKind } from "../../SessionTask.ts"
import type { WireResponse } from "../../Transport.ts"
import { exitOf, goOn } from "../goOn.ts"
import { MemoryBody } from "../memoryBody.ts"
import type { ExchangeContext } from "./exchangeContext.ts"
import { readWhole } from "./readBody.ts"
import { ResponseImpl } from "./responseImpl.ts"
import type { SessionState } from "./sessionState.ts"

/** What a response that nobody holds any more leaves open is closed by the collector; the net below everything else. */
const unread = new FinalizationRegistry<ExchangeContext>((context) => {
  // a reader needs the body only, so the response may be collected while it is at work
  if (context.detached) context.complete(undefined, false)
})

/** The head of the response: everything up to the final response, redirects and challenges included. */
const exchange = (context: ExchangeContext): Effect.Effect<WireResponse, ExchangeError> =>
  context.session.pipeline(context.originalRequest, context)

/** Announces the task where it is observed, then does its work. */
const announced = <A, E>(context: ExchangeContext, work: () => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  context.observed ? Effect.flatMap(context.announce(), work) : work()

/** Stages act when they are called: what one of them throws ends the task like any other defect. */
const begunBy = <A, E>(context: ExchangeContext, work: (context: ExchangeContext) => Effect.Effect<A, E>) => {
  try {
    return announced(context, () => work(context))
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** Runs a task's work inside the mask, from its beginning to an exit that always completes it or hands it on. */
export const entering = <A, E extends DownloadError>(
  session: SessionState,
  input: Input,
  work: (context: ExchangeContext) => Effect.Effect<A, E>,
  finished: (context: ExchangeContext, value: A) => void,
  kind: TaskKind = "data"
): Effect.Effect<A, E | ExchangeError> =>
  Effect.uninterruptibleMask((restore) =>
    // the one look at the fiber: its context holds the request's options and the task's delegate
    Effect.withFiberRuntime<A, E | ExchangeError>((fiber) => {
      const begun = session.begin(input, fiber)
      if (Either.isLeft(begun)) return Effect.fail(begun.left)
      const context = begun.right
      context.kind = kind
      const worked = begunBy(context, work)
      const exit = exitOf(worked)
      if (exit?._tag === "Success") {
        finished(context, exit.value)
        return exit
      }
      return Effect.matchCauseEffect(restore(worked), {
        onFailure: (cause) => {
          context.completeByCause(cause)
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          finished(context, value)
          return Effect.succeed(value)
        }
      })
    })
  )

const done = (context: ExchangeContext): void => context.complete(undefined, false)

/** Head and body in one mask. */
export const data = (
  session: SessionState,
  input: Input,
  kind: TaskKind = "data"
): Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError> => entering(session, input, whole, done, kind)

const whole = (context: ExchangeContext): Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError> => {
  const limit = context.options.maximumBodyBytes ?? context.session.configuration.maximumBodyBytes
  return goOn(
    exchange(context),
    (wire) =>
      goOn(
        readWhole(wire.body, context, limit),
        (bytes) => Effect.succeed([bytes, new ResponseImpl(wire, context, bytes)] as const)
      )
  )
}

const handOut = (context: ExchangeContext, response: SessionResponse): void => {
  context.detach()
  if (!context.completed) unread.register(response, context)
}

const head = (context: ExchangeContext): Effect.Effect<SessionResponse, ExchangeError> =>
  goOn(exchange(context), (wire): Effect.Effect<SessionResponse> => {
    // an answer that never was on a wire has nothing to arrive any more
    if (wire.body instanceof MemoryBody) context.arrived()
    return Effect.succeed(new ResponseImpl(wire, context, undefined))
  })

/** The head now, the body when it is read. */
export const execute = (session: SessionState, input: Input): Effect.Effect<SessionResponse, ExchangeError> =>
  entering(session, input, head, handOut)

/** The same for a task that has been begun and announced already; no interceptor is called before it is resumed. */
export const headOf = (context: ExchangeContext): Effect.Effect<SessionResponse, ExchangeError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.matchCauseEffect(restore(Effect.flatMap(context.whenRunning(), () => head(context))), {
      onFailure: (cause) => {
        context.completeByCause(cause)
        return Effect.failCause(cause)
      },
      onSuccess: (response) => {
        handOut(context, response)
        return Effect.succeed(response)
      }
    })
  )
