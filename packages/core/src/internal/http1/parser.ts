/** The reading side of one HTTP/1.1 client connection: bytes in, events out, no input or output of its own. */
import { decodeLatin1 } from "./bytes.ts"
import { ChunkReader } from "./chunkReader.ts"
import {
  defaultLimits,
  type ExchangeStart,
  type ParseFault,
  type ParserEvents,
  type ParserLimits,
  type ParserOptions,
  type ResponseHead
} from "./events.ts"
import { type Framing, framingOf } from "./framing.ts"
import { HeaderFields } from "./headerFields.ts"
import { HeadReader } from "./headReader.ts"
import { FAULT, INCOMPLETE } from "./reading.ts"

export { defaultLimits }
export type { ExchangeStart, ParseFault, ParserEvents, ParserLimits, ParserOptions, ResponseHead }
export { reusable, type ReuseState } from "./framing.ts"
export type { Framing }

const IDLE = 0
const HEAD = 1
const LENGTH = 2
const CLOSE = 3
const CHUNK_FRAME = 4
const CHUNK_DATA = 5
const TRAILERS = 6
const COMPLETE = 7
const TUNNEL = 8
const FAILED = 9

const MAX_TUNNEL_BYTES = 65536

/** The phases of a connection as its owner sees them. */
export type ParserState = "idle" | "head" | "body" | "complete" | "tunnel" | "failed"

const informationalFraming: Framing = { _tag: "None" }

/**
 * Reads the responses of one connection, one exchange after the other (`begin`, then `execute` with whatever comes).
 * Strict about everything two readers could understand differently (RFC 9112 sections 4 to 7, 11): the rest of a
 * connection that failed is never looked at.
 */
export class ResponseParser {
  private readonly events: ParserEvents
  private readonly limits: ParserLimits
  private readonly head: HeadReader
  private readonly chunks: ChunkReader
  private phase = IDLE
  private fresh = true
  private method = ""
  private upgrade = false
  private begun = false
  private extra = false
  private persistent = false
  private timeout = -1
  private expected = -1
  private left = 0
  private received = 0
  private informational = 0
  private informationalBytes = 0
  private tunnel: Uint8Array | undefined = undefined

  constructor(events: ParserEvents, options?: ParserOptions) {
    this.events = events
    this.limits = options?.limits === undefined ? defaultLimits : { ...defaultLimits, ...options.limits }
    this.head = new HeadReader(this.limits.maxHeadBytes, this.limits.maxFields, options?.latin1 ?? decodeLatin1)
    this.chunks = new ChunkReader(this.limits.maxChunkExtensionBytes)
  }

  get state(): ParserState {
    switch (this.phase) {
      case IDLE:
        return "idle"
      case HEAD:
        return "head"
      case COMPLETE:
        return "complete"
      case TUNNEL:
        return "tunnel"
      case FAILED:
        return "failed"
      default:
        return "body"
    }
  }

  /** Whether a byte of this exchange's response was seen. */
  get started(): boolean {
    return this.begun
  }

  /** Whether bytes came that belong to no response. Such a connection may not be used again. */
  get surplus(): boolean {
    return this.extra
  }

  /** Whether the response lets the connection persist, by its version and `Connection`; known with the head. */
  get keepAlive(): boolean {
    return this.persistent
  }

  /** Seconds of `Keep-Alive: timeout`; known with the head. */
  get keepAliveTimeout(): number | undefined {
    return this.timeout === -1 ? undefined : this.timeout
  }

  /** Bytes of body delivered so far. */
  get bodyBytes(): number {
    return this.received
  }

  /** A copy of the bytes behind the head of a 101 or of a 2xx to CONNECT; `undefined` in every other state. */
  get tunnelBytes(): Uint8Array | undefined {
    return this.tunnel
  }

  /** Bytes of the body still to come, where the length is known. */
  remaining(): number | undefined {
    return this.phase === LENGTH ? this.left : this.phase === COMPLETE ? 0 : undefined
  }

  /** Begins one exchange. On a connection that has bytes to spare this is a fault at once; after a fault, nothing. */
  begin(request: ExchangeStart): void {
    if (this.phase === FAILED) {
      return
    }
    this.method = request.method
    this.upgrade = request.upgrade
    this.begun = false
    this.persistent = false
    this.timeout = -1
    this.expected = -1
    this.received = 0
    this.informational = 0
    this.informationalBytes = 0
    if (this.extra || (this.phase !== IDLE && this.phase !== COMPLETE)) {
      this.fail("BadFraming", "an exchange was begun on a connection that is not at the beginning of a message")
      return
    }
    this.phase = HEAD
    this.head.begin(false, this.fresh)
    this.fresh = false
  }

  /** Hears no more: no event comes after this, not even out of the `execute` that is running. */
  abort(): void {
    this.phase = FAILED
    this.tunnel = undefined
  }

