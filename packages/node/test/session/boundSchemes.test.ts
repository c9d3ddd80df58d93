// Schemes that authenticate connections: one exchange on one connection, which is then that user's and nobody else's.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as AuthenticationScheme from "@urlsession/core/AuthenticationScheme"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as Proxy from "@urlsession/core/Proxy"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as net from "node:net"
import { makeAuthority } from "../support/pki.ts"
import { answering, presenting, rawServer, response } from "../support/rawServer.ts"
import { as, toy, toyServer } from "../support/toyScheme.ts"
import { failsWith, text, withSession } from "./support.ts"

const resolver = (user: string, failures: Array<number> = [], password?: string) =>
  ChallengeResolver.make({
    schemes: {
      Toy: ChallengeResolver.anyOrigin(({ previousFailureCount }) => {
        failures.push(previousFailureCount)
        return Effect.succeed(previousFailureCount < 2 ? Disposition.use(as(user, password)) : Disposition.useNone)
      })
    }
  })

const delegate = (user: string, failures?: Array<number>, password?: string) =>
  Layer.merge(AuthenticationScheme.layer(toy), ChallengeResolver.layerFrom(resolver(user, failures, password)))

const get = (session: UrlSession.Service, url: string) =>
  Effect.map(session.data(url), ([bytes, head]) => `${head.status} ${text(bytes)}`)

