/** Responses as they are read: heads, statuses, text, codings, large bodies in every way there is, and parts of them. */
import * as FileSystem from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Cases, failsWith, makeToken, textOf, withSession } from "./harness.ts"
import { codedText, pattern, sumOf } from "./routes.ts"

const mebibyte = 1024 * 1024
const large = 4 * mebibyte + 3
const sum = sumOf(pattern(large))

export const responses = ({ all, only }: Cases): void => {
  all(
    "execute gives the head before the body is there (SES-27)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const response = yield* session.execute(`${origin.url}/stall/100`)
          assert.strictEqual(response.status, 200)
          yield* response.cancel
        })
      )
  )

  all("an empty body is no bytes", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const [bytes, response] = yield* session.data(`${origin.url}/empty`)
        assert.strictEqual(response.status, 200)
        assert.strictEqual(bytes.length, 0)
        const streamed = yield* session.execute(`${origin.url}/empty`)
        assert.strictEqual(Chunk.size(yield* Stream.runCollect(streamed.stream)), 0)
      })
    ))

  for (const status of [204, 205, 304]) {
    all(`${status} has no body`, () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [bytes, response] = yield* session.data(`${origin.url}/status/${status}`)
          assert.strictEqual(response.status, status)
          assert.strictEqual(bytes.length, 0)
        })
      ))
  }

  for (const status of [201, 400, 404, 418, 500, 503]) {
    all(
      `${status} is a response, and no failure (TDL-11)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const [bytes, response] = yield* session.data(`${origin.url}/status/${status}`)
            assert.strictEqual(response.status, status)
            assert.strictEqual(textOf(bytes), "a body")
          })
        )
    )
  }

  all(
    "lines of one name are one value, in their order (RSP-02)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [, response] = yield* session.data(`${origin.url}/twice`)
          assert.strictEqual(response.headers.getAll("x-twice").join(", "), "one, two")
          assert.strictEqual(response.headers.get("X-Once"), "alone")
          assert.isFalse(response.headers.has("x-never"))
        })
      )
  )

  only("separate lines")(
    "lines of one name can be told apart",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [, response] = yield* session.data(`${origin.url}/twice`)
          assert.deepStrictEqual(response.headers.getAll("x-twice"), ["one", "two"])
        })
      )
  )

  all("text is UTF-8", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const response = yield* session.execute(`${origin.url}/utf8`)
        assert.strictEqual(yield* response.text, "grüße, 世界")
      })
    ))

  all(
    "text is in the charset that the server names, in any case (RSP-01)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const response = yield* session.execute(`${origin.url}/latin1`)
          assert.strictEqual(response.mimeType, "text/plain")
          assert.strictEqual(response.textEncodingName, "iso-8859-1")
          assert.strictEqual(yield* response.text, "äöü")
        })
      )
  )

  all("JSON is read", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const response = yield* session.execute(`${origin.url}/json`)
        assert.deepStrictEqual(yield* response.json, { answer: 42, list: [1, 2, 3] })
      })
    ))

  all("what is no JSON is BodyError", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const response = yield* session.execute(`${origin.url}/brokenJson`)
        yield* failsWith(response.json, "BodyError/InvalidJson")
      })
    ))

  all(
    "the name of a file is that of the disposition, without slashes (RSP-01)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [, response] = yield* session.data(`${origin.url}/attachment`)
          assert.strictEqual(response.suggestedFileName, "re_port.txt")
        })
      )
  )

  all("gzip is undone (NET-01)", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const [bytes] = yield* session.data(`${origin.url}/gzip`)
        assert.strictEqual(textOf(bytes), codedText)
        const response = yield* session.execute(`${origin.url}/gzip`)
        assert.strictEqual(yield* response.stream.pipe(Stream.decodeText(), Stream.mkString), codedText)
      })
    ))

  all("a coding that is broken is a typed error", () =>
    withSession(({ origin, session }) =>
      failsWith(
        session.data(`${origin.url}/brokenGzip`),
        "BodyError/CannotDecodeRawData",
        "ConnectionError/NetworkConnectionLost"
      )
    ))

  only("coding errors")(
    "a coding that is broken is said to be (NET-01)",
    () =>
      withSession(({ origin, session }) =>
        failsWith(session.data(`${origin.url}/brokenGzip`), "BodyError/CannotDecodeRawData")
      )
  )

  for (const route of ["large", "chunked"]) {
    all(
      `a body of megabytes arrives whole: ${route}`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const [bytes] = yield* session.data(`${origin.url}/${route}/${large}`)
            assert.strictEqual(bytes.length, large)
            assert.strictEqual(sumOf(bytes), sum)
          })
        )
    )

    all(
      `a body of megabytes arrives as a Stream: ${route} (SES-27)`,
      () =>
        withSession(({ origin, session }) =>
          Effect.gen(function*() {
            const response = yield* session.execute(`${origin.url}/${route}/${large}`)
            const read = yield* Stream.runFold(response.stream, { length: 0, sum: 1, longest: 0 }, (so, chunk) => ({
              length: so.length + chunk.length,
              sum: sumOf(chunk, so.sum),
              longest: Math.max(so.longest, chunk.length)
            }))
            assert.deepInclude(read, { length: large, sum })
          })
        )
    )
  }

  all("a body of megabytes arrives chunk by chunk", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const response = yield* session.execute(`${origin.url}/large/${large}`)
        let length = 0
        let read = 1
        yield* response.forEachChunk((bytes) => {
          length += bytes.length
          read = sumOf(bytes, read)
        })
        assert.deepStrictEqual([length, read], [large, sum])
      })
    ))

  only("files")(
    "a body of megabytes arrives in a file (SES-26)",
    () =>
      withSession(({ origin, session }) =>
        Effect.scoped(Effect.gen(function*() {
          const files = Option.getOrThrow(yield* Effect.serviceOption(FileSystem.FileSystem))
          const path = `${yield* files.makeTempDirectoryScoped()}/large`
          const response = yield* Effect.provideService(
            session.download(`${origin.url}/large/${large}`, path),
            FileSystem.FileSystem,
            files
          )
          assert.strictEqual(response.status, 200)
          assert.strictEqual(sumOf(yield* files.readFile(path)), sum)
        }))
      )
  )

  all("a slow reader gets all of it", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const response = yield* session.execute(`${origin.url}/large/${large}`)
        const length = yield* response.stream.pipe(
          Stream.rechunk(1),
          Stream.mapEffect((chunk) => Effect.as(Effect.repeatN(Effect.yieldNow(), 20), chunk.length)),
          Stream.runSum
        )
        assert.strictEqual(length, large)
      })
    ))

  all(
    "a Stream that is dropped after its beginning gives the rest up, and the server learns of it (SES-27)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const response = yield* session.execute(`${origin.url}/stall/${mebibyte}?token=${token}`)
          const first = yield* Stream.runHead(response.stream)
          assert.isTrue(first._tag === "Some" && first.value.length > 0)
          yield* origin.closed(token)
          assert.strictEqual((yield* session.openResources).tasks, 0)
        })
      )
  )

  all(
    "a response that is cancelled gives its body up, and the server learns of it",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const token = yield* makeToken
          const response = yield* session.execute(`${origin.url}/stall/10?token=${token}`)
          yield* response.cancel
          yield* response.cancel
          yield* origin.closed(token)
          assert.strictEqual((yield* session.openResources).tasks, 0)
        })
      )
  )

  all(
    "bytes that were read can be read again, as everything",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const response = yield* session.execute(`${origin.url}/json`)
          const bytes = yield* response.bytes
          assert.strictEqual(yield* response.bytes, bytes)
          assert.strictEqual(yield* response.text, textOf(bytes))
          assert.strictEqual(Chunk.size(yield* Stream.runCollect(response.stream)), 1)
        })
      )
  )

  all("a Stream can be read once", () =>
    withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const response = yield* session.execute(`${origin.url}/hello`)
        yield* Stream.runDrain(response.stream)
        yield* failsWith(response.bytes, "BodyError/AlreadyConsumed")
        yield* failsWith(Stream.runDrain(response.stream), "BodyError/AlreadyConsumed")
      })
    ))

  all(
    "a body longer than the limit is BodyError, and not gathered",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const limited = RequestOptions.with({ maximumBodyBytes: 1000 })
          for (const route of ["large", "chunked"]) {
            const error = yield* failsWith(
              session.data(`${origin.url}/${route}/1001`).pipe(limited),
              "BodyError/DataLengthExceedsMaximum"
            )
            assert.deepInclude(error.reason, { limit: 1000 })
            const [bytes] = yield* session.data(`${origin.url}/${route}/1000`).pipe(limited)
            assert.strictEqual(bytes.length, 1000)
          }
        })
      )
  )

  only("lengths")(
    "the announced length is expected (TSK-12, RSP-03)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const known = yield* session.execute(`${origin.url}/large/1000`)
          assert.strictEqual(known.expectedContentLength, 1000)
          const unknown = yield* session.execute(`${origin.url}/chunked/1000`)
          assert.strictEqual(unknown.expectedContentLength, undefined)
          yield* known.cancel
          yield* unknown.cancel
        })
      )
  )
}
