/** Servers of `@effect/platform` with a door in front, and the client that an app of that platform would have. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createHash, randomBytes } from "node:crypto"
import { createServer } from "node:http"

export const user = "ada"
export const password = "correct: horse"

/** Who is let in by a server, and how it asks. */
export interface Door {
  readonly challenge: () => string
  readonly admits: (method: string, target: string, authorization: string | undefined) => boolean
}

const basicDoor: Door = {
  challenge: () => "Basic realm=\"ecosystem\", charset=\"UTF-8\"",
  admits: (_method, _target, authorization) =>
    authorization === `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** RFC 7616 with SHA-256 and `auth`; a count may come once, in any order, as requests on several connections do. */
const digestDoor = (): Door => {
  const used = new Map<string, Set<string>>()
  return {
    challenge: () => {
      const nonce = randomBytes(16).toString("hex")
      used.set(nonce, new Set())
      return `Digest realm="ecosystem", qop="auth", algorithm=SHA-256, nonce="${nonce}"`
    },
    admits: (method, target, authorization = "") => {
      const given = new Map(
        [...authorization.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(([, name, quoted, token]) =>
          [name, quoted ?? token ?? ""] as const
        )
      )
      const value = (name: string): string => given.get(name) ?? ""
      const counts = used.get(value("nonce"))
      if (counts === undefined || counts.has(value("nc")) || value("uri") !== target) return false
      counts.add(value("nc"))
      const secret = sha256(`${user}:ecosystem:${password}`)
      const form = [value("nonce"), value("nc"), value("cnonce"), "auth"].join(":")
      return value("response") === sha256(`${secret}:${form}:${sha256(`${method}:${target}`)}`)
    }
  }
}

/** The doors, by the name of their scheme. */
export const doors = { Basic: (): Door => basicDoor, Digest: digestDoor }

/** Requests that a door has seen, let in or not. */
export interface Guard {
  readonly middleware: HttpMiddleware.HttpMiddleware
  readonly refused: () => number
  readonly admitted: () => number
}

/** A door as a middleware. */
export const guard = (door: Door): Guard => {
  let refused = 0
  let admitted = 0
  const middleware = HttpMiddleware.make((app) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      if (door.admits(request.method, request.url, request.headers["authorization"])) {
        admitted++
        return app
      }
      refused++
      return HttpServerResponse.text("who are you?", { status: 401, headers: { "www-authenticate": door.challenge() } })
    })
  )
  return { middleware, refused: () => refused, admitted: () => admitted }
}

/** Serves an app on a free port until the scope closes; gives its origin. */
export const serve = <E, R>(
  app: HttpApp.Default<E, R>,
  middleware: HttpMiddleware.HttpMiddleware = (one) => one
): Effect.Effect<string, never, Scope.Scope | Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
  Effect.gen(function*() {
    const node = createServer()
    const server = yield* Effect.orDie(NodeHttpServer.make(() => node, { port: 0, host: "127.0.0.1" }))
    yield* Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))
    yield* HttpServer.serveEffect(app, middleware).pipe(
      Effect.provideService(HttpServer.HttpServer, server),
      Effect.provide(FileSystem.layerNoop({}))
    )
    return server.address._tag === "TcpAddress" ? `http://127.0.0.1:${server.address.port}` : ""
  })

/** Answers with the right password, for either scheme, to an origin. */
export const resolver = (origin: string) => {
  const answer = () => Effect.succeed(Disposition.use(Credential.password({ user, password })))
  return ChallengeResolver.layer({ Basic: ChallengeResolver.forSpace({ origin }, answer), Digest: answer })
}

/** The client of an app, over a session on Node. */
export const client = <Delegate = never, E = never>(
  delegate?: Layer.Layer<Delegate, E>
): Layer.Layer<HttpClient.HttpClient | UrlSession.UrlSession | NodeSession.Services, E> =>
  SessionHttpClient.layer.pipe(Layer.provideMerge(NodeSession.layer(SessionConfiguration.default, delegate)))

/** The same in the scope of a test, as a context. */
export const openClient = <Delegate = never, E = never>(delegate?: Layer.Layer<Delegate, E>) =>
  Layer.build(client(delegate))

/** The clients that `@effect/platform` has on Node: what they do is the contrast to what a session does. */
export const builtIn = {
  "node:http": NodeHttpClient.layer,
  undici: NodeHttpClient.layerUndici,
  fetch: FetchHttpClient.layer
} satisfies Record<string, Layer.Layer<HttpClient.HttpClient>>
