/** A body whose content codings are undone as it is read, with a guard against bodies that grow without measure. */
import type { ContentCodingsService, Decoder, DecoderSink } from "../ContentCodings.ts"
import { BodyError, type ExchangeError } from "../SessionError.ts"
import type { BodySink, Closeable, WireBody } from "../Transport.ts"
import { maximumRatio, RatioGuard } from "./protocol/contentCoding.ts"

/** Where a decoded body belongs: what closes it early. */
export interface Owner {
  readonly register: (closeable: Closeable) => void
  readonly unregister: (closeable: Closeable) => void
  /** Of the response, for the number of bytes that it is decoded to. */
  readonly transaction: { decodedBodyBytes: number | undefined }
}

/** See the head of this file. */
export class DecodedBody implements WireBody, BodySink, Closeable {
  readonly length = undefined
  readonly #inner: WireBody
  readonly #service: ContentCodingsService
  readonly #codings: ReadonlyArray<string>
  readonly #owner: Owner
  readonly #url: string
  readonly #transaction: Owner["transaction"]
  #decoders: Array<Decoder> = []
  #sink: BodySink | undefined = undefined
  /** One for each layer: what a layer makes of almost nothing may be nothing again to the next. */
  readonly #guards: ReadonlyArray<RatioGuard>
  #encoded = 0
  #arrived = false
  #paused = false

  /** `codings` in the order in which they are undone. */
  constructor(
    inner: WireBody,
    service: ContentCodingsService,
    codings: ReadonlyArray<string>,
    owner: Owner,
    url: string
  ) {
    this.#inner = inner
    this.#service = service
    this.#codings = codings
    this.#guards = codings.map(() => new RatioGuard())
    this.#owner = owner
    this.#url = url
    this.#transaction = owner.transaction
    this.#transaction.decodedBodyBytes = 0
  }

  get delimited(): boolean {
    return this.#inner.delimited
  }
  get trailers() {
    return this.#inner.trailers
  }
  take(): undefined {
    return undefined
  }

  start(sink: BodySink): void {
    this.#sink = sink
    this.#owner.register(this)
    for (let i = this.#codings.length - 1; i >= 0; i--) this.#decoders.unshift(this.#decoder(i))
    if (this.#paused) this.pause()
    this.#inner.start(this)
  }
  pause(): void {
    this.#paused = true
    this.#decoders[this.#decoders.length - 1]?.pause()
  }
  resume(): void {
    this.#paused = false
    this.#decoders[this.#decoders.length - 1]?.resume()
  }
  cancel(): void {
    this.close()
    this.#inner.cancel()
  }
  close(): void {
    this.#sink = undefined
    this.#owner.unregister(this)
    for (const decoder of this.#decoders) decoder.destroy()
    this.#decoders = []
  }

  onBytes(borrowed: Uint8Array): void {
    this.#encoded += borrowed.length
    for (const guard of this.#guards) guard.took(borrowed.length)
    if (this.#decoders[0]?.write(borrowed) === false) this.#inner.pause()
  }
  onEnd(): void {
    this.#arrived = true
    // no byte at all is no coded body: there is nothing to undo
    if (this.#encoded === 0) return this.#finish()
    this.#decoders[0]?.end()
  }
  onError(error: ExchangeError): void {
    this.#arrived = true
    this.#fail(error)
  }

  #decoder(index: number): Decoder {
    const coding = this.#codings[index] ?? ""
    const last = index === this.#codings.length - 1
    const guard = this.#guards[index]
    const sink: DecoderSink = {
      onBytes: (bytes) => {
        if (guard?.gave(bytes.length) === false) return this.#swollen()
        if (last) return this.#deliver(bytes)
        if (this.#decoders[index + 1]?.write(bytes) === false) this.#decoders[index]?.pause()
      },
      onEnd: () => last ? this.#finish() : this.#decoders[index + 1]?.end(),
      onError: (cause, truncated) => {
        const reason = { _tag: "CannotDecodeRawData", coding, truncated } as const
        this.#fail(new BodyError({ url: this.#url, cause, reason }), true)
      },
      onDrain: () => index === 0 ? this.#inner.resume() : this.#decoders[index - 1]?.resume()
    }
    return this.#service.decoder(coding, sink)
  }

  #deliver(bytes: Uint8Array): void {
    this.#transaction.decodedBodyBytes = (this.#transaction.decodedBodyBytes ?? 0) + bytes.length
    this.#sink?.onBytes(bytes)
  }

  #swollen(): void {
    const reason = { _tag: "DecompressionBomb", ratio: maximumRatio } as const
    this.#fail(new BodyError({ url: this.#url, reason }), true)
  }

  #finish(): void {
    const sink = this.#sink
    this.close()
    // the coding has come to its end before the body has: what follows is not part of it
    if (!this.#arrived) this.#inner.cancel()
    sink?.onEnd(this.#inner.trailers)
  }

  #fail(error: ExchangeError, own = false): void {
    const sink = this.#sink
    this.close()
    if (own) this.#inner.cancel()
    sink?.onError(error)
  }
}
