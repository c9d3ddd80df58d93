/** One HTTP/2 connection for all its life: a session of node:http2 on a byte connection, and the streams on it (RFC 9113). */
import { defaultLimits, type ParseFault } from "@urlsession/core/Http1"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type { ConnectionInfo, TimerHandle, Timers } from "@urlsession/core/Transport"
import { type ClientHttp2Session, connect, constants, type Settings } from "node:http2"
import type { Connection, ConnectionListener } from "./connection.ts"
import type { Connected } from "./connector.ts"
import { nextConnection } from "./http1Connection.ts"
import { malformed } from "./http2Message.ts"
import type { Http2Stream } from "./http2Stream.ts"
import type { Loss } from "./wire.ts"

/** Where a connection belongs. */
export interface Http2Home {
  readonly maximumHeadBytes: number
  readonly timers: Timers
  /** Milliseconds that a connection without streams is kept. */
  readonly idleConnectionTimeout: number
  /** Milliseconds that a server has for its SETTINGS. */
  readonly settingsTimeout: number
  /** It knows how many requests it may carry at a time, from now on. */
  ready(connection: Http2Connection): void
  /** There may be room for another request. */
  roomMade(connection: Http2Connection): void
  /** It takes no more requests. */
  retired(connection: Http2Connection): void
  /** The server has not sent its SETTINGS in time. */
  neverReady(connection: Http2Connection): void
  /** The server wants HTTP/1.1. */
  requiresHttp1(): void
}

/** Bytes that a server may send on one stream, and on all, before somebody takes them. */
const streamWindow = 1024 * 1024
const connectionWindow = 8 * 1024 * 1024
/** Milliseconds of silence after which a connection with open streams is asked whether it is alive, and that it has to answer. */
const silence = 30_000
const answerTime = 10_000
/** Fields above the limit that are still received, so that they are refused by name. */
const fieldsReceived = 4 * defaultLimits.maxFields

/**
 * Megabytes. What is being sent is counted, and above the limit every answer is refused; how much that is, uploads limit
 * themselves.
 */
const memory = 4096

/** What is done to a stream whose other side breaks the rules; the server may say the same of us. */
const violations: ReadonlyMap<number, string> = new Map([
  [constants.NGHTTP2_PROTOCOL_ERROR, "PROTOCOL_ERROR"],
  [constants.NGHTTP2_FLOW_CONTROL_ERROR, "FLOW_CONTROL_ERROR"],
  [constants.NGHTTP2_FRAME_SIZE_ERROR, "FRAME_SIZE_ERROR"],
  [constants.NGHTTP2_COMPRESSION_ERROR, "COMPRESSION_ERROR"]
])

/** See the head of this file. */
export class Http2Connection implements ConnectionListener {
  readonly connection: Connection
  readonly info: ConnectionInfo
  readonly session: ClientHttp2Session
  /** Requests it has carried. */
  served = 0
  /** Streams that have not been closed, and those of them that hold no place. */
  open = 0
  #parked = 0
  /** Streams that the server allows at a time: one until it has said so. */
  #limit = 1
  #ready = false
  #retired = false
  #lost = false
  #unresponsive = false
  #error: Error | undefined = undefined
  /** Something of a response has come. */
  answered = false
  readonly #home: Http2Home
  readonly #client: Connected["client"]
  readonly #streams = new Set<Http2Stream>()
  #coming: Array<Http2Stream> = []
  /** Since when it has no stream, in milliseconds of the session's clock and of the process's own. */
  idleSince: number
  idleSinceTurn = performance.now()
  #heard: number
  #pinged = false
  #watch: TimerHandle | undefined = undefined
  #watchAt = Infinity
  readonly #settingsTimer: TimerHandle

