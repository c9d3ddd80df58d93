/** Servers that say exactly what a test wants, byte by byte, over plain TCP and TLS. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as net from "node:net"
import * as tls from "node:tls"
import type { Authority, Issued } from "./pki.ts"

/** One connection at the server. */
export interface Peer {
  readonly socket: net.Socket
  /** Which connection of the server this is, from 0. */
  readonly index: number
  /** All that it has sent so far, as Latin-1 text. */
  received: string
  /** Requests (heads) answered or not. */
  requests: number
}

/** A running server. */
export interface RawServer {
  readonly port: number
  /** `http://127.0.0.1:port` or `https://localhost:port`. */
  readonly origin: string
  readonly peers: ReadonlyArray<Peer>
  /** The sockets that are open at the server. */
  readonly open: () => number
  /** How many connections have come in, whether their handshake was finished or not. */
  readonly accepted: () => number
}

/** What a server does. */
export interface Behaviour {
  /** At once after accepting (after the handshake, for TLS). */
  readonly onConnection?: (peer: Peer) => void
  /** For every request head that has come in whole; `head` without the empty line. */
  readonly onRequest?: (peer: Peer, head: string) => void
  /** For all bytes, as they come. */
  readonly onData?: (peer: Peer, data: Buffer) => void
  readonly tls?: tls.TlsOptions
  /** The OCSP response that it staples for clients that want one. */
  readonly stapled?: Uint8Array | undefined
  readonly host?: string
  readonly allowHalfOpen?: boolean
}

const listen = (
  server: net.Server,
  sockets: Set<net.Socket>,
  host: string
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, host, () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () =>
      Effect.async<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )

/** Starts a server; it and all its connections end with the scope. */
export const rawServer = (behaviour: Behaviour): Effect.Effect<RawServer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const peers: Array<Peer> = []
    const sockets = new Set<net.Socket>()
    const accept = (socket: net.Socket): void => {
      const peer: Peer = { socket, index: peers.length, received: "", requests: 0 }
      peers.push(peer)
      let rest = ""
      socket.on("error", () => {})
      socket.on("data", (data: Buffer) => {
        peer.received += data.toString("latin1")
        behaviour.onData?.(peer, data)
        if (behaviour.onRequest === undefined) return
        rest += data.toString("latin1")
        for (let end = rest.indexOf("\r\n\r\n"); end >= 0; end = rest.indexOf("\r\n\r\n")) {
          const head = rest.slice(0, end)
          const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
          if (rest.length < end + 4 + length) break
          rest = rest.slice(end + 4 + length)
          peer.requests++
          behaviour.onRequest(peer, head)
        }
      })
      behaviour.onConnection?.(peer)
    }
    const options = { allowHalfOpen: behaviour.allowHalfOpen ?? false }
    const server = behaviour.tls === undefined
      ? net.createServer({ ...options, noDelay: true }, accept)
      : tls.createServer({ ...behaviour.tls, ...options }, accept)
    const { stapled } = behaviour
    if (stapled !== undefined) {
      server.on(
        "OCSPRequest",
        (_certificate, _issuer, answer: (error: null, response: Buffer) => void) => answer(null, Buffer.from(stapled))
      )
    }
    let accepted = 0
    server.on("connection", (socket: net.Socket) => {
      accepted++
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      socket.on("error", () => {})
    })
    server.on("tlsClientError", () => {})
    const port = yield* listen(server, sockets, behaviour.host ?? "127.0.0.1")
    return {
      port,
      origin: behaviour.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
      peers,
      open: () => sockets.size,
      accepted: () => accepted
    }
  })

/** TLS settings of a server with this certificate. */
export const presenting = (issued: Issued | Authority, options: tls.TlsOptions = {}): tls.TlsOptions => ({
  cert: issued.chain,
  key: issued.key,
  ALPNProtocols: ["http/1.1"],
  ...options
})

/** A whole response. */
export const response = (
  body: string,
  options: { readonly status?: string; readonly fields?: ReadonlyArray<string> } = {}
): string =>
  [
    `HTTP/1.1 ${options.status ?? "200 OK"}`,
    `Content-Length: ${Buffer.byteLength(body, "latin1")}`,
    ...options.fields ?? [],
    "",
    body
  ].join("\r\n")

/** Answers every request with the same bytes. */
export const answering = (bytes: string | Uint8Array): Behaviour => ({
  onRequest: (peer) => {
    if (typeof bytes === "string") peer.socket.write(bytes, "latin1")
    else peer.socket.write(bytes)
  }
})
