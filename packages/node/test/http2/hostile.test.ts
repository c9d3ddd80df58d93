// Servers that break the rules of HTTP/2, or stretch them: a typed error for the request, and a session that goes on.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import { failsWith, text } from "../session/support.ts"
import { until } from "../support/fakeControl.ts"
import {
  answer,
  block,
  codeOf,
  codes,
  data,
  frame,
  type FramePeer,
  head,
  headers,
  isAck,
  ofType,
  ping,
  reset,
  settings,
  types
} from "../support/frames.ts"
import { frames, session } from "./support.ts"

const fieldsOf = (count: number, value = "v"): ReadonlyArray<readonly [string, string]> =>
  Array.from({ length: count }, (_, i) => [`x-${i}`, value] as const)

/** The first request meets what a test says, every other one an answer. */
const once = (does: (peer: FramePeer, stream: number) => void) => {
  let requests = 0
  return frames({
    onRequest: (peer, stream) => requests++ === 0 ? does(peer, stream) : peer.send(answer(stream, "again"))
  })
}

const goesOn = (session: UrlSession.Service, origin: string) =>
  Effect.map(session.data(origin), ([bytes]) => assert.strictEqual(text(bytes), "again"))

describe("a head over HTTP/2", () => {
  it.scopedLive("may have 1,000 fields and 64 KiB, and no more", () =>
    Effect.gen(function*() {
      const heads = [fieldsOf(1000), fieldsOf(1001), fieldsOf(2, "v".repeat(40_000)), fieldsOf(3000)]
      for (const [index, fields] of heads.entries()) {
        const server = yield* once((peer, stream) => peer.send(head(stream, 200, fields, true)))
        yield* session((session) =>
          Effect.gen(function*() {
            if (index === 0) {
              const [, response] = yield* session.data(server.origin)
              assert.strictEqual([...response.headers].length, 1000)
            } else yield* failsWith(session.data(server.origin), "InvalidResponse/ResponseHeadTooLarge")
            yield* goesOn(session, server.origin)
          })
        )
      }
    }), 20_000)

  it.scopedLive("may follow 32 informational ones, and no more", () =>
    Effect.gen(function*() {
      for (const count of [32, 33]) {
        const server = yield* once((peer, stream) =>
          peer.send(...Array.from({ length: count }, () => head(stream, 103)), answer(stream, "final"))
        )
        yield* session((session) =>
          Effect.gen(function*() {
            if (count === 33) yield* failsWith(session.data(server.origin), "InvalidResponse/BadServerResponse")
            else assert.strictEqual(text((yield* session.data(server.origin))[0]), "final")
            yield* goesOn(session, server.origin)
          })
        )
      }
    }))

  it.scopedLive("may follow 64 KiB of informational ones, and no more", () =>
    Effect.gen(function*() {
      const server = yield* once((peer, stream) =>
        peer.send(
          ...Array.from({ length: 3 }, () => head(stream, 103, [["link", "x".repeat(30_000)]])),
          answer(stream, "final")
        )
      )
      yield* session((session) => failsWith(session.data(server.origin), "InvalidResponse/BadServerResponse"))
    }))

  const wrong: Readonly<Record<string, (stream: number) => Uint8Array>> = {
    "101": (stream) => head(stream, 101),
    "no status": (stream) => headers(stream, [["x-a", "1"]], { last: true }),
    "two statuses": (stream) => headers(stream, [[":status", "200"], [":status", "204"]], { last: true }),
    "a status that is no number": (stream) => headers(stream, [[":status", "abc"]], { last: true }),
    "a name in upper case": (stream) => head(stream, 200, [["X-Upper", "1"]], true),
    "a field of the connection": (stream) => head(stream, 200, [["connection", "close"]], true),
    "two lengths": (stream) => head(stream, 200, [["content-length", "1"], ["content-length", "2"]], true),
    "an end without a final one": (stream) => head(stream, 103, [], true)
  }
  for (const [name, says] of Object.entries(wrong)) {
    it.scopedLive(`with ${name} is an error with a type, and the session goes on`, () =>
      Effect.gen(function*() {
        const server = yield* once((peer, stream) => peer.send(says(stream)))
        yield* session((session) =>
          Effect.gen(function*() {
            const result = yield* Effect.either(session.data(HttpClientRequest.post(server.origin)))
            if (Either.isRight(result)) return assert.fail(`${result.right[1].status}`)
            const reasons = ["CannotParseResponse", "BadServerResponse", "NetworkConnectionLost"]
            assert.include(reasons, result.left.reason._tag)
            yield* goesOn(session, server.origin)
          })
        )
      }))
  }
})

