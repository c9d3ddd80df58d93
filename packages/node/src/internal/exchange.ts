/** One request and its response on a lent connection: one object that is queued, written, parsed into, read and closed. */
import type { HeaderFields, ParseFault } from "@urlsession/core/Http1"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type {
  Closeable,
  ConnectionAffinity,
  ExchangeControl,
  TimerHandle,
  TransactionRecord,
  WireRequest,
  WireResponse
} from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import type { ConnectJob } from "./connectJob.ts"
import { type ConnectTimings, recordTimings } from "./connectTimings.ts"
import type { Engine } from "./engine.ts"
import { faultError } from "./errors.ts"
import { ended, lossError } from "./loss.ts"
import type { Pool } from "./pool.ts"
import type { Lane, Waiting } from "./queue.ts"
import { readAheadLimit } from "./readAhead.ts"
import { ResponseBody } from "./responseBody.ts"
import { requestHead, smallBody, Upload, type UploadListener } from "./upload.ts"
import type { Head, Loss, Served, Wire } from "./wire.ts"

/** Milliseconds that the rest of an unwanted body may take to arrive. */
const drainTime = 50

// while draining nobody wants the rest, which is read for the sake of the connection
const [WAITING, HEAD, BODY, DRAINING, DONE, FAILED, CLOSED] = [0, 1, 2, 3, 4, 5, 6] as const

type Resume = (effect: Effect.Effect<WireResponse, ExchangeError>) => void

/** See the head of this file. */
export class Exchange extends ResponseBody implements Served, Closeable, UploadListener, Waiting<Exchange> {
  // what a parser must know of the request
  readonly method: string
  readonly expectContinue: boolean
  readonly upgrade = false
  // the queue's
  priority: number
  order = 0
  lane: Lane<Exchange> | undefined = undefined
  before: Exchange | undefined = undefined
  behind: Exchange | undefined = undefined
  job: ConnectJob | undefined = undefined

  readonly request: WireRequest
  readonly affinity: ConnectionAffinity | undefined
  readonly control: ExchangeControl
  // a session goes on to its next attempt while this one is drained: it must not write into that one's record
  readonly #transaction: TransactionRecord
  readonly #engine: Engine
  readonly #resume: Resume
  #pool: Pool | undefined = undefined
  #phase: number = WAITING
  #head = ""
  #wire: Wire | undefined = undefined
  #upload: Upload | undefined = undefined
  #waitsForNetwork = false
  #reused = false

  // found while bytes are parsed, put into effect after
  #response: WireResponse | undefined = undefined
  #responseHead: Head | undefined = undefined
  #fault: ExchangeError | undefined = undefined
  #complete = false
  #readTime = -1

  #full = false
  #timer: TimerHandle | undefined = undefined

  constructor(engine: Engine, request: WireRequest, control: ExchangeControl, resume: Resume) {
    super()
    this.#engine = engine
    this.request = request
    this.control = control
    this.affinity = control.affinity
    this.#transaction = control.transaction
    this.#resume = resume
    this.method = request.method
    this.expectContinue = control.expectContinue && request.body !== undefined
    this.priority = control.priority
  }

  get isWaiting(): boolean {
    return this.#phase === WAITING
  }

