/** One exchange over `fetch`: the request's body as it can be sent, the head, and whatever ends it early. */
import { HeaderFields } from "@urlsession/core/HeaderFields"
import { type ExchangeError, InvalidRequest } from "@urlsession/core/SessionError"
import { parseUrl } from "@urlsession/core/SessionRequest"
import type {
  Closeable,
  ExchangeControl,
  StreamedBody,
  TimerHandle,
  TransportOptions,
  WireRequest,
  WireResponse,
  WireUrl
} from "@urlsession/core/Transport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import {
  abandonedFailure,
  bodyFailure,
  cutFailure,
  opaqueFailure,
  type Received,
  requestFailure,
  surroundings
} from "./failure.ts"
import { type BodyHost, type ByteReader, FetchBody } from "./fetchBody.ts"
import { outgoing, type Settings } from "./outgoing.ts"
import { own, type OwnBytes, Upload, type UploadListener } from "./upload.ts"

/** What the exchanges of one session have in common. */
export interface Engine {
  readonly settings: Settings & {
    readonly uploads: "auto" | "streamed" | "buffered"
    readonly maximumBufferedBodyBytes: number
    /** Looked up for every request. */
    readonly fetch: () => typeof globalThis.fetch
    /** Whether it streams requests. */
    readonly streams: () => boolean
  }
  readonly session: TransportOptions
  readonly running: Set<FetchExchange>
}

type Resume = (effect: Effect.Effect<WireResponse, ExchangeError>) => void

/** A body that is gathered goes out unseen, and is given the time that it takes at so many bytes in a millisecond. */
const slowest = 32
/** Bodies up to this size go out together with their head. */
const smallBody = 64 * 1024

