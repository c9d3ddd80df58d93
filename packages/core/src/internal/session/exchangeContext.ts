/**
 * One task at work: a plain object that is passed through the pipeline and not looked up. It has one abort slot, where the
 * one asynchronous leaf that waits parks its `resume`, so that timers, cancellation and invalidation need no race and no
 * fiber; and it closes whatever it has registered, in reverse order, when it ends.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { PasswordCredential } from "../../Credential.ts"
import type { HeaderFields } from "../../HeaderFields.ts"
import type { RequestOptionsRecord } from "../../RequestOptions.ts"
import { Cancelled, ConnectionError, type DownloadError, type ExchangeError, TimeoutError } from "../../SessionError.ts"
import type { SessionEvent } from "../../SessionEvent.ts"
import type { TaskKind, TaskState } from "../../SessionTask.ts"
import type { Slots } from "../../TaskDelegate.ts"
import type { TaskMetrics } from "../../TaskMetrics.ts"
import {
  type AnsweredChallenge,
  bodyLength,
  type ExchangeControl,
  type TrustAsker,
  type WireRequest
} from "../../Transport.ts"
import { type NetworkAccess, networkAccess } from "../protocol/requestPolicy.ts"
import type { Affinity } from "./affinity.ts"
import type { AuthenticationState } from "./authenticationState.ts"
import { DecisionLog } from "./decisionLog.ts"
import type { ExchangeListener } from "./exchangeListener.ts"
import { OpenThings } from "./openThings.ts"
import { orEnded } from "./orEnded.ts"
import type { SessionState } from "./sessionState.ts"
import { measured, Transaction } from "./transaction.ts"

type Resume = (effect: Effect.Effect<never, ExchangeError>) => void

const before = new Transaction("GET", "", 0)
const none: Array<Transaction> = []

/** See the head of this file. */
export class ExchangeContext extends OpenThings implements ExchangeControl {
  readonly session: SessionState
  readonly taskIdentifier: number
  readonly options: RequestOptionsRecord
  readonly delegate: Slots
  /** The caller runs on the session's own delegate queue. */
  readonly onQueue: boolean
  readonly originalRequest: WireRequest
  /** The origin that the request was made for; after an upgrade to https, that one. */
  firstOrigin: string
  /** Taken out of the URL; a proposal for its origin. */
  readonly userInfo: PasswordCredential | undefined
  readonly trust: TrustAsker
  priority: number
  readonly started: number
  /** `undefined` unless it is asked for. */
  decisions: DecisionLog | undefined
  kind: TaskKind = "data"

  // the session's list of tasks
  earlier: ExchangeContext | undefined = undefined
  later: ExchangeContext | undefined = undefined
  isListed = false

  currentRequest: WireRequest
  transaction: Transaction = before
  transactions: Array<Transaction> = none
  redirectCount = 0
  /** A hop was not of the site that cookies are judged by. */
  hasLeftSite = false
  authentication: AuthenticationState | undefined = undefined
  affinity: Affinity | undefined = undefined
  /** Makes a request anew that is sent a second time; `undefined` where it can be sent as it is. */
  again: ((request: WireRequest) => WireRequest) | undefined = undefined
  fresh = false
  proxyAuthorization: string | undefined = undefined
  /** How often a proxy has asked about this task. */
  proxyRounds = 0
  expectContinue: boolean
  /** That it waits for connectivity is told once. */
  toldOfWaiting = false
  /** Events are built. */
  observed: boolean
  /** Somebody measures the session from the inside. */
  instrumented: boolean
  listener: ExchangeListener | undefined = undefined
  /** Hears the bytes of the final body, decoded. */
  tap: ((borrowed: Uint8Array) => void) | undefined = undefined

  #parked: Resume | undefined = undefined
  #failure: ExchangeError | undefined = undefined
  #completed = false
  #canceling = false
  /** `execute` has handed the response out and no reader has come yet. */
  #detached = false
  #arrived = false
  /** Nobody has read the response, and nothing of it is on the wire: the task has left the session. */
  #settled = false
  /** Observers have been told of the task, so they will be told of its end. */
  #told = false
  #watchers: Set<() => void> | undefined = undefined
  #ended: number | undefined = undefined

  bytesSent = 0
  bytesReceived = 0
  bytesExpectedToSend: number | undefined
  bytesExpected: number | undefined = undefined
  error: DownloadError | undefined = undefined
  #metrics: TaskMetrics | undefined = undefined

