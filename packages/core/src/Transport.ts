/**
 * The seam to a platform: one request on one connection, head then body. A transport has no policy of its own: it follows
 * no redirect, keeps no cookie and retries nothing.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Address, AddressVerdict } from "./AddressPolicy.ts"
import type { CapabilityName } from "./Capability.ts"
import type { HeaderFields } from "./HeaderFields.ts"
import type { TrustAsker } from "./internal/askers.ts"
import type { AnsweredChallenge } from "./internal/challengeObserver.ts"
import type { ConnectionAffinity, ConnectionInfo } from "./internal/connectionInfo.ts"
import type { CacheStatus } from "./internal/protocol/cacheStatus.ts"
import type { NetworkAccess } from "./internal/protocol/requestPolicy.ts"
import type { WireRequestBody } from "./internal/wireRequestBody.ts"
import type { ProxyServer } from "./Proxy.ts"
import type { ResolvedAddress } from "./Resolver.ts"
import type { DelegateFailed, ExchangeError } from "./SessionError.ts"

export type {
  IdentityAnswer,
  IdentityAsker,
  ProxyAnswer,
  ProxyAsker,
  ProxyRefusal,
  ProxyRequest,
  TrustAsker,
  TrustDecision
} from "./internal/askers.ts"
export { type AnsweredChallenge, ChallengeObserver } from "./internal/challengeObserver.ts"
export type { ConnectionAffinity, ConnectionInfo, HeldConnection } from "./internal/connectionInfo.ts"
export {
  bodyLength,
  type BodySource,
  type BodySourceSink,
  type BytesBody,
  type StreamedBody,
  type WireRequestBody
} from "./internal/wireRequestBody.ts"

/**
 * A URL, parsed once. `target` is the request target in origin form (path and query), `host` without brackets and in lower
 * case, `authority` what `Host` says.
 *
 * @since 0.1.0
 * @category models
 */
export interface WireUrl {
  readonly href: string
  /** Without the colon: `https`. */
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly authority: string
  readonly target: string
  /** `scheme://authority`, the origin of RFC 6454 in ASCII form. */
  readonly origin: string
}

/**
 * One field of a request. A `bound` field belongs to the origin that the request was made for and leaves with it on a
 * redirect elsewhere; the others are public.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestField {
  readonly name: string
  readonly value: string
  readonly bound: boolean
}

/**
 * One request as it goes on the wire. `fields` are final: the transport adds only `Host`, `Connection` and the framing.
 *
 * @since 0.1.0
 * @category models
 */
export interface WireRequest {
  readonly method: string
  readonly url: WireUrl
  readonly fields: ReadonlyArray<RequestField>
  readonly body: WireRequestBody | undefined
  /** What a caller and interceptors have noted on it (`Interceptor.setProperty`); nothing of it is ever sent. */
  readonly properties?: Context.Context<never> | undefined
}

/**
 * Takes a body. None of these may throw; bytes are lent for the time of the call.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodySink {
  /** This sink would rather own its bytes: a transport that can reads into fresh memory for it, and gives that away. */
  readonly keeps?: boolean
  /** `given`: the bytes are the sink's from now on, and nobody writes into them again. */
  readonly onBytes: (borrowed: Uint8Array, given?: boolean) => void
  /** Exactly one of `onEnd` and `onError` is called, once, and nothing after it. */
  readonly onEnd: (trailers: HeaderFields) => void
  readonly onError: (error: ExchangeError) => void
}

/**
 * The body of a response, before its coding is undone. Up to 64 KiB are read ahead without demand.
 *
 * @since 0.1.0
 * @category models
 */
export interface WireBody {
  /** The announced length in bytes, where there is one. */
  readonly length: number | undefined
  /** `false` for a body that only the end of the connection delimits: it may be cut. */
  readonly delimited: boolean
  /** The whole body, once all of it has arrived and as long as nobody has begun to read it; then it may be taken. */
  readonly take: () => Uint8Array | undefined
  /** The trailers, after the end. */
  readonly trailers: HeaderFields
  /** Begins delivery, at most once. May deliver within the call. */
  readonly start: (sink: BodySink) => void
  /** Asks for a pause: a little may still arrive. */
  readonly pause: () => void
  readonly resume: () => void
  /**
   * The rest is not wanted. Idempotent; nothing reaches the sink afterwards. The connection is kept where that is cheap (at
   * most 64 KiB of a known length left), else closed.
   */
  readonly cancel: () => void
}

