/** A response body that is looked at as it passes, and judged at its end: by its hash, its trailers, or both. */
import type { Hasher } from "../Digests.ts"
import type { HeaderFields } from "../HeaderFields.ts"
import type { ExchangeError } from "../SessionError.ts"
import type { BodySink, WireBody } from "../Transport.ts"

/** Called once, after the last byte. */
export type Verdict = (trailers: HeaderFields, hash: string | undefined) => ExchangeError | undefined

/** See the head of this file. */
export class CheckedBody implements WireBody, BodySink {
  readonly #inner: WireBody
  readonly #hasher: Hasher | undefined
  readonly #verdict: Verdict
  #sink: BodySink | undefined = undefined
  #error: ExchangeError | undefined = undefined

  constructor(inner: WireBody, hasher: Hasher | undefined, verdict: Verdict) {
    this.#inner = inner
    this.#hasher = hasher
    this.#verdict = verdict
  }

  get length(): number | undefined {
    return this.#inner.length
  }
  get delimited(): boolean {
    return this.#inner.delimited
  }
  get trailers(): HeaderFields {
    return this.#inner.trailers
  }

  /** A body that failed is not given out; whoever then begins to read is told why. */
  take(): Uint8Array | undefined {
    const whole = this.#inner.take()
    if (whole === undefined) return undefined
    this.#hasher?.update(whole)
    this.#error = this.#judge(this.#inner.trailers)
    return this.#error === undefined ? whole : undefined
  }
  start(sink: BodySink): void {
    if (this.#error !== undefined) return sink.onError(this.#error)
    this.#sink = sink
    this.#inner.start(this)
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

  get keeps(): boolean {
    return this.#sink?.keeps ?? false
  }
  onBytes(borrowed: Uint8Array, given?: boolean): void {
    this.#hasher?.update(borrowed)
    this.#sink?.onBytes(borrowed, given)
  }
  onEnd(trailers: HeaderFields): void {
    const error = this.#judge(trailers)
    if (error === undefined) this.#sink?.onEnd(trailers)
    else this.#sink?.onError(error)
  }
  onError(error: ExchangeError): void {
    this.#sink?.onError(error)
  }

  #judge(trailers: HeaderFields): ExchangeError | undefined {
    return this.#verdict(trailers, this.#hasher?.digest())
  }
}
