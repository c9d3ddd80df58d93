/**
 * A body that is gathered for the cache while its reader reads it, at the reader's pace: what the reader does not take is not
 * gathered, and only a body that came whole is kept.
 */
import type { HeaderFields } from "../../HeaderFields.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type { BodySink, WireBody } from "../../Transport.ts"
import { copyOf } from "./bodies.ts"

/** What happens to a whole body: kept at once, or after a decider; `done` is called once, then the reader sees the end. */
export interface Keeper {
  /** Nobody has to be asked. */
  readonly immediate: boolean
  readonly keep: (bytes: Uint8Array, done: (error?: ExchangeError) => void) => void
}

/** See the head of this file. */
export class StoringBody implements WireBody, BodySink {
  readonly #inner: WireBody
  readonly #limit: number
  readonly #keeper: Keeper
  #chunks: Array<Uint8Array> | undefined = []
  #gathered = 0
  #sink: BodySink | undefined = undefined
  #started = false

  /** At most `limit` bytes are gathered; a longer body is not kept. */
  constructor(inner: WireBody, limit: number, keeper: Keeper) {
    this.#inner = inner
    this.#limit = limit
    this.#keeper = keeper
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

  take(): Uint8Array | undefined {
    if (!this.#keeper.immediate) return undefined
    const whole = this.#inner.take()
    // the taker may write into what it has taken
    if (whole !== undefined) this.#whole(copyOf(whole), () => undefined)
    return whole
  }
  start(sink: BodySink): void {
    this.#sink = sink
    this.#started = true
    this.#inner.start(this)
  }
  pause(): void {
    this.#inner.pause()
  }
  resume(): void {
    this.#inner.resume()
  }
  /** A redirect's body is given up unread; where all of it is here that takes nothing from anybody. */
  cancel(): void {
    this.#sink = undefined
    if (!this.#started && this.#keeper.immediate) {
      const whole = this.#inner.take()
      if (whole !== undefined) this.#whole(whole, () => undefined)
    }
    this.#chunks = undefined
    this.#inner.cancel()
  }

  onBytes(borrowed: Uint8Array, given?: boolean): void {
    if (this.#chunks !== undefined) {
      this.#gathered += borrowed.length
      if (this.#gathered > this.#limit) this.#chunks = undefined
      else this.#chunks.push(copyOf(borrowed))
    }
    this.#sink?.onBytes(borrowed, given)
  }
  get keeps(): boolean {
    return this.#sink?.keeps === true
  }
  onEnd(trailers: HeaderFields): void {
    const chunks = this.#chunks
    if (chunks === undefined) return this.#sink?.onEnd(trailers)
    this.#chunks = undefined
    this.#whole(joined(chunks, this.#gathered), (error) => {
      if (error === undefined) this.#sink?.onEnd(trailers)
      else this.#sink?.onError(error)
    })
  }
  onError(error: ExchangeError): void {
    this.#chunks = undefined
    this.#sink?.onError(error)
  }

  #whole(bytes: Uint8Array, done: (error?: ExchangeError) => void): void {
    const { length } = this.#inner
    const cut = length !== undefined && length !== bytes.length
    if (cut || bytes.length > this.#limit) done()
    else this.#keeper.keep(bytes, done)
  }
}

const joined = (chunks: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const [first] = chunks
  if (chunks.length === 1 && first !== undefined) return first
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
