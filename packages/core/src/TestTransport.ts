/**
 * A scripted transport, for tests of programs that use a session: every answer, delay, failure, challenge and certificate is
 * written down, and time is the test's own clock. The session above it is the real one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { CapabilityName } from "./Capability.ts"
import { ClientIdentity, ConnectionBinding, CookieControl, RedirectControl, ServerTrustControl } from "./Capability.ts"
import type { IdentityCredential } from "./Credential.ts"
import { HeaderFields } from "./HeaderFields.ts"
import { gatherBody } from "./internal/testTransport/gatherBody.ts"
import { ScriptedHandshakes } from "./internal/testTransport/handshakes.ts"
import { received } from "./internal/testTransport/received.ts"
import { ScriptedExchange } from "./internal/testTransport/scriptedExchange.ts"
import type * as ServerTrust from "./ServerTrust.ts"
import { ConnectionError, type ExchangeError } from "./SessionError.ts"
import {
  type ExchangeControl,
  type SessionTransport,
  Transport,
  type TransportOptions,
  type WireRequest,
  type WireResponse
} from "./Transport.ts"

/**
 * One thing that the scripted server does. They are carried out in order.
 *
 * @since 0.1.0
 * @category models
 */
export type Step =
  /** Wait, on the clock that the session was built with. */
  | { readonly _tag: "Delay"; readonly milliseconds: number }
  | { readonly _tag: "Informational"; readonly status: number; readonly headers: HeaderFields }
  | {
    readonly _tag: "Head"
    readonly status: number
    readonly headers: HeaderFields
    readonly length: number | undefined
  }
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  | { readonly _tag: "End"; readonly trailers: HeaderFields }
  | { readonly _tag: "Fail"; readonly error: ExchangeError }

/**
 * The steps of one exchange. One that ends without `End` or `Fail` hangs: the server never goes on.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = ReadonlyArray<Step>

/**
 * A request as it reached the transport, after the session's whole pipeline. `header` looks a field up by its lower-case
 * name; secrets stay `Redacted` in `authorization`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReceivedRequest {
  readonly method: string
  readonly url: string
  readonly header: (name: string) => string | undefined
  readonly authorization: Redacted.Redacted | undefined
  readonly body: Uint8Array | undefined
  /** What the session presented where the host asks for a client certificate. */
  readonly identity: IdentityCredential | undefined
  /** The session asked for a new connection: the last one died under this request. */
  readonly fresh: boolean
  /** How many requests the transport had received before. */
  readonly index: number
}

const bytesOf = (body: string | Uint8Array): Uint8Array =>
  typeof body === "string" ? new TextEncoder().encode(body) : body

/**
 * A whole response.
 *
 * @since 0.1.0
 * @category scripts
 */
export const respond = (
  status: number,
  options: {
    readonly headers?: Readonly<Record<string, string>> | Iterable<readonly [string, string]>
    readonly body?: string | Uint8Array
    readonly delay?: Duration.DurationInput
  } = {}
): Script => {
  const body = bytesOf(options.body ?? "")
  const given = options.headers ?? {}
  const headers = HeaderFields.fromEntries(
    Symbol.iterator in given ? given : Object.entries(given)
  )
  return [
    ...(options.delay === undefined ? [] : delay(options.delay)),
    { _tag: "Head", status, headers, length: body.length },
    ...(body.length === 0 ? [] : [{ _tag: "Bytes", bytes: body } as const]),
    ...end
  ]
}

/**
 * A 401 with these challenges, one `WWW-Authenticate` line each.
 *
 * @since 0.1.0
 * @category scripts
 */
export const challenge = (...challenges: ReadonlyArray<string>): Script =>
  respond(401, { headers: challenges.map((line) => ["www-authenticate", line] as const) })

/**
 * A redirect.
 *
 * @since 0.1.0
 * @category scripts
 */
export const redirect = (status: number, location: string): Script => respond(status, { headers: { location } })

/**
 * The head of a response whose body follows as further steps; `length` is what is announced.
 *
 * @since 0.1.0
 * @category scripts
 */
