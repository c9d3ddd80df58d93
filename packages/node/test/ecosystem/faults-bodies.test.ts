// What becomes of bodies in other clients and in a session; beside each, what the platform's own client does.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { until } from "../support/fakeControl.ts"
import { type Behaviour, rawServer, response } from "../support/rawServer.ts"
import { builtIn, client } from "./support.ts"

type Client = Layer.Layer<HttpClient.HttpClient>

const head = (fields: ReadonlyArray<string>, body: Uint8Array): Uint8Array =>
  Buffer.concat([
    Buffer.from(["HTTP/1.1 200 OK", `Content-Length: ${body.length}`, ...fields, "", ""].join("\r\n")),
    body
  ])

const answering = (fields: ReadonlyArray<string>, body: Uint8Array): Behaviour => ({
  onRequest: (peer) => peer.socket.write(head(fields, body))
})

const textOf = (layer: Client, behaviour: Behaviour) =>
  Effect.gen(function*() {
    const server = yield* rawServer(behaviour)
    const text = yield* HttpClient.get(server.origin).pipe(
      Effect.flatMap((one) => one.text),
      Effect.provide(layer),
      Effect.either
    )
    return { text, received: server.peers[0]?.received ?? "" }
  })

describe("a compressed body", () => {
  const coded = answering(["Content-Encoding: gzip", "Content-Type: text/plain"], gzipSync("für Ada"))

  it.scopedLive("NET-01 is asked for, and decoded on Node as in a browser", () =>
    Effect.gen(function*() {
      const { received, text } = yield* textOf(client(), coded)
      assert.match(received, /^accept-encoding: gzip/im)
      assert.deepStrictEqual(text, Either.right("für Ada"))
    }))

  for (const name of ["node:http", "undici"] as const) {
    it.scopedLive(`the built-in client on ${name} leaves it as it is`, () =>
      Effect.gen(function*() {
        const { text } = yield* textOf(builtIn[name], coded)
        assert.isTrue(Either.isRight(text) && text.right.startsWith("\u001f"))
      }))
  }
})

describe("a small body that swells to 64 MiB", () => {
  const bytes = 64 * 1024 * 1024
  const bomb = answering(["Content-Encoding: br"], brotliCompressSync(new Uint8Array(bytes)))

  it.scopedLive("NET-01 is given up after a MiB, with an error that says so", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(bomb)
      let received = 0
      const error = yield* HttpClient.get(server.origin).pipe(
        Effect.map((one) => one.stream),
        Stream.unwrap,
        Stream.runForEach((chunk) => Effect.sync(() => received += chunk.length)),
        Effect.flip,
        Effect.provide(client())
      )
      assert.strictEqual(Option.getOrThrow(SessionHttpClient.sessionError(error)).reason._tag, "DecompressionBomb")
      assert.isBelow(received, bytes / 16)
    }))

  it.scopedLive("the built-in client over fetch inflates all of it", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(bomb)
      const buffer = yield* HttpClient.get(server.origin).pipe(
        Effect.flatMap((one) => one.arrayBuffer),
        Effect.provide(builtIn.fetch)
      )
      assert.strictEqual(buffer.byteLength, bytes)
    }))
})

describe("text in another charset than UTF-8", () => {
  const latin1 = answering(["Content-Type: text/plain; charset=ISO-8859-1"], Buffer.from("für Ada", "latin1"))

  it.scopedLive("RFC 9110 8.3.2: is read in the charset that the server names", () =>
    Effect.map(textOf(client(), latin1), ({ text }) => assert.deepStrictEqual(text, Either.right("für Ada"))))

  for (const [name, layer] of Object.entries(builtIn)) {
    it.scopedLive(`the built-in client on ${name} reads it as UTF-8`, () =>
      Effect.map(textOf(layer, latin1), ({ text }) => assert.deepStrictEqual(text, Either.right("f\ufffdr Ada"))))
  }
})

describe("a large upload that is refused early", () => {
  const upload = (url: string) =>
    HttpClientRequest.post(url).pipe(HttpClientRequest.bodyUint8Array(new Uint8Array(16 * 1024 * 1024)))

  /** Answers as soon as it has seen the head, reads no further, and closes in this way. */
  const refusing = (status: string, close: "end" | "reset"): Behaviour => ({
    onData: (peer, data) => {
      if (peer.requests++ > 0 || data.length === 0) return
      peer.socket.pause()
      const answer = response("too much", { status, fields: ["Connection: close"] })
      if (close === "end") peer.socket.end(answer)
      else peer.socket.write(answer, () => peer.socket.destroy())
    }
  })

  for (const status of ["401 Unauthorized", "413 Content Too Large"]) {
    for (const close of ["end", "reset"] as const) {
      it.scopedLive(`RFC 9112 9.3: the ${status.slice(0, 3)} is the answer (the server ${close}s)`, () =>
        Effect.gen(function*() {
          const server = yield* rawServer(refusing(status, close))
          const answer = yield* HttpClient.execute(upload(server.origin)).pipe(
            Effect.flatMap((one) => Effect.map(one.text, (text) => [one.status, text])),
            Effect.provide(client())
          )
          assert.deepStrictEqual(answer, [Number(status.slice(0, 3)), "too much"])
        }))
    }
  }
})

describe("the span of a request", () => {
  /** How many spans of requests have ended when the head is there, and when the body has been read. */
  const ended = (layer: Client) =>
    Effect.gen(function*() {
      let finish = () => {}
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
          finish = () => peer.socket.write("world")
        }
      })
      let count = 0
      const tracer = Tracer.make({
        span: (...[name, parent, context, links, startTime, kind]) => ({
          _tag: "Span",
          name,
          spanId: "0000000000000001",
          traceId: "00000000000000000000000000000001",
          parent,
          context,
          status: { _tag: "Started", startTime },
          attributes: new Map(),
          links,
          sampled: true,
          kind,
          end: () => void count++,
          attribute: () => {},
          event: () => {},
          addLinks: () => {}
        }),
        context: (f) => f()
      })
      return yield* Effect.gen(function*() {
        const one = yield* HttpClient.get(server.origin)
        const reading = yield* Effect.fork(one.text)
        yield* until(() => server.peers.length === 1)
        const before = count
        finish()
        yield* Fiber.join(reading)
        return [before, count]
      }).pipe(Effect.provide(layer), Effect.withTracer(tracer))
    })

  it.scopedLive("ends with the body, and so does the one of its attempt", () =>
    Effect.map(ended(client()), (counts) => assert.deepStrictEqual(counts, [0, 2])))

  for (const [name, layer] of Object.entries(builtIn)) {
    it.scopedLive(`the built-in client on ${name} ends it with the head`, () =>
      Effect.map(ended(layer), (counts) => assert.deepStrictEqual(counts, [1, 1])))
  }
})
