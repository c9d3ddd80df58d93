/** Bodies out of a cache, and bodies that are partly out of one. */
import { HeaderFields } from "../../HeaderFields.ts"
import { type ExchangeError, InvalidResponse } from "../../SessionError.ts"
import type { BodySink, WireBody } from "../../Transport.ts"

/** A copy without the look-up of a species that `slice` makes: 0.3 us for a KiB, not 0.5. */
export const copyOf = (borrowed: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(borrowed.length)
  copy.set(borrowed)
  return copy
}

/** Bytes that are lent at a time, so that a reader can pause. */
const piece = 256 * 1024

/**
 * Kept bytes. They are lent where they are only looked at; whoever takes them as a whole gets a copy, since those that are
 * kept are everybody's.
 */
export class CachedBody implements WireBody {
  readonly delimited = true
  readonly trailers = HeaderFields.empty
  readonly length: number
  readonly #bytes: Uint8Array
  #offset = 0
  #sink: BodySink | undefined = undefined
  #paused = false
  #delivering = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  take(): Uint8Array | undefined {
    return copyOf(this.#bytes)
  }
  start(sink: BodySink): void {
    this.#sink = sink
    this.#deliver()
  }
  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    this.#deliver()
  }
  cancel(): void {
    this.#sink = undefined
  }

  #deliver(): void {
    // a sink that resumes while it is given something is given the rest by the loop that gives it
    if (this.#delivering) return
    this.#delivering = true
    while (!this.#paused && this.#sink !== undefined && this.#offset < this.length) {
      const end = Math.min(this.length, this.#offset + piece)
      const lent = this.#bytes.subarray(this.#offset, end)
      this.#offset = end
      this.#sink.onBytes(lent)
    }
    this.#delivering = false
    if (this.#paused || this.#offset < this.length) return
    const sink = this.#sink
    this.#sink = undefined
    sink?.onEnd(this.trailers)
  }
}

/** Kept bytes before or after what the network brings. What it brings must be as long as it has said. */
export class CompletedBody implements WireBody, BodySink {
  readonly length: number
  readonly #before: Uint8Array | undefined
  readonly #after: Uint8Array | undefined
  readonly #inner: WireBody
  readonly #expected: number
  readonly #url: string
  #received = 0
  #sink: BodySink | undefined = undefined

  constructor(
    inner: WireBody,
    expected: number,
    kept: { readonly before: Uint8Array | undefined; readonly after: Uint8Array | undefined },
    url: string
  ) {
    this.#inner = inner
    this.#expected = expected
    this.#before = kept.before
    this.#after = kept.after
    this.#url = url
    this.length = expected + (kept.before?.length ?? 0) + (kept.after?.length ?? 0)
  }

  get delimited(): boolean {
    return this.#inner.delimited
  }
  get trailers(): HeaderFields {
    return this.#inner.trailers
  }
  take(): undefined {
    return undefined
  }
  start(sink: BodySink): void {
    this.#sink = sink
    if (this.#before !== undefined) sink.onBytes(this.#before)
    if (this.#sink !== undefined) this.#inner.start(this)
  }
  pause(): void {
    this.#inner.pause()
  }
  resume(): void {
    this.#inner.resume()
  }
  cancel(): void {
    this.#sink = undefined
    this.#inner.cancel()
  }

  onBytes(borrowed: Uint8Array): void {
    this.#received += borrowed.length
    if (this.#received > this.#expected) {
      const sink = this.#sink
      this.cancel()
      return sink?.onError(this.#wrong())
    }
    this.#sink?.onBytes(borrowed)
  }
  onEnd(trailers: HeaderFields): void {
    const sink = this.#sink
    if (this.#received !== this.#expected) return sink?.onError(this.#wrong())
    if (this.#after !== undefined) sink?.onBytes(this.#after)
    this.#sink?.onEnd(trailers)
  }
  onError(error: ExchangeError): void {
    this.#sink?.onError(error)
  }

  #wrong(): InvalidResponse {
    const detail = `a part of ${this.#expected} bytes was announced, and another length came`
    return new InvalidResponse({ url: this.#url, reason: { _tag: "BadServerResponse", detail } })
  }
}
