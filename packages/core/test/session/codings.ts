/** A double of a platform's content codings, simple enough to be read: what they undo is written in the body itself. */
import type { ContentCodingsService, Decoder, DecoderSink } from "@urlsession/core/ContentCodings"
import * as ContentCodings from "@urlsession/core/ContentCodings"
import * as Layer from "effect/Layer"
import { encode, text } from "./support.ts"

/** How many decoders are at work. */
export const counts = { open: 0 }

/** Undoes one coding at the end of the body, and holds its output back while it is paused. */
class EndDecoder implements Decoder {
  readonly #sink: DecoderSink
  readonly #undo: (body: string) => Uint8Array | undefined
  #held = ""
  #paused = false
  #ready: Uint8Array | undefined
  #closed = false

  constructor(sink: DecoderSink, undo: (body: string) => Uint8Array | undefined) {
    this.#sink = sink
    this.#undo = undo
    counts.open++
  }
  write(borrowed: Uint8Array): boolean {
    this.#held += text(borrowed)
    return true
  }
  end(): void {
    const decoded = this.#undo(this.#held)
    if (decoded === undefined) return this.#sink.onError(new Error("broken"), false)
    this.#ready = decoded
    this.#deliver()
  }
  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    this.#deliver()
  }
  destroy(): void {
    if (!this.#closed) counts.open--
    this.#closed = true
  }
  #deliver(): void {
    const ready = this.#ready
    if (ready === undefined || this.#paused || this.#closed) return
    this.#ready = undefined
    this.#sink.onBytes(ready)
    if (!this.#closed) this.#sink.onEnd()
  }
}

const unwrap = (name: string) => (body: string): Uint8Array | undefined =>
  body.startsWith(`${name}(`) && body.endsWith(")") ? encode(body.slice(name.length + 1, -1)) : undefined

const inflate = (body: string): Uint8Array | undefined => {
  const size = Number(body)
  return Number.isInteger(size) ? new Uint8Array(size) : undefined
}

const service: ContentCodingsService = {
  supported: ["gzip", "deflate", "br"],
  // "br" swells: its body is the size of what it decodes to
  decoder: (coding, sink) => new EndDecoder(sink, coding === "br" ? inflate : unwrap(coding))
}

export const layer: Layer.Layer<ContentCodings.ContentCodings> = Layer.succeed(ContentCodings.ContentCodings, service)
