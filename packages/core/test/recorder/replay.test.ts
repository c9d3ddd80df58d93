import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Disposition from "@urlsession/core/Disposition"
import * as Recorder from "@urlsession/core/Recorder"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Transport from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { ada, Asked, digests } from "../session/authSupport.ts"
import * as Events from "../session/support.ts"
import { api, decode, entry, kept, nothing, of, replaying, unanswered } from "./support.ts"

const get = (session: UrlSession.Service, url = api) => Effect.map(session.data(url), ([bytes]) => decode(bytes))
const post = (url: string, body: string) => HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText(body))

describe("a replay answers", () => {
  it.effect("each request once, equal ones in the order in which they were recorded, whichever session asks", () =>
    Effect.gen(function*() {
      const program = (session: UrlSession.Service) =>
        Effect.gen(function*() {
          const other = yield* UrlSession.make()
          assert.strictEqual(yield* get(session, `${api}b`), "b")
          assert.strictEqual(yield* get(other), "first")
          const replay = yield* Recorder.Replay
          assert.deepStrictEqual((yield* replay.left).map(({ startedAt }) => startedAt), [2])
          assert.strictEqual(yield* get(session), "second")
          assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
          return yield* replay.left
        })
      const one = of(
        entry({ startedAt: 1, response: { body: kept("first") } }),
        entry({ startedAt: 2, response: { body: kept("second") } }),
        entry({ request: { url: `${api}b` }, response: { body: kept("b") } })
      )
      const left = yield* Effect.scoped(Effect.flatMap(UrlSession.make(), program)).pipe(
        Effect.provide(Recorder.layerReplayMemory(one))
      )
      assert.deepStrictEqual(left, [])
    }))

  it.effect("with status, reason, fields, trailers and interim responses", () => {
    const recorder = new Events.Recorder()
    return replaying(
      of(entry({
        informational: [{ status: 103, fields: [["link", "</a>"]], after: 1 }],
        response: {
          status: 418,
          reason: "I'm a teapot",
          fields: [["x-a", "1"], ["x-a", "2"]],
          trailers: [["x-sum", "3"]]
        }
      })),
      (session) =>
        Effect.gen(function*() {
          const response = yield* session.execute(api)
          assert.strictEqual(response.status, 418)
          assert.strictEqual(response.reason, "I'm a teapot")
          assert.deepStrictEqual([...response.headers], [["x-a", "1"], ["x-a", "2"]])
          assert.strictEqual(yield* response.text, "hello")
          assert.deepStrictEqual([...yield* response.trailers], [["x-sum", "3"]])
          assert.deepStrictEqual(recorder.of("InformationalResponse").map(({ headers }) => [...headers]), [[[
            "link",
            "</a>"
          ]]])
        })
    ).pipe(Effect.provide(recorder.layer))
  })

  it.effect("as a platform of the recorded capabilities and schemes", () =>
    Effect.gen(function*() {
      const transport = yield* Transport.Transport
      assert.deepStrictEqual([...transport.capabilities], ["UploadProgress"])
      assert.deepStrictEqual([...transport.schemes], ["https"])
      const judging = ChallengeResolver.layer({ ServerTrust: ServerTrust.default })
      const exit = yield* Effect.exit(Layer.build(UrlSession.layer(undefined, judging)))
      assert.include(
        Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
        "answers ServerTrust, which the replayed browser transport cannot ask"
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(Recorder.layerReplayMemory({
        ...nothing,
        platform: "browser",
        capabilities: ["UploadProgress"],
        schemes: ["https"]
      }))
    ))

  it.effect("again where that is wanted, with the last answer", () =>
    replaying(
      of(entry({ response: { body: kept("first") } }), entry({ response: { body: kept("last") } })),
      (session) =>
        Effect.gen(function*() {
          const bodies = yield* Effect.replicateEffect(get(session), 4)
          assert.deepStrictEqual(bodies, ["first", "last", "last", "last"])
        }),
      { repeat: true }
    ))

  it.effect("by a comparison of the test's own", () =>
    replaying(
      of(entry({ request: { url: "http://127.0.0.1:40123/a" } })),
      (session) => Effect.map(get(session, "https://staging.test/a"), (body) => assert.strictEqual(body, "hello")),
      { match: (asked, { request }) => new URL(asked.url).pathname === new URL(request.url).pathname }
    ))

  it.effect("whatever stands where something was redacted, without its fragment", () =>
    replaying(
      of(entry({ request: { url: `${api}?page=1&token=${Recorder.redacted}` } })),
      (session) =>
        Effect.gen(function*() {
          yield* Effect.flip(get(session, `${api}?page=2&token=mine`))
          assert.strictEqual(yield* get(session, `${api}?page=1&token=mine#there`), "hello")
        })
    ))
})

describe("a replay without an answer", () => {
  const ask = (
    one: Recorder.Recording,
    request: HttpClientRequest.HttpClientRequest,
    options?: Recorder.ReplayOptions
  ) => replaying(one, (session) => Effect.map(Effect.flip(session.data(request)), unanswered), options)

  it.effect("says what was asked, why it has none, and what is left, without a secret", () =>
    Effect.gen(function*() {
      const one = of(
        entry({ request: { url: `${api}a?page=1&key=${Recorder.redacted}` } }),
        entry({ request: { url: `${api}b`, method: "PUT" } })
      )
      const left = "Left in it: GET https://api.test/a?…, PUT https://api.test/b. Record it again"
      const because = (asked: string, why: string) => `the recording has no answer for ${asked}: ${why}. ${left}`
      assert.strictEqual(
        yield* ask(one, HttpClientRequest.get("https://ada:hunter2@api.test/c?token=hunter2")),
        because("GET https://api.test/c?…", "it was not asked for while recording")
      )
      assert.strictEqual(
        yield* ask(one, HttpClientRequest.get(`${api}a?page=2&key=hunter2&hunter2`)),
        because("GET https://api.test/a?…", "it was recorded with another query (page)")
      )
      assert.strictEqual(
        yield* ask(one, HttpClientRequest.get(`${api}b`)),
        because("GET https://api.test/b", "it was recorded as PUT")
      )
    }))

  it.effect("says that the answers were given, that a body differs, and that the recording is not whole", () =>
    Effect.gen(function*() {
      const given = yield* replaying(
        of(entry(), entry()),
        (session) =>
          Effect.zipRight(Effect.all([get(session), get(session)]), Effect.map(Effect.flip(get(session)), unanswered))
      )
      assert.strictEqual(
        given,
        "the recording has no answer for GET https://api.test/: the 2 that it has were given. Nothing is left in it. Record it again"
      )
      const recorded = entry({ request: { method: "POST", body: kept("a") } })
      assert.include(yield* ask(of(recorded), post(api, "b"), { matchBody: true }), "recorded with another body")
      assert.include(
        yield* ask(of(entry()), HttpClientRequest.get(api), { match: () => false }),
        "the match of its options accepts none for it"
      )
      assert.include(
        yield* ask(of(entry()), HttpClientRequest.get(api), { match: () => false }),
        "the match of its options accepts none for it"
      )
      const six = Array.from({ length: 6 }, (_, i) => entry({ request: { url: `${api}${i}` } }))
      assert.match(
        yield* ask({ ...of(...six), omitted: 7 }, HttpClientRequest.get(api)),
        /test\/4 and 1 more; 7 exchanges did not fit into it\. Record it again$/
      )
    }))
})

describe("what was waited for in vain is waited for again", () => {
  it.effect("a head, until the session's own timer ends it", () =>
    replaying(
      of(entry({ response: undefined, ending: { _tag: "Interrupted" } })),
      (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.flip(get(session)))
          yield* TestClock.adjust("9 seconds")
          assert.isNull(fiber.unsafePoll())
          yield* TestClock.adjust("1 seconds")
          assert.strictEqual((yield* Fiber.join(fiber)).code, -1001)
          assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
        }),
      { configuration: SessionConfiguration.make({ timeoutIntervalForRequest: "10 seconds" }) }
    ))

  it.effect("the rest of a body, until the reader is interrupted", () =>
    replaying(
      of(entry({ response: { length: 9 }, ending: { _tag: "Interrupted" } })),
      (session) =>
        Effect.gen(function*() {
          const response = yield* session.execute(api)
          let read = 0
          const fiber = yield* Effect.fork(response.forEachChunk((bytes) => {
            read += bytes.length
          }))
          yield* TestClock.adjust("1 seconds")
          assert.strictEqual(read, 5)
          assert.isNull(fiber.unsafePoll())
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
        })
    ))
})

