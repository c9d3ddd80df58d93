/**
 * The decider that gives a request its body stream, Apple's `needNewBodyStream`: when a body cannot be run twice and has to
 * be sent again, and for the first time where the body is `RequestBody.fromProvider`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import { capture } from "./internal/capture.ts"

/**
 * What is needed.
 *
 * @since 0.1.0
 * @category models
 */
export interface NeedBodyStream {
  readonly taskIdentifier: number
  readonly method: string
  /** Without user info and query. */
  readonly url: string
  /** 0 for the first sending; how often the body has been opened before. */
  readonly attempt: number
  /** The byte that the stream has to begin with. */
  readonly offset: number
}

/**
 * What the slot holds. `none`: the body's own stream is run again, and where there is none the request fails with
 * `InvalidRequest` and `BodyStreamExhausted`. A failure ends the task with `DelegateFailed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodyStreamProviderService {
  readonly provide: (need: NeedBodyStream) => Effect.Effect<Option.Option<Stream.Stream<Uint8Array, unknown>>, unknown>
}

/**
 * The slot at the session level; without it a body's own stream is run again.
 *
 * @since 0.1.0
 * @category slots
 */
export class BodyStreamProvider extends Context.Tag("@urlsession/core/BodyStreamProvider")<
  BodyStreamProvider,
  BodyStreamProviderService
>() {}

/**
 * A provider that has captured what it needs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(
  provide: (need: NeedBodyStream) => Effect.Effect<Option.Option<Stream.Stream<Uint8Array, unknown>>, E, R>
): Effect.Effect<BodyStreamProviderService, never, R> =>
  Effect.map(capture<R>(), (run) => ({ provide: (need: NeedBodyStream) => run(provide(need)) }))

/**
 * A session's provider from a function.
 *
 * @example
 * ```ts
 * import { BodyStreamProvider } from "@urlsession/core"
 * import { Effect, Option, Stream } from "effect"
 *
 * const Provider = BodyStreamProvider.layer(({ attempt }) =>
 *   Effect.succeed(Option.some(Stream.encodeText(Stream.make(`attempt ${attempt}`))))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  provide: (need: NeedBodyStream) => Effect.Effect<Option.Option<Stream.Stream<Uint8Array, unknown>>, E, R>
): Layer.Layer<BodyStreamProvider, never, R> => Layer.effect(BodyStreamProvider, make(provide))
