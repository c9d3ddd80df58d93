/** Transfers that every server must agree on with our client, and our client with curl. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, it } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { curl } from "./curl.ts"
import { folder } from "./folder.ts"
import { answered, ours, type Outcome } from "./outcome.ts"
import { withSession } from "./session.ts"
import { digestOf, large, text } from "./site.ts"

/** Where a server can be tried. */
export interface Origin {
  readonly origin: string
  /** A folder with the certificates, and with `site/large.bin`. */
  readonly path: string
}

/** The parameters that let curl trust the tests' authority. */
export const trust = (path: string): ReadonlyArray<string> => ["--cacert", join(path, "root.pem")]

/** Curl 7.88 now and then loses an answer that comes before the end of the request's body over HTTP/2. */
export const early = ["--http1.1"]

/** A text that the server has found. */
export const plainText = (body: string): Outcome =>
  answered({ status: 200, body: new TextEncoder().encode(body), type: "text/plain" })

/** Bytes that the server has found. */
export const bytes = (body: Uint8Array): Outcome => answered({ status: 200, body, type: "application/octet-stream" })

const get = (url: string, fields: Readonly<Record<string, string>> = {}) =>
  HttpClientRequest.setHeaders(HttpClientRequest.get(url), fields)

/** Reading: whole bodies, parts, none, and large ones in all three ways. */
export const reading = <E>(server: Effect.Effect<Origin, E>): void => {
  it.scopedLive("GET gives the same as curl", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      for (const file of ["hello.txt", "text.txt", "nothing.txt"]) {
        const url = `${origin}/${file}`
        const outcome = yield* withSession({}, (session) => ours(session.data(url)))
        assert.deepStrictEqual(outcome, yield* curl(...trust(path), url))
        if (file === "hello.txt") assert.deepStrictEqual(outcome, plainText("hello\n"))
        if (file === "nothing.txt") assert.propertyVal(outcome, "status", 404)
      }
    }))

  it.scopedLive("HEAD gives the head of a large body and none of the body, and the connection goes on (RFC 9110 9.3.2)", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [body, response] = yield* session.data(HttpClientRequest.head(`${origin}/large.bin`))
          assert.strictEqual(response.status, 200)
          assert.strictEqual(body.length, 0)
          assert.strictEqual(response.headers.get("content-length"), String(large.length))
          const [, next] = yield* session.data(`${origin}/hello.txt`)
          const { transactions } = yield* next.metrics
          assert.deepStrictEqual(transactions.map((one) => one.reused), [true])
        }))
    }))

  it.scopedLive("a part is a 206, the one past the end a 416, as curl has them (RFC 9110 14.2)", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      const url = `${origin}/large.bin`
      for (
        const [range, part] of [
          ["0-0", large.subarray(0, 1)],
          ["1000000-5000000", large.subarray(1_000_000, 5_000_001)],
          ["-1000", large.subarray(-1000)],
          [`${large.length}-`, undefined]
        ] as const
      ) {
        const outcome = yield* withSession({}, (session) => ours(session.data(get(url, { range: `bytes=${range}` }))))
        assert.deepStrictEqual(outcome, yield* curl(...trust(path), "-r", range, url))
        assert.propertyVal(outcome, "status", part === undefined ? 416 : 206)
        if (part !== undefined) assert.propertyVal(outcome, "body", bodyOf(part))
      }
    }))

  it.scopedLive("a 304 has no body, and the connection goes on (RFC 9110 15.4.5)", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [, first] = yield* session.data(`${origin}/text.txt`)
          const etag = first.headers.get("etag") ?? ""
          const [body, second] = yield* session.data(get(`${origin}/text.txt`, { "if-none-match": etag }))
          assert.strictEqual(second.status, 304)
          assert.strictEqual(body.length, 0)
          const { transactions } = yield* second.metrics
          assert.deepStrictEqual(transactions.map((one) => one.reused), [true])
        }))
    }))

  it.scopedLive("a large body arrives whole in memory, as a stream and as a file", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      const url = `${origin}/large.bin`
      const file = join(yield* folder, "large.bin")
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* ours(session.data(url)), bytes(large))
          const response = yield* session.execute(url)
          const pieces = yield* Stream.runCollect(response.stream)
          assert.strictEqual(digestOf(Buffer.concat([...pieces])), digestOf(large))
          yield* session.download(url, file)
          assert.strictEqual(digestOf(yield* Effect.promise(() => readFile(file))), digestOf(large))
        }))
    }))

  it.scopedLive("a hundred requests at a time all get what they asked for", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      const outcomes = yield* withSession({}, (session) =>
        Effect.forEach(
          Array.from({ length: 100 }, (_, index) => `${origin}/${index % 2 === 0 ? "hello" : "text"}.txt?${index}`),
          (url) => ours(session.data(url)),
          { concurrency: "unbounded" }
        ))
      outcomes.forEach((outcome, index) =>
        assert.deepStrictEqual(outcome, plainText(index % 2 === 0 ? "hello\n" : text))
      )
    }))
}

const bodyOf = (part: Uint8Array): string => {
  const outcome = bytes(part)
  return outcome._tag === "Answered" ? outcome.body : ""
}

/** Bodies that the server codes: `/<coding>/text.txt`. */
export const decoding = <E>(server: Effect.Effect<Origin, E>, codings: ReadonlyArray<string>): void => {
  for (const coding of codings) {
    it.scopedLive(`a body that was coded with ${coding} is decoded, as curl does`, () =>
      Effect.gen(function*() {
        const { origin, path } = yield* server
        const url = `${origin}/${coding}/text.txt`
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const [body, response] = yield* session.data(url)
            assert.strictEqual(new TextDecoder().decode(body), text)
            const { transactions } = yield* response.metrics
            assert.isBelow(transactions[0]?.responseBodyBytes ?? Infinity, text.length / 10)
            assert.deepStrictEqual(yield* ours(session.data(url)), yield* curl(...trust(path), "--compressed", url))
          }))
      }))
  }
}

/** The redirects of the site: `/moved`, `/found`, `/see`, `/loop`; `/temporary` and `/permanent` where bodies are taken. */
export const redirecting = <E>(server: Effect.Effect<Origin, E>): void => {
  it.scopedLive("GET follows 301, 302 and 303 as curl does, and a loop to its limit", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      for (const from of ["moved", "found", "see", "loop"]) {
        const url = `${origin}/${from}`
        const outcome = yield* withSession(
          { configuration: { redirectLimit: 5 } },
          (session) => ours(session.data(url))
        )
        assert.deepStrictEqual(outcome, yield* curl(...trust(path), "-L", "--max-redirs", "5", url))
        assert.deepStrictEqual(
          outcome,
          from === "loop" ? { _tag: "Failed", how: "too many redirects" } : plainText("hello\n")
        )
      }
    }))

  it.scopedLive("POST becomes GET on 301, 302 and 303, as with curl (RFC 9110 15.4)", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      for (const from of ["moved", "found", "see"]) {
        const url = `${origin}/${from}`
        const outcome = yield* withSession({}, (session) =>
          ours(session.upload(HttpClientRequest.post(url), RequestBody.text("body"))))
        assert.deepStrictEqual(outcome, yield* curl(...early, ...trust(path), "-L", "-d", "body", url))
        assert.deepStrictEqual(outcome, plainText("hello\n"))
      }
    }))
}
