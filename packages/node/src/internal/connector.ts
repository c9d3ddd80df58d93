/** From a host to a connection that has been judged: names, addresses, the race, TLS, the verdict. One attempt of a pool. */
import type { AddressVerdict } from "@urlsession/core/AddressPolicy"
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
  lostError
} from "./errors.ts"
import { contextFor, type TrustContext } from "./secureContext.ts"
import { trustOf } from "./trust.ts"

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

const within = <A>(
  effect: Effect.Effect<A, ExchangeError>,
  options: ConnectorOptions,
  url: string
): Effect.Effect<A, ExchangeError> =>
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
  options: ConnectorOptions
): Effect.Effect<TrustContext | undefined, ExchangeError> =>
  url.scheme !== "https"
    ? Effect.succeed(undefined)
    : Effect.try({
      try: () => contextFor(asker.roots, options.tlsMinimumVersion, options.tlsMaximumVersion),
      catch: (cause) =>
        new TlsError({
          url: url.href,
          cause,
          reason: { _tag: "SecureConnectionFailed", detail: "one of the roots cannot be read" }
        })
    })

// a server that knows no ALPN, or nothing of what was offered, speaks HTTP/1.1 (RFC 9113 3.2)
const protocolOf = ({ connection }: Attempt): AlpnProtocol =>
  connection.secureSocket?.alpnProtocol === "h2" ? "h2" : "http/1.1"

const dial = (
  candidates: ReadonlyArray<Candidate>,
  url: WireUrl,
  context: TrustContext | undefined,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Attempt, ExchangeError> =>
  Effect.async((resume) => {
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
              ? handshakeError(error, url.href)
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
  attempt: Attempt,
  context: TrustContext,
  url: WireUrl,
  asker: TrustAsker,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<Connected, ExchangeError> => {
  const socket = attempt.connection.secureSocket
  if (socket === undefined) return Effect.fail(badResponse("a secure connection without TLS", url.href))
  const trust = trustOf(socket, { host: url.host, port: url.port, roots: context.roots, now: options.timers.now() })
  const decide = asker.decide
  if (decide === undefined) {
    return trust.trusted
      ? Effect.succeed({ attempt, protocol: protocolOf(attempt), described: { trust, overridden: false } })
      : Effect.fail(ServerTrust.refusal(trust, url.href))
  }
  hooks.networkWait(false)
  const asked = settle(
    Effect.suspend(() => decide(trust)),
    (cause) => delegateFailed("ChallengeResolver", cause, url.href),
    (error) => error
  )
  return Effect.map(whileWhole(asked, attempt, url), ({ overridden }) => {
    hooks.networkWait(true)
    return { attempt, protocol: protocolOf(attempt), described: { trust, overridden } }
  })
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
): Effect.Effect<Connected, ExchangeError> =>
  Effect.gen(function*() {
    const candidates = yield* allowed(yield* resolve(url, options, hooks), url, options, hooks)
    const context = yield* secureContext(url, asker, options)
    const attempt = yield* within(dial(candidates, url, context, options, hooks), options, url.href)
    const remote = attempt.connection.remoteAddress
    // what was judged is what must be connected; `undefined` is a connection that is gone already
    if (remote !== undefined && !sameAddress(remote, attempt.candidate.address)) {
      return yield* addressRefused(url, remote, "it is not the address that was judged")
    }
    const connected = context === undefined
      ? { attempt, protocol: protocolOf(attempt), described: plain }
      : yield* judged(attempt, context, url, asker, options, hooks)
    if (attempt.broken) return yield* Effect.fail(brokenError(attempt, url))
    return connected
  })