  constructor(
    session: SessionState,
    request: WireRequest,
    userInfo: PasswordCredential | undefined,
    options: RequestOptionsRecord,
    delegate: Slots,
    onQueue: boolean,
    trust: TrustAsker,
    idleLimit: number
  ) {
    const started = session.wheel.now()
    super(session.wheel, started, idleLimit, session.resourceTimeoutOf(options))
    this.session = session
    this.now = session.wheel.now
    this.taskIdentifier = session.nextTaskIdentifier()
    this.originalRequest = request
    this.firstOrigin = request.url.origin
    this.currentRequest = request
    this.userInfo = userInfo
    this.options = options
    this.delegate = delegate
    this.onQueue = onQueue
    this.trust = trust
    this.priority = options.priority ?? session.priorityOf(options)
    this.observed = session.queue.listening || delegate.events !== undefined
    this.instrumented = session.slots.instruments.length > 0
    this.bytesExpectedToSend = bodyLength(request.body)
    this.expectContinue = options.expectContinue === true && request.body !== undefined
    this.started = started
    this.decisions = options.logDecisions ?? session.configuration.logDecisions ? new DecisionLog(this) : undefined
  }

  get networkAccess(): NetworkAccess {
    return networkAccess(this.session.configuration, this.options)
  }

  // ---- the abort slot

