/** Takes a response's body: whole, chunk by chunk without a Stream, or by pulling. One leaf each, parked in the abort slot. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import { BodyError, type ExchangeError } from "../../SessionError.ts"
import type { BodySink, WireBody } from "../../Transport.ts"
import type { ExchangeContext } from "./exchangeContext.ts"

type Resume<A> = (effect: Effect.Effect<A, ExchangeError>) => void

const tooLong = (context: ExchangeContext, limit: number): BodyError =>
  new BodyError({ url: context.currentRequest.url.href, reason: { _tag: "DataLengthExceedsMaximum", limit } })

/** What every reader does when it begins, pauses and ends. */
abstract class Reader<A> implements BodySink {
  protected readonly body: WireBody
  protected readonly context: ExchangeContext
  readonly #resume: Resume<A>
  #ended = false

  constructor(body: WireBody, context: ExchangeContext, resume: Resume<A>) {
    this.body = body
    this.context = context
    this.#resume = resume
  }
  begin(): void {
    this.context.pausable = this.body
    this.body.start(this)
  }
  abstract onBytes(borrowed: Uint8Array): void
  abstract onEnd(): void
  onError(error: ExchangeError): void {
    this.end(Effect.fail(error))
  }
  protected end(result: Effect.Effect<A, ExchangeError>): void {
    if (this.#ended) return
    this.#ended = true
    this.context.pausable = undefined
    this.context.unpark()
    this.#resume(result)
  }
}

/** A body that outgrows this is kept in parts until its end: to copy it whenever it grows would need thrice its size. */
const partSize = 1024 * 1024

/** Gathers the whole body; of a known length in one piece of memory. */
class Gather extends Reader<Uint8Array> {
  readonly #limit: number
  readonly #parts: Array<Uint8Array> = []
  #bytes: Uint8Array
  /** Of the last part. */
  #filled = 0
  #length = 0

