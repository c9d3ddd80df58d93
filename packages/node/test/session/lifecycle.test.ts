import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { turns, until } from "../support/fakeControl.ts"
import { answering, type Behaviour, presenting, rawServer, response } from "../support/rawServer.ts"
import { authority, leaf, nothing, open, text, withSession } from "./support.ts"

/** The kinds of things that hold this process, without those that come and go by themselves. */
const resources = (): ReadonlyArray<string> =>
  process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Timeout|GetAddrInfo|FileHandle|Zlib/.test(name)).sort()

const count = (name: string, among = resources()): number => among.filter((one) => one === name).length

const body = "x".repeat(200_000)

const pausing: Behaviour = {
  onRequest: (peer) => {
    peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
    peer.socket.write(body.slice(0, 100_000))
    setImmediate(() => peer.socket.write(body.slice(100_000)))
  }
}

describe("an interruption at any turn of the event loop", () => {
  const sweep = (secure: boolean, name: string, work: "data" | "stream") =>
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const root = yield* authority
        const server = yield* rawServer(secure ? { ...pausing, tls: presenting(yield* leaf) } : pausing)
        const url = secure ? `https://127.0.0.1:${server.port}/` : server.origin
        const delegate = ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.cert]) })
        let finished = 0
        let interrupted = 0
        for (let turn = 0; turn < 5000 && finished < 3; turn = turn < 60 ? turn + 1 : Math.ceil(turn * 1.2)) {
          yield* withSession({ delegate }, (session) =>
            Effect.gen(function*() {
              const once = work === "data"
                ? Effect.map(session.data(url), ([bytes]) => bytes.length)
                : Effect.flatMap(
                  session.execute(url),
                  (one) => Stream.runFold(one.stream, 0, (sum, bytes) => sum + bytes.length)
                )
              const fiber = yield* Effect.fork(once)
              yield* turns(turn)
              const exit = yield* Fiber.interrupt(fiber)
              if (Exit.isSuccess(exit)) {
                assert.strictEqual(exit.value, body.length)
                finished++
              } else {
                assert.isTrue(Cause.isInterruptedOnly(exit.cause), `turn ${turn}: ${Cause.pretty(exit.cause)}`)
                interrupted++
              }
              // `execute` and then the body are two effects: what falls between them is the collector's or the session's
              if (work === "data") {
                yield* until(() => {
                  const { connecting, queued, tasks, timers } = Effect.runSync(session.openResources)
                  return connecting + queued + tasks + timers === 0
                })
              }
              // whatever happened, the session still works
              const [bytes] = yield* session.data(url)
              assert.strictEqual(bytes.length, body.length)
            }))
        }
        assert.isAbove(interrupted, 3)
        assert.strictEqual(finished, 3)
        yield* until(() => server.open() === 0)
      }), 60_000)

  sweep(false, "of data leaves nothing open", "data")
  sweep(true, "of data over TLS leaves nothing open", "data")
  sweep(false, "of execute and a stream leaves nothing when the session ends", "stream")
})

