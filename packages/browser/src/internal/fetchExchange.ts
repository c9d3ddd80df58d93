/** One exchange over `fetch`: the head, then the body through a reader that is pulled no faster than it is consumed. */
import { HeaderFields } from "@urlsession/core/HeaderFields"
import { ConnectionError, type ExchangeError } from "@urlsession/core/SessionError"
import type {
  BodySink,
  Closeable,
  ExchangeControl,
  WireBody,
  WireRequest,
  WireResponse,
  WireUrl
} from "@urlsession/core/Transport"

/** Bytes that are read ahead without demand. */
const readAhead = 64 * 1024

const urlOf = (href: string, asked: WireUrl): WireUrl => {
  if (href === "" || href === asked.href) return asked
  const url = new URL(href)
  const scheme = url.protocol.slice(0, -1)
  return {
    href: url.href,
    scheme,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port),
    authority: url.host,
    target: `${url.pathname}${url.search}`,
    origin: url.origin
  }
}

/** See the head of this file. */
export class FetchExchange implements WireBody, Closeable {
  length: number | undefined = undefined
  readonly delimited = true
  readonly trailers = HeaderFields.empty
  readonly #request: WireRequest
  readonly #control: ExchangeControl
  readonly #running: Set<FetchExchange>
  readonly #abort = new AbortController()
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined
  #held: Array<Uint8Array> = []
  #heldBytes = 0
  #received = 0
  #reading = false
  #ended = false
  #closed = false
  #paused = false
  #error: ExchangeError | undefined = undefined
  #sink: BodySink | undefined = undefined

  constructor(request: WireRequest, control: ExchangeControl, running: Set<FetchExchange>) {
    this.#request = request
    this.#control = control
    this.#running = running
    running.add(this)
    control.register(this)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  head(response: Response, resume: (wire: WireResponse) => void): void {
    if (this.#closed) return
    const control = this.#control
    control.touch()
    control.transaction.responseStart = control.now()
    const fields = HeaderFields.fromEntries(response.headers)
    const announced = fields.has("content-encoding") ? undefined : fields.get("content-length")
    this.length = announced !== undefined && /^\d{1,15}$/.test(announced) ? Number(announced) : undefined
    this.#reader = response.body?.getReader()
    const wire: WireResponse = {
      status: response.status,
      reason: response.statusText,
      fields,
      body: this,
      url: urlOf(response.url, this.#request.url),
      connection: undefined
    }
    if (this.#reader === undefined) this.#finish()
    control.unpark()
    resume(wire)
    this.#read()
  }

  /** No response came. */
  fail(resume: () => void): void {
    if (this.#closed) return
    this.#leave()
    this.#control.unpark()
    resume()
  }

  take(): Uint8Array | undefined {
    if (!this.#ended || this.#sink !== undefined) return undefined
    const whole = new Uint8Array(this.#heldBytes)
    let offset = 0
    for (const bytes of this.#held) {
      whole.set(bytes, offset)
      offset += bytes.length
    }
    this.#held = []
    return whole
  }
  start(sink: BodySink): void {
    this.#sink = sink
    this.#flush()
    this.#read()
  }
  pause(): void {
    this.#paused = true
    this.#control.networkWait(false)
  }
  resume(): void {
    this.#paused = false
    this.#flush()
    this.#read()
  }
  cancel(): void {
    this.close()
  }
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sink = undefined
    this.#held = []
    if (!this.#ended) this.#abort.abort()
    this.#leave()
  }

  #leave(): void {
    this.#running.delete(this)
    this.#control.unregister(this)
  }

  get #wanted(): boolean {
    return !this.#closed && !this.#ended && !this.#reading && this.#error === undefined &&
      (this.#sink === undefined ? this.#heldBytes < readAhead : !this.#paused)
  }

  #read(): void {
    if (!this.#wanted || this.#reader === undefined) return
    this.#reading = true
    this.#control.networkWait(true)
    this.#reader.read().then(
      ({ done, value }) => {
        this.#reading = false
        if (this.#closed) return
        if (done) this.#finish()
        else this.#add(value)
        this.#flush()
        this.#read()
      },
      (cause: unknown) => this.#lost(cause)
    )
  }

  #add(bytes: Uint8Array): void {
    this.#control.touch()
    this.#received += bytes.length
    this.#heldBytes += bytes.length
    this.#held.push(bytes)
    if (this.#sink === undefined && this.#heldBytes >= readAhead) this.#control.networkWait(false)
  }

  #finish(): void {
    this.#ended = true
    const { transaction } = this.#control
    transaction.responseEnd = this.#control.now()
    transaction.responseBodyBytes = this.#received
    this.#leave()
    this.#control.arrived()
  }

  #lost(cause: unknown): void {
    this.#reading = false
    if (this.#closed) return
    this.#error = new ConnectionError({
      url: this.#request.url.href,
      cause,
      reason: {
        _tag: "NetworkConnectionLost",
        bytesReceived: this.#received,
        bytesExpected: this.length,
        why: "Closed",
        requestSent: true,
        reused: false
      }
    })
    this.#control.networkWait(false)
    this.#leave()
    this.#flush()
  }

  #flush(): void {
    while (!this.#paused && this.#sink !== undefined) {
      const bytes = this.#held.shift()
      if (bytes === undefined) break
      this.#heldBytes -= bytes.length
      this.#sink.onBytes(bytes)
    }
    const sink = this.#sink
    if (sink === undefined || this.#paused || this.#held.length > 0) return
    if (this.#error !== undefined) {
      this.#sink = undefined
      sink.onError(this.#error)
    } else if (this.#ended) {
      this.#sink = undefined
      sink.onEnd(this.trailers)
    }
  }
}
