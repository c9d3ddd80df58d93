/** Uploads over a real connection: what another implementation's tests ask of bodies out of files, streams and delegates. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as BodyStreamProvider from "@urlsession/core/BodyStreamProvider"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { capital, Heard, peerServer } from "./peer-server.ts"
import { text, withSession } from "./support.ts"

const lorem = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. ".repeat(20)
const paragraphs = () => Stream.encodeText(Stream.make(lorem, lorem, lorem))
const whole = lorem.repeat(3)

const withBody = ["HEAD", "PUT", "POST", "DELETE"] as const

const story = (method: string): ReadonlyArray<string> => [
  "BodyDataSent",
  "ResponseReceived",
  ...(method === "HEAD" ? [] : ["DataReceived"]),
  "TaskCompleted"
]

/** A file with some text, gone with the scope. */
const file = (content: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "urlsession-"))),
      (path) => Effect.sync(() => fs.rmSync(path, { recursive: true }))
    ),
    (folder) => {
      const path = join(folder, "body.txt")
      fs.writeFileSync(path, content)
      return path
    }
  )

/** A provider that notes how it was asked, and gives the paragraphs. */
const noting = (asked: Array<string>) =>
  BodyStreamProvider.layer((need) =>
    Effect.sync(() => {
      asked.push(`${need.method} ${need.attempt} ${need.offset}`)
      return Option.some(paragraphs())
    })
  )

describe("a streamed body", () => {
  for (const method of withBody) {
    it.scopedLive(`of ${method}: in chunks, told before the response; only a POST gets a form's type (BOD-01, BOD-03, TDL-08, TestURLSession/test_dataTaskWithHttpInputStream)`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        for (const contentType of ["text/plain; charset=utf-8", undefined]) {
          const heard = new Heard()
          const body = RequestBody.stream(paragraphs(), contentType === undefined ? {} : { contentType })
          const request = HttpClientRequest.make(method)(`${server.origin}/json`)
          const [bytes, head] = yield* withSession(
            { delegate: heard.layer },
            (session) => session.upload(request, body)
          )
          const received = server.received[server.received.length - 1]
          assert.strictEqual(received?.headers["transfer-encoding"], "chunked")
          assert.isUndefined(received?.headers["content-length"])
          assert.strictEqual(received?.body.toString(), whole)
          assert.strictEqual(
            received?.headers["content-type"],
            contentType ?? (method === "POST" ? "application/x-www-form-urlencoded" : undefined)
          )
          assert.strictEqual(head.status, 200)
          assert.strictEqual(bytes.length > 0, method !== "HEAD")
          assert.deepStrictEqual(heard.story, story(method))
          const sent = heard.of("BodyDataSent")
          assert.deepInclude(sent[sent.length - 1], {
            totalBytesSent: whole.length,
            // URLSession says -1 (NSURLSessionTransferSizeUnknown)
            totalBytesExpectedToSend: undefined
          })
          assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
        }
      }))
  }

  it.scopedLive("of GET is refused with -1103 before it is run, and observers hear of no task (BOD-04, TestURLSession/test_dataTaskWithHttpInputStream)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const heard = new Heard()
      const never = RequestBody.stream(Stream.dieMessage("not to be run"))
      const url = `${server.origin}/json`
      const error = yield* withSession(
        { delegate: heard.layer },
        (session) => Effect.flip(session.upload(HttpClientRequest.get(url), never))
      )
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.strictEqual(error.code, -1103)
      assert.strictEqual(error.url, url)
      assert.deepStrictEqual(heard.events.map((event) => event._tag), ["Invalidated"])
      assert.deepStrictEqual(server.received, [])
    }))
})

