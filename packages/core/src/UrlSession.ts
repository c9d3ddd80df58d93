/**
 * The session: a scoped service whose finalizer is `invalidateAndCancel`.
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { AddressPolicy } from "./AddressPolicy.ts"
import { AuthenticationSchemes } from "./AuthenticationScheme.ts"
import type { CookieStorageService } from "./CookieStorage.ts"
import type { Explanation } from "./Explanation.ts"
import { pipeline, stages } from "./internal/pipeline/pipeline.ts"
import { checkedFields } from "./internal/pipeline/prepare.ts"
import { abilitiesOf } from "./internal/session/abilities.ts"
import { AuthenticationMemory } from "./internal/session/authenticationMemory.ts"
import { checkConnections } from "./internal/session/checkConnections.ts"
import { DelegateQueue, OnDelegateQueue } from "./internal/session/delegateQueue.ts"
import { toFile } from "./internal/session/download.ts"
import { explain } from "./internal/session/explain.ts"
import { connectionsHeard } from "./internal/session/instrument.ts"
import { readSlots } from "./internal/session/readSlots.ts"
import { data, entering, execute } from "./internal/session/run.ts"
import { checkCapabilities, checkCookies, checkProxies, SessionState } from "./internal/session/sessionState.ts"
import { dataTask, handleOf } from "./internal/session/taskHandle.ts"
import { Wheel } from "./internal/session/timers.ts"
import { TrustAskers } from "./internal/session/trustAskers.ts"
import { SecurityContextProvider } from "./Negotiate.ts"
import * as Proxy from "./Proxy.ts"
import type { RequestBody } from "./RequestBody.ts"
import { Resolver } from "./Resolver.ts"
import * as SessionConfiguration from "./SessionConfiguration.ts"
import {
  DelegateFailed,
  type DownloadError,
  type ExchangeError,
  type InvalidRequest,
  type SessionInvalidated
} from "./SessionError.ts"
import { type SessionEvent, SessionEvents } from "./SessionEvent.ts"
import { type Input, withBody } from "./SessionRequest.ts"
import type { SessionResponse } from "./SessionResponse.ts"
import type { DataTask, SessionTask, UploadTask } from "./SessionTask.ts"
import { type OpenResources, Transport } from "./Transport.ts"

/**
 * A session at work.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly configuration: SessionConfiguration.SessionConfiguration
  /**
   * Sends a request and gives the head of the response as soon as it is there; the body is read through it. A status is
   * never a failure. The response holds its connection until the body has been read or given up; `data` has no such gap.
   */
  readonly execute: (request: Input) => Effect.Effect<SessionResponse, ExchangeError>
  /** Sends a request and gives the whole body with the head. Nothing stays open when it is interrupted, at any point. */
  readonly data: (request: Input) => Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError>
  /** A data task as a handle, made suspended; closing the scope cancels it. */
  readonly dataTask: (request: Input) => Effect.Effect<DataTask, InvalidRequest | SessionInvalidated, Scope.Scope>
  /**
   * Sends a request with a body (an absolute URL is a POST) and gives the whole body of the response with its head. A server
   * that answers early is heard, and the rest of the body is not sent after a refusal.
   */
  readonly upload: (
    request: Input,
    body: RequestBody
  ) => Effect.Effect<readonly [Uint8Array, SessionResponse], ExchangeError>
  /** An upload task as a handle, made suspended; closing the scope cancels it. */
  readonly uploadTask: (
    request: Input,
    body: RequestBody
  ) => Effect.Effect<UploadTask, InvalidRequest | SessionInvalidated, Scope.Scope>
  /**
   * Downloads into a file. The body is written beside it under a temporary name and renamed at the end, whatever the status
   * says; nothing is under the final name before, and nothing is left when it fails.
   */
  readonly download: (
    request: Input,
    path: string
  ) => Effect.Effect<SessionResponse, DownloadError, FileSystem.FileSystem>
  /**
   * What would be done with a request, without sending a byte: what it would look like, which cookies and credential would go
   * along, what the cache and the policies say. Interceptors are left out; a decider is asked only where a kept response calls
   * for it, such as a redirect. Digest counts a nonce as if the request had been sent. Fails with `InvalidRequest` for what is no
   * request.
   */
  readonly explain: (request: Input) => Effect.Effect<Explanation, ExchangeError>
  /** Every task that has not completed, those that were never resumed too; its `kind` says what each is for. */
  readonly allTasks: Effect.Effect<ReadonlyArray<SessionTask>>
  /** Takes no new tasks, waits for those that run, then ends the session. */
  readonly finishTasksAndInvalidate: Effect.Effect<void>
  /** Cancels every task and ends the session; what the scope's finalizer does. */
  readonly invalidateAndCancel: Effect.Effect<void>
  /** The session's cookies; none for a session that was built without a `CookieStorage`. */
  readonly cookies: Option.Option<CookieStorageService>
  /**
   * Forgets cookies, credentials, what was learned of protection spaces, and everything in the cache; later requests use new
   * connections.
   */
  readonly reset: Effect.Effect<void>
  /** What cookies and cache have still to write is written; later requests use new connections. */
  readonly flush: Effect.Effect<void>
  /**
   * Subscribes to the events of the session; it has subscribed when it returns. A subscriber that falls 1,024 events behind
   * loses the oldest.
   */
  readonly subscribe: Effect.Effect<Stream.Stream<SessionEvent>, never, Scope.Scope>
  /** What is open at this moment: all zero once the session has been closed. */
  readonly openResources: Effect.Effect<OpenResources & { readonly tasks: number; readonly timers: number }>
}

