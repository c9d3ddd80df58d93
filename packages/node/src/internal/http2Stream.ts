/** One stream of HTTP/2 as the wire of one exchange: its request goes out, its response comes in, and its end is found. */
import { allowedInTrailers, defaultLimits, HeaderFields, type ParseFault } from "@urlsession/core/Http1"
import type { ExchangeError, InvalidRequest } from "@urlsession/core/SessionError"
import type { ConnectionAffinity, ConnectionInfo, WireRequest } from "@urlsession/core/Transport"
import { type ClientHttp2Stream, constants } from "node:http2"
import { Readable } from "node:stream"
import { requestError } from "./errors.ts"
import type { Http2Connection } from "./http2Connection.ts"
import {
  blockBytes,
  malformed,
  repeatedField,
  requestFields,
  responseHead,
  statusOf,
  tooLarge,
  tooManyInformational,
  unexpectedUpgrade
} from "./http2Message.ts"
import { ReadAhead } from "./readAhead.ts"
import type { BodyTarget } from "./upload.ts"
import type { Head, Loss, Served, Wire } from "./wire.ts"

const gone = new Error("the stream has ended")

// node:http2 ends a body before it resets its stream, and a server could take the beginning for the whole
const cancel = (stream: ClientHttp2Stream): void => {
  stream._final = (done) => done()
  stream.close(constants.NGHTTP2_CANCEL)
}

/** See the head of this file. */
export class Http2Stream implements Wire, BodyTarget {
  readonly reused: boolean
  readonly endsAs = "Closed"
  // a rest costs less to refuse than to receive: the connection does not depend on it
  readonly worthDraining = false
  bodyBytes = 0
  started = false
  /** The server has said that it will not process it. */
  unprocessed = false
  /** What has come is not told yet. */
  pending = false
  /** Nobody reads its body, and it holds no place. */
  parked = false
  readonly #connection: Http2Connection
  #stream: ClientHttp2Stream | undefined = undefined
  #exchange: Served | undefined = undefined
  #length: number | undefined = undefined
  #answered = false
  #informational = 0
  #informationalBytes = 0
  #trailers = HeaderFields.empty
  /** The server has ended its side as it should. */
  #ended = false
  #told = false
  /** What comes is not looked at any more. */
  #broken = false
  #loss: Loss | undefined = undefined
  #refusal: InvalidRequest | undefined = undefined
  #error: Error | undefined = undefined
  #paused = false
  // what came while the reader was busy
  #held: ReadAhead | undefined = undefined
  #handingOn = false

  constructor(connection: Http2Connection) {
    this.#connection = connection
    this.reused = connection.served > 0
  }

  get info(): ConnectionInfo {
    return this.#connection.info
  }

  get id(): number | undefined {
    return this.#stream?.id
  }

  // ---- the exchange's side

  refusal(cause: unknown, url: string): ExchangeError | undefined {
    return this.#connection.refusal(cause, url)
  }

  attach(exchange: Served): void {
    this.#exchange = exchange
    this.#connection.entered(this)
  }

