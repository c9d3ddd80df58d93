/** A response body that is in memory from the start: data URLs, interceptors' answers, scripted responses. */
import { HeaderFields } from "../HeaderFields.ts"
import type { BodySink, WireBody } from "../Transport.ts"

export class MemoryBody implements WireBody {
  readonly delimited = true
  readonly trailers = HeaderFields.empty
  readonly length: number
  #bytes: Uint8Array | undefined
  #sink: BodySink | undefined = undefined
  #paused = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  take(): Uint8Array | undefined {
    const bytes = this.#bytes
    this.#bytes = undefined
    return bytes
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
    this.#bytes = undefined
  }

  #deliver(): void {
    const sink = this.#sink
    if (sink === undefined || this.#paused) return
    const bytes = this.#bytes
    this.#bytes = undefined
    if (bytes !== undefined && bytes.length > 0) sink.onBytes(bytes)
    if (this.#paused || this.#sink === undefined) return
    this.#sink = undefined
    sink.onEnd(this.trailers)
  }
}
