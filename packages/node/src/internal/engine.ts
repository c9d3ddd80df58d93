/** The engine of one session: its pools, its sockets, and what ends them all. */
import { originOf } from "@urlsession/core/Proxy"
import { type ExchangeError, SessionInvalidated } from "@urlsession/core/SessionError"
import type {
  AlpnProtocol,
  ExchangeControl,
  OpenResources,
  SessionTransport,
  TransportOptions,
  TrustAsker,
  WireRequest,
  WireResponse,
  WireUrl
} from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type { Connection } from "./connection.ts"
import type { Connected, ConnectorOptions, Lookup } from "./connector.ts"
import { Exchange } from "./exchange.ts"
import { IdentityContexts } from "./identityContexts.ts"
import { NameCache, type NameCacheSettings } from "./names.ts"
import { Pool } from "./pool.ts"
import { contextKey } from "./secureContext.ts"

/** What the platform's layer was configured with. */
export interface EngineSettings {
  readonly lookup: Lookup
  readonly connectTimeout: number
  readonly happyEyeballsDelay: number
  readonly names: NameCacheSettings
  readonly unixSockets: ReadonlyMap<string, string>
}

/** What is known of servers that have not been heard of for a while is learned again. */
const remembered = 1000

const onlyHttp1: ReadonlyArray<AlpnProtocol> = ["http/1.1"]

/** Numbers for values, by which they stand in a key. */
class Numbers {
  readonly #numbers = new WeakMap<object, number>()
  #count = 0

  of(value: object): number {
    const known = this.#numbers.get(value)
    if (known !== undefined) return known
    this.#numbers.set(value, ++this.#count)
    return this.#count
  }
}

/** What a server speaks; the last one has said that it wants nothing else. */
export type Spoken = AlpnProtocol | "only http/1.1"

/** See the head of this file. */
export class Engine implements SessionTransport {
  readonly options: TransportOptions
  readonly connector: ConnectorOptions
  readonly now: () => number
  closing = false
  readonly #runtime: Runtime.Runtime<never>
  readonly #pools = new Map<string, Pool>()
  readonly #connections = new Set<Connection>()
  readonly #fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  readonly #identities = new IdentityContexts()
  readonly #names: NameCache
  readonly #askers = new Numbers()
  readonly #users = new Numbers()
  // outlives the pools, so that a server is asked once
  readonly #protocols = new Map<string, Spoken>()
  #lastPool: Pool | undefined = undefined
  #whenClosed: (() => void) | undefined = undefined

  constructor(options: TransportOptions, settings: EngineSettings, runtime: Runtime.Runtime<never>) {
    this.options = options
    this.now = options.timers.now
    this.#runtime = runtime
    const names = this.#names = new NameCache(
      options.resolve ?? settings.lookup,
      settings.names,
      options.timers,
      (effect) => this.fork(effect)
    )
    this.connector = {
      connectTimeout: settings.connectTimeout,
      happyEyeballsDelay: settings.happyEyeballsDelay,
      unixSockets: settings.unixSockets,
      localAddress: options.localAddress,
      lookup: names.resolve,
      forget: (host) => names.forget(host),
      timers: options.timers,
      judgeAddress: options.judgeAddress,
      tlsMinimumVersion: options.tlsMinimumVersion,
      tlsMaximumVersion: options.tlsMaximumVersion,
      identities: this.#identities,
      proxyOf: options.proxyOf,
      proxyRounds: options.proxyRounds ?? 1,
      opened: (connection) => this.#connections.add(connection),
      closed: (connection) => {
        this.#connections.delete(connection)
        if (this.#connections.size === 0) this.#whenClosed?.()
      }
    }
  }

  // one argument, and no canceller: the session's own finalizer closes what was registered
  readonly exchange = (request: WireRequest, control: ExchangeControl): Effect.Effect<WireResponse, ExchangeError> =>
    Effect.async<WireResponse, ExchangeError>((resume) => {
      new Exchange(this, request, control, resume).begin()
    })

  // after the poll phase: every read of this turn has been delivered
  readonly soon = (f: () => void): void => {
    setImmediate(f)
  }

