/** The connections to one server that are interchangeable: same scheme, host, port, roots, versions, decider and protocols offered. */
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { AlpnProtocol, ConnectionAffinity, Timers, TrustAsker, WireUrl } from "@urlsession/core/Transport"
import type { Exit } from "effect/Exit"
import { ConnectJob } from "./connectJob.ts"
import { ConnectJobs } from "./connectJobs.ts"
import type { Connected } from "./connector.ts"
import type { ConnectTimings } from "./connectTimings.ts"
import type { Engine, Spoken } from "./engine.ts"
import { connectTimeout, forUrl, heldLost, isVerdict } from "./errors.ts"
import type { Exchange } from "./exchange.ts"
import { Held } from "./heldConnection.ts"
import { type Home, Http1Connection } from "./http1Connection.ts"
import { Http2Connection, type Http2Home } from "./http2Connection.ts"
import { Http2Stream } from "./http2Stream.ts"
import { IdleConnections, maybeEnded } from "./idleConnections.ts"
import { Multiplexed } from "./multiplexed.ts"
import { Waiters } from "./waiters.ts"

const onlyHttp1: ReadonlyArray<AlpnProtocol> = ["http/1.1"]

/** See the head of this file. */
export class Pool implements Home, Http2Home {
  readonly engine: Engine
  readonly key: string
  readonly url: WireUrl
  readonly asker: TrustAsker
  readonly offered: ReadonlyArray<AlpnProtocol>
  /** Whose connections these are, where a scheme authenticates them. */
  readonly user: object | undefined
  readonly waiting = new Waiters()
  readonly jobs = new ConnectJobs()
  readonly #idle: IdleConnections
  readonly #multiplexed = new Multiplexed()
  /** What the server speaks; until that is known one connection is made alone, to learn it by. */
  #spoken: Spoken | undefined
  #lent = 0
  #generation = 0
  #filling = false

  constructor(
    engine: Engine,
    key: string,
    url: WireUrl,
    asker: TrustAsker,
    offered: ReadonlyArray<AlpnProtocol>,
    user: object | undefined
  ) {
    this.engine = engine
    this.key = key
    this.url = url
    this.asker = asker
    this.offered = offered
    this.user = user
    this.#idle = new IdleConnections(this.timers, engine.options.idleConnectionTimeout, () => this.#tidy())
    this.#spoken = url.scheme === "https" && offered.includes("h2") ? engine.protocolOf(key) : "http/1.1"
  }

  get timers(): Timers {
    return this.engine.options.timers
  }

  get maximumHeadBytes(): number {
    return this.engine.options.maximumHeadBytes
  }

  get idleConnectionTimeout(): number {
    return this.engine.options.idleConnectionTimeout
  }

  get settingsTimeout(): number {
    return this.engine.connector.connectTimeout
  }

  /** What the next connection offers. */
  get alpnProtocols(): ReadonlyArray<AlpnProtocol> {
    return this.#spoken === "only http/1.1" ? onlyHttp1 : this.offered
  }

  // ---- the exchange's side

