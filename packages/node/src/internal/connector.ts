/** From a host to a connection that has been judged: names, addresses, the race, TLS, the verdict. One attempt of a pool. */
import type { IdentityCredential } from "@urlsession/core/Credential"
import type { ProxyServer } from "@urlsession/core/Proxy"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import { type ExchangeError, TlsError } from "@urlsession/core/SessionError"
import type { AlpnProtocol, ConnectionInfo, TrustAsker, WireUrl } from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import { isIP } from "node:net"
import {
  addressRefused,
  allowed,
  allowedThrough,
  type ConnectHooks,
  type ConnectorOptions,
  resolve,
  sameAddress,
  settle,
  within
} from "./addresses.ts"
import { type ClientAuthentication, HandshakeFailed, type Judged, secured } from "./clientAuthentication.ts"
import { type Connection, type ConnectionListener, OnreadConnection } from "./connection.ts"
import { type Attempt, type Candidate, Dial } from "./dial.ts"
import {
  badResponse,
  connectError,
  delegateFailed,
  forUrl,
  handshakeError,
  lostError,
  unusableIdentity
} from "./errors.ts"
import { UnusableIdentity } from "./identityContexts.ts"
import { proxyFailed, proxyUrl, reached, unreachable } from "./reached.ts"
import { contextFor, type TrustContext } from "./secureContext.ts"
import { type Shown, trustOf } from "./trust.ts"

export type { ConnectHooks, ConnectorOptions, Lookup } from "./addresses.ts"

/** A connection that may be used. */
export interface Connected {
  readonly attempt: Attempt
  readonly protocol: AlpnProtocol
  readonly described: Pick<ConnectionInfo, "trust" | "overridden" | "proxy">
  /** Where the server asked for a client certificate. */
  readonly client: ClientAuthentication | undefined
}

const plain: Connected["described"] = { trust: undefined, overridden: false }

// trailing dot off: a certificate never has it (RFC 9525), and SNI must not (RFC 6066 3)
const serverName = (host: string): string => host.endsWith(".") ? host.slice(0, -1) : host

const unreadableRoots = {
  _tag: "SecureConnectionFailed",
  detail: "one of the roots given to ServerTrust cannot be read",
  advice: "Give PEM texts (-----BEGIN CERTIFICATE-----)"
} as const

const secureContext = (
  url: WireUrl,
  asker: TrustAsker,
  offered: IdentityCredential | undefined,
  other: ServerTrust.Roots | undefined,
  options: ConnectorOptions
): Effect.Effect<TrustContext, ExchangeError> => {
  const roots = other ?? asker.rootsFor?.(url.host) ?? asker.roots
  const { identities, tlsMaximumVersion: maximum, tlsMinimumVersion: minimum } = options
  return Effect.flatMap(
    Effect.try({
      try: () => contextFor(roots, minimum, maximum),
      catch: (cause) =>
        new TlsError({
          url: url.href,
          cause,
          reason: unreadableRoots
        })
    }),
    (without): Effect.Effect<TrustContext, ExchangeError> => {
      if (offered === undefined) return Effect.succeed(without)
      const context = identities.contextFor(roots, minimum, maximum, offered)
      if (!(context instanceof UnusableIdentity)) return Effect.succeed(context)
      asker.identity?.refused(url.host, url.port, offered)
      return Effect.fail(unusableIdentity(url.origin, context.detail, url.href))
    }
  )
}

// a server that knows no ALPN, or nothing of what was offered, speaks HTTP/1.1 (RFC 9113 3.2)
const protocolOf = ({ connection }: Attempt): AlpnProtocol =>
  connection.secureSocket?.alpnProtocol === "h2" ? "h2" : "http/1.1"

