/** Collects the attempts of every task of a session: what went over the transport, what was measured, what was decided. */
import * as Effect from "effect/Effect"
import type { HarEntry, HarService } from "../../Har.ts"
import type { ConnectionInfo, SessionTransport, TransactionRecord } from "../../Transport.ts"
import { Budget, Gatherer } from "../recorder/gatherer.ts"
import type { Entry, RecordedBody } from "../recorder/model.ts"
import { recordingSession } from "../recorder/recordingTransport.ts"
import { type Redaction, redactRequestUrl } from "../recorder/redaction.ts"
import type { Recorded, Recordings } from "../recorder/tape.ts"
import type { ExchangeContext } from "../session/exchangeContext.ts"
import type { Instrument } from "../session/instrument.ts"
import { measured } from "../session/transaction.ts"
import { documentOf, entryOf, measuredEntry } from "./document.ts"

/** What is kept. */
export interface CollectorOptions {
  readonly redaction: Redaction
  readonly bodies: boolean
  readonly maximumBodyBytes: number
  readonly maximumBytes: number
  readonly maximumEntries: number
}

/** An entry, and the bytes of bodies that it holds. */
interface Kept {
  readonly har: HarEntry
  readonly bytes: number
}

const keptBytes = (body: RecordedBody | undefined): number => body?._tag === "Kept" ? body.bytes.length : 0

/** See the head of this file. */
export class HarCollector implements HarService, Instrument, Recordings {
  readonly options: CollectorOptions
  readonly #budget: Budget
  readonly #recorded = new WeakMap<TransactionRecord, Entry>()
  /** The final bodies, decoded. */
  readonly #bodies = new WeakMap<ExchangeContext, Gatherer>()
  #kept: Array<Kept> = []

  constructor(options: CollectorOptions) {
    this.options = options
    this.#budget = new Budget(options.bodies ? options.maximumBytes : 0)
  }

  readonly document = Effect.sync(() => documentOf(this.#kept.map(({ har }) => har)))
  readonly clear = Effect.sync(() => {
    for (const { bytes } of this.#kept) this.#budget.left += bytes
    this.#kept = []
  })

  // ---- the exchanges' side

  begin(): number {
    return 0
  }

  gatherer(): Gatherer {
    return new Gatherer(this.#budget, this.options.maximumBodyBytes)
  }

  end({ transaction }: Recorded, _seat: number, entry: Entry, _info: ConnectionInfo | undefined): boolean {
    this.#recorded.set(transaction, entry)
    return true
  }

  // ---- the session's side

  transport(inner: SessionTransport): SessionTransport {
    return recordingSession(inner, this)
  }

  began(task: ExchangeContext): void {
    if (!this.options.bodies) return
    const gatherer = this.gatherer()
    this.#bodies.set(task, gatherer)
    task.tap = (bytes) => gatherer.add(bytes)
  }

  ended(task: ExchangeContext): void {
    const { decisions, taskInterval, transactions } = task.metrics
    const own = task.transactions
    own.forEach((transaction, attempt) => {
      const one = transactions[attempt] ?? measured(transaction)
      const recorded = this.#recorded.get(transaction) ??
        measuredEntry(one, taskInterval.end, redactRequestUrl(transaction.url, this.options.redaction))
      const entry = attempt === own.length - 1 ? this.#withFinalBody(recorded, task) : recorded
      this.#keep(
        entryOf(entry, {
          measured: one,
          attempt,
          attempts: own.length,
          decisions: decisions ?? [],
          taskIdentifier: task.taskIdentifier
        }),
        entry
      )
    })
  }

  /** Viewers show a body as its reader had it, without the coding. */
  #withFinalBody(entry: Entry, task: ExchangeContext): Entry {
    const body = this.#bodies.get(task)?.finish()
    if (entry.response === undefined || body?._tag !== "Kept" || body.bytes.length === 0) return entry
    this.#budget.left += keptBytes(entry.response.body)
    return { ...entry, response: { ...entry.response, body } }
  }

  #keep(har: HarEntry, entry: Entry): void {
    this.#kept.push({ har, bytes: keptBytes(entry.request.body) + keptBytes(entry.response?.body) })
    if (this.#kept.length <= this.options.maximumEntries) return
    const oldest = this.#kept.shift()
    this.#budget.left += oldest?.bytes ?? 0
  }
}
