/** What a session gives its transport, made small: an exchange's control that records, real or manual timers, options. */
import type { HeaderFields } from "@urlsession/core/HeaderFields"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type {
  BodySink,
  Closeable,
  ExchangeControl,
  TimerHandle,
  Timers,
  TransactionRecord,
  TransportOptions,
  TrustAsker,
  WireBody,
  WireRequest,
  WireResponse
} from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"

/** The platform's roots and RFC 9525, as without any delegate. */
export const systemTrust: TrustAsker = { roots: { _tag: "System" }, decide: undefined }

/** Trusts these roots (PEM) beside the platform's. */
export const trusting = (...pem: ReadonlyArray<string>): TrustAsker => ({
  roots: { _tag: "Additional", pem },
  decide: undefined
})

/** A control that remembers what it was told. */
export class FakeControl implements ExchangeControl {
  readonly transaction: TransactionRecord = {
    domainLookupStart: undefined,
    domainLookupEnd: undefined,
    connectStart: undefined,
    secureConnectionStart: undefined,
    secureConnectionEnd: undefined,
    connectEnd: undefined,
    requestStart: undefined,
    requestEnd: undefined,
    responseStart: undefined,
    responseEnd: undefined,
    reused: false,
    proxied: false,
    connection: undefined,
    requestHeaderBytes: 0,
    requestBodyBytes: 0,
    responseHeaderBytes: 0,
    responseBodyBytes: 0
  }
  readonly trust: TrustAsker
  readonly priority: number
  readonly fresh: boolean
  readonly expectContinue = false
  readonly waits: Array<boolean> = []
  readonly informed: Array<{ readonly status: number; readonly fields: HeaderFields }> = []
  readonly closeables = new Set<Closeable>()
  arrivals = 0
  touches = 0
  /** Called when something of the above changes. */
  changed: (() => void) | undefined = undefined
  private parked: ((effect: Effect.Effect<never, ExchangeError>) => void) | undefined = undefined
  private ended: ExchangeError | undefined = undefined

  constructor(options: { readonly trust?: TrustAsker; readonly priority?: number; readonly fresh?: boolean } = {}) {
    this.trust = options.trust ?? systemTrust
    this.priority = options.priority ?? 0.5
    this.fresh = options.fresh ?? false
  }

  park(resume: (effect: Effect.Effect<never, ExchangeError>) => void): boolean {
    if (this.ended !== undefined) {
      resume(Effect.fail(this.ended))
      return false
    }
    this.parked = resume
    return true
  }
  unpark(): void {
    this.parked = undefined
  }
  register(closeable: Closeable): void {
    this.closeables.add(closeable)
  }
  unregister(closeable: Closeable): void {
    this.closeables.delete(closeable)
  }
  networkWait(waiting: boolean): void {
    this.waits.push(waiting)
    this.changed?.()
  }
  /** Whether the idle timer would run. */
  get waiting(): boolean {
    return this.waits[this.waits.length - 1] ?? false
  }
  touch(): void {
    this.touches++
    this.changed?.()
  }
  now(): number {
    return Date.now()
  }
  arrived(): void {
    this.arrivals++
    this.waits.push(false)
    this.changed?.()
  }
  readonly bodyBytes: Array<number> = []
  bodySent(total: number): void {
    this.bodyBytes.push(total)
  }
  informational(status: number, fields: HeaderFields): void {
    this.informed.push({ status, fields })
  }

  /** Ends the exchange as a session does: closes what is registered, then whoever waits hears why. */
  abort(error: ExchangeError): void {
    this.ended = error
    const resume = this.parked
    this.parked = undefined
    this.closeAll()
    resume?.(Effect.fail(error))
  }
  /** What the session's finalizer does. */
  closeAll(): void {
    for (const closeable of [...this.closeables]) closeable.close()
    this.closeables.clear()
  }
}

/** Timers on the process's own clock. */
export const realTimers: Timers = {
  now: () => Date.now(),
  after: (milliseconds, fire) => {
    const timer = setTimeout(fire, milliseconds)
    return { cancel: () => clearTimeout(timer) }
  },
  afterWeak: (milliseconds, fire) => {
    const timer = setTimeout(fire, milliseconds)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  }
}

/** Timers on a clock that stands still until `adjust`. */
export class ManualTimers implements Timers {
  private time = 1_000_000
  private entries: Array<{ readonly at: number; readonly fire: () => void }> = []