  /** Takes the bytes from `start` to `end`, which are only borrowed. */
  execute(bytes: Uint8Array, start: number = 0, end: number = bytes.length): void {
    let p = start
    while (p < end) {
      const phase = this.phase
      switch (phase) {
        case HEAD:
        case TRAILERS: {
          this.begun = true
          const next = this.head.read(bytes, p, end)
          if (next === INCOMPLETE) {
            return
          }
          if (next === FAULT) {
            this.fail(this.head.faultTag, this.head.faultDetail)
            return
          }
          if (phase === HEAD) {
            this.headRead(bytes, next, end)
            if (this.tunnel !== undefined) {
              return
            }
          } else {
            this.complete(
              this.head.flat.length === 0 ? HeaderFields.empty : new HeaderFields(this.head.flat),
              next < end
            )
          }
          p = next
          break
        }
        case LENGTH: {
          const stop = this.left < end - p ? p + this.left : end
          this.left -= stop - p
          this.emit(bytes, p, stop)
          if (this.left === 0 && this.phase === LENGTH) {
            this.complete(HeaderFields.empty, stop < end)
          }
          p = stop
          break
        }
        case CLOSE:
          this.emit(bytes, p, end)
          return
        case CHUNK_DATA: {
          const stop = this.left < end - p ? p + this.left : end
          this.left -= stop - p
          if (this.left === 0) {
            this.phase = CHUNK_FRAME
          }
          this.emit(bytes, p, stop)
          p = stop
          break
        }
        case CHUNK_FRAME: {
          const next = this.chunks.read(bytes, p, end)
          if (next === INCOMPLETE) {
            return
          }
          if (next === FAULT) {
            this.fail("BadChunk", this.chunks.faultDetail)
            return
          }
          this.left = this.chunks.size
          if (this.left === 0) {
            this.phase = TRAILERS
            this.head.begin(true, false)
          } else {
            this.phase = CHUNK_DATA
          }
          p = next
          break
        }
        case TUNNEL:
          this.tunnelled(bytes, p, end)
          return
        case FAILED:
          return
        default:
          this.extra = true
          return
      }
    }
  }

  /** The peer will send nothing more. */
  eof(): void {
    switch (this.phase) {
      case IDLE:
      case COMPLETE:
      case TUNNEL:
      case FAILED:
        return
      case CLOSE:
        this.complete(HeaderFields.empty, false)
        return
      case HEAD:
        if (this.begun) {
          this.fail("UnexpectedEnd", "the connection ended inside a head, or after an informational response")
        } else {
          this.fail("EmptyResponse", "the connection ended before a response")
        }
        return
      default:
        this.fail("UnexpectedEnd", "the connection ended before the end of the body")
    }
  }

  private headRead(bytes: Uint8Array, next: number, end: number): void {
    const head = this.head
    const status = head.status
    const version = head.version
    if (status >= 100 && status < 200 && status !== 101) {
      this.informational++
      this.informationalBytes += head.blockBytes
      if (
        this.informational > this.limits.maxInformational ||
        this.informationalBytes > this.limits.maxInformationalBytes
      ) {
        this.fail("TooManyInformational", "more informational responses, or bytes of them, than the limit")
        return
      }
      const response: ResponseHead = {
        version,
        status,
        reason: head.reason,
        fields: new HeaderFields(head.flat),
        headBytes: head.blockBytes,
        framing: informationalFraming
      }
      head.begin(false, false)
      this.events.onInformational(response)
      return
    }
    if (status === 101 && !this.upgrade) {
      this.fail("UnexpectedUpgrade", "101 Switching Protocols to a request that asked for no upgrade")
      return
    }
    const framing = framingOf(this.method, status, version, this.upgrade, head)
    if (typeof framing === "string") {
      this.fail("BadFraming", framing)
      return
    }
    this.persistent = !head.close && (version === "1.1" || head.persist) &&
      framing._tag !== "Close" && framing._tag !== "Tunnel"
    this.timeout = head.timeout
    let ended = false
    switch (framing._tag) {
      case "None":
        ended = true
        this.left = 0
        this.phase = LENGTH
        break
      case "Length":
        this.expected = framing.length
        this.left = framing.length
        ended = framing.length === 0
        this.phase = LENGTH
        break
      case "Chunked":
        this.chunks.begin()
        this.phase = CHUNK_FRAME
        break
      case "Close":
        this.phase = CLOSE
        break
      case "Tunnel":
        this.phase = TUNNEL
        if (!this.tunnelled(bytes, next, end)) {
          return
        }
        break
    }
    this.events.onHead({
      version,
      status,
      reason: head.reason,
      fields: new HeaderFields(head.flat),
      headBytes: head.blockBytes,
      framing
    })
    if (ended && this.state === "body") {
      this.complete(HeaderFields.empty, next < end)
    }
  }

  private emit(bytes: Uint8Array, start: number, end: number): void {
    this.received += end - start
    this.events.onBody(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  }

  // The phase and the surplus are set first: the listener may decide on reuse, or begin the next exchange, at once.
  private complete(trailers: HeaderFields, surplus: boolean): void {
    this.phase = COMPLETE
    if (surplus) {
      this.extra = true
    }
    this.events.onComplete(trailers)
  }

  // A tunnel's owner takes the connection with the head; what still comes here is kept, but not without end.
  private tunnelled(bytes: Uint8Array, start: number, end: number): boolean {
    const before = this.tunnel
    const length = before === undefined ? 0 : before.length
    if (length + end - start > MAX_TUNNEL_BYTES) {
      this.fail("BadFraming", "nobody takes the bytes of a tunnel")
      return false
    }
    const joined = new Uint8Array(length + end - start)
    if (before !== undefined) {
      joined.set(before)
    }
    joined.set(bytes.subarray(start, end), length)
    this.tunnel = joined
    return true
  }

  private fail(_tag: ParseFault["_tag"], detail: string): void {
    this.phase = FAILED
    this.tunnel = undefined
    this.events.onFault({
      _tag,
      detail,
      bytesReceived: this.received,
      expected: this.expected === -1 ? undefined : this.expected
    })
  }
}
