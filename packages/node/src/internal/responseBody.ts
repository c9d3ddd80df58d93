/** The reader's side of a response body: what was read ahead, who reads, and in which order everything reaches them. */
import { HeaderFields } from "@urlsession/core/Http1"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { BodySink, WireBody } from "@urlsession/core/Transport"
import { copyOf } from "./buffers.ts"
import { ReadAhead, readAheadLimit } from "./readAhead.ts"

const OPEN = 0
const ENDED = 1
const FAILED = 2

/** See the head of this file. The wire's side is the class that extends it: one object, since there is one per request. */
export abstract class ResponseBody implements WireBody {
  length: number | undefined = undefined
  delimited = true
  trailers: HeaderFields = HeaderFields.empty
  /** Somebody reads, or has taken it. */
  protected begun = false
  #paused = false
  #state = OPEN
  #error: ExchangeError | undefined = undefined
  // a whole body that came in one piece, which most do, needs no more than a copy
  #whole: Uint8Array | undefined = undefined
  #ahead: ReadAhead | undefined = undefined
  #sink: BodySink | undefined = undefined
  #pumping = false

  /** The reader has come. */
  protected abstract onBegin(): void
  /** Bytes are wanted, or not for now. */
  protected abstract onFlow(wanted: boolean): void
  abstract cancel(): void

  /** The reader holds it up. */
  protected get heldUp(): boolean {
    return this.#paused
  }

  take(): Uint8Array | undefined {
    if (this.#state !== ENDED || this.begun) return undefined
    this.begun = true
    const whole = this.#whole ?? this.#ahead?.join() ?? new Uint8Array(0)
    this.drop()
    return whole
  }

  start(sink: BodySink): void {
    if (this.begun) return
    this.begun = true
    this.#sink = sink
    this.onBegin()
    this.#pump()
    if (this.#state === OPEN && !this.#paused) this.onFlow(true)
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    if (this.#state === OPEN) this.onFlow(false)
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#pump()
    if (this.#state === OPEN && !this.#paused) this.onFlow(true)
  }

  /** The reader would rather own its bytes. */
  protected get keeps(): boolean {
    return this.#sink?.keeps === true
  }

  /** Takes bytes off the wire, lent unless `given`. `true`: enough was read for nobody. */
  protected receive(borrowed: Uint8Array, given?: boolean): boolean {
    const sink = this.#sink
    if (sink !== undefined && this.#ahead === undefined && this.#whole === undefined) {
      sink.onBytes(borrowed, given)
      return false
    }
    if (this.#ahead === undefined) {
      const { length } = this
      if (borrowed.length === length) {
        this.#whole = copyOf(borrowed)
        return length >= readAheadLimit
      }
      this.#ahead = new ReadAhead(length !== undefined && length <= readAheadLimit ? length : undefined)
    }
    this.#ahead.add(borrowed)
    return this.#ahead.size >= readAheadLimit && !this.begun
  }

  /** The last byte has been received. */
  protected ended(trailers: HeaderFields): void {
    this.trailers = trailers
    this.#state = ENDED
    if (this.begun) this.#pump()
  }

  /** No more bytes will be received. */
  protected failed(error: ExchangeError): void {
    this.#error = error
    this.#state = FAILED
    if (this.begun) this.#pump()
  }

  /** Forgets what nobody has read. */
  protected drop(): void {
    this.#whole = undefined
    this.#ahead = undefined
  }

  /** Nobody hears anything any more. */
  protected silence(): void {
    this.#sink = undefined
    this.drop()
  }

  // hands on what was read ahead, then the end
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    const whole = this.#whole
    if (whole !== undefined && !this.#paused) {
      this.#whole = undefined
      this.#sink?.onBytes(whole)
    }
    while (!this.#paused && this.#ahead !== undefined) {
      const bytes = this.#ahead.shift()
      if (bytes === undefined) this.#ahead = undefined
      else this.#sink?.onBytes(bytes)
    }
    this.#pumping = false
    const sink = this.#sink
    if (sink === undefined || this.#state === OPEN || this.#whole !== undefined || this.#ahead !== undefined) return
    this.#sink = undefined
    if (this.#error === undefined) sink.onEnd(this.trailers)
    else sink.onError(this.#error)
  }
}
