/** The addresses of a host, and which of them may be connected: names, the AddressPolicy, and the time both may take. */
import type { AddressVerdict } from "@urlsession/core/AddressPolicy"
import { ConnectionError, type ExchangeError } from "@urlsession/core/SessionError"
import type { AlpnProtocol, Timers, TransportOptions, WireUrl } from "@urlsession/core/Transport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { isIP } from "node:net"
import type { Connection } from "./connection.ts"
import type { ConnectTimings } from "./connectTimings.ts"
import { type Candidate, type Dial, interleave } from "./dial.ts"
import { connectTimeout, delegateFailed, forUrl, lookupError } from "./errors.ts"
import type { IdentityContexts } from "./identityContexts.ts"
import type { Lookup } from "./names.ts"

export type { Lookup } from "./names.ts"

/** The settings of a connector. */
export interface ConnectorOptions {
  readonly lookup: Lookup
  /** None of the addresses of a name could be connected. */
  readonly forget: (host: string) => void
  readonly localAddress: string | undefined
  /** Paths of sockets by host: what is asked there has no address. */
  readonly unixSockets: ReadonlyMap<string, string>
  readonly connectTimeout: number
  readonly happyEyeballsDelay: number
  readonly timers: Timers
  readonly judgeAddress: TransportOptions["judgeAddress"]
  readonly tlsMinimumVersion: TransportOptions["tlsMinimumVersion"]
  readonly tlsMaximumVersion: TransportOptions["tlsMaximumVersion"]
  readonly identities: IdentityContexts
  readonly proxyOf: TransportOptions["proxyOf"]
  readonly proxyRounds: number
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

/**
 * Ends a decider in an error of the session: its own failure where there is a word for it, else one with the cause. What
 * interrupts only itself has failed too; an interruption from outside never comes here.
 */
export const settle = <A, E>(
  effect: Effect.Effect<A, E>,
  defect: (cause: unknown) => ExchangeError,
  failure: (error: E) => ExchangeError = defect
): Effect.Effect<A, ExchangeError> =>
  Effect.catchAllCause(effect, (cause) => {
    const failed = Cause.failureOption(cause)
    return Effect.fail(failed._tag === "Some" ? failure(failed.value) : defect(Cause.squash(cause)))
  })

/** Fails where this takes too long. */
export const within = <A, E>(
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

/** The addresses of the host of a URL, in the order in which they are tried. */
export const resolve = (
  url: WireUrl,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<ReadonlyArray<Candidate>, ExchangeError> => {
  const path = options.unixSockets.get(url.host)
  if (path !== undefined) return Effect.succeed([{ address: path, family: 4, path }])
  const known = literal(url.host)
  if (known !== undefined) return Effect.succeed(known)
  hooks.timings.domainLookupStart = hooks.now()
  const asked = settle(
    Effect.suspend(() => options.lookup(url.host)),
    (cause) => lookupError(url.host, cause, url.href)
  )
  return Effect.flatMap(within(asked, options, url.href), (answer) => {
    hooks.timings.domainLookupEnd = hooks.now()
    // what is no address would be looked up once more, by somebody else
    const addresses = answer.filter(({ address, family }) => isIP(address) === family)
    return addresses.length > 0
      ? Effect.succeed(interleave(addresses))
      : Effect.fail(lookupError(url.host, undefined, url.href))
  })
}

/** An address of the one family cannot be reached from one of the other. */
const from = (candidate: Candidate, localAddress: string | undefined): boolean =>
  localAddress === undefined || candidate.path !== undefined || isIP(localAddress) === candidate.family

const otherFamily = (url: WireUrl, localAddress: string | undefined): ExchangeError => {
  const detail = `it has no address of the family of localAddress, ${localAddress}`
  return new ConnectionError({
    url: url.href,
    reason: { _tag: "CannotConnectToHost", host: url.host, port: url.port, detail }
  })
}

/** Those of some addresses that the policy allows; fails where it allows none. */
export const allowed = (
  candidates: ReadonlyArray<Candidate>,
  url: WireUrl,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<ReadonlyArray<Candidate>, ExchangeError> => {
  const { judgeAddress: judge, localAddress } = options
  const usable = candidates.filter((one) => from(one, localAddress))
  if (usable.length === 0) return Effect.fail(otherFamily(url, localAddress))
  // a socket that the program has named is no address
  if (judge === undefined || options.unixSockets.has(url.host)) return Effect.succeed(usable)
  return Effect.gen(function*() {
    hooks.networkWait(false)
    const passed: Array<Candidate> = []
    let refused: { readonly address: string; readonly verdict: AddressVerdict } | undefined
    for (const { address, family } of usable) {
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

/** The error of an address that must not be connected. */
export const addressRefused = (url: WireUrl, address: string, rule: string): Effect.Effect<never, ExchangeError> =>
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

/** A proxy resolves the name itself, so that every address that is known of it here must be allowed, and one must be known. */
export const allowedThrough = (
  url: WireUrl,
  options: ConnectorOptions,
  hooks: ConnectHooks
): Effect.Effect<void, ExchangeError> =>
  options.judgeAddress === undefined
    ? Effect.void
    : Effect.flatMap(
      Effect.catchAll(
        resolve(url, options, hooks),
        () => addressRefused(url, url.host, "its name cannot be resolved here, so that it cannot be judged")
      ),
      Effect.forEach((candidate) => allowed([candidate], url, options, hooks), { discard: true })
    )