describe("a flood over HTTP/2", () => {
  const floods: Readonly<Record<string, (stream: number) => ReadonlyArray<Uint8Array>>> = {
    "SETTINGS": () => Array.from({ length: 20_000 }, () => settings({ 4: 65_536 })),
    "PING": () => Array.from({ length: 20_000 }, () => ping()),
    "empty DATA": (stream) => [head(stream, 200), ...Array.from({ length: 20_000 }, () => data(stream, ""))],
    "CONTINUATION": (stream) => [
      frame(types.headers, 0, stream, block([[":status", "200"]])),
      ...Array.from({ length: 2000 }, (_, i) => frame(types.continuation, 0, stream, block(fieldsOf(50, `${i}`))))
    ],
    "empty CONTINUATION": (stream) => [
      frame(types.headers, 0, stream, block([[":status", "200"]])),
      ...Array.from({ length: 20_000 }, () => frame(types.continuation, 0, stream))
    ],
    "PRIORITY": (stream) => Array.from({ length: 20_000 }, () => frame(types.priority, 0, stream, Buffer.alloc(5))),
    "RST_STREAM": (stream) => Array.from({ length: 20_000 }, () => reset(stream, codes.cancel)),
    "unknown frames": () => Array.from({ length: 20_000 }, () => frame(200, 0, 0, Buffer.alloc(4)))
  }
  for (const [name, says] of Object.entries(floods)) {
    it.scopedLive(
      `of ${name} ends in an answer or an error with a type, and the session goes on`,
      () =>
        Effect.gen(function*() {
          const server = yield* once((peer, stream) => peer.send(...says(stream), answer(stream, "after")))
          yield* session((session) =>
            Effect.gen(function*() {
              const result = yield* Effect.either(session.data(HttpClientRequest.post(server.origin)))
              if (Either.isRight(result)) assert.strictEqual(text(result.right[0]), "after")
              else {
                const reasons = ["CannotParseResponse", "ResponseHeadTooLarge", "NetworkConnectionLost"]
                assert.include(reasons, result.left.reason._tag)
              }
              yield* goesOn(session, server.origin)
            })
          )
          yield* until(() => server.open() === 0)
        }),
      20_000
    )
  }

  it.scopedLive("of resets leaves every request with an error of its own, on one connection", () =>
    Effect.gen(function*() {
      let refused = 0
      const server = yield* frames({
        onRequest: (peer, stream) =>
          refused++ < 500 ? peer.send(reset(stream, codes.internal)) : peer.send(answer(stream, "again"))
      })
      yield* session((session) =>
        Effect.gen(function*() {
          const post = Effect.flip(session.data(HttpClientRequest.post(server.origin)))
          const errors = yield* Effect.all(Array.from({ length: 500 }, () => post), { concurrency: 50 })
          assert.isTrue(errors.every((error) => error.reason._tag === "NetworkConnectionLost"))
          assert.strictEqual(server.connections.length, 1)
          yield* goesOn(session, server.origin)
        })
      )
    }))

  it.scopedLive("of refusals ends after as many attempts as `recover` makes", () =>
    Effect.gen(function*() {
      let requests = 0
      const server = yield* frames({
        onRequest: (peer, stream) => {
          requests++
          peer.send(reset(stream, codes.refused))
        }
      })
      yield* session((session) =>
        failsWith(session.data(HttpClientRequest.post(server.origin)), "ConnectionError/NetworkConnectionLost")
      )
      assert.strictEqual(requests, 7)
    }))

  it.scopedLive("of pushes is refused: it was switched off", () =>
    Effect.gen(function*() {
      const pushed = frame(
        types.push,
        4,
        1,
        Buffer.concat([
          Buffer.from([0, 0, 0, 2]),
          block([[":method", "GET"], [":scheme", "https"], [":authority", "localhost"], [":path", "/"]])
        ])
      )
      const server = yield* once((peer, stream) => peer.send(pushed, answer(stream, "after")))
      yield* session((session) =>
        Effect.gen(function*() {
          yield* Effect.flip(session.data(HttpClientRequest.post(server.origin)))
          yield* goesOn(session, server.origin)
        })
      )
      const [announced] = ofType(server.connections[0], types.settings)
      // SETTINGS_ENABLE_PUSH is 0 (RFC 9113 6.5.2)
      assert.include(announced?.payload.toString("hex"), "000200000000")
    }))
})

