/** One HTTP/1.1 connection for all its life: the codec on a byte connection, lent to one exchange after the other. */
import {
  type HeaderFields,
  type ParseFault,
  type ParserEvents,
  type ResponseHead,
  ResponseParser,
  reusable
} from "@urlsession/core/Http1"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type {
  ConnectionAffinity,
  ConnectionInfo,
  TimerHandle,
  Timers,
  WireRequest,
  WireRequestBody
} from "@urlsession/core/Transport"
import { latin1 } from "./buffers.ts"
import type { Connection, ConnectionListener } from "./connection.ts"
import type { Connected } from "./connector.ts"
import type { Held } from "./heldConnection.ts"
import { readAheadLimit } from "./readAhead.ts"
import { type BodyTarget, Http1Target } from "./upload.ts"
import type { Head, Loss, Served, Wire } from "./wire.ts"

/** Where a connection belongs. */
export interface Home {
  readonly maximumHeadBytes: number
  readonly timers: Timers
  /** The wire is done with a request. */
  giveBack(connection: Http1Connection, reusable: boolean): void
  /** The same, and the next message of an exchange needs it. */
  hold(connection: Http1Connection, affinity: ConnectionAffinity): void
  /** A body that nobody reads does not hold a place. */
  giveUpPlace(connection: Http1Connection): void
  /** Somebody reads it after all. */
  takePlace(connection: Http1Connection): void
  /** The connection can serve no more, and is neither lent nor idle. */
  gone(connection: Http1Connection): void
}

/** Milliseconds of silence after a failed write that are taken as the end of the answer. */
const answerTime = 250

let connections = 0

/** A number for a new connection. */
export const nextConnection = (): number => ++connections

const lossBy = (error: Error | undefined): Loss => ({
  why: error === undefined ? "Closed" : "Reset",
  cause: error,
  withConnection: true,
  unprocessed: false,
  requestSent: true
})

/** See the head of this file. */
export class Http1Connection implements ConnectionListener, ParserEvents, Wire {
  readonly connection: Connection
  readonly info: ConnectionInfo
  readonly parser: ResponseParser
  /** Whether it counts towards the limit of its host. */
  counted = true
  /** Belongs to the time before a `flush`. */
  generation: number
  /** In milliseconds of the session's clock: since when it is idle, and until when it may be lent. */
  idleSince = 0
  idleUntil = Infinity
  /** Kept between two messages. */
  held: Held | undefined = undefined
  /** Of the process's own clock, for the race with an end that lies in the kernel unseen. */
  idleSinceTurn = 0
  readonly #home: Home
  readonly #client: Connected["client"]
  #exchange: Served | undefined = undefined
  #served = 0
  #early: Uint8Array | undefined
  #dead = false
  #writeFailed = false
  #answerTimer: TimerHandle | undefined = undefined

