/** Data tasks over a real connection: what another implementation's tests ask of theirs. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { until } from "../support/fakeControl.ts"
import { answering, rawServer, response } from "../support/rawServer.ts"
import { capital, Heard, peerServer } from "./peer-server.ts"
import { text, withSession } from "./support.ts"

const plain = ["ResponseReceived", "DataReceived", "TaskCompleted"]

/** A program's service that asks a session of its own accord; two of them share what the Layer gives. */
class First extends Context.Tag("First")<First, UrlSession.Service>() {}
class Second extends Context.Tag("Second")<Second, UrlSession.Service>() {}

describe("a data task", () => {
  const forms = {
    "of a URL (DAT-01, DDL-03, TestURLSession/test_dataTaskWithURL)": (url: string) => url,
    "of a request (DAT-01, DDL-03, TestURLSession/test_dataTaskWithURLRequest)": (url: string) =>
      HttpClientRequest.get(url)
  }
  for (const [name, input] of Object.entries(forms)) {
    it.scopedLive(`${name}: its observer hears of the response, of every byte, and of the end`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        const heard = new Heard()
        const body = yield* withSession({ delegate: heard.layer }, (session) =>
          Effect.gen(function*() {
            const task = yield* session.dataTask(input(`${server.origin}/Nepal`))
            yield* task.resume
            return text((yield* task.data)[0])
          }).pipe(Effect.scoped))
        assert.strictEqual(body, capital)
        assert.deepStrictEqual(heard.story, plain)
        const data = heard.of("DataReceived")
        assert.strictEqual(data.reduce((sum, event) => sum + event.bytesReceived, 0), capital.length)
        assert.strictEqual(data[data.length - 1]?.totalBytesReceived, capital.length)
        assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
      }))
  }

  it.scopedLive("of the session that parts of a program share, and of a new one (SES-01, TestURLSession/test_dataTaskWithURLCompletionHandler, TestURLSession/test_dataTaskWithURLRequestCompletionHandler)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      // one Layer value is built once, so whoever is given it shares the session: there is no global one
      const shared = NodeSession.layer()
      const parts = Layer.mergeAll(
        Layer.effect(First, UrlSession.UrlSession),
        Layer.effect(Second, UrlSession.UrlSession)
      ).pipe(Layer.provide(shared))
      yield* Effect.gen(function*() {
        const first = yield* First
        const second = yield* Second
        assert.strictEqual(first, second)
        for (const input of [`${server.origin}/USA`, HttpClientRequest.get(`${server.origin}/Italy`)]) {
          for (const one of [first, second]) {
            const [bytes, head] = yield* one.data(input)
            assert.strictEqual(head.status, 200)
            assert.strictEqual(text(bytes), capital)
          }
        }
        assert.strictEqual(first.configuration.sessionDescription, undefined)
      }).pipe(Effect.provide(parts))
      const fresh = yield* Effect.provide(UrlSession.UrlSession, shared)
      const [bytes] = yield* withSession({}, (session) => session.data(server.origin))
      assert.strictEqual(text(bytes), capital)
      // the Layer's scope has closed with the effect that it was provided to
      assert.strictEqual((yield* Effect.flip(fresh.data(server.origin)))._tag, "SessionInvalidated")
    }))

  it.scopedLive("whose fields come without a blank after the colon: length, type and body are read (RSP-03, TestURLSession/test_dataTaskAcceptsResponseHeaderValueWithoutWhitespace)", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(
        answering("HTTP/1.1 200 OK\r\nContent-Length:13\r\nContent-Type:text/plain\r\n\r\nHello, world!")
      )
      const [bytes, head] = yield* withSession({}, (session) => session.data(server.origin))
      assert.strictEqual(text(bytes), "Hello, world!")
      assert.strictEqual(head.headers.get("Content-Length"), "13")
      assert.strictEqual(head.headers.get("content-type"), "text/plain")
      assert.strictEqual(head.expectedContentLength, 13)
      assert.strictEqual(head.mimeType, "text/plain")
    }))

  it.scopedLive("with a delegate of its own: that hears of the data, and the body comes back whole (TSK-16, TestURLSession/test_asyncDataFromURLWithDelegate)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const session = new Heard()
      const own = new Heard()
      const events = yield* SessionEvent.make(own.handlers)
      const [bytes, head] = yield* withSession(
        { delegate: session.layer },
        (one) => TaskDelegate.provide({ events })(one.data(server.origin))
      )
      assert.strictEqual(head.status, 200)
      assert.strictEqual(text(bytes), capital)
      assert.deepStrictEqual(own.story, plain)
      assert.deepStrictEqual(session.events.map((event) => event._tag), ["Invalidated"])
    }))

  it.scopedLive("of a status of failure is a success (TDL-11, TestURLSession/test_httpNotFound)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const heard = new Heard()
      const [bytes, head] = yield* withSession(
        { delegate: heard.layer },
        (session) => session.data(`${server.origin}/missing`)
      )
      assert.strictEqual(head.status, 404)
      assert.strictEqual(text(bytes), "not here")
      assert.deepStrictEqual(heard.story, plain)
      assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
    }))

  it.scopedLive("can be read while it comes, or as a whole at its end: the reader says which (TSK-17, SES-27)", () =>
    Effect.gen(function*() {
      const rest: Array<() => void> = []
      const server = yield* rawServer({
        onRequest: (peer) => {
          peer.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
          rest.push(() => peer.socket.write(" half"))
        }
      })
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const streamed = Stream.unwrap(Effect.map(session.execute(server.origin), (one) => one.stream))
          const pieces: Array<string> = []
          // the second half is only sent once the first one has been read
          yield* Stream.runForEach(streamed, (piece) =>
            Effect.sync(() => {
              pieces.push(text(piece))
              if (pieces.length === 1) rest.shift()?.()
            }))
          assert.deepStrictEqual(pieces, ["first", " half"])
          const whole = yield* Effect.fork(session.data(server.origin))
          yield* until(() => rest.length === 1)
          assert.isNull(whole.unsafePoll())
          rest.shift()?.()
          assert.strictEqual(text((yield* Fiber.join(whole))[0]), "first half")
        }))
    }))

  it.scopedLive("is a stream of one element too: each run is a task of its own, and leaving it cancels that (SES-28)", () =>
    Effect.gen(function*() {
      const server = yield* rawServer({
        onRequest: (peer, head) => {
          peer.socket.write(
            head.includes("/hang") ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst" : response("hello")
          )
        }
      })
      const heard = new Heard()
      yield* withSession({ delegate: heard.layer }, (session) =>
        Effect.gen(function*() {
          const published = Stream.map(Stream.fromEffect(session.data(server.origin)), ([bytes]) => text(bytes))
          for (const run of [1, 2]) {
            assert.deepStrictEqual([...yield* Stream.runCollect(published)], ["hello"])
            assert.strictEqual(heard.of("TaskCreated").length, run)
          }
          const never = yield* Effect.fork(Stream.runDrain(Stream.fromEffect(session.data(`${server.origin}/hang`))))
          yield* until(() => heard.of("ResponseReceived").length === 3)
          yield* Fiber.interrupt(never)
          yield* until(() => server.open() === 0)
        }))
      assert.deepStrictEqual(
        heard.of("TaskCompleted").map((event) => [event.taskIdentifier, event.error, event.interrupted]),
        [[1, undefined, false], [2, undefined, false], [3, undefined, true]]
      )
    }))
})

