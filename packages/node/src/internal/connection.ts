/** A byte connection that hides its socket: whoever listens cannot tell TCP from TLS, nor one way of reading from another. */
import type { AlpnProtocol } from "@urlsession/core/Transport"
import * as net from "node:net"
import type { Duplex } from "node:stream"
import * as tls from "node:tls"
import { acquireLarge, copyOf, freshBytes, freshLeast, releaseLarge, sharedBytes } from "./buffers.ts"
import { TakenStream } from "./takenStream.ts"
import { type Shown, shownUnfinished } from "./trust.ts"

/** Hears a connection. None of these may throw; where one does, the connection is destroyed and hears of it as an error. */
export interface ConnectionListener {
  /** The transport below is connected; TLS is not yet. */
  onConnect(): void
  /** The TLS handshake is done, with no verdict on the server. */
  onSecure(): void
  /** The first `length` bytes of `buffer`, lent for the time of the call. */
  onBytes(buffer: Uint8Array, length: number): void
  /** The peer sends no more. */
  onEnd(): void
  onError(error: Error): void
  /** The socket is gone; the last call. */
  onClose(): void
  /** A write failed: whether it is worth reading on, since an answer may have arrived before the failure. */
  readsOnAfterWriteError(): boolean
}

/** The buffer that all share, a large one of the connection's own, or fresh memory for every byte. */
export type Memory = "shared" | "own" | "fresh"

/** A connection. Bytes come through the listener, also up to 64 KiB and a record after `pause`. */
export interface Connection {
  listener: ConnectionListener
  /** Called once, when the socket is gone, whoever listens then. */
  onGone: (() => void) | undefined
  readonly secureSocket: tls.TLSSocket | undefined
  /** What a server that asked for a client certificate had presented where the handshake ended too early. */
  readonly unfinished: Shown | undefined
  /** The OCSP response that the server stapled to its handshake. */
  readonly stapled: Uint8Array | undefined
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  readonly destroyed: boolean
  /** Bytes written that the kernel has not taken yet. */
  readonly unwritten: number
  writeText(latin1: string): void
  /** A head and a body, together. */
  writeBoth(latin1: string, bytes: Uint8Array): void
  /** `done` hears when the kernel has taken the bytes, or that it will not. */
  writeBytes(bytes: Uint8Array, done: (error?: Error | null) => void): void
  /** The same, with Latin-1 text around them. */
  writeFramed(before: string, bytes: Uint8Array, behind: string, done: (error?: Error | null) => void): void
  pause(): void
  resume(): void
  /** Where to read into from the next read on. */
  readInto(memory: Memory): void
  /** What is being received is in memory that whoever receives it may keep. */
  readonly gives: boolean
  ref(): void
  unref(): void
  destroy(): void
  /** TLS over this connection, whose own listener hears no more; both end together. */
  secured(secure: NonNullable<Endpoint["secure"]>, listener: ConnectionListener): Connection
  /** Gives the connection away as a stream. Nothing reaches the listener afterwards; the socket itself is never given out. */
  take(first: Uint8Array | undefined): Duplex
  /**
   * The socket itself, for the one who reads and writes it natively: the HTTP/2 of Node. `first` is read first. The listener
   * hears of the end still, and of no byte.
   */
  handOver(first: Uint8Array | undefined): Duplex
}

/** Where to connect to, and over what. */
export interface Endpoint {
  readonly address: string
  readonly port: number
  /** Of a Unix domain socket; then address and port say nothing. */
  readonly path?: string | undefined
  readonly localAddress?: string | undefined
  readonly secure: {
    readonly context: tls.SecureContext
    /** `undefined` for an address: a name is sent for names only (RFC 6066 3). */
    readonly servername: string | undefined
    readonly alpnProtocols: ReadonlyArray<AlpnProtocol>
  } | undefined
}

// our own verdict follows the handshake, so the built-in one must neither stop it nor look at the name
const noIdentityCheck = (): undefined => undefined

/** The options of every TLS connection. No `session` is ever among them: a resumed one would skip all verification. */
export const tlsOptions = (secure: NonNullable<Endpoint["secure"]>) => ({
  secureContext: secure.context,
  rejectUnauthorized: false,
  checkServerIdentity: noIdentityCheck,
  // 9 bytes of the ClientHello, and the server says what its authority has said of it last
  requestOCSP: true,
  ALPNProtocols: [...secure.alpnProtocols],
  ...(secure.servername === undefined ? {} : { servername: secure.servername })
})

