/** One exchange that is replayed: what was recorded happens again, at once or at the recorded times. */
import * as Effect from "effect/Effect"
import { HeaderFields } from "../../HeaderFields.ts"
import { type ExchangeError, InvalidResponse } from "../../SessionError.ts"
import type {
  BodySink,
  Closeable,
  ConnectionInfo,
  ExchangeControl,
  TimerHandle,
  Timers,
  WireBody,
  WireRequest,
  WireResponse
} from "../../Transport.ts"
import { displayUrl } from "../displayUrl.ts"
import { RecordingError } from "./error.ts"
import { errorOf } from "./failure.ts"
import type { Entry, RecordedResponse } from "./model.ts"

/** Bytes that are read ahead without demand, as on a real connection; and the most that is handed on in one piece. */
const readAhead = 64 * 1024

type Resume = (effect: Effect.Effect<WireResponse, ExchangeError>) => void

/** Something that happens at a time, in milliseconds since the request went out. */
interface Happening {
  readonly at: number
  readonly happen: () => void
}

const none = new Uint8Array(0)

/** The recording does not have what is asked for. */
export const unavailable = (error: RecordingError, url: string): InvalidResponse =>
  new InvalidResponse({ url, cause: error, reason: { _tag: "ResourceUnavailable", detail: error.message } })

/** See the head of this file. */
export class ReplayedExchange implements WireBody, Closeable {
  readonly length: number | undefined
  readonly delimited: boolean
  trailers = HeaderFields.empty
  readonly #entry: Entry
  readonly #request: WireRequest
  readonly #connection: ConnectionInfo | undefined
  readonly #control: ExchangeControl
  readonly #timers: Timers
  readonly #running: Set<unknown>
  readonly #bytes: Uint8Array
  readonly #plan: ReadonlyArray<Happening>
  readonly #begunAt: number
  #position = 0
  #resume: Resume | undefined = undefined
  #timer: TimerHandle | undefined = undefined
  #sink: BodySink | undefined = undefined
  #begun = false
  #paused = false
  #delivering = false
  #available = 0
  #given = 0
  #ended = false
  #error: ExchangeError | undefined = undefined
  #closed = false

  constructor(
    entry: Entry,
    request: WireRequest,
    connection: ConnectionInfo | undefined,
    control: ExchangeControl,
    timers: Timers,
    realTime: boolean,
    running: Set<unknown>
  ) {
    const body = entry.response?.body
    this.#entry = entry
    this.#request = request
    this.#connection = connection
    this.#control = control
    this.#timers = timers
    this.#running = running
    this.length = entry.response?.length
    this.delimited = entry.response?.delimited ?? true
    this.#bytes = body?._tag === "Kept" ? body.bytes : none
    this.#plan = this.#planned(realTime)
    this.#begunAt = control.now()
  }

  begin(resume: Resume): void {
    this.#resume = resume
    this.#running.add(this)
    this.#control.register(this)
    this.#advance()
  }

  close(): void {
    this.#closed = true
    this.#sink = undefined
    this.#timer?.cancel()
    this.#running.delete(this)
  }

  // ---- what happens, and when

