/** The connections to one server that are interchangeable: same scheme, host, port, roots, versions and decider. */
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { Timers, TrustAsker, WireUrl } from "@urlsession/core/Transport"
import type { Exit } from "effect/Exit"
import { ConnectJob } from "./connectJob.ts"
import type { Connected } from "./connector.ts"
import type { ConnectTimings } from "./connectTimings.ts"
import type { Engine } from "./engine.ts"
import { forUrl } from "./errors.ts"
import type { Exchange } from "./exchange.ts"
import { type Home, Http1Connection } from "./http1Connection.ts"
import { WaitQueue } from "./queue.ts"

/** Milliseconds without traffic after which the end of a connection may lie unseen in the kernel. */
const stale = 1000
const stall = 100

/** See the head of this file. */
export class Pool implements Home {
  readonly engine: Engine
  readonly key: string
  readonly url: WireUrl
  readonly asker: TrustAsker
  readonly waiting = new WaitQueue<Exchange>()
  readonly jobs = new Set<ConnectJob>()
  // the last one given back is lent first, so that the others can grow old and go
  readonly #idle: Array<Http1Connection> = []
  #lent = 0
  #generation = 0
  #filling = false
  #sweep: { readonly cancel: () => void } | undefined = undefined

  constructor(engine: Engine, key: string, url: WireUrl, asker: TrustAsker) {
    this.engine = engine
    this.key = key
    this.url = url
    this.asker = asker
  }

  get timers(): Timers {
    return this.engine.options.timers
  }

  get maximumHeadBytes(): number {
    return this.engine.options.maximumHeadBytes
  }

  // ---- the exchange's side

  /** A request wants a connection: it gets one now, or waits. */
  enter(exchange: Exchange): void {
    if (this.engine.closing) return exchange.refuse(this.engine.invalidated(exchange))
    if (!exchange.control.fresh) {
      const connection = this.#takeIdle()
      if (connection !== undefined) {
        if (this.#maybeEnded(connection)) return this.#probe(connection, exchange)
        return this.#lend(connection, exchange, undefined)
      }
    }
    this.waiting.add(exchange)
    this.#fill()
  }

  /** A request that waits goes away. */
  leave(exchange: Exchange): void {
    this.waiting.remove(exchange)
    const job = exchange.job
    if (job !== undefined) {
      job.assign(undefined)
      const next = this.waiting.find(withoutJob)
      // the last to leave ends the job, and the decider it may be waiting for
      if (next === undefined) {
        this.jobs.delete(job)
        job.cancel()
      } else job.assign(next)
    }
    this.#tidy()
  }

  /** The wire is done with a request. */
  giveBack(connection: Http1Connection, reusable: boolean): void {
    connection.detach()
    const counted = connection.counted
    if (counted) this.#lent--
    if (
      !reusable || !connection.clean || connection.generation !== this.#generation || this.engine.closing ||
      (!counted && this.#total >= this.engine.options.maximumConnectionsPerHost)
    ) {
      connection.destroy()
      this.#fill()
      return this.#tidy()
    }
    connection.counted = true
    const next = this.waiting.first()
    if (next === undefined) return this.#rest(connection)
    if (!next.control.fresh) return this.#lend(connection, next, undefined)
    connection.destroy()
    this.#fill()
  }

  /** A body that nobody reads does not hold a place. */
  giveUpPlace(connection: Http1Connection): void {
    if (!connection.counted) return
    connection.counted = false
    this.#lent--
    this.#fill()
  }

  /** Somebody reads it after all. */
  takePlace(connection: Http1Connection): void {
    if (connection.counted) return
    connection.counted = true
    this.#lent++
  }

  // ---- connections

  gone(connection: Http1Connection): void {
    const at = this.#idle.indexOf(connection)
    if (at < 0) return
    this.#idle.splice(at, 1)
    this.#fill()
    this.#tidy()
  }

  /** A connection job has come to its end. */
  settled(job: ConnectJob, exit: Exit<Connected, ExchangeError>): void {
    this.jobs.delete(job)
    const own = job.waiter
    job.assign(undefined)
    if (exit._tag === "Success" && !this.engine.closing) {
      const { attempt, described } = exit.value
      const connection = new Http1Connection(attempt.connection, this, job.generation, described, attempt.early)
      const next = this.waiting.first()
      if (next === undefined) {
        if (connection.clean && connection.generation === this.#generation) this.#rest(connection)
        else connection.destroy()
      } else {
        // who was waiting for this very one goes on with the job of who gets it
        const other = next.job
        if (next !== own && own !== undefined && other !== undefined) other.assign(own)
        this.#lend(connection, next, job.timings)
      }
    } else {
      job.dial?.cancel()
      if (exit._tag === "Failure" && !job.cancelled) {
        const error = job.errorOf(exit.cause)
        own?.missed(forUrl(error, own.request.url.href), job.timings)
        // A verdict is about the server, so it is the answer for all that wait and have no attempt of their own.
        if (isVerdict(error)) this.#missedAll(error, job.timings)
      }
    }
    this.#fill()
    this.#tidy()
  }

  /** Unused connections are closed, used ones after their exchange. */
  flush(): void {
    this.#generation++
    for (const connection of this.#idle.splice(0)) connection.destroy()
    this.#tidy()
  }

  /** Ends everything that waits or is idle. */
  close(): void {
    this.#sweep?.cancel()
    for (let next = this.waiting.first(); next !== undefined; next = this.waiting.first()) {
      this.waiting.remove(next)
      next.refuse(this.engine.invalidated(next))
    }
    for (const connection of this.#idle.splice(0)) connection.destroy()
    for (const job of this.jobs) job.cancel()
  }

  get #total(): number {
    return this.#lent + this.#idle.length + this.jobs.size
  }

  #missedAll(error: ExchangeError, timings: ConnectTimings): void {
    for (let next = this.waiting.find(withoutJob); next !== undefined; next = this.waiting.find(withoutJob)) {
      next.missed(forUrl(error, next.request.url.href), timings)
    }
  }

  #lend(connection: Http1Connection, exchange: Exchange, timings: ConnectTimings | undefined): void {
    this.waiting.remove(exchange)
    // its own attempt goes on for somebody else, or for later
    const job = exchange.job
    if (job !== undefined) job.assign(this.waiting.find(withoutJob))
    this.#lent++
    exchange.run(connection, timings)
  }

  // makes connections while somebody waits and there is room
  #fill(): void {
    if (this.#filling || this.waiting.size === 0) return
    this.#filling = true
    const most = this.engine.options.maximumConnectionsPerHost
    for (let next = this.waiting.find(withoutJob); next !== undefined; next = this.waiting.find(withoutJob)) {
      const orphan = this.#orphan()
      if (orphan !== undefined) {
        orphan.assign(next)
        continue
      }
      if (this.#total >= most) {
        const oldest = next.control.fresh ? this.#idle.shift() : undefined
        if (oldest === undefined) break
        oldest.destroy()
      }
      const job = new ConnectJob(this, this.#generation)
      this.jobs.add(job)
      job.assign(next)
      job.start()
    }
    this.#filling = false
  }

  #orphan(): ConnectJob | undefined {
    for (const job of this.jobs) {
      if (job.waiter === undefined && !job.cancelled && job.generation === this.#generation) return job
    }
    return undefined
  }

  #takeIdle(): Http1Connection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (!connection.dead && this.engine.now() < connection.idleUntil) return connection
      connection.destroy()
    }
    return undefined
  }

  #rest(connection: Http1Connection): void {
    const timeout = connection.parser.keepAliveTimeout
    const idle = this.engine.options.idleConnectionTimeout
    // a second before the server closes it, so as not to meet the end half-way
    const most = timeout === undefined ? idle : Math.min(idle, timeout * 1000 - 1000)
    if (most <= 0) {
      connection.destroy()
      return
    }
    const now = this.engine.now()
    connection.idleSince = now
    connection.idleUntil = now + most
    connection.idleSinceTurn = this.engine.turn()
    connection.connection.unref()
    this.#idle.push(connection)
    this.#sweep ??= this.timers.afterWeak(most, () => this.#sweepIdle())
  }

