import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type { ExchangeError } from "@urlsession/core/SessionError"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as zlib from "node:zlib"
import { until } from "../support/fakeControl.ts"
import { answering, type Behaviour, type Peer, presenting, rawServer, response } from "../support/rawServer.ts"
import { authority, leaf, text, withSession } from "./support.ts"

const gzipped = zlib.gzipSync("hello, hello, hello").toString("latin1")
const hex = gzipped.length.toString(16)

/** Responses, the text that the whole of each gives, and whether a cut after the head can go unseen. */
const responses = {
  length: { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", whole: "hello" },
  none: { bytes: "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", whole: "" },
  chunked: {
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    whole: "hello"
  },
  gzip: {
    bytes: `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${gzipped.length}\r\n\r\n${gzipped}`,
    whole: "hello, hello, hello"
  },
  gzipChunked: {
    bytes:
      `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n${hex}\r\n${gzipped}\r\n0\r\n\r\n`,
    whole: "hello, hello, hello"
  },
  gzipClose: {
    bytes: `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n${gzipped}`,
    whole: "hello, hello, hello"
  },
  informational: {
    bytes:
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    whole: "hello"
  },
  close: { bytes: "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello", whole: "hello" }
}
type Kind = keyof typeof responses
const kinds: ReadonlyArray<Kind> = [
  "length",
  "none",
  "chunked",
  "gzip",
  "gzipChunked",
  "gzipClose",
  "informational",
  "close"
]
/** Those in which the ways of reading differ at all; the others are swept by one of them. */
const differing: ReadonlyArray<Kind> = ["chunked", "gzip", "close"]
const isKind = (value: string): value is Kind => kinds.some((kind) => kind === value)

const describeError = (error: ExchangeError): string => `${error._tag}/${error.reason._tag}`

/** What a response that is cut there must come to. */
const expected = (kind: Kind, cut: number): ReadonlyArray<string> => {
  const { bytes, whole } = responses[kind]
  if (cut === bytes.length) return [whole]
  const last = bytes.indexOf(kind === "none" ? "HTTP/1.1 204" : "HTTP/1.1 200")
  const head = bytes.indexOf("\r\n\r\n", last) + 4
  const lost = "ConnectionError/NetworkConnectionLost"
  if (cut < head) return [lost]
  switch (kind) {
    case "close":
      return [bytes.slice(head, cut)]
    case "gzipClose":
      // RFC 9112 6.3: the end of the connection is the end of the body, so only the coding can tell
      return cut === head ? [""] : ["BodyError/CannotDecodeRawData"]
    case "length":
    case "informational":
    case "gzip":
      return [cut === head ? "InvalidResponse/ZeroByteResource" : lost]
    default:
      return [lost]
  }
}

const cutting: Behaviour = {
  onRequest: (peer: Peer, head: string) => {
    const [, kind = "", cut = ""] = /^[A-Z]+ \/(\w+)\/(\d+)/.exec(head) ?? []
    if (isKind(kind)) peer.socket.end(responses[kind].bytes.slice(0, Number(cut)), "latin1")
  }
}

/** Every way to read a response. */
const readers: Readonly<
  Record<string, (session: UrlSession.Service, url: string) => Effect.Effect<string, ExchangeError>>
> = {
  data: (session, url) => Effect.map(session.data(url), ([bytes]) => text(bytes)),
  bytes: (session, url) => Effect.flatMap(session.execute(url), (one) => one.text),
  stream: (session, url) =>
    Effect.flatMap(session.execute(url), (one) => Stream.mkString(Stream.decodeText(one.stream))),
  forEachChunk: (session, url) =>
    Effect.flatMap(session.execute(url), (one) => {
      const pieces: Array<Uint8Array> = []
      return Effect.as(one.forEachChunk((bytes) => pieces.push(Uint8Array.from(bytes))), undefined).pipe(
        Effect.map(() => text(Buffer.concat(pieces)))
      )
    }),
  task: (session, url) =>
    Effect.scoped(
      Effect.flatMap(session.dataTask(url), (task) => Effect.map(task.data, ([bytes]) => text(bytes)))
    ).pipe(Effect.catchTag("SessionInvalidated", Effect.die))
}

describe("a connection that is closed at any byte of a response", () => {
  const sweep = (origin: string, session: UrlSession.Service, name: string, kindsOfIt: ReadonlyArray<Kind>) =>
    Effect.gen(function*() {
      const read = readers[name]
      if (read === undefined) return
      for (const kind of kindsOfIt) {
        const cuts = Array.from({ length: responses[kind].bytes.length + 1 }, (_, cut) => cut)
        yield* Effect.forEach(cuts, (cut) =>
          Effect.gen(function*() {
            const outcome = yield* Effect.match(read(session, `${origin}/${kind}/${cut}`), {
              onFailure: describeError,
              onSuccess: (body) => body
            })
            assert.include(expected(kind, cut), outcome, `${name} of ${kind} cut after ${cut} bytes: ${outcome}`)
          }), { concurrency: 6, discard: true })
      }
      yield* until(() => session.openResources.pipe(Effect.runSync).sockets === 0)
      assert.deepStrictEqual(yield* session.openResources, {
        sockets: 0,
        connecting: 0,
        queued: 0,
        tasks: 0,
        timers: 0
      })
    })

  for (const name of Object.keys(readers)) {
    it.scopedLive(`NET-07 gives the whole response or says what happened, by ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer(cutting)
        yield* withSession({}, (session) => sweep(server.origin, session, name, name === "data" ? kinds : differing))
        yield* until(() => server.open() === 0)
      }))
  }

  it.scopedLive("NET-07 over TLS too", () =>
    Effect.gen(function*() {
      const root = yield* authority
      const server = yield* rawServer({ ...cutting, tls: presenting(yield* leaf) })
      const delegate = ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.cert]) })
      yield* withSession({ delegate }, (session) =>
        sweep(`https://127.0.0.1:${server.port}`, session, "data", ["length", "gzipChunked", "informational", "close"]))
      yield* until(() =>
        server.open() === 0
      )
    }), 60_000)
})

