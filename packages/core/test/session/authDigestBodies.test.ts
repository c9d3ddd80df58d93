// Digest with auth-int: the bodies of requests are hashed before they are sent, and the run for it ends with its task.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as BodyStreamProvider from "@urlsession/core/BodyStreamProvider"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { StrictServer } from "./authDigestServer.ts"
import { ada, always, digestParams, digests, sent } from "./authSupport.ts"
import { api, encode, nothingOpen, requests, scripted, settle, text } from "./support.ts"
import { sweep } from "./sweep.ts"

const asAda = ChallengeResolver.layerFrom(always(ada))

const within = (server: StrictServer) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provide(asAda), Effect.provide(digests), scripted(server.answer))

/** A stream that counts its runs. */
class Counted {
  runs = 0
  finalized = 0
  readonly stream: Stream.Stream<Uint8Array>

  constructor(inner: Stream.Stream<Uint8Array>) {
    this.stream = Stream.suspend(() => {
      this.runs++
      return inner
    }).pipe(Stream.ensuring(Effect.sync(() => {
      this.finalized++
    })))
  }
}

const words = () => new Counted(Stream.make("one ", "two ", "three").pipe(Stream.encodeText))

const bodies = Effect.map(requests, (all) => all.map((one) => text(one.body ?? encode("-"))))

/** Lets the first request in, so that the next one is sent with an answer at once, and then gives up after its body. */
const known = Effect.gen(function*() {
  const session = yield* UrlSession.make(SessionConfiguration.make({ timeoutIntervalForResource: "10 minutes" }))
  yield* session.data(api)
  return session
})

describe("auth-int", () => {
  for (const algorithm of ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"]) {
    it.scoped(`${algorithm} covers every kind of body: none, bytes, a stream (TRU-05, RFC 7616 3.4.3)`, () => {
      const server = new StrictServer({ credential: ada, algorithm, qop: "auth-int" })
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        for (
          const request of [
            HttpClientRequest.get(api),
            HttpClientRequest.post(api),
            HttpClientRequest.bodyText(HttpClientRequest.put(api), "some text"),
            HttpClientRequest.bodyStream(HttpClientRequest.post(api), words().stream)
          ]
        ) {
          const [, response] = yield* session.data(request)
          assert.strictEqual(response.status, 200)
        }
        assert.deepStrictEqual(server.verdicts, ["nobody", "", "", "", ""])
        assert.deepStrictEqual((yield* bodies).slice(3), ["some text", "one two three"])
        assert.strictEqual(digestParams((yield* sent)[3]).get("qop"), "auth-int")
      }).pipe(within(server))
    })
  }

  it.scoped("runs a stream once for its hash, then sends it; a stale nonce runs it no second time for that", () => {
    const server = new StrictServer({ credential: ada, qop: "auth-int" })
    const cold = words()
    const stale = words()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.upload(api, RequestBody.stream(cold.stream))
      // without an answer, for the hash, with it
      assert.strictEqual(cold.runs, 3)
      server.expire()
      yield* session.upload(api, RequestBody.stream(stale.stream))
      // for the hash, with the old nonce, with the new one
      assert.strictEqual(stale.runs, 3)
      assert.deepStrictEqual(server.verdicts, ["nobody", "", "stale", ""])
      assert.deepStrictEqual(yield* bodies, Array.from({ length: 4 }, () => "one two three"))
    }).pipe(within(server))
  })

  it.scoped("hashes no body as an empty one, whatever the method", () => {
    const server = new StrictServer({ credential: ada, qop: "auth-int" })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"] as const) {
        assert.strictEqual((yield* session.data(HttpClientRequest.make(method)(api)))[1].status, 200)
      }
      assert.strictEqual(server.count(""), 4)
    }).pipe(within(server))
  })

  it.scoped("with a body that cannot be run twice fails with the body's own error (TSK-11)", () => {
    const server = new StrictServer({ credential: ada, qop: "auth-int" })
    return Effect.gen(function*() {
      const session = yield* known
      let runs = 0
      const once = Stream.suspend(() => runs++ === 0 ? Stream.make(encode("once")) : Stream.empty)
      const error = yield* Effect.flip(session.upload(api, RequestBody.stream(once)))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.strictEqual(error.reason._tag, "BodyStreamExhausted")
      const failing = Stream.concat(Stream.make(encode("a")), Stream.fail("the disk is gone"))
      const failed = yield* Effect.flip(session.upload(api, RequestBody.stream(failing)))
      assert.strictEqual(failed.reason._tag, "BodyStreamFailed")
      assert.strictEqual(failed.cause, "the disk is gone")
      const long = yield* Effect.flip(session.upload(api, RequestBody.stream(words().stream, { length: 5 })))
      assert.strictEqual(long.reason._tag, "BodyLengthMismatch")
      assert.deepStrictEqual(server.verdicts, ["nobody", ""])
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(within(server))
  })

  it.scoped("hashes a body of many small pieces", () => {
    const server = new StrictServer({ credential: ada, qop: "auth-int" })
    const pieces = Stream.range(0, 9999).pipe(Stream.rechunk(1), Stream.map((n) => encode(String(n % 90 + 10))))
    return Effect.gen(function*() {
      const session = yield* known
      const [, response] = yield* session.upload(api, RequestBody.stream(pieces))
      assert.strictEqual(response.status, 200)
      assert.strictEqual((yield* bodies)[2]?.length, 20_000)
    }).pipe(within(server))
  })

  it.scoped("asks the BodyStreamProvider for the run of the hash as for any other (TDL-06)", () => {
    const server = new StrictServer({ credential: ada, qop: "auth-int" })
    const attempts: Array<number> = []
    const provider = BodyStreamProvider.layer((need) =>
      Effect.sync(() => {
        attempts.push(need.attempt)
        return Option.some(words().stream)
      })
    )
    return Effect.gen(function*() {
      const session = yield* UrlSession.make().pipe(Effect.provide(provider))
      yield* session.upload(api, RequestBody.fromProvider())
      assert.deepStrictEqual(attempts, [0, 1, 2])
      assert.deepStrictEqual(server.verdicts, ["nobody", ""])
    }).pipe(within(server))
  })
})