  constructor(body: WireBody, context: ExchangeContext, limit: number, resume: Resume<Uint8Array>) {
    super(body, context, resume)
    this.#limit = limit
    // an announced length is a promise of the server's: more than a MiB of it is believed only when it comes
    this.#bytes = new Uint8Array(Math.min(body.length ?? 16 * 1024, partSize))
  }
  override onBytes(borrowed: Uint8Array): void {
    this.#length += borrowed.length
    if (this.#length > this.#limit) {
      this.body.cancel()
      return this.end(Effect.fail(tooLong(this.context, this.#limit)))
    }
    if (this.#filled + borrowed.length > this.#bytes.length) return this.#more(borrowed)
    this.#bytes.set(borrowed, this.#filled)
    this.#filled += borrowed.length
  }

  /** Makes room: by growing as long as that is little, and for the whole of a length that has begun to come true. */
  #more(borrowed: Uint8Array): void {
    const whole = this.body.length
    const needed = this.#filled + borrowed.length
    if (this.#parts.length === 0 && (whole !== undefined || needed <= partSize)) {
      const grown = new Uint8Array(Math.max(needed, Math.min(this.#bytes.length * 2, whole ?? partSize)))
      grown.set(this.#bytes.subarray(0, this.#filled))
      this.#bytes = grown
    } else {
      const room = this.#bytes.length - this.#filled
      this.#bytes.set(borrowed.subarray(0, room), this.#filled)
      this.#parts.push(this.#bytes)
      const rest = borrowed.subarray(room)
      this.#bytes = new Uint8Array(Math.max(partSize, rest.length))
      this.#filled = 0
      borrowed = rest
    }
    this.#bytes.set(borrowed, this.#filled)
    this.#filled += borrowed.length
  }

  override onEnd(): void {
    this.end(Effect.succeed(this.#joined()))
  }

  #joined(): Uint8Array {
    if (this.#parts.length === 0) {
      return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length)
    }
    const whole = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      whole.set(part, at)
      at += part.length
    }
    whole.set(this.#bytes.subarray(0, this.#filled), at)
    return whole
  }
}

/** The whole body, at most `limit` bytes. */
export const readWhole = (
  body: WireBody,
  context: ExchangeContext,
  limit: number
): Effect.Effect<Uint8Array, ExchangeError> => {
  const arrived = body.take()
  if (arrived !== undefined) {
    return arrived.length > limit ? Effect.fail(tooLong(context, limit)) : Effect.succeed(arrived)
  }
  if (body.length !== undefined && body.length > limit) {
    body.cancel()
    return Effect.fail(tooLong(context, limit))
  }
  return Effect.async((resume) => {
    if (context.park(resume)) new Gather(body, context, limit, resume).begin()
  })
}

class ForEach extends Reader<void> {
  readonly #f: (borrowed: Uint8Array) => void
  constructor(body: WireBody, context: ExchangeContext, f: (borrowed: Uint8Array) => void, resume: Resume<void>) {
    super(body, context, resume)
    this.#f = f
  }
  override onBytes(borrowed: Uint8Array): void {
    try {
      this.#f(borrowed)
    } catch (defect) {
      this.body.cancel()
      this.end(Effect.die(defect))
    }
  }
  override onEnd(): void {
    this.end(Effect.void)
  }
}

/** Calls a function with every piece of the body; the bytes are lent for the time of the call. */
export const forEachChunk = (
  body: WireBody,
  context: ExchangeContext,
  f: (borrowed: Uint8Array) => void
): Effect.Effect<void, ExchangeError> =>
  Effect.async((resume) => {
    if (context.park(resume)) new ForEach(body, context, f, resume).begin()
  })

/** Bytes that may wait for a slow reader before the connection is paused. */
const highWater = 512 * 1024
/** Bytes that wake a waiting reader at once, before the turn that brings them is over. */
const enough = 256 * 1024

/** A body that is pulled: bytes are copied once, into chunks that belong to the reader. */
export class BodyPull implements BodySink {
  readonly keeps = true
  readonly #body: WireBody
  readonly #context: ExchangeContext
  readonly #target: number
  #chunks: Array<Uint8Array> = []
  #queued = 0
  /** Memory that is filled from the front and handed out in pieces; a piece that is out is never written again. */
  #slab: Uint8Array | undefined = undefined
  #out = 0
  #filled = 0
  #paused = false
  #suspended = false
  #scheduled = false
  #largest = false
  #started = false
  #ended = false
  #error: ExchangeError | undefined = undefined
  #wake: (() => void) | undefined = undefined

  /** Chunks are gathered to at most `target` bytes while the reader is busy. */
  constructor(body: WireBody, context: ExchangeContext, target = 256 * 1024) {
    this.#body = body
    this.#context = context
    this.#target = target
  }

  onBytes(borrowed: Uint8Array, given = false): void {
    if (given) this.#keep(borrowed)
    else this.#copy(borrowed)
    this.#queued += borrowed.length
    if (this.#queued >= highWater && !this.#paused) {
      this.#paused = true
      this.#context.networkWait(false)
      this.#body.pause()
    }
    // a reader that waits gets what this turn brings in one piece, where the transport can tell when the turn is over
    const soon = this.#context.session.transport.soon
    if (soon === undefined || this.#queued >= enough) return this.#signal()
    if (this.#scheduled || this.#wake === undefined) return
    this.#scheduled = true
    soon(this.#soon)
  }

  /** Bytes that are ours: neighbours in memory, as the records of TLS are, become one chunk. */
  #keep(bytes: Uint8Array): void {
    this.#seal()
    const last = this.#chunks[this.#chunks.length - 1]
    if (
      last !== undefined && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset &&
      last.length + bytes.length <= this.#target
    ) {
      this.#chunks[this.#chunks.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length)
    } else this.#chunks.push(bytes)
  }

  #copy(borrowed: Uint8Array): void {
    let offset = 0
    while (offset < borrowed.length) {
      const slab = this.#slab ??= this.#newSlab(borrowed.length - offset)
      const count = Math.min(borrowed.length - offset, slab.length - this.#filled)
      slab.set(count === borrowed.length ? borrowed : borrowed.subarray(offset, offset + count), this.#filled)
      this.#filled += count
      offset += count
      if (this.#filled === slab.length) {
        this.#seal()
        this.#slab = undefined
      }
    }
  }
  onEnd(): void {
    this.#ended = true
    this.#signal()
  }
  onError(error: ExchangeError): void {
    this.#error = error
    this.#signal()
  }

  /** A suspension of the task, beside the reader's own slowness: whichever ends last lets the body go on. */
  pause(): void {
    this.#suspended = true
    this.#body.pause()
  }
  resume(): void {
    this.#suspended = false
    if (!this.#paused) this.#body.resume()
  }

  #newSlab(needed: number): Uint8Array {
    this.#out = 0
    this.#filled = 0
    const first = this.#largest ? this.#target : Math.min(this.#target, Math.max(needed, this.#body.length ?? 4096))
    this.#largest = true
    return new Uint8Array(first)
  }

  /** What has been filled becomes a chunk. */
  #seal(): void {
    if (this.#slab === undefined || this.#filled === this.#out) return
    const whole = this.#out === 0 && this.#filled === this.#slab.length
    this.#chunks.push(whole ? this.#slab : this.#slab.subarray(this.#out, this.#filled))
    this.#out = this.#filled
  }

  readonly #soon = (): void => {
    this.#scheduled = false
    if (this.#queued > 0) this.#signal()
  }

  #signal(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** The next chunks, `undefined` at the end. */
  readonly next: Effect.Effect<Chunk.NonEmptyChunk<Uint8Array> | undefined, ExchangeError> = Effect.suspend(() => {
    if (!this.#started) {
      this.#started = true
      this.#context.pausable = this
      const whole = this.#body.take()
      if (whole !== undefined) {
        this.#ended = true
        return Effect.succeed(whole.length === 0 ? undefined : Chunk.of(whole))
      }
      this.#body.start(this)
    }
    if (this.#queued > 0 || this.#ended || this.#error !== undefined) return this.#take()
    return Effect.flatMap(this.#more, () => this.#take())
  })

  readonly #more: Effect.Effect<void, ExchangeError> = Effect.async((resume) => {
    if (!this.#context.park(resume)) return
    this.#wake = () => {
      this.#context.unpark()
      resume(Effect.void)
    }
  })

  #take(): Effect.Effect<Chunk.NonEmptyChunk<Uint8Array> | undefined, ExchangeError> {
    this.#seal()
    const chunks = this.#chunks
    this.#chunks = []
    this.#queued = 0
    if (this.#paused) {
      this.#paused = false
      if (!this.#suspended) {
        this.#context.networkWait(true)
        this.#body.resume()
      }
    }
    const [first, ...rest] = chunks
    if (first !== undefined) return Effect.succeed(Chunk.make(first, ...rest))
    if (this.#error !== undefined) return Effect.fail(this.#error)
    return Effect.succeed(undefined)
  }
}