/**
 * The name of a protocol in ALPN (RFC 7301).
 *
 * @since 0.1.0
 * @category models
 */
export type AlpnProtocol = "h2" | "http/1.1"

/**
 * The head of a final response, and its body.
 *
 * @since 0.1.0
 * @category models
 */
export interface WireResponse {
  readonly status: number
  readonly reason: string
  readonly fields: HeaderFields
  readonly body: WireBody
  /** Of the request that was answered. */
  readonly url: WireUrl
  readonly connection: ConnectionInfo | undefined
  /** What the session's cache did; no transport says it. */
  readonly cache?: CacheStatus
  /** The codings of its body have been undone: the announced length is not that of what is read. */
  readonly decoded?: boolean
}

/**
 * When the phases of one attempt began and ended, in milliseconds since the epoch (fractions where the clock has them), and
 * how many bytes went over the wire. A phase that did not happen is `undefined`; the bytes of heads are 0 over HTTP/2, where
 * nobody counts them. The transport fills it in.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransactionRecord {
  domainLookupStart: number | undefined
  domainLookupEnd: number | undefined
  connectStart: number | undefined
  secureConnectionStart: number | undefined
  secureConnectionEnd: number | undefined
  connectEnd: number | undefined
  requestStart: number | undefined
  requestEnd: number | undefined
  responseStart: number | undefined
  responseEnd: number | undefined
  reused: boolean
  /** Sent through a proxy: then the connection, and its remote address, are the proxy's. */
  proxied: boolean
  connection: ConnectionInfo | undefined
  requestHeaderBytes: number
  requestBodyBytes: number
  responseHeaderBytes: number
  responseBodyBytes: number
}

/**
 * Something that must be undone when an exchange ends early. Idempotent and synchronous.
 *
 * @since 0.1.0
 * @category models
 */
export interface Closeable {
  readonly close: () => void
  /** The task's priority has changed, 0 to 1: what waits for a connection waits in another place. */
  readonly reprioritize?: (priority: number) => void
}

/**
 * What a transport may ask and tell while it works on one exchange. Implemented by the session.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExchangeControl {
  /**
   * Parks the `resume` of the one asynchronous leaf that is waiting, so that a timer, a cancellation or an invalidation can
   * end it with an error. `false`: the exchange has been ended already and `resume` has been called.
   */
  readonly park: (resume: (effect: Effect.Effect<never, ExchangeError>) => void) => boolean
  readonly unpark: () => void
  /** Registers what is closed when the exchange ends before `unregister`. */
  readonly register: (closeable: Closeable) => void
  readonly unregister: (closeable: Closeable) => void
  /** Whether time spent from now on is time spent waiting for the network: the idle timer runs only then. */
  readonly networkWait: (waiting: boolean) => void
  /** Bytes moved in either direction: the idle timer starts again. */
  readonly touch: () => void
  /** The current time in milliseconds since the epoch. */
  readonly now: () => number
  readonly transaction: TransactionRecord
  readonly trust: TrustAsker
  /** Goes to the proxy that this request is given to as a whole. */
  readonly proxyAuthorization?: string | undefined
  /** 0 to 1; the order in which requests that wait for a connection get one. */
  readonly priority: number
  /** Over which networks this exchange may go: for a transport that can tell them apart. */
  readonly networkAccess?: NetworkAccess
  /** No connection may be used that was there before this request failed: the last one died under it, or was the wrong one. */
  readonly fresh: boolean
  /** The connection that this request is bound to, or is to be bound to. */
  readonly affinity?: ConnectionAffinity | undefined
  /** What this request offers instead of the session's protocols, where it needs a certain one. */
  readonly alpnProtocols?: ReadonlyArray<AlpnProtocol>
  /** The body is held back until the server says `100 Continue`, or for a second (RFC 9110 10.1.1). */
  readonly expectContinue: boolean
  /** The whole body is here and nothing of the exchange is on the wire any more; called once, read or not. */
  readonly arrived: () => void
  /** A question of the connection that this exchange waits for was answered. */
  readonly challengeAnswered?: (answered: AnsweredChallenge) => void
  /** A 1xx other than 101. */
  readonly informational: (status: number, fields: HeaderFields) => void
  /** So many bytes of the request's body, counted from its beginning, have been given to the network. */
  readonly bodySent: (total: number) => void
}

