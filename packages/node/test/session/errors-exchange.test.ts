import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as AddressPolicy from "@urlsession/core/AddressPolicy"
import * as TransportSecurity from "@urlsession/core/TransportSecurity"
import * as Effect from "effect/Effect"
import * as zlib from "node:zlib"
import { until } from "../support/fakeControl.ts"
import { answering, type Behaviour, rawServer, response } from "../support/rawServer.ts"
import { failsWith, open, text, withSession } from "./support.ts"

const redirecting = (location: string, status = "302 Found") =>
  answering(response("gone", { status, fields: [`Location: ${location}`] }))

const failure = (behaviour: Behaviour, name: string, configuration = {}) =>
  Effect.gen(function*() {
    const server = yield* rawServer(behaviour)
    const error = yield* withSession({ configuration }, (session) => failsWith(session.data(server.origin), name))
    yield* until(() => server.open() === 0)
    return error
  })

describe("redirects that lead nowhere", () => {
  it.scopedLive("RED-05 TestURLSession/test_httpRedirectionExceededMaxRedirects: a loop is TooManyRedirects", () =>
    Effect.gen(function*() {
      let hops = 0
      const server = yield* rawServer({
        onRequest: (peer) => {
          hops++
          peer.socket.write(response("again", { status: "302 Found", fields: [`Location: /${hops}`] }))
        }
      })
      const error = yield* withSession(
        {},
        (session) => failsWith(session.data(server.origin), "RedirectError/TooManyRedirects")
      )
      assert.strictEqual(hops, 21)
      assert.deepInclude(error.reason, { limit: 20, location: `${server.origin}/21` })
      assert.strictEqual(error.code, -1007)
      // every hop went over the one connection
      assert.strictEqual(server.peers.length, 1)
    }))

  it.scopedLive("RED-05 the limit is a setting", () =>
    failure(redirecting("/"), "RedirectError/TooManyRedirects", { redirectLimit: 0 }))

  for (const location of ["http://", "http://[::1", "http://host:99999/", "https://a b/"]) {
    it.scopedLive(`RED-08 Location "${location}" is RedirectToNonExistentLocation`, () =>
      Effect.gen(function*() {
        const error = yield* failure(redirecting(location), "RedirectError/RedirectToNonExistentLocation")
        assert.strictEqual(error.code, -1010)
      }))
  }

  for (
    const location of [
      "file:///etc/passwd",
      "javascript:alert(1)",
      "ftp://127.0.0.1/x",
      "data:text/plain,inside",
      "ws://127.0.0.1/",
      "about:blank",
      "urn:x"
    ]
  ) {
    it.scopedLive(`RED-09 a redirect to ${location} is UnsupportedURL`, () =>
      Effect.gen(function*() {
        const error = yield* failure(redirecting(location), "InvalidRequest/UnsupportedURL")
        assert.strictEqual(error.code, -1002)
      }))
  }

  it.scopedLive("NET-09 plain http is SecurityPolicyViolation under TransportSecurity.strict, before anything is looked up", () =>
    Effect.gen(function*() {
      const error = yield* withSession(
        { delegate: TransportSecurity.strict, transport: { lookup: () => Effect.dieMessage("not to be asked") } },
        (session) => failsWith(session.data("http://example.test/"), "InvalidRequest/SecurityPolicyViolation")
      )
      assert.strictEqual(error.code, -1022)
    }))

  it.scopedLive("NET-09 TransportSecurity is asked for every hop", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(redirecting("http://example.test/secret"))
      yield* withSession({ delegate: TransportSecurity.strict }, (session) =>
        failsWith(session.data(server.origin), "InvalidRequest/SecurityPolicyViolation"))
    }))

  it.scopedLive("the AddressPolicy is asked for every hop", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(redirecting("http://inside.test/"))
      const judged: Array<string> = []
      const delegate = AddressPolicy.layer((address) => {
        judged.push(`${address.host} ${address.address}`)
        return Effect.succeed(
          address.host === "inside.test" ? AddressPolicy.refuse("inside") : AddressPolicy.allow
        )
      })
      yield* withSession({
        delegate,
        transport: { lookup: () => Effect.succeed([{ address: "127.0.0.1", family: 4 }]) }
      }, (session) => failsWith(session.data(server.origin), "ConnectionError/AddressRefused"))
      assert.deepStrictEqual(judged, ["127.0.0.1 127.0.0.1", "inside.test 127.0.0.1"])
    }))
})