  begin(): void {
    const control = this.control
    if (!control.park(this.#resume)) return
    const proxy = this.#engine.forwards(this.request.url) ? { authorization: control.proxyAuthorization } : undefined
    const head = requestHead(this.request, this.expectContinue, proxy)
    if (typeof head !== "string") {
      this.#phase = FAILED
      control.unpark()
      return this.#resume(Effect.fail(head))
    }
    this.#head = head
    control.register(this)
    // what is over already has closed this in the meantime
    if (this.#phase !== WAITING) return
    this.#pool = this.#engine.poolFor(this.request.url, control)
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
  missed(error: ExchangeError, timings: ConnectTimings | undefined): void {
    if (timings !== undefined) recordTimings(this.#transaction, timings)
    this.refuse(error)
  }

  /** It will get no connection. */
  refuse(error: ExchangeError): void {
    if (this.#phase !== WAITING) return
    this.#pool?.waiting.remove(this)
    this.#fail(error)
  }

  /** Sends the request; `timings` of the connection if it was made for this. */
  run(wire: Wire, timings: ConnectTimings | undefined): void {
    const control = this.control
    const transaction = this.#transaction
    this.#phase = HEAD
    this.#wire = wire
    this.#reused = wire.reused
    wire.attach(this)
    if (timings !== undefined) recordTimings(this.#transaction, timings)
    transaction.connection = wire.info
    transaction.reused = this.#reused
    const now = control.now()
    transaction.requestStart = now
    this.networkWait(true)
    this.#send(wire)
  }

  #send(wire: Wire): void {
    const { body } = this.request
    const small = body?._tag === "Bytes" && body.bytes.length <= smallBody && !this.expectContinue
      ? body.bytes
      : undefined
    this.#transaction.requestHeaderBytes = wire.send(this.request, this.#head, small)
    // it is sent once, and would be kept for as long as the answer is waited for
    this.#head = ""
    if (body === undefined) return this.uploaded()
    if (small !== undefined) {
      this.#tellSent(small.length)
      return this.uploaded()
    }
    const upload = this.#upload = new Upload(body, wire.target(body), this)
    if (this.expectContinue) upload.hold(this.#engine.options.timers)
    else upload.begin()
  }

  // ---- the upload's side

  sent(total: number): void {
    if (this.#phase > BODY) return
    this.control.touch()
    this.#tellSent(total)
  }

  uploaded(): void {
    this.#transaction.requestEnd = this.control.now()
  }

  starved(waiting: boolean): void {
    if (this.#phase === HEAD) this.networkWait(!waiting)
  }

  unsendable(error: ExchangeError): void {
    if (this.#phase === DRAINING) return this.#release(false)
    if (this.#phase === HEAD || this.#phase === BODY) this.#break(error)
  }

  #tellSent(total: number): void {
    this.#transaction.requestBodyBytes = total
    this.control.bodySent(total)
  }

  // ---- the wire's side

  onReadBegin(): void {
    if (this.#phase > BODY) return
    this.control.touch()
    if (this.#transaction.responseStart === undefined) {
      this.#readTime = this.control.now()
      this.#transaction.responseStart = this.#readTime
    } else this.#readTime = -1
  }

  onInformational(head: Head): void {
    if (this.#phase !== HEAD) return
    if (head.status === 100) this.#upload?.proceed()
    this.control.informational(head.status, head.fields)
  }

  onHead(head: Head): void {
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
      connection: this.#wire?.info
    }
    // a refusal, or an answer that did not need the body: the rest of the request is of no use any more
    if (this.#upload !== undefined && (head.status >= 300 || this.#upload.held)) this.#upload.stop()
  }

  onBody(bytes: Uint8Array, given: boolean): void {
    if (this.#phase === BODY && this.receive(bytes, given)) this.#full = true
  }

  onComplete(trailers: HeaderFields): void {
    this.trailers = trailers
    this.#complete = true
  }

  onFault(fault: ParseFault): void {
    this.#fault = faultError(fault, this.#engine.options.maximumHeadBytes, this.request.url.href) ??
      this.#lost({ ...ended, why: this.#wire?.endsAs ?? "Closed" })
  }

  onReadEnd(): void {
    if (this.#complete) return this.#finish()
    const fault = this.#fault
    if (this.#phase === DRAINING) {
      if (fault !== undefined) this.#release(false)
      return
    }
    if (this.#response !== undefined) {
      this.#deliver()
      // The turns that are under way may bring a reader; if they do not, a body that may be large gives up its place.
      if (fault === undefined && (this.length === undefined || this.length > readAheadLimit)) {
        setImmediate(() => setImmediate(() => this.#giveUpPlace()))
      }
    }
    if (fault !== undefined) return this.#break(fault)
    // enough was read for nobody
    if (this.#full && !this.begun) this.onFlow(false)
    this.#full = false
  }

  onLost(loss: Loss): void {
    if (this.#phase === DRAINING) return this.#release(false)
    if (this.#phase === HEAD || this.#phase === BODY) this.#break(this.#lost(loss))
  }

  get awaitsBytes(): boolean {
    return this.#waitsForNetwork
  }

  #lost(loss: Loss): ExchangeError {
    return lossError(loss, this.#wire, this.#reused, this.length, this.request.url.href)
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
    const wire = this.#wire
    const head = this.#responseHead
    if (wire === undefined || head === undefined) return
    const control = this.control
    const now = this.#readTime >= 0 ? this.#readTime : control.now()
    this.#transaction.responseEnd = now
    this.#transaction.responseBodyBytes = wire.bodyBytes
    // squid refuses a request before it has read all of its body, and then never finds the next one behind it (seen with 5.7)
    const lostBehind = head.status === 407 && this.#upload !== undefined && this.affinity === undefined
    const free = !lostBehind && wire.reusableAfter(head, this.#upload)
    this.#phase = draining ? CLOSED : DONE
    this.#release(free)
    if (draining) return
    control.unregister(this)
    this.#waitsForNetwork = false
    control.arrived()
    this.#deliver()
    this.ended(this.trailers)
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  // gives the wire back, or closes it
  #release(free: boolean): void {
    this.#stopTimer()
    this.#upload?.stop()
    const wire = this.#wire
    this.#wire = undefined
    wire?.release(free, this.affinity)
  }

  // the response ended too early, or said something wrong
  #break(error: ExchangeError): void {
    this.#transaction.responseBodyBytes = this.#wire?.bodyBytes ?? 0
    this.#release(false)
    this.#fail(error)
  }

  #fail(error: ExchangeError): void {
    const delivered = this.#phase === BODY && this.#response === undefined
    this.#phase = FAILED
    this.#response = undefined
    this.networkWait(false)
    this.control.unregister(this)
    if (delivered) return this.failed(error)
    this.control.unpark()
    this.#resume(Effect.fail(error))
  }

  // ---- the body

  protected override onBegin(): void {
    if (this.#phase !== BODY) return
    this.#stopTimer()
    this.#wire?.beginReading(this.keeps)
  }

  protected override onFlow(wanted: boolean): void {
    const wire = this.#wire
    if (wire === undefined || this.#phase !== BODY) return
    if (wanted) wire.resume()
    else wire.pause()
    this.networkWait(wanted)
  }

  reprioritize(priority: number): void {
    if (this.#phase === WAITING && this.lane !== undefined) this.#pool?.waiting.move(this, priority)
    else this.priority = priority
  }

  cancel(): void {
    this.control.unregister(this)
    this.close()
  }

  close(): void {
    this.silence()
    switch (this.#phase) {
      case WAITING:
        this.#phase = CLOSED
        return this.#pool?.leave(this)
      case HEAD:
        this.#phase = CLOSED
        return this.#release(false)
      case BODY:
        return this.#drain()
    }
  }

  #giveUpPlace(): void {
    const wire = this.#wire
    if (wire === undefined || this.begun || this.#phase !== BODY) return
    wire.giveUpPlace()
    this.networkWait(false)
    const { abandonedBodyTimeout, timers } = this.#engine.options
    this.#timer = timers.after(abandonedBodyTimeout, () => this.#abandon())
  }

  #abandon(): void {
    if (this.#phase !== BODY || this.begun) return
    this.drop()
    this.#break(this.#lost({ ...ended, why: "Abandoned" }))
    // nothing of it is on the wire any more, so the session need not watch over it
    this.control.arrived()
  }

  #drain(): void {
    const wire = this.#wire
    this.#phase = DRAINING
    this.networkWait(false)
    const worth = wire !== undefined && wire.worthDraining && this.#upload?.done !== false && !this.#engine.closing
    if (!worth) {
      this.#phase = CLOSED
      return this.#release(false)
    }
    this.#stopTimer()
    this.#timer = this.#engine.options.timers.after(drainTime, () => {
      this.#phase = CLOSED
      this.#release(false)
    })
    wire.resume()
  }
}
