import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RedirectHandler from "@urlsession/core/RedirectHandler"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { rawServer } from "../support/rawServer.ts"
import { digestServer } from "./digestServer.ts"

class User extends Schema.Class<User>("User")({ id: Schema.Number, name: Schema.String }) {}
class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.Number }) {}

const Api = HttpApi.make("api").add(
  HttpApiGroup.make("users")
    .add(
      HttpApiEndpoint.get("find", "/users/:id")
        .setPath(Schema.Struct({ id: Schema.NumberFromString }))
        .addSuccess(User)
        .addError(Missing, { status: 404 })
    )
    .add(
      HttpApiEndpoint.post("create", "/users")
        .setPayload(Schema.Struct({ name: Schema.String }))
        .addSuccess(User, { status: 201 })
    )
)

const bodyOf = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve) => {
    let body = ""
    request.on("data", (data: Buffer) => body += data.toString())
    request.on("end", () => resolve(body))
  })

/** A real server of that API, behind a redirect. */
const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await bodyOf(request)
  const send = (status: number, value: unknown): void => {
    response.writeHead(status, { "Content-Type": "application/json" })
    response.end(JSON.stringify(value))
  }
  const url = request.url ?? ""
  if (url.startsWith("/v1/")) {
    response.writeHead(307, { Location: url.slice(3) })
    return void response.end()
  }
  if (request.method === "POST") return send(201, { id: 7, name: JSON.parse(body).name })
  if (url === "/users/1") return send(200, { id: 1, name: "Ada" })
  if (url === "/echo") return send(200, { headers: request.headers, method: request.method })
  if (url === "/lines") {
    response.writeHead(200)
    for (let i = 0; i < 1000; i++) response.write(`line ${i}\n`)
    return void response.end()
  }
  send(404, { _tag: "Missing", id: Number(url.split("/").pop()) })
}

const server = Effect.acquireRelease(
  Effect.async<{ readonly origin: string; readonly close: Effect.Effect<void> }>((resume) => {
    const one = createServer((request, response) => void answer(request, response))
    one.listen(0, "127.0.0.1", () => {
      const address = one.address()
      resume(Effect.succeed({
        origin: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
        close: Effect.async<void>((done) => {
          one.close(() => done(Effect.void))
          one.closeAllConnections()
        })
      }))
    })
  }),
  ({ close }) => close
)

const Client = SessionHttpClient.layer.pipe(Layer.provide(NodeSession.layer()))