describe("an exchange that is bound to a connection", () => {
  it.scopedLive("goes over one, which later requests of the user take without a word", () =>
    Effect.gen(function*() {
      const server = yield* toyServer()
      yield* withSession({ delegate: delegate("ada") }, (session) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* get(session, `${server.origin}/1`), "200 ada")
          assert.strictEqual(yield* get(session, `${server.origin}/2`), "200 ada")
          assert.strictEqual(yield* get(session, `${server.origin}/else/where`), "200 ada")
        }))
      // the first request had a connection of nobody
      assert.deepStrictEqual(server.log, ["0 -", "1 hello", "1 good", "1 ada", "1 ada"])
    }))

  it.scopedLive("is never lent to another user, however many ask at a time", () =>
    Effect.gen(function*() {
      const server = yield* toyServer()
      const bob = resolver("bob")
      yield* withSession(
        { delegate: delegate("ada"), configuration: { httpMaximumConnectionsPerHost: 4 } },
        (session) =>
          Effect.gen(function*() {
            // a session-wide answer is asked of the task's resolver only for schemes that are not of a connection by name
            const answers = yield* Effect.forEach(
              Array.from({ length: 120 }, (_, index) => index),
              (index) =>
                index % 2 === 0
                  ? get(session, `${server.origin}/${index}`)
                  : get(session, `${server.origin}/${index}`).pipe(ChallengeResolver.provideTask(bob)),
              { concurrency: "unbounded" }
            )
            answers.forEach((answer, index) => assert.strictEqual(answer, index % 2 === 0 ? "200 ada" : "200 bob"))
          })
      )
      const users = [...server.peers.values()].filter((one) => one.authenticated !== undefined)
      assert.isTrue(users.every((one) => one.authenticated === one.user))
      assert.isAtMost(users.length, 8)
    }))

  it.scopedLive("sends the body with each message, and every byte of it", () =>
    Effect.gen(function*() {
      const server = yield* toyServer()
      yield* withSession({ delegate: delegate("ada") }, (session) =>
        Effect.gen(function*() {
          const request = HttpClientRequest.post(server.origin).pipe(HttpClientRequest.bodyText("x".repeat(100_000)))
          const [bytes] = yield* session.data(request)
          assert.strictEqual(text(bytes), "ada")
        }))
    }))

  it.scopedLive("counts a wrong password, and leaves no connection half-way in", () =>
    Effect.gen(function*() {
      const server = yield* toyServer()
      const failures: Array<number> = []
      yield* withSession({ delegate: delegate("ada", failures, "guess") }, (session) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* get(session, server.origin), "401 no")
        }))
      assert.deepStrictEqual(failures, [0, 1, 2])
      assert.strictEqual(server.log.filter((one) => one.endsWith("bad")).length, 2)
    }))

  it.scopedLive("begins anew, once, where the server closes in the middle", () =>
    Effect.gen(function*() {
      const server = yield* toyServer({
        third: (peer, times) => {
          if (times === 1) peer.socket.destroy()
          return times === 1
        }
      })
      yield* withSession({ delegate: delegate("ada") }, (session) =>
        Effect.map(get(session, server.origin), (answer) => assert.strictEqual(answer, "200 ada")))
    }))

  it.scopedLive("fails with a reason where it always does", () =>
    Effect.gen(function*() {
      const closing = response("no", { status: "401 No", fields: ["WWW-Authenticate: Toy abc", "Connection: close"] })
      const server = yield* toyServer({
        second: (peer) => {
          peer.socket.end(closing, "latin1")
          return true
        }
      })
      yield* withSession({ delegate: delegate("ada") }, (session) =>
        failsWith(session.data(server.origin), "AuthenticationError/ExchangeFailed"))
    }))

  it.scopedLive("fails with a reason where the second message is garbage", () =>
    Effect.gen(function*() {
      const server = yield* toyServer({
        second: (peer) => {
          peer.socket.write(response("no", { status: "401 No", fields: ["WWW-Authenticate: Toy garbage"] }), "latin1")
          return true
        }
      })
      yield* withSession({ delegate: delegate("ada") }, (session) =>
        failsWith(session.data(server.origin), "AuthenticationError/ExchangeFailed"))
      assert.isAtMost(server.accepted(), 2)
    }))

  it.scopedLive("gives its connection up where the 401 brings a body too large to wait for, and says so", () =>
    Effect.gen(function*() {
      const server = yield* toyServer({ body: "x".repeat(1_000_000) })
      yield* withSession(
        { delegate: delegate("ada") },
        (session) => failsWith(session.data(server.origin), "AuthenticationError/ExchangeFailed")
      )
    }))

  it.scopedLive("leaves nothing behind where the task ends between two messages", () =>
    Effect.gen(function*() {
      let reached: () => void = () => {}
      const inTheMiddle = new Promise<void>((resolve) => {
        reached = resolve
      })
      const server = yield* toyServer({
        third: () => {
          reached()
          return true
        }
      })
      yield* withSession({ delegate: delegate("ada") }, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(server.origin))
          yield* Effect.promise(() => inTheMiddle)
          yield* Fiber.interrupt(fiber)
          assert.strictEqual((yield* session.openResources).tasks, 0)
          // the connection of nobody may be idle, the other one is closed
          while ((yield* session.openResources).sockets > 1) yield* Effect.sleep(1)
        }))
    }))

  it.scopedLive("leaves nothing behind where the resolver of a later round never answers", () =>
    Effect.gen(function*() {
      const server = yield* toyServer()
      const stubborn = Layer.merge(
        AuthenticationScheme.layer(toy),
        ChallengeResolver.layer({
          schemes: {
            Toy: ChallengeResolver.anyOrigin(({ previousFailureCount }) =>
              previousFailureCount === 0 ? Effect.succeed(Disposition.use(as("ada", "guess"))) : Effect.never
            )
          }
        })
      )
      yield* withSession({ delegate: stubborn }, (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(session.data(server.origin))
          while (!server.log.some((one) => one.endsWith("bad"))) yield* Effect.sleep(1)
          yield* Fiber.interrupt(fiber)
          assert.strictEqual((yield* session.openResources).tasks, 0)
        }))
    }))
})

const proxied = ({ port }: { readonly port: number }) => ({ proxies: [Proxy.make({ host: "127.0.0.1", port })] })