describe("SES-08 closing a session", () => {
  const stages: Readonly<Record<string, (peer: { readonly received: string } | undefined) => boolean>> = {
    "while it connects": () => true,
    "while it waits for the head": (peer) => peer?.received.endsWith("\r\n\r\n") === true
  }
  for (const [name, reached] of Object.entries(stages)) {
    it.scopedLive(`${name} ends the request, and nothing is open when the finalizer returns`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer({})
        const scope = yield* Scope.make()
        const session = yield* Scope.extend(open(), scope)
        const fiber = yield* Effect.fork(Effect.flip(session.data(server.origin)))
        yield* until(() => reached(server.peers[0]))
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* session.openResources, nothing)
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "Cancelled")
        yield* until(() => server.open() === 0)
      }))
  }

  it.scopedLive("during the handshake, during a lookup and during a body does the same", () =>
    Effect.gen(function*() {
      const mute = yield* rawServer({})
      const half = yield* rawServer({
        onRequest: (peer) => peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome")
      })
      const scope = yield* Scope.make()
      let asked = false
      const lookup = () =>
        Effect.suspend(() => {
          asked = true
          return Effect.never
        })
      const session = yield* Scope.extend(open({ transport: { lookup } }), scope)
      const answer = yield* session.execute(half.origin)
      const fibers = yield* Effect.forEach(
        [
          session.data(`https://127.0.0.1:${mute.port}/`),
          session.data("http://slow.test/"),
          answer.bytes,
          Effect.flatMap(session.execute(half.origin), (one) => Stream.runDrain(one.stream))
        ],
        (work) => Effect.fork(Effect.flip(Effect.asVoid(work)))
      )
      yield* until(() => asked && (mute.peers[0]?.received.length ?? 0) > 0 && half.peers.length === 2)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* session.openResources, nothing)
      for (const fiber of fibers) assert.strictEqual((yield* Fiber.join(fiber))._tag, "Cancelled")
      yield* until(() => mute.open() + half.open() === 0)
      assert.strictEqual((yield* Effect.flip(answer.bytes))._tag, "Cancelled")
    }))

  it.scopedLive("twice, and at the same time, is closing it once", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("x")))
      const scope = yield* Scope.make()
      const session = yield* Scope.extend(open(), scope)
      yield* session.data(server.origin)
      yield* Effect.all(
        [
          session.invalidateAndCancel,
          session.invalidateAndCancel,
          session.finishTasksAndInvalidate,
          Scope.close(scope, Exit.void)
        ],
        { concurrency: "unbounded" }
      )
      yield* session.invalidateAndCancel
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* session.openResources, nothing)
    }))

  it.scopedLive("SES-07 TestURLSession/test_finishTasksAndInvalidate: what runs is finished first", () =>
    Effect.gen(function*() {
      let finish: (() => void) | undefined
      const server = yield* rawServer({
        onRequest: (peer) => {
          finish = () => peer.socket.write(response("finished"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const running = yield* Effect.fork(session.data(server.origin))
          yield* until(() => finish !== undefined)
          const closing = yield* Effect.fork(session.finishTasksAndInvalidate)
          yield* turns(5)
          assert.isNull(closing.unsafePoll())
          assert.strictEqual((yield* Effect.flip(session.data(server.origin)))._tag, "SessionInvalidated")
          finish?.()
          assert.strictEqual(text((yield* Fiber.join(running))[0]), "finished")
          yield* Fiber.join(closing)
          assert.deepStrictEqual(yield* session.openResources, nothing)
        }))
    }))

  it.scopedLive("SES-11 SES-12 flush and reset make later requests use new connections", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("x")))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          yield* session.data(server.origin)
          yield* session.data(server.origin)
          assert.strictEqual(server.peers.length, 1)
          yield* session.flush
          yield* session.data(server.origin)
          assert.strictEqual(server.peers.length, 2)
          yield* session.reset
          yield* session.data(server.origin)
          assert.strictEqual(server.peers.length, 3)
          yield* until(() => server.open() === 1)
        }))
    }))
})

describe("many sessions", () => {
  it.scopedLive("300 opened, used and closed leave the process as it was", () =>
    Effect.gen(function*() {
      const root = yield* authority
      const server = yield* rawServer({ ...answering(response("x")) })
      const secure = yield* rawServer({ ...answering(response("x")), tls: presenting(yield* leaf) })
      const delegate = ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.cert]) })
      const once = (index: number) =>
        withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            yield* session.data(server.origin)
            if (index % 5 === 0) yield* session.data(`https://127.0.0.1:${secure.port}/`)
            if (index % 3 === 0) yield* session.execute(server.origin)
          }))
      yield* once(0)
      yield* until(() => server.open() + secure.open() === 0)
      yield* turns(5)
      const before = resources()
      const more = () =>
        resources().filter((name, at, all) => all.indexOf(name) === at && count(name) > count(name, before))
      yield* Effect.forEach(Array.from({ length: 300 }, (_, index) => index), once, { concurrency: 10, discard: true })
      yield* until(() => server.open() + secure.open() === 0)
      yield* turns(5)
      assert.deepStrictEqual(more(), [])
    }), 60_000)
})
