/** Little proxies on loopback: HTTP with CONNECT, and SOCKS 5, that do what they are told, right or wrong. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as net from "node:net"
import * as tls from "node:tls"

/** What a proxy does with the head of a request; the socket is the client's. */
export interface Asked {
  readonly method: string
  readonly target: string
  readonly fields: ReadonlyMap<string, string>
  /** Of the proxy's connections, from 0. */
  readonly index: number
}

/** A running proxy. */
export interface ProxyAtWork {
  readonly port: number
  readonly asked: ReadonlyArray<Asked>
  readonly open: () => number
}

/** How an HTTP proxy answers: `undefined`: as it should; a text is sent as it is, and then the connection is closed. */
export type Judge = (asked: Asked) => string | undefined

const listening = (
  server: net.Server,
  sockets: Set<net.Socket>
): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
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

const joined = (left: net.Socket, right: net.Socket): void => {
  for (const [from, to] of [[left, right], [right, left]] as const) {
    from.on("error", () => to.destroy())
    from.on("close", () => to.destroy())
    from.pipe(to)
  }
}

const headOf = (text: string, index: number): Asked => {
  const [line = "", ...rest] = text.split("\r\n")
  const [method = "", target = ""] = line.split(" ")
  return {
    method,
    target,
    index,
    fields: new Map(rest.map((field) => {
      const colon = field.indexOf(":")
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
    }))
  }
}

const listen = (
  accept: (socket: net.Socket, index: number) => void,
  options: tls.TlsOptions | undefined
): Effect.Effect<{ readonly port: number; readonly open: () => number }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<net.Socket>()
    let count = 0
    const server = options === undefined
      ? net.createServer({ noDelay: true }, (socket) => accept(socket, count++))
      : tls.createServer(options, (socket) => accept(socket, count++))
    server.on("connection", (socket: net.Socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      socket.on("error", () => {})
    })
    const port = yield* listening(server, sockets)
    return { port, open: () => sockets.size }
  })

/** An HTTP proxy; with `tls` its clients speak TLS to it. */
export const httpProxy = (
  judge: Judge = () => undefined,
  options?: tls.TlsOptions
): Effect.Effect<ProxyAtWork, never, Scope.Scope> =>
  Effect.gen(function*() {
    const asked: Array<Asked> = []
    const { open, port } = yield* listen((client, index) => {
      let seen = Buffer.alloc(0)
      const onData = (data: Buffer): void => {
        seen = Buffer.concat([seen, data])
        const end = seen.indexOf("\r\n\r\n")
        if (end < 0) return
        const head = headOf(seen.subarray(0, end).toString("latin1"), index)
        const rest = seen.subarray(end + 4)
        asked.push(head)
        const answer = judge(head)
        if (answer !== undefined) {
          client.off("data", onData)
          client.on("data", () => {})
          client.end(answer, "latin1")
          return
        }
        client.off("data", onData)
        client.pause()
        const url = new URL(head.method === "CONNECT" ? `http://${head.target}` : head.target)
        const server = net.connect({
          host: url.hostname === "name.test" ? "127.0.0.1" : url.hostname,
          port: Number(url.port)
        })
        server.on("connect", () => {
          if (head.method === "CONNECT") client.write("HTTP/1.1 200 Connection established\r\n\r\n")
          else {
            const fields = [...head.fields].filter(([name]) => name !== "proxy-authorization")
            const target = `${url.pathname}${url.search}`
            server.write(
              `${head.method} ${target} HTTP/1.1\r\n${
                fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")
              }\r\n`
            )
          }
          server.write(rest)
          joined(client, server)
        })
        server.on("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"))
      }
      client.on("data", onData)
      client.on("error", () => {})
    }, options)
    return { port, asked, open }
  })

/** A SOCKS 5 proxy, with or without a user; `mangle` changes what it says, and an answer that is cut ends the connection. */
export const socksProxy = (
  options: {
    readonly user?: string
    readonly password?: string
    readonly mangle?: (answer: Buffer, step: number) => Buffer
  } = {}
): Effect.Effect<ProxyAtWork, never, Scope.Scope> =>
  Effect.gen(function*() {
    const asked: Array<Asked> = []
    const { open, port } = yield* listen((client, index) => {
      let step = 0
      const say = (...bytes: ReadonlyArray<number>): void => {
        const answer = Buffer.from(bytes)
        const said = options.mangle?.(answer, step) ?? answer
        if (said.length < answer.length) client.end(said)
        else client.write(said)
      }
      const onData = (data: Buffer): void => {
        if (step === 0) {
          const method = options.user === undefined ? 0 : 2
          const offered = [...data.subarray(2, 2 + (data[1] ?? 0))]
          say(5, offered.includes(method) ? method : 255)
          step = options.user === undefined ? 2 : 1
        } else if (step === 1) {
          const user = data.subarray(2, 2 + (data[1] ?? 0)).toString()
          const password = data.subarray(3 + user.length).toString()
          const good = user === options.user && password === options.password
          say(1, good ? 0 : 1)
          step = 2
        } else {
          const kind = data[3]
          const name = kind === 3
            ? data.subarray(5, 5 + (data[4] ?? 0)).toString()
            : kind === 1
            ? [...data.subarray(4, 8)].join(".")
            : "::1"
          const target = data.readUInt16BE(data.length - 2)
          asked.push({ method: "SOCKS", target: `${name}:${target}`, fields: new Map(), index })
          client.off("data", onData)
          const server = net.connect({ host: name === "name.test" ? "127.0.0.1" : name, port: target })
          server.on("connect", () => {
            say(5, 0, 0, 1, 127, 0, 0, 1, 0, 80)
            joined(client, server)
          })
          server.on("error", () => {
            say(5, 5, 0, 1, 0, 0, 0, 0, 0, 0)
          })
        }
      }
      client.on("data", onData)
      client.on("error", () => {})
    }, undefined)
    return { port, asked, open }
  })
