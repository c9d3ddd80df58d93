/**
 * The delegate queue: one array and one fiber, started on demand, that hands events to observers in order. Emitting is
 * synchronous; whoever would emit looks at `listening` first, so a session that nobody observes pays nothing.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type { Observer, SessionEvent } from "../../SessionEvent.ts"
import { delegateQueueKey } from "../capture.ts"
import { Subscriber } from "./subscriber.ts"

/** Names the queue whose handlers the fiber runs, so that an observer that uses its own session does not wait for itself. */
export class OnDelegateQueue extends Context.Reference<OnDelegateQueue>()(delegateQueueKey, {
  defaultValue: (): DelegateQueue | undefined => undefined
}) {}

interface Waiting {
  event: SessionEvent | undefined
  readonly observer: Observer | undefined
  /** Of a barrier: everything before it has been handled. */
  readonly reached: (() => void) | undefined
}

/** Adds a progress event to one of the same task that is still waiting; `undefined` where they are not of one kind. */
const merge = (waiting: SessionEvent, next: SessionEvent): SessionEvent | undefined => {
  if (
    waiting._tag === "DataReceived" && next._tag === "DataReceived" && waiting.taskIdentifier === next.taskIdentifier
  ) {
    return { ...next, bytesReceived: waiting.bytesReceived + next.bytesReceived }
  }
  if (waiting._tag === "DataWritten" && next._tag === "DataWritten" && waiting.taskIdentifier === next.taskIdentifier) {
    return { ...next, bytesWritten: waiting.bytesWritten + next.bytesWritten }
  }
  if (
    waiting._tag === "BodyDataSent" && next._tag === "BodyDataSent" && waiting.taskIdentifier === next.taskIdentifier
  ) {
    return { ...next, bytesSent: waiting.bytesSent + next.bytesSent }
  }
  return undefined
}

const isProgress = (event: SessionEvent): boolean =>
  event._tag === "DataReceived" || event._tag === "DataWritten" || event._tag === "BodyDataSent"

/** See the head of this file. */
export class DelegateQueue {
  readonly #observer: Observer | undefined
  readonly #runtime: Runtime.Runtime<never>
  readonly #subscribers = new Set<Subscriber>()
  #waiting: Array<Waiting> = []
  /** The progress event of each task that still waits. */
  readonly #progress = new Map<string, Waiting>()
  #fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  #busy = false
  #closed = false
  /** How many handlers have failed or died. */
  failures = 0

  constructor(observer: Observer | undefined, runtime: Runtime.Runtime<never>) {
    this.#observer = observer
    this.#runtime = runtime
  }

  /** Whether the session itself is observed; a task may have an observer of its own besides. */
  get listening(): boolean {
    return this.#observer !== undefined || this.#subscribers.size > 0
  }

  emit(event: SessionEvent, taskObserver: Observer | undefined): void {
    if (this.#closed) return
    for (const subscriber of this.#subscribers) subscriber.offer(event)
    const observer = taskObserver ?? this.#observer
    if (observer === undefined) return
    if (isProgress(event) && "taskIdentifier" in event) {
      const key = `${event._tag}:${event.taskIdentifier}`
      const earlier = this.#progress.get(key)
      const merged = earlier?.event === undefined ? undefined : merge(earlier.event, event)
      if (earlier !== undefined && merged !== undefined) {
        earlier.event = merged
        return
      }
      const waiting: Waiting = { event, observer: taskObserver, reached: undefined }
      this.#progress.set(key, waiting)
      this.#push(waiting)
      return
    }
    this.#push({ event, observer: taskObserver, reached: undefined })
  }

  /** Hands an event to its handler here and now, in the fiber that causes it. */
  handleNow(event: SessionEvent, taskObserver: Observer | undefined): Effect.Effect<void> {
    if (this.#closed) return Effect.void
    for (const subscriber of this.#subscribers) subscriber.offer(event)
    return Effect.provideService(this.#handle(event, taskObserver), OnDelegateQueue, this)
  }

  /** Waits until everything emitted before has been handled. */
  barrier(onQueue: boolean): Effect.Effect<void> {
    return onQueue ? Effect.void : Effect.suspend(() =>
      this.#busy || this.#waiting.length > 0
        ? Effect.async<void>((resume) => {
          this.#push({ event: undefined, observer: undefined, reached: () => resume(Effect.void) })
        })
        : Effect.void
    )
  }

  subscribe(): Subscriber {
    const subscriber = new Subscriber(() => this.#subscribers.delete(subscriber))
    if (this.#closed) subscriber.end()
    else this.#subscribers.add(subscriber)
    return subscriber
  }

  /** Ends: emits the last event, waits for the handlers at most so long, then interrupts them. */
  close(last: SessionEvent, grace: number, onQueue: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.emit(last, undefined)
      this.#closed = true
      for (const subscriber of [...this.#subscribers]) subscriber.end()
      this.#subscribers.clear()
      return onQueue ? Effect.void : this.settle(grace)
    })
  }

  /** Waits for the handlers at most so long, then interrupts them. */
  settle(grace: number): Effect.Effect<void> {
    return Effect.suspend(() => this.#busy ? Effect.zipRight(this.#waitAtMost(grace), this.#stop) : Effect.void)
  }

  /** In a fiber of its own: an interruption of the one who closes would reach the fibers of a time-out, uninterruptible or not. */
  #waitAtMost(grace: number): Effect.Effect<void> {
    const wait = Effect.interruptible(Effect.timeoutOption(this.barrier(false), grace))
    return Effect.flatMap(Effect.forkDaemon(wait), (fiber) => Effect.asVoid(Fiber.await(fiber)))
  }

  readonly #stop: Effect.Effect<void> = Effect.suspend(() =>
    this.#fiber === undefined ? Effect.void : Fiber.interruptFork(this.#fiber)
  )

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#busy) return
    this.#busy = true
    this.#fiber = Runtime.runFork(this.#runtime, Effect.provideService(this.#run(), OnDelegateQueue, this))
  }

  #run(): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => {
        if (this.#waiting.length > 0) return true
        this.#busy = false
        this.#fiber = undefined
        return false
      },
      body: () => this.#next(),
      step: () => undefined
    }).pipe(
      // only an interrupted fiber has anything to clear up: after a regular end another one may be at work already
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          this.#busy = false
          this.#fiber = undefined
          for (const waiting of this.#waiting) waiting.reached?.()
          this.#waiting = []
        })
      )
    )
  }

  #next(): Effect.Effect<void> {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) return Effect.void
    if (waiting.reached !== undefined) {
      waiting.reached()
      return Effect.void
    }
    const event = waiting.event
    if (event === undefined) return Effect.void
    if ("taskIdentifier" in event) {
      const key = `${event._tag}:${event.taskIdentifier}`
      if (this.#progress.get(key) === waiting) this.#progress.delete(key)
    }
    return this.#handle(event, waiting.observer)
  }

  #handle(event: SessionEvent, taskObserver: Observer | undefined): Effect.Effect<void> {
    return Effect.suspend(() => taskObserver?.(event) ?? this.#observer?.(event) ?? Effect.void).pipe(
      Effect.catchAllCause((cause) => {
        this.failures++
        return Effect.logWarning(`a session's event handler failed for ${event._tag}`, cause)
      }),
      Effect.asVoid
    )
  }
}
