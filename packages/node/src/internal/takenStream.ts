/** The stream that a connection becomes when it is given away: fed from the connection's callback, never the socket itself. */
import type { Socket } from "node:net"
import { Duplex } from "node:stream"

interface Pausable {
  pause(): void
  resume(): void
  destroy(): void
}

/** See the head of this file. The half that writes keeps the socket's back pressure. */
export class TakenStream extends Duplex {
  readonly #connection: Pausable
  readonly #socket: Socket
  #waiting: (() => void) | undefined = undefined

  constructor(connection: Pausable, socket: Socket, first: Uint8Array | undefined) {
    super({ allowHalfOpen: true })
    this.#connection = connection
    this.#socket = socket
    if (first !== undefined && first.length > 0) this.push(first)
    connection.resume()
  }

  onBytes(bytes: Uint8Array): void {
    if (!this.push(bytes)) this.#connection.pause()
  }
  onEnd(): void {
    this.push(null)
  }
  onError(error: Error): void {
    this.destroy(error)
  }
  onClose(): void {
    if (!this.readableEnded) this.push(null)
    this.destroy()
  }
  onDrain(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.()
  }

  override _read(): void {
    this.#connection.resume()
  }
  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket.write(chunk)) done()
    else this.#waiting = done
  }
  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done())
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#connection.destroy()
    done(error)
  }
}
