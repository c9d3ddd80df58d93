/** Bodies of requests that are made while they are sent: Streams, forms, providers, and what goes wrong in them. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert } from "@effect/vitest"
import * as BodyStreamProvider from "@urlsession/core/BodyStreamProvider"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { bytesOf, type Cases, echoOf, failsWith, makeToken, Recorder, textOf, withSession } from "./harness.ts"
import { pattern, sumOf } from "./routes.ts"

const mebibyte = 1024 * 1024

const inPieces = (whole: Uint8Array, size: number): Stream.Stream<Uint8Array> =>
  Stream.map(Stream.range(0, Math.ceil(whole.length / size) - 1), (i) => whole.subarray(i * size, (i + 1) * size))

export const bodies = ({ all, only }: Cases): void => {
  for (const length of [0, 1, 70_000, 3 * mebibyte + 1]) {
    all(
      `a Stream of ${length} bytes arrives, announced or not (BOD-01)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const whole = pattern(length)
            const stream = length === 0 ? Stream.empty : inPieces(whole, 50_000)
            for (const options of [{}, { length }]) {
              const [bytes] = yield* session.upload(`${origin.url}/echo`, RequestBody.stream(stream, options))
              const echo = yield* echoOf(textOf(bytes))
              assert.deepInclude(echo, { method: "POST", length, sum: sumOf(whole) })
            }
          })
        )
    )
  }

  only("announced bodies")(
    "a known length is announced (BOD-01, TSK-11)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const body = RequestBody.stream(Stream.make(bytesOf("12345")), { length: 5 })
          const [bytes] = yield* session.upload(`${origin.url}/echo`, body)
          assert.strictEqual((yield* echoOf(textOf(bytes))).announced, "5")
          const unknown = RequestBody.stream(Stream.make(bytesOf("12345")))
          const [chunked] = yield* session.upload(`${origin.url}/echo`, unknown)
          assert.strictEqual((yield* echoOf(textOf(chunked))).announced, undefined)
        })
      )
  )

  all("the platform's Stream body arrives", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const body = HttpBody.stream(Stream.make(bytesOf("str"), bytesOf("eam")), "text/x-stream")
        const [bytes] = yield* session.data(
          HttpClientRequest.setBody(HttpClientRequest.put(`${origin.url}/echo`), body)
        )
        const echo = yield* echoOf(textOf(bytes))
        assert.deepInclude(echo, { method: "PUT", text: "stream", contentType: "text/x-stream" })
      })
    ))

  all(
    "a form arrives with its texts and files (RFC 7578)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const form = new FormData()
          form.append("name", "grüße")
          form.append("file", new Blob(["in the file"], { type: "text/x-file" }), "a \"b\".txt")
          const [bytes] = yield* session.upload(`${origin.url}/echo`, RequestBody.formData(form))
          const echo = yield* echoOf(textOf(bytes))
          const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(echo.contentType ?? "")?.[1] ?? "none"
          const parts = echo.text.split(`--${boundary}`)
          assert.strictEqual(parts.length, 4)
          assert.include(parts[1], "name=\"name\"\r\n\r\ngrüße")
          assert.include(parts[2], "filename=\"a %22b%22.txt\"\r\nContent-Type: text/x-file\r\n\r\nin the file")
        })
      )
  )

  all(
    "a body may come from the delegate (TDL-06, SES-18)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.upload(`${origin.url}/echo`, RequestBody.fromProvider())
          assert.strictEqual((yield* echoOf(textOf(bytes))).text, "provided")
        }), {
        delegate: BodyStreamProvider.layer(() => Effect.succeedSome(Stream.make(bytesOf("pro"), bytesOf("vided"))))
      })
  )

  all(
    "an upload task gives head and body, and comes to its end (SES-17)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const task = yield* session.uploadTask(`${origin.url}/echo`, RequestBody.stream(Stream.make(bytesOf("x"))))
          assert.strictEqual(yield* task.state, "suspended")
          const [bytes] = yield* task.data
          assert.strictEqual((yield* echoOf(textOf(bytes))).text, "x")
          assert.strictEqual(yield* task.state, "completed")
        }))
      )
  )

  all(
    "a Stream that fails on its way ends the request with its own error",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const broken = Stream.concat(Stream.make(pattern(1000)), Stream.fail("broken"))
          const error = yield* failsWith(
            session.upload(`${origin.url}/echo`, RequestBody.stream(broken)),
            "InvalidRequest/BodyStreamFailed"
          )
          assert.strictEqual(error.cause, "broken")
        })
      )
  )

  all(
    "a Stream that is longer or shorter than announced ends the request (BOD-01)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          for (const length of [3, 7]) {
            const body = RequestBody.stream(Stream.make(bytesOf("12"), bytesOf("345")), { length })
            const error = yield* failsWith(
              session.upload(`${origin.url}/echo`, body),
              "InvalidRequest/BodyLengthMismatch"
            )
            assert.deepInclude(error.reason, { announced: length })
          }
        })
      )
  )

  all(
    "an interruption ends the Stream of the body, and nothing stays open",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const begun = yield* Deferred.make<void>()
          const ended = yield* Deferred.make<void>()
          const never = Stream.fromEffect(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)).pipe(
            Stream.ensuring(Deferred.succeed(ended, undefined))
          )
          const body = RequestBody.stream(Stream.concat(Stream.make(bytesOf("first")), never))
          const fiber = yield* Effect.fork(session.upload(`${origin.url}/echo`, body))
          yield* Deferred.await(begun)
          yield* Fiber.interrupt(fiber)
          yield* Deferred.await(ended)
          assert.deepInclude(yield* session.openResources, { queued: 0, tasks: 0 })
        })
      )
  )

  only("streams requests")(
    "a Stream is sent while it is made: the server has its beginning before there is an end",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const rest = Stream.fromEffect(Effect.as(origin.received(token), bytesOf("second")))
          const body = RequestBody.stream(Stream.concat(Stream.make(bytesOf("first ")), rest))
          const [bytes] = yield* session.upload(`${origin.url}/echo?token=${token}`, body)
          assert.strictEqual((yield* echoOf(textOf(bytes))).text, "first second")
        })
      )
  )

  only("streams requests")(
    "a server that was sent a beginning learns that its Stream has failed, and takes it for nothing whole",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const broken = Stream.fromEffect(Effect.zipRight(origin.received(token), Effect.fail("broken")))
          const body = RequestBody.stream(Stream.concat(Stream.make(bytesOf("first")), broken))
          yield* failsWith(
            session.upload(`${origin.url}/echo?token=${token}`, body),
            "InvalidRequest/BodyStreamFailed"
          )
          yield* origin.closed(token)
          assert.isFalse(yield* origin.completed(token))
        })
      )
  )

  only("streams requests")(
    "a server that was sent a beginning learns of an interruption, and takes it for nothing whole",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const body = RequestBody.stream(Stream.concat(Stream.make(bytesOf("first")), Stream.never))
          const fiber = yield* Effect.fork(session.upload(`${origin.url}/echo?token=${token}`, body))
          yield* origin.received(token)
          yield* Fiber.interrupt(fiber)
          yield* origin.closed(token)
          assert.isFalse(yield* origin.completed(token))
        })
      )
  )

  only("early answers")(
    "an answer that comes before the end of the body is heard",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const endless = Stream.repeatEffect(Effect.as(Effect.yieldNow(), pattern(1000)))
          const [bytes, response] = yield* session.upload(
            `${origin.url}/status/413?early`,
            RequestBody.stream(endless)
          )
          assert.strictEqual(response.status, 413)
          assert.strictEqual(textOf(bytes), "a body")
        })
      )
  )

  only("upload progress")("what is sent is told of, up to all of it (TDL-08, TSK-10)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        yield* session.upload(
          `${origin.url}/echo`,
          RequestBody.stream(inPieces(pattern(mebibyte), 50_000), {
            length: mebibyte
          })
        )
        yield* session.finishTasksAndInvalidate
        const last = recorder.of("BodyDataSent").at(-1)
        assert.deepInclude(last, { totalBytesSent: mebibyte, totalBytesExpectedToSend: mebibyte })
      }), { delegate: recorder.layer })
  })

  all(
    "a provider that gives none leaves the body to its own Stream",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const body = RequestBody.stream(Stream.make(bytesOf("own")))
          const [bytes] = yield* session.upload(`${origin.url}/echo`, body)
          assert.strictEqual((yield* echoOf(textOf(bytes))).text, "own")
        }), { delegate: BodyStreamProvider.layer(() => Effect.succeed(Option.none())) })
  )
}
