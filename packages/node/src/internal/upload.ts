/** The body of a request on its way out, piece by piece: told as it goes, held back for a `100 Continue`, stopped at will. */
import { chunkEnd, chunkHead, encodeHead, lastChunk } from "@urlsession/core/Http1"
import type { DelegateFailed, ExchangeError, InvalidRequest } from "@urlsession/core/SessionError"
import {
  bodyLength,
  type BodySource,
  type BodySourceSink,
  type TimerHandle,
  type Timers,
  type WireRequest,
  type WireRequestBody
} from "@urlsession/core/Transport"
import type { Connection } from "./connection.ts"
import { requestError } from "./errors.ts"

const slice = 256 * 1024
/** Bodies up to this size go out together with their head. */
export const smallBody = 64 * 1024
/** Milliseconds that a server may take to say `100 Continue`. */
const continueTime = 1000

/** The head of a request as Latin-1 text, or why there is none; for a proxy where it is given to one. */
export const requestHead = (
  request: WireRequest,
  expectContinue: boolean,
  proxy: { readonly authorization: string | undefined } | undefined
): string | ExchangeError => {
  const { authority, origin, target } = request.url
  const head = encodeHead({
    method: request.method,
    target: proxy === undefined ? target : `${origin}${target}`,
    host: authority,
    fields: proxy?.authorization === undefined
      ? request.fields
      : [...request.fields, { name: "proxy-authorization", value: proxy.authorization }],
    bodyLength: request.body === undefined ? undefined : bodyLength(request.body) ?? "chunked",
    keepAlive: true,
    expectContinue
  })
  return typeof head === "string" ? head : requestError(head, request.method, request.url.href)
}

/** Where the bytes of a body go. */
export interface BodyTarget {
  /** `done` hears once, when the network has taken the bytes or will not; until then they must not change. */
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void
  /** That was all of it. */
  end(): void
}

/** Hears an upload. */
export interface UploadListener {
  /** So many bytes of the body have gone out. */
  sent(total: number): void
  /** All of it has gone out. */
  uploaded(): void
  /** The body itself waits, or does no longer: that is not the network's time. */
  starved(waiting: boolean): void
  /** It cannot be sent to its end. */
  unsendable(error: InvalidRequest | DelegateFailed): void
}

/** A body over HTTP/1.1: as it is where its length was announced, else in chunks (RFC 9112 7.1). */
export class Http1Target implements BodyTarget {
  readonly #connection: Connection
  readonly #chunked: boolean

  constructor(connection: Connection, body: WireRequestBody) {
    this.#connection = connection
    this.#chunked = bodyLength(body) === undefined
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.#chunked) this.#connection.writeFramed(chunkHead(bytes.length), bytes, chunkEnd, done)
    else this.#connection.writeBytes(bytes, done)
  }

  end(): void {
    if (this.#chunked) this.#connection.writeText(lastChunk())
  }
}

/** See the head of this file. */
export class Upload implements BodySourceSink {
  readonly #body: WireRequestBody
  readonly #target: BodyTarget
  readonly #listener: UploadListener
  #source: BodySource | undefined = undefined
  #timer: TimerHandle | undefined = undefined
  #sent = 0
  /** What is left of the piece that is being sent. */
  #rest: Uint8Array | undefined = undefined
  #pulling = false
  #starving = false
  #stopped = false
  /** Nothing of it has been sent yet: the server is to say that it wants it. */
  held = false
  /** All of it has been taken by the network. */
  done = false

  constructor(body: WireRequestBody, target: BodyTarget, listener: UploadListener) {
    this.#body = body
    this.#target = target
    this.#listener = listener
  }

  /** Waits for `proceed`, but not for ever: many servers know no `100 Continue` (RFC 9110 10.1.1). */
  hold(timers: Timers): void {
    this.held = true
    this.#timer = timers.after(continueTime, () => this.proceed())
  }

  proceed(): void {
    if (!this.held || this.#stopped) return
    this.held = false
    this.#timer?.cancel()
    this.begin()
  }

  begin(): void {
    if (this.#body._tag === "Stream") this.#source = this.#body.open(this)
    this.#next()
  }

  /** Sends no more. Idempotent. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.held = false
    this.#timer?.cancel()
    this.#source?.close()
    this.#starve(false)
  }

  // ---- the source

  onPiece(borrowed: Uint8Array): void {
    this.#starve(false)
    if (!this.#stopped) this.#write(borrowed)
  }

  onEnd(): void {
    this.#starve(false)
    if (!this.#stopped) this.#finish()
  }

  onError(error: InvalidRequest | DelegateFailed): void {
    this.#starve(false)
    if (this.#stopped) return
    this.stop()
    this.#listener.unsendable(error)
  }

  // ---- pieces

  #next(): void {
    const rest = this.#rest
    if (rest !== undefined) return this.#write(rest)
    const body = this.#body
    if (body._tag === "Bytes") {
      if (this.#sent === body.bytes.length) return this.#finish()
      return this.#write(body.bytes)
    }
    this.#pulling = true
    this.#source?.pull()
    if (this.#pulling) this.#starve(true)
  }

  #starve(waiting: boolean): void {
    this.#pulling = waiting
    if (this.#starving === waiting) return
    this.#starving = waiting
    this.#listener.starved(waiting)
  }

  // in slices, so that it is seen how a large piece goes
  #write(piece: Uint8Array): void {
    const bytes = piece.length > slice ? piece.subarray(0, slice) : piece
    this.#rest = piece.length > slice ? piece.subarray(slice) : undefined
    const { length } = bytes
    this.#target.write(bytes, (error) => {
      // a failed write is the connection's to tell
      if (error !== undefined && error !== null) return
      this.#sent += length
      this.#listener.sent(this.#sent)
      if (!this.#stopped) this.#next()
    })
  }

  #finish(): void {
    this.#target.end()
    this.done = true
    this.#source?.close()
    this.#listener.uploaded()
  }
}
