/** A connection that is kept between the messages of one exchange of a scheme that is bound to it: nobody else gets it. */
import type { ConnectionAffinity, ConnectionInfo, HeldConnection } from "@urlsession/core/Transport"
import type { Home, Http1Connection } from "./http1Connection.ts"

/** See the head of this file. */
export class Held implements HeldConnection {
  readonly #connection: Http1Connection
  readonly #affinity: ConnectionAffinity
  readonly #home: Home
  #over = false

  constructor(connection: Http1Connection, affinity: ConnectionAffinity, home: Home) {
    this.#connection = connection
    this.#affinity = affinity
    this.#home = home
    connection.held = this
  }

  get info(): ConnectionInfo {
    return this.#connection.info
  }

  readonly release = (reusable: boolean): void => {
    const connection = this.take(this.#home)
    if (connection !== undefined) this.#home.giveBack(connection, reusable)
  }

  /** For the next message; `undefined` where it is of another pool, or over. */
  take(home: Home): Http1Connection | undefined {
    if (this.#over || home !== this.#home) return undefined
    this.#over = true
    this.#connection.held = undefined
    return this.#connection
  }

  /** It has ended by itself. */
  ended(): void {
    this.#over = true
    this.#connection.held = undefined
    this.#affinity.lost()
  }
}
