// FIN, a cut, GOAWAY and RST_STREAM at every point of an exchange: the right bytes or a typed error, never half a body.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { text } from "../session/support.ts"
import { until } from "../support/fakeControl.ts"
import { answer, codes, data, type FramePeer, goaway, head, headers, reset, settings } from "../support/frames.ts"
import { frames, session } from "./support.ts"

/** How far a server goes before something happens. */
const points: Readonly<Record<string, (stream: number) => ReadonlyArray<Uint8Array>>> = {
  "after the request": () => [],
  "after an informational response": (stream) => [head(stream, 103, [["link", "</a>"]])],
  "after the head": (stream) => [head(stream, 200, [["content-length", "10"]])],
  "in a body of known length": (stream) => [head(stream, 200, [["content-length", "10"]]), data(stream, "01234")],
  "in a body of unknown length": (stream) => [head(stream, 200), data(stream, "01234")],
  "behind the last byte": (stream) => [head(stream, 200, [["content-length", "10"]]), data(stream, "0123456789")]
}

const rest = "0123456789"

/** What is left of the response, for a server that goes on after it has said something. */
const goOn = (point: string, stream: number): ReadonlyArray<Uint8Array> => {
  switch (point) {
    case "after the request":
    case "after an informational response":
      return [answer(stream, rest)]
    case "after the head":
      return [data(stream, rest, true)]
    case "behind the last byte":
      return [data(stream, "", true)]
    default:
      return [data(stream, "56789", true)]
  }
}

interface Ending {
  readonly does: (peer: FramePeer, stream: number, point: string) => void
  /** What becomes of a request that is not idempotent. */
  readonly gives: "error" | "answer" | "answer of another connection"
}

const endings: Readonly<Record<string, Ending>> = {
  "FIN": { does: (peer) => peer.socket.end(), gives: "error" },
  "a cut": { does: (peer) => peer.socket.destroy(), gives: "error" },
  "GOAWAY, and the rest of the response": {
    does: (peer, stream, point) => peer.send(goaway(stream, codes.none), ...goOn(point, stream)),
    gives: "answer"
  },
  "GOAWAY with a code": { does: (peer, stream) => peer.send(goaway(stream, codes.internal)), gives: "error" },
  "GOAWAY that leaves the request out": {
    does: (peer) => peer.send(goaway(0, codes.none)),
    gives: "answer of another connection"
  },
  "GOAWAY with a code that leaves the request out": {
    does: (peer) => peer.send(goaway(0, codes.internal)),
    gives: "answer of another connection"
  },
  "RST_STREAM with NO_ERROR": { does: (peer, stream) => peer.send(reset(stream, codes.none)), gives: "error" },
  "RST_STREAM with INTERNAL_ERROR": {
    does: (peer, stream) => peer.send(reset(stream, codes.internal)),
    gives: "error"
  },
  "RST_STREAM with CANCEL": { does: (peer, stream) => peer.send(reset(stream, codes.cancel)), gives: "error" },
  "RST_STREAM with REFUSED_STREAM": {
    does: (peer, stream) => peer.send(reset(stream, codes.refused)),
    gives: "answer of another connection"
  }
}

const post = (session: UrlSession.Service, origin: string) => session.data(HttpClientRequest.post(origin))

describe("an exchange over HTTP/2 that meets", () => {
  for (const [name, { does, gives }] of Object.entries(endings)) {
    for (const [point, says] of Object.entries(points)) {
      it.scopedLive(`${name} ${point}: ${gives}`, () =>
        Effect.gen(function*() {
          let requests = 0
          const server = yield* frames({
            onRequest: (peer, stream) => {
              if (requests++ > 0) return peer.send(answer(stream, rest))
              peer.send(...says(stream))
              // in a turn of its own, so that what came before has been heard
              setImmediate(() => does(peer, stream, point))
            }
          })
          yield* session((session) =>
            Effect.gen(function*() {
              const result = yield* Effect.either(post(session, server.origin))
              const answered = gives !== "error" &&
                !(gives === "answer of another connection" && /head|body|byte/.test(point))
              if (answered) {
                if (Either.isLeft(result)) return assert.fail(result.left.message)
                assert.strictEqual(text(result.right[0]), rest)
                assert.strictEqual(requests, gives === "answer" ? 1 : 2)
              } else {
                if (Either.isRight(result)) return assert.fail(`a body of ${result.right[0].length}`)
                const { reason } = result.left
                if (reason._tag !== "NetworkConnectionLost") return assert.fail(reason._tag)
                assert.isTrue(reason.requestSent)
                assert.strictEqual(requests, 1)
              }
              // the session goes on
              const [again] = yield* post(session, server.origin)
              assert.strictEqual(text(again), rest)
            })
          )
          yield* until(() => server.open() === 0)
        }))
    }
  }

  it.scopedLive("FIN and a cut before the server has said anything: error, and nothing is left", () =>
    Effect.gen(function*() {
      for (const does of [endings.FIN?.does, endings["a cut"]?.does]) {
        const server = yield* frames({ onPreface: (peer) => does?.(peer, 0, "") })
        const error = yield* session((session) => Effect.flip(post(session, server.origin)))
        assert.strictEqual(error.reason._tag, "NetworkConnectionLost")
      }
    }))

  it.scopedLive("GOAWAY before the first request has been looked at: a new connection, up to seven", () =>
    Effect.gen(function*() {
      const server = yield* frames({ onPreface: (peer) => peer.send(settings(), goaway(0, codes.none)) })
      const error = yield* session((session) => Effect.flip(post(session, server.origin)))
      assert.strictEqual(error.reason._tag, "NetworkConnectionLost")
      assert.strictEqual(server.connections.length, 7)
    }))

  it.scopedLive("a whole response and RST_STREAM with NO_ERROR behind it: the answer (RFC 9113 8.1)", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onRequest: (peer, stream) => peer.send(answer(stream, rest), reset(stream, codes.none))
      })
      const [bytes] = yield* session((session) => post(session, server.origin))
      assert.strictEqual(text(bytes), rest)
    }))

  it.scopedLive("an end before the announced length, and bytes behind it: an error", () =>
    Effect.gen(function*() {
      for (const body of ["01234", "0123456789abc"]) {
        const server = yield* frames({
          onRequest: (peer, stream) =>
            peer.send(head(stream, 200, [["content-length", "10"]]), data(stream, body, true))
        })
        const error = yield* session((session) => Effect.flip(post(session, server.origin)))
        assert.include(["NetworkConnectionLost", "CannotParseResponse"], error.reason._tag)
      }
    }))

  it.scopedLive("trailers: they are given, and those that may not be there are not (RFC 9110 6.5.1)", () =>
    Effect.gen(function*() {
      const server = yield* frames({
        onRequest: (peer, stream) =>
          peer.send(
            head(stream, 200),
            data(stream, rest),
            headers(stream, [["x-sum", "45"], ["set-cookie", "a=b"]], { last: true })
          )
      })
      yield* session((session) =>
        Effect.gen(function*() {
          const response = yield* session.execute(server.origin)
          assert.strictEqual(text(yield* response.bytes), rest)
          assert.deepStrictEqual([...yield* response.trailers], [["x-sum", "45"]])
        })
      )
    }))
})
