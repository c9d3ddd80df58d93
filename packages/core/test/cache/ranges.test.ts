import { assert, describe, it } from "@effect/vitest"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as Effect from "effect/Effect"
import { ask, type Asking, caching, count, type Fields, requests } from "./support.ts"

const body = "0123456789"
const kept = { "cache-control": "max-age=60", etag: "\"v1\"" }
const range = (value: string, more: Readonly<Record<string, string>> = {}): Asking => ({
  headers: { range: `bytes=${value}`, ...more }
})

/** A server that gives ranges of ten digits, as it should. */
const digits =
  (fields: Fields & Readonly<Record<string, string>> = kept) => (request: TestTransport.ReceivedRequest) => {
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.header("range") ?? "")
    const condition = request.header("if-range")
    if (match === null || (condition !== undefined && condition !== fields["etag"])) {
      return TestTransport.respond(200, { headers: fields, body })
    }
    const first = Number(match[1])
    const last = match[2] === "" ? 9 : Number(match[2])
    return TestTransport.respond(206, {
      headers: { ...fields, "content-range": `bytes ${first}-${last}/10` },
      body: body.slice(first, last + 1)
    })
  }

describe("ranges out of a whole (RFC 9111 3.3, RFC 9110 14)", () => {
  for (
    const [asked, got, where] of [
      ["2-4", "234", "bytes 2-4/10"],
      ["7-", "789", "bytes 7-9/10"],
      ["-2", "89", "bytes 8-9/10"],
      ["8-99", "89", "bytes 8-9/10"],
      ["-99", body, "bytes 0-9/10"]
    ] as const
  ) {
    it.effect(`${asked} is a 206 with ${where}`, () =>
      Effect.gen(function*() {
        yield* ask()
        const part = yield* ask(range(asked))
        assert.strictEqual(part.status, 206)
        assert.strictEqual(part.body, got)
        assert.strictEqual(part.header("content-range"), where)
        assert.strictEqual(part.header("content-length"), String(got.length))
        assert.strictEqual(yield* count, 1)
      }).pipe(caching(digits())))
  }

  for (const asked of ["10-", "-0", "1-2,4-5", "x"]) {
    it.effect(`${asked} is asked of the origin`, () =>
      Effect.gen(function*() {
        yield* ask()
        yield* ask(range(asked))
        assert.strictEqual(yield* count, 2)
      }).pipe(caching(digits())))
  }

  it.effect("If-Range with another tag gives the whole (RFC 9110 13.1.5)", () =>
    Effect.gen(function*() {
      yield* ask()
      assert.strictEqual((yield* ask(range("0-1", { "if-range": "\"v1\"" }))).body, "01")
      const whole = yield* ask(range("0-1", { "if-range": "\"v0\"" }))
      assert.strictEqual(whole.status, 200)
      assert.strictEqual(whole.body, body)
      assert.strictEqual((yield* ask(range("0-1", { "if-range": "W/\"v1\"" }))).body, body)
      assert.strictEqual(yield* count, 1)
    }).pipe(caching(digits())))
})

describe("parts that are kept (RFC 9111 3.3, 3.4)", () => {
  it.effect("serve ranges inside of them, and no others", () =>
    Effect.gen(function*() {
      yield* ask(range("2-6"))
      assert.strictEqual((yield* ask(range("3-4"))).body, "34")
      assert.strictEqual((yield* ask(range("2-6"))).body, "23456")
      assert.strictEqual(yield* count, 1)
      assert.strictEqual((yield* ask(range("5-8"))).body, "5678")
      assert.strictEqual(yield* count, 2)
    }).pipe(caching(digits())))

  it.effect("grow together, until they are the whole", () =>
    Effect.gen(function*() {
      yield* ask(range("0-3"))
      yield* ask(range("4-6"))
      assert.strictEqual((yield* ask(range("2-5"))).body, "2345")
      yield* ask(range("5-9"))
      const whole = yield* ask()
      assert.strictEqual(whole.status, 200)
      assert.strictEqual(whole.body, body)
      assert.strictEqual(whole.header("content-length"), "10")
      assert.strictEqual(whole.header("content-range"), undefined)
      assert.strictEqual(yield* count, 3)
    }).pipe(caching(digits())))

  for (const [part, rest] of [["0-3", "bytes=4-"], ["6-", "bytes=0-5"]] as const) {
    it.effect(`${part} is completed with ${rest}`, () =>
      Effect.gen(function*() {
        yield* ask(range(part))
        const whole = yield* ask()
        assert.strictEqual(whole.status, 200)
        assert.strictEqual(whole.body, body)
        assert.strictEqual(whole.header("content-length"), "10")
        const sent = (yield* requests)[1]
        assert.strictEqual(sent?.header("range"), rest)
        assert.strictEqual(sent?.header("if-range"), "\"v1\"")
        assert.strictEqual((yield* ask()).body, body)
        assert.strictEqual(yield* count, 2)
      }).pipe(caching(digits())))
  }

  it.effect("are given up where the origin has another version", () =>
    Effect.gen(function*() {
      yield* ask(range("0-3"))
      assert.strictEqual((yield* ask()).body, body)
      assert.strictEqual((yield* ask()).body, body)
      assert.strictEqual(yield* count, 2)
    }).pipe(caching((request) => digits({ ...kept, etag: `"v${request.index}"` })(request))))

  it.effect("are not completed without a strong tag", () =>
    Effect.gen(function*() {
      yield* ask(range("0-3"))
      assert.strictEqual((yield* ask()).body, body)
      assert.strictEqual((yield* requests)[1]?.header("range"), undefined)
    }).pipe(caching(digits({ ...kept, etag: "W/\"v1\"" }))))

  for (
    const [name, contentRange] of [
      ["shorter than it says", "bytes 0-8/10"],
      ["no part", "bytes */10"],
      ["of an unknown whole", "bytes 0-3/*"],
      ["past its whole", "bytes 8-11/10"],
      ["backwards", "bytes 3-0/10"]
    ] as const
  ) {
    it.effect(`one that is ${name} is not kept`, () =>
      Effect.gen(function*() {
        yield* ask(range("0-3"))
        yield* ask(range("0-3"))
        assert.strictEqual(yield* count, 2)
      }).pipe(
        caching(() => TestTransport.respond(206, { headers: { ...kept, "content-range": contentRange }, body: "0123" }))
      ))
  }

  it.effect("a rest that lies about itself is asked for anew, as a whole", () =>
    Effect.gen(function*() {
      yield* ask(range("0-3"))
      assert.strictEqual((yield* ask()).body, body)
      assert.strictEqual(yield* count, 3)
    }).pipe(caching((request) =>
      request.index === 1
        ? TestTransport.respond(206, { headers: { ...kept, "content-range": "bytes 6-9/10" }, body: "6789" })
        : digits()(request)
    )))

  it.effect("a rest that is cut fails, and is not kept", () =>
    Effect.gen(function*() {
      yield* ask(range("0-3"))
      yield* Effect.flip(ask())
      assert.strictEqual((yield* ask()).body, body)
    }).pipe(caching((request) =>
      request.index === 1
        ? [
          ...TestTransport.head(206, { ...kept, "content-range": "bytes 4-9/10" }),
          ...TestTransport.bytes("45"),
          ...TestTransport.end
        ]
        : digits()(request)
    )))
})
