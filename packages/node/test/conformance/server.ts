/** The origin of the conformance suite as a server: HTTP/1.1, and HTTP/2 over TLS; other origins may use it (CORS). */
import * as http from "node:http"
import * as http2 from "node:http2"
import type { AddressInfo, Server, Socket } from "node:net"
import { TLSSocket } from "node:tls"
import { makeAuthority } from "../../../../examples/support/pki.ts"
import { answer, type Plan } from "../../../core/test/conformance/routes.ts"

type Request = http.IncomingMessage | http2.Http2ServerRequest
type Response = http.ServerResponse | http2.Http2ServerResponse

/** A running origin. */
export interface RunningOrigin {
  /** `http://127.0.0.1:port`. */
  readonly http: string
  /** `https://localhost:port`: HTTP/2 where the client offers it. */
  readonly https: string
  /** What signed the certificate, as PEM. */
  readonly root: string
  /** A port of which nobody answers. */
  readonly refused: string
  readonly close: () => Promise<void>
}

type Stage = "begun" | "received" | "completed" | "closed"

/** How far the requests are that carry a token: suites wait for that instead of for some time to pass. */
class Progress {
  readonly #reached = new Set<string>()
  readonly #waiting = new Map<string, Array<() => void>>()

  reach(stage: Stage, token: string | null): void {
    if (token === null) return
    const key = `${stage}/${token}`
    this.#reached.add(key)
    for (const resolve of this.#waiting.get(key) ?? []) resolve()
    this.#waiting.delete(key)
  }

  has(stage: Stage, token: string): boolean {
    return this.#reached.has(`${stage}/${token}`)
  }

  until(key: string, f: () => void): void {
    if (this.#reached.has(key)) f()
    else this.#waiting.set(key, [...this.#waiting.get(key) ?? [], f])
  }
}

const crossOrigin = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "*",
  // the wildcard leaves this one out
  "access-control-allow-headers": "*, authorization",
  "access-control-expose-headers": "*",
  "access-control-max-age": "600"
}

const noBody = new Set([204, 205, 304])

const isHttp2 = (response: Response): response is http2.Http2ServerResponse => "stream" in response

/** Fields of the same name in one record, as both versions of HTTP take them. */
const record = (fields: Plan["fields"]): Record<string, string | Array<string>> => {
  const all: Record<string, string | Array<string>> = {}
  for (const [name, value] of fields) {
    const before = all[name]
    all[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return all
}

/** Behind a round trip: a client may forget the head of a response whose stream is reset in the same breath. */
const breakOff = (stream: http2.ServerHttp2Stream): void => {
  stream.session?.ping(() => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR))
}

/** After the last piece, as a plan says. */
const conclude = (ending: Plan["ending"], response: Response): void => {
  switch (ending) {
    case "end":
    case "last":
      return void response.end()
    case "stall":
      return isHttp2(response) ? undefined : response.flushHeaders()
    case "cut":
    case "reset":
      if (isHttp2(response)) return breakOff(response.stream)
      // a reset from Node follows the end of its stream, and what comes first is whatever the client looks at first
      if (ending === "cut") response.socket?.end()
      else if (response.socket instanceof TLSSocket) response.socket.destroy()
      else response.socket?.resetAndDestroy()
  }
}

const carryOut = (plan: Plan, response: Response, bare: boolean): void => {
  if (plan.status === 0) return
  const bodiless = noBody.has(plan.status)
  const length = plan.length === undefined || bodiless ? {} : { "content-length": String(plan.length) }
  const close = plan.ending === "last" && !isHttp2(response) ? { connection: "close" } : {}
  const head = { ...record(plan.fields), ...length, ...close }
  if (isHttp2(response)) response.writeHead(plan.status, head)
  else response.writeHead(plan.status, head)
  const write = (index: number): void => {
    const piece = bare || bodiless ? undefined : plan.body[index]
    if (piece !== undefined) {
      const more = () => write(index + 1)
      if (isHttp2(response)) response.write(piece, more)
      else response.write(piece, more)
    } else conclude(plan.ending, response)
  }
  write(0)
}

const handler = (progress: Progress) => (request: Request, response: Response): void => {
  const target = request.url ?? "/"
  if (request.headers.origin !== undefined) {
    for (const [name, value] of Object.entries(crossOrigin)) response.setHeader(name, value)
  }
  if (request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined) {
    response.writeHead(204)
    return void response.end()
  }
  const url = new URL(target, "http://origin.invalid")
  const watched = /^\/((?:begun|received|closed)\/.+)$/.exec(url.pathname)?.[1]
  if (watched !== undefined) return progress.until(watched, () => response.end())
  const asked = /^\/completed\/(.+)$/.exec(url.pathname)?.[1]
  if (asked !== undefined) return void response.end(String(progress.has("completed", asked)))
  const token = url.searchParams.get("token")
  const chunks: Array<Buffer> = []
  progress.reach("begun", token)
  request.on("data", (chunk: Buffer) => {
    progress.reach("received", token)
    chunks.push(chunk)
  })
  request.on("error", () => undefined)
  response.on("error", () => undefined)
  request.on("aborted", () => progress.reach("closed", token))
  response.on("close", () => {
    if (!response.writableEnded) progress.reach("closed", token)
  })
  const respond = () => {
    const plan = answer({
      method: request.method ?? "",
      target,
      field: (name) => {
        const value = request.headers[name]
        return Array.isArray(value) ? value.join(", ") : value
      },
      body: Buffer.concat(chunks)
    })
    carryOut(plan, response, request.method === "HEAD")
  }
  // before the body is there, or after
  if (url.searchParams.has("early")) respond()
  else {
    request.once("end", () => {
      if (request.aborted) return
      progress.reach("completed", token)
      respond()
    })
  }
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
  })

const stop = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

/** Starts it on free ports. */
export const startOrigin = async (): Promise<RunningOrigin> => {
  const progress = new Progress()
  const authority = await makeAuthority({ commonName: "Conformance Root" })
  const leaf = await authority.issue({ names: ["localhost", "127.0.0.1"] })
  const listener = handler(progress)
  const plain = http.createServer(listener)
  const secure = http2.createSecureServer({ cert: leaf.chain, key: leaf.key, allowHTTP1: true }, listener)
  const gone = http.createServer()
  const sockets = new Set<Socket>()
  for (const server of [plain, secure]) {
    server.on("connection", (socket: Socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      socket.on("error", () => undefined)
    })
  }
  secure.on("sessionError", () => undefined)
  const [port, securePort, refused] = [await listen(plain), await listen(secure), await listen(gone)]
  await stop(gone)
  return {
    http: `http://127.0.0.1:${port}`,
    https: `https://localhost:${securePort}`,
    root: authority.cert,
    refused: `http://127.0.0.1:${refused}`,
    close: async () => {
      const stopped = Promise.all([stop(plain), stop(secure)])
      for (const socket of sockets) socket.destroy()
      await stopped
    }
  }
}
