/** A request body on its way out, in slices, so that progress can be told and the rest kept back. */
import type { Connection } from "./connection.ts"

const slice = 256 * 1024

/** See the head of this file. */
export class Upload {
  readonly #connection: Connection
  readonly #bytes: Uint8Array
  readonly #listener: { readonly sent: (bytes: number) => void }
  #offset = 0
  #stopped = false
  /** All of it has been taken by the kernel. */
  done = false

  constructor(connection: Connection, bytes: Uint8Array, listener: { readonly sent: (bytes: number) => void }) {
    this.#connection = connection
    this.#bytes = bytes
    this.#listener = listener
  }

  next(): void {
    const end = Math.min(this.#bytes.length, this.#offset + slice)
    this.#connection.writeBytes(this.#bytes.subarray(this.#offset, end), (error) => {
      // a failed write is the connection's to tell
      if (error !== undefined && error !== null) return
      this.#offset = end
      this.done = end === this.#bytes.length
      this.#listener.sent(end)
      if (!this.done && !this.#stopped) this.next()
    })
  }

  /** Sends no more. */
  stop(): void {
    this.#stopped = true
  }
}