const dial = (
  candidates: ReadonlyArray<Candidate>,
  url: WireUrl,
  context: TrustContext | undefined,
  options: ConnectorOptions,
  hooks: ConnectHooks,
  through: Attempt | undefined
): Effect.Effect<Attempt, ExchangeError | HandshakeFailed> =>
  Effect.async((resume) => {
    if (through === undefined) hooks.dial?.cancel()
    const secure = context === undefined ? undefined : {
      context: context.context,
      servername: isIP(url.host) === 0 ? serverName(url.host) : undefined,
      alpnProtocols: hooks.alpnProtocols
    }
    const open = (candidate: Candidate, listener: ConnectionListener): Connection => {
      if (through !== undefined && secure !== undefined) {
        // what is below is connected already
        queueMicrotask(() => listener.onConnect())
        return through.connection.secured(secure, listener)
      }
      const connection = new OnreadConnection(
        {
          address: candidate.address,
          port: url.port,
          path: candidate.path,
          localAddress: options.localAddress,
          secure
        },
        listener,
        options.closed
      )
      options.opened(connection)
      return connection
    }
    const begun = hooks.now()
    if (through === undefined) hooks.timings.connectStart = begun
    const started = new Dial({
      candidates,
      open,
      secure: secure !== undefined,
      delay: options.happyEyeballsDelay,
      timers: options.timers,
      events: {
        onConnected: () => {
          const now = hooks.now()
          if (secure === undefined) hooks.timings.connectEnd = now
          else hooks.timings.secureConnectionStart = now
        },
        onReady: (attempt) => {
          if (secure !== undefined) {
            hooks.timings.secureConnectionEnd = hooks.now()
            hooks.timings.connectEnd = hooks.timings.secureConnectionEnd
            hooks.negotiated(protocolOf(attempt))
          }
          resume(Effect.succeed(attempt))
        },
        onFailed: (error, attempt) => {
          if (attempt === undefined) options.forget(url.host)
          resume(Effect.fail(
            attempt !== undefined
              ? new HandshakeFailed(error, attempt.connection.unfinished)
              : connectError(url.host, url.port, error ?? new Error("closed"), hooks.now() - begun, url.href)
          ))
        }
      }
    })
    hooks.dial = started
    started.start()
    return Effect.sync(() => started.cancel())
  })

const brokenError = (attempt: Attempt, url: WireUrl): ExchangeError =>
  attempt.tooEarly
    ? badResponse("the server sent more than 64 KiB before it was asked", url.href)
    : lostError(
      {
        bytesReceived: 0,
        bytesExpected: undefined,
        why: attempt.brokenBy === undefined ? "Closed" : "Reset",
        requestSent: false,
        reused: false
      },
      attempt.brokenBy,
      url.href
    )

// a connection that dies in the meantime ends the question
const whileWhole = <A>(
  effect: Effect.Effect<A, ExchangeError>,
  attempt: Attempt,
  url: WireUrl
): Effect.Effect<A, ExchangeError> =>
  Effect.raceFirst(
    effect,
    Effect.async<never, ExchangeError>((resume) => {
      const lost = () => resume(Effect.fail(brokenError(attempt, url)))
      if (attempt.broken) lost()
      else attempt.whenBroken = lost
    })
  )

const judged = (
  shown: Shown,
  attempt: Attempt | undefined,
  context: TrustContext,
  final: boolean,
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Judged<Connected["described"]>, ExchangeError> => {
  const trust = trustOf(shown, { host: url.host, port: url.port, context, now: options.timers.now() })
  const decide = asker.decide
  if (decide === undefined) {
    return trust.trusted
      ? Effect.succeed({ verdict: { trust, overridden: false } })
      : Effect.fail(ServerTrust.refusal(trust, url.href))
  }
  const asked = settle(
    Effect.suspend(() => decide(trust)),
    (cause) => delegateFailed("ChallengeResolver", cause, url.href),
    (error) => error
  )
  return Effect.flatMap(
    deciding(attempt === undefined ? asked : whileWhole(asked, attempt, url), hooks),
    ({ overridden, retryWith }): Effect.Effect<Judged<Connected["described"]>, ExchangeError> =>
      retryWith === undefined
        ? Effect.succeed({ verdict: { trust, overridden } })
        : final
        ? Effect.fail(ServerTrust.undecided(trust, url.href))
        : Effect.succeed({ retryWith })
  )
}

const deciding = <A, E>(decision: Effect.Effect<A, E>, hooks: ConnectHooks): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    hooks.networkWait(false)
    return Effect.tap(decision, () => Effect.sync(() => hooks.networkWait(true)))
  })

type Open = (context: TrustContext | undefined) => Effect.Effect<Attempt, ExchangeError | HandshakeFailed>