/** The final URL, as far as it is another one; that of a response has no fragment. */
const urlOf = (href: string, asked: WireUrl): WireUrl => {
  if (href === "" || href === asked.href.replace(/#.*$/s, "")) return asked
  return Either.match(parseUrl(href), { onLeft: () => asked, onRight: ({ url }) => url })
}

const bodiless = new Set([204, 205, 304])

/**
 * The length that was announced for these very bytes. Of another origin the browser shows `Content-Length` and hides
 * `Content-Encoding`, so there nobody can tell whether it is that of what arrives.
 */
const lengthOf = (request: WireRequest, response: Response): number | undefined => {
  if (request.method === "HEAD" || bodiless.has(response.status)) return 0
  if (response.type === "cors" || response.headers.has("content-encoding")) return undefined
  const announced = response.headers.get("content-length")
  return announced !== null && /^\d{1,15}$/.test(announced) ? Number(announced) : undefined
}

/** Runtimes without streams have the whole body at once, or not at all. */
const readerOf = (response: Response): ByteReader | undefined => {
  if (response.body === null) return undefined
  if (response.body !== undefined) return response.body.getReader()
  let whole: Promise<ArrayBuffer> | undefined
  return {
    read: () => {
      if (whole !== undefined) return Promise.resolve({ done: true })
      whole = response.arrayBuffer()
      return whole.then((bytes) => ({ done: false, value: new Uint8Array(bytes) }))
    },
    cancel: () => Promise.resolve()
  }
}

/** The bytes as they are where they lie in plain memory: a `Request` makes its own copy. */
const plain = (bytes: Uint8Array): OwnBytes =>
  bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : own(bytes)

/** See the head of this file. */
export class FetchExchange implements Closeable, UploadListener, BodyHost {
  readonly #engine: Engine
  readonly #request: WireRequest
  readonly #control: ExchangeControl
  // a session goes on to its next attempt while this one ends: it must not write into that one's record
  readonly #transaction: ExchangeControl["transaction"]
  readonly #resume: Resume
  readonly #abort = new AbortController()
  #upload: Upload | undefined = undefined
  #streamed = false
  #body: FetchBody | undefined = undefined
  #coding: string | undefined = undefined
  #received = 0
  #timer: TimerHandle | undefined = undefined
  #over = false

  constructor(engine: Engine, request: WireRequest, control: ExchangeControl, resume: Resume) {
    this.#engine = engine
    this.#request = request
    this.#control = control
    this.#transaction = control.transaction
    this.#resume = resume
  }

  begin(): void {
    if (!this.#control.park(this.#resume)) return
    this.#control.register(this)
    if (this.#over) return
    const { body } = this.#request
    if (body?._tag === "Stream") this.#prepare(body)
    else this.#send(body === undefined ? undefined : plain(body.bytes))
  }

  /** Whatever is under way is given up. Idempotent. */
  close(): void {
    if (this.#over) return
    this.#body?.silence()
    this.#giveUp()
  }

  // ---- the request's body

  #prepare(body: StreamedBody): void {
    const { maximumBufferedBodyBytes: limit, streams, uploads } = this.#engine.settings
    if (uploads === "streamed" && !streams()) {
      const detail = "fetch streams no request here. Say uploads: \"auto\", and it is gathered first"
      return this.#fail(this.#invalid({ _tag: "UnsupportedBody", kind: "Stream", detail }))
    }
    const upload = this.#upload = new Upload(body, this)
    if (uploads === "streamed") this.#stream(upload)
    else if (body.length !== undefined && body.length > limit) this.overflowed()
    else upload.gather(limit)
  }

  gathered(bytes: OwnBytes): void {
    this.#upload = undefined
    this.#send(bytes)
  }

  overflowed(): void {
    const { maximumBufferedBodyBytes: limit, streams, uploads } = this.#engine.settings
    const upload = this.#upload
    if (upload === undefined) return
    if (uploads === "auto" && streams()) this.#stream(upload)
    else this.#fail(this.#invalid({ _tag: "BodyTooLarge", limit }))
  }

  starved(waiting: boolean): void {
    if (this.#body !== undefined || this.#over) return
    this.#control.networkWait(!waiting)
  }

  unsendable(error: ExchangeError): void {
    if (this.#over) return
    if (this.#body === undefined) return this.#fail(error)
    const body = this.#body
    this.#giveUp()
    body.fail(error)
  }

  #invalid(reason: InvalidRequest["reason"]): InvalidRequest {
    return new InvalidRequest({ url: this.#request.url.href, reason })
  }

  #stream(upload: Upload): void {
    this.#streamed = true
    this.#send(upload.stream())
  }

  // ---- the head

  #send(body: OwnBytes | ReadableStream<OwnBytes> | undefined): void {
    const control = this.#control
    const { settings } = this.#engine
    const made = outgoing(this.#request, body, settings, control.priority, this.#abort.signal)
    if (!(made instanceof Request)) return this.#fail(made)
    this.#engine.running.add(this)
    this.#transaction.requestStart = control.now()
    this.#wait(body instanceof Uint8Array ? body.length : 0)
    const fetch = settings.fetch()
    // whatever it does, it must not throw into the session
    new Promise<Response>((resolve) => resolve(fetch(made))).then(
      (response) => this.#head(response),
      (cause: unknown) => this.#fail(requestFailure(this.#request.url, cause, this.#streamed, surroundings()))
    )
  }

  #wait(length: number): void {
    if (length <= smallBody) return this.#control.networkWait(true)
    this.#control.networkWait(false)
    this.#timer = this.#engine.session.timers.after(length / slowest, () => {
      this.#timer = undefined
      this.#control.networkWait(true)
    })
  }

  #head(response: Response): void {
    if (this.#over) {
      // a `fetch` that does not look at its signal
      response.body?.cancel().catch(() => undefined)
      return
    }
    const control = this.#control
    const { url } = this.#request
    this.#stopTimer()
    if (response.status === 0) return this.#fail(opaqueFailure(url, response.type))
    control.networkWait(true)
    control.touch()
    this.#transaction.responseStart = control.now()
    const fields = HeaderFields.fromEntries(response.headers)
    this.#coding = fields.get("content-encoding")
    const body = this.#body = new FetchBody(readerOf(response), lengthOf(this.#request, response), this)
    const wire: WireResponse = {
      status: response.status,
      reason: response.statusText,
      fields,
      body,
      url: urlOf(response.url, url),
      connection: undefined
    }
    body.open()
    control.unpark()
    this.#resume(Effect.succeed(wire))
  }

  /** No response comes. */
  #fail(error: ExchangeError): void {
    if (this.#over) return
    this.#control.networkWait(false)
    this.#control.unregister(this)
    this.#control.unpark()
    this.#giveUp()
    this.#resume(Effect.fail(error))
  }

  // ---- the response's body

  received(count: number): void {
    this.#received += count
    this.#control.touch()
  }

  waiting(waiting: boolean): void {
    this.#control.networkWait(waiting)
  }

  unread(unread: boolean): void {
    this.#stopTimer()
    if (!unread) return
    this.#control.networkWait(false)
    const { abandonedBodyTimeout, timers } = this.#engine.session
    this.#timer = timers.after(abandonedBodyTimeout, () => {
      const body = this.#body
      this.#giveUp()
      this.#control.unregister(this)
      body?.fail(abandonedFailure(this.#request.url, this.#progress))
      // nothing of it is on the wire any more, so the session need not watch over it
      this.#control.arrived()
    })
  }

  finished(): ExchangeError | undefined {
    const expected = this.#body?.length
    if (expected !== undefined && expected !== this.#received) {
      this.#end()
      return cutFailure(this.#request.url, this.#progress)
    }
    this.#transaction.responseEnd = this.#control.now()
    this.#end()
    this.#control.arrived()
    return undefined
  }

  broken(cause: unknown): ExchangeError {
    this.#control.networkWait(false)
    this.#end()
    return bodyFailure(this.#request.url, cause, this.#progress, this.#coding)
  }

  given(): void {
    this.#control.unregister(this)
    this.close()
  }

  get #progress(): Received {
    return { bytesReceived: this.#received, bytesExpected: this.#body?.length }
  }

  #end(): void {
    this.#transaction.responseBodyBytes = this.#received
    // what is left of the request is of no use any more
    this.#upload?.breakOff()
    this.#leave()
    this.#control.unregister(this)
  }

  // ---- the ends

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Ends what `fetch` does. */
  #giveUp(): void {
    const broken = this.#upload?.breakOff() === true
    this.#leave()
    // a stream that is broken and then cancelled rejects a promise of the browser's that nobody handles
    if (!broken) this.#abort.abort()
  }

  #leave(): void {
    this.#over = true
    this.#stopTimer()
    this.#upload = undefined
    this.#engine.running.delete(this)
  }
}
