/**
 * The transport of browsers, and of every runtime whose only door is `fetch`. What `fetch` hides is absent from the
 * capabilities, not faked: it follows redirects by itself, keeps cookies to itself, shows no certificate, no 1xx and no
 * timings of connections, and undoes content codings before anybody can count them.
 *
 * @since 0.1.0
 */
import { ConnectionError, type ExchangeError } from "@urlsession/core/SessionError"
import {
  type ExchangeControl,
  Transport,
  type TransportService,
  type WireRequest,
  type WireResponse
} from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { FetchExchange } from "./internal/fetchExchange.ts"

/**
 * How requests are handed to `fetch`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether the browser sends its cookies along: `omit`, `same-origin` or `include`. `same-origin` unless said. */
  readonly credentials?: RequestCredentials
  /** The browser's own cache: `no-store` keeps it out. `default` unless said. */
  readonly cache?: RequestCache
}

const init = (request: WireRequest, options: Options, signal: AbortSignal): RequestInit => {
  const headers = new Headers()
  for (const field of request.fields) headers.append(field.name, field.value)
  const common: RequestInit = {
    method: request.method,
    headers,
    signal,
    redirect: "follow",
    credentials: options.credentials ?? "same-origin",
    cache: options.cache ?? "default"
  }
  // a copy: `fetch` takes bytes over plain memory only, and what is lent may change
  return request.body?._tag === "Bytes" ? { ...common, body: new Uint8Array(request.body.bytes) } : common
}

/** `fetch` has one error for all that can happen before a response. */
const failed = (request: WireRequest, cause: unknown): ConnectionError =>
  new ConnectionError({ url: request.url.href, cause, reason: { _tag: "Unknown" } })

const service = (options: Options): TransportService => ({
  platform: "fetch",
  capabilities: new Set(),
  schemes: new Set(["http", "https"]),
  open: () =>
    Effect.sync(() => {
      const running = new Set<FetchExchange>()
      const exchange = (request: WireRequest, control: ExchangeControl): Effect.Effect<WireResponse, ExchangeError> =>
        Effect.async((resume) => {
          if (!control.park(resume)) return
          const one = new FetchExchange(request, control, running)
          control.transaction.requestStart = control.now()
          control.networkWait(true)
          fetch(request.url.href, init(request, options, one.signal)).then(
            (response) => one.head(response, (wire) => resume(Effect.succeed(wire))),
            (cause: unknown) => one.fail(() => resume(Effect.fail(failed(request, cause))))
          )
        })
      return {
        exchange,
        // connections are the browser's
        flush: () => undefined,
        open: () => ({ sockets: running.size, connecting: 0, queued: 0 })
      }
    })
})

/**
 * The transport with these options.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: Options): Layer.Layer<Transport> => Layer.succeed(Transport, service(options))

/**
 * The transport. It gives no capability: a session whose delegate needs one does not compile on it.
 *
 * @example
 * ```ts
 * import { FetchTransport } from "@urlsession/browser"
 * import { UrlSession } from "@urlsession/core"
 * import { Effect, Layer } from "effect"
 *
 * const BrowserLive: Layer.Layer<UrlSession.UrlSession> = UrlSession.layer().pipe(Layer.provide(FetchTransport.layer))
 *
 * const status = Effect.gen(function*() {
 *   const session = yield* UrlSession.UrlSession
 *   const [, response] = yield* session.data("https://api.example.com/me")
 *   return response.status
 * }).pipe(Effect.provide(BrowserLive))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Transport> = layerWith({})
