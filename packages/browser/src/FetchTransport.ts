/**
 * The transport of browsers, and of every runtime whose only door is `fetch`. What `fetch` hides is absent from the
 * capabilities, not faked: it follows redirects by itself, keeps cookies to itself, shows no certificate, no 1xx, no progress
 * of uploads and no timings of connections, and undoes content codings before anybody can count them. `expectContinue` has no
 * effect. Fields that the runtime would drop are `InvalidHeader`, and a failure that it does not explain is `ConnectionError`
 * with reason `Unknown`, whose message lists what it may be.
 *
 * @since 0.1.0
 */
import {
  type SessionTransport,
  Transport,
  type TransportOptions,
  type TransportService
} from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Engine, FetchExchange } from "./internal/fetchExchange.ts"
import { streamsUploads } from "./internal/uploadSupport.ts"

/**
 * How requests are handed to `fetch`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether the browser sends its cookies along. `same-origin` unless said. */
  readonly credentials?: "omit" | "same-origin" | "include"
  /** The browser's own cache: `no-store` keeps it out. `default` unless said. */
  readonly cache?: "default" | "no-store" | "reload" | "no-cache" | "force-cache"
  /**
   * What becomes of a redirect: `fetch` follows it, and takes every field of the request but `Authorization` to wherever it
   * leads; or it is an error. `follow` unless said.
   */
  readonly redirects?: "follow" | "error"
  /**
   * How a body goes out that is made while it is sent. `streamed`: piece by piece, which in a browser works over HTTP/2 and
   * HTTP/3 alone, and neither after a redirect other than 303. `buffered`: gathered first, then sent like bytes. `auto`, unless
   * said: gathered up to `maximumBufferedBodyBytes`, and streamed beyond it where the runtime can.
   */
  readonly uploads?: "auto" | "streamed" | "buffered"
  /** The most, in bytes, that is gathered of a body before it is sent. 64 MiB. */
  readonly maximumBufferedBodyBytes?: number
  /** The `fetch` to use, where the runtime has several. The global one unless said. */
  readonly fetch?: typeof globalThis.fetch
}

/** What would be configured, and silently not done. */
const unsupported = (session: TransportOptions): string | undefined => {
  if (session.judgeAddress !== undefined) return "it has an AddressPolicy, and fetch shows no addresses"
  if (session.resolve !== undefined) return "it has a Resolver, and fetch looks names up by itself"
  if (session.localAddress !== undefined) return "it has a localAddress, and fetch chooses that by itself"
  if (session.tlsMinimumVersion !== "TLSv1.2" || session.tlsMaximumVersion !== "TLSv1.3") {
    return "it bounds the versions of TLS, which fetch chooses by itself"
  }
  return undefined
}

const open = (options: Options) => (session: TransportOptions): Effect.Effect<SessionTransport> =>
  Effect.suspend(() => {
    const detail = unsupported(session)
    if (detail !== undefined) {
      return Effect.dieMessage(
        `the fetch transport cannot serve this session: ${detail}. Leave it out, or use another one`
      )
    }
    const { cache, credentials, fetch, maximumBufferedBodyBytes = 64 * 1024 * 1024, redirects = "follow" } = options
    let streams: boolean | undefined
    const engine: Engine = {
      settings: {
        cache,
        credentials,
        redirects,
        maximumBufferedBodyBytes,
        uploads: options.uploads ?? "auto",
        fetch: () => fetch ?? globalThis.fetch,
        streams: () => streams ??= streamsUploads()
      },
      session,
      running: new Set()
    }
    return Effect.succeed({
      exchange: (request, control) =>
        Effect.async((resume) => {
          new FetchExchange(engine, request, control, resume).begin()
        }),
      // connections are the runtime's
      flush: () => undefined,
      open: () => ({ sockets: engine.running.size, connecting: 0, queued: 0 })
    })
  })

const service = (options: Options): TransportService => ({
  platform: "fetch",
  // the browser names itself, and for another origin it would ask that first whether it may name somebody else
  ownFields: new Set(["user-agent"]),
  capabilities: new Set(),
  schemes: new Set(["http", "https"]),
  open: open(options)
})

/**
 * The transport with these options.
 *
 * @example
 * ```ts
 * import { FetchTransport } from "@urlsession/browser"
 * import { RequestBody, UrlSession } from "@urlsession/core"
 * import { Effect, Layer, Schedule, Stream } from "effect"
 *
 * // a body that never ends must not be gathered; the server speaks HTTP/2
 * const Live = UrlSession.layer().pipe(Layer.provide(FetchTransport.layerWith({ uploads: "streamed" })))
 *
 * const ticks = Stream.fromSchedule(Schedule.spaced("1 second")).pipe(Stream.map((n) => `${n}\n`), Stream.encodeText)
 * const live = Effect.gen(function*() {
 *   const session = yield* UrlSession.UrlSession
 *   yield* session.upload("https://api.example.com/ticks", RequestBody.stream(ticks))
 * }).pipe(Effect.provide(Live))
 * ```
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
