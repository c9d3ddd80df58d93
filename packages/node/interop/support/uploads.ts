/** Uploads that every server must agree on with our client, and our client with curl. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, it } from "@effect/vitest"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { curl } from "./curl.ts"
import { folder } from "./folder.ts"
import { ours } from "./outcome.ts"
import { trustingLayer, withSession } from "./session.ts"
import { digestOf, large, measured } from "./site.ts"
import { bytes, early, type Origin, plainText, trust } from "./transfers.ts"

const pieceAt = (at: number): number => 1 + (at * 7919) % 100_003

/** Pieces of many sizes, without an announced length: chunks on the wire of HTTP/1.1. */
const inPieces = (body: Uint8Array): RequestBody.RequestBody =>
  RequestBody.stream(
    Stream.unfold(0, (at) =>
      at >= body.length ? Option.none() : Option.some([body.subarray(at, at + pieceAt(at)), at + pieceAt(at)]))
  )

/** Bodies of all sizes to `/cgi/measure`, which tells what came; also by way of redirects that keep them. */
export const uploading = <E>(
  server: Effect.Effect<Origin, E>,
  /** Whether the server waits for the end of chunks, and then knows their length. */
  { chunksAreGathered = false }: { readonly chunksAreGathered?: boolean } = {}
): void => {
  it.scopedLive("BOD-01 uploads arrive whole, with their length and in chunks, as those of curl do", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      const request = HttpClientRequest.post(`${origin}/cgi/measure`)
      for (const size of [1, 70_000, large.length]) {
        const body = large.subarray(0, size)
        const file = join(yield* folder, "body")
        yield* Effect.promise(() => writeFile(file, body))
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const whole = yield* ours(session.upload(request, RequestBody.bytes(body)))
            const fromFile = yield* ours(Effect.flatMap(RequestBody.file(file), (one) => session.upload(request, one)))
            const chunked = yield* ours(session.upload(request, inPieces(body)))
            assert.deepStrictEqual(whole, plainText(measured("POST", body)))
            assert.deepStrictEqual(fromFile, whole)
            assert.deepStrictEqual(chunked, plainText(measured("POST", body, chunksAreGathered)))
            const parameters = [...trust(path), "--data-binary", `@${file}`, request.url]
            assert.deepStrictEqual(whole, yield* curl(...parameters))
            assert.deepStrictEqual(chunked, yield* curl("--http1.1", "-H", "Transfer-Encoding: chunked", ...parameters))
          }))
      }
    }))

  it.scopedLive("BOD-03 307 and 308 take the body along, also one that is made anew, as with curl", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      const body = large.subarray(0, 300_000)
      const file = join(yield* folder, "body")
      yield* Effect.promise(() => writeFile(file, body))
      for (const from of ["temporary", "permanent"]) {
        const request = HttpClientRequest.post(`${origin}/${from}`)
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const whole = yield* ours(session.upload(request, RequestBody.bytes(body)))
            assert.deepStrictEqual(whole, plainText(measured("POST", body)))
            assert.deepStrictEqual(
              whole,
              yield* curl(...early, ...trust(path), "-L", "--data-binary", `@${file}`, request.url)
            )
            const chunked = yield* ours(session.upload(request, inPieces(body)))
            assert.deepStrictEqual(chunked, plainText(measured("POST", body, chunksAreGathered)))
          }))
      }
    }))
}