  constructor(
    connection: Connection,
    home: Http2Home,
    origin: string,
    { client, described }: Pick<Connected, "client" | "described">,
    early: Uint8Array | undefined
  ) {
    this.connection = connection
    this.#home = home
    this.#client = client
    this.info = {
      id: nextConnection(),
      protocol: "h2",
      remoteAddress: connection.remoteAddress,
      remotePort: connection.remotePort,
      localAddress: connection.localAddress,
      localPort: connection.localPort,
      trust: described.trust,
      overridden: described.overridden,
      proxy: described.proxy
    }
    connection.listener = this
    this.#heard = this.idleSince = home.timers.now()
    this.session = connect(origin, {
      createConnection: () => connection.handOver(early),
      maxHeaderListPairs: fieldsReceived,
      maxSessionMemory: memory,
      settings: {
        enablePush: false,
        initialWindowSize: streamWindow,
        maxHeaderListSize: listSize(home.maximumHeadBytes)
      }
    })
    this.session.setLocalWindowSize(connectionWindow)
    // for life: what it has to say may come late, and an error that nobody hears ends the process
    this.session.on("error", (error) => this.#error ??= error)
    this.session.on("remoteSettings", (settings) => this.#onSettings(settings))
    this.session.on("goaway", (code, lastStream) => this.#onGoaway(code, lastStream))
    this.session.on("close", () => this.retire())
    this.#settingsTimer = home.timers.afterWeak(home.settingsTimeout, () => this.#neverReady())
    this.#arm(home.idleConnectionTimeout)
  }

  refusal(cause: unknown, url: string): ExchangeError | undefined {
    return this.answered ? undefined : this.#client?.lossOf(this.#error ?? cause, url)
  }

  get maximumHeadBytes(): number {
    return this.#home.maximumHeadBytes
  }

  /** Another request may be sent. */
  get hasRoom(): boolean {
    return !this.#retired && this.open < this.#limit && !this.session.closed
  }

  /** The server has to say something before there is room. */
  get awaitsServer(): boolean {
    return !this.#ready || this.#limit === 0
  }

  /** All that the server allows is taken, by bodies too that nobody reads. */
  get stuck(): boolean {
    return this.#parked > 0 && this.open >= this.#limit
  }

  /** Takes no more requests; ends with its last stream. Idempotent. */
  retire(): void {
    if (this.#retired) return
    this.#retired = true
    this.#settingsTimer.cancel()
    this.#home.retired(this)
    if (this.open === 0) this.destroy()
  }

  /** Ends it with all its streams. Idempotent. */
  destroy(): void {
    this.retire()
    this.#watch?.cancel()
    this.session.destroy()
    // this may be the session's own call, out of bytes of this very socket; and what it has to say goes out before
    setImmediate(() => this.connection.destroy())
  }

  // ---- the streams' side

  entered(stream: Http2Stream): void {
    this.#streams.add(stream)
    this.served++
    if (this.open++ > 0) return
    this.connection.ref()
    this.idleSince = Infinity
    this.idleSinceTurn = Infinity
    this.#heard = this.#home.timers.now()
    this.#arm(silence)
  }

  left(stream: Http2Stream): void {
    if (!this.#streams.delete(stream)) return
    if (--this.open === 0) {
      this.connection.unref()
      this.idleSince = this.#home.timers.now()
      this.idleSinceTurn = performance.now()
      if (this.#retired) return this.destroy()
      this.#arm(this.#home.idleConnectionTimeout)
    }
    this.#home.roomMade(this)
  }

  parkedOne(): void {
    this.#parked++
    this.#home.roomMade(this)
  }

  unparked(): void {
    this.#parked--
  }

  /** Something has come for a stream; it is told when this turn has brought the rest. */
  comes(stream: Http2Stream): void {
    this.#heard = this.#home.timers.now()
    if (this.#coming.push(stream) === 1) setImmediate(this.#tell)
  }

  readonly #tell = (): void => {
    const coming = this.#coming
    this.#coming = []
    for (let i = 0; i < coming.length; i++) coming[i]?.tell()
  }

  /** What an error code says of the server, where it is a fault of its own. */
  faultOf(code: number, error: Error | undefined, bytesReceived: number): ParseFault | undefined {
    const broken = [error, this.#error].find(isViolation)
    if (broken !== undefined) return malformed(broken.message, bytesReceived)
    const name = this.#ending ? undefined : violations.get(code)
    return name === undefined ? undefined : malformed(`the stream ended with ${name}`, bytesReceived)
  }

  /** How a stream that ended too early was lost. */
  lossOf(stream: Http2Stream, code: number, error?: Error): Loss {
    const http1 = code === constants.NGHTTP2_HTTP_1_1_REQUIRED
    if (http1) this.#home.requiresHttp1()
    const unprocessed = http1 || stream.unprocessed || code === constants.NGHTTP2_REFUSED_STREAM
    const withConnection = this.#ending && !unprocessed
    const cause = error ?? this.#error
    const reset = withConnection ? cause !== undefined : code !== constants.NGHTTP2_NO_ERROR
    return {
      why: withConnection && this.#unresponsive ? "Unresponsive" : reset ? "Reset" : "Closed",
      cause,
      withConnection,
      unprocessed,
      requestSent: true
    }
  }

  get #ending(): boolean {
    return this.#lost || this.session.destroyed
  }

  // ---- the session's side

  #onSettings({ maxConcurrentStreams }: Settings): void {
    this.#ready = true
    this.#heard = this.#home.timers.now()
    this.#settingsTimer.cancel()
    this.#limit = maxConcurrentStreams ?? Infinity
    this.#home.ready(this)
  }

  // Heard before node:http2 ends the streams, all of them where there is a code.
  #onGoaway(code: number, lastStream: number): void {
    for (const stream of this.#streams) if ((stream.id ?? Infinity) > lastStream) stream.unprocessed = true
    if (code === constants.NGHTTP2_HTTP_1_1_REQUIRED) this.#home.requiresHttp1()
    this.retire()
  }

  #neverReady(): void {
    if (this.#ready) return
    this.#unresponsive = true
    this.#home.neverReady(this)
    this.destroy()
  }

  // ---- the byte connection's side

  onConnect(): void {}
  onSecure(): void {}
  onBytes(): void {}
  readsOnAfterWriteError(): boolean {
    return false
  }

  onEnd(): void {
    this.#lost = true
    this.retire()
  }

  onError(error: Error): void {
    this.#error ??= error
    this.#lost = true
    this.retire()
  }

  onClose(): void {
    this.#lost = true
    this.#watch?.cancel()
    this.retire()
  }

  // ---- silence

  #arm(after: number): void {
    const at = this.#home.timers.now() + after
    if (at >= this.#watchAt || this.#retired && this.open === 0) return
    this.#watch?.cancel()
    this.#watchAt = at
    this.#watch = this.#home.timers.afterWeak(after, () => this.#look())
  }

  // one timer looks after both: a connection that nobody uses, and one that does not answer
  #look(): void {
    this.#watch = undefined
    this.#watchAt = Infinity
    const now = this.#home.timers.now()
    if (this.open === 0) {
      const left = this.idleSince + this.#home.idleConnectionTimeout - now
      return left > 0 ? this.#arm(left) : this.retire()
    }
    const left = this.#heard + silence - now
    if (left > 0) return this.#arm(left)
    if (this.#pinged || this.session.destroyed) return
    // whether it speaks at all is another timer's question
    if (!this.#ready) return this.#arm(silence)
    this.#pinged = true
    const waiting = this.#home.timers.afterWeak(answerTime, () => this.#unanswered())
    this.session.ping((error) => {
      waiting.cancel()
      this.#pinged = false
      if (error !== null) return
      this.#heard = this.#home.timers.now()
      this.#arm(silence)
    })
  }

  #unanswered(): void {
    this.#unresponsive = true
    this.destroy()
  }
}

/** What is announced: node:http2 counts 32 bytes more for a field, and says nothing of a list that is larger, so it gets more room. */
const listSize = (maximumHeadBytes: number): number => 4 * maximumHeadBytes

// what nghttp2 itself found wrong
const isViolation = (error: Error | undefined): error is Error =>
  error !== undefined && "code" in error &&
  (error.code === "ERR_HTTP2_ERROR" || error.code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES")
