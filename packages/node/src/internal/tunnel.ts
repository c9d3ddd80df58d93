/** What is said to a proxy before the connection through it is ours: CONNECT (RFC 9110 9.3.6) or SOCKS 5. */
import { encodeHead, HeaderFields, type ParseFault, type ResponseHead, ResponseParser } from "@urlsession/core/Http1"
import type { ParserEvents } from "@urlsession/core/Http1"
import * as Effect from "effect/Effect"
import { latin1 } from "./buffers.ts"
import type { Connection, ConnectionListener } from "./connection.ts"
import type { Attempt } from "./dial.ts"
import { Socks5, type SocksUser } from "./socks5.ts"

/** What came of it. Nothing of the answer but status and fields counts, and of the fields one. */
export type TunnelResult =
  | { readonly _tag: "Open"; readonly fields: HeaderFields }
  /** `alive`: all of the refusal has been read, and the same connection may be asked again. */
  | { readonly _tag: "Refused"; readonly status: number; readonly fields: HeaderFields; readonly alive: boolean }
  | { readonly _tag: "Failed"; readonly detail: string; readonly cause: unknown }

const open = (fields: HeaderFields): TunnelResult => ({ _tag: "Open", fields })
const failed = (detail: string, cause?: unknown): TunnelResult => ({ _tag: "Failed", detail, cause })

type Done = (result: TunnelResult) => void

/** Hears a connection until it is through, or has failed; then it is somebody else's. */
abstract class Opening implements ConnectionListener {
  protected readonly connection: Connection
  readonly #done: Done
  #over = false

  constructor(connection: Connection, done: Done) {
    this.connection = connection
    this.#done = done
  }

  protected over(result: TunnelResult): void {
    if (this.#over) return
    this.#over = true
    this.#done(result)
  }

  abstract onBytes(buffer: Uint8Array, length: number): void
  onConnect(): void {}
  onSecure(): void {}
  onEnd(): void {
    this.over(failed("it closed the connection"))
  }
  onError(error: Error): void {
    this.over(failed("the connection to it was lost", error))
  }
  onClose(): void {
    this.over(failed("it closed the connection"))
  }
  readsOnAfterWriteError(): boolean {
    return false
  }
}

const headLimit = 64 * 1024
/** So much of a refusal's body is read for the sake of the connection. */
const bodyLimit = 64 * 1024

class Connect extends Opening implements ParserEvents {
  readonly #parser = new ResponseParser(this, { limits: { maxHeadBytes: headLimit }, latin1 })
  #fields = HeaderFields.empty
  #refused = 0

  begin(head: string): void {
    this.#parser.begin({ method: "CONNECT", expectContinue: false, upgrade: false })
    this.connection.writeText(head)
  }
  onBytes(buffer: Uint8Array, length: number): void {
    this.#parser.execute(buffer, 0, length)
    // whoever speaks inside the tunnel before we have is not the server we mean
    if ((this.#parser.tunnelBytes?.length ?? 0) > 0) return this.over(failed("it sent more than its answer"))
    if (this.#parser.state === "tunnel") this.over(open(this.#fields))
  }
  onInformational(): void {}
  onHead({ fields, framing, status }: ResponseHead): void {
    this.#fields = fields
    if (framing._tag === "Tunnel") return
    const short = framing._tag === "Length" && framing.length <= bodyLimit
    // an exchange of messages goes on over the same connection
    if (status === 407 && short && this.#parser.keepAlive) this.#refused = status
    else this.over({ _tag: "Refused", status, fields, alive: false })
  }
  onBody(): void {}
  onComplete(): void {
    const status = this.#refused
    if (status === 0) return
    this.over({ _tag: "Refused", status, fields: this.#fields, alive: !this.#parser.surplus })
  }
  onFault(fault: ParseFault): void {
    this.over(failed("detail" in fault ? `its answer is no HTTP: ${fault.detail}` : "its answer is no HTTP"))
  }
}

class Socks extends Opening {
  readonly #protocol: Socks5

  constructor(connection: Connection, protocol: Socks5, done: Done) {
    super(connection, done)
    this.#protocol = protocol
  }

  begin(): void {
    this.#write(this.#protocol.greeting)
  }
  onBytes(buffer: Uint8Array, length: number): void {
    const step = this.#protocol.execute(buffer.subarray(0, length))
    switch (step._tag) {
      case "Write":
        return this.#write(step.bytes)
      case "Connected":
        return this.over(open(HeaderFields.empty))
      case "Failed":
        return this.over(failed(step.detail))
      case "More":
        return
    }
  }
  #write(bytes: Uint8Array): void {
    this.connection.writeBytes(bytes, () => {})
  }
}

const through = (attempt: Attempt, begin: (connection: Connection, done: Done) => void): Effect.Effect<TunnelResult> =>
  Effect.async((resume) => {
    const { connection } = attempt
    if (attempt.broken) return resume(Effect.succeed(failed("it closed the connection", attempt.brokenBy)))
    if (attempt.early !== undefined) return resume(Effect.succeed(failed("it spoke before it was asked")))
    begin(connection, (result) => {
      // again the one that waits for what is on the other side
      connection.listener = attempt
      resume(Effect.succeed(result))
    })
  })

/** Asks for a connection to `authority` (host and port); with what the proxy wants to know, if it is known. */
export const connectThrough = (
  attempt: Attempt,
  authority: string,
  authorization: string | undefined
): Effect.Effect<TunnelResult> =>
  through(attempt, (connection, done) => {
    const head = encodeHead({
      method: "CONNECT",
      target: authority,
      host: authority,
      fields: authorization === undefined ? [] : [{ name: "proxy-authorization", value: authorization }],
      bodyLength: undefined,
      keepAlive: true,
      expectContinue: false
    })
    if (typeof head !== "string") return done(failed(head.detail))
    const opening = new Connect(connection, done)
    connection.listener = opening
    opening.begin(head)
  })

/** The same by SOCKS 5. */
export const socksThrough = (
  attempt: Attempt,
  host: string,
  port: number,
  user: SocksUser | undefined
): Effect.Effect<TunnelResult> =>
  through(attempt, (connection, done) => {
    const opening = new Socks(connection, new Socks5(host, port, user), done)
    connection.listener = opening
    opening.begin()
  })