  /** A request wants a connection: it gets one now, or waits. */
  enter(exchange: Exchange): void {
    if (this.engine.closing) return exchange.refuse(this.engine.invalidated(exchange))
    const { affinity } = exchange
    if (affinity !== undefined) {
      const connection = affinity.held instanceof Held ? affinity.held.take(this) : undefined
      if (connection !== undefined) return exchange.run(connection, undefined)
      if (affinity.pinned) return exchange.refuse(heldLost(exchange.request.url.href))
    }
    if (this.#multiplexed.size > 0) return this.#join(exchange)
    if (!exchange.control.fresh) {
      const connection = this.#idle.take()
      if (connection !== undefined) {
        if (this.#maybeEnded(connection.idleSince, connection.idleSinceTurn)) return this.#probe(connection, exchange)
        return this.#lend(connection, exchange, undefined)
      }
    }
    this.#wait(exchange)
    this.#fill()
  }

  /** A request that waits goes away. */
  leave(exchange: Exchange): void {
    this.waiting.remove(exchange)
    const job = exchange.job
    if (job !== undefined) {
      job.assign(undefined)
      this.jobs.passOn(job, this.waiting.unserved)
    }
    this.#tidy()
  }

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
    if (next === undefined) return this.#idle.add(connection, this.engine.turn())
    if (!next.control.fresh) return this.#lend(connection, next, undefined)
    connection.destroy()
    this.#fill()
  }

  hold(connection: Http1Connection, affinity: ConnectionAffinity): void {
    if (!connection.clean || connection.generation !== this.#generation || this.engine.closing) {
      this.giveBack(connection, false)
      return affinity.lost()
    }
    connection.detach()
    this.takePlace(connection)
    affinity.kept(new Held(connection, affinity, this))
  }

  giveUpPlace(connection: Http1Connection): void {
    if (!connection.counted) return
    connection.counted = false
    this.#lent--
    this.#fill()
  }

  takePlace(connection: Http1Connection): void {
    if (connection.counted) return
    connection.counted = true
    this.#lent++
  }

  // ---- connections

  gone(connection: Http1Connection): void {
    if (connection.held !== undefined) {
      this.#lent--
      connection.held.ended()
    } else if (!this.#idle.remove(connection)) return
    this.#fill()
    this.#tidy()
  }

  roomMade(): void {
    if (this.waiting.size > 0) this.#fill()
  }

  ready(): void {
    this.#fill()
    this.waiting.networkWait(false)
  }

  retired(connection: Http2Connection): void {
    if (!this.#multiplexed.remove(connection)) return
    this.#fill()
    this.#tidy()
  }

  // nothing says that another connection would fare better
  neverReady(): void {
    this.waiting.missed(connectTimeout(this.settingsTimeout, this.url.href), undefined)
  }

  requiresHttp1(): void {
    this.#learn("only http/1.1")
    this.#multiplexed.retireAll()
  }

  /** A handshake has shown what the server speaks. */
  negotiated(job: ConnectJob, protocol: AlpnProtocol): void {
    if (!this.jobs.has(job) || this.#spoken === protocol || this.#spoken === "only http/1.1") return
    this.#learn(protocol)
    // over HTTP/1.1 each that waits needs a connection of its own
    this.#fill()
  }

  /** The time of who waits for a job is the network's, or no longer. */
  networkWait(job: ConnectJob): void {
    if (this.#shared && this.jobs.has(job)) this.waiting.networkWait(job.waitsForNetwork)
  }

  /** A connection job has come to its end. */
  settled(job: ConnectJob, exit: Exit<Connected, ExchangeError>): void {
    const own = this.jobs.settle(job)
    if (exit._tag === "Success" && this.#wants(exit.value)) {
      this.engine.established(exit.value, this.url)
      if (exit.value.protocol === "h2") this.#multiplex(job, exit.value)
      else this.#single(job, exit.value, own)
    } else {
      job.dial?.cancel()
      if (exit._tag === "Failure" && !job.cancelled) {
        const error = job.errorOf(exit.cause)
        own?.missed(forUrl(error, own.request.url.href), job.timings)
        // A verdict is about the server, so it is the answer for all that wait and have no attempt of their own; and so is
        // any failure of the one attempt that was made for all of them.
        if (this.#shared || isVerdict(error)) this.waiting.missed(error, job.timings)
      }
    }
    this.#fill()
    this.#tidy()
  }

  /** Unused connections are closed, used ones after their exchange. */
  flush(): void {
    this.#generation++
    this.#idle.destroyAll()
    this.#multiplexed.retireAll()
    this.#tidy()
  }

  /** Ends everything that waits or is idle. */
  close(): void {
    this.#idle.stop()
    this.waiting.refuseAll((exchange) => this.engine.invalidated(exchange))
    this.#idle.destroyAll()
    this.#multiplexed.destroyAll()
    this.jobs.cancelAll()
  }

  get #total(): number {
    return this.#lent + this.#idle.size + this.jobs.size
  }

  /** One connection serves all that wait, or may. */
  get #shared(): boolean {
    return this.#spoken === "h2" || this.#spoken === undefined
  }

  #learn(spoken: Spoken): void {
    this.#spoken = spoken
    this.engine.remember(this.key, spoken)
  }

  // an attempt that began before a server asked for HTTP/1.1 may still bring the other
  #wants({ protocol }: Connected): boolean {
    return !this.engine.closing && (protocol !== "h2" || this.#spoken !== "only http/1.1")
  }

  #single(job: ConnectJob, made: Connected, own: Exchange | undefined): void {
    const { attempt } = made
    const connection = new Http1Connection(attempt.connection, this, job.generation, made, attempt.early)
    const next = this.waiting.first()
    if (next === undefined) {
      if (connection.clean && connection.generation === this.#generation) this.#idle.add(connection, this.engine.turn())
      else connection.destroy()
      return
    }
    // who was waiting for this very one goes on with the job of who gets it
    const other = next.job
    if (next !== own && own !== undefined && other !== undefined) other.assign(own)
    this.#lend(connection, next, job.timings)
  }

  #multiplex(job: ConnectJob, connected: Connected): void {
    const { attempt } = connected
    const made = new Http2Connection(attempt.connection, this, this.url.origin, connected, attempt.early)
    this.#multiplexed.add(made)
    this.#learn("h2")
    // what is being made beside it was begun for fear that each would serve one request
    this.jobs.dropAll()
    this.waiting.networkWait(made.awaitsServer)
    const first = this.waiting.first()
    if (first !== undefined && made.hasRoom) this.#begin(made, first, job.timings)
    // those that asked before a flush have got what they asked for
    if (job.generation !== this.#generation) made.retire()
  }

  #lend(connection: Http1Connection, exchange: Exchange, timings: ConnectTimings | undefined): void {
    this.#served(exchange)
    this.#lent++
    exchange.run(connection, timings)
  }

  #begin(connection: Http2Connection, exchange: Exchange, timings: ConnectTimings | undefined): void {
    this.#served(exchange)
    exchange.run(new Http2Stream(connection), timings)
  }

  #served(exchange: Exchange): void {
    this.waiting.remove(exchange)
    // its own attempt goes on for somebody else, or for later
    const job = exchange.job
    if (job !== undefined) job.assign(this.waiting.unserved)
  }

