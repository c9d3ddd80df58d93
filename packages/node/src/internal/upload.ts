/** A request on its way out: the head, and a large body in slices, so that progress can be told and the rest kept back. */
import { encodeHead } from "@urlsession/core/Http1"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { WireRequest } from "@urlsession/core/Transport"
import type { Connection } from "./connection.ts"
import { requestError } from "./errors.ts"

const slice = 256 * 1024
/** Bodies up to this size go out together with their head. */
const smallBody = 64 * 1024

/** The head of a request as Latin-1 text, or why there is none. */
export const requestHead = (request: WireRequest): string | ExchangeError => {
  const head = encodeHead({
    method: request.method,
    target: request.url.target,
    host: request.url.authority,
    fields: request.fields,
    bodyLength: request.body?.bytes.length,
    keepAlive: true,
    expectContinue: false
  })
  return typeof head === "string" ? head : requestError(head, request.method, request.url.href)
}

/** Writes a request; what it gives back goes on by itself until all of a large body is out. */
export const writeRequest = (
  connection: Connection,
  head: string,
  body: Uint8Array | undefined,
  listener: { readonly sent: (bytes: number) => void }
): Upload | undefined => {
  if (body === undefined || body.length === 0) {
    connection.writeText(head)
    return undefined
  }
  if (body.length <= smallBody) {
    connection.writeBoth(head, body)
    return undefined
  }
  connection.writeText(head)
  const upload = new Upload(connection, body, listener)
  upload.next()
  return upload
}

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
