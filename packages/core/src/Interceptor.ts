/**
 * Interceptors, URLProtocol's role: each sees a request on its way and the response on its way back, may change either, may
 * answer by itself, and may call on more than once.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as Stream from "effect/Stream"
import { HeaderFields } from "./HeaderFields.ts"
import { capture } from "./internal/capture.ts"
import { MemoryBody } from "./internal/memoryBody.ts"
import { StreamBody } from "./internal/streamBody.ts"
import { DelegateFailed, type ExchangeError } from "./SessionError.ts"
import type { WireRequest, WireResponse } from "./Transport.ts"

/**
 * Calls on: the rest of the pipeline.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proceed {
  (request: WireRequest): Effect.Effect<WireResponse, ExchangeError>
}

/**
 * One interceptor that has captured what it needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface InterceptorService {
  readonly intercept: (request: WireRequest, proceed: Proceed) => Effect.Effect<WireResponse, ExchangeError>
}

/**
 * The slot: the session's application interceptors, outermost first. They see each request once, before configured fields,
 * redirects, authentication and decoding, and the final response.
 *
 * @since 0.1.0
 * @category slots
 */
export class Interceptors extends Context.Tag("@urlsession/core/Interceptors")<
  Interceptors,
  ReadonlyArray<InterceptorService>
>() {}

/**
 * The slot: the session's network interceptors, outermost first. Each sees one attempt: every redirect, every round of
 * authentication and every resend anew, with the fields that go on the wire, and the response before it is cached or decoded.
 * It may change the request within its origin, or answer by itself; to change the origin or to call on twice is
 * `DelegateFailed`. What a cache answers does not come this way.
 *
 * @since 0.1.0
 * @category slots
 */
export class NetworkInterceptors extends Context.Tag("@urlsession/core/NetworkInterceptors")<
  NetworkInterceptors,
  ReadonlyArray<InterceptorService>
>() {}

/**
 * An interceptor that has captured what it needs. A defect of it ends the task with `DelegateFailed`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R>(
  intercept: (request: WireRequest, proceed: Proceed) => Effect.Effect<WireResponse, ExchangeError, R>
): Effect.Effect<InterceptorService, never, R> =>
  Effect.map(
    capture<R>(),
    (run) => ({ intercept: (request: WireRequest, proceed: Proceed) => run(intercept(request, proceed)) })
  )

/**
 * The session's interceptors, outermost first.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R>(
  ...interceptors: ReadonlyArray<Effect.Effect<InterceptorService, never, R>>
): Layer.Layer<Interceptors, never, R> => Layer.effect(Interceptors, Effect.all(interceptors))

/**
 * The session's network interceptors, outermost first.
 *
 * @example
 * ```ts
 * import { Interceptor, UrlSession } from "@urlsession/core"
 * import { Effect } from "effect"
 *
 * const timing = Interceptor.make((request, proceed) =>
 *   Effect.tap(Effect.timed(proceed(request)), ([duration]) => Effect.logDebug(`${request.method} took ${duration}`)).pipe(
 *     Effect.map(([, response]) => response)
 *   )
 * )
 *
 * const SessionLive = UrlSession.layer(undefined, Interceptor.layerNetwork(timing))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNetwork = <R>(
  ...interceptors: ReadonlyArray<Effect.Effect<InterceptorService, never, R>>
): Layer.Layer<NetworkInterceptors, never, R> => Layer.effect(NetworkInterceptors, Effect.all(interceptors))

/**
 * What is noted on a request under a tag: by its caller (`RequestOptions.properties`), or by an interceptor before this one. It stays
 * with the request through redirects and authentication, and is never sent.
 *
 * @example
 * ```ts
 * import { Interceptor, RequestOptions, UrlSession } from "@urlsession/core"
 * import { Context, Effect, Option } from "effect"
 *
 * class Tenant extends Context.Tag("app/Tenant")<Tenant, string>() {}
 *
 * const perTenant = Interceptor.make((request, proceed) =>
 *   proceed(Option.match(Interceptor.getProperty(request, Tenant), {
 *     onNone: () => request,
 *     onSome: (tenant) => ({
 *       ...request,
 *       fields: [...request.fields, { name: "x-tenant", value: tenant, bound: true }]
 *     })
 *   }))
 * )
 *
 * const program = Effect.flatMap(UrlSession.UrlSession, (session) => session.data("https://api.example.com/")).pipe(
 *   RequestOptions.with({ properties: Context.make(Tenant, "blue") })
 * )
 * ```
 *
 * @since 0.1.0
 * @category properties
 */
