/** A session at work: what it was built from, its tasks, and how it ends. UrlSession.ts is its public face. */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Runtime from "effect/Runtime"
import type { AuthenticationScheme } from "../../AuthenticationScheme.ts"
import type { BodyStreamProviderService } from "../../BodyStreamProvider.ts"
import type { CacheHandlerService } from "../../CacheHandler.ts"
import type { ConnectivityService } from "../../Connectivity.ts"
import type { ContentCodingsService } from "../../ContentCodings.ts"
import type { CookieStorageService } from "../../CookieStorage.ts"
import type { CredentialStorageService } from "../../CredentialStorage.ts"
import type { DigestsService } from "../../Digests.ts"
import type { HstsStorageService } from "../../HstsStorage.ts"
import type { InterceptorService } from "../../Interceptor.ts"
import { capabilityOf } from "../../ProtectionSpace.ts"
import type * as Proxy from "../../Proxy.ts"
import type { RedirectHandlerService } from "../../RedirectHandler.ts"
import { RequestOptions, type RequestOptionsRecord } from "../../RequestOptions.ts"
import type { ResponseHandlerService } from "../../ResponseHandler.ts"
import type { RetryPolicyService } from "../../RetryPolicy.ts"
import type { SessionConfiguration } from "../../SessionConfiguration.ts"
import { Cancelled, type InvalidRequest, SessionInvalidated } from "../../SessionError.ts"
import * as SessionRequest from "../../SessionRequest.ts"
import { type Slots, TaskDelegate } from "../../TaskDelegate.ts"
import type { RequestField, SessionTransport, TransportOptions, TransportService } from "../../Transport.ts"
import type { TransportSecurityService } from "../../TransportSecurity.ts"
import type { UrlCacheService } from "../../UrlCache.ts"
import { displayUrl } from "../displayUrl.ts"
import type { Exchange } from "../pipeline/exchange.ts"
import { priorityOf, resourceLimit } from "../protocol/requestPolicy.ts"
import type { Abilities } from "../protocol/strength.ts"
import type { Resolver } from "../resolver.ts"
import type { AuthenticationMemory } from "./authenticationMemory.ts"
import { bindBody } from "./bodyOwner.ts"
import { type DelegateQueue, OnDelegateQueue } from "./delegateQueue.ts"
import { ExchangeContext } from "./exchangeContext.ts"
import { Listener } from "./exchangeListener.ts"
import type { Instrument } from "./instrument.ts"
import { TaskList } from "./taskList.ts"
import type { Wheel } from "./timers.ts"
import type { TrustAskers } from "./trustAskers.ts"

/** The session level of every slot, read once when the session was built. */
export interface SessionSlots {
  readonly challenge: Resolver | undefined
  readonly redirect: RedirectHandlerService | undefined
  readonly response: ResponseHandlerService | undefined
  readonly body: BodyStreamProviderService | undefined
  readonly security: TransportSecurityService | undefined
  readonly hsts: HstsStorageService
  readonly connectivity: ConnectivityService | undefined
  readonly retry: RetryPolicyService | undefined
  readonly codings: ContentCodingsService | undefined
  readonly digests: DigestsService | undefined
  readonly interceptors: ReadonlyArray<InterceptorService>
  readonly networkInterceptors: ReadonlyArray<InterceptorService>
  readonly instruments: ReadonlyArray<Instrument>
  readonly credentials: CredentialStorageService
  readonly cache: CacheHandlerService | undefined
  readonly urlCache: UrlCacheService | undefined
  /** Absent: the session neither sends nor learns cookies. */
  readonly cookies: CookieStorageService | undefined
}