describe("authentication", () => {
  const user = Credential.password({ user: "user", password: "passwd" })

  it.scopedLive("Basic is answered by the task's own resolver, which is told the realm (TDL-05, AUT-01, TestURLSession/test_basicAuthRequest)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const asked: Array<string> = []
      const resolver = ChallengeResolver.make({
        Basic: ChallengeResolver.anyOrigin(({ previousFailureCount, space }) =>
          Effect.sync(() => {
            asked.push(`${space.method} ${space.realm} of ${space.origin}, ${previousFailureCount}`)
            return Disposition.use(user)
          })
        )
      })
      const [bytes, head] = yield* withSession(
        {},
        (session) => ChallengeResolver.provideTask(resolver)(session.data(`${server.origin}/basic`))
      )
      assert.strictEqual(head.status, 200)
      assert.strictEqual(text(bytes), capital)
      assert.deepStrictEqual(asked, [`Basic Fake Relam of ${server.origin}, 0`])
      assert.deepStrictEqual(server.received.map((one) => one.headers.authorization !== undefined), [false, true])
    }))

  for (
    const [path, row, body] of [
      [
        "basic",
        "TestURLSession/test_basicAuthChallenge_whenNoCredentialsAvailable_completesWithResponse",
        "who is there?"
      ],
      ["unauthorized", "TestURLSession/test_basicAuthWithUnauthorizedHeader", "not you"]
    ] as const
  ) {
    it.scopedLive(`/${path} without anybody to answer: the 401 and its body, no error (AUT-04, ${row})`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        const heard = new Heard()
        const [bytes, head] = yield* withSession(
          { delegate: heard.layer },
          (session) => session.data(`${server.origin}/${path}`)
        )
        assert.strictEqual(head.status, 401)
        assert.strictEqual(text(bytes), body)
        assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
        assert.strictEqual(server.received.length, 1)
      }))
  }
})

describe("one delegate for everything", () => {
  it.scopedLive("hears of a data task, an upload and a failure (DEL-05, TestURLSession/test_dataTaskWithSharedDelegate)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const heard = new Heard()
      yield* withSession({ delegate: heard.layer }, (session) =>
        Effect.gen(function*() {
          yield* session.data(server.origin)
          yield* session.data(HttpClientRequest.put(server.origin).pipe(HttpClientRequest.bodyText("up")))
          yield* Effect.flip(session.data("foobar://127.0.0.1/"))
        }))
      assert.deepStrictEqual(heard.of("TaskCreated").map((event) => event.taskIdentifier), [1, 2, 3])
      assert.deepStrictEqual(heard.of("BodyDataSent").map((event) => event.taskIdentifier), [2])
      assert.deepStrictEqual(
        heard.of("TaskCompleted").map((event) => [event.taskIdentifier, event.error?.code]),
        [[1, undefined], [2, undefined], [3, -1002]]
      )
    }))
})
