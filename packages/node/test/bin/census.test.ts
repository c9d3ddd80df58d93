/** That the last line of a run is counted and not just said. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { closeSync, openSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { line, since, take } from "../../src/bin/census.ts"

const event = (emitter: Socket | ReturnType<typeof createServer>, name: string) =>
  Effect.async<void>((resume) => {
    emitter.once(name, () => resume(Effect.void))
  })

describe("census", () => {
  it.effect("counts a file that is open, and a timer that runs", () =>
    Effect.gen(function*() {
      const before = yield* take
      const file = openSync(process.execPath, "r")
      const timer = setTimeout(() => {}, 60_000)
      const during = since(before, yield* take)
      closeSync(file)
      clearTimeout(timer)
      assert.deepStrictEqual([during.files, during.timers], [1, 1])
      const after = since(before, yield* take)
      assert.deepStrictEqual([after.files, after.timers], [0, 0])
    }))

  it.live("counts both ends of a connection, referenced or not", () =>
    Effect.gen(function*() {
      const server = createServer()
      const listening = event(server, "listening")
      server.listen(0, "127.0.0.1")
      yield* listening
      const before = yield* take
      const address = server.address()
      const accepted: Array<Socket> = []
      server.on("connection", (socket) => accepted.push(socket))
      const both = Effect.all([event(server, "connection")])
      const client = connect({ port: typeof address === "object" && address !== null ? address.port : 0 })
      client.unref()
      yield* both
      assert.strictEqual(since(before, yield* take).sockets, 2)
      for (const socket of [client, ...accepted]) {
        const closed = event(socket, "close")
        socket.destroy()
        yield* closed
      }
      assert.strictEqual(since(before, yield* take).sockets, 0)
      server.close()
      yield* event(server, "close")
    }))

  it("says one socket, two sockets", () => {
    assert.strictEqual(line({ sockets: 1, timers: 2, files: 0 }), "open: 1 socket, 2 timers, 0 files")
  })
})