describe("a replay in real time", () => {
  const times = { ...entry().times, requestEnd: 20, responseStart: 100, responseEnd: 300 }
  const one = of(entry({
    duration: 300,
    times,
    informational: [{ status: 102, fields: [], after: 40 }],
    response: { body: kept(new Uint8Array(130_000)), length: 130_000 }
  }))

  it.effect("answers when the test's clock says so, piece by piece", () => {
    const recorder = new Events.Recorder()
    return replaying(
      one,
      (session) =>
        Effect.gen(function*() {
          const sizes: Array<number> = []
          const fiber = yield* Effect.fork(
            Effect.flatMap(
              session.execute(api),
              (response) => response.forEachChunk((bytes) => sizes.push(bytes.length))
            )
          )
          yield* TestClock.adjust(39)
          assert.lengthOf(recorder.of("InformationalResponse"), 0)
          yield* TestClock.adjust(1)
          assert.lengthOf(recorder.of("InformationalResponse"), 1)
          yield* TestClock.adjust(59)
          assert.lengthOf(recorder.of("ResponseReceived"), 0)
          yield* TestClock.adjust(1)
          assert.lengthOf(recorder.of("ResponseReceived"), 1)
          assert.deepStrictEqual(sizes, [])
          yield* TestClock.adjust(100)
          assert.deepStrictEqual(sizes, [65_000])
          yield* TestClock.adjust(99)
          assert.isNull(fiber.unsafePoll())
          yield* TestClock.adjust(1)
          yield* Fiber.join(fiber)
          assert.deepStrictEqual(sizes, [65_000, 65_000])
          assert.deepStrictEqual(yield* session.openResources, Events.nothingOpen)
        }),
      { realTime: true }
    ).pipe(Effect.provide(recorder.layer))
  })

  it.effect("lets the idle timer run while it waits", () =>
    replaying(
      one,
      (session) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.flip(get(session)))
          yield* TestClock.adjust(39)
          assert.isNull(fiber.unsafePoll())
          // the 102 at 40 ms is life; nothing comes within the 50 ms after it
          yield* TestClock.adjust(50)
          assert.isNull(fiber.unsafePoll())
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* Fiber.join(fiber)).code, -1001)
        }),
      { realTime: true, configuration: SessionConfiguration.make({ timeoutIntervalForRequest: "50 millis" }) }
    ))
})

