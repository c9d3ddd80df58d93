/** Zstandard (RFC 8878) as a push decoder, for a Node whose zlib does not have it. It works in the turn that brings the bytes. */
import type { Decoder, DecoderSink } from "@urlsession/core/ContentCodings"
import { FrameReader } from "./zstd/frames.ts"

/** Encoded bytes that may wait for a paused reader before more are refused. */
const highWater = 256 * 1024

/** See the head of this file. A checksum at the end of a frame is passed over. */
export class ZstdDecoder implements Decoder {
  readonly #sink: DecoderSink
  readonly #reader = new FrameReader()
  #waiting: Array<Uint8Array> = []
  #waitingBytes = 0
  #paused = false
  #running = false
  #full = false
  #ended = false
  #over = false

  constructor(sink: DecoderSink) {
    this.#sink = sink
  }

  write(borrowed: Uint8Array): boolean {
    if (this.#over || borrowed.length === 0) return true
    const rest = this.#waitingBytes > 0 || this.#running ? borrowed : this.#run(borrowed)
    if (rest.length > 0) {
      this.#waiting.push(rest.slice())
      this.#waitingBytes += rest.length
    }
    this.#full = this.#waitingBytes >= highWater
    return !this.#full
  }

  end(): void {
    this.#ended = true
    this.#finish()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    if (this.#running) return
    while (this.#waiting.length > 0 && !this.#paused && !this.#over) {
      const first = this.#waiting.shift()
      if (first === undefined) break
      const rest = this.#run(first)
      if (rest.length > 0) this.#waiting.unshift(rest)
      this.#waitingBytes -= first.length - rest.length
    }
    if (this.#full && this.#waitingBytes < highWater / 2 && !this.#over) {
      this.#full = false
      this.#sink.onDrain()
    }
    this.#finish()
  }

  destroy(): void {
    this.#over = true
    this.#waiting = []
    this.#waitingBytes = 0
  }

  /** Decodes until the bytes are used up, the reader wants to wait, or it is over; gives what is left. */
  #run(bytes: Uint8Array): Uint8Array {
    this.#running = true
    let left = bytes
    try {
      while (!this.#paused && !this.#over && left.length > 0) {
        const { given, taken } = this.#reader.read(left)
        left = left.subarray(taken)
        if (given !== undefined) this.#sink.onBytes(given)
      }
    } catch (cause) {
      this.#fail(cause, false)
    }
    this.#running = false
    return left
  }

  #finish(): void {
    if (!this.#ended || this.#over || this.#running || this.#waitingBytes > 0) return
    if (!this.#reader.isWhole) return this.#fail(new Error("the last frame ends too early"), true)
    this.#over = true
    this.#sink.onEnd()
  }

  #fail(cause: unknown, truncated: boolean): void {
    if (this.#over) return
    this.destroy()
    this.#sink.onError(cause, truncated)
  }
}