  // An HTTP/2 connection that takes requests is younger than any loss, so it is fresh enough for who asks for that.
  #join(exchange: Exchange): void {
    const connection = this.#multiplexed.roomy()
    if (connection !== undefined && !this.#maybeEnded(connection.idleSince, connection.idleSinceTurn)) {
      return this.#begin(connection, exchange, undefined)
    }
    this.#wait(exchange)
    if (connection === undefined) this.#fill()
    else setImmediate(() => setImmediate(() => this.#fill()))
  }

  #wait(exchange: Exchange): void {
    this.waiting.add(exchange)
    if (this.#shared) exchange.networkWait(this.jobs.waitsForNetwork ?? this.#multiplexed.awaitsServer)
  }

  // gives out what there is, and makes connections while somebody waits and there is room
  #fill(): void {
    if (this.#filling || this.waiting.size === 0 || this.engine.closing) return
    this.#filling = true
    for (let room = this.#multiplexed.roomy(); room !== undefined; room = this.#multiplexed.roomy()) {
      const next = this.waiting.first()
      if (next === undefined) break
      this.#begin(room, next, undefined)
    }
    for (let next = this.waiting.unserved; next !== undefined; next = this.waiting.unserved) {
      const orphan = this.jobs.orphan(this.#generation)
      if (orphan !== undefined) {
        orphan.assign(next)
        continue
      }
      if (this.#isFull) {
        const oldest = next.control.fresh ? this.#idle.takeOldest() : undefined
        if (oldest === undefined) break
        oldest.destroy()
      }
      this.jobs.start(new ConnectJob(this, this.#generation), next)
    }
    this.#filling = false
  }

  // bodies that nobody reads may take all the streams of a connection, and must not hold up the others
  get #isFull(): boolean {
    return this.#shared
      ? this.jobs.size > 0 || this.#multiplexed.serves
      : this.#total >= this.engine.options.maximumConnectionsPerHost
  }

  #maybeEnded(idleSince: number, idleSinceTurn: number): boolean {
    return maybeEnded(this.engine.now() - idleSince, this.engine.turn() - idleSinceTurn)
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
    if (
      this.#lent === 0 && this.#idle.size === 0 && this.jobs.size === 0 && this.waiting.size === 0 &&
      this.#multiplexed.size === 0
    ) {
      this.#idle.stop()
      this.engine.forget(this)
    }
  }
}
