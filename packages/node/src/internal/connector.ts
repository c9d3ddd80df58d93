/** From a host to a connection that has been judged: names, addresses, the race, TLS, the verdict. One attempt of a pool. */
import type { AddressVerdict } from "@urlsession/core/AddressPolicy"
import type { IdentityCredential } from "@urlsession/core/Credential"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import { ConnectionError, type ExchangeError, TlsError } from "@urlsession/core/SessionError"
import type {
  AlpnProtocol,
  ConnectionInfo,
  Timers,
  TransportOptions,
  TrustAsker,
  WireUrl
} from "@urlsession/core/Transport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { isIP } from "node:net"
import { type ClientAuthentication, HandshakeFailed, secured } from "./clientAuthentication.ts"
import { type Connection, type ConnectionListener, OnreadConnection } from "./connection.ts"
import type { ConnectTimings } from "./connectTimings.ts"
import { type Attempt, type Candidate, Dial, interleave } from "./dial.ts"
import {
  badResponse,
  connectError,
  connectTimeout,
  delegateFailed,
  forUrl,
  handshakeError,
  lookupError,
  lostError,
  unusableIdentity
} from "./errors.ts"
import { type IdentityContexts, UnusableIdentity } from "./identityContexts.ts"
import { contextFor, type TrustContext } from "./secureContext.ts"
import { type Shown, trustOf } from "./trust.ts"

/** How a platform resolves a name; fails with what carries a `code`, as `node:dns` does. */
export type Lookup = (host: string) => Effect.Effect<ReadonlyArray<Candidate>, unknown>

/** The settings of a connector. */
export interface ConnectorOptions {
  readonly lookup: Lookup
  readonly connectTimeout: number
  readonly happyEyeballsDelay: number
  readonly timers: Timers
  readonly judgeAddress: TransportOptions["judgeAddress"]
  readonly tlsMinimumVersion: TransportOptions["tlsMinimumVersion"]
  readonly tlsMaximumVersion: TransportOptions["tlsMaximumVersion"]
  readonly identities: IdentityContexts
  /** Told of every connection that goes. */
  readonly opened: (connection: Connection) => void
  readonly closed: (connection: Connection) => void
}

/** The job that a connection is made for. */
export interface ConnectHooks {
  readonly timings: ConnectTimings
  readonly alpnProtocols: ReadonlyArray<AlpnProtocol>
  /** A handshake has shown what the server speaks; there is no verdict on it yet. */
  readonly negotiated: (protocol: AlpnProtocol) => void
  /** What is open; whoever ends the job early cancels it. */
  dial: Dial | undefined
  readonly now: () => number
  /** Whether the time from now on is spent on the network, rather than in a decider. */
  readonly networkWait: (waiting: boolean) => void
}

/** A connection that may be used. */
export interface Connected {
  readonly attempt: Attempt
  readonly protocol: AlpnProtocol
  readonly described: Pick<ConnectionInfo, "trust" | "overridden">
  /** Where the server asked for a client certificate. */
  readonly client: ClientAuthentication | undefined
}

const plain: Connected["described"] = { trust: undefined, overridden: false }

// Ends a decider in an error of the session: its own failure where there is a word for it, else one with the cause. What
// interrupts only itself has failed too; an interruption from outside never comes here.
const settle = <A, E>(
  effect: Effect.Effect<A, E>,
  defect: (cause: unknown) => ExchangeError,
  failure: (error: E) => ExchangeError = defect
): Effect.Effect<A, ExchangeError> =>
  Effect.catchAllCause(effect, (cause) => {
    const failed = Cause.failureOption(cause)
    return Effect.fail(failed._tag === "Some" ? failure(failed.value) : defect(Cause.squash(cause)))
  })

const within = <A, E>(
  effect: Effect.Effect<A, E>,
  options: ConnectorOptions,
  url: string
): Effect.Effect<A, E | ExchangeError> =>
  Effect.raceFirst(
    effect,
    Effect.async<never, ExchangeError>((resume) => {
      const timer = options.timers.after(
        options.connectTimeout,
        () => resume(Effect.fail(connectTimeout(options.connectTimeout, url)))
      )
      return Effect.sync(() => timer.cancel())
    })
  )

const literal = (host: string): ReadonlyArray<Candidate> | undefined => {
  const family = isIP(host)
  return family === 4 || family === 6 ? [{ address: host, family }] : undefined
}

