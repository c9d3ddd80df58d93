// What a response says of its content, and what it turns out to be.
import { assert, describe, it } from "@effect/vitest"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as Interceptor from "@urlsession/core/Interceptor"
import * as ResponseHead from "@urlsession/core/ResponseHead"
import * as TestTransport from "@urlsession/core/TestTransport"
import type { StreamedBody } from "@urlsession/core/Transport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Codings from "./codings.ts"
import { api, ok, requests, scripted } from "./support.ts"

const bytes = (...values: ReadonlyArray<number>) => new Uint8Array(values)
const answer = (body: Uint8Array | string, headers: Readonly<Record<string, string>> = {}) =>
  scripted(() => TestTransport.respond(200, { headers, body }))

const read = Effect.flatMap(UrlSession.make(), (session) => session.execute(api))
const png = bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)

describe("the text of a response (RSP-01)", () => {
  const cases: ReadonlyArray<readonly [string, Uint8Array, contentType: string | undefined, text: string]> = [
    ["the charset it names", bytes(0xcf, 0xf0), "text/plain; charset=windows-1251", "Пр"],
    ["a quoted charset in capitals", bytes(0xa4), "text/plain; charset=\"ISO-8859-15\"", "€"],
    ["UTF-8 without one", bytes(0xc3, 0xbc), undefined, "ü"],
    ["UTF-8 for one that nobody knows", bytes(0xc3, 0xbc), "text/plain; charset=none-such", "ü"],
    ["its byte order mark before any charset", bytes(0xff, 0xfe, 0x41, 0x00), "text/plain; charset=utf-8", "A"]
  ]
  for (const [name, body, type, expected] of cases) {
    it.scoped(`is read by ${name}`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* (yield* read).text, expected)
      }).pipe(answer(body, type === undefined ? {} : { "content-type": type })))
  }

  it.scoped("with a byte order mark is JSON all the same", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* (yield* read).json, { a: 1 })
    }).pipe(answer("\ufeff{\"a\":1}", { "content-type": "application/json" })))
})

describe("the type that a body turns out to be (WHATWG MIME Sniffing)", () => {
  const cases: ReadonlyArray<readonly [string, Uint8Array | string, Readonly<Record<string, string>>, string]> = [
    ["an image that calls itself another one", png, { "content-type": "image/gif" }, "image/png"],
    ["a page that says nothing", "<!DOCTYPE html><p>", {}, "text/html"],
    ["a page that calls itself text", "<!DOCTYPE html><p>", { "content-type": "text/plain" }, "text/plain"],
    [
      "bytes that call themselves text",
      bytes(0, 1, 2, 3),
      { "content-type": "text/plain" },
      "application/octet-stream"
    ],
    [
      "what must not be sniffed",
      png,
      { "content-type": "image/gif", "x-content-type-options": "nosniff" },
      "image/gif"
    ],
    ["a type that cannot be read", png, { "content-type": "nonsense" }, "image/png"],
    ["no bytes at all", "", {}, "text/plain"]
  ]
  for (const [name, body, headers, expected] of cases) {
    it.scoped(`of ${name} is ${expected}; the body is there afterwards`, () =>
      Effect.gen(function*() {
        const response = yield* read
        assert.strictEqual(yield* response.computedMimeType, expected)
        assert.strictEqual((yield* response.bytes).length, body.length)
      }).pipe(answer(body, headers)))
  }

  it("is found out from the beginning of a body too, by the last Content-Type that there is", () => {
    const headers = HeaderFields.fromEntries([["content-type", "text/plain"], ["Content-Type", "image/gif"]])
    assert.strictEqual(ResponseHead.computedMimeType({ headers }, png.subarray(0, 8)), "image/png")
  })
})

describe("the length that is expected (RSP-03)", () => {
  it.scoped("is not that of the coded form where the coding is undone", () =>
    Effect.gen(function*() {
      const session = yield* Effect.provide(UrlSession.make(), Codings.layer)
      const [body, response] = yield* session.data(api)
      assert.strictEqual(body.length, 5)
      assert.isUndefined(response.expectedContentLength)
      assert.strictEqual(response.headers.get("content-length"), "11")
      assert.strictEqual(ResponseHead.of(response).expectedContentLength, 11)
    }).pipe(answer("gzip(hello)", { "content-encoding": "gzip", "content-length": "11" })))
})

describe("a request's body that answers within the call", () => {
  it.scoped("is as deep as it likes", () =>
    Effect.gen(function*() {
      const pieces = 200_000
      const body: StreamedBody = {
        _tag: "Stream",
        length: undefined,
        open: (sink) => {
          let left = pieces
          return {
            pull: () => left-- > 0 ? sink.onPiece(bytes(1)) : sink.onEnd(),
            close: () => undefined
          }
        }
      }
      const session = yield* Effect.provide(
        UrlSession.make(),
        Interceptor.layer(Interceptor.make((request, proceed) => proceed({ ...request, method: "PUT", body })))
      )
      yield* session.data(api)
      assert.strictEqual((yield* requests)[0]?.body?.length, pieces)
    }).pipe(scripted(() => ok())))
})