  readonly flush = (): void => {
    this.#identities.clear()
    this.#names.clear()
    for (const pool of [...this.#pools.values()]) pool.flush()
  }

  readonly open = (): OpenResources => {
    let connecting = 0
    let queued = 0
    for (const pool of this.#pools.values()) {
      connecting += pool.jobs.size
      queued += pool.waiting.size
    }
    return { sockets: this.#connections.size, connecting, queued }
  }

  readonly openSockets = (): number => this.#connections.size

  /** Ends everything; done when the last socket has closed and the last fiber has ended. */
  get shutdown(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closing = true
      this.#identities.clear()
      for (const pool of [...this.#pools.values()]) pool.close()
      for (const connection of this.#connections) connection.destroy()
      return Effect.zipRight(
        Effect.forEach([...this.#fibers], Fiber.await, { discard: true }),
        Effect.async<void>((resume) => {
          this.#pools.clear()
          this.#lastPool = undefined
          if (this.#connections.size === 0) resume(Effect.void)
          else this.#whenClosed = () => resume(Effect.void)
        })
      )
    })
  }

  // ---- for pools and exchanges

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    // the runtime may have been taken where interruption is off, as finalizers are acquired
    const fiber = Runtime.runFork(this.#runtime, Effect.interruptible(effect))
    this.#fibers.add(fiber)
    fiber.addObserver(() => this.#fibers.delete(fiber))
    return fiber
  }

  /** Milliseconds of the process's own clock: the kernel does not know the session's. */
  turn(): number {
    return performance.now()
  }

  invalidated(exchange: Exchange): ExchangeError {
    return new SessionInvalidated({
      url: exchange.request.url.href,
      reason: { _tag: "Invalidated", description: undefined }
    })
  }

  /** Whether a request is given to a proxy as a whole, rather than to what it connects to (RFC 9112 3.2.2). */
  forwards(url: WireUrl): boolean {
    if (url.scheme !== "http") return false
    const proxy = this.connector.proxyOf?.(url)
    return proxy !== undefined && proxy.scheme !== "socks5"
  }

  poolFor(url: WireUrl, { affinity, alpnProtocols, trust: asker }: ExchangeControl): Pool {
    const last = this.#lastPool
    const user = affinity?.user
    // a connection of HTTP/2 is everybody's
    const offered = user === undefined ? alpnProtocols ?? this.options.alpnProtocols : onlyHttp1
    if (
      last !== undefined && last.asker === asker && last.url.host === url.host && last.url.port === url.port &&
      last.url.scheme === url.scheme && last.offered === offered && last.user === user
    ) return last
    const key = this.#keyOf(url, asker, offered) + (user === undefined ? "" : ` of ${this.#users.of(user)}`)
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = new Pool(this, key, url, asker, offered, user)
      this.#pools.set(key, pool)
    }
    // a pool of another decider or offer of plain http is the same pool, but must not be found by comparing them
    return this.#lastPool = pool
  }

  forget(pool: Pool): void {
    if (this.#pools.get(pool.key) === pool) this.#pools.delete(pool.key)
    if (this.#lastPool === pool) this.#lastPool = undefined
  }

  /** A connection is ready for its first request. */
  established({ attempt, protocol }: Connected, { host, port, scheme }: WireUrl): void {
    const { connectionEnded } = this.options
    if (connectionEnded === undefined) return
    const since = this.now()
    attempt.connection.onGone = () => connectionEnded({ scheme, host, port, protocol, duration: this.now() - since })
  }

  /** What the server of a pool speaks, where that is known. */
  protocolOf(pool: string): Spoken | undefined {
    return this.#protocols.get(pool)
  }

  remember(pool: string, protocol: Spoken): void {
    if (this.#protocols.get(pool) === protocol) return
    this.#protocols.set(pool, protocol)
    if (this.#protocols.size <= remembered) return
    for (const oldest of this.#protocols.keys()) {
      this.#protocols.delete(oldest)
      break
    }
  }

  #keyOf(url: WireUrl, asker: TrustAsker, offered: ReadonlyArray<AlpnProtocol>): string {
    const origin = `${url.scheme}://${url.host}:${url.port}`
    const proxy = this.connector.proxyOf?.(url)
    const through = proxy === undefined ? origin : `${origin} by ${originOf(proxy)}`
    if (url.scheme !== "https") return proxy === undefined ? origin : `${through} ${this.#askerNumber(asker)}`
    const { tlsMaximumVersion, tlsMinimumVersion } = this.options
    const context = contextKey(asker.rootsFor?.(url.host) ?? asker.roots, tlsMinimumVersion, tlsMaximumVersion)
    return `${through} ${context} ${this.#askerNumber(asker)} ${offered.join()}`
  }

  // without a decider there is nobody to tell apart
  #askerNumber(asker: TrustAsker): number {
    if (asker.decide === undefined && asker.identity === undefined && asker.proxy === undefined) return 0
    return this.#askers.of(asker)
  }
}