/** `PUT` of bodies of all sizes below `/dav/`, and of some by way of redirects that keep them. */
export const putting = <E>(server: Effect.Effect<Origin, E>): void => {
  it.scopedLive("BOD-01 PUT stores bodies of all sizes, with their length and in chunks, as curl does", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      const file = join(yield* folder, "body")
      for (const size of [1, 70_000, large.length]) {
        const body = large.subarray(0, size)
        yield* Effect.promise(() => writeFile(file, body))
        yield* withSession({}, (session) =>
          Effect.gen(function*() {
            const stored = (name: string) => ours(session.data(`${origin}/dav/${name}.bin`))
            const put = (name: string, upload: RequestBody.RequestBody) =>
              ours(session.upload(HttpClientRequest.put(`${origin}/dav/${name}.bin`), upload))
            const whole = yield* put(`whole-${size}`, RequestBody.bytes(body))
            assert.propertyVal(whole, "status", 201)
            assert.deepStrictEqual(yield* put(`file-${size}`, yield* RequestBody.file(file)), whole)
            assert.deepStrictEqual(yield* put(`chunked-${size}`, inPieces(body)), whole)
            assert.deepStrictEqual(yield* curl(...trust(path), "-T", file, `${origin}/dav/curl-${size}.bin`), whole)
            for (const name of ["whole", "file", "chunked", "curl"]) {
              assert.deepStrictEqual(yield* stored(`${name}-${size}`), bytes(body))
            }
          }))
      }
    }))

  it.scopedLive("BOD-03 307 and 308 take the body of a PUT along, also one that is made anew", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      const body = large.subarray(0, 300_000)
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (const from of ["temporary", "permanent"]) {
            for (
              const [upload, sent] of [
                [RequestBody.bytes(body), body],
                [inPieces(body.subarray(1)), body.subarray(1)]
              ] as const
            ) {
              const request = HttpClientRequest.put(`${origin}/${from}`)
              const [, response] = yield* session.upload(request, upload)
              assert.oneOf(response.status, [201, 204])
              const [stored] = yield* session.data(`${origin}/dav/${from}`)
              assert.strictEqual(digestOf(stored), digestOf(sent))
            }
          }
        }))
    }))
}

/** Bodies to `/small/`, which takes a thousand bytes. */
export const refusing = <E>(server: Effect.Effect<Origin, E>, method: "POST" | "PUT"): void => {
  const to = (origin: string) => HttpClientRequest.make(method)(`${origin}/small/measure`)

  it.scopedLive("a 413 in the middle of an upload is the answer, as for curl, and the session goes on (RFC 9110 15.5.14)", () =>
    Effect.gen(function*() {
      const { origin, path } = yield* server
      const request = to(origin)
      const parameters = [
        ...early,
        ...trust(path),
        "-X",
        method,
        "--data-binary",
        `@${join(path, "site/large.bin")}`,
        request.url
      ]
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          for (let i = 0; i < 10; i++) {
            const whole = yield* ours(session.upload(request, RequestBody.bytes(large)))
            assert.propertyVal(whole, "status", 413)
            const chunked = yield* ours(session.upload(request, inPieces(large)))
            assert.propertyVal(chunked, "status", 413)
            assert.deepStrictEqual(yield* ours(session.data(`${origin}/hello.txt`)), plainText("hello\n"))
          }
          assert.deepStrictEqual(
            yield* ours(session.upload(request, RequestBody.bytes(large))),
            yield* curl(...parameters)
          )
        }))
    }))

  it.scopedLive("Expect: a body that is refused beforehand is not sent (RFC 9110 10.1.1)", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      const request = to(origin)
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [, response] = yield* RequestOptions.with({ expectContinue: true })(
            session.upload(request, RequestBody.bytes(large))
          )
          assert.strictEqual(response.status, 413)
          const { transactions } = yield* response.metrics
          assert.deepStrictEqual(transactions.map((one) => one.requestBodyBytes), [0])
        }))
    }))
}

/** `100 Continue` for a body that is welcome at `/cgi/measure`. */
export const inviting = <E>(server: Effect.Effect<Origin, E>): void => {
  it.scopedLive("Expect: the server asks for the body with a 100, and gets it (RFC 9110 10.1.1)", () =>
    Effect.gen(function*() {
      const { origin } = yield* server
      const request = HttpClientRequest.post(`${origin}/cgi/measure`)
      const said: Array<number> = []
      const delegate = SessionEvent.layer({
        InformationalResponse: (event) => Effect.sync(() => said.push(event.status))
      })
      const outcome = yield* withSession(
        { delegate: Layer.merge(delegate, trustingLayer) },
        (session) =>
          RequestOptions.with({ expectContinue: true })(ours(session.upload(request, RequestBody.bytes(large))))
      )
      assert.deepStrictEqual(outcome, plainText(measured("POST", large)))
      assert.deepStrictEqual(said, [100])
    }))
}
