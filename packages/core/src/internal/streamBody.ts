/** A body that an Effect `Stream` makes while it is read: nothing runs before, and nothing after it is given up. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import { HeaderFields } from "../HeaderFields.ts"
import type { ExchangeError } from "../SessionError.ts"
import type { BodySink, Closeable, ExchangeControl, WireBody } from "../Transport.ts"

/** See the head of this file. */
export class StreamBody implements WireBody, Closeable {
  readonly length: number | undefined
  readonly delimited = true
  readonly trailers = HeaderFields.empty
  readonly #stream: Stream.Stream<Uint8Array, ExchangeError>
  readonly #runtime: Runtime.Runtime<never>
  readonly #wanted = Effect.unsafeMakeLatch(true)
  #owner: Pick<ExchangeControl, "register" | "unregister"> | undefined = undefined
  #sink: BodySink | undefined = undefined
  #fiber: Fiber.RuntimeFiber<void, ExchangeError> | undefined = undefined

  constructor(
    stream: Stream.Stream<Uint8Array, ExchangeError>,
    runtime: Runtime.Runtime<never>,
    length: number | undefined
  ) {
    this.#stream = stream
    this.#runtime = runtime
    this.length = length
  }

  /** It ends with its task, however that ends. */
  belongTo(owner: Pick<ExchangeControl, "register" | "unregister">): void {
    if (this.#owner !== undefined) return
    this.#owner = owner
    owner.register(this)
  }

  take(): undefined {
    return undefined
  }

  start(sink: BodySink): void {
    this.#sink = sink
    const give = (bytes: Uint8Array): Effect.Effect<void> =>
      Effect.flatMap(
        Effect.sync(() => this.#sink?.onBytes(bytes)),
        () => this.#wanted.await
      )
    const fiber = Runtime.runFork(this.#runtime, Stream.runForEach(this.#stream, give))
    this.#fiber = fiber
    fiber.addObserver((exit) => {
      const to = this.#sink
      this.#sink = undefined
      this.#owner?.unregister(this)
      if (to === undefined) return
      if (exit._tag === "Success") return to.onEnd(this.trailers)
      if (exit.cause._tag === "Fail") to.onError(exit.cause.error)
    })
  }

  pause(): void {
    this.#wanted.unsafeClose()
  }

  resume(): void {
    this.#wanted.unsafeOpen()
  }

  cancel(): void {
    this.#owner?.unregister(this)
    this.close()
  }

  close(): void {
    this.#sink = undefined
    const fiber = this.#fiber
    fiber?.unsafeInterruptAsFork(fiber.id())
  }
}
