/** The HTTP/2 connections of a pool that take requests: one, and more only where nobody reads what fills the others. */
import type { Http2Connection } from "./http2Connection.ts"

/** See the head of this file. */
export class Multiplexed {
  readonly #connections: Array<Http2Connection> = []

  get size(): number {
    return this.#connections.length
  }

  add(connection: Http2Connection): void {
    this.#connections.push(connection)
  }

  /** Whether it was one of these. */
  remove(connection: Http2Connection): boolean {
    const at = this.#connections.indexOf(connection)
    if (at < 0) return false
    this.#connections.splice(at, 1)
    return true
  }

  /** One that takes another request now. */
  roomy(): Http2Connection | undefined {
    for (let i = 0; i < this.#connections.length; i++) {
      const connection = this.#connections[i]
      if (connection?.hasRoom === true) return connection
    }
    return undefined
  }

  /** One of them has room, or will have: a body that nobody reads may take its stream for as long as nobody does. */
  get serves(): boolean {
    return this.#connections.some((connection) => !connection.stuck)
  }

  /** A server has to say something before there is room. */
  get awaitsServer(): boolean {
    return this.#connections.some((connection) => connection.awaitsServer)
  }

  retireAll(): void {
    for (const connection of [...this.#connections]) connection.retire()
  }

  destroyAll(): void {
    for (const connection of [...this.#connections]) connection.destroy()
  }
}
