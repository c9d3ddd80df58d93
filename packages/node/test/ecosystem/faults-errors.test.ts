// What a program learns of a failure, and what is sent again because of it; beside each, what the platform's own client does.
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as SessionHttpClient from "@urlsession/core/SessionHttpClient"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { authority, leaf } from "../session/support.ts"
import { until } from "../support/fakeControl.ts"
import { makeAuthority } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { builtIn, client } from "./support.ts"

const nobody = Effect.promise(() => makeAuthority({ commonName: "Nobody Knows" }))
const day = 86_400_000
const past = { notBefore: new Date(Date.now() - 3 * day), notAfter: new Date(Date.now() - day) }

/** An https server whose certificate was made so. */
const presentingOf = (options: { readonly names: ReadonlyArray<string>; readonly notAfter?: Date }) =>
  Effect.gen(function*() {
    const root = yield* authority
    const issued = yield* Effect.promise(() => root.issue(options))
    const server = yield* rawServer({ ...answering(response("secret")), tls: presenting(issued) })
    return `https://127.0.0.1:${server.port}/`
  })

/** A URL that fails for each of the causes. */
const causes: Readonly<Record<string, Effect.Effect<string, never, Scope.Scope>>> = {
  "ConnectionError/CannotFindHost": Effect.succeed("http://nowhere.test/"),
  "ConnectionError/CannotConnectToHost": Effect.scoped(Effect.map(rawServer({}), ({ origin }) => origin)),
  "ConnectionError/NetworkConnectionLost/Reset": Effect.map(
    rawServer({ onRequest: (peer) => peer.socket.resetAndDestroy() }),
    ({ origin }) => origin
  ),
  "TlsError/SecureConnectionFailed": Effect.map(
    rawServer({ onConnection: (peer) => peer.socket.end() }),
    ({ port }) => `https://127.0.0.1:${port}/`
  ),
  "TlsError/ServerCertificateUntrusted/WrongName": presentingOf({ names: ["other.test"] }),
  "TlsError/ServerCertificateHasBadDate": presentingOf({ names: ["127.0.0.1"], ...past }),
  "TlsError/ServerCertificateHasUnknownRoot": Effect.gen(function*() {
    const root = yield* nobody
    const issued = yield* Effect.promise(() => root.issue({ names: ["127.0.0.1"] }))
    const server = yield* rawServer({ ...answering(response("secret")), tls: presenting(issued) })
    return `https://127.0.0.1:${server.port}/`
  }),
  "InvalidResponse/CannotParseResponse": Effect.map(rawServer(answering("nonsense\r\n\r\n")), ({ origin }) => origin),
  "RedirectError/TooManyRedirects": Effect.map(
    rawServer(answering(response("", { status: "302 Found", fields: ["Location: /"] }))),
    ({ origin }) => origin
  )
}

/** A client that trusts the test's authority, on a transport for which no name exists. */
const judging = Layer.unwrapEffect(
  Effect.map(authority, (root) =>
    SessionHttpClient.layer.pipe(
      Layer.provide(
        UrlSession.layer(
          SessionConfiguration.default,
          ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([root.cert]) })
        )
      ),
      Layer.provide(NodeTransport.layerWith({
        lookup: () => Effect.fail(Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" }))
      }))
    ))
)

const named = (error: HttpClientError.HttpClientError): string =>
  Option.match(SessionHttpClient.sessionError(error), {
    onNone: () => `${error._tag}/${error.reason}`,
    onSome: ({ _tag, reason }) => [_tag, reason._tag, ..."why" in reason ? [reason.why] : []].join("/")
  })

describe("each failure of the network has a type of its own", () => {
  for (const [name, url] of Object.entries(causes)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(HttpClient.get(yield* url)).pipe(Effect.provide(judging))
        assert.strictEqual(named(error), name)
      }))
  }

  it.scopedLive("the built-in client has one type for all of them", () =>
    Effect.gen(function*() {
      // the first would ask a name server, and the last is no failure to it
      const urls = yield* Effect.all(Object.values(causes).slice(1, -1))
      const errors = yield* Effect.forEach(urls, (url) =>
        Effect.flip(HttpClient.get(url)).pipe(Effect.provide(builtIn["node:http"])))
      assert.deepStrictEqual(new Set(errors.map(named)), new Set(["RequestError/Transport"]))
    }))

  for (const [timer, after] of [["idle", "7 seconds"], ["resource", "9 seconds"]] as const) {
    it.scoped(`CON-01 TimeoutError/TimedOut, by the ${timer} timer`, () =>
      Effect.gen(function*() {
        const server = yield* rawServer({})
        const session = UrlSession.layer(SessionConfiguration.make({
          timeoutIntervalForRequest: timer === "idle" ? after : "1 minute",
          timeoutIntervalForResource: timer === "resource" ? after : "1 minute"
        }))
        const layer = SessionHttpClient.layer.pipe(Layer.provide(session), Layer.provide(NodeTransport.layer))
        const asking = yield* Effect.fork(Effect.flip(HttpClient.get(server.origin)).pipe(Effect.provide(layer)))
        yield* until(() => (server.peers[0]?.received ?? "").endsWith("\r\n\r\n"))
        yield* TestClock.adjust(after)
        const error = Option.getOrThrow(SessionHttpClient.sessionError(yield* Fiber.join(asking)))
        assert.deepInclude(error.reason, { _tag: "TimedOut", timer })
      }))
  }

  it.scopedLive("NET-07 a body that is cut is NetworkConnectionLost, and says how much has come", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer) => peer.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
      })
      const error = yield* HttpClient.get(server.origin).pipe(
        Effect.flatMap((one) => one.text),
        Effect.flip,
        Effect.provide(client())
      )
      const { reason } = Option.getOrThrow(SessionHttpClient.sessionError(error))
      assert.deepInclude(reason, { _tag: "NetworkConnectionLost", bytesReceived: 5, bytesExpected: 10 })
    }))
})

