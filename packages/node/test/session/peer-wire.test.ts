/** What is on the wire of a data task: codings, fields and bodies, as another implementation's tests ask for them. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { capital, Heard, hello, peerServer } from "./peer-server.ts"
import { text, withSession } from "./support.ts"

const plain = ["ResponseReceived", "DataReceived", "TaskCompleted"]

describe("content codings", () => {
  it.scopedLive("are asked for, br among them, and no Expect (NET-01, NET-08, TestURLSession/test_dataTaskWithAcceptEncoding)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      yield* withSession({}, (session) => session.data(server.origin))
      yield* withSession(
        {},
        (session) =>
          session.data(HttpClientRequest.post(server.origin).pipe(HttpClientRequest.bodyText("x".repeat(100_000))))
      )
      for (const request of server.received) {
        const codings = String(request.headers["accept-encoding"]).split(/\s*,\s*/)
        assert.includeMembers(codings, ["gzip", "deflate", "br"])
        assert.isUndefined(request.headers["expect"])
      }
    }))

  for (
    const [coding, row] of [
      ["gzip", "TestURLSession/test_gzippedDataTask"],
      ["br", "TestURLSession/test_brotliDataTask"]
    ] as const
  ) {
    it.scopedLive(`${coding} is undone before anybody hears of the data (NET-01, DDL-03, ${row})`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        const heard = new Heard()
        const [bytes] = yield* withSession(
          { delegate: heard.layer },
          (session) => session.data(`${server.origin}/${coding}`)
        )
        assert.strictEqual(text(bytes), hello)
        assert.deepStrictEqual(heard.story, plain)
        const data = heard.of("DataReceived")
        assert.strictEqual(data[data.length - 1]?.totalBytesReceived, hello.length)
      }))
  }
})

