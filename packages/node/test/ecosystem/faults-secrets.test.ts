// Where other clients give secrets away, and a session does not; beside each, what the platform's own client does.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { leaked } from "../../../core/test/watch/secrets.ts"
import { rawServer, response } from "../support/rawServer.ts"
import { builtIn, client } from "./support.ts"

const secret = HttpClientRequest.setHeaders({
  authorization: "Bearer SECRET",
  cookie: "sid=SECRET",
  "x-api-key": "SECRET",
  "x-session": "SECRET"
})

/** A server whose every answer is a redirect to another origin, and what that one receives. */
const crossing = (status: string) =>
  Effect.gen(function*() {
    const other = yield* rawServer({ onRequest: (peer) => peer.socket.write(response("other")) })
    const door = yield* rawServer({
      onRequest: (peer) => peer.socket.write(response("", { status, fields: [`Location: ${other.origin}/landed`] }))
    })
    return { door, received: () => other.peers.map(({ received }) => received).join("") }
  })

const lineOf = (received: string): string => received.slice(0, received.indexOf("\r\n"))
const bodyOf = (received: string): string => received.slice(received.indexOf("\r\n\r\n") + 4)

describe("a redirect to another origin", () => {
  it.scopedLive("RED-04 takes no Authorization, no cookie, and no field of the caller's along", () =>
    Effect.gen(function*() {
      const { door, received } = yield* crossing("302 Found")
      yield* HttpClient.execute(secret(HttpClientRequest.get(door.origin))).pipe(Effect.provide(client()))
      assert.strictEqual(lineOf(received()), "GET /landed HTTP/1.1")
      assert.notInclude(received(), "SECRET")
    }))

  it.scopedLive("the built-in client gives Authorization, cookie and key to the other origin", () =>
    Effect.gen(function*() {
      const { door, received } = yield* crossing("302 Found")
      yield* Effect.flatMap(
        HttpClient.HttpClient,
        (http) => HttpClient.followRedirects(http).execute(secret(HttpClientRequest.get(door.origin)))
      ).pipe(
        Effect.provide(builtIn["node:http"])
      )
      assert.match(received(), /^authorization: Bearer SECRET/im)
      assert.match(received(), /^cookie: sid=SECRET/im)
      assert.match(received(), /^x-api-key: SECRET/im)
      // and shows one in its spans
      assert.isNotEmpty(leaked())
    }))

  it.scopedLive("the built-in client over fetch gives the key to the other origin, too", () =>
    Effect.gen(function*() {
      const { door, received } = yield* crossing("302 Found")
      yield* HttpClient.execute(secret(HttpClientRequest.get(door.origin))).pipe(Effect.provide(builtIn.fetch))
      assert.match(received(), /^x-api-key: SECRET/im)
      assert.isNotEmpty(leaked())
    }))
})

describe("a POST that is answered with 303", () => {
  const posting = (url: string) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText("charge"))

  it.scopedLive("RED-02 RFC 9110 15.4.4: is followed by a GET without the body", () =>
    Effect.gen(function*() {
      const { door, received } = yield* crossing("303 See Other")
      yield* HttpClient.execute(posting(door.origin)).pipe(Effect.provide(client()))
      assert.strictEqual(lineOf(received()), "GET /landed HTTP/1.1")
      assert.strictEqual(bodyOf(received()), "")
    }))

  it.scopedLive("the built-in client posts again", () =>
    Effect.gen(function*() {
      const { door, received } = yield* crossing("303 See Other")
      yield* Effect.flatMap(HttpClient.HttpClient, (http) =>
        HttpClient.followRedirects(http).execute(posting(door.origin))).pipe(Effect.provide(builtIn["node:http"]))
      assert.strictEqual(lineOf(received()), "POST /landed HTTP/1.1")
      assert.strictEqual(bodyOf(received()), "charge")
    }))
})

describe("a fragment", () => {
  const asked = (layer: Layer.Layer<HttpClient.HttpClient>) =>
    Effect.gen(function*() {
      const server = yield* rawServer({ onRequest: (peer) => peer.socket.write(response("")) })
      yield* HttpClient.get(`${server.origin}/page?a=b#SECRET`).pipe(Effect.provide(layer))
      return lineOf(server.peers[0]?.received ?? "")
    })

  it.scopedLive("RFC 9110 4.2.5: never leaves the client", () =>
    Effect.map(asked(client()), (line) => assert.strictEqual(line, "GET /page?a=b HTTP/1.1")))

  it.scopedLive("the built-in client on undici sends it to the server", () =>
    Effect.map(asked(builtIn.undici), (line) => {
      assert.strictEqual(line, "GET /page?a=b#SECRET HTTP/1.1")
      assert.isNotEmpty(leaked())
    }))
})

describe("what is printed", () => {
  /** What a tracer and an error show of a request that fails. */
  const shown = (layer: Layer.Layer<HttpClient.HttpClient>) =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(Effect.map(rawServer({}), (one) => one.port))
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (...[name, parent, context, links, startTime, kind]) => {
          const attributes = new Map<string, unknown>()
          const span: Tracer.Span = {
            _tag: "Span",
            name,
            spanId: "0000000000000001",
            traceId: "00000000000000000000000000000001",
            parent,
            context,
            status: { _tag: "Started", startTime },
            attributes,
            links,
            sampled: true,
            kind,
            end: () => {},
            attribute: (key, value) => void attributes.set(key, value),
            event: () => {},
            addLinks: () => {}
          }
          spans.push(span)
          return span
        },
        context: (f) => f()
      })
      const url = `http://ada:PASSWORD@127.0.0.1:${port}/path?signature=SIGNATURE`
      const request = HttpClientRequest.setHeader(HttpClientRequest.get(url), "x-session", "FIELD")
      const error = yield* Effect.flip(HttpClient.execute(request)).pipe(
        Effect.provide(layer),
        Effect.withTracer(tracer)
      )
      const said = (value: unknown): ReadonlyArray<string> =>
        ["PASSWORD", "SIGNATURE", "FIELD"].filter((one) => inspect(value, { depth: 9 }).includes(one))
      return {
        span: said(spans.map((span) => [...span.attributes])),
        message: said(error.message),
        error: said([error, JSON.stringify(error)])
      }
    })

  it.scopedLive("of a span, of an error's message and of the error: no user info, no query, no field", () =>
    Effect.map(shown(client()), (said) => assert.deepStrictEqual(said, { span: [], message: [], error: [] })))

  it.scopedLive("the built-in client shows all of them", () =>
    Effect.map(shown(builtIn["node:http"]), (said) =>
      assert.deepStrictEqual(said, {
        span: ["PASSWORD", "SIGNATURE", "FIELD"],
        message: ["PASSWORD", "SIGNATURE"],
        error: ["PASSWORD", "SIGNATURE", "FIELD"]
      })))
})