/** Bodies up to this size are copied behind their head, so that one buffer goes out. */
const joinedBody = 16 * 1024

const nobody: ConnectionListener = {
  onConnect: () => {},
  onSecure: () => {},
  onBytes: () => {},
  onEnd: () => {},
  onError: () => {},
  onClose: () => {},
  readsOnAfterWriteError: () => false
}

/** What both ways of reading have in common: all but how bytes come. */
export abstract class SocketConnection implements Connection {
  listener: ConnectionListener
  onGone: (() => void) | undefined = undefined
  readonly secureSocket: tls.TLSSocket | undefined
  protected readonly socket: net.Socket
  readonly #closed: (connection: Connection) => void
  #taken: TakenStream | undefined = undefined
  #handedOver = false
  #secured = false
  #unfinished: Shown | undefined = undefined
  #stapled: Uint8Array | undefined = undefined

  constructor(socket: net.Socket, listener: ConnectionListener, closed: (connection: Connection) => void) {
    this.socket = socket
    this.listener = listener
    this.secureSocket = socket instanceof tls.TLSSocket ? socket : undefined
    this.#closed = closed
    socket.on("connect", () => this.listener.onConnect())
    if (this.secureSocket !== undefined) {
      socket.on("OCSPResponse", (response: Uint8Array | null) => {
        if (response !== null && response.length > 0) this.#stapled = copyOf(response)
      })
      socket.on("secureConnect", () => {
        // a second handshake could bring another certificate than the one that was judged
        if (this.#secured) return this.#fail(new Error("the server began a second handshake"))
        this.#secured = true
        this.listener.onSecure()
      })
    }
    socket.on("end", () => this.#taken === undefined ? this.listener.onEnd() : this.#taken.onEnd())
    socket.on("error", (error) => this.#taken === undefined ? this.listener.onError(error) : this.#taken.onError(error))
    socket.on("close", () => {
      this.closed()
      this.onGone?.()
      this.#closed(this)
      if (this.#taken === undefined) this.listener.onClose()
      else this.#taken.onClose()
    })
    socket.on("drain", () => this.#taken?.onDrain())
    this.#keepAnswers()
  }

  /** Frees what the way of reading holds. */
  protected closed(): void {}

  get unfinished(): Shown | undefined {
    return this.#unfinished
  }
  get stapled(): Uint8Array | undefined {
    return this.#stapled
  }
  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress
  }
  get remotePort(): number | undefined {
    return this.socket.remotePort
  }
  get localAddress(): string | undefined {
    return this.socket.localAddress
  }
  get localPort(): number | undefined {
    return this.socket.localPort
  }
  get destroyed(): boolean {
    return this.socket.destroyed
  }
  get unwritten(): number {
    return this.socket.writableLength
  }

  writeText(latin1: string): void {
    this.socket.write(latin1, "latin1")
  }

  writeBoth(latin1: string, bytes: Uint8Array): void {
    if (bytes.length <= joinedBody) {
      const joined = Buffer.allocUnsafe(latin1.length + bytes.length)
      joined.write(latin1, 0, "latin1")
      joined.set(bytes, latin1.length)
      this.socket.write(joined)
      return
    }
    this.socket.cork()
    this.socket.write(latin1, "latin1")
    this.socket.write(bytes)
    this.socket.uncork()
  }

  writeBytes(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.socket.write(bytes, done)
  }

  writeFramed(before: string, bytes: Uint8Array, behind: string, done: (error?: Error | null) => void): void {
    this.socket.cork()
    this.socket.write(before, "latin1")
    this.socket.write(bytes, done)
    this.socket.write(behind, "latin1")
    this.socket.uncork()
  }

  pause(): void {
    this.socket.pause()
  }
  resume(): void {
    this.socket.resume()
  }
  readInto(_memory: Memory): void {}
  get gives(): boolean {
    return false
  }
  ref(): void {
    this.socket.ref()
  }
  unref(): void {
    this.socket.unref()
  }
  destroy(): void {
    // what nobody has read yet would be read after the end (node:http2 does so a tick after it was given the socket)
    if (this.#handedOver && this.socket.readableLength > 0) this.socket.read()
    this.socket.destroy()
  }

  handOver(first: Uint8Array | undefined): Duplex {
    this.#handedOver = true
    if (first !== undefined && first.length > 0) this.socket.unshift(first)
    return this.socket
  }

  secured(secure: NonNullable<Endpoint["secure"]>, listener: ConnectionListener): Connection {
    this.listener = nobody
    return new DataConnection(this.socket, secure, listener, () => this.destroy())
  }

  take(first: Uint8Array | undefined): Duplex {
    const taken = new TakenStream(this, this.socket, first)
    this.#taken = taken
    return taken
  }

  /** What both ways of reading call. Never throws: an exception out of a socket's callback would end the process. */
  received(buffer: Uint8Array, length: number): void {
    if (this.#handedOver) return
    try {
      if (this.#taken === undefined) this.listener.onBytes(buffer, length)
      else this.#taken.onBytes(copyOf(buffer.subarray(0, length)))
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #fail(error: Error): void {
    this.socket.destroy()
    this.listener.onError(error)
  }

  // A server may answer and close before it has read the whole request; the writer then fails while the answer lies in the
  // kernel unread. A socket destroys itself at a failed write, so that one call is held back while an answer may come. One
  // that fails in its handshake is asked first what it knows, and nothing afterwards.
  #keepAnswers(): void {
    const socket = this.socket
    const destroy = socket.destroy.bind(socket)
    let heldBack = false
    socket.destroy = (error?: NodeJS.ErrnoException) => {
      if (
        error?.syscall === "write" && !heldBack && this.#taken === undefined && this.listener.readsOnAfterWriteError()
      ) {
        heldBack = true
        return socket
      }
      if (this.secureSocket !== undefined && !this.#secured) {
        this.#unfinished ??= shownUnfinished(this.secureSocket, this.#stapled)
      }
      return destroy(error)
    }
  }
}

// Made before the socket, which asks for a buffer while it is being made.
class Reader {
  target: OnreadConnection | undefined = undefined
  memory: Memory = "shared"
  /** The read that is being handed on went into fresh memory. */
  gives = false
  #own: Uint8Array | undefined = undefined
  #fresh: Uint8Array | undefined = undefined

  // Asked before every read: only here, where nothing reads into the old one, may a buffer change hands.
  readonly buffer = (): Uint8Array => {
    this.gives = this.memory === "fresh"
    if (this.memory === "own") return this.#own ??= acquireLarge()
    if (this.#own !== undefined) this.free()
    if (this.memory === "shared") return sharedBytes
    // what is left of the last piece, while that is worth a read
    if (this.#fresh === undefined || this.#fresh.length < freshLeast) this.#fresh = freshBytes()
    return this.#fresh
  }
  readonly callback = (length: number, buffer: Uint8Array): boolean => {
    if (this.gives) this.#fresh = buffer.subarray(length)
    this.target?.received(buffer, length)
    return true
  }
  free(): void {
    if (this.#own !== undefined) releaseLarge(this.#own)
    this.#own = undefined
  }
}

const placeOf = ({ address, localAddress, path, port }: Endpoint) =>
  path !== undefined
    ? { path }
    : { host: address, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) }

/** Reads by `onread`: no allocation and no event per read. For direct connections, plain and TLS. */
export class OnreadConnection extends SocketConnection {
  readonly #reader: Reader

  constructor(endpoint: Endpoint, listener: ConnectionListener, closed: (connection: Connection) => void) {
    const reader = new Reader()
    const target = { ...placeOf(endpoint), onread: reader }
    super(
      endpoint.secure === undefined ? net.connect(target) : tls.connect({ ...target, ...tlsOptions(endpoint.secure) }),
      listener,
      closed
    )
    this.#reader = reader
    reader.target = this
  }

  override readInto(memory: Memory): void {
    this.#reader.memory = memory
  }

  override get gives(): boolean {
    return this.#reader.gives
  }

  protected override closed(): void {
    this.#reader.free()
  }
}

/** Reads by 'data' events: for TLS over another socket, where Node ignores `onread`. */
export class DataConnection extends SocketConnection {
  constructor(
    over: net.Socket,
    secure: NonNullable<Endpoint["secure"]>,
    listener: ConnectionListener,
    closed: (connection: Connection) => void
  ) {
    super(tls.connect({ ...tlsOptions(secure), socket: over }), listener, closed)
    this.socket.on("data", this.#onData)
  }

  override handOver(first: Uint8Array | undefined): Duplex {
    this.socket.off("data", this.#onData)
    this.socket.pause()
    return super.handOver(first)
  }

  readonly #onData = (bytes: Uint8Array): void => this.received(bytes, bytes.length)
}