describe("fields and bodies on the wire", () => {
  it.scopedLive("fields that nobody has set say what client this is and that it takes anything, and no languages (NET-02)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      yield* withSession({}, (session) => session.data(server.origin))
      const configuration = { httpAdditionalHeaders: { "User-Agent": "tests/1", "Accept-Language": "de" } }
      yield* withSession({ configuration }, (session) => session.data(server.origin))
      const [bare, configured] = server.received.map((one) => Object.keys(one.headers).sort())
      assert.deepStrictEqual(bare, ["accept", "accept-encoding", "connection", "host", "user-agent"])
      assert.match(String(server.received[0]?.headers["user-agent"]), /^urlsession\/\d+\.\d+\.\d+/)
      assert.strictEqual(server.received[0]?.headers.accept, "*/*")
      assert.deepStrictEqual(configured, [
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "host",
        "user-agent"
      ])
      assert.deepInclude(server.received[1]?.headers, { "user-agent": "tests/1", "accept-language": "de" })
    }))

  it.scopedLive("the request's fields are sent, as they were when the task was made (REQ-01, TestURLSession/test_verifyRequestHeaders)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const request = HttpClientRequest.post(`${server.origin}/headers`).pipe(
        HttpClientRequest.setHeader("Header1", "value1")
      )
      const body = yield* withSession({}, (session) =>
        Effect.gen(function*() {
          const task = yield* session.dataTask(request)
          HttpClientRequest.setHeader(request, "Header1", "another")
          return text((yield* task.data)[0])
        }).pipe(Effect.scoped))
      assert.include(body, "header1: value1\n")
      assert.notInclude(body, "another")
    }))

  it.scopedLive("configured fields are sent where the request has none of that name, in any case (CFG-22, TestURLSession/test_verifyHttpAdditionalHeaders)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const configuration = { httpAdditionalHeaders: { header2: "svalue2", header3: "svalue3", header4: "svalue4" } }
      const request = HttpClientRequest.post(`${server.origin}/headers`).pipe(
        HttpClientRequest.setHeaders({ header1: "rvalue1", header2: "rvalue2", Header4: "rvalue4" })
      )
      const [bytes] = yield* withSession({ configuration }, (session) => session.data(request))
      const lines = text(bytes).split("\n").filter((line) => line.startsWith("header")).sort()
      assert.deepStrictEqual(lines, ["header1: rvalue1", "header2: rvalue2", "header3: svalue3", "header4: rvalue4"])
    }))

  for (const method of ["HEAD", "PUT", "POST", "DELETE"] as const) {
    it.scopedLive(`${method} with a body: told when sent, of exactly its length, a POST as a form unless it says otherwise (BOD-01, BOD-03, TestURLSession/test_requestWithNonEmptyBody)`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        const bytes = Buffer.from("Lorem ipsum dolor sit amet".repeat(50))
        for (const contentType of ["text/plain; charset=utf-8", undefined]) {
          const heard = new Heard()
          const body = HttpBody.raw(bytes, contentType === undefined ? {} : { contentType })
          const request = HttpClientRequest.make(method)(`${server.origin}/json`).pipe(HttpClientRequest.setBody(body))
          const [answer] = yield* withSession({ delegate: heard.layer }, (session) => session.data(request))
          const received = server.received[server.received.length - 1]
          assert.strictEqual(received?.headers["content-length"], String(bytes.length))
          assert.isUndefined(received?.headers["transfer-encoding"])
          assert.deepStrictEqual(received?.body, bytes)
          assert.strictEqual(
            received?.headers["content-type"],
            contentType ?? (method === "POST" ? "application/x-www-form-urlencoded" : undefined)
          )
          assert.strictEqual(answer.length > 0, method !== "HEAD")
          assert.deepStrictEqual(heard.story, [
            "BodyDataSent",
            ...(method === "HEAD" ? ["ResponseReceived", "TaskCompleted"] : plain)
          ])
          const sent = heard.of("BodyDataSent")
          assert.strictEqual(sent[sent.length - 1]?.totalBytesSent, bytes.length)
        }
      }))
  }

  for (const method of ["HEAD", "GET", "PUT", "POST", "DELETE"] as const) {
    it.scopedLive(`${method} with an empty body: none is sent or told of, and its type is the caller's or none (BOD-05, TestURLSession/test_requestWithEmptyBody)`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        for (const body of [HttpBody.empty, HttpBody.raw(new Uint8Array(0))]) {
          for (const contentType of ["text/plain; charset=utf-8", undefined]) {
            const heard = new Heard()
            const bare = HttpClientRequest.make(method)(`${server.origin}/json`).pipe(HttpClientRequest.setBody(body))
            const request = contentType === undefined
              ? bare
              : HttpClientRequest.setHeader(bare, "Content-Type", contentType)
            const [answer, head] = yield* withSession({ delegate: heard.layer }, (session) => session.data(request))
            const received = server.received[server.received.length - 1]
            assert.strictEqual(head.status, 200)
            assert.strictEqual(received?.method, method)
            assert.strictEqual(received?.body.length, 0)
            assert.strictEqual(received?.headers["content-type"], contentType)
            assert.strictEqual(answer.length, method === "HEAD" ? 0 : head.expectedContentLength)
            assert.deepStrictEqual(heard.story, method === "HEAD" ? ["ResponseReceived", "TaskCompleted"] : plain)
          }
        }
      }))
  }

  it.scopedLive("POST without a body says so by its length, and names no type (BOD-05, TestURLSession/test_postWithEmptyBody)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const [, head] = yield* withSession(
        {},
        (session) => session.data(HttpClientRequest.post(`${server.origin}/json`))
      )
      assert.strictEqual(head.status, 200)
      assert.isUndefined(server.received[0]?.headers["content-type"])
      assert.strictEqual(server.received[0]?.headers["content-length"], "0")
    }))

  it.scopedLive("an upload of 16 KiB is told to its last byte (TDL-08, TestURLSession/test_simpleUploadWithDelegate)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const heard = new Heard()
      const bytes = new Uint8Array(16 * 1024).fill(7)
      const request = HttpClientRequest.put(`${server.origin}/upload`).pipe(HttpClientRequest.bodyUint8Array(bytes))
      const [answer] = yield* withSession({ delegate: heard.layer }, (session) => session.data(request))
      assert.strictEqual(text(answer), capital)
      assert.deepStrictEqual(server.received[0]?.body, Buffer.from(bytes))
      const sent = heard.of("BodyDataSent")
      assert.strictEqual(sent.reduce((sum, event) => sum + event.bytesSent, 0), 16_384)
      assert.deepInclude(sent[sent.length - 1], { totalBytesSent: 16_384, totalBytesExpectedToSend: 16_384 })
      assert.deepStrictEqual(heard.story, ["BodyDataSent", ...plain])
    }))
})