describe("delegates, in a replay", () => {
  it.effect("answer recorded challenges, Digest with a client nonce of today", () =>
    Effect.gen(function*() {
      const asked = new Asked()
      const challenge = (line: string) => entry({ response: { status: 401, fields: [["www-authenticate", line]] } })
      const digest = challenge(`Digest realm="r", nonce="${Recorder.redacted}", qop="auth", algorithm=SHA-256`)
      const resolver = ChallengeResolver.layer({
        Digest: ChallengeResolver.anyOrigin(asked.answering(() => Disposition.use(ada)))
      })
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        const [bytes, response] = yield* session.data(api)
        assert.strictEqual(response.status, 200)
        assert.strictEqual(decode(bytes), "hello")
        assert.lengthOf(asked.challenges, 1)
      }).pipe(
        Effect.provide(UrlSession.layer(undefined, Layer.merge(resolver, digests))),
        Effect.provide(digests),
        Effect.provide(Recorder.layerReplayMemory(of(digest, entry())))
      )
    }))

  const presenting = (faults: ServerTrust.ServerTrust["faults"], entries = [entry({ connection: 1 })]) => ({
    ...of(...entries),
    connections: [{
      id: 1,
      protocol: "h2",
      remoteAddress: "192.0.2.1",
      remotePort: 443,
      trust: TestTransport.presented("api.test", 443, faults),
      overridden: faults.length > 0
    }]
  })

  it.effect("judge the server that was recorded, once per origin", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const evaluator = ServerTrust.custom((trust) =>
        Effect.sync(() => {
          seen.push(`${trust.host} ${trust.faults.join()}`)
          return ServerTrust.accept
        })
      )
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        const [, response] = yield* session.data(api)
        yield* session.data(api)
        const [transaction] = (yield* response.metrics).transactions
        assert.deepInclude(transaction?.connection, { protocol: "h2", remoteAddress: "192.0.2.1", overridden: true })
        assert.deepStrictEqual(seen, ["api.test Expired"])
      }).pipe(
        Effect.provide(UrlSession.layer(undefined, ChallengeResolver.layer({ ServerTrust: evaluator }))),
        Effect.provide(Recorder.layerReplayMemory(presenting(["Expired"]), { repeat: true }))
      )
    }))

  it.effect("refuse it where they do not accept it, and so does a session without any", () =>
    replaying(
      presenting(["UnknownRoot"]),
      (session) => Effect.map(Effect.flip(get(session)), (error) => assert.strictEqual(error.code, -1203))
    ))

  it.effect("are asked about a server that was refused while it was recorded", () =>
    Effect.gen(function*() {
      const trust = TestTransport.presented("api.test", 443, ["UnknownRoot"])
      const refused = entry({
        response: undefined,
        ending: {
          _tag: "Failed",
          error: { _tag: "TlsError", reason: { _tag: "ServerCertificateHasUnknownRoot", trust, also: [] } }
        }
      })
      yield* replaying(of(refused), (session) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(get(session))
          assert.strictEqual(error.code, -1203)
          assert.deepStrictEqual(yield* Effect.flatMap(Recorder.Replay, (replay) => replay.left), [])
        }))
    }))
})
