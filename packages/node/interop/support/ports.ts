/** Ports for servers that have to be told theirs. */
import * as Effect from "effect/Effect"
import * as net from "node:net"

// Below the range that systems take the ports of outgoing connections from, and apart for processes that run at a time.
const first = 20_000
const count = 10_000
let next = (process.pid * 101) % count

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const server = net.createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

/** A port of 127.0.0.1 at which nobody listens; another one every time. */
export const freePort: Effect.Effect<number> = Effect.suspend(() => {
  const port = first + next
  next = (next + 1) % count
  return Effect.flatMap(isFree(port), (free) => free ? Effect.succeed(port) : freePort)
})