describe("bytes that come in pieces", () => {
  it.scopedLive("a response that is written byte by byte is the same response", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          const [, kind = ""] = /^GET \/(\w+)/.exec(head) ?? []
          if (!isKind(kind)) return
          const { bytes } = responses[kind]
          const next = (index: number): void => {
            if (index === bytes.length) return void peer.socket.end()
            peer.socket.write(bytes.slice(index, index + 1), "latin1", () => next(index + 1))
          }
          next(0)
        }
      })
      yield* withSession({}, (session) =>
        Effect.forEach(kinds, (kind) =>
          Effect.gen(function*() {
            const [bytes] = yield* session.data(`${server.origin}/${kind}`)
            assert.strictEqual(text(bytes), responses[kind].whole, kind)
          })))
    }))
})

describe("what a server says too much", () => {
  it.scopedLive("a second response after the first is thrown away with its connection", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => peer.socket.write(response(`right ${peer.index}`) + response("poison"))
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (let i = 0; i < 5; i++) {
            const [bytes] = yield* session.data(server.origin)
            assert.strictEqual(text(bytes), `right ${i}`)
          }
        }))
      assert.strictEqual(server.peers.length, 5)
    }))

  it.scopedLive("a second response that comes later, on an idle connection, is thrown away too", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onRequest: (peer) => peer.socket.write(response(`right ${peer.index}`)) })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          yield* session.data(server.origin)
          server.peers[0]?.socket.write(response("poison"))
          yield* until(() => Effect.runSync(session.openResources).sockets === 0)
          const [bytes] = yield* session.data(server.origin)
          assert.strictEqual(text(bytes), "right 1")
        }))
    }))

  it.scopedLive("bytes behind the announced length do not reach the body", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more"))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.data(server.origin)
          assert.strictEqual(text(bytes), "ok")
          yield* until(() => server.open() === 0)
        }))
    }))

  it.scopedLive("a body after HEAD is no body, and never the next response", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          const body = response("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
          peer.socket.write(head.startsWith("HEAD") ? body : response("fine"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (let i = 0; i < 3; i++) {
            const [none, head] = yield* session.data(HttpClientRequest.head(server.origin))
            assert.strictEqual(none.length, 0)
            assert.strictEqual(head.status, 200)
            const [bytes] = yield* session.data(server.origin)
            assert.strictEqual(text(bytes), "fine")
          }
        }))
    }))

  it.scopedLive("NET-01 HEAD, 204 and 304 with a coding are not decoded", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          const [, status = "200"] = /^\w+ \/(\d+)/.exec(head) ?? []
          const length = status === "200" ? "Content-Length: 500\r\n" : ""
          peer.socket.write(`HTTP/1.1 ${status} X\r\nContent-Encoding: gzip\r\n${length}\r\n`)
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [head] = yield* session.data(HttpClientRequest.head(`${server.origin}/200`))
          const [empty] = yield* session.data(`${server.origin}/204`)
          const [same, response304] = yield* session.data(`${server.origin}/304`)
          assert.strictEqual(head.length + empty.length + same.length, 0)
          assert.strictEqual(response304.status, 304)
          // all of them left the connection in order
          assert.strictEqual(server.peers.length, 1)
        }))
    }))

  it.scopedLive("a response that comes before the request was sent is not this request's", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onConnection: (peer) => peer.socket.write(response("unasked")),
        onRequest: (peer) => peer.socket.write(response("asked"))
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const outcome = yield* Effect.option(session.data(server.origin))
          // either it met the request already, as an early answer does, or it was refused: never two answers for one
          if (Option.isSome(outcome)) assert.include(["asked", "unasked"], text(outcome.value[0]))
          yield* until(() => server.open() === 0)
        }))
    }))
})
