/**
 * Challenges that a human answers: they wait in a queue for a user interface, are answered once, and are withdrawn when nobody
 * waits for the answer any more.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { AuthenticationChallenge } from "./AuthenticationChallenge.ts"
import * as ChallengeResolver from "./ChallengeResolver.ts"
import { equals } from "./Credential.ts"
import * as Disposition from "./Disposition.ts"

/**
 * What has become of a question: nobody has answered yet, somebody has, or all tasks that were waiting for it are over.
 *
 * @since 0.1.0
 * @category models
 */
export type Status = "Pending" | "Answered" | "Withdrawn"

/**
 * A challenge that waits for an answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Question {
  /** Of the task that asked first; others with an equal challenge may be waiting too. Safe to show, but for the realm, which is the server's word. */
  readonly challenge: AuthenticationChallenge
  readonly status: Effect.Effect<Status>
  /** The first answer counts: `false` where there was one already, or where nobody waits any more. */
  readonly answer: (disposition: Disposition.Disposition) => Effect.Effect<boolean>
  /** Waits until it is answered or withdrawn, so that a dialog can be closed: gives which of the two. */
  readonly ended: Effect.Effect<Exclude<Status, "Pending">>
}

/**
 * The queue: what asks, and what is asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChallengeQueue {
  /** Asks for Basic and Digest, whatever the origin: a human sees it, so show `challenge.space.origin` and `challenge.crossOrigin`. */
  readonly resolver: ChallengeResolver.Resolver
  /** The same for entries of your own: `ChallengeResolver.make({ Basic: ChallengeResolver.forSpace(pattern, queue.answer) })`. */
  readonly answer: ChallengeResolver.Answer
  /** Waits for the next question that nobody has taken. One that is withdrawn before it is taken is not seen. */
  readonly take: Effect.Effect<Question>
  /** The questions in their order, each taken by one consumer. Ends never; run it in a scope. */
  readonly questions: Stream.Stream<Question>
  /** The questions without an answer, now and after each change, taken or not. */
  readonly pending: Stream.Stream<ReadonlyArray<Question>>
}

const isSame = (left: AuthenticationChallenge, right: AuthenticationChallenge): boolean =>
  Equal.equals(left.space, right.space) && left.previousFailureCount === right.previousFailureCount &&
  // what is meant for the origin itself is not sent where a redirect leads
  left.crossOrigin === right.crossOrigin &&
  Option.getEquivalence(equals)(left.proposedCredential, right.proposedCredential)

interface Asking {
  readonly challenge: AuthenticationChallenge
  readonly result: Deferred.Deferred<Disposition.Disposition, unknown>
  fiber: Fiber.RuntimeFiber<unknown> | undefined
  waiting: number
}

/**
 * Asks once where several tasks ask the same at the same time: same space, same count of failures, same proposed credential, and
 * both or neither led there by a redirect. The answer is everybody's. It is interrupted when the last of them no longer waits,
 * and not before; then nobody goes on until it has ended. It runs with the services of the task that asked first. Build it
 * once, and one for each user of the program: whoever shares it shares the answers.
 *
 * @since 0.1.0
 * @category combinators
 */
export const shared = <R>(answer: ChallengeResolver.Answer<R>): ChallengeResolver.Answer<R> => {
  const askings: Array<Asking> = []
  const end = (asking: Asking): void => {
    const index = askings.indexOf(asking)
    if (index >= 0) askings.splice(index, 1)
  }
  const leave = (asking: Asking): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (--asking.waiting > 0 || asking.fiber === undefined) return Effect.void
      end(asking)
      return Effect.asVoid(Fiber.interrupt(asking.fiber))
    })
  const begin = (asking: Asking): Effect.Effect<void, never, R> =>
    Effect.map(
      Effect.suspend(() => answer(asking.challenge)).pipe(
        Effect.ensuring(Effect.sync(() => end(asking))),
        Effect.intoDeferred(asking.result),
        Effect.interruptible,
        Effect.forkDaemon
      ),
      (fiber) => {
        asking.fiber = fiber
      }
    )
  return (challenge) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const known = askings.find((one) => isSame(one.challenge, challenge))
        const asking = known ??
          { challenge, result: Deferred.unsafeMake(FiberId.none), fiber: undefined, waiting: 0 }
        asking.waiting++
        if (known === undefined) askings.push(asking)
        const started = known === undefined ? begin(asking) : Effect.void
        return Effect.zipRight(started, Effect.ensuring(restore(Deferred.await(asking.result)), leave(asking)))
      })
    )
}