  park(resume: Resume): boolean {
    if (this.#failure !== undefined || this.#completed) {
      resume(Effect.fail(this.#failure ?? this.#givenUp()))
      return false
    }
    this.#parked = resume
    return true
  }

  unpark(): void {
    this.#parked = undefined
  }

  /** Ends the exchange from outside: whoever waits gets the error, whatever is open is closed. Idempotent. */
  abort(error: ExchangeError): void {
    if (this.#failure !== undefined || this.#completed) return
    this.#failure = error
    const resume = this.#parked
    this.#parked = undefined
    this.complete(error, false)
    resume?.(Effect.fail(error))
  }

  /** The reader wants no more; another one that waits at this moment is told so. */
  release(): void {
    if (this.#parked === undefined) this.complete(undefined, false)
    else this.abort(this.#givenUp())
  }

  #givenUp(): Cancelled {
    const by = this.session.isOpen ? "task" : "session"
    return new Cancelled({ url: this.currentRequest.url.href, reason: { _tag: "Cancelled", by } })
  }

  /** Why a later read fails, once the exchange has been ended from outside. */
  get failure(): ExchangeError | undefined {
    return this.#failure
  }

  /** Runs what parks leaves of its own meanwhile; it is given up when the task is ended from outside. */
  enclose<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | ExchangeError> {
    return orEnded(effect, (ended) => {
      const closeable = {
        close: () => {
          if (this.#failure !== undefined) ended(Effect.fail(this.#failure))
        }
      }
      this.register(closeable)
      return () => this.unregister(closeable)
    })
  }

  /** Whatever is open and waits hears of it. */
  reprioritize(priority: number): void {
    this.priority = priority
    this.reorder(priority)
  }

  // ---- life

  get state(): TaskState {
    if (this.completed) return "completed"
    if (this.#canceling) return "canceling"
    return this.suspended ? "suspended" : "running"
  }

  get completed(): boolean {
    return this.#completed || this.#settled
  }

  /** The task is over, once: closes what is open, leaves the session, and tells observers. */
  complete(error: DownloadError | undefined, interrupted: boolean): void {
    if (this.#completed) return
    this.#canceling = true
    this.closeAll()
    this.#completed = true
    this.error = error
    if (error !== undefined && this.#failure === undefined && error._tag !== "FileError") this.#failure = error
    this.stopClock()
    this.#ended = this.now()
    if (this.instrumented) { for (const instrument of this.session.slots.instruments) instrument.ended(this) }
    if (this.observed && this.#told) {
      this.#tell({ _tag: "MetricsCollected", taskIdentifier: this.taskIdentifier, metrics: this.metrics })
      this.#tell({ _tag: "TaskCompleted", taskIdentifier: this.taskIdentifier, error, interrupted })
    }
    this.session.leave(this)
    this.changed()
  }

  completeByCause(cause: Cause.Cause<DownloadError>): void {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    const interrupted = error === undefined && Cause.isInterrupted(cause)
    if (error !== undefined || interrupted) return this.complete(error, interrupted)
    // a defect: whoever runs the task dies of it, and observers are told of something rather than of a success
    this.complete(new ConnectionError({ url: this.currentRequest.url.href, cause, reason: { _tag: "Unknown" } }), false)
  }

  completeBy(exit: Exit.Exit<unknown, DownloadError>): void {
    if (Exit.isFailure(exit)) this.completeByCause(exit.cause)
    else this.complete(undefined, false)
  }

  /** The metrics so far; once the task is over they do not change any more. */
  get metrics(): TaskMetrics {
    if (this.#metrics !== undefined) return this.#metrics
    const metrics = this.#collect()
    if (this.#completed) this.#metrics = metrics
    return metrics
  }

  #collect(): TaskMetrics {
    const taskInterval = { start: this.started, end: this.#ended ?? this.now() }
    const decisions = this.decisions?.entries.slice()
    return { taskInterval, redirectCount: this.redirectCount, transactions: this.transactions.map(measured), decisions }
  }

  /** `execute` gives the response out; from now on the body's arrival, its reader, or nobody, ends the task. */
  detach(): void {
    this.#detached = true
    this.#settle()
  }

  /** An unread response whose bytes are all here keeps nothing open, so the session need not know of it. */
  #settle(): void {
    if (!this.#arrived || !this.#detached) return
    // there is nothing left that could take too long
    this.stopClock()
    if (this.observed || this.instrumented) return this.session.settled(this)
    this.#settled = true
    this.session.leave(this)
  }

  get detached(): boolean {
    return this.#detached
  }

  /** A reader has come. */
  attach(): void {
    this.#detached = false
    if (!this.#settled) return
    this.#settled = false
    this.session.rejoin(this)
  }

  arrived(): void {
    this.#arrived = true
    this.networkWait(false)
    this.#settle()
  }

  /** A new attempt; what the last one has received is given up. */
  attempt(request: WireRequest): void {
    this.#arrived = false
    this.currentRequest = request
    this.transaction = new Transaction(request.method, request.url.href, this.now())
    // most tasks have one: an array that has grown is as large as one of seventeen
    if (this.transactions === none) this.transactions = [this.transaction]
    else this.transactions.push(this.transaction)
  }

  /** The body is all here, though perhaps unread: the task is as good as done when the session drains. */
  get hasArrived(): boolean {
    return this.#arrived
  }

  // ---- time

  readonly now: () => number

  protected override timedOut(timer: "idle" | "resource", after: number): void {
    const reason = { _tag: "TimedOut", timer, after } as const
    this.abort(new TimeoutError({ url: this.currentRequest.url.href, reason }))
  }

  protected override get timed(): boolean | undefined {
    return this.#completed ? undefined : !this.#settled
  }

  // ---- observers

  /** Announces the task, before anything else is told of it. */
  announce(): Effect.Effect<void> {
    if (this.#completed) return Effect.void
    this.#told = true
    return this.session.announce(this)
  }

  /** What a fiber still does after the task has been ended from outside is not told. */
  emit(event: SessionEvent): void {
    if (!this.#completed) this.#tell(event)
  }

  #tell(event: SessionEvent): void {
    this.session.queue.emit(event, this.delegate.events)
  }

  bodySent(total: number): void {
    // a body that is sent again begins anew
    const bytesSent = total > this.bytesSent ? total - this.bytesSent : total
    this.bytesSent = total
    if (!this.observed) return
    this.emit({
      _tag: "BodyDataSent",
      taskIdentifier: this.taskIdentifier,
      bytesSent,
      totalBytesSent: total,
      totalBytesExpectedToSend: this.bytesExpectedToSend
    })
    this.changed()
  }

  informational(status: number, headers: HeaderFields): void {
    if (this.observed) {
      this.emit({ _tag: "InformationalResponse", taskIdentifier: this.taskIdentifier, status, headers })
    }
  }

  challengeAnswered(answered: AnsweredChallenge): void {
    if (this.observed) this.emit({ _tag: "ChallengeAnswered", taskIdentifier: this.taskIdentifier, ...answered })
    this.decisions?.about({ _tag: "ChallengeAnswered", crossOrigin: false, ...answered })
  }

  /** Begins to observe: from now on every change is told. */
  watch(watcher: () => void): () => void {
    this.observed = true
    const watchers = this.#watchers ??= new Set()
    watchers.add(watcher)
    return () => watchers.delete(watcher)
  }

  changed(): void {
    if (this.#watchers !== undefined) { for (const watcher of [...this.#watchers]) watcher() }
  }

  /** A decider: runs after everything emitted before has been handled, and is given up when the exchange ends. */
  decide<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | ExchangeError> {
    this.networkWait(false)
    return orEnded(Effect.zipRight(this.session.queue.barrier(this.onQueue), effect), (ended) => {
      this.park(ended)
      return () => this.unpark()
    })
  }
}
