/** One request and its response on a lent connection: one object that is queued, written, parsed into, read and closed. */
import { encodeHead, HeaderFields, type ParseFault, type ResponseHead, reusable } from "@urlsession/core/Http1"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type {
  BodySink,
  Closeable,
  ExchangeControl,
  TimerHandle,
  TransactionRecord,
  WireBody,
  WireRequest,
  WireResponse
} from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import { copyOf } from "./buffers.ts"
import type { ConnectJob } from "./connectJob.ts"
import type { ConnectTimings } from "./connector.ts"
import type { Engine } from "./engine.ts"
import { faultError, lostError, requestError, zeroByteError } from "./errors.ts"
import type { Http1Connection, Served } from "./http1Connection.ts"
import type { Pool } from "./pool.ts"
import type { Lane, Waiting } from "./queue.ts"
import { ReadAhead } from "./readAhead.ts"
import { Upload } from "./upload.ts"

/** Bytes of body that are read without anybody asking, and that are drained for the sake of a connection. */
const readAheadLimit = 64 * 1024
/** Milliseconds that the rest of an unwanted body may take to arrive. */
const drainTime = 50
/** Milliseconds of silence after a failed write that are taken as the end of the answer. */
const answerTime = 250
/** Bodies up to this size go out together with their head. */
const smallBody = 64 * 1024
/** Of the codec. */
const maximumFields = 1000

const WAITING = 0
const HEAD = 1
const BODY = 2
/** Nobody wants the rest, which is read for the sake of the connection. */
const DRAINING = 3
/** The wire is done. */
const DONE = 4
const FAILED = 5
const CLOSED = 6

type Resume = (effect: Effect.Effect<WireResponse, ExchangeError>) => void

/** See the head of this file. */
export class Exchange implements Served, WireBody, Closeable, Waiting<Exchange> {
  // what a parser must know of the request
  readonly method: string
  readonly expectContinue = false
  readonly upgrade = false
  // the queue's
  readonly priority: number
  lane: Lane<Exchange> | undefined = undefined
  before: Exchange | undefined = undefined
  behind: Exchange | undefined = undefined
  job: ConnectJob | undefined = undefined

  readonly request: WireRequest
  readonly control: ExchangeControl
  // a session goes on to its next attempt while this one is drained: it must not write into that one's record
  readonly #transaction: TransactionRecord
  readonly #engine: Engine
  readonly #resume: Resume
  #pool: Pool | undefined = undefined
  #phase = WAITING
  #head = ""
  #connection: Http1Connection | undefined = undefined
  #upload: Upload | undefined = undefined
  #waitsForNetwork = false
  #reused = false

  // found while bytes are parsed, put into effect after
  #response: WireResponse | undefined = undefined
  #responseHead: ResponseHead | undefined = undefined
  #fault: ExchangeError | undefined = undefined
  #complete = false
  #readTime = -1

  // the body
  length: number | undefined = undefined
  delimited = true
  trailers: HeaderFields = HeaderFields.empty
  #whole: Uint8Array | undefined = undefined
  #ahead: ReadAhead | undefined = undefined
  #sink: BodySink | undefined = undefined
  #started = false
  #paused = false
  #pumping = false
  #full = false
  #error: ExchangeError | undefined = undefined
  #timer: TimerHandle | undefined = undefined

  constructor(engine: Engine, request: WireRequest, control: ExchangeControl, resume: Resume) {
    this.#engine = engine
    this.request = request
    this.control = control
    this.#transaction = control.transaction
    this.#resume = resume
    this.method = request.method
    this.priority = control.priority
  }

  get isWaiting(): boolean {
    return this.#phase === WAITING
  }