/**
 * The service.
 *
 * @since 0.1.0
 * @category services
 */
export class UrlSession extends Context.Tag("@urlsession/core/UrlSession")<UrlSession, Service>() {}

const optional = <I, S>(tag: Context.Tag<I, S>): Effect.Effect<S | undefined> =>
  Effect.map(Effect.serviceOption(tag), Option.getOrUndefined)

const readAddressPolicy = Effect.map(
  optional(AddressPolicy),
  (policy) =>
    policy === undefined ?
      undefined :
      (address: Parameters<typeof policy.judge>[0]) =>
        Effect.catchAllCause(Effect.suspend(() => policy.judge(address)), (cause) =>
          Effect.fail(
            new DelegateFailed({ cause, reason: { _tag: "HandlerFailed", slot: "AddressPolicy" } })
          ))
)

const build = (configuration: SessionConfiguration.SessionConfiguration) =>
  Effect.gen(function*() {
    const service = yield* Transport
    const slots = yield* readSlots(configuration, service)
    checkCapabilities(slots.challenge, slots.redirect, service)
    checkCookies(slots.cookies, service)
    const { proxies } = configuration
    checkProxies(proxies, service)
    const memory = new AuthenticationMemory()
    const resolver = yield* optional(Resolver)
    checkConnections(configuration, resolver)
    // this runs inside an acquisition, so the runtime as it is would make every fiber of the session uninterruptible
    const runtime = Runtime.enableRuntimeFlag(yield* Effect.runtime<never>(), RuntimeFlags.Interruption)
    const wheel = new Wheel(yield* Clock.clockWith(Effect.succeed), runtime)
    const abilities = abilitiesOf(configuration, {
      digests: slots.digests,
      schemes: yield* optional(AuthenticationSchemes),
      provider: yield* optional(SecurityContextProvider),
      now: () => wheel.now()
    }, service)
    const transportScope = yield* Scope.make()
    const judgeAddress = yield* readAddressPolicy
    const transport = yield* Scope.extend(
      service.open({
        maximumConnectionsPerHost: configuration.httpMaximumConnectionsPerHost,
        timers: wheel,
        judgeAddress,
        resolve: resolver?.resolve,
        localAddress: configuration.localAddress,
        tlsMinimumVersion: configuration.tlsMinimumVersion,
        tlsMaximumVersion: configuration.tlsMaximumVersion,
        alpnProtocols: configuration.alpnProtocols,
        idleConnectionTimeout: Duration.toMillis(configuration.idleConnectionTimeout),
        abandonedBodyTimeout: Duration.toMillis(configuration.timeoutIntervalForRequest),
        maximumHeadBytes: configuration.maximumHeadBytes,
        proxyRounds: configuration.authenticationRoundLimit,
        connectionEnded: connectionsHeard(slots.instruments),
        ...(proxies.length === 0 ? {} : { proxyOf: (url) => Proxy.select(proxies, url) })
      }),
      transportScope
    )
    return new SessionState({
      configuration,
      slots,
      service,
      transport: slots.instruments.reduce((inner, one) => one.transport?.(inner) ?? inner, transport),
      runtime,
      wheel,
      queue: new DelegateQueue(yield* optional(SessionEvents), runtime),
      memory,
      abilities,
      askers: new TrustAskers(
        slots.challenge,
        slots.security?.judge,
        proxies.length === 0
          ? undefined
          : {
            abilities,
            credentials: slots.credentials,
            digests: slots.digests,
            counts: memory.counts,
            strengths: memory,
            allowsDowngrade: configuration.allowsAuthenticationDowngrade
          }
      ),
      judgeAddress,
      additionalFields: yield* checkedFields(configuration, service.ownFields),
      closeTransport: Scope.close(transportScope, Exit.void),
      pipeline
    })
  })