/**
 * One entry of the session's timer wheel.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimerHandle {
  /** Idempotent. */
  readonly cancel: () => void
}

/**
 * The session's wheel, on the Clock that the session was built with. All times of core and of a transport come from it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timers {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Calls `fire` once, after so many milliseconds at the earliest. `fire` must not throw. */
  readonly after: (milliseconds: number, fire: () => void) => TimerHandle
  /** Like `after`, for house-keeping: does not by itself keep the wheel, and so the process, awake. */
  readonly afterWeak: (milliseconds: number, fire: () => void) => TimerHandle
}

/**
 * A connection that served, or was made to serve, and has been closed.
 *
 * @since 0.1.0
 * @category models
 */
export interface EndedConnection {
  readonly scheme: string
  /** Of the server, also where there is a proxy in between. */
  readonly host: string
  readonly port: number
  readonly protocol: AlpnProtocol
  /** Milliseconds since it was ready for its first request. */
  readonly duration: number
}

/**
 * What a session asks of its transport for all its life.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportOptions {
  readonly maximumConnectionsPerHost: number
  readonly timers: Timers
  /** `undefined`: every address is allowed. */
  readonly judgeAddress: ((address: Address) => Effect.Effect<AddressVerdict, DelegateFailed>) | undefined
  /** In place of the platform's own. */
  readonly resolve?: ((host: string) => Effect.Effect<ReadonlyArray<ResolvedAddress>, unknown>) | undefined
  /** The address that connections are made from; the system's choice unless said. */
  readonly localAddress?: string | undefined
  readonly tlsMinimumVersion: "TLSv1.2" | "TLSv1.3"
  readonly tlsMaximumVersion: "TLSv1.2" | "TLSv1.3"
  /** What is offered over TLS, preferred first; never empty. */
  readonly alpnProtocols: ReadonlyArray<AlpnProtocol>
  /** Milliseconds after which an unused connection is closed, and a large body that nobody reads with it. */
  readonly idleConnectionTimeout: number
  readonly abandonedBodyTimeout: number
  readonly maximumHeadBytes: number
  /** The proxy of a URL; absent, or `undefined`: the session connects by itself. */
  readonly proxyOf?: ((url: WireUrl) => ProxyServer | undefined) | undefined
  /** How often one connection may be asked for by a proxy who is there. */
  readonly proxyRounds?: number
  /** Hears of every connection that has come to its end, where somebody counts them. Must not throw. */
  readonly connectionEnded?: ((connection: EndedConnection) => void) | undefined
}

/**
 * What is open at this moment; all zero after the session's scope has been closed.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenResources {
  readonly sockets: number
  readonly connecting: number
  readonly queued: number
}

/**
 * A transport at work for one session.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionTransport {
  /** Sends one request. Succeeds with the head; the body follows through it. */
  readonly exchange: (request: WireRequest, control: ExchangeControl) => Effect.Effect<WireResponse, ExchangeError>
  /**
   * Calls a function once what has arrived by now has been delivered: what comes in one turn of the event loop can then be
   * handed on in one piece. A transport that cannot tell leaves it out.
   */
  readonly soon?: (f: () => void) => void
  /** Later requests use new connections: unused ones are closed at once, used ones after their exchange. */
  readonly flush: () => void
  readonly open: () => OpenResources
  /** Of `open` the sockets alone, for who asks at every request. */
  readonly openSockets?: () => number
}

/**
 * A platform's transport.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportService {
  readonly platform: string
  readonly capabilities: ReadonlySet<CapabilityName>
  /** Without the colon: `http`, `https`, `data`. */
  readonly schemes: ReadonlySet<string>
  /** Fields, in lower case, that this platform writes by itself: the session's defaults leave them out. */
  readonly ownFields?: ReadonlySet<string>
  /** Begins to work for a session; closing the scope closes every connection. */
  readonly open: (options: TransportOptions) => Effect.Effect<SessionTransport, never, Scope.Scope>
}

/**
 * The service.
 *
 * @since 0.1.0
 * @category services
 */
export class Transport extends Context.Tag("@urlsession/core/Transport")<Transport, TransportService>() {}