export const getProperty = <I, S>(request: WireRequest, tag: Context.Tag<I, S>): Option.Option<S> =>
  Context.getOption(request.properties ?? Context.empty(), tag)

/**
 * The request with a note under a tag, in place of one that was there.
 *
 * @since 0.1.0
 * @category properties
 */
export const setProperty = <I, S>(request: WireRequest, tag: Context.Tag<I, S>, value: S): WireRequest => ({
  ...request,
  properties: Context.add(request.properties ?? Context.empty(), tag, value)
})

/**
 * The request without the note under a tag.
 *
 * @since 0.1.0
 * @category properties
 */
export const removeProperty = <I, S>(request: WireRequest, tag: Context.Tag<I, S>): WireRequest => ({
  ...request,
  properties: Context.omit(tag)(request.properties ?? Context.empty())
})

/**
 * An answer without a network: status, fields and a whole body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const respond = (
  request: WireRequest,
  answer: {
    readonly status: number
    readonly reason?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Uint8Array
  }
): WireResponse => ({
  status: answer.status,
  reason: answer.reason ?? "",
  fields: HeaderFields.fromEntries(Object.entries(answer.headers ?? {})),
  body: new MemoryBody(answer.body ?? new Uint8Array(0)),
  url: request.url,
  connection: undefined
})

/**
 * The same with a body that a stream makes while it is read, no faster than its reader. What it fails with ends the body with
 * `DelegateFailed`; it is interrupted when the body is given up. `length`, in bytes, where it is known: a body that is longer or
 * shorter ends with `DelegateFailed`, too.
 *
 * @example
 * ```ts
 * import { Interceptor, UrlSession } from "@urlsession/core"
 * import { Effect, Schedule, Stream } from "effect"
 *
 * const clock = Interceptor.make((request, proceed) =>
 *   request.url.scheme === "clock"
 *     ? Interceptor.respondStream(
 *       request,
 *       { status: 200, headers: { "content-type": "text/plain" } },
 *       Stream.fromSchedule(Schedule.spaced("1 second")).pipe(Stream.map((tick) => new TextEncoder().encode(`${tick}\n`)))
 *     )
 *     : proceed(request)
 * )
 *
 * const SessionLive = UrlSession.layer(undefined, Interceptor.layer(clock))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const respondStream = <E, R>(
  request: WireRequest,
  answer: {
    readonly status: number
    readonly reason?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly length?: number
  },
  body: Stream.Stream<Uint8Array, E, R>
): Effect.Effect<WireResponse, never, R> =>
  Effect.map(Effect.runtime<R>(), (runtime) => {
    const ended = (cause: unknown) =>
      new DelegateFailed({ url: request.url.href, cause, reason: { _tag: "HandlerFailed", slot: "Interceptor" } })
    const failing = Stream.catchAllCause(
      Stream.provideContext(body, runtime.context),
      (cause) => Stream.fail(ended(cause))
    )
    const whole = answer.length === undefined ? failing : ofLength(failing, answer.length, ended)
    return {
      ...respond(request, answer),
      // what gives the answer may not be interruptible, and its body has to be
      body: new StreamBody(whole, Runtime.enableRuntimeFlag(runtime, RuntimeFlags.Interruption), answer.length)
    }
  })

/** Fails where it turns out to be of another length than was announced. */
const ofLength = (
  body: Stream.Stream<Uint8Array, DelegateFailed>,
  length: number,
  ended: (cause: unknown) => DelegateFailed
): Stream.Stream<Uint8Array, DelegateFailed> =>
  Stream.suspend(() => {
    let given = 0
    const wrong = () => ended(new Error(`a body of ${length} bytes was announced, and ${given} were given`))
    const counted = Stream.mapEffect(body, (bytes) => {
      given += bytes.length
      return given > length ? Effect.fail(wrong()) : Effect.succeed(bytes)
    })
    return Stream.concat(counted, Stream.suspend(() => given < length ? Stream.fail(wrong()) : Stream.empty))
  })
