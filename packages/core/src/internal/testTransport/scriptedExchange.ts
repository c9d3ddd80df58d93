/** One exchange of the scripted transport: carries out its steps in order, as a real one meets them on the wire. */
import * as Effect from "effect/Effect"
import { HeaderFields } from "../../HeaderFields.ts"
import type { ExchangeError } from "../../SessionError.ts"
import type { Script } from "../../TestTransport.ts"
import type {
  BodySink,
  Closeable,
  ConnectionAffinity,
  ConnectionInfo,
  ExchangeControl,
  TimerHandle,
  Timers,
  WireBody,
  WireRequest,
  WireResponse
} from "../../Transport.ts"

type Resume = (effect: Effect.Effect<WireResponse, ExchangeError>) => void

/** Bytes that are read ahead without demand, as on a real connection. */
const readAhead = 64 * 1024

export class ScriptedExchange implements WireBody, Closeable {
  length: number | undefined = undefined
  readonly delimited = true
  trailers = HeaderFields.empty
  readonly #steps: Script
  readonly #request: WireRequest
  readonly #connection: ConnectionInfo
  readonly #control: ExchangeControl
  readonly #timers: Timers
  readonly #running: Set<ScriptedExchange>
  #affinity: ConnectionAffinity | undefined
  #position = 0
  #resume: Resume | undefined = undefined
  #timer: TimerHandle | undefined = undefined
  #held: Array<Uint8Array> = []
  #heldBytes = 0
  #ended = false
  #error: ExchangeError | undefined = undefined
  #sink: BodySink | undefined = undefined
  #paused = false
  #closed = false

  constructor(
    steps: Script,
    request: WireRequest,
    connection: ConnectionInfo,
    control: ExchangeControl,
    timers: Timers,
    running: Set<ScriptedExchange>
  ) {
    this.#steps = steps
    this.#request = request
    this.#connection = connection
    this.#control = control
    this.#timers = timers
    this.#running = running
    this.#affinity = control.affinity
  }

  begin(resume: Resume): void {
    this.#resume = resume
    this.#running.add(this)
    this.#control.register(this)
    this.#control.transaction.requestStart = this.#control.now()
    this.#control.transaction.connection = this.#connection
    this.#control.networkWait(true)
    this.#advance()
  }

  close(): void {
    this.#closed = true
    this.#sink = undefined
    this.#leave()
    // the rest of a small body would have come at once
    this.#settle(this.#ended)
  }
  take(): Uint8Array | undefined {
    if (!this.#ended || this.#error !== undefined || this.#sink !== undefined) return undefined
    const whole = new Uint8Array(this.#heldBytes)
    let offset = 0
    for (const bytes of this.#held) {
      whole.set(bytes, offset)
      offset += bytes.length
    }
    this.#held = []
    return whole
  }
  start(sink: BodySink): void {
    this.#sink = sink
    if (!this.#ended) this.#control.networkWait(true)
    this.#flush()
    this.#advance()
  }
  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    this.#flush()
    this.#advance()
  }
  cancel(): void {
    this.#control.unregister(this)
    this.close()
  }

  /** As a real one keeps its connection, where that is wanted and the response was whole. */
  #settle(whole: boolean): void {
    const affinity = this.#affinity
    this.#affinity = undefined
    if (affinity === undefined) return
    if (whole && affinity.holding) affinity.kept({ info: this.#connection, release: () => {} })
    else affinity.lost()
  }

  #leave(): void {
    this.#timer?.cancel()
    this.#running.delete(this)
  }

  get #blocked(): boolean {
    return this.#closed || this.#timer !== undefined || this.#ended || this.#error !== undefined ||
      (this.#sink === undefined ? this.#heldBytes > readAhead : this.#paused)
  }

  #advance(): void {
    while (!this.#blocked) {
      const step = this.#steps[this.#position++]
      if (step === undefined) return
      switch (step._tag) {
        case "Delay":
          this.#timer = this.#timers.after(step.milliseconds, () => {
            this.#timer = undefined
            this.#advance()
          })
          break
        case "Informational":
          this.#control.touch()
          this.#control.informational(step.status, step.headers)
          break
        case "Head":
          this.#head(step.status, step.headers, step.length)
          break
        case "Bytes":
          this.#control.touch()
          this.#control.transaction.responseBodyBytes += step.bytes.length
          if (this.#request.method !== "HEAD") {
            this.#held.push(step.bytes)
            this.#heldBytes += step.bytes.length
          }
          this.#flush()
          break
        case "End":
          this.#end(step.trailers)
          break
        case "Fail":
          this.#fail(step.error)
          break
      }
    }
  }

  #head(status: number, fields: HeaderFields, length: number | undefined): void {
    this.length = length
    this.#control.touch()
    this.#control.transaction.responseStart = this.#control.now()
    this.#control.unpark()
    const resume = this.#resume
    this.#resume = undefined
    resume?.(
      Effect.succeed({ status, reason: "", fields, body: this, url: this.#request.url, connection: this.#connection })
    )
  }

  #end(trailers: HeaderFields): void {
    this.#ended = true
    this.trailers = trailers
    this.#control.transaction.responseEnd = this.#control.now()
    this.#control.unregister(this)
    this.#leave()
    this.#settle(true)
    this.#flush()
    this.#control.arrived()
  }

  #fail(error: ExchangeError): void {
    this.#error = error
    this.#control.unregister(this)
    this.#leave()
    this.#settle(false)
    const resume = this.#resume
    this.#resume = undefined
    if (resume === undefined) return this.#flush()
    this.#control.unpark()
    resume(Effect.fail(error))
  }

  #flush(): void {
    while (!this.#paused && this.#sink !== undefined && this.#held.length > 0) {
      const bytes = this.#held.shift()
      if (bytes === undefined) return
      this.#heldBytes -= bytes.length
      this.#sink.onBytes(bytes)
    }
    const sink = this.#sink
    if (sink === undefined || this.#paused || this.#held.length > 0) return
    if (this.#error !== undefined) {
      this.#sink = undefined
      sink.onError(this.#error)
    } else if (this.#ended) {
      this.#sink = undefined
      sink.onEnd(this.trailers)
    }
  }
}
