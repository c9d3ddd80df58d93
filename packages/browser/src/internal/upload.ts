/** A streamed body on its way to `fetch`: gathered as far as a limit allows, or pulled through a `ReadableStream`. */
import type { DelegateFailed, InvalidRequest } from "@urlsession/core/SessionError"
import type { BodySource, BodySourceSink, StreamedBody } from "@urlsession/core/Transport"

/** What `fetch` takes: bytes over plain memory, which nobody else writes into. */
export type OwnBytes = Uint8Array<ArrayBuffer>

/** Hears an upload. */
export interface UploadListener {
  /** All of it is here. */
  gathered(bytes: OwnBytes): void
  /** There is more than may be gathered: `stream` or `close` it. */
  overflowed(): void
  /** The network has taken all that there was and waits for the body, or does no longer. */
  starved(waiting: boolean): void
  /** It cannot be sent to its end: `breakOff`. */
  unsendable(error: InvalidRequest | DelegateFailed): void
}

/** Bytes that only this side has, over plain memory. */
export const own = (bytes: Uint8Array): OwnBytes => {
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  return copy
}

/** See the head of this file. */
export class Upload implements BodySourceSink {
  readonly #body: StreamedBody
  readonly #listener: UploadListener
  #source: BodySource | undefined = undefined
  #limit = Infinity
  /** Gathered, and not yet handed on. */
  #pieces: Array<OwnBytes> = []
  #size = 0
  #pulling = false
  #answered = false
  #flowing = false
  #controller: ReadableStreamDefaultController<OwnBytes> | undefined = undefined
  #closed = false

  constructor(body: StreamedBody, listener: UploadListener) {
    this.#body = body
    this.#listener = listener
  }

  /** Asks for all of it, up to so many bytes. */
  gather(limit: number): void {
    this.#limit = limit
    this.#source = this.#body.open(this)
    this.#next()
  }

  /** What is gathered already comes first. Nothing is made before it is asked for. */
  stream(): ReadableStream<OwnBytes> {
    this.#source ??= this.#body.open(this)
    return new ReadableStream<OwnBytes>({
      start: (controller) => {
        this.#controller = controller
      },
      pull: (controller) => {
        this.#flowing = true
        const piece = this.#pieces.shift()
        if (piece !== undefined) return controller.enqueue(piece)
        this.#pull()
      },
      cancel: () => this.close()
    }, { highWaterMark: 0 })
  }

  /** No more is wanted. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pieces = []
    this.#source?.close()
  }

  /**
   * Closes it; `true`: that has ended the request as well. An aborted `fetch` cancels its HTTP/2 stream, and servers take that
   * for the end of a body: half of an upload would count as all of it. A broken stream is an error to them.
   */
  breakOff(): boolean {
    const flows = this.#flowing && !this.#closed
    this.close()
    if (flows) this.#controller?.error(new Error("the upload was given up"))
    return flows
  }

  // ---- the source

  onPiece(borrowed: Uint8Array): void {
    this.#answered = true
    if (this.#closed) return
    const piece = own(borrowed)
    if (this.#controller !== undefined) {
      this.#listener.starved(false)
      return this.#controller.enqueue(piece)
    }
    this.#pieces.push(piece)
    this.#size += piece.length
    if (this.#size > this.#limit) this.#listener.overflowed()
    else this.#next()
  }

  onEnd(): void {
    this.#answered = true
    if (this.#closed) return
    const bytes = this.#joined()
    this.close()
    if (this.#controller === undefined) return this.#listener.gathered(bytes)
    this.#listener.starved(false)
    this.#controller.close()
  }

  onError(error: InvalidRequest | DelegateFailed): void {
    this.#answered = true
    if (!this.#closed) this.#listener.unsendable(error)
  }

  // ---- pieces

  #pull(): void {
    this.#answered = false
    this.#source?.pull()
    if (!this.#answered && !this.#closed) this.#listener.starved(true)
  }

  /** A source that answers within the call is asked in a loop, however many pieces it has. */
  #next(): void {
    if (this.#pulling) return
    this.#pulling = true
    do {
      this.#answered = false
      this.#source?.pull()
    } while (this.#answered && !this.#closed && this.#controller === undefined)
    this.#pulling = false
  }

  #joined(): OwnBytes {
    const [first, ...more] = this.#pieces
    if (first !== undefined && more.length === 0) return first
    const whole = new Uint8Array(this.#size)
    let at = 0
    for (const piece of this.#pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    return whole
  }
}