const resolve = (
  url: WireUrl,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<ReadonlyArray<Candidate>, ExchangeError> => {
  const known = literal(url.host)
  if (known !== undefined) return Effect.succeed(known)
  hooks.timings.domainLookupStart = hooks.now()
  const asked = settle(
    Effect.suspend(() => options.lookup(url.host)),
    (cause) => lookupError(url.host, cause, url.href)
  )
  return Effect.flatMap(within(asked, options, url.href), (addresses) => {
    hooks.timings.domainLookupEnd = hooks.now()
    return addresses.length > 0
      ? Effect.succeed(interleave(addresses))
      : Effect.fail(lookupError(url.host, undefined, url.href))
  })
}

const allowed = (
  candidates: ReadonlyArray<Candidate>,
  url: WireUrl,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<ReadonlyArray<Candidate>, ExchangeError> => {
  const judge = options.judgeAddress
  if (judge === undefined) return Effect.succeed(candidates)
  return Effect.gen(function*() {
    hooks.networkWait(false)
    const passed: Array<Candidate> = []
    let refused: { readonly address: string; readonly verdict: AddressVerdict } | undefined
    for (const { address, family } of candidates) {
      const verdict = yield* settle(
        Effect.suspend(() => judge({ host: url.host, address, family, port: url.port })),
        (cause) => delegateFailed("AddressPolicy", cause, url.href),
        (error) => forUrl(error, url.href)
      )
      if (verdict._tag === "Allow") passed.push({ address, family })
      else refused ??= { address, verdict }
    }
    hooks.networkWait(true)
    if (passed.length === 0 && refused?.verdict._tag === "Refuse") {
      return yield* addressRefused(url, refused.address, refused.verdict.rule)
    }
    return passed
  })
}

const addressRefused = (url: WireUrl, address: string, rule: string): Effect.Effect<never, ExchangeError> =>
  Effect.fail(
    new ConnectionError({ url: url.href, reason: { _tag: "AddressRefused", host: url.host, address, rule } })
  )

/** Whether two texts are the same address. */
export const sameAddress = (left: string, right: string): boolean =>
  left === right || canonical(left) === canonical(right)

const canonical = (address: string): string => {
  if (isIP(address) !== 6) return address
  const bare = address.split("%", 1)[0] ?? address
  return new URL(`http://[${bare}]/`).hostname
}

// trailing dot off: a certificate never has it (RFC 9525), and SNI must not (RFC 6066 3)
const serverName = (host: string): string => host.endsWith(".") ? host.slice(0, -1) : host

const secureContext = (
  url: WireUrl,
  asker: TrustAsker,
  offered: IdentityCredential | undefined,
  options: ConnectorOptions
): Effect.Effect<TrustContext, ExchangeError> => {
  const { identities, tlsMaximumVersion: maximum, tlsMinimumVersion: minimum } = options
  return Effect.flatMap(
    Effect.try({
      try: () => contextFor(asker.roots, minimum, maximum),
      catch: (cause) =>
        new TlsError({
          url: url.href,
          cause,
          reason: { _tag: "SecureConnectionFailed", detail: "one of the roots cannot be read" }
        })
    }),
    (without): Effect.Effect<TrustContext, ExchangeError> => {
      if (offered === undefined) return Effect.succeed(without)
      const context = identities.contextFor(asker.roots, minimum, maximum, offered)
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
  hooks: ConnectHooks
): Effect.Effect<Attempt, ExchangeError | HandshakeFailed> =>
  Effect.async((resume) => {
    hooks.dial?.cancel()
    const secure = context === undefined ? undefined : {
      context: context.context,
      servername: isIP(url.host) === 0 ? serverName(url.host) : undefined,
      alpnProtocols: hooks.alpnProtocols
    }
    const open = (candidate: Candidate, listener: ConnectionListener): Connection => {
      const connection = new OnreadConnection(
        { address: candidate.address, port: url.port, secure },
        listener,
        options.closed
      )
      options.opened(connection)
      return connection
    }
    const begun = hooks.now()
    hooks.timings.connectStart = begun
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
        onFailed: (error, attempt) =>
          resume(Effect.fail(
            attempt !== undefined
              ? new HandshakeFailed(error, attempt.connection.unfinished)
              : connectError(url.host, url.port, error ?? new Error("closed"), hooks.now() - begun, url.href)
          ))
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
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected["described"], ExchangeError> => {
  const trust = trustOf(shown, { host: url.host, port: url.port, context, now: options.timers.now() })
  const decide = asker.decide
  if (decide === undefined) {
    return trust.trusted
      ? Effect.succeed({ trust, overridden: false })
      : Effect.fail(ServerTrust.refusal(trust, url.href))
  }
  const asked = settle(
    Effect.suspend(() => decide(trust)),
    (cause) => delegateFailed("ChallengeResolver", cause, url.href),
    (error) => error
  )
  return Effect.map(
    deciding(attempt === undefined ? asked : whileWhole(asked, attempt, url), hooks),
    ({ overridden }) => ({ trust, overridden })
  )
}

const deciding = <A, E>(decision: Effect.Effect<A, E>, hooks: ConnectHooks): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    hooks.networkWait(false)
    return Effect.tap(decision, () => Effect.sync(() => hooks.networkWait(true)))
  })

const securely = (
  candidates: ReadonlyArray<Candidate>,
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> =>
  Effect.map(
    secured({
      url,
      asker,
      contextOf: (offered) => secureContext(url, asker, offered, options),
      open: (context) =>
        Effect.flatMap(raced(candidates, url, context, options, hooks), (attempt) =>
          attempt.shown === undefined
            ? Effect.fail(badResponse("a secure connection without TLS", url.href))
            : Effect.succeed({ attempt, shown: attempt.shown })),
      judge: (shown, context, attempt) => judged(shown, attempt, context, url, asker, options, hooks),
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

const openly = (
  candidates: ReadonlyArray<Candidate>,
  url: WireUrl,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> =>
  Effect.matchEffect(raced(candidates, url, undefined, options, hooks), {
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
  hooks: ConnectHooks
): Effect.Effect<Attempt, ExchangeError | HandshakeFailed> =>
  Effect.flatMap(within(dial(candidates, url, context, options, hooks), options, url.href), (attempt) => {
    const remote = attempt.connection.remoteAddress
    // what was judged is what must be connected; `undefined` is a connection that is gone already
    return remote !== undefined && !sameAddress(remote, attempt.candidate.address)
      ? addressRefused(url, remote, "it is not the address that was judged")
      : Effect.succeed(attempt)
  })

/**
 * Makes one connection. Where this fails or is interrupted, what `hooks.dial` has open must be cancelled by the caller; where
 * it succeeds, the connection is the caller's.
 */
export const connect = (
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> =>
  Effect.flatMap(
    resolve(url, options, hooks),
    (addresses) =>
      Effect.flatMap(allowed(addresses, url, options, hooks), (candidates) =>
        url.scheme === "https"
          ? securely(candidates, url, asker, options, hooks)
          : openly(candidates, url, options, hooks))
  )