describe("retryTransient", () => {
  /** How often a request is sent by a client that repeats three times what is transient. */
  const sent = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function*() {
      let count = 0
      const http = (yield* HttpClient.HttpClient).pipe(
        HttpClient.tapRequest(() => Effect.sync(() => count++)),
        HttpClient.retryTransient({ times: 3, schedule: Schedule.forever })
      )
      yield* Effect.exit(http.execute(request))
      return count
    })

  const losing = rawServer({ onRequest: (peer) => peer.socket.destroy() })
  const charge = (url: string) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText("charge card 4242"))

  it.scopedLive("does not repeat a POST that may have been acted upon, but a GET", () =>
    Effect.gen(function*() {
      const server = yield* losing
      assert.strictEqual(yield* sent(charge(server.origin)), 1)
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(yield* sent(HttpClientRequest.get(server.origin)), 4)
    }).pipe(Effect.provide(client())))

  it.scopedLive("repeats a POST of which nothing has been sent", () =>
    Effect.gen(function*() {
      const origin = yield* Effect.scoped(Effect.map(losing, (server) => server.origin))
      assert.strictEqual(yield* sent(charge(origin)), 4)
    }).pipe(Effect.provide(client())))

  it.scopedLive("the built-in client charges four times", () =>
    Effect.gen(function*() {
      const server = yield* losing
      yield* Effect.provide(sent(charge(server.origin)), builtIn["node:http"])
      assert.strictEqual(server.peers.filter(({ received }) => received.includes("charge card 4242")).length, 4)
    }))

  it.scopedLive("does not repeat a refused certificate", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ ...answering(response("secret")), tls: presenting(yield* leaf) })
      assert.strictEqual(yield* sent(HttpClientRequest.get(server.origin)), 1)
    }).pipe(Effect.provide(client())))

  it.scopedLive("the built-in client tries a refused certificate four times", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({ ...answering(response("secret")), tls: presenting(yield* leaf) })
      assert.strictEqual(yield* Effect.provide(sent(HttpClientRequest.get(server.origin)), builtIn["node:http"]), 4)
    }))

  it.scopedLive("does not repeat a cancelled challenge, nor a password that was wrong: no account is locked", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(
        answering(response("", { status: "401 Unauthorized", fields: ["WWW-Authenticate: Basic realm=\"r\""] }))
      )
      for (const afterwards of [Disposition.cancel, Disposition.useNone]) {
        const before = server.peers.reduce((sum, peer) => sum + peer.requests, 0)
        const delegate = ChallengeResolver.layer({
          Basic: ChallengeResolver.forSpace({ origin: server.origin }, ({ previousFailureCount }) =>
            Effect.succeed(
              previousFailureCount > 0
                ? afterwards
                : Disposition.use(Credential.password({ user: "ada", password: "wrong" }))
            ))
        })
        const count = yield* Effect.provide(sent(HttpClientRequest.get(server.origin)), client(delegate))
        assert.strictEqual(count, 1)
        // once without a password, once with it
        assert.strictEqual(server.peers.reduce((sum, peer) => sum + peer.requests, 0) - before, 2)
      }
    }))
})

describe("filterStatusOk and retry", () => {
  it.scopedLive("get through more large failures than there are connections, none of which anybody reads", () =>
    Effect.gen(function*() {
      const large = "x".repeat(300_000)
      let failures = 0
      const server = yield* rawServer({
        onRequest: (peer) => {
          failures++
          peer.socket.write(
            failures <= 30 ? response(large, { status: "503 Service Unavailable" }) : response("hello")
          )
        }
      })
      const http = (yield* HttpClient.HttpClient).pipe(HttpClient.filterStatusOk, HttpClient.retry({ times: 40 }))
      assert.strictEqual(yield* Effect.flatMap(http.get(server.origin), (one) => one.text), "hello")
    }).pipe(Effect.provide(client())))
})