describe("bodies that cannot be decoded", () => {
  const coded = (coding: string, body: Uint8Array): Behaviour => ({
    onRequest: (peer) => {
      peer.socket.write(
        `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`
      )
      peer.socket.write(body)
    }
  })
  const text64 = Buffer.from("hello, hello, hello. ".repeat(64))
  // the best compression takes seconds for 64 MiB
  const brotli = (bytes: Uint8Array): Buffer =>
    zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } })
  const encoders = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: brotli }

  for (const [coding, encode] of Object.entries(encoders)) {
    it.scopedLive(`NET-01 ${coding} that is rubbish is CannotDecodeRawData`, () =>
      Effect.gen(function*() {
        const error = yield* failure(
          coded(coding, Buffer.from("\xff\xfe not at all", "latin1")),
          "BodyError/CannotDecodeRawData"
        )
        assert.deepInclude(error.reason, { coding })
        assert.strictEqual(error.code, -1015)
      }))

    it.scopedLive(`NET-01 ${coding} that is cut off is CannotDecodeRawData`, () =>
      Effect.gen(function*() {
        const whole = encode(text64)
        yield* failure(coded(coding, whole.subarray(0, whole.length - 5)), "BodyError/CannotDecodeRawData")
      }))

    it.scopedLive(`a ${coding} bomb is DecompressionBomb, and its connection is closed`, () =>
      Effect.gen(function*() {
        const bomb = encode(Buffer.alloc(64 * 1024 * 1024))
        const error = yield* failure(coded(coding, bomb), "BodyError/DecompressionBomb")
        assert.deepInclude(error.reason, { ratio: 200 })
      }))
  }

  it.scopedLive("NET-01 a coding that is not known is CannotDecodeContentData", () =>
    Effect.gen(function*() {
      const error = yield* failure(coded("snappy", text64), "BodyError/CannotDecodeContentData")
      assert.deepInclude(error.reason, { coding: "snappy" })
      assert.strictEqual(error.code, -1016)
    }))

  it.scopedLive("more stacked codings than three are refused", () =>
    failure(coded("gzip, gzip, gzip, gzip", text64), "BodyError/CannotDecodeContentData"))

  it.scopedLive("three stacked codings are undone", () =>
    Effect.gen(function*() {
      const body = zlib.brotliCompressSync(zlib.deflateSync(zlib.gzipSync(text64)))
      const server = yield* rawServer(coded("gzip, deflate, br", body))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const [bytes] = yield* session.data(server.origin)
          assert.strictEqual(text(bytes), text64.toString())
        }))
    }))

  it.scopedLive("a body beyond the limit of whole reads is DataLengthExceedsMaximum, announced or not", () =>
    Effect.gen(function*() {
      const configuration = { maximumBodyBytes: 1000 }
      const piece = `190\r\n${"y".repeat(400)}\r\n`
      const announced = yield* failure(
        answering(response("x".repeat(1001))),
        "BodyError/DataLengthExceedsMaximum",
        configuration
      )
      assert.deepInclude(announced.reason, { limit: 1000 })
      assert.strictEqual(announced.code, -1103)
      yield* failure(
        answering(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${piece.repeat(3)}0\r\n\r\n`),
        "BodyError/DataLengthExceedsMaximum",
        configuration
      )
      yield* failure(
        coded("gzip", zlib.gzipSync(text64)),
        "BodyError/DataLengthExceedsMaximum",
        configuration
      )
    }))

  it.scopedLive("a body is read once, JSON or not", () =>
    Effect.gen(function*() {
      const server = yield* rawServer(answering(response("{not json")))
      yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const answer = yield* session.execute(server.origin)
          yield* failsWith(answer.json, "BodyError/InvalidJson")
          assert.strictEqual(yield* answer.text, "{not json")
          const other = yield* session.execute(server.origin)
          yield* other.forEachChunk(() => {})
          yield* failsWith(other.bytes, "BodyError/AlreadyConsumed")
        }))
    }))
})

describe("requests that are not sent", () => {
  const unsent = (
    input: string | HttpClientRequest.HttpClientRequest,
    name: string
  ) =>
    Effect.gen(function*() {
      const session = yield* open({ transport: { lookup: () => Effect.dieMessage("not to be asked") } })
      const error = yield* failsWith(session.data(input), name)
      assert.deepInclude(yield* session.openResources, { sockets: 0, connecting: 0, tasks: 0 })
      return error
    })

  it.scopedLive("TestURLSession/test_taskError: a port beyond 65535 is BadURL", () =>
    Effect.gen(function*() {
      const error = yield* unsent("http://127.0.0.1:999999/Nepal", "InvalidRequest/BadURL")
      assert.strictEqual(error.code, -1000)
    }))

  it.scopedLive("an empty or relative URL is BadURL", () =>
    Effect.gen(function*() {
      yield* unsent("", "InvalidRequest/BadURL")
      yield* unsent("/path", "InvalidRequest/BadURL")
      yield* unsent("http://", "InvalidRequest/BadURL")
    }))

  it.scopedLive("TestURLSession/test_unhandledURLProtocol: a scheme that nobody serves is UnsupportedURL", () =>
    Effect.gen(function*() {
      const error = yield* unsent("foobar://here/", "InvalidRequest/UnsupportedURL")
      assert.deepInclude(error.reason, { scheme: "foobar" })
      yield* unsent("file:///etc/passwd", "InvalidRequest/UnsupportedURL")
    }))

  it.scopedLive("BOD-04 GET with a body is GetWithBody", () =>
    Effect.gen(function*() {
      const error = yield* unsent(
        HttpClientRequest.bodyText(HttpClientRequest.get("http://host.test/"), "x"),
        "InvalidRequest/GetWithBody"
      )
      assert.strictEqual(error.code, -1103)
    }))

  for (
    const [name, value] of [
      ["x-split", "a\r\nInjected: yes"],
      ["x-feed", "a\nb"],
      ["x-nul", "a\0b"],
      // the low bytes of these two are CR and LF
      ["x-wide", "a\u010D\u010Ab"],
      ["bad name", "x"],
      ["connection", "close"],
      ["transfer-encoding", "chunked"],
      ["content-length", "5"]
    ] as const
  ) {
    it.scopedLive(`REQ-04 the field ${JSON.stringify(`${name}: ${value}`)} is InvalidHeader`, () =>
      unsent(
        HttpClientRequest.setHeader(HttpClientRequest.get("http://host.test/"), name, value),
        "InvalidRequest/InvalidHeader"
      ))
  }
})