  readonly now = (): number => this.time
  readonly after = (milliseconds: number, fire: () => void): TimerHandle => {
    const entry = { at: this.time + milliseconds, fire }
    this.entries.push(entry)
    return {
      cancel: () => {
        this.entries = this.entries.filter((one) => one !== entry)
      }
    }
  }
  readonly afterWeak = this.after

  /** The timers that would fire some time. */
  get size(): number {
    return this.entries.length
  }

  adjust(milliseconds: number): void {
    const until = this.time + milliseconds
    for (;;) {
      const next = this.entries.filter((one) => one.at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.entries = this.entries.filter((one) => one !== next)
      this.time = Math.max(this.time, next.at)
      next.fire()
    }
    this.time = until
  }
}

/** A session's options, with small changes. */
export const transportOptions = (changes: Partial<TransportOptions> = {}): TransportOptions => ({
  maximumConnectionsPerHost: 6,
  timers: realTimers,
  judgeAddress: undefined,
  tlsMinimumVersion: "TLSv1.2",
  tlsMaximumVersion: "TLSv1.3",
  alpnProtocols: ["h2", "http/1.1"],
  idleConnectionTimeout: 60_000,
  abandonedBodyTimeout: 60_000,
  maximumHeadBytes: 65_536,
  ...changes
})

/** A request as the pipeline hands it down. */
export const wireRequest = (
  url: string,
  options: {
    readonly method?: string
    readonly fields?: Readonly<Record<string, string>>
    readonly body?: Uint8Array | string
  } = {}
): WireRequest => {
  const parsed = new URL(url)
  const scheme = parsed.protocol.slice(0, -1)
  return {
    method: options.method ?? "GET",
    url: {
      href: parsed.href,
      scheme,
      host: parsed.hostname.replace(/^\[|\]$/g, ""),
      port: parsed.port === "" ? (scheme === "https" ? 443 : 80) : Number(parsed.port),
      authority: parsed.host,
      target: parsed.pathname + parsed.search,
      origin: parsed.origin
    },
    fields: Object.entries(options.fields ?? {}).map(([name, value]) => ({ name, value, bound: false })),
    body: options.body === undefined ? undefined : {
      _tag: "Bytes",
      bytes: typeof options.body === "string" ? new TextEncoder().encode(options.body) : options.body
    }
  }
}

/** A sink that collects copies. */
export class CollectingSink implements BodySink {
  readonly pieces: Array<Uint8Array> = []
  size = 0
  ended: HeaderFields | undefined = undefined
  error: ExchangeError | undefined = undefined
  calls = 0
  done: (() => void) | undefined = undefined
  received: ((size: number) => void) | undefined = undefined

  onBytes(borrowed: Uint8Array): void {
    this.pieces.push(Uint8Array.from(borrowed))
    this.size += borrowed.length
    this.received?.(this.size)
  }
  onEnd(trailers: HeaderFields): void {
    this.calls++
    this.ended = trailers
    this.done?.()
  }
  onError(error: ExchangeError): void {
    this.calls++
    this.error = error
    this.done?.()
  }
  get bytes(): Uint8Array {
    return Buffer.concat(this.pieces)
  }
}

/** The whole body: what is there already, or by way of a sink. */
export const readBody = (body: WireBody): Effect.Effect<Uint8Array, ExchangeError> =>
  Effect.async((resume) => {
    const whole = body.take()
    if (whole !== undefined) return resume(Effect.succeed(whole))
    const sink = new CollectingSink()
    sink.done = () => resume(sink.error === undefined ? Effect.succeed(sink.bytes) : Effect.fail(sink.error))
    body.start(sink)
  })

/** The body as text. */
export const readText = (response: WireResponse): Effect.Effect<string, ExchangeError> =>
  Effect.map(readBody(response.body), (bytes) => new TextDecoder().decode(bytes))

/** Waits for a condition that some event changes; looks at it once a turn of the loop. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.async((resume) => {
    const look = (): void => {
      if (condition()) resume(Effect.void)
      else handle = setImmediate(look)
    }
    let handle = setImmediate(look)
    return Effect.sync(() => clearImmediate(handle))
  })

/** Some turns of the loop: whatever was on its way has come. */
export const turns = (count = 5): Effect.Effect<void> =>
  Effect.async((resume) => {
    const step = (left: number): void => {
      if (left === 0) resume(Effect.void)
      else setImmediate(() => step(left - 1))
    }
    step(count)
  })