export const head = (
  status: number,
  headers: Readonly<Record<string, string>> = {},
  length?: number
): Script => [{ _tag: "Head", status, headers: HeaderFields.fromEntries(Object.entries(headers)), length }]

/**
 * @since 0.1.0
 * @category scripts
 */
export const bytes = (body: string | Uint8Array): Script => [{ _tag: "Bytes", bytes: bytesOf(body) }]

/**
 * The body is over.
 *
 * @since 0.1.0
 * @category scripts
 */
export const end: Script = [{ _tag: "End", trailers: HeaderFields.empty }]

/**
 * The body is over, and trailers follow it.
 *
 * @since 0.1.0
 * @category scripts
 */
export const endWith = (trailers: Readonly<Record<string, string>>): Script => [
  { _tag: "End", trailers: HeaderFields.fromEntries(Object.entries(trailers)) }
]

/**
 * Time that passes on the test's clock.
 *
 * @since 0.1.0
 * @category scripts
 */
export const delay = (duration: Duration.DurationInput): Script => [
  { _tag: "Delay", milliseconds: Duration.toMillis(duration) }
]

/**
 * A failure, at the point where it stands.
 *
 * @since 0.1.0
 * @category scripts
 */
export const fail = (error: ExchangeError): Script => [{ _tag: "Fail", error }]

/**
 * The connection is lost, at the point where it stands.
 *
 * @since 0.1.0
 * @category scripts
 */
export const lost = (
  details: {
    readonly bytesReceived?: number
    readonly reused?: boolean
    readonly requestSent?: boolean
    readonly unprocessed?: boolean
  } = {}
): Script =>
  fail(
    new ConnectionError({
      reason: {
        _tag: "NetworkConnectionLost",
        bytesReceived: details.bytesReceived ?? 0,
        bytesExpected: undefined,
        why: "Reset",
        requestSent: details.requestSent ?? true,
        reused: details.reused ?? false,
        ...(details.unprocessed === undefined ? {} : { unprocessed: details.unprocessed })
      }
    })
  )

/**
 * The server never answers.
 *
 * @since 0.1.0
 * @category scripts
 */
export const hang: Script = []

/**
 * An interim response.
 *
 * @since 0.1.0
 * @category scripts
 */
export const informational = (status: number, headers: Readonly<Record<string, string>> = {}): Script => [
  { _tag: "Informational", status, headers: HeaderFields.fromEntries(Object.entries(headers)) }
]

/**
 * What a scripted platform is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Answers each request; asked once per attempt, so a retry or a redirect is a request of its own. */
  readonly answer: (request: ReceivedRequest) => Script
  /** What an https host presents at the first exchange with it; a trusted chain unless said. */
  readonly trust?: (host: string, port: number) => ServerTrust.ServerTrust
  /**
   * Whether an https host asks for a client certificate at the first exchange with it; none does unless said. A script that
   * fails with `ClientCertificateRejected` refuses the one that was given.
   */
  readonly clientCertificate?: (host: string, port: number) => boolean
  /** All unless said: leave some out to see what a browser would say. */
  readonly capabilities?: ReadonlyArray<CapabilityName>
}

/**
 * What the test sees of the transport.
 *
 * @since 0.1.0
 * @category models
 */
export interface Controls {
  readonly requests: Effect.Effect<ReadonlyArray<ReceivedRequest>>
  /** Exchanges whose wire is not done. */
  readonly open: Effect.Effect<number>
}

/**
 * The service that `layer` gives beside the transport.
 *
 * @since 0.1.0
 * @category services
 */
export class TestTransport extends Context.Tag("@urlsession/core/TestTransport")<TestTransport, Controls>() {}

const everything: ReadonlyArray<CapabilityName> = [
  "ServerTrustControl",
  "ClientIdentity",
  "ConnectionBinding",
  "ProxyControl",
  "RedirectControl",
  "CookieControl",
  "UploadProgress",
  "StreamSockets",
  "DurableTransfers"
]

/**
 * A trust value with the faults that a test wants, and no certificates.
 *
 * @since 0.1.0
 * @category constructors
 */
