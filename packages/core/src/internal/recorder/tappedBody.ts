/** Bodies that are listened to on their way: bytes pass as they come, with the demand of whoever takes them. */
import type { HeaderFields } from "../../HeaderFields.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type { BodySink, BodySource, BodySourceSink, StreamedBody, WireBody } from "../../Transport.ts"
import { MemoryBody } from "../memoryBody.ts"
import { failureOf } from "./failure.ts"
import type { Gatherer } from "./gatherer.ts"
import type { Ending } from "./model.ts"

/** The body of a response. `over` hears once how it ended, if it did. */
export class TappedBody implements WireBody, BodySink {
  readonly length: number | undefined
  readonly delimited: boolean
  #source: WireBody
  readonly #gatherer: Gatherer
  readonly #over: (ending: Ending) => void
  #trailers: HeaderFields | undefined = undefined
  #sink: BodySink | undefined = undefined
  #begun = false
  #paused = false
  #isOver = false

  constructor(source: WireBody, gatherer: Gatherer, over: (ending: Ending) => void) {
    this.#source = source
    this.#gatherer = gatherer
    this.#over = over
    this.length = source.length
    this.delimited = source.delimited
  }

  get trailers(): HeaderFields {
    return this.#trailers ?? this.#source.trailers
  }

  get keeps(): boolean {
    return this.#sink?.keeps === true
  }

  /** Somebody waits for more of it. */
  get awaited(): boolean {
    return this.#begun && !this.#paused
  }

  // ---- the reader's side

  take(): Uint8Array | undefined {
    if (this.#begun) return undefined
    const whole = this.#source.take()
    if (whole === undefined) return undefined
    this.#begun = true
    this.#keep(whole)
    this.#end({ _tag: "Complete" })
    return whole
  }

  start(sink: BodySink): void {
    if (this.#begun) return
    this.#begun = true
    this.#sink = sink
    this.#source.start(this)
  }

  pause(): void {
    this.#paused = true
    this.#source.pause()
  }

  resume(): void {
    this.#paused = false
    this.#source.resume()
  }

  cancel(): void {
    this.settle()
    this.#sink = undefined
    this.#source.cancel()
    this.#end({ _tag: "Cancelled" })
  }

  /** Records what has arrived whole, unread; whoever reads it later gets it from memory. */
  settle(): void {
    if (this.#begun || this.#isOver) return
    const whole = this.#source.take()
    if (whole === undefined) return
    this.#keep(whole)
    this.#trailers = this.#source.trailers
    this.#source = new MemoryBody(whole)
    this.#end({ _tag: "Complete" })
  }

  #keep(bytes: Uint8Array): void {
    if (!this.#isOver) this.#gatherer.add(bytes)
  }

  #end(ending: Ending): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#over(ending)
  }

  // ---- the wire's side

  onBytes(borrowed: Uint8Array, given?: boolean): void {
    this.#keep(borrowed)
    this.#sink?.onBytes(borrowed, given)
  }

  onEnd(trailers: HeaderFields): void {
    const sink = this.#sink
    this.#sink = undefined
    this.#trailers ??= trailers
    this.#end({ _tag: "Complete" })
    sink?.onEnd(this.#trailers)
  }

  onError(error: ExchangeError): void {
    const sink = this.#sink
    this.#sink = undefined
    this.#end({ _tag: "Failed", error: failureOf(error) })
    sink?.onError(error)
  }
}

/** The body of a request: each piece is told as it passes, and the end. */
export const tappedRequestBody = (
  body: StreamedBody,
  onPiece: (borrowed: Uint8Array) => void,
  onEnd: () => void
): StreamedBody => ({
  _tag: "Stream",
  length: body.length,
  open: (sink): BodySource => {
    const tap: BodySourceSink = {
      onPiece: (borrowed) => {
        onPiece(borrowed)
        sink.onPiece(borrowed)
      },
      onEnd: () => {
        onEnd()
        sink.onEnd()
      },
      onError: (error) => sink.onError(error)
    }
    return body.open(tap)
  }
})
