import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { once } from "node:events"
import { alternativeNames } from "../../src/internal/certificates.ts"
import { type ConnectionListener, OnreadConnection } from "../../src/internal/connection.ts"
import { type Lane, WaitQueue } from "../../src/internal/queue.ts"
import { ReadAhead } from "../../src/internal/readAhead.ts"
import { contextFor } from "../../src/internal/secureContext.ts"
import { turns, until } from "../support/fakeControl.ts"
import { makeAuthority } from "../support/pki.ts"
import { rawServer } from "../support/rawServer.ts"

describe("bytes read ahead", () => {
  it.prop(
    "come out as they went in",
    [FastCheck.array(FastCheck.uint8Array({ maxLength: 40_000 }), { maxLength: 12 }), FastCheck.boolean()],
    ([pieces, known]) => {
      const whole = Buffer.concat(pieces)
      const fill = () => {
        const ahead = new ReadAhead(known ? whole.length : undefined)
        for (const piece of pieces) ahead.add(piece)
        assert.strictEqual(ahead.size, whole.length)
        return ahead
      }
      const joined = fill().join()
      assert.isTrue(Buffer.from(joined).equals(whole))
      assert.strictEqual(joined.buffer.byteLength, whole.length)
      const ahead = fill()
      const out: Array<Uint8Array> = []
      for (let piece = ahead.shift(); piece !== undefined; piece = ahead.shift()) out.push(piece)
      assert.isTrue(Buffer.concat(out).equals(whole))
      assert.strictEqual(ahead.size, 0)
    }
  )

  it("may be taken out before all of them have come", () => {
    const ahead = new ReadAhead(10)
    ahead.add(Uint8Array.of(1, 2, 3))
    assert.deepStrictEqual([...ahead.shift() ?? []], [1, 2, 3])
    ahead.add(Uint8Array.of(4))
    assert.deepStrictEqual([...ahead.shift() ?? []], [4])
    assert.isUndefined(ahead.shift())
  })
})

class Waiter {
  lane: Lane<Waiter> | undefined = undefined
  before: Waiter | undefined = undefined
  behind: Waiter | undefined = undefined
  priority: number
  order = 0
  readonly place: number
  constructor(priority: number, place: number) {
    this.priority = priority
    this.place = place
  }
}

describe("the queue for connections", () => {
  it.prop(
    "is by priority, then first come, first served, whoever leaves (TSK-08)",
    [FastCheck.array(FastCheck.tuple(FastCheck.constantFrom(0, 0.25, 0.5, 1), FastCheck.boolean()), { maxLength: 15 })],
    ([all]) => {
      const queue = new WaitQueue<Waiter>()
      const waiters = all.map(([priority], place) => new Waiter(priority, place))
      for (const waiter of waiters) queue.add(waiter)
      const staying = waiters.filter((_, place) => all[place]?.[1] === true)
      for (const waiter of waiters) {
        if (!staying.includes(waiter)) {
          queue.remove(waiter)
          queue.remove(waiter)
        }
      }
      assert.strictEqual(queue.size, staying.length)
      const served: Array<number> = []
      for (let first = queue.first(); first !== undefined; first = queue.first()) {
        served.push(first.place)
        queue.remove(first)
      }
      const wanted = [...staying].sort((a, b) => b.priority - a.priority || a.place - b.place)
      assert.deepStrictEqual(served, wanted.map((one) => one.place))
      assert.isUndefined(queue.find(() => true))
    }
  )

  it("gives every sixteenth turn to who has waited longest, so that nobody waits for ever (TSK-08)", () => {
    const queue = new WaitQueue<Waiter>()
    queue.add(new Waiter(0.5, -1))
    queue.add(new Waiter(0, -2))
    let place = 0
    const served: Array<number> = []
    for (let turn = 0; turn < 48; turn++) {
      // there is always somebody more important
      queue.add(new Waiter(1, place++))
      const next = queue.first()
      if (next === undefined) break
      served.push(next.place)
      queue.remove(next)
    }
    assert.deepStrictEqual([served[15], served[31], served.filter((one) => one < 0).length], [-1, -2, 2])
  })

  it("has another order when a priority changes, behind those who have it already (TSK-08)", () => {
    const queue = new WaitQueue<Waiter>()
    const [a, b, c] = [new Waiter(0.5, 0), new Waiter(0.5, 1), new Waiter(1, 2)]
    for (const one of [a, b, c]) queue.add(one)
    queue.move(b, 1)
    queue.move(a, 0)
    const served: Array<number> = []
    for (let next = queue.first(); next !== undefined; next = queue.first()) {
      served.push(next.place)
      queue.remove(next)
    }
    assert.deepStrictEqual(served, [2, 1, 0])
    assert.strictEqual(queue.size, 0)
  })
})