describe("an interruption of Digest", () => {
  for (const unit of ["Step", "Tick"] as const) {
    it(`with auth-int, at any ${unit.toLowerCase()}, leaves nothing open`, async () => {
      const server = new StrictServer({ credential: ada, qop: "auth-int", uses: 2, proof: { where: "trailers" } })
      const runtime = ManagedRuntime.make(
        UrlSession.layer(undefined, asAda).pipe(
          Layer.provideMerge(Layer.merge(TestTransport.layer({ answer: server.answer }), digests))
        )
      )
      const session = await runtime.runPromise(UrlSession.UrlSession)
      const transport = await runtime.runPromise(TestTransport.TestTransport)
      const body = words()
      const count = await sweep(session.upload(api, RequestBody.stream(body.stream)), unit, async (where, hung) => {
        assert.isFalse(hung, JSON.stringify(where))
        assert.deepStrictEqual(await Effect.runPromise(session.openResources), nothingOpen, JSON.stringify(where))
        assert.strictEqual(await Effect.runPromise(transport.open), 0, JSON.stringify(where))
      })
      if (unit === "Step") assert.isAbove(count, 20)
      await runtime.dispose()
      assert.strictEqual(body.finalized, body.runs)
      assert.deepStrictEqual([server.count("wrong"), server.count("replayed")], [0, 0])
    })
  }
})

describe("the run of a body for its hash", () => {
  const stuck = () => new Counted(Stream.concat(Stream.make(encode("a")), Stream.never))

  it.scoped("ends when its caller is interrupted", () => {
    const body = stuck()
    return Effect.gen(function*() {
      const session = yield* known
      const fiber = yield* Effect.fork(session.upload(api, RequestBody.stream(body.stream)))
      yield* settle
      assert.deepStrictEqual([body.runs, body.finalized], [1, 0])
      yield* Fiber.interrupt(fiber)
      yield* settle
      assert.strictEqual(body.finalized, 1)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(within(new StrictServer({ credential: ada, qop: "auth-int" })))
  })

  it.scoped("ends when its task is cancelled", () => {
    const body = stuck()
    return Effect.gen(function*() {
      const session = yield* known
      const task = yield* session.uploadTask(api, RequestBody.stream(body.stream))
      const fiber = yield* Effect.fork(Effect.flip(task.data))
      yield* settle
      assert.deepStrictEqual([body.runs, body.finalized], [1, 0])
      yield* task.cancel
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Cancelled")
      yield* settle
      assert.strictEqual(body.finalized, 1)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(within(new StrictServer({ credential: ada, qop: "auth-int" })))
  })

  it.scoped("ends when the session does", () => {
    const body = stuck()
    return Effect.gen(function*() {
      const session = yield* known
      const fiber = yield* Effect.fork(Effect.flip(session.upload(api, RequestBody.stream(body.stream))))
      yield* settle
      yield* session.invalidateAndCancel
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Cancelled")
      assert.strictEqual(body.finalized, 1)
    }).pipe(within(new StrictServer({ credential: ada, qop: "auth-int" })))
  })

  it.scoped("is the task's time and not the network's: only the total timer ends it (CON-01)", () => {
    const body = stuck()
    return Effect.gen(function*() {
      const session = yield* known
      const fiber = yield* Effect.fork(Effect.flip(session.upload(api, RequestBody.stream(body.stream))))
      yield* TestClock.adjust("9 minutes")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error.reason, { _tag: "TimedOut", timer: "resource" })
      assert.strictEqual(body.finalized, 1)
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(within(new StrictServer({ credential: ada, qop: "auth-int" })))
  })

  it.scoped("stands still while its task is suspended, and goes on after (TSK-05)", () => {
    const server = new StrictServer({ credential: ada, qop: "auth-int" })
    let pieces = 0
    const slow = Stream.range(1, 5).pipe(
      Stream.mapEffect((n) =>
        Effect.delay(
          Effect.sync(() => {
            pieces++
            return encode(`${n},`)
          }),
          "1 second"
        )
      )
    )
    return Effect.gen(function*() {
      const session = yield* known
      const task = yield* session.uploadTask(api, RequestBody.stream(slow))
      const fiber = yield* Effect.fork(task.data)
      yield* TestClock.adjust("2 seconds")
      yield* task.suspend
      yield* TestClock.adjust("1 minute")
      // the stream itself runs one piece ahead of whoever asks
      assert.isAtMost(pieces, 4)
      yield* task.resume
      for (let i = 0; i < 12; i++) yield* TestClock.adjust("1 second")
      const [, response] = yield* Fiber.join(fiber)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual((yield* bodies).slice(2), ["1,2,3,4,5,"])
    }).pipe(within(server))
  })
})
