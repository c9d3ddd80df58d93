import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import { UrlSession } from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as zlib from "node:zlib"
import { until } from "../support/fakeControl.ts"
import { makeAuthority } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"

/** The text of a whole response. */
const text = (url: string) =>
  Effect.map(
    Effect.flatMap(UrlSession, (session) => session.data(url)),
    ([bytes, response]) => [response.status, new TextDecoder().decode(bytes)] as const
  )

describe("a session on Node", () => {
  it.scopedLive("TRU-02 NET-01: pins a key, decodes a body and leaves nothing open", () =>
    Effect.gen(function*() {
      const root = yield* Effect.promise(() => makeAuthority())
      const leaf = yield* Effect.promise(() => root.issue({ names: ["127.0.0.1"] }))
      const body = zlib.gzipSync("decoded")
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`)
          peer.socket.write(body)
        },
        tls: presenting(leaf)
      })
      const url = `https://127.0.0.1:${server.port}/`
      const pinning = (pin: `sha256/${string}`) =>
        NodeSession.layer(
          SessionConfiguration.default,
          ChallengeResolver.layer({
            ServerTrust: ServerTrust.composite(
              ServerTrust.additionalRoots([root.cert]),
              ServerTrust.pinned({ "127.0.0.1": [pin] })
            )
          })
        )
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* text(url), [200, "decoded"])
        assert.match(server.peers[0]?.received ?? "", /accept-encoding: gzip, deflate, br/i)
        assert.strictEqual((yield* (yield* UrlSession).openResources).sockets, 1)
      }).pipe(Effect.provide(pinning(leaf.pin)))
      const error = yield* Effect.flip(text(url)).pipe(Effect.provide(pinning("sha256/AAAA")))
      assert.deepInclude(error.reason, { _tag: "ServerCertificateUntrusted", why: "PinMismatch" })
      yield* until(() => server.open() === 0)
      assert.strictEqual(process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length, 0)
    }))

  it.scopedLive("CON-05: repeats what an idle connection lost, once, on a new one", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => {
          if (peer.requests === 1) peer.socket.write(response("ok"))
          else peer.socket.destroy()
        }
      })
      for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* text(server.origin), [200, "ok"])
      assert.strictEqual(server.peers.length, 3)
    }).pipe(Effect.provide(NodeSession.layer())))

  it.scopedLive("TestURLSession/test_outOfRangeButCorrectlyFormattedHTTPCode: 999 is delivered", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("odd", { status: "999 Odd" })))
      assert.deepStrictEqual(yield* text(server.origin), [999, "odd"])
    }).pipe(Effect.provide(NodeSession.layer())))

  it.scopedLive("TestURLSession/test_missingContentLengthButStillABody: until the end of the connection", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onRequest: (peer) => peer.socket.end("HTTP/1.1 200 OK\r\n\r\nstill a body") })
      assert.deepStrictEqual(yield* text(server.origin), [200, "still a body"])
    }).pipe(Effect.provide(NodeSession.layer())))

  it.scopedLive("TestURLSession/test_illegalHTTPServerResponses: no code, two and four digits", () =>
    Effect.gen(function*() {
      for (const line of ["HTTP/1.1", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 OK"]) {
        const server = yield* rawServer(answering(`${line}\r\nContent-Length: 0\r\n\r\n`))
        assert.strictEqual((yield* Effect.flip(text(server.origin))).reason._tag, "CannotParseResponse")
      }
    }).pipe(Effect.provide(NodeSession.layer())))

  it.scopedLive("TestURLSession/test_dataTaskAcceptsResponseHeaderValueWithoutWhitespace: `Name:value`", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(
        answering("HTTP/1.1 200 OK\r\nContent-Type:text/plain\r\nContent-Length:13\r\n\r\nHello, world!")
      )
      const session = yield* UrlSession
      const [bytes, answer] = yield* session.data(server.origin)
      assert.strictEqual(new TextDecoder().decode(bytes), "Hello, world!")
      assert.strictEqual(answer.headers.get("content-type"), "text/plain")
      assert.strictEqual(answer.headers.get("content-length"), "13")
    }).pipe(Effect.provide(NodeSession.layer())))

  it.scopedLive("TestURLSession/test_downloadTaskWithIPv6URLRequest: [::1] is an address like any other", () =>
    Effect.gen(function*() {
      const closed = yield* Effect.scoped(rawServer({}))
      const error = yield* Effect.flip(text(`http://[::1]:${closed.port}/`))
      assert.strictEqual(error._tag, "ConnectionError")
    }).pipe(Effect.provide(NodeSession.layer())))

  it.scopedLive("TestURLSession/test_repeatedRequestsStress: three thousand, three at a time", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("again")))
      yield* Effect.forEach(
        Array.from({ length: 3 }),
        () => Effect.repeatN(Effect.map(text(server.origin), ([status]) => assert.strictEqual(status, 200)), 999),
        { concurrency: 3, discard: true }
      )
      assert.isAtMost(server.peers.length, 3)
    }).pipe(Effect.provide(NodeSession.layer())))

  it.scopedLive("TestURLSession/test_concurrentRequests: ten sessions at once", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => peer.socket.write(response(head.split(" ")[1] ?? ""))
      })
      const answers = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, i) => `/${i}`),
        (path) => Effect.provide(text(server.origin + path), NodeSession.layer()),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers.map(([, body]) => body), Array.from({ length: 10 }, (_, i) => `/${i}`))
    }))
})