/**
 * A queue. When its scope ends, what is without an answer is answered with `Disposition.next`, and so is whatever is asked later:
 * nothing waits for a user interface that is gone. A task that is cancelled or runs out of time withdraws its question, unless
 * others wait for the same answer.
 *
 * @example
 * ```ts
 * import { ChallengeQueue, ChallengeResolver, Credential, Disposition, UrlSession } from "@urlsession/core"
 * import { Effect, Stream } from "effect"
 *
 * declare const show: (question: ChallengeQueue.Question) => Effect.Effect<{ user: string; password: string }>
 *
 * const program = Effect.gen(function*() {
 *   const queue = yield* ChallengeQueue.make
 *   const dialogs = Stream.runForEach(queue.questions, (question) =>
 *     show(question).pipe(
 *       Effect.flatMap((entered) => question.answer(Disposition.use(Credential.password(entered)))),
 *       // the dialog closes when the task has been cancelled
 *       Effect.raceFirst(question.ended)
 *     ))
 *   yield* Effect.forkScoped(dialogs)
 *   const session = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(queue.resolver)))
 *   return yield* session.data("https://api.example.com/")
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<ChallengeQueue, never, Scope.Scope> = Effect.gen(function*() {
  const pending = yield* SubscriptionRef.make<ReadonlyArray<Question>>([])
  const untaken = new Set<Question>()
  const some = yield* Effect.makeLatch(false)
  const open = new Set<Effect.Effect<boolean>>()
  let isClosed = false

  const ask = (challenge: AuthenticationChallenge): Effect.Effect<Disposition.Disposition> =>
    Effect.uninterruptibleMask((restore) => {
      if (isClosed) return Effect.succeed(Disposition.next)
      const answered = Deferred.unsafeMake<Disposition.Disposition>(FiberId.none)
      const ended = Deferred.unsafeMake<"Answered" | "Withdrawn">(FiberId.none)
      let status: Status = "Pending"
      const finish = (as: "Answered" | "Withdrawn") =>
        Effect.suspend(() => {
          if (status !== "Pending") return Effect.succeed(false)
          status = as
          untaken.delete(question)
          open.delete(close)
          return SubscriptionRef.update(pending, (all) => all.filter((one) => one !== question)).pipe(
            Effect.zipRight(Deferred.succeed(ended, as)),
            Effect.as(true)
          )
        })
      const question: Question = {
        challenge,
        status: Effect.sync(() => status),
        answer: (disposition) =>
          Effect.uninterruptible(
            Effect.tap(finish("Answered"), (first) => first ? Deferred.succeed(answered, disposition) : Effect.void)
          ),
        ended: Deferred.await(ended)
      }
      const close = Effect.zipRight(finish("Withdrawn"), Deferred.succeed(answered, Disposition.next))
      untaken.add(question)
      open.add(close)
      some.unsafeOpen()
      return Effect.ensuring(
        Effect.zipRight(
          SubscriptionRef.update(pending, (all) => [...all, question]),
          restore(Deferred.await(answered))
        ),
        finish("Withdrawn")
      )
    })

  const take: Effect.Effect<Question> = Effect.flatMap(
    some.await,
    () =>
      Effect.suspend(() => {
        for (const question of untaken) {
          untaken.delete(question)
          return Effect.succeed(question)
        }
        some.unsafeClose()
        return take
      })
  )

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      isClosed = true
      return Effect.forEach([...open], (close) => close, { discard: true })
    })
  )
  const answer = shared(ask)
  const entry = ChallengeResolver.anyOrigin(answer)
  return {
    resolver: ChallengeResolver.make({ Basic: entry, Digest: entry }),
    answer,
    take,
    questions: Stream.repeatEffect(take),
    pending: pending.changes
  }
})