/** What a session is built from. */
export interface SessionParts {
  readonly configuration: SessionConfiguration
  readonly slots: SessionSlots
  readonly service: TransportService
  readonly transport: SessionTransport
  readonly runtime: Runtime.Runtime<never>
  readonly wheel: Wheel
  readonly queue: DelegateQueue
  readonly memory: AuthenticationMemory
  readonly abilities: Abilities<AuthenticationScheme>
  readonly askers: TrustAskers
  readonly judgeAddress: TransportOptions["judgeAddress"]
  readonly additionalFields: ReadonlyArray<RequestField>
  /** Closes every connection. */
  readonly closeTransport: Effect.Effect<void>
  readonly pipeline: (session: SessionState) => Exchange
}

const nothingPublic: ReadonlySet<string> = new Set()

type Phase = "open" | "draining" | "closing" | "invalidated"

/** See the head of this file. */
export class SessionState {
  readonly configuration: SessionConfiguration
  readonly slots: SessionSlots
  readonly service: TransportService
  readonly transport: SessionTransport
  /** Of what works beside the tasks; interruptible. */
  readonly runtime: Runtime.Runtime<never>
  readonly wheel: Wheel
  readonly queue: DelegateQueue
  readonly memory: AuthenticationMemory
  readonly abilities: Abilities<AuthenticationScheme>
  readonly askers: TrustAskers
  readonly judgeAddress: TransportOptions["judgeAddress"]
  readonly additionalFields: ReadonlyArray<RequestField>
  readonly closeTransport: Effect.Effect<void>
  readonly pipeline: Exchange
  readonly requestTimeout: number
  readonly resourceTimeout: number
  #phase: Phase = "open"
  readonly #tasks = new TaskList<ExchangeContext>()
  #lastIdentifier = 0
  readonly #whenEmpty = new Set<() => void>()
  readonly #fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  readonly #ended = Deferred.unsafeMake<void>(FiberId.none)

  constructor(parts: SessionParts) {
    this.configuration = parts.configuration
    this.slots = parts.slots
    this.service = parts.service
    this.transport = parts.transport
    this.runtime = parts.runtime
    this.wheel = parts.wheel
    this.queue = parts.queue
    this.memory = parts.memory
    this.abilities = parts.abilities
    this.askers = parts.askers
    this.judgeAddress = parts.judgeAddress
    this.additionalFields = parts.additionalFields
    this.closeTransport = parts.closeTransport
    this.requestTimeout = Duration.toMillis(parts.configuration.timeoutIntervalForRequest)
    this.resourceTimeout = Duration.toMillis(parts.configuration.timeoutIntervalForResource)
    this.pipeline = parts.pipeline(this)
  }

  /** Milliseconds for the whole of a task. */
  resourceTimeoutOf({ timeoutIntervalForResource: own }: RequestOptionsRecord): number {
    return own === undefined ? this.resourceTimeout : resourceLimit(this.resourceTimeout, Duration.toMillis(own))
  }

  /** Of a request that names none. */
  priorityOf({ networkServiceType }: RequestOptionsRecord): number {
    return priorityOf(networkServiceType ?? this.configuration.networkServiceType)
  }

  nextTaskIdentifier(): number {
    return ++this.#lastIdentifier
  }