describe("a body that the delegate provides", () => {
  for (const method of withBody) {
    it.scopedLive(`of ${method}: asked for first, then sent, and the body of the request is ignored (SES-18, TDL-06, TestURLSession/test_simpleUploadWithDelegateProvidingInputStream)`, () =>
      Effect.gen(function*() {
        const server = yield* peerServer
        const heard = new Heard()
        const asked: Array<string> = []
        const request = HttpClientRequest.make(method)(`${server.origin}/json`).pipe(
          HttpClientRequest.bodyText("of the request", "text/html")
        )
        const [, head] = yield* withSession(
          { delegate: Layer.merge(heard.layer, noting(asked)) },
          (session) => session.upload(request, RequestBody.fromProvider())
        )
        assert.strictEqual(head.status, 200)
        assert.deepStrictEqual(asked, [`${method} 0 0`])
        assert.deepStrictEqual(heard.story, story(method))
        assert.strictEqual(server.received[0]?.body.toString(), whole)
        assert.strictEqual(
          server.received[0]?.headers["content-type"],
          method === "POST" ? "application/x-www-form-urlencoded" : undefined
        )
      }))
  }

  it.scopedLive("of GET is not even asked for: -1103 at once (TestURLSession/test_simpleUploadWithDelegateProvidingInputStream)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const asked: Array<string> = []
      const error = yield* withSession(
        { delegate: noting(asked) },
        (session) => Effect.flip(session.upload(HttpClientRequest.get(server.origin), RequestBody.fromProvider()))
      )
      assert.strictEqual(error.code, -1103)
      assert.deepStrictEqual(asked, [])
    }))

  it.scopedLive("is asked for again where a redirect needs it once more, and without a provider is -1021 (TDL-06, BOD-06, RED-03)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const asked: Array<string> = []
      const request = HttpClientRequest.put(`${server.origin}/307?location=/json`)
      yield* withSession(
        { delegate: noting(asked) },
        (session) => session.upload(request, RequestBody.fromProvider())
      )
      assert.deepStrictEqual(asked, ["PUT 0 0", "PUT 1 0"])
      assert.deepStrictEqual(server.received.map((one) => one.body.toString()), [whole, whole])
      const error = yield* withSession(
        {},
        (session) => Effect.flip(session.upload(request, RequestBody.fromProvider()))
      )
      assert.strictEqual(error.reason._tag, "BodyStreamExhausted")
      assert.strictEqual(error.code, -1021)
    }))
})

describe("an upload", () => {
  it.scopedLive("of bytes and of a file: in place of the request's own body, of known length, the answer like a data task's (SES-17, SES-25, DAT-02, TSK-11)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const path = yield* file(whole)
      const request = HttpClientRequest.put(server.origin).pipe(
        HttpClientRequest.bodyStream(Stream.dieMessage("the request's own, never run"), { contentType: "text/html" })
      )
      for (const body of [RequestBody.bytes(Buffer.from(whole)), yield* RequestBody.file(path)]) {
        const session = new Heard()
        const own = new Heard()
        const events = yield* SessionEvent.make({ BodyDataSent: own.handlers.BodyDataSent })
        yield* withSession({ delegate: session.layer }, (one) =>
          Effect.gen(function*() {
            const task = yield* one.uploadTask(request, body).pipe(TaskDelegate.provide({ events }))
            assert.strictEqual((yield* task.snapshot).bytesExpectedToSend, whole.length)
            const [bytes, head] = yield* task.data
            assert.strictEqual(head.status, 200)
            assert.strictEqual(text(bytes), capital)
            assert.strictEqual((yield* task.snapshot).bytesSent, whole.length)
          }).pipe(Effect.scoped))
        assert.deepStrictEqual(own.story, ["BodyDataSent"])
        assert.deepStrictEqual(session.story, ["ResponseReceived", "DataReceived", "TaskCompleted"])
        const received = server.received[server.received.length - 1]
        assert.strictEqual(received?.body.toString(), whole)
        assert.strictEqual(received?.headers["content-length"], String(whole.length))
        assert.isUndefined(received?.headers["content-type"])
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("of a stream that was set after bytes sends the stream (BOD-02)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const request = HttpClientRequest.put(server.origin).pipe(
        HttpClientRequest.bodyText("bytes that were there before", "text/html"),
        HttpClientRequest.bodyStream(paragraphs(), { contentType: "text/plain", contentLength: whole.length })
      )
      yield* withSession({}, (session) => session.data(request))
      assert.strictEqual(server.received[0]?.body.toString(), whole)
      assert.strictEqual(server.received[0]?.headers["content-type"], "text/plain")
    }))
})