describe("such an exchange with a proxy", () => {
  it.scopedLive("goes over one connection to it, which later requests take without a word [TRU-08]", () =>
    Effect.gen(function*() {
      const proxy = yield* toyServer({ proxy: true })
      yield* withSession(
        { delegate: delegate("ada"), configuration: proxied(proxy) },
        (session) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* get(session, "http://example.test/1"), "200 ada")
            assert.strictEqual(yield* get(session, "http://example.test/2"), "200 ada")
          })
      )
      assert.deepStrictEqual(proxy.log, ["0 -", "1 hello", "1 good", "1 ada"])
    }))

  it.scopedLive("counts a wrong password, and gives the 407 out in the end", () =>
    Effect.gen(function*() {
      const proxy = yield* toyServer({ proxy: true })
      const failures: Array<number> = []
      yield* withSession({ delegate: delegate("ada", failures, "guess"), configuration: proxied(proxy) }, (session) =>
        Effect.map(get(session, "http://example.test/"), (answer) => assert.strictEqual(answer, "407 no")))
      assert.deepStrictEqual(failures, [0, 1, 2])
    }))

  it.scopedLive("opens a tunnel over the connection that it has authenticated", () =>
    Effect.gen(function*() {
      const authority = yield* Effect.promise(() => makeAuthority())
      const issued = yield* Effect.promise(() => authority.issue({ names: ["localhost"] }))
      const server = yield* rawServer({
        ...answering(response("inside")),
        tls: presenting(issued)
      })
      const proxy = yield* toyServer({
        proxy: true,
        admit: ({ socket }) => {
          socket.removeAllListeners("data")
          const inner = net.connect(server.port, "127.0.0.1", () => {
            socket.write("HTTP/1.1 200 OK\r\n\r\n")
            socket.pipe(inner).pipe(socket)
          })
          inner.on("error", () => socket.destroy())
          socket.on("close", () => inner.destroy())
        }
      })
      const failures: Array<number> = []
      const trusting = ChallengeResolver.make({ ServerTrust: ServerTrust.onlyRoots([authority.cert]) })
      const asked = resolver("ada", failures).pipe(ChallengeResolver.orElse(trusting))
      yield* withSession(
        {
          delegate: Layer.merge(AuthenticationScheme.layer(toy), ChallengeResolver.layerFrom(asked)),
          configuration: proxied(proxy)
        },
        (session) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* get(session, server.origin), "200 inside")
            assert.strictEqual(yield* get(session, server.origin), "200 inside")
          })
      )
      assert.deepStrictEqual(proxy.log, ["0 -", "1 hello", "1 good"])
      assert.deepStrictEqual(failures, [0])
    }))

  it.scopedLive("fails with a reason where the proxy closes in the middle of it", () =>
    Effect.gen(function*() {
      const proxy = yield* toyServer({
        proxy: true,
        second: ({ socket }) => {
          const fields = ["Proxy-Authenticate: Toy abc", "Connection: close"]
          socket.end(response("no", { status: "407 No", fields }), "latin1")
          return true
        }
      })
      yield* withSession({ delegate: delegate("ada"), configuration: proxied(proxy) }, (session) =>
        Effect.gen(function*() {
          yield* failsWith(session.data("http://example.test/"), "AuthenticationError/ExchangeFailed")
          yield* failsWith(session.data("https://example.test/"), "ConnectionError/ProxyFailed")
        }))
    }))

  it.scopedLive("and one with the server over the same connection, challenged in one request", () =>
    Effect.gen(function*() {
      let asked = 0
      const proxy = yield* toyServer({
        proxy: true,
        admit: ({ socket }, head) => {
          asked++
          const known = /^authorization: Basic YWRhOmxvdmVsYWNl$/im.test(head)
          socket.write(
            known
              ? response("both")
              : response("no", { status: "401 No", fields: ["WWW-Authenticate: Basic realm=x"] }),
            "latin1"
          )
        }
      })
      const both = Layer.merge(
        AuthenticationScheme.layer(toy),
        ChallengeResolver.layerFrom(
          resolver("ada").pipe(ChallengeResolver.orElse(ChallengeResolver.make({
            Basic: ChallengeResolver.anyOrigin(({ space }) =>
              Effect.succeed(space.isProxy ? Disposition.cancel : Disposition.use(as("ada")))
            )
          })))
        )
      )
      yield* withSession(
        { delegate: both, configuration: proxied(proxy) },
        (session) => Effect.map(get(session, "http://127.0.0.1:1/"), (answer) => assert.strictEqual(answer, "200 both"))
      )
      assert.strictEqual(asked, 2)
    }))
})
