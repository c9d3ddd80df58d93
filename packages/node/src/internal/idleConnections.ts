/** The HTTP/1.1 connections of a pool that nobody uses: which one is lent next, and when the others are closed. */
import type { TimerHandle, Timers } from "@urlsession/core/Transport"
import type { Http1Connection } from "./http1Connection.ts"

/** Milliseconds without traffic after which the end of a connection may lie unseen in the kernel. */
const stale = 1000
const stall = 100

/** Whether a connection may have ended without anybody having seen it: the next turns of the loop show that, and never a write. */
export const maybeEnded = (silent: number, turns: number): boolean => silent > stale || turns > stall

/** See the head of this file. */
export class IdleConnections {
  // the last one given back is lent first, so that the others can grow old and go
  readonly #connections: Array<Http1Connection> = []
  readonly #timers: Timers
  readonly #timeout: number
  readonly #closed: () => void
  #sweep: TimerHandle | undefined = undefined

  /** `closed` hears that old ones have been closed. */
  constructor(timers: Timers, timeout: number, closed: () => void) {
    this.#timers = timers
    this.#timeout = timeout
    this.#closed = closed
  }

  get size(): number {
    return this.#connections.length
  }

  /** One that can be lent. */
  take(): Http1Connection | undefined {
    for (let one = this.#connections.pop(); one !== undefined; one = this.#connections.pop()) {
      if (!one.dead && this.#timers.now() < one.idleUntil) return one
      one.destroy()
    }
    return undefined
  }

  takeOldest(): Http1Connection | undefined {
    return this.#connections.shift()
  }

  add(connection: Http1Connection, turn: number): void {
    const timeout = connection.parser.keepAliveTimeout
    // a second before the server closes it, so as not to meet the end half-way
    const most = timeout === undefined ? this.#timeout : Math.min(this.#timeout, timeout * 1000 - 1000)
    if (most <= 0) {
      connection.destroy()
      return
    }
    const now = this.#timers.now()
    connection.idleSince = now
    connection.idleUntil = now + most
    connection.idleSinceTurn = turn
    connection.connection.unref()
    this.#connections.push(connection)
    this.#sweep ??= this.#timers.afterWeak(most, () => this.#sweepOld())
  }

  /** It has ended. Whether it was one of these. */
  remove(connection: Http1Connection): boolean {
    const at = this.#connections.indexOf(connection)
    if (at < 0) return false
    this.#connections.splice(at, 1)
    return true
  }

  destroyAll(): void {
    for (const connection of this.#connections.splice(0)) connection.destroy()
  }

  /** Stops looking after them. */
  stop(): void {
    this.#sweep?.cancel()
    this.#sweep = undefined
  }

  #sweepOld(): void {
    this.#sweep = undefined
    const now = this.#timers.now()
    let next = Infinity
    for (const connection of [...this.#connections]) {
      if (connection.idleUntil <= now) {
        this.remove(connection)
        connection.destroy()
      } else if (connection.idleUntil < next) next = connection.idleUntil
    }
    if (next < Infinity) this.#sweep = this.#timers.afterWeak(next - now, () => this.#sweepOld())
    this.#closed()
  }
}
