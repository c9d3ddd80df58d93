/** One HTTP/1.1 connection for all its life: the codec on a byte connection, lent to one exchange after the other. */
import {
  type HeaderFields,
  type ParseFault,
  type ParserEvents,
  type ResponseHead,
  ResponseParser,
  reusable
} from "@urlsession/core/Http1"
import type { ConnectionInfo, TimerHandle, Timers } from "@urlsession/core/Transport"
import { latin1 } from "./buffers.ts"
import type { Connection, ConnectionListener } from "./connection.ts"

/** The exchange that a connection serves. None of these may throw. */
export interface Served {
  /** Before bytes are parsed. */
  onReadBegin(): void
  onInformational(head: ResponseHead): void
  onHead(head: ResponseHead): void
  onBody(borrowed: Uint8Array): void
  onComplete(trailers: HeaderFields): void
  onFault(fault: ParseFault): void
  /** After bytes have been parsed: what was found takes effect. */
  onReadEnd(): void
  /** Nobody holds up the bytes that may come. */
  readonly awaitsBytes: boolean
  /** The connection broke. */
  onLost(error: Error | undefined): void
}

/** Where a connection belongs. */
export interface Home {
  readonly maximumHeadBytes: number
  readonly timers: Timers
  /** The connection can serve no more, and is neither lent nor idle. */
  gone(connection: Http1Connection): void
}

/** Milliseconds of silence after a failed write that are taken as the end of the answer. */
const answerTime = 250

let connections = 0

/** See the head of this file. */
export class Http1Connection implements ConnectionListener, ParserEvents {
  readonly connection: Connection
  readonly info: ConnectionInfo
  readonly parser: ResponseParser
  /** Requests it has been lent for. */
  served = 0
  /** Whether it counts towards the limit of its host. */
  counted = true
  /** Belongs to the time before a `flush`. */
  generation: number
  /** In milliseconds of the session's clock: since when it is idle, and until when it may be lent. */
  idleSince = 0
  idleUntil = Infinity
  /** Of the process's own clock, for the race with an end that lies in the kernel unseen. */
  idleSinceTurn = 0
  #home: Home
  #exchange: Served | undefined = undefined
  #early: Uint8Array | undefined
  #dead = false
  #writeFailed = false
  #answerTimer: TimerHandle | undefined = undefined

  constructor(
    connection: Connection,
    home: Home,
    generation: number,
    described: Pick<ConnectionInfo, "trust" | "overridden">,
    early: Uint8Array | undefined
  ) {
    this.connection = connection
    this.#home = home
    this.generation = generation
    this.#early = early
    this.parser = new ResponseParser(this, { limits: { maxHeadBytes: home.maximumHeadBytes }, latin1 })
    this.info = {
      id: ++connections,
      protocol: "http/1.1",
      remoteAddress: connection.remoteAddress,
      remotePort: connection.remotePort,
      localAddress: connection.localAddress,
      localPort: connection.localPort,
      trust: described.trust,
      overridden: described.overridden
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

  /** The bytes that came between the handshake and the verdict, once: they may be the answer to what is sent now. */
  takeEarly(): Uint8Array | undefined {
    const early = this.#early
    this.#early = undefined
    return early
  }

  attach(exchange: Served): void {
    this.#exchange = exchange
    if (this.served++ > 0) this.connection.ref()
  }

  detach(): void {
    this.#exchange = undefined
  }

  /** Whether another request may follow on this one, whose response has come whole. */
  reusableAfter(response: ResponseHead, upload: { readonly done: boolean } | undefined): boolean {
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
    exchange.onLost(error)
  }

  onClose(): void {
    const exchange = this.#exchange
    if (exchange === undefined) return this.#perish()
    exchange.onLost(undefined)
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

  /** A write has failed; what is still read may be the answer. */
  get writeFailed(): boolean {
    return this.#writeFailed
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
    this.#exchange?.onBody(bytes)
  }
  onComplete(trailers: HeaderFields): void {
    this.#exchange?.onComplete(trailers)
  }
  onFault(fault: ParseFault): void {
    this.#exchange?.onFault(fault)
  }
}
