/**
 * The content codings of Node: gzip, deflate (with and without the zlib wrapper) and brotli of its zlib, and Zstandard.
 *
 * @since 0.1.0
 */
import { ContentCodings, type Decoder, type DecoderSink } from "@urlsession/core/ContentCodings"
import * as Layer from "effect/Layer"
import type { Transform } from "node:stream"
import * as zlib from "node:zlib"
import { ZstdDecoder } from "./internal/zstdDecoder.ts"

// Node's own sizes of 16 KiB cost a round through its thread pool for each piece
const sizes = { chunkSize: 64 * 1024, writableHighWaterMark: 256 * 1024 }

/** A zlib stream as a push decoder. Bytes are copied, since it works on them in another thread. */
class ZlibDecoder implements Decoder {
  readonly #sink: DecoderSink
  readonly #make: (first: number) => Transform
  #stream: (Transform) | undefined = undefined
  #paused = false
  #over = false

  constructor(make: (first: number) => Transform, sink: DecoderSink) {
    this.#make = make
    this.#sink = sink
  }

  write(borrowed: Uint8Array): boolean {
    if (this.#over || borrowed.length === 0) return true
    const stream = this.#stream ??= this.#start(borrowed[0] ?? 0)
    return stream.write(Buffer.from(borrowed))
  }

  end(): void {
    if (this.#over) return
    // no byte at all: what an encoder makes of nothing has some
    if (this.#stream === undefined) return this.#fail(new Error("unexpected end of file"))
    this.#stream.end()
  }

  pause(): void {
    this.#paused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#stream?.resume()
  }

  destroy(): void {
    this.#over = true
    this.#stream?.destroy()
  }

  #start(first: number): Transform {
    const stream = this.#make(first)
    stream.on("data", (bytes: Uint8Array) => {
      if (!this.#over) this.#sink.onBytes(bytes)
    })
    stream.on("drain", () => {
      if (!this.#over) this.#sink.onDrain()
    })
    stream.on("end", () => {
      if (this.#over) return
      this.#over = true
      this.#sink.onEnd()
    })
    stream.on("error", (error) => this.#fail(error))
    if (this.#paused) stream.pause()
    return stream
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#stream?.destroy()
    // zlib's own word for "the input ended in the middle", for br as well
    this.#sink.onError(error, error instanceof Error && "code" in error && error.code === "Z_BUF_ERROR")
  }
}

// RFC 9110 8.4.1.2 means the zlib wrapper, whose first byte names the method 8; many servers leave the wrapper out
const inflate = (first: number) => (first & 0x0f) === 8 ? zlib.createInflate(sizes) : zlib.createInflateRaw(sizes)

const makers: Readonly<Record<string, (first: number) => Transform>> = {
  gzip: () => zlib.createGunzip(sizes),
  "x-gzip": () => zlib.createGunzip(sizes),
  deflate: inflate,
  br: () => zlib.createBrotliDecompress(sizes)
}

const isMaker = (value: unknown): value is (options: typeof sizes & zlib.BrotliOptions) => Transform =>
  typeof value === "function"

/** Zlib has Zstandard from Node 22.15 on; a window of 8 MiB is the largest that a server may use (RFC 9659). */
const zstd = (sink: DecoderSink): Decoder => {
  const native: unknown = Reflect.get(zlib, "createZstdDecompress")
  const windowLogMax: unknown = Reflect.get(zlib.constants, "ZSTD_d_windowLogMax")
  if (!isMaker(native) || typeof windowLogMax !== "number") return new ZstdDecoder(sink)
  return new ZlibDecoder(() => native({ ...sizes, params: { [windowLogMax]: 23 } }), sink)
}

/**
 * gzip (several members in a row, and rubbish behind the last one, as curl takes them), deflate, br, and zstd with a window of
 * at most 8 MiB: of zlib where it has it, else a decoder of our own, which passes over the checksum of a frame.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ContentCodings> = Layer.succeed(ContentCodings, {
  supported: ["gzip", "deflate", "br", "zstd"],
  decoder: (coding, sink) => {
    const name = coding.toLowerCase()
    // only what is in `supported` is ever asked for
    return name === "zstd" ? zstd(sink) : new ZlibDecoder(makers[name] ?? inflate, sink)
  }
})
