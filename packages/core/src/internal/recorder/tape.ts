/** What has been recorded so far: the entries in the order in which they began, within the limit of the whole. */
import * as Either from "effect/Either"
import type { ConnectionInfo, TransactionRecord, TransportService } from "../../Transport.ts"
import { Budget, Gatherer } from "./gatherer.ts"
import type { Entry, RecordedConnection, RecordedFields, Recording } from "./model.ts"
import type { Redaction } from "./redaction.ts"

/** How it is recorded. */
export interface TapeOptions {
  readonly redaction: Redaction
  readonly redact: ((entry: Entry) => Entry | undefined) | undefined
  readonly maximumBodyBytes: number
  readonly maximumBytes: number
}

/** An exchange that is being recorded. */
export interface Recorded {
  readonly transaction: TransactionRecord
  /** Whatever has arrived and was not read yet is part of it. */
  settle(): void
  /** It goes on no more. */
  close(): void
}

/** Where recorded exchanges go. */
export interface Recordings {
  readonly options: { readonly redaction: Redaction }
  /** A seat among the entries. */
  begin(exchange: Recorded): number
  gatherer(): Gatherer
  /** The exchange has ended, on this connection. `false`: its entry was not kept. */
  end(exchange: Recorded, seat: number, entry: Entry, info: ConnectionInfo | undefined): boolean
}

const weightOf = (fields: RecordedFields | undefined): number =>
  fields === undefined ? 0 : fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0)

/** What an entry weighs beside its bodies, roughly: one with nothing in it is not for nothing. */
const weight = (entry: Entry): number =>
  500 + entry.request.url.length + weightOf(entry.request.fields) + weightOf(entry.response?.fields) +
  weightOf(entry.response?.trailers) + entry.informational.reduce((sum, { fields }) => sum + 50 + weightOf(fields), 0)

const weightOfConnection = (connection: RecordedConnection | undefined): number =>
  (connection?.trust?.chain ?? []).reduce((sum, { der }) => sum + 2 * der.length, 200)

/** See the head of this file. */
export class Tape implements Recordings {
  readonly options: TapeOptions
  readonly #service: TransportService
  readonly #budget: Budget
  readonly #seats: Array<Entry | undefined> = []
  readonly #open = new Set<Recorded>()
  readonly #connections = new Map<ConnectionInfo, RecordedConnection>()
  #omitted = 0

  constructor(service: TransportService, options: TapeOptions) {
    this.#service = service
    this.options = options
    this.#budget = new Budget(options.maximumBytes)
  }

  begin(exchange: Recorded): number {
    this.#open.add(exchange)
    return this.#seats.push(undefined) - 1
  }

  gatherer(): Gatherer {
    return new Gatherer(this.#budget, this.options.maximumBodyBytes)
  }

  end(exchange: Recorded, seat: number, entry: Entry, info: ConnectionInfo | undefined): boolean {
    this.#open.delete(exchange)
    const { redact } = this.options
    const known = info === undefined ? undefined : this.#connections.get(info)
    const connection = known ?? (info === undefined ? undefined : this.#numbered(info))
    const whole = { ...entry, connection: connection?.id }
    // a hook that throws has not said that the entry may be kept
    const clean = redact === undefined ? Either.right(whole) : Either.try(() => redact(whole))
    if (Either.isRight(clean) && clean.right === undefined) return false
    const added = connection === known ? 0 : weightOfConnection(connection)
    const kept = Either.isRight(clean) && clean.right !== undefined && this.#budget.take(weight(clean.right) + added)
    if (!kept) {
      this.#omitted++
      return false
    }
    this.#seats[seat] = clean.right
    if (info !== undefined && connection !== undefined) this.#connections.set(info, connection)
    return true
  }

  /** Connections are counted anew: those of one session may be those of another. */
  #numbered({ overridden, protocol, remoteAddress, remotePort, trust }: ConnectionInfo): RecordedConnection {
    return { id: this.#connections.size + 1, protocol, remoteAddress, remotePort, trust, overridden }
  }

  /** What has ended by now, and what has arrived and was not read. */
  recording(): Recording {
    for (const exchange of this.#open) exchange.settle()
    return {
      platform: this.#service.platform,
      capabilities: [...this.#service.capabilities],
      schemes: [...this.#service.schemes],
      connections: [...this.#connections.values()],
      entries: this.#seats.filter((entry) => entry !== undefined),
      omitted: this.#omitted
    }
  }

  /** All of it, at the end: what has not ended never will. */
  close(): Recording {
    for (const exchange of this.#open) exchange.close()
    return this.recording()
  }
}
