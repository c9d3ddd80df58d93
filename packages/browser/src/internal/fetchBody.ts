/** The body of a response over a reader that is pulled no faster than it is consumed, 64 KiB ahead of whoever reads it. */
import { HeaderFields } from "@urlsession/core/HeaderFields"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { BodySink, WireBody } from "@urlsession/core/Transport"

/** Bytes that are read ahead without demand. */
const readAhead = 64 * 1024

/** The part of a `ReadableStreamDefaultReader` that is needed. */
export interface ByteReader {
  readonly read: () => Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  readonly cancel: () => Promise<void>
}

/** The exchange that a body belongs to. */
export interface BodyHost {
  /** Bytes have come. */
  received(count: number): void
  /** Whether the network is waited for. */
  waiting(waiting: boolean): void
  /** Enough was read for nobody; or somebody reads after all. */
  unread(unread: boolean): void
  /** The last byte has come; the error that there is all the same. */
  finished(): ExchangeError | undefined
  /** The response broke off: the error to tell of it. */
  broken(cause: unknown): ExchangeError
  /** The reader has given it up. */
  given(): void
}

/** See the head of this file. */
export class FetchBody implements WireBody {
  readonly length: number | undefined
  // whether a connection delimits a body is not shown
  readonly delimited = true
  readonly trailers = HeaderFields.empty
  readonly #reader: ByteReader | undefined
  readonly #host: BodyHost
  #held: Array<Uint8Array> = []
  #heldBytes = 0
  #reading = false
  #begun = false
  #ended = false
  #paused = false
  #silent = false
  #error: ExchangeError | undefined = undefined
  #sink: BodySink | undefined = undefined

  constructor(reader: ByteReader | undefined, length: number | undefined, host: BodyHost) {
    this.#reader = reader
    this.length = length
    this.#host = host
  }

  /** Begins to read ahead. */
  open(): void {
    if (this.#reader === undefined) this.#end()
    else this.#read()
  }

  take(): Uint8Array | undefined {
    if (!this.#ended || this.#begun || this.#error !== undefined) return undefined
    this.#begun = true
    const [first, ...more] = this.#held
    this.#held = []
    if (first !== undefined && more.length === 0) return first
    const whole = new Uint8Array(this.#heldBytes)
    let offset = 0
    for (const bytes of first === undefined ? more : [first, ...more]) {
      whole.set(bytes, offset)
      offset += bytes.length
    }
    return whole
  }

  start(sink: BodySink): void {
    if (this.#begun) return
    this.#begun = true
    this.#sink = sink
    this.#host.unread(false)
    this.#flush()
    this.#read()
  }

  pause(): void {
    this.#paused = true
    if (this.#open) this.#host.waiting(false)
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#flush()
    if (this.#reading && this.#open) this.#host.waiting(true)
    this.#read()
  }

  cancel(): void {
    this.silence()
    this.#host.given()
  }

  /** Nobody hears anything any more. */
  silence(): void {
    this.#stop()
    this.#silent = true
    this.#sink = undefined
    this.#held = []
  }

  /** Ends it from this side; what was read ahead is forgotten. */
  fail(error: ExchangeError): void {
    if (!this.#open) return
    this.#stop()
    this.#held = []
    this.#error = error
    this.#flush()
  }

  /** For a `fetch` that does not look at its signal any more. */
  #stop(): void {
    if (this.#open) this.#reader?.cancel().catch(() => undefined)
  }

  get #open(): boolean {
    return !this.#silent && !this.#ended && this.#error === undefined
  }

  get #wanted(): boolean {
    return this.#open && !this.#reading && (this.#begun ? !this.#paused : this.#heldBytes < readAhead)
  }

  #read(): void {
    if (this.#reader === undefined || !this.#wanted) return
    this.#reading = true
    this.#host.waiting(true)
    this.#reader.read().then(
      ({ value }) => {
        this.#reading = false
        if (!this.#open) return
        if (value === undefined) this.#end()
        else this.#add(value)
        this.#flush()
        this.#read()
      },
      (cause: unknown) => {
        this.#reading = false
        if (!this.#open) return
        this.#error = this.#host.broken(cause)
        this.#flush()
      }
    )
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#host.received(bytes.length)
    this.#heldBytes += bytes.length
    this.#held.push(bytes)
    if (!this.#begun && this.#heldBytes >= readAhead) this.#host.unread(true)
  }

  #end(): void {
    this.#error = this.#host.finished()
    if (this.#error === undefined) this.#ended = true
  }

  #flush(): void {
    while (!this.#paused && this.#sink !== undefined) {
      const bytes = this.#held.shift()
      if (bytes === undefined) break
      this.#heldBytes -= bytes.length
      this.#sink.onBytes(bytes, true)
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
