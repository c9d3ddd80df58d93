/** A session or a bare engine, and a server of HTTP/2 for it: Node's own, or one that says frames. */
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import type { TransportOptions } from "@urlsession/core/Transport"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http2 from "node:http2"
import type { Socket } from "node:net"
import { authority, leaf, withSession } from "../session/support.ts"
import { openEngine } from "../support/engine.ts"
import { FakeControl, transportOptions, trusting } from "../support/fakeControl.ts"
import { type FrameServer, frameServer, type Script } from "../support/frames.ts"

export type Stream = http2.ServerHttp2Stream
export type Fields = http2.IncomingHttpHeaders

/** A server of Node's own. */
export interface Server {
  readonly origin: string
  readonly sessions: ReadonlyArray<http2.ServerHttp2Session>
  /** The sockets that are open at the server. */
  readonly open: () => number
  /** Streams it has got. */
  readonly streams: () => number
}

/** Starts one; it ends with the scope. */
export const serve = (
  onStream: (stream: Stream, headers: Fields) => void,
  options: http2.SecureServerOptions = {}
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.flatMap(leaf, (issued) =>
    Effect.acquireRelease(
      Effect.async<Server & { readonly stop: () => Promise<void> }>((resume) => {
        const server = http2.createSecureServer({ cert: issued.chain, key: issued.key, ...options })
        const sockets = new Set<Socket>()
        const sessions: Array<http2.ServerHttp2Session> = []
        let streams = 0
        server.on("connection", (socket: Socket) => {
          sockets.add(socket)
          socket.on("error", () => undefined)
          socket.on("close", () => sockets.delete(socket))
        })
        server.on("session", (session) => {
          sessions.push(session)
          session.on("error", () => undefined)
        })
        server.on("sessionError", () => undefined)
        server.on("stream", (stream, headers) => {
          streams++
          stream.on("error", () => undefined)
          onStream(stream, headers)
        })
        const stop = () =>
          new Promise<void>((resolve) => {
            for (const socket of sockets) socket.destroy()
            server.close(() => resolve())
          })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({
            origin: `https://localhost:${port}`,
            sessions,
            open: () => sockets.size,
            streams: () => streams,
            stop
          }))
        })
      }),
      (server) => Effect.promise(server.stop)
    ))

/** Answers every request with 200 and a text. */
export const say = (body: string, fields: http2.OutgoingHttpHeaders = {}) => (stream: Stream): void => {
  stream.respond({ ":status": 200, ...fields })
  stream.end(body)
}

/** Starts a server that says frames. */
export const frames = (script: Script): Effect.Effect<FrameServer, never, Scope.Scope> =>
  Effect.flatMap(leaf, (issued) => frameServer(issued, script))

/** An engine in the scope, and controls that trust the servers of here. */
export const engine = (options: Partial<TransportOptions> = {}) =>
  Effect.gen(function*() {
    const { cert } = yield* authority
    const trust = trusting(cert)
    const opened = yield* openEngine(transportOptions(options))
    return {
      ...opened,
      control: (one: { readonly priority?: number; readonly fresh?: boolean } = {}) =>
        new FakeControl({ trust, ...one })
    }
  })

/** Runs with a session that trusts the servers of here, closes it, and looks whether anything of it is left. */
export const session = <A, E, R>(
  use: (session: UrlSession.Service) => Effect.Effect<A, E, R>,
  configuration: SessionConfiguration.Options = {}
): Effect.Effect<A, E, R> =>
  Effect.flatMap(authority, ({ cert }) =>
    withSession(
      { configuration, delegate: ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([cert]) }) },
      use
    ))