  /**
   * Creates the context of one request, and enters it. A method that this transport cannot ask is a defect: the types
   * cannot tie a capability to one transport. Of one that is `unseen` nobody is told: it is only made to be explained.
   */
  begin(
    input: SessionRequest.Input,
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    unseen = false
  ): Either.Either<ExchangeContext, InvalidRequest | SessionInvalidated> {
    if (this.#phase !== "open") return Either.left(this.invalidated())
    const context = fiber.currentContext
    const options: RequestOptionsRecord = Context.get(context, RequestOptions)
    const slots: Slots = Context.get(context, TaskDelegate)
    const prepared = SessionRequest.prepare(
      input,
      options.publicFields === undefined
        ? nothingPublic
        : new Set(options.publicFields.map((name) => name.toLowerCase()))
    )
    if (Either.isLeft(prepared)) return Either.left(prepared.left)
    checkCapabilities(slots.challenge, slots.redirect, this.service)
    const { request } = prepared.right
    const { properties } = options
    const exchange = new ExchangeContext(
      this,
      properties === undefined ? request : { ...request, properties },
      prepared.right.userInfo,
      options,
      slots,
      Context.get(context, OnDelegateQueue) === this.queue,
      this.askers.of(slots.challenge, context),
      options.timeoutInterval === undefined ? this.requestTimeout : Duration.toMillis(options.timeoutInterval)
    )
    if (prepared.right.request.body?._tag === "Stream") bindBody(exchange, this, fiber)
    this.#tasks.add(exchange)
    if (unseen) {
      exchange.observed = false
      exchange.instrumented = false
      return Either.right(exchange)
    }
    const listener = Context.get(context, Listener)
    if (listener?.begins(exchange) === true) exchange.listener = listener
    for (const instrument of this.slots.instruments) instrument.began?.(exchange)
    return Either.right(exchange)
  }

  /** Tells observers of a new task, in the fiber that creates it, before anything else happens to it. */
  announce(exchange: ExchangeContext): Effect.Effect<void> {
    const { method, url } = exchange.originalRequest
    return this.queue.handleNow(
      { _tag: "TaskCreated", taskIdentifier: exchange.taskIdentifier, method, url: displayUrl(url.href) },
      exchange.delegate.events
    )
  }

  leave(exchange: ExchangeContext): void {
    this.#tasks.remove(exchange)
    if (this.#tasks.isEmpty) { for (const empty of [...this.#whenEmpty]) empty() }
    exchange.listener?.left(exchange)
  }

  /** All of an unread response is here. Where observers are told of its end, it stays until it is read, or nobody can. */
  settled(exchange: ExchangeContext): void {
    if (!this.isOpen) return exchange.complete(undefined, false)
    exchange.listener?.left(exchange)
  }

  /** A response that nobody had read is read after all. */
  rejoin(exchange: ExchangeContext): void {
    if (this.#phase === "open" || this.#phase === "draining") this.#tasks.add(exchange)
  }

  /** A fiber that works for a task beside it; the end of the session waits for it. */
  track(fiber: Fiber.RuntimeFiber<unknown, unknown>): void {
    this.#fibers.add(fiber)
    fiber.addObserver(() => this.#fibers.delete(fiber))
  }

  get tasks(): ReadonlyArray<ExchangeContext> {
    return this.#tasks.all
  }

  get isOpen(): boolean {
    return this.#phase === "open"
  }

  invalidated(): SessionInvalidated {
    return new SessionInvalidated({
      reason: { _tag: "Invalidated", description: this.configuration.sessionDescription }
    })
  }

  /** Cancels every task, closes everything, and tells so; idempotent, and returns when it is done. */
  invalidateAndCancel(onQueue: boolean): Effect.Effect<void> {
    // no step between the change of phase and the end of what it begins may be lost to an interruption
    return Effect.uninterruptibleMask((restore) => {
      if (this.#phase === "open" || this.#phase === "draining") {
        this.#phase = "closing"
        for (const exchange of this.#tasks.all) {
          exchange.abort(
            new Cancelled({ url: exchange.currentRequest.url.href, reason: { _tag: "Cancelled", by: "session" } })
          )
        }
        return this.#finish(onQueue)
      }
      if (onQueue) return Effect.void
      return Effect.zipRight(restore(Deferred.await(this.#ended)), this.queue.settle(this.#grace))
    })
  }

  /**
   * Takes no new tasks, waits for the running ones, closes everything. Responses that nobody reads do not hold it. From an
   * observer it returns at once: the tasks may be waiting for that very observer.
   */
  finishTasksAndInvalidate(onQueue: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#phase === "open") {
        this.#phase = "draining"
        for (const exchange of this.#tasks.all) {
          if (exchange.detached && exchange.hasArrived) exchange.complete(undefined, false)
        }
      }
      const rest = Effect.flatMap(this.#drained, () => this.invalidateAndCancel(false))
      return onQueue ? Effect.asVoid(Effect.forkDaemon(rest)) : rest
    })
  }

  readonly #drained: Effect.Effect<void> = Effect.async((resume) => {
    if (this.#tasks.isEmpty) return resume(Effect.void)
    const empty = () => {
      this.#whenEmpty.delete(empty)
      resume(Effect.void)
    }
    this.#whenEmpty.add(empty)
    return Effect.sync(() => this.#whenEmpty.delete(empty))
  })

  /** They have been interrupted with their tasks; what cannot be interrupted is waited for no longer than an observer. */
  readonly #settleFibers: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#fibers.size === 0) return Effect.void
    const all = Effect.forEach([...this.#fibers], Fiber.await, { discard: true })
    const wait = Effect.forkDaemon(Effect.interruptible(Effect.timeoutOption(all, this.#grace)))
    return Effect.flatMap(wait, (fiber) => Effect.asVoid(Fiber.await(fiber)))
  })

  readonly #forgetAll: Effect.Effect<void> = Effect.suspend(() => {
    const { cookies, credentials, hsts, urlCache } = this.slots
    return Effect.all(
      [cookies?.removeAll ?? Effect.void, credentials.removeAll, hsts.removeAll, urlCache?.removeAll ?? Effect.void],
      { discard: true }
    )
  })

  get #grace(): number {
    return Duration.toMillis(this.configuration.delegateGrace)
  }

  #finish(onQueue: boolean): Effect.Effect<void> {
    return Effect.uninterruptible(
      Effect.gen(this, function*() {
        yield* this.closeTransport
        yield* this.#settleFibers
        this.memory.clear()
        if (this.configuration.isEphemeral) yield* this.#forgetAll
        yield* this.queue.close({ _tag: "Invalidated" }, this.#grace, onQueue)
        this.#phase = "invalidated"
        yield* this.wheel.close()
        yield* Deferred.succeed(this.#ended, undefined)
      })
    )
  }
}

/** A session that must not connect by itself does not do so silently. */
export const checkProxies = (proxies: ReadonlyArray<Proxy.Rule>, service: TransportService): void => {
  if (proxies.length > 0 && !service.capabilities.has("ProxyControl")) {
    throw new Error(
      `the configuration has proxies, and the ${service.platform} transport does not let a session choose one: it lacks ` +
        "ProxyControl. Provide a transport that has it, or leave them out"
    )
  }
}

/** A decider on what the transport does not show would silently never be asked. */
export const checkCapabilities = (
  resolver: Resolver | undefined,
  redirect: RedirectHandlerService | undefined,
  service: TransportService
): void => {
  if (redirect !== undefined && !service.capabilities.has("RedirectControl")) {
    throw new Error(
      `there is a RedirectHandler, and the ${service.platform} transport follows redirects by itself: it lacks ` +
        "RedirectControl. Provide a transport that has it, or leave the handler out"
    )
  }
  if (resolver === undefined) return
  for (const method of resolver.methods) {
    const capability = capabilityOf(method)
    if (capability !== undefined && !service.capabilities.has(capability)) {
      throw new Error(
        `the ChallengeResolver answers ${method}, which the ${service.platform} transport cannot ask: it lacks ${capability}. ` +
          `Provide a transport that has it, or leave the entry out`
      )
    }
  }
}

/** A storage whose cookies go nowhere, and that learns none, would look like one that works. */
export const checkCookies = (storage: CookieStorageService | undefined, service: TransportService): void => {
  if (storage === undefined || service.capabilities.has("CookieControl")) return
  throw new Error(
    `there is a CookieStorage, and the ${service.platform} transport keeps cookies to itself: it lacks CookieControl. ` +
      "Provide a transport that has it, or leave the storage out"
  )
}