const securely = (
  open: Open,
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> =>
  Effect.map(
    secured({
      url,
      asker,
      contextOf: (offered, roots) => secureContext(url, asker, offered, roots, options),
      open: (context) =>
        Effect.flatMap(open(context), (attempt) =>
          attempt.shown === undefined
            ? Effect.fail(badResponse("a secure connection without TLS", url.href))
            : Effect.succeed({ attempt, shown: attempt.shown })),
      judge: (shown, context, attempt, final) => judged(shown, attempt, context, final, url, asker, options, hooks),
      ask: (identity) =>
        deciding(
          settle(
            Effect.suspend(() => identity.ask(url.host, url.port)),
            (cause) => delegateFailed("ChallengeResolver", cause, url.href),
            (error) => error
          ),
          hooks
        ),
      broken: (attempt) => brokenError(attempt, url)
    }),
    ({ attempt, client, verdict }) => ({ attempt, protocol: protocolOf(attempt), described: verdict, client })
  )

const openly = (open: Open, url: WireUrl): Effect.Effect<Connected, ExchangeError> =>
  Effect.matchEffect(open(undefined), {
    onSuccess: (attempt) =>
      attempt.broken
        ? Effect.fail(brokenError(attempt, url))
        : Effect.succeed({ attempt, protocol: "http/1.1", described: plain, client: undefined }),
    onFailure: (failure) =>
      Effect.fail(failure._tag === "HandshakeFailed" ? handshakeError(failure.error, url.href) : failure)
  })

const raced = (
  candidates: ReadonlyArray<Candidate>,
  url: WireUrl,
  context: TrustContext | undefined,
  options: ConnectorOptions,
  hooks: ConnectHooks,
  through?: Attempt
): Effect.Effect<Attempt, ExchangeError | HandshakeFailed> =>
  Effect.flatMap(within(dial(candidates, url, context, options, hooks, through), options, url.href), (attempt) => {
    const remote = attempt.connection.remoteAddress
    // what was judged is what must be connected; `undefined` is a connection that is gone already
    return remote !== undefined && !sameAddress(remote, attempt.candidate.address)
      ? addressRefused(url, remote, "it is not the address that was judged")
      : Effect.succeed(attempt)
  })

const directly = (
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> =>
  Effect.flatMap(
    resolve(url, options, hooks),
    (addresses) =>
      Effect.flatMap(allowed(addresses, url, options, hooks), (candidates) => {
        const open: Open = (context) => raced(candidates, url, context, options, hooks)
        return url.scheme === "https" ? securely(open, url, asker, options, hooks) : openly(open, url)
      })
  )

const onlyHttp1: ReadonlyArray<AlpnProtocol> = ["http/1.1"]

// to the proxy itself HTTP/1.1 is spoken, whatever the server on its other side speaks
const hooksOfProxy = (hooks: ConnectHooks): ConnectHooks => ({
  timings: hooks.timings,
  alpnProtocols: onlyHttp1,
  negotiated: () => {},
  get dial() {
    return hooks.dial
  },
  set dial(dial) {
    hooks.dial = dial
  },
  now: hooks.now,
  networkWait: hooks.networkWait
})

const byProxy = (
  proxy: ProxyServer,
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> => {
  const toProxy = Effect.mapError(
    directly(proxyUrl(proxy), asker, options, hooksOfProxy(hooks)),
    (error) => unreachable(proxy, forUrl(error, url.href), url.href)
  )
  const described = { ...plain, proxy: { ...proxy, credential: undefined } }
  const tunnel = reached({
    proxy,
    url,
    asker: asker.proxy,
    rounds: options.proxyRounds,
    open: Effect.map(toProxy, ({ attempt }) => attempt),
    within: (opening) => within(opening, options, url.href),
    deciding: (decision) => deciding(decision, hooks)
  })
  const made = url.scheme === "https"
    ? securely(
      (context) =>
        Effect.flatMap(tunnel, (through) =>
          // nothing of the server can have come before our own first byte
          through.early === undefined
            ? raced([through.candidate], url, context, options, hooks, through)
            : Effect.fail(proxyFailed(proxy, undefined, "it sent more than its answer", undefined, url.href))),
      url,
      asker,
      options,
      hooks
    )
    : proxy.scheme === "socks5"
    ? Effect.map(tunnel, (attempt): Connected => ({ attempt, protocol: "http/1.1", described, client: undefined }))
    : Effect.map(toProxy, (made): Connected => ({ ...made, described }))
  return Effect.zipRight(
    allowedThrough(url, options, hooks),
    Effect.map(made, (one): Connected => ({ ...one, described: { ...one.described, proxy: described.proxy } }))
  )
}

/**
 * Makes one connection. Where this fails or is interrupted, what `hooks.dial` has open must be cancelled by the caller; where
 * it succeeds, the connection is the caller's.
 */
export const connect = (
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> => {
  const proxy = options.proxyOf?.(url)
  return proxy === undefined ? directly(url, asker, options, hooks) : byProxy(proxy, url, asker, options, hooks)
}