describe("a window that is never opened", () => {
  const large = HttpClientRequest.bodyUint8Array(HttpClientRequest.post("/"), new Uint8Array(300_000))
  const to = (origin: string) => HttpClientRequest.setUrl(large, origin)

  it.scopedLive("holds up an upload, which can be interrupted: CANCEL, and the connection stays", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onPreface: (peer) => peer.send(settings({ 4: 0 })),
        onRequest: (peer, stream) => stream === 1 ? undefined : peer.send(answer(stream, "again"))
      })
      yield* session((session) =>
        Effect.gen(function*() {
          const upload = yield* Effect.fork(session.data(to(server.origin)))
          yield* until(() => server.connections[0]?.streams.length === 1)
          yield* Fiber.interrupt(upload)
          yield* until(() => ofType(server.connections[0], types.reset).length === 1)
          const [cancelled] = ofType(server.connections[0], types.reset)
          assert.strictEqual(cancelled === undefined ? -1 : codeOf(cancelled), codes.cancel)
          yield* goesOn(session, server.origin)
          assert.strictEqual(server.connections.length, 1)
          const sent = ofType(server.connections[0], types.data).reduce((sum, one) => sum + one.payload.length, 0)
          assert.isAtMost(sent, 65_535)
        })
      )
    }))

  it.scopedLive("does not hold up an answer that comes all the same", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onPreface: (peer) => peer.send(settings({ 4: 0 })),
        onRequest: (peer, stream) =>
          stream === 1
            ? peer.send(head(stream, 413, [], true), reset(stream, codes.none))
            : peer.send(answer(stream, "again"))
      })
      yield* session((session) =>
        Effect.gen(function*() {
          const [, response] = yield* session.data(to(server.origin))
          assert.strictEqual(response.status, 413)
          yield* goesOn(session, server.origin)
          assert.strictEqual(server.connections.length, 1)
        })
      )
    }))

  it.scopedLive("by many uploads at once keeps no answer of others away", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onPreface: (peer) => peer.send(settings({ 3: 200 })),
        onRequest: (peer, stream) => stream < 120 ? undefined : peer.send(answer(stream, "again"))
      })
      yield* session((session) =>
        Effect.gen(function*() {
          const uploads = yield* Effect.fork(
            Effect.all(Array.from({ length: 60 }, () => session.data(to(server.origin))), { concurrency: "unbounded" })
          )
          yield* until(() => server.connections[0]?.streams.length === 60)
          yield* goesOn(session, server.origin)
          yield* Fiber.interrupt(uploads)
        })
      )
    }))
})

describe("the number of streams", () => {
  it.scopedLive("is never more than the server allows", () =>
    Effect.gen(function*() {
      let open = 0
      let most = 0
      const server = yield* frames({
        onPreface: (peer) => peer.send(settings({ 3: 3 })),
        onRequest: (peer, stream) => {
          most = Math.max(most, ++open)
          setImmediate(() => {
            open--
            peer.send(answer(stream, "again"))
          })
        }
      })
      yield* session((session) =>
        Effect.all(Array.from({ length: 30 }, () => goesOn(session, server.origin)), { concurrency: "unbounded" })
      )
      assert.strictEqual(most, 3)
      assert.strictEqual(server.connections.length, 1)
    }))

  it.scopedLive("may be none, until the server says otherwise", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onPreface: (peer) => peer.send(settings({ 3: 0 })),
        onRequest: (peer, stream) => peer.send(answer(stream, "again")),
        onFrame: (peer, one) => {
          if (one.type === types.settings && isAck(one) && ofType(peer, types.settings).filter(isAck).length === 1) {
            setImmediate(() => peer.send(settings({ 3: 10 })))
          }
        }
      })
      yield* session((session) =>
        Effect.all([1, 2, 3].map(() => goesOn(session, server.origin)), { concurrency: "unbounded" })
      )
    }))
})