describe("an app written for HttpClient, on a session on Node", () => {
  it.scopedLive("HttpApiClient calls a real server, through a redirect that keeps the method", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      for (const baseUrl of [origin, `${origin}/v1`]) {
        const client = yield* HttpApiClient.make(Api, { baseUrl })
        assert.deepStrictEqual(yield* client.users.find({ path: { id: 1 } }), new User({ id: 1, name: "Ada" }))
        assert.deepStrictEqual(
          yield* client.users.create({ payload: { name: "Grace" } }),
          new User({ id: 7, name: "Grace" })
        )
        assert.deepStrictEqual(yield* Effect.flip(client.users.find({ path: { id: 5 } })), new Missing({ id: 5 }))
      }
    }).pipe(Effect.provide(Client)))

  it.scopedLive("bodies come as JSON, text, stream and bytes", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      const client = yield* HttpClient.HttpClient
      const user = yield* client.get(`${origin}/users/1`).pipe(
        Effect.flatMap(HttpClientResponse.schemaBodyJson(User))
      )
      assert.strictEqual(user.name, "Ada")
      const lines = yield* client.get(`${origin}/lines`).pipe(
        HttpClientResponse.stream,
        Stream.decodeText(),
        Stream.splitLines,
        Stream.take(10),
        Stream.runCollect
      )
      assert.deepStrictEqual([...lines], Array.from({ length: 10 }, (_, index) => `line ${index}`))
      const whole = yield* Effect.flatMap(client.get(`${origin}/lines`), (response) => response.arrayBuffer)
      assert.isAbove(whole.byteLength, 8000)
    }).pipe(Effect.provide(Client)))

  it.scopedLive("REQ-02 fields, parameters and bodies of the platform's request arrive", () =>
    Effect.gen(function*() {
      const received: Array<string> = []
      const raw = yield* rawServer({
        onData: (_peer, data) => received.push(data.toString("latin1")),
        onRequest: (peer) => peer.socket.write("HTTP/1.1 204 No Content\r\n\r\n")
      })
      const client = yield* HttpClient.HttpClient
      yield* client.execute(
        HttpClientRequest.put(`${raw.origin}/p`).pipe(
          HttpClientRequest.setUrlParams({ a: "1 2", b: "ü" }),
          HttpClientRequest.setHeader("X-One", "1"),
          HttpClientRequest.bearerToken("token"),
          HttpClientRequest.setBody(HttpBody.unsafeJson({ x: "ü" }))
        )
      )
      const text = received.join("")
      assert.match(text, /^PUT \/p\?a=1\+2&b=%C3%BC HTTP\/1\.1\r\n/)
      assert.match(text, /\r\nx-one: 1\r\n/i)
      assert.match(text, /\r\nauthorization: Bearer token\r\n/i)
      assert.match(text, /\r\ncontent-type: application\/json\r\n/i)
      assert.match(text, /\r\ncontent-length: 10\r\n/i)
      assert.isTrue(text.endsWith(Buffer.from(`{"x":"ü"}`).toString("latin1")))
    }).pipe(Effect.provide(Client)))

  it.scopedLive("one Layer gives an app challenges", () =>
    Effect.gen(function*() {
      const vault = yield* digestServer({ user: "ada", password: "p", algorithm: "SHA-256", qop: "auth" })
      const delegate = ChallengeResolver.layer({
        Digest: () => Effect.succeed(Disposition.use(Credential.password({ user: "ada", password: "p" })))
      })
      const layer = SessionHttpClient.layer.pipe(
        Layer.provide(NodeSession.layer(SessionConfiguration.default, delegate))
      )
      const text = yield* HttpClient.get(`${vault.origin}/x`).pipe(
        Effect.flatMap((response) => response.text),
        Effect.provide(layer)
      )
      assert.strictEqual(text, "welcome /x")
    }))

  it.scopedLive("a refused redirect is not followed behind the session's back, credentials and all", () =>
    Effect.gen(function*() {
      const other = yield* rawServer({ onRequest: (peer) => peer.socket.write("HTTP/1.1 204 No Content\r\n\r\n") })
      const door = yield* rawServer({
        onRequest: (peer) =>
          peer.socket.write(`HTTP/1.1 302 Found\r\nLocation: ${other.origin}/\r\nContent-Length: 0\r\n\r\n`)
      })
      const layer = SessionHttpClient.layer.pipe(
        Layer.provide(NodeSession.layer(SessionConfiguration.default, RedirectHandler.none))
      )
      const status = yield* Effect.gen(function*() {
        const client = HttpClient.followRedirects(yield* HttpClient.HttpClient)
        const response = yield* client.execute(
          HttpClientRequest.bearerToken(HttpClientRequest.get(door.origin), "SECRET")
        )
        return response.status
      }).pipe(Effect.provide(layer))
      assert.strictEqual(status, 302)
      assert.strictEqual(other.peers.length, 0)
    }))

  it.scopedLive("errors travel as the platform's, with the session's own behind them", () =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(Effect.map(rawServer({}), (one) => one.port))
      const client = yield* HttpClient.HttpClient
      const lost = yield* Effect.flip(client.get(`http://127.0.0.1:${port}/`))
      assert.strictEqual(lost._tag, "RequestError")
      assert.strictEqual(lost.reason, "Transport")
      assert.strictEqual(
        Option.getOrUndefined(Option.map(SessionHttpClient.sessionError(lost), (error) => error.reason._tag)),
        "CannotConnectToHost"
      )
      const unsupported = yield* Effect.flip(client.get("file:///etc/passwd"))
      assert.strictEqual(unsupported.reason, "InvalidUrl")
      const refused = yield* Effect.flip(
        client.execute(HttpClientRequest.setHeader(HttpClientRequest.get(`http://127.0.0.1:${port}/`), "x", "a\r\nb"))
      )
      assert.strictEqual(refused.reason, "Encode")
    }).pipe(Effect.provide(Client)))
})