  begin(): void {
    const control = this.control
    if (!control.park(this.#resume)) return
    const request = this.request
    const body = request.body
    const head = encodeHead({
      method: request.method,
      target: request.url.target,
      host: request.url.authority,
      fields: request.fields,
      bodyLength: body === undefined ? undefined : body.bytes.length,
      keepAlive: true,
      expectContinue: false
    })
    if (typeof head !== "string") {
      this.#phase = FAILED
      control.unpark()
      return this.#resume(Effect.fail(requestError(head, request.method, request.url.href)))
    }
    this.#head = head
    control.register(this)
    // what is over already has closed this in the meantime
    if (this.#phase !== WAITING) return
    this.#pool = this.#engine.poolFor(request.url, control.trust)
    this.#pool.enter(this)
  }

  // ---- the pool's side

  /** The idle timer runs only while this is told that it does. */
  networkWait(waiting: boolean): void {
    if (this.#waitsForNetwork === waiting) return
    this.#waitsForNetwork = waiting
    this.control.networkWait(waiting)
  }

  /** No connection could be made. */
  missed(error: ExchangeError, timings: ConnectTimings): void {
    this.#record(timings)
    this.refuse(error)
  }

  /** It will get no connection. */
  refuse(error: ExchangeError): void {
    if (this.#phase !== WAITING) return
    this.#pool?.waiting.remove(this)
    this.#fail(error)
  }

  #record(timings: ConnectTimings): void {
    const transaction = this.#transaction
    transaction.domainLookupStart = timings.domainLookupStart
    transaction.domainLookupEnd = timings.domainLookupEnd
    transaction.connectStart = timings.connectStart
    transaction.secureConnectionStart = timings.secureConnectionStart
    transaction.secureConnectionEnd = timings.secureConnectionEnd
    transaction.connectEnd = timings.connectEnd
  }

  /** Sends the request; `timings` of the connection if it was made for this. */
  run(connection: Http1Connection, timings: ConnectTimings | undefined): void {
    const control = this.control
    const transaction = this.#transaction
    this.#phase = HEAD
    this.#connection = connection
    this.#reused = connection.served > 0
    connection.attach(this)
    if (timings !== undefined) this.#record(timings)
    transaction.connection = connection.info
    transaction.reused = this.#reused
    transaction.requestHeaderBytes = this.#head.length
    const now = control.now()
    transaction.requestStart = now
    this.networkWait(true)
    connection.parser.begin(this)
    const body = this.request.body
    if (body === undefined || body.bytes.length === 0) {
      connection.connection.writeText(this.#head)
      transaction.requestEnd = now
    } else if (body.bytes.length <= smallBody) {
      connection.connection.writeBoth(this.#head, body.bytes)
      transaction.requestBodyBytes = body.bytes.length
      transaction.requestEnd = now
    } else {
      connection.connection.writeText(this.#head)
      this.#upload = new Upload(connection.connection, body.bytes, this)
      this.#upload.next()
    }
    const early = connection.takeEarly()
    if (early !== undefined) queueMicrotask(() => this.#early(connection, early))
  }

  // what the server said before the verdict is looked at now that it was asked
  #early(connection: Http1Connection, early: Uint8Array): void {
    if (this.#connection === connection) connection.onBytes(early, early.length)
  }

  /** So many bytes of the body have gone out. */
  sent(bytes: number): void {
    const transaction = this.#transaction
    transaction.requestBodyBytes = bytes
    if (this.#phase > BODY) return
    this.control.touch()
    if (bytes === this.request.body?.bytes.length) transaction.requestEnd = this.control.now()
  }

  // ---- the connection's side

  onReadBegin(): void {
    if (this.#phase > BODY) return
    this.control.touch()
    if (this.#transaction.responseStart === undefined) {
      this.#readTime = this.control.now()
      this.#transaction.responseStart = this.#readTime
    } else this.#readTime = -1
  }

  onInformational(head: ResponseHead): void {
    if (this.#phase === HEAD) this.control.informational(head.status, head.fields)
  }

  onHead(head: ResponseHead): void {
    if (this.#phase !== HEAD) return
    this.#phase = BODY
    this.#responseHead = head
    const framing = head.framing
    if (framing._tag === "Length") this.length = framing.length
    else if (framing._tag === "Close") this.delimited = false
    this.#transaction.responseHeaderBytes = head.headBytes
    this.#response = {
      status: head.status,
      reason: head.reason,
      fields: head.fields,
      body: this,
      url: this.request.url,
      connection: this.#connection?.info
    }
    // a refusal: the rest of the request is of no use any more
    if (this.#upload !== undefined && head.status >= 300) this.#upload.stop()
  }

  onBody(borrowed: Uint8Array): void {
    if (this.#phase !== BODY) return
    const sink = this.#sink
    if (sink !== undefined && this.#ahead === undefined) return sink.onBytes(borrowed)
    if (this.#ahead === undefined) {
      if (borrowed.length === this.length) {
        this.#whole = copyOf(borrowed)
        return
      }
      const length = this.length
      this.#ahead = new ReadAhead(length !== undefined && length <= readAheadLimit ? length : undefined)
    }
    this.#ahead.add(borrowed)
    if (this.#ahead.size >= readAheadLimit && !this.#started) this.#full = true
  }

  onComplete(trailers: HeaderFields): void {
    this.trailers = trailers
    this.#complete = true
  }

  onFault(fault: ParseFault): void {
    const url = this.request.url.href
    const limits = { maximumHeadBytes: this.#engine.options.maximumHeadBytes, maximumFields }
    this.#fault = faultError(fault, limits, url)
    if (this.#fault !== undefined) return
    this.#fault = fault.expected !== undefined && fault.expected > 0 && fault.bytesReceived === 0 && this.#phase === BODY
      ? zeroByteError(fault.expected, url)
      : this.#lost(this.#connection?.writeFailed === true ? "Reset" : "Closed", undefined)
  }

  onReadEnd(): void {
    if (this.#complete) return this.#finish()
    const fault = this.#fault
    if (this.#phase === DRAINING) {
      if (fault !== undefined) this.#release(false)
      return
    }
    if (this.#response !== undefined) this.#deliver()
    if (fault !== undefined) return this.#break(fault)
    if (this.#full && this.#phase === BODY && !this.#started) this.#hold()
  }

  onLost(error: Error | undefined): void {
    if (this.#phase === DRAINING) return this.#release(false)
    if (this.#phase === HEAD || this.#phase === BODY) {
      this.#break(this.#lost(error === undefined ? "Closed" : "Reset", error))
    }
  }

  onWriteFailed(): void {
    this.#upload?.stop()
    this.#awaitAnswer(-1)
  }

  // an answer may lie in the kernel: read until nothing comes any more
  #awaitAnswer(received: number): void {
    const connection = this.#connection
    if (connection === undefined) return
    const now = connection.parser.bodyBytes
    if (received === now && this.#waitsForNetwork) return connection.onEnd()
    this.#timer?.cancel()
    this.#timer = this.#engine.options.timers.after(answerTime, () => this.#awaitAnswer(now))
  }

  #lost(why: "Reset" | "Closed" | "Abandoned", cause: unknown): ExchangeError {
    const parser = this.#connection?.parser
    return lostError(
      {
        bytesReceived: parser?.bodyBytes ?? 0,
        bytesExpected: this.length,
        why,
        requestSent: true,
        reused: this.#reused && parser?.started === false
      },
      cause,
      this.request.url.href
    )
  }

  // ---- the ends

  #deliver(): void {
    const response = this.#response
    if (response === undefined) return
    this.#response = undefined
    this.control.unpark()
    this.#resume(Effect.succeed(response))
  }

  // the wire is done
  #finish(): void {
    const draining = this.#phase === DRAINING
    const connection = this.#connection
    const head = this.#responseHead
    if (connection === undefined || head === undefined) return
    const control = this.control
    const now = this.#readTime >= 0 ? this.#readTime : control.now()
    const { parser } = connection
    this.#transaction.responseEnd = now
    this.#transaction.responseBodyBytes = parser.bodyBytes
    const free = reusable({
      parserComplete: true,
      framing: head.framing,
      requestWritten: this.#upload === undefined ? connection.connection.unwritten === 0 : this.#upload.done,
      surplus: parser.surplus,
      requestKeepAlive: true,
      responseKeepAlive: parser.keepAlive,
      upgraded: false,
      interrupted: false
    })
    this.#phase = draining ? CLOSED : DONE
    this.#release(free)
    if (draining) return
    control.unregister(this)
    this.#waitsForNetwork = false
    control.arrived()
    this.#deliver()
    if (this.#started) this.#pump()
  }

  // gives the connection back, or closes it
  #release(free: boolean): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#upload?.stop()
    const connection = this.#connection
    if (connection === undefined) return
    this.#connection = undefined
    if (this.#started) connection.connection.large(false)
    this.#pool?.giveBack(connection, free)
  }

  // the connection ended too early, or said something wrong
  #break(error: ExchangeError): void {
    this.#transaction.responseBodyBytes = this.#connection?.parser.bodyBytes ?? 0
    this.#release(false)
    this.#fail(error)
  }

  #fail(error: ExchangeError): void {
    const delivered = this.#phase === BODY && this.#response === undefined
    this.#phase = FAILED
    this.#response = undefined
    this.#error = error
    this.networkWait(false)
    this.control.unregister(this)
    if (delivered) {
      if (this.#started) this.#pump()
      return
    }
    this.control.unpark()
    this.#resume(Effect.fail(error))
  }

  // ---- the body

  take(): Uint8Array | undefined {
    if (this.#phase !== DONE || this.#started) return undefined
    this.#started = true
    const whole = this.#whole ?? this.#ahead?.join() ?? new Uint8Array(0)
    this.#whole = undefined
    this.#ahead = undefined
    return whole
  }

  start(sink: BodySink): void {
    if (this.#started) return
    this.#started = true
    this.#sink = sink
    const connection = this.#connection
    if (connection !== undefined && this.#phase === BODY) {
      if (!connection.writeFailed) {
        this.#timer?.cancel()
        this.#timer = undefined
      }
      this.#pool?.takePlace(connection)
      const left = connection.parser.remaining()
      if (left === undefined || left > readAheadLimit) connection.connection.large(true)
    }
    this.#pump()
    if (this.#phase === BODY && !this.#paused) this.#flow(true)
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    if (this.#phase === BODY) this.#flow(false)
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#pump()
    if (this.#phase === BODY && !this.#paused) this.#flow(true)
  }

  cancel(): void {
    this.control.unregister(this)
    this.close()
  }

  close(): void {
    this.#sink = undefined
    this.#whole = undefined
    this.#ahead = undefined
    const phase = this.#phase
    switch (phase) {
      case WAITING:
        this.#phase = CLOSED
        return this.#pool?.leave(this)
      case HEAD:
        this.#phase = CLOSED
        return this.#release(false)
      case BODY:
        return this.#drain()
      default:
        return
    }
  }

  #flow(on: boolean): void {
    const connection = this.#connection?.connection
    if (on) connection?.resume()
    else connection?.pause()
    this.networkWait(on)
  }

  // Up to 64 KiB have been read for nobody. The turn that is under way may still bring a reader; then the place is given up.
  #hold(): void {
    this.#full = false
    this.#flow(false)
    setImmediate(() => this.#giveUpPlace())
  }

  #giveUpPlace(): void {
    const connection = this.#connection
    if (connection === undefined || this.#started || this.#phase !== BODY) return
    this.#pool?.giveUpPlace(connection)
    this.#timer?.cancel()
    this.#timer = this.#engine.options.timers.afterWeak(
      this.#engine.options.abandonedBodyTimeout,
      () => this.#abandon()
    )
  }

  #abandon(): void {
    if (this.#phase !== BODY || this.#started) return
    this.#ahead = undefined
    this.#break(this.#lost("Abandoned", undefined))
  }

  #drain(): void {
    const connection = this.#connection
    const left = connection?.parser.remaining()
    this.#phase = DRAINING
    this.networkWait(false)
    const worth = connection !== undefined && left !== undefined && left <= readAheadLimit && connection.parser.keepAlive &&
      this.#upload?.done !== false && connection.clean && !this.#engine.closing
    if (!worth) {
      this.#phase = CLOSED
      return this.#release(false)
    }
    this.#timer?.cancel()
    this.#timer = this.#engine.options.timers.after(drainTime, () => {
      this.#phase = CLOSED
      this.#release(false)
    })
    connection.connection.resume()
  }

  // hands on what was read ahead, then the end
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    const sink = this.#sink
    const whole = this.#whole
    if (whole !== undefined && !this.#paused) {
      this.#whole = undefined
      sink?.onBytes(whole)
    }
    while (!this.#paused && this.#ahead !== undefined) {
      const bytes = this.#ahead.shift()
      if (bytes === undefined) this.#ahead = undefined
      else sink?.onBytes(bytes)
    }
    this.#pumping = false
    if (this.#whole !== undefined || this.#ahead !== undefined || this.#sink === undefined) return
    const error = this.#error
    if (this.#phase === DONE) {
      this.#sink = undefined
      sink?.onEnd(this.trailers)
    } else if (this.#phase === FAILED && error !== undefined) {
      this.#sink = undefined
      sink?.onError(error)
    }
  }
}