export const presented = (
  host: string,
  port: number,
  faults: ServerTrust.ServerTrust["faults"] = [],
  chain: ReadonlyArray<ServerTrust.Certificate> = []
): ServerTrust.ServerTrust => ({
  host,
  port,
  chain,
  chainTrusted: faults.every((fault) => fault === "WrongName"),
  identityMatches: !faults.includes("WrongName"),
  trusted: faults.length === 0,
  faults,
  protocol: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256"
})

/**
 * A scripted platform: the transport, its controls, and the capabilities that slots ask for.
 *
 * @example
 * ```ts
 * import { ChallengeResolver, Credential, Disposition, TestTransport, UrlSession } from "@urlsession/core"
 * import { Effect, Layer } from "effect"
 *
 * const Resolver = ChallengeResolver.layer({
 *   Basic: ChallengeResolver.forSpace({ origin: "https://api.test" }, () =>
 *     Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "secret" }))))
 * })
 * const Scripted = TestTransport.layer({
 *   answer: (request) =>
 *     request.authorization === undefined
 *       ? TestTransport.challenge("Basic realm=\"api\"")
 *       : TestTransport.respond(200, { body: "hello" })
 * })
 * const program = Effect.gen(function*() {
 *   const session = yield* UrlSession.UrlSession
 *   const [, response] = yield* session.data("https://api.test/me")
 *   return response.status // 200
 * }).pipe(Effect.provide(UrlSession.layer(undefined, Resolver)), Effect.provide(Scripted))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<
  Transport | TestTransport | ServerTrustControl | ClientIdentity | ConnectionBinding | RedirectControl | CookieControl
> => {
  const log: Array<ReceivedRequest> = []
  const running = new Set<ScriptedExchange>()
  const open = (session: TransportOptions): Effect.Effect<SessionTransport> =>
    Effect.sync(() => {
      const handshakes = new ScriptedHandshakes(options.trust ?? presented, options.clientCertificate)
      let connections = 0
      const exchange = (request: WireRequest, control: ExchangeControl): Effect.Effect<WireResponse, ExchangeError> =>
        Effect.zipWith(
          handshakes.of(request, control),
          gatherBody(request.body, control),
          ({ identity, overridden }, body) => {
            const seen = received(request, body, identity, control.fresh, log.length)
            log.push(seen)
            const connection = control.affinity?.held?.info ?? {
              id: ++connections,
              protocol: "http/1.1",
              remoteAddress: undefined,
              remotePort: request.url.port,
              localAddress: undefined,
              localPort: undefined,
              trust: undefined,
              overridden
            }
            return Effect.async<WireResponse, ExchangeError>((resume) => {
              if (!control.park(resume)) {
                return
              }
              new ScriptedExchange(options.answer(seen), request, connection, control, session.timers, running).begin(
                resume
              )
            }).pipe(
              Effect.tapError((error) =>
                Effect.sync(() => handshakes.identities.failed(error, identity, request, control))
              )
            )
          }
        ).pipe(Effect.flatten)
      return {
        exchange,
        flush: () => handshakes.identities.flush(),
        open: () => ({ sockets: running.size, connecting: 0, queued: 0 })
      }
    })
  const capabilities = options.capabilities ?? everything
  return Layer.mergeAll(
    Layer.succeed(Transport, {
      platform: "scripted",
      capabilities: new Set(capabilities),
      schemes: new Set(["http", "https"]),
      open
    }),
    Layer.succeed(TestTransport, {
      requests: Effect.sync(() => [...log]),
      open: Effect.sync(() => running.size)
    }),
    Layer.succeed(ServerTrustControl, { name: "ServerTrustControl", platform: "scripted" }),
    Layer.succeed(ClientIdentity, { name: "ClientIdentity", platform: "scripted" }),
    Layer.succeed(ConnectionBinding, { name: "ConnectionBinding", platform: "scripted" }),
    Layer.succeed(RedirectControl, { name: "RedirectControl", platform: "scripted" }),
    Layer.succeed(CookieControl, { name: "CookieControl", platform: "scripted" })
  )
}
