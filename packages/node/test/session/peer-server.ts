/** A loopback server with the routes of another implementation's tests, and a recorder of what a session's delegate hears. */
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import * as zlib from "node:zlib"

/** A request as it came off the wire. */
export interface Received {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: http.IncomingHttpHeaders
  readonly rawHeaders: ReadonlyArray<string>
  readonly body: Buffer
}

/** What the tests read. */
export interface PeerServer {
  readonly origin: string
  readonly port: number
  readonly received: ReadonlyArray<Received>
}

export const capital = "Kathmandu"
export const hello = "Hello World!"

const redirected = /^\/(3\d\d)$/

const answer = (request: Received, response: http.ServerResponse): void => {
  const url = new URL(request.target, "http://server.test")
  const status = redirected.exec(url.pathname)?.[1]
  if (status !== undefined) {
    const location = url.searchParams.get("location") ?? ""
    const body = `Redirecting to ${request.method} ${location}`
    response.writeHead(Number(status), { location, "content-length": Number(status) === 304 ? 0 : body.length })
    response.end(Number(status) === 304 ? undefined : body)
    return
  }
  switch (url.pathname) {
    case "/json":
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify({ request: `${request.method} ${request.target}` }))
      return
    case "/headers":
      response.end(
        request.rawHeaders.map((text, index) => index % 2 === 0 ? `${text}: ` : `${text}\n`).join("")
      )
      return
    case "/query":
      response.end(url.search.slice(1))
      return
    case "/gzip":
      response.setHeader("content-encoding", "gzip")
      response.end(zlib.gzipSync(hello))
      return
    case "/br":
      response.setHeader("content-encoding", "br")
      response.end(zlib.brotliCompressSync(hello))
      return
    case "/chain": {
      const left = Number(url.searchParams.get("left"))
      if (left === 0) break
      response.writeHead(302, { location: `/chain?left=${left - 1}` })
      response.end()
      return
    }
    case "/basic": {
      if (request.headers.authorization === `Basic ${Buffer.from("user:passwd").toString("base64")}`) break
      response.writeHead(401, { "www-authenticate": "Basic realm=\"Fake Relam\"" })
      response.end("who is there?")
      return
    }
    case "/unauthorized":
      response.writeHead(401)
      response.end("not you")
      return
    case "/missing":
      response.writeHead(404)
      response.end("not here")
      return
    case "/cookies":
      response.setHeader("set-cookie", ["fr=anjd&232; Max-Age=7776000; path=/", "nm=sddf&232; path=/"])
      break
  }
  response.setHeader("content-type", "text/plain; charset=utf-8")
  response.end(capital)
}

/** Starts the server; it and all its connections end with the scope. */
export const peerServer: Effect.Effect<PeerServer, never, Scope.Scope> = Effect.acquireRelease(
  Effect.async<PeerServer & { readonly close: Effect.Effect<void> }>((resume) => {
    const received: Array<Received> = []
    const server = http.createServer((request, response) => {
      const pieces: Array<Buffer> = []
      request.on("data", (piece: Buffer) => pieces.push(piece))
      request.on("end", () => {
        const { headers, method = "", rawHeaders, url: target = "" } = request
        const one = { method, target, headers, rawHeaders, body: Buffer.concat(pieces) }
        received.push(one)
        answer(one, response)
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = Effect.async<void>((closed) => {
        server.closeAllConnections()
        server.close(() => closed(Effect.void))
      })
      resume(Effect.succeed({ origin: `http://127.0.0.1:${port}`, port, received, close }))
    })
  }),
  (server) => server.close
)

/** Notes every event in the order in which its handler ran, and what redirects said of where they lead. */
export class Heard {
  readonly events: Array<SessionEvent.SessionEvent> = []

  readonly handlers = {
    TaskCreated: (event: SessionEvent.TaskCreated) => this.#note(event),
    InformationalResponse: (event: SessionEvent.InformationalResponse) => this.#note(event),
    BodyDataSent: (event: SessionEvent.BodyDataSent) => this.#note(event),
    Redirected: (event: SessionEvent.Redirected) => this.#note(event),
    ChallengeAnswered: (event: SessionEvent.ChallengeAnswered) => this.#note(event),
    ResponseReceived: (event: SessionEvent.ResponseReceived) => this.#note(event),
    DataReceived: (event: SessionEvent.DataReceived) => this.#note(event),
    DataWritten: (event: SessionEvent.DataWritten) => this.#note(event),
    MetricsCollected: (event: SessionEvent.MetricsCollected) => this.#note(event),
    TaskCompleted: (event: SessionEvent.TaskCompleted) => this.#note(event),
    Invalidated: (event: SessionEvent.Invalidated) => this.#note(event)
  }

  get layer(): Layer.Layer<SessionEvent.SessionEvents> {
    return SessionEvent.layer(this.handlers)
  }

  /** What happened between the creation of the task and its metrics; progress that came in pieces counts once. */
  get story(): ReadonlyArray<string> {
    const frame = new Set(["TaskCreated", "MetricsCollected", "Invalidated"])
    const tags = this.events.map((event) => event._tag).filter((tag) => !frame.has(tag))
    return tags.filter((tag, index) => tag !== tags[index - 1])
  }

  /** The events of one kind. */
  of<const Tag extends SessionEvent.SessionEvent["_tag"]>(
    tag: Tag
  ): ReadonlyArray<Extract<SessionEvent.SessionEvent, { readonly _tag: Tag }>> {
    return this.events.filter((event): event is Extract<SessionEvent.SessionEvent, { readonly _tag: Tag }> =>
      event._tag === tag
    )
  }

  #note(event: SessionEvent.SessionEvent): Effect.Effect<void> {
    return Effect.sync(() => {
      this.events.push(event)
    })
  }
}