  #planned(realTime: boolean): ReadonlyArray<Happening> {
    const { duration, informational, request, response, times } = this.#entry
    const sent = request.body === undefined ? 0 : times.requestEnd ?? 0
    const plan: Array<Happening> = []
    const add = (after: number, happen: () => void) => plan.push({ at: realTime ? after - sent : 0, happen })
    for (const one of informational) {
      // a `100` was said before there was a body
      if (one.status === 100 && request.body !== undefined) continue
      add(one.after, () => {
        this.#control.touch()
        this.#control.informational(one.status, HeaderFields.fromEntries(one.fields))
      })
    }
    if (response !== undefined) {
      const head = times.responseStart ?? duration
      const end = Math.max(head, times.responseEnd ?? duration)
      add(head, () => this.#head(response))
      const count = realTime ? Math.ceil(this.#bytes.length / readAhead) : 1
      for (let i = 1; i <= count; i++) {
        add(head + (end - head) * (i / count), () => this.#arrive(Math.ceil(this.#bytes.length * (i / count))))
      }
      add(end, () => this.#end())
    } else add(duration, () => this.#end())
    return plan
  }

  #advance(): void {
    for (let next = this.#plan[this.#position]; next !== undefined; next = this.#plan[this.#position]) {
      if (this.#closed || this.#timer !== undefined) return
      const wait = next.at <= 0 ? 0 : this.#begunAt + next.at - this.#control.now()
      if (wait > 0) {
        this.#timer = this.#timers.after(wait, () => {
          this.#timer = undefined
          this.#advance()
        })
        return this.#waiting()
      }
      this.#position++
      next.happen()
    }
  }

  /** The idle timer runs while somebody waits for what is still to come. */
  #waiting(): void {
    if (this.#closed) return
    const done = this.#ended && this.#given === this.#available
    this.#control.networkWait(!done && (this.#resume !== undefined || (this.#sink !== undefined && !this.#paused)))
  }

  #head({ fields, headerBytes, reason, status }: RecordedResponse): void {
    const { transaction } = this.#control
    this.#control.touch()
    transaction.responseStart = this.#control.now()
    transaction.responseHeaderBytes = headerBytes
    this.#control.unpark()
    const resume = this.#resume
    this.#resume = undefined
    resume?.(Effect.succeed({
      status,
      reason,
      fields: HeaderFields.fromEntries(fields),
      body: this,
      url: this.#request.url,
      connection: this.#connection
    }))
  }

  #arrive(available: number): void {
    this.#control.touch()
    this.#available = available
    this.#deliver()
  }

  #end(): void {
    const { ending, response } = this.#entry
    if (response?.body._tag === "LeftOut") this.#error = this.#noBody("it was longer than what a body may be there")
    else if (ending._tag === "Failed") this.#error = errorOf(ending.error, this.#request.url.href)
    else if (ending._tag === "Cancelled") {
      this.#error = this.#noBody("the program that was recorded did not want the rest")
    } // whoever was recorded waited in vain, and so does this one
    else if (ending._tag === "Interrupted") return this.#waiting()
    this.#ended = true
    const resume = this.#resume
    if (resume === undefined) return this.#deliver()
    this.#resume = undefined
    this.#leave()
    this.#control.unpark()
    resume(Effect.fail(this.#error ?? this.#noBody("there is no response in it")))
  }

  #noBody(detail: string): ExchangeError {
    const asked = `${this.#request.method} ${displayUrl(this.#request.url.href)}`
    return unavailable(new RecordingError({ reason: { _tag: "NoBody", asked, detail } }), this.#request.url.href)
  }

  /** Nothing of it is on the wire any more. */
  #leave(): void {
    this.#control.transaction.responseEnd ??= this.#control.now()
    this.#control.unregister(this)
    this.#control.networkWait(false)
    this.#running.delete(this)
  }

  // ---- the reader's side

  take(): Uint8Array | undefined {
    if (!this.#ended || this.#error !== undefined || this.#begun || this.#bytes.length > readAhead) return undefined
    this.#begun = true
    // a recording may be replayed again, and the reader owns what it takes
    return this.#bytes.slice()
  }

  start(sink: BodySink): void {
    if (this.#begun) return
    this.#begun = true
    this.#sink = sink
    this.#deliver()
    this.#waiting()
  }

  pause(): void {
    this.#paused = true
    this.#waiting()
  }

  resume(): void {
    this.#paused = false
    this.#deliver()
    this.#waiting()
  }

  cancel(): void {
    this.#control.unregister(this)
    this.close()
  }

  #deliver(): void {
    this.#settle()
    if (this.#delivering) return
    this.#delivering = true
    while (this.#sink !== undefined && !this.#paused && this.#given < this.#available) {
      const piece = this.#bytes.subarray(this.#given, Math.min(this.#available, this.#given + readAhead))
      this.#given += piece.length
      this.#settle()
      this.#sink.onBytes(piece)
    }
    this.#delivering = false
    const sink = this.#sink
    if (sink === undefined || !this.#ended || this.#paused || this.#given < this.#available) return
    this.#sink = undefined
    if (this.#error === undefined) sink.onEnd(this.trailers)
    else sink.onError(this.#error)
  }

  /** What is left is no more than what would have been read ahead: the wire is done, read or not. */
  #settle(): void {
    if (!this.#ended || !this.#running.has(this) || this.#bytes.length - this.#given > readAhead) return
    this.#control.transaction.responseBodyBytes = this.#bytes.length
    this.trailers = HeaderFields.fromEntries(this.#entry.response?.trailers ?? [])
    this.#leave()
    if (this.#error === undefined) this.#control.arrived()
  }
}