const serviceOf = (state: SessionState): Service => {
  const fileSystem = FileSystem.FileSystem
  const onQueue = (f: (onQueue: boolean) => Effect.Effect<void>): Effect.Effect<void> =>
    Effect.flatMap(OnDelegateQueue, (queue) => f(queue === state.queue))
  return {
    configuration: state.configuration,
    execute: (request) => execute(state, request),
    data: (request) => data(state, request),
    dataTask: (request) => dataTask(state, request),
    upload: (request, body) => data(state, withBody(request, body), "upload"),
    uploadTask: (request, body) => dataTask(state, withBody(request, body), "upload"),
    download: (request, path) =>
      Effect.flatMap(fileSystem, (fs) =>
        entering(
          state,
          request,
          (context) =>
            toFile(fs, path, Effect.suspend(() => state.pipeline(context.originalRequest, context)), context),
          (context) => context.complete(undefined, false),
          "download"
        )),
    explain: (request) => explain(state, stages(state), request),
    allTasks: Effect.sync(() => state.tasks.map(handleOf)),
    finishTasksAndInvalidate: onQueue((queue) => state.finishTasksAndInvalidate(queue)),
    invalidateAndCancel: onQueue((queue) => state.invalidateAndCancel(queue)),
    cookies: Option.fromNullable(state.slots.cookies),
    reset: Effect.zipRight(
      Effect.all([
        state.slots.cookies?.removeAll ?? Effect.void,
        state.slots.credentials.removeAll,
        state.slots.hsts.removeAll,
        state.slots.urlCache?.removeAll ?? Effect.void
      ]),
      Effect.sync(() => {
        state.memory.clear()
        state.askers.forget()
        state.transport.flush()
      })
    ),
    flush: Effect.zipRight(
      Effect.zipRight(
        Effect.catchAll(state.slots.cookies?.flush ?? Effect.void, (error) => Effect.logWarning(error.message)),
        state.slots.urlCache?.flush ?? Effect.void
      ),
      Effect.sync(() => state.transport.flush())
    ),
    subscribe: Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => state.queue.subscribe()),
        (subscriber) => Effect.sync(() => subscriber.close())
      ),
      (subscriber) => subscriber.stream
    ),
    openResources: Effect.sync(() => ({
      ...state.transport.open(),
      tasks: state.tasks.length,
      timers: state.wheel.size
    }))
  }
}

/**
 * Makes a session that lives as long as the scope. The delegate is read here, once, from the context: every slot that is
 * there is used, every other one is the system's. A configuration with reserved fields, and a resolver or
 * redirect handler that the transport cannot ask, are defects.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  configuration: SessionConfiguration.SessionConfiguration = SessionConfiguration.default
): Effect.Effect<Service, never, Scope.Scope | Transport> =>
  Effect.map(
    Effect.acquireRelease(build(configuration), (state) =>
      Effect.flatMap(OnDelegateQueue, (queue) => state.invalidateAndCancel(queue === state.queue))),
    serviceOf
  )

/**
 * A session as a Layer. The delegate is an argument, Apple's `init(configuration:delegate:)`, so that it cannot be left
 * beside the session.
 *
 * @example
 * ```ts
 * import { SessionConfiguration, SessionEvent, UrlSession } from "@urlsession/core"
 * import { Console } from "effect"
 *
 * const SessionLive = UrlSession.layer(
 *   SessionConfiguration.make({ timeoutIntervalForRequest: "10 seconds" }),
 *   SessionEvent.layer({ Invalidated: () => Console.log("over") })
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Delegate = never, E = never, R = never>(
  configuration: SessionConfiguration.SessionConfiguration = SessionConfiguration.default,
  delegate?: Layer.Layer<Delegate, E, R>
): Layer.Layer<UrlSession, E, R | Transport> => {
  const session = Layer.scoped(UrlSession, make(configuration))
  return delegate === undefined ? session : Layer.provide(session, delegate)
}

/**
 * A session whose settings come from `Config`. Fails with `ConfigError` where they cannot be read.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Delegate = never, E = never, R = never>(
  configuration: Config.Config.Wrap<SessionConfiguration.Options>,
  delegate?: Layer.Layer<Delegate, E, R>
): Layer.Layer<UrlSession, ConfigError.ConfigError | E, R | Transport> =>
  Layer.unwrapEffect(
    Effect.map(Config.unwrap(configuration), (options) => layer(SessionConfiguration.make(options), delegate))
  )
