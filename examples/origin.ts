/**
 * A real origin on loopback, to download from: HTTPS under an authority of its own, a redirect, a file behind Digest, and a
 * connection that is reset in the middle of the first try.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHash, randomBytes } from "node:crypto"
import type { ServerResponse } from "node:http"
import { createServer } from "node:https"
import type { Socket } from "node:net"
import * as DigestGate from "./support/digestGate.ts"
import { makeAuthority } from "./support/pki.ts"

/** What a client has to know of the origin; everything here is made anew for each run. */
export interface Target {
  /** Redirects to the file. */
  readonly url: string
  readonly origin: string
  /** The root to trust, PEM. */
  readonly ca: string
  readonly pin: `sha256/${string}`
  readonly user: string
  readonly password: string
  /** Of the file. */
  readonly sha256: string
  readonly bytes: number
}

/** How large the file is, and after how many bytes of its first delivery the connection is reset. */
export interface Size {
  readonly bytes: number
  readonly resetAfter: number
}

/** 64 MiB, with a reset after 24. */
export const defaultSize: Size = { bytes: 64 * 1024 * 1024, resetAfter: 24 * 1024 * 1024 }

/** The origin could not be started. */
export class OriginError extends Data.TaggedError("OriginError")<{ readonly cause: unknown }> {
  override get message(): string {
    return "the demo's own server could not be started on 127.0.0.1"
  }
}

/** Milliseconds that the last bytes before the reset get to arrive. */
const deliveryTime = 100

/** The file is one random block again and again: new for each run, and small in memory. */
const block = randomBytes(256 * 1024)

const pieces = function*(bytes: number): Generator<Buffer> {
  for (let rest = bytes; rest > 0; rest -= block.length) yield rest < block.length ? block.subarray(0, rest) : block
}

const digestOf = (bytes: number): string => {
  const hash = createHash("sha256")
  for (const piece of pieces(bytes)) hash.update(piece)
  return hash.digest("hex")
}

/** Sends so many bytes of the file, each piece when the one before is on its way. */
const send = async (response: ServerResponse, bytes: number): Promise<void> => {
  for (const piece of pieces(bytes)) {
    await new Promise<void>((resolve) => response.write(piece, () => resolve()))
    if (response.destroyed) return
  }
}

const start = async (size: Size) => {
  const authority = await makeAuthority({ commonName: "Demo Root" })
  const issued = await authority.issue({ names: ["localhost", "127.0.0.1"] })
  const account = { realm: "vault", user: "ada", password: randomBytes(12).toString("base64url") }
  const gate = DigestGate.make(account)
  const sockets = new Map<number, Socket>()
  let delivered = 0

  const server = createServer({ cert: issued.chain, key: issued.key }, (request, response) => {
    const { headers, method = "GET", socket, url = "/" } = request
    if (url === "/latest") {
      return response.writeHead(302, { location: "/files/vault.bin", "content-length": 0 }).end()
    }
    if (url !== "/files/vault.bin") return response.writeHead(404, { "content-length": 0 }).end()
    if (!gate.admits(method, url, headers.authorization)) {
      return response.writeHead(401, { "www-authenticate": gate.challenge(), "content-length": 0 }).end()
    }
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size.bytes })
    if (delivered++ > 0) return void send(response, size.bytes).then(() => response.end())
    return void send(response, size.resetAfter).then(() => {
      // a reset throws away what the kernel has not delivered yet, and is a matter of the TCP socket below TLS
      const reset = () => sockets.get(socket.remotePort ?? 0)?.resetAndDestroy()
      // a loop that was late runs its timers first: the round of reading after them still comes before the reset
      setTimeout(() => setImmediate(reset), deliveryTime)
    })
  })
  server.on("connection", (socket: Socket) => {
    const port = socket.remotePort ?? 0
    sockets.set(port, socket)
    socket.on("close", () => sockets.delete(port))
  })
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const origin = `https://localhost:${typeof address === "object" && address !== null ? address.port : 0}`
  const target: Target = {
    url: `${origin}/latest`,
    origin,
    ca: authority.cert,
    pin: issued.pin,
    user: account.user,
    password: account.password,
    sha256: digestOf(size.bytes),
    bytes: size.bytes
  }
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { target, stop }
}

/** Starts the origin; it ends with the scope. */
export const make = (size: Size = defaultSize): Effect.Effect<Target, OriginError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.tryPromise({ try: () => start(size), catch: (cause) => new OriginError({ cause }) }),
      ({ stop }) => Effect.promise(stop)
    ),
    ({ target }) => target
  )
