/** Downloads over a real connection: what another implementation's tests ask of their download tasks. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as SessionEvent from "@urlsession/core/SessionEvent"
import type { Input } from "@urlsession/core/SessionRequest"
import * as TaskDelegate from "@urlsession/core/TaskDelegate"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { capital, Heard, hello, peerServer } from "./peer-server.ts"
import { withSession } from "./support.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "urlsession-"))),
  (path) => Effect.sync(() => fs.rmSync(path, { recursive: true }))
)

// the bytes are told where they come in and again where they are in the file
const story = ["ResponseReceived", "DataReceived", "DataWritten", "TaskCompleted"]

/** What an observer of the whole download heard, and what was in the file when it heard of the end. */
const downloaded = (input: (origin: string) => Input) =>
  Effect.gen(function*() {
    const server = yield* peerServer
    const target = join(yield* folder, "country.txt")
    const heard = new Heard()
    const atTheEnd: Array<string> = []
    const delegate = SessionEvent.layer({
      ...heard.handlers,
      TaskCompleted: (event: SessionEvent.TaskCompleted) =>
        Effect.zipRight(
          heard.handlers.TaskCompleted(event),
          Effect.sync(() => atTheEnd.push(fs.readFileSync(target, "utf8")))
        )
    })
    const head = yield* withSession({ delegate }, (session) => session.download(input(server.origin), target))
    return { atTheEnd, head, heard, target }
  }).pipe(Effect.provide(NodeFileSystem.layer))

describe("a download", () => {
  const forms: Readonly<Record<string, (origin: string) => Input>> = {
    "of a URL (SES-20, DAT-04, WDL-01, WDL-02, TestURLSession/test_downloadTaskWithURL)": (origin) =>
      `${origin}/country.txt`,
    "of a request (SES-20, DAT-04, WDL-01, WDL-02, TestURLSession/test_downloadTaskWithURLRequest)": (origin) =>
      HttpClientRequest.get(`${origin}/country.txt`)
  }
  for (const [name, input] of Object.entries(forms)) {
    it.scopedLive(`${name}: told as it is written, and whole in its file when its end is told`, () =>
      Effect.gen(function*() {
        const { atTheEnd, head, heard } = yield* downloaded(input)
        assert.strictEqual(head.status, 200)
        assert.deepStrictEqual(atTheEnd, [capital])
        assert.deepStrictEqual(heard.story, story)
        const written = heard.of("DataWritten")
        assert.strictEqual(written.reduce((sum, event) => sum + event.bytesWritten, 0), capital.length)
        assert.deepInclude(written[written.length - 1], {
          totalBytesWritten: capital.length,
          totalBytesExpectedToWrite: capital.length
        })
        assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
      }))
  }

  it.scopedLive("is told in decoded bytes, and expects a number that nobody knows (WDL-02, TestURLSession/test_gzippedDownloadTask)", () =>
    Effect.gen(function*() {
      const { atTheEnd, heard } = yield* downloaded((origin) => `${origin}/gzip`)
      assert.deepStrictEqual(atTheEnd, [hello])
      const written = heard.of("DataWritten")
      assert.deepInclude(written[written.length - 1], {
        totalBytesWritten: 12,
        // URLSession says -1 (NSURLSessionTransferSizeUnknown)
        totalBytesExpectedToWrite: undefined
      })
    }))

  it.scopedLive("of a status of failure is the body of that status, in the file (DAT-04)", () =>
    Effect.gen(function*() {
      const { atTheEnd, head, heard } = yield* downloaded((origin) => `${origin}/missing`)
      assert.strictEqual(head.status, 404)
      assert.deepStrictEqual(atTheEnd, ["not here"])
      assert.strictEqual(heard.of("TaskCompleted")[0]?.error, undefined)
    }))

  it.scopedLive("with a delegate of its own: that hears of the bytes, and the file comes by the call (SES-26, TSK-16, TestURLSession/test_asyncDownloadFromURL, TestURLSession/test_asyncDownloadFromURLWithDelegate)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const target = join(yield* folder, "country.txt")
      const session = new Heard()
      const own = new Heard()
      const events = yield* SessionEvent.make({ DataWritten: own.handlers.DataWritten })
      const head = yield* withSession(
        { delegate: session.layer },
        (one) => TaskDelegate.provide({ events })(one.download(`${server.origin}/country.txt`, target))
      )
      assert.strictEqual(head.status, 200)
      assert.strictEqual(fs.readFileSync(target, "utf8"), capital)
      assert.isAbove(own.of("DataWritten")[0]?.totalBytesWritten ?? 0, 0)
      assert.deepStrictEqual(session.story, story.filter((tag) => tag !== "DataWritten"))
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("by a session without any delegate, shared or new (SES-20, TestURLSession/test_downloadTaskWithRequestAndHandler, TestURLSession/test_downloadTaskWithURLAndHandler)", () =>
    Effect.gen(function*() {
      const server = yield* peerServer
      const path = yield* folder
      const request = HttpClientRequest.get(`${server.origin}/country.txt`)
      yield* Effect.gen(function*() {
        const shared = yield* UrlSession.UrlSession
        const both = [shared.download(request, join(path, "a")), shared.download(request, join(path, "b"))]
        const heads = yield* Effect.all(both, { concurrency: "unbounded" })
        assert.deepStrictEqual(heads.map((head) => head.status), [200, 200])
      }).pipe(Effect.provide(NodeSession.layer()))
      yield* withSession({}, (session) => session.download(`${server.origin}/country.txt`, join(path, "c")))
      assert.deepStrictEqual(
        fs.readdirSync(path).sort().map((name) => [name, fs.readFileSync(join(path, name), "utf8")]),
        [["a", capital], ["b", capital], ["c", capital]]
      )
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
