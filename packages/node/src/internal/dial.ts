/** One way to a server: the race of its addresses (RFC 8305), the handshake of the winner, and what comes before a verdict. */
import type { TimerHandle, Timers } from "@urlsession/core/Transport"
import { copyOf } from "./buffers.ts"
import type { Connection, ConnectionListener } from "./connection.ts"
import { type Shown, shownBy } from "./trust.ts"

/** A resolved address. */
export interface Candidate {
  readonly address: string
  readonly family: 4 | 6
  /** Of a Unix domain socket, in place of an address. */
  readonly path?: string | undefined
}

/** The order of RFC 8305 4: families alternate, beginning with that of the first address. */
export const interleave = (candidates: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> => {
  const first = candidates[0]?.family
  const same = candidates.filter((one) => one.family === first)
  const other = candidates.filter((one) => one.family !== first)
  const order: Array<Candidate> = []
  for (let i = 0; i < Math.max(same.length, other.length); i++) {
    const a = same[i]
    const b = other[i]
    if (a !== undefined) order.push(a)
    if (b !== undefined) order.push(b)
  }
  return order
}

/** What a connection may say before its server has been judged. */
const earlyLimit = 64 * 1024

/** One address that is being tried, and then the connection that waits for its verdict: whatever it says is kept unparsed. */
export class Attempt implements ConnectionListener {
  readonly candidate: Candidate
  readonly connection: Connection
  connected = false
  secured = false
  broken = false
  brokenBy: Error | undefined = undefined
  tooEarly = false
  /** What the server presented, after the handshake. */
  shown: Shown | undefined = undefined
  /** Told when it ends while it waits for its verdict. */
  whenBroken: (() => void) | undefined = undefined
  readonly #dial: Dial
  #early: Uint8Array | undefined = undefined

  constructor(
    dial: Dial,
    candidate: Candidate,
    open: (candidate: Candidate, listener: ConnectionListener) => Connection
  ) {
    this.#dial = dial
    this.candidate = candidate
    this.connection = open(candidate, this)
  }

  /** The bytes that came early. */
  get early(): Uint8Array | undefined {
    return this.#early
  }

  onConnect(): void {
    this.connected = true
    this.#dial.connected(this)
  }
  onSecure(): void {
    const socket = this.connection.secureSocket
    try {
      // at once: a socket that has ended shows nothing any more
      if (socket !== undefined) this.shown = shownBy(socket, this.connection.stapled)
    } catch (error) {
      this.connection.destroy()
      return this.#break(error instanceof Error ? error : new Error(String(error)))
    }
    this.secured = true
    this.#dial.secured(this)
  }
  onBytes(buffer: Uint8Array, length: number): void {
    const before = this.#early
    if ((before?.length ?? 0) + length > earlyLimit) {
      this.tooEarly = true
      this.connection.destroy()
      return this.#break(undefined)
    }
    if (before === undefined) {
      this.#early = copyOf(buffer.subarray(0, length))
      return
    }
    const joined = new Uint8Array(before.length + length)
    joined.set(before)
    joined.set(buffer.subarray(0, length), before.length)
    this.#early = joined
  }
  onEnd(): void {
    this.#break(undefined)
  }
  onError(error: Error): void {
    this.#break(error)
  }
  onClose(): void {
    this.#break(undefined)
  }
  readsOnAfterWriteError(): boolean {
    return false
  }

  #break(error: Error | undefined): void {
    if (this.broken) return
    this.broken = true
    this.brokenBy = error
    this.#dial.failed(this, error)
  }
}

/** What a dial comes to. Exactly one of `onReady` and `onFailed` is called. */
export interface DialEvents {
  /** An address was connected first; the handshake, where there is one, begins. */
  readonly onConnected: (attempt: Attempt) => void
  /** Connected, and after the handshake where there is one. */
  readonly onReady: (attempt: Attempt) => void
  /** `attempt` is there if it was connected: then the handshake failed. Without any, all addresses did. */
  readonly onFailed: (error: Error | undefined, attempt: Attempt | undefined) => void
}

/** See the head of this file. */
export class Dial {
  readonly #candidates: ReadonlyArray<Candidate>
  readonly #open: (candidate: Candidate, listener: ConnectionListener) => Connection
  readonly #secure: boolean
  readonly #delay: number
  readonly #timers: Timers
  readonly #events: DialEvents
  readonly #racing = new Set<Attempt>()
  #next = 0
  #stagger: TimerHandle | undefined = undefined
  #winner: Attempt | undefined = undefined
  #ready = false
  #over = false
  #error: Error | undefined = undefined

  /** `candidates` in the order in which they are tried, a new one every `delay` milliseconds. */
  constructor(options: {
    readonly candidates: ReadonlyArray<Candidate>
    readonly open: (candidate: Candidate, listener: ConnectionListener) => Connection
    readonly secure: boolean
    readonly delay: number
    readonly timers: Timers
    readonly events: DialEvents
  }) {
    this.#candidates = options.candidates
    this.#open = options.open
    this.#secure = options.secure
    this.#delay = options.delay
    this.#timers = options.timers
    this.#events = options.events
  }

  start(): void {
    this.#stagger?.cancel()
    this.#stagger = undefined
    const candidate = this.#candidates[this.#next++]
    if (candidate === undefined) return
    if (this.#next < this.#candidates.length) this.#stagger = this.#timers.after(this.#delay, () => this.start())
    this.#racing.add(new Attempt(this, candidate, this.#open))
  }

  /** Destroys whatever is open, the winner too. Idempotent; nothing is called afterwards. */
  cancel(): void {
    this.#over = true
    this.#stagger?.cancel()
    for (const attempt of this.#racing) attempt.connection.destroy()
    this.#racing.clear()
    this.#winner?.connection.destroy()
  }

  connected(attempt: Attempt): void {
    if (this.#over || this.#winner !== undefined) return
    this.#stagger?.cancel()
    this.#winner = attempt
    this.#racing.delete(attempt)
    for (const loser of this.#racing) loser.connection.destroy()
    this.#racing.clear()
    this.#events.onConnected(attempt)
    if (!this.#secure) this.#isReady(attempt)
  }

  secured(attempt: Attempt): void {
    if (!this.#over && attempt === this.#winner) this.#isReady(attempt)
  }

  failed(attempt: Attempt, error: Error | undefined): void {
    if (this.#over) return
    if (attempt === this.#winner) {
      if (this.#ready) return attempt.whenBroken?.()
      this.#over = true
      return this.#events.onFailed(error, attempt)
    }
    // not in the race: it lost, and was destroyed for that
    if (!this.#racing.delete(attempt)) return
    this.#error ??= error
    if (this.#next < this.#candidates.length) return this.start()
    if (this.#racing.size > 0) return
    this.#over = true
    this.#events.onFailed(this.#error, undefined)
  }

  #isReady(attempt: Attempt): void {
    this.#ready = true
    this.#events.onReady(attempt)
  }
}