  constructor(
    connection: Connection,
    home: Home,
    generation: number,
    { client, described }: Pick<Connected, "client" | "described">,
    early: Uint8Array | undefined
  ) {
    this.connection = connection
    this.#home = home
    this.generation = generation
    this.#early = early
    this.#client = client
    this.parser = new ResponseParser(this, { limits: { maxHeadBytes: home.maximumHeadBytes }, latin1 })
    this.info = {
      id: nextConnection(),
      protocol: "http/1.1",
      remoteAddress: connection.remoteAddress,
      remotePort: connection.remotePort,
      localAddress: connection.localAddress,
      localPort: connection.localPort,
      trust: described.trust,
      overridden: described.overridden,
      proxy: described.proxy
    }
    connection.listener = this
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Nothing was received that nobody asked for, and nothing has failed. */
  get clean(): boolean {
    return !this.#dead && !this.#writeFailed && this.#early === undefined
  }

  // ---- the exchange's side

  get reused(): boolean {
    return this.#served > 0
  }

  get started(): boolean {
    return this.parser.started
  }

  get bodyBytes(): number {
    return this.parser.bodyBytes
  }

  get endsAs(): "Reset" | "Closed" {
    return this.#writeFailed ? "Reset" : "Closed"
  }

  refusal(cause: unknown, url: string): ExchangeError | undefined {
    return this.#served > 1 || this.parser.started ? undefined : this.#client?.lossOf(cause, url)
  }

  attach(exchange: Served): void {
    this.#exchange = exchange
    if (this.#served++ > 0) this.connection.ref()
  }

  detach(): void {
    this.#exchange = undefined
  }

  send(_request: WireRequest, head: string, small: Uint8Array | undefined): number {
    const exchange = this.#exchange
    if (exchange === undefined) return 0
    this.parser.begin(exchange)
    if (small === undefined) this.connection.writeText(head)
    else this.connection.writeBoth(head, small)
    // what the server said before the verdict is looked at now that it was asked
    const early = this.#early
    if (early !== undefined) {
      this.#early = undefined
      queueMicrotask(() => this.#exchange === exchange && this.onBytes(early, early.length))
    }
    return head.length
  }

  target(body: WireRequestBody): BodyTarget {
    return new Http1Target(this.connection, body)
  }

  pause(): void {
    this.connection.pause()
  }

  resume(): void {
    this.connection.resume()
  }

  beginReading(keeps: boolean): void {
    this.#home.takePlace(this)
    const left = this.parser.remaining()
    if (left === undefined || left > readAheadLimit) this.connection.readInto(keeps ? "fresh" : "own")
  }

  giveUpPlace(): void {
    this.#home.giveUpPlace(this)
  }

  get worthDraining(): boolean {
    const left = this.parser.remaining()
    return left !== undefined && left <= readAheadLimit && this.clean && this.parser.keepAlive
  }

  reusableAfter(response: Head, upload: { readonly done: boolean } | undefined): boolean {
    return reusable({
      parserComplete: true,
      framing: response.framing,
      requestWritten: upload === undefined ? this.connection.unwritten === 0 : upload.done,
      surplus: this.parser.surplus,
      requestKeepAlive: true,
      responseKeepAlive: this.parser.keepAlive,
      upgraded: false,
      interrupted: false
    })
  }

  release(reusable: boolean, affinity: ConnectionAffinity | undefined): void {
    this.connection.readInto("shared")
    if (affinity?.holding === true && reusable) return this.#home.hold(this, affinity)
    this.#home.giveBack(this, reusable)
    affinity?.lost()
  }

  /** Ends it without a word to its exchange. Idempotent. */
  destroy(): void {
    this.#exchange = undefined
    if (this.#dead) return
    this.#dead = true
    this.#answerTimer?.cancel()
    this.parser.abort()
    this.connection.destroy()
  }

  // ---- the byte connection

  onConnect(): void {}
  onSecure(): void {}

  onBytes(buffer: Uint8Array, length: number): void {
    const exchange = this.#exchange
    if (exchange === undefined) return this.#perish()
    exchange.onReadBegin()
    this.parser.execute(buffer, 0, length)
    exchange.onReadEnd()
  }

  onEnd(): void {
    const exchange = this.#exchange
    if (exchange === undefined) return this.#perish()
    this.parser.eof()
    exchange.onReadEnd()
  }

  onError(error: Error): void {
    const exchange = this.#exchange
    if (exchange === undefined) return this.#perish()
    exchange.onLost(lossBy(error))
  }

  onClose(): void {
    const exchange = this.#exchange
    if (exchange === undefined) return this.#perish()
    exchange.onLost(lossBy(undefined))
  }

  readsOnAfterWriteError(): boolean {
    if (this.#exchange === undefined) return false
    this.#writeFailed = true
    this.#awaitAnswer(-1)
    return true
  }

  // an answer may lie in the kernel: read until nothing comes any more
  #awaitAnswer(received: number): void {
    const exchange = this.#exchange
    if (exchange === undefined || this.#dead) return
    const now = this.parser.bodyBytes
    if (received === now && exchange.awaitsBytes) return this.onEnd()
    this.#answerTimer = this.#home.timers.after(answerTime, () => this.#awaitAnswer(now))
  }

  // a byte, an end or an error while nothing is asked: it must never serve again
  #perish(): void {
    if (this.#dead) return
    this.destroy()
    this.#home.gone(this)
  }

  // ---- the codec

  onInformational(head: ResponseHead): void {
    this.#exchange?.onInformational(head)
  }
  onHead(head: ResponseHead): void {
    this.#exchange?.onHead(head)
  }
  onBody(bytes: Uint8Array): void {
    this.#exchange?.onBody(bytes, this.connection.gives)
  }
  onComplete(trailers: HeaderFields): void {
    this.#exchange?.onComplete(trailers)
  }
  onFault(fault: ParseFault): void {
    this.#exchange?.onFault(fault)
  }
}