describe("subject alternative names", () => {
  it("are read from Node's text, quoted ones too", () => {
    assert.deepStrictEqual(
      alternativeNames(
        "DNS:a.example, IP Address:192.0.2.1, DNS:*.b.example, URI:http://c/, IP Address:2001:DB8:0:0:0:0:0:1"
      ),
      { dns: ["a.example", "*.b.example"], ip: ["192.0.2.1", "2001:DB8:0:0:0:0:0:1"] }
    )
    assert.deepStrictEqual(alternativeNames("DNS:\"good.example\\u002c DNS:evil.example\", DNS:b.example"), {
      dns: ["good.example, DNS:evil.example", "b.example"],
      ip: []
    })
    assert.deepStrictEqual(alternativeNames(undefined), { dns: [], ip: [] })
    assert.deepStrictEqual(alternativeNames("DNS:\"cut"), { dns: [], ip: [] })
  })
})

describe("TLS contexts", () => {
  it("are made once for the same roots and versions (engine rule 4)", async () => {
    const root = await makeAuthority()
    const other = await makeAuthority()
    const added = (pem: string) => contextFor({ _tag: "Additional", pem: [pem] }, "TLSv1.2", "TLSv1.3")
    assert.strictEqual(added(root.cert), added(root.cert))
    assert.notStrictEqual(added(root.cert), added(other.cert))
    assert.notStrictEqual(added(root.cert), contextFor({ _tag: "Only", pem: [root.cert] }, "TLSv1.2", "TLSv1.3"))
    assert.notStrictEqual(
      contextFor({ _tag: "System" }, "TLSv1.2", "TLSv1.3"),
      contextFor({ _tag: "System" }, "TLSv1.3", "TLSv1.3")
    )
  })
})

describe("a connection", () => {
  const silent: ConnectionListener = {
    onConnect: () => {},
    onSecure: () => {},
    onBytes: () => {},
    onEnd: () => {},
    onError: () => {},
    onClose: () => {},
    readsOnAfterWriteError: () => false
  }

  it.scopedLive("that is given away becomes a stream with back pressure, and the listener hears nothing more", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onData: (peer, data) => peer.socket.write(data) })
      let heard = 0
      let closed = false
      let connected = false
      const connection = new OnreadConnection(
        { address: "127.0.0.1", port: server.port, secure: undefined },
        {
          ...silent,
          onConnect: () => {
            connected = true
          },
          onBytes: () => heard++
        },
        () => {
          closed = true
        }
      )
      yield* until(() => connected)
      const stream = connection.take(Buffer.from("first "))
      const body = Buffer.alloc(2 * 1024 * 1024, "echo")
      const read: Array<Buffer> = []
      let size = 0
      stream.on("data", (bytes: Buffer) => {
        read.push(bytes)
        size += bytes.length
        stream.pause()
        setImmediate(() => stream.resume())
      })
      stream.write(body)
      yield* until(() => size === body.length + 6)
      assert.isTrue(Buffer.concat(read).equals(Buffer.concat([Buffer.from("first "), body])))
      assert.strictEqual(heard, 0)
      const end = once(stream, "close")
      stream.end()
      server.peers[0]?.socket.end()
      yield* Effect.promise(() => end)
      yield* until(() => closed)
    }))

  it.scopedLive("whose listener throws is destroyed, and the process lives", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onConnection: (peer) => peer.socket.write("x") })
      const errors: Array<string> = []
      let closed = false
      const connection = new OnreadConnection(
        { address: "127.0.0.1", port: server.port, secure: undefined },
        {
          ...silent,
          onBytes: () => {
            throw new Error("oops")
          },
          onError: (error) => errors.push(error.message)
        },
        () => {
          closed = true
        }
      )
      yield* until(() => closed)
      yield* turns()
      assert.deepStrictEqual(errors, ["oops"])
      assert.isTrue(connection.destroyed)
    }))
})