  send(request: WireRequest, _head: string, small: Uint8Array | undefined): number {
    const exchange = this.#exchange
    if (exchange === undefined) return 0
    let stream: ClientHttp2Stream
    try {
      stream = this.#connection.session.request(requestFields(request, exchange.expectContinue), {
        endStream: request.body === undefined
      })
    } catch (cause) {
      this.#unsent(request, cause)
      return 0
    }
    this.#stream = stream
    this.#listen(stream)
    if (small !== undefined) stream.end(small)
    return 0
  }

  target(): BodyTarget {
    return this
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    const stream = this.#stream
    if (stream === undefined || stream.closed || stream.destroyed) done(gone)
    else stream.write(bytes, done)
  }

  end(): void {
    this.#stream?.end()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#handOn()
    // the window opens again with the first read
    if (!this.#paused && this.#stream?.destroyed === false) this.#stream._read(0)
  }

  beginReading(): void {
    if (!this.parked) return
    this.parked = false
    this.#connection.unparked()
  }

  giveUpPlace(): void {
    if (this.parked) return
    this.parked = true
    this.#connection.parkedOne()
  }

  reusableAfter(_response: Head, upload: { readonly done: boolean } | undefined): boolean {
    return upload === undefined || upload.done
  }

  release(_reusable: boolean, affinity: ConnectionAffinity | undefined): void {
    affinity?.lost()
    this.#exchange = undefined
    this.#held = undefined
    this.beginReading()
    const stream = this.#stream
    if (stream === undefined) return
    // of a request that the server has answered without reading all of it, the rest is not sent (RFC 9113 8.1)
    if (!this.#ended || !stream.writableFinished) cancel(stream)
  }

  // ---- the connection's side

  /** Tells what has come since the last time. */
  tell(): void {
    this.pending = false
    const exchange = this.#exchange
    if (exchange === undefined) return
    if (this.#ended && this.#held === undefined && !this.#told && !this.#broken) {
      this.#told = true
      if (!this.#answered) this.#fault(malformed("the stream ended without a response", 0))
      else if (this.#length === undefined || this.bodyBytes === this.#length) exchange.onComplete(this.#trailers)
      else this.#loss = this.#connection.lossOf(this, 0)
    }
    exchange.onReadEnd()
    if (this.#loss !== undefined) this.#exchange?.onLost(this.#loss)
    if (this.#refusal !== undefined) this.#exchange?.unsendable(this.#refusal)
  }

  #comes(): void {
    if (this.pending) return
    this.pending = true
    this.#exchange?.onReadBegin()
    this.#connection.comes(this)
  }

  // ---- the stream's side

  #listen(stream: ClientHttp2Stream): void {
    stream.on("response", this.#onResponse)
    stream.on("headers", this.#onHeaders)
    stream.on("trailers", this.#onTrailers)
    stream.on("error", this.#onError)
    stream.on("close", this.#onClose)
    // Every byte passes here, and the end with it: where a stream is cut by RST_STREAM with NO_ERROR, node:http2 emits the
    // same events as for one that is whole, and only here the stream is closed already when its end comes.
    stream.push = (chunk: unknown): boolean => {
      if (chunk instanceof Uint8Array) return this.#onData(chunk)
      if (!stream.closed && !stream.destroyed) this.#onEnd()
      return Readable.prototype.push.call(stream, null)
    }
    stream.resume()
  }

  readonly #onResponse = (_headers: unknown, _flags: number, raw: ReadonlyArray<string>): void => {
    const exchange = this.#exchange
    if (exchange === undefined || this.#answered || this.#broken) return
    const status = statusOf(raw)
    if (status < 200) return this.#informed(status, raw)
    this.#comes()
    this.started = true
    this.#connection.answered = true
    this.#answered = true
    if (status === 421) this.#connection.retire()
    const wrong = tooLarge(raw, this.#connection.maximumHeadBytes)
    if (wrong !== undefined) return this.#fault(wrong)
    const head = responseHead(exchange.method, status, raw)
    if (head.framing._tag === "Length") this.#length = head.framing.length
    exchange.onHead(head)
    this.#handOn()
  }

  readonly #onHeaders = (_headers: unknown, _flags: number, raw: ReadonlyArray<string>): void => {
    if (!this.#answered && !this.#broken) this.#informed(statusOf(raw), raw)
  }

  #informed(status: number, raw: ReadonlyArray<string>): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    this.#comes()
    this.started = true
    this.#connection.answered = true
    if (status < 100) return this.#fault(malformed("a response without a status", 0))
    if (status === 101) return this.#fault(unexpectedUpgrade)
    const wrong = tooLarge(raw, this.#connection.maximumHeadBytes)
    if (wrong !== undefined) return this.#fault(wrong)
    this.#informationalBytes += blockBytes(raw)
    if (
      ++this.#informational > defaultLimits.maxInformational ||
      this.#informationalBytes > defaultLimits.maxInformationalBytes
    ) return this.#fault(tooManyInformational)
    exchange.onInformational(responseHead(exchange.method, status, raw))
  }

  readonly #onTrailers = (_headers: unknown, _flags: number, raw: ReadonlyArray<string>): void => {
    if (this.#exchange === undefined || this.#broken) return
    this.#comes()
    const wrong = tooLarge(raw, this.#connection.maximumHeadBytes)
    if (wrong !== undefined) return this.#fault(wrong)
    const allowed: Array<string> = []
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] ?? ""
      if (allowedInTrailers(name)) allowed.push(name, raw[i + 1] ?? "")
    }
    if (allowed.length > 0) this.#trailers = new HeaderFields(allowed)
  }

  // `false`: the window is not opened again by what was received
  #onData(chunk: Uint8Array): boolean {
    const exchange = this.#exchange
    if (exchange === undefined || this.#broken) return true
    this.#comes()
    this.bodyBytes += chunk.length
    // a part of what was read for several streams, so it is lent only; and no Buffer, whose `slice` is another one
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
    if (this.#paused || this.#held !== undefined || !this.#answered) {
      this.#held ??= new ReadAhead(undefined)
      this.#held.add(bytes)
    } else exchange.onBody(bytes, false)
    return !this.#paused
  }

  #onEnd(): void {
    this.#ended = true
    if (this.#exchange !== undefined) this.#comes()
  }

  readonly #onError = (error: Error): void => {
    this.#error = error
  }

  readonly #onClose = (): void => {
    this.#connection.left(this)
    if (this.#ended || this.#exchange === undefined || this.#broken) return
    this.#comes()
    const code = this.#stream?.rstCode ?? 0
    const wrong = this.#connection.faultOf(code, this.#error, this.bodyBytes)
    // a length that does not agree is a fault of this kind too, and a cut one all the same
    if (wrong !== undefined && (this.#length === undefined || this.bodyBytes === this.#length)) this.#fault(wrong)
    else this.#loss = this.#connection.lossOf(this, code, this.#error)
  }

  #fault(fault: ParseFault): void {
    this.#broken = true
    this.#exchange?.onFault(fault)
  }

  // the connection has ended meanwhile, or one of the fields may be sent only once
  #unsent(request: WireRequest, cause: unknown): void {
    this.#comes()
    this.#connection.left(this)
    const { session } = this.#connection
    const name = session.closed || session.destroyed ? undefined : repeatedField(request)
    if (name === undefined) {
      this.#connection.retire()
      this.#loss = { why: "Closed", cause, withConnection: true, unprocessed: true, requestSent: false }
    } else {
      const detail = "HTTP/2 sends this field once"
      const error = requestError({ _tag: "InvalidValue", name, detail }, request.method, request.url.href)
      if (error._tag === "InvalidRequest") this.#refusal = error
    }
  }

  #handOn(): void {
    if (this.#handingOn) return
    this.#handingOn = true
    while (!this.#paused && this.#held !== undefined) {
      const bytes = this.#held.shift()
      if (bytes === undefined) this.#held = undefined
      else this.#exchange?.onBody(bytes, false)
    }
    this.#handingOn = false
    if (this.#ended && this.#held === undefined) this.#comes()
  }
}
