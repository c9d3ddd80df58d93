/** The body of a request, taken as a server would take it: pulled, counted, told to the session. */
import * as Effect from "effect/Effect"
import type { ExchangeError } from "../../SessionError.ts"
import type {
  BodySource,
  BodySourceSink,
  Closeable,
  ExchangeControl,
  StreamedBody,
  WireRequestBody
} from "../../Transport.ts"

class Pull implements BodySourceSink, Closeable {
  readonly #source: BodySource
  readonly #control: ExchangeControl
  readonly #wanted: number
  readonly #onPiece: (borrowed: Uint8Array) => void
  readonly #done: (result: Effect.Effect<void, ExchangeError>) => void
  #total = 0
  #isOver = false
  #isPulling = false
  #again = false

  constructor(
    body: StreamedBody,
    control: ExchangeControl,
    wanted: number,
    onPiece: (borrowed: Uint8Array) => void,
    done: (result: Effect.Effect<void, ExchangeError>) => void
  ) {
    this.#control = control
    this.#wanted = wanted
    this.#onPiece = onPiece
    this.#done = done
    this.#source = body.open(this)
  }

  /** Answers may come within the call, so asking again is a loop and no recursion. */
  next(): void {
    this.#again = true
    if (this.#isPulling) return
    this.#isPulling = true
    while (this.#again && !this.#isOver) {
      this.#again = false
      this.#source.pull()
    }
    this.#isPulling = false
  }

  onPiece(borrowed: Uint8Array): void {
    if (this.#isOver) return
    this.#total += borrowed.length
    this.#control.transaction.requestBodyBytes = this.#total
    this.#control.bodySent(this.#total)
    this.#onPiece(borrowed)
    if (this.#total >= this.#wanted) this.#end(Effect.void)
    else this.next()
  }

  onEnd(): void {
    this.#end(Effect.void)
  }

  onError(error: ExchangeError): void {
    this.#end(Effect.fail(error))
  }

  close(): void {
    this.#isOver = true
    this.#source.close()
  }

  #end(result: Effect.Effect<void, ExchangeError>): void {
    if (this.#isOver) return
    this.close()
    this.#done(result)
  }
}

/** Pulls a body to its end, or until so many bytes of it have been wanted. */
export const pullBody = (
  body: WireRequestBody | undefined,
  control: ExchangeControl,
  wanted: number,
  onPiece: (borrowed: Uint8Array) => void
): Effect.Effect<void, ExchangeError> => {
  if (body === undefined || wanted === 0) return Effect.void
  if (body._tag === "Bytes") {
    return Effect.sync(() => {
      const bytes = body.bytes.length > wanted ? body.bytes.subarray(0, wanted) : body.bytes
      control.transaction.requestBodyBytes = bytes.length
      control.bodySent(bytes.length)
      onPiece(bytes)
    })
  }
  return Effect.async((resume) => {
    if (!control.park(resume)) return
    const pull = new Pull(body, control, wanted, onPiece, (result) => {
      control.unregister(pull)
      control.unpark()
      resume(result)
    })
    control.register(pull)
    pull.next()
  })
}
