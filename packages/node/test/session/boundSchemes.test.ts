// Schemes that authenticate connections: one exchange on one connection, which is then that user's and nobody else's.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as AuthenticationScheme from "@urlsession/core/AuthenticationScheme"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import type * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { type Peer, rawServer, response } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

const proofOf = (nonce: string, user: string, password: string): string =>
  createHash("sha256").update(`${nonce}:${user}:${password}`).digest("hex")

/** Three messages: who I am, a nonce of this connection, the proof. */
const toy: AuthenticationScheme.AuthenticationScheme = {
  name: "Toy",
  strength: 25,
  binding: "connection",
  hidesSecret: true,
  answers: () => true,
  begin: (_challenge, { password, user }) =>
    Effect.sync(() => {
      let nonce: string | undefined
      return {
        next: () =>
          Effect.sync(() =>
            Redacted.make(
              nonce === undefined ? `Toy hello-${user}` : `Toy ${proofOf(nonce, user, Redacted.value(password))}`
            )
          ),
        challenged: ({ token68 }) =>
          Effect.suspend(() => {
            if (token68 === undefined || nonce !== undefined) return Effect.succeed("Refused")
            if (token68 === "garbage") {
              return Effect.fail(
                new AuthenticationScheme.SchemeError({ reason: "Malformed", detail: "the second message is garbage" })
              )
            }
            nonce = token68
            return Effect.succeed("Continue")
          }),
        accepted: () => Effect.void
      }
    })
}

const passwords: Readonly<Record<string, string>> = { ada: "lovelace", bob: "builder" }

interface Seen {
  user: string | undefined
  nonce: string | undefined
  authenticated: string | undefined
}

interface Rules {
  /** What it does instead of the second message. */
  readonly second?: (peer: Peer, times: number) => boolean
  /** After the proof has come in. */
  readonly third?: (peer: Peer, times: number) => boolean
  readonly body?: string
}

/** The other side: `log` has one line a request, with the connection it came over. */
const toyServer = (rules: Rules = {}) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const connections = new Map<Peer, Seen>()
    let [seconds, thirds] = [0, 0]
    const server = yield* rawServer({
      onRequest: (peer, head) => {
        const seen = connections.get(peer) ?? { user: undefined, nonce: undefined, authenticated: undefined }
        connections.set(peer, seen)
        const value = /^authorization: Toy (.*)$/im.exec(head)?.[1]
        const refuse = (challenge: string): void => {
          peer.socket.write(
            response(rules.body ?? "no", { status: "401 No", fields: [`WWW-Authenticate: ${challenge}`] }),
            "latin1"
          )
        }
        if (value === undefined) {
          log.push(`${peer.index} ${seen.authenticated ?? "-"}`)
          if (seen.authenticated === undefined) return refuse("Toy")
          return void peer.socket.write(response(seen.authenticated), "latin1")
        }
        if (value.startsWith("hello-")) {
          log.push(`${peer.index} hello`)
          if (rules.second?.(peer, ++seconds) === true) return
          seen.user = value.slice(6)
          seen.nonce = `n${peer.index}x${seconds}${Math.random().toString(36).slice(2)}`
          return refuse(`Toy ${seen.nonce}`)
        }
        if (rules.third?.(peer, ++thirds) === true) return
        const { nonce = "", user = "" } = seen
        const good = value === proofOf(nonce, user, passwords[user] ?? "")
        log.push(`${peer.index} ${good ? "good" : "bad"}`)
        if (!good) return refuse("Toy")
        seen.authenticated = user
        peer.socket.write(response(user), "latin1")
      }
    })
    return { log, origin: server.origin, accepted: server.accepted, open: server.open, peers: connections }
  })

const as = (user: string, password = passwords[user] ?? "") => Credential.password({ user, password })

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