  #sweepIdle(): void {
    this.#sweep = undefined
    const now = this.engine.now()
    let next = Infinity
    for (const connection of [...this.#idle]) {
      if (connection.idleUntil <= now) {
        this.#idle.splice(this.#idle.indexOf(connection), 1)
        connection.destroy()
      } else if (connection.idleUntil < next) next = connection.idleUntil
    }
    if (next < Infinity) this.#sweep = this.timers.afterWeak(next - now, () => this.#sweepIdle())
    this.#tidy()
  }

  // An end that has reached the kernel is seen by the next turns of the loop, and never by a write.
  #maybeEnded(connection: Http1Connection): boolean {
    return this.engine.now() - connection.idleSince > stale || this.engine.turn() - connection.idleSinceTurn > stall
  }

  #probe(connection: Http1Connection, exchange: Exchange): void {
    this.#lent++
    setImmediate(() => {
      setImmediate(() => {
        this.#lent--
        if (connection.dead || this.engine.closing) {
          connection.destroy()
          if (exchange.isWaiting) this.enter(exchange)
          else this.#fill()
        } else if (exchange.isWaiting) this.#lend(connection, exchange, undefined)
        else {
          this.#lent++
          this.giveBack(connection, true)
        }
      })
    })
  }

  #tidy(): void {
    if (this.#lent === 0 && this.#idle.length === 0 && this.jobs.size === 0 && this.waiting.size === 0) {
      this.#sweep?.cancel()
      this.#sweep = undefined
      this.engine.forget(this)
    }
  }
}

const withoutJob = (exchange: Exchange): boolean => exchange.job === undefined

const isVerdict = (error: ExchangeError): boolean =>
  error._tag === "AuthenticationError" || error._tag === "DelegateFailed" ||
  (error._tag === "TlsError" && "trust" in error.reason)
