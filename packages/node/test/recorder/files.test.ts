import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Recorder from "@urlsession/core/Recorder"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeTransport from "@urlsession/node/NodeTransport"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { answering, rawServer, response } from "../support/rawServer.ts"
import { folder } from "./support.ts"

const recorded = (path: string, options?: Recorder.RecordOptions) =>
  UrlSession.layer().pipe(Layer.provideMerge(Recorder.layerRecord(path, options)), Layer.provide(NodeTransport.layer))

const get = (url: string) => Effect.flatMap(UrlSession.UrlSession, (session) => session.data(url))

describe("the file of a recording", () => {
  it.scopedLive("appears whole when its scope closes, in a folder that is made, in place of the old one", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const path = join(directory, "a", "b", "api.har")
      const server = yield* rawServer(answering(response("hello")))
      const record = Effect.gen(function*() {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(recorded(path), scope)
        yield* Effect.provide(get(server.origin), context)
        const before = readdirSync(join(directory, "a", "b"))
        yield* Scope.close(scope, Exit.void)
        return before
      })
      assert.deepStrictEqual(yield* record, [])
      writeFileSync(path, "old")
      assert.deepStrictEqual(yield* record, ["api.har"])
      assert.deepStrictEqual(readdirSync(join(directory, "a", "b")), ["api.har"])
      const { entries } = yield* Recorder.decode(readFileSync(path, "utf8"))
      assert.deepStrictEqual(entries.map(({ request }) => request.url), [`${server.origin}/`])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("is written when the program failed or was interrupted as well", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const server = yield* rawServer({ onRequest: (peer) => peer.socket.destroy() })
      const path = join(directory, "lost.har")
      const exit = yield* Effect.exit(Effect.provide(get(server.origin), recorded(path)))
      assert.isTrue(Exit.isFailure(exit))
      const { entries } = yield* Recorder.decode(readFileSync(path, "utf8"))
      assert.strictEqual(entries[0]?.ending._tag, "Failed")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("that cannot be made fails the layer, before anything was recorded", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      writeFileSync(join(directory, "file"), "")
      const path = join(directory, "file", "api.har")
      const error = yield* Effect.flip(Layer.build(recorded(path)))
      assert.strictEqual(error.reason._tag, "CannotWrite")
      assert.include(error.message, path)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("that cannot be written at the end is a defect, and nothing of it is left", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const server = yield* rawServer(answering(response("hello")))
      const path = join(directory, "taken")
      mkdirSync(join(path, "in the way"), { recursive: true })
      const exit = yield* Effect.exit(Effect.provide(get(server.origin), recorded(path)))
      const [defect] = Exit.isFailure(exit) ? Cause.defects(exit.cause) : []
      assert.instanceOf(defect, Recorder.RecordingError)
      assert.deepStrictEqual(readdirSync(directory), ["taken"])
      const nonsense = (entry: Recorder.Entry): Recorder.Entry => ({ ...entry, duration: Number.NaN })
      const other = yield* Effect.exit(
        Effect.provide(get(server.origin), recorded(join(directory, "x.har"), { redact: nonsense }))
      )
      assert.include(Exit.isFailure(other) ? Cause.pretty(other.cause) : "", "the redact hook has made something")
      assert.deepStrictEqual(readdirSync(directory), ["taken"])
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})

describe("a replay of a file", () => {
  it.scopedLive("that is not there, or is no recording, says so and what to do", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const fails = (path: string) => Effect.flip(Layer.build(Recorder.layerReplay(path)))
      const missing = yield* fails(join(directory, "none.har"))
      assert.strictEqual(missing.reason._tag, "CannotRead")
      assert.match(missing.message, /none\.har.* Record it first, with Recorder\.layerRecord$/s)
      const cases = {
        "half.har": "{\"log\":{",
        "other.har": "{\"log\":{\"version\":\"1.2\",\"entries\":[]}}",
        "empty.har": ""
      }
      for (const [name, text] of Object.entries(cases)) {
        const path = join(directory, name)
        writeFileSync(path, text)
        const error = yield* fails(path)
        assert.strictEqual(error.reason._tag, "NotARecording")
        assert.include(error.message, path)
        assert.match(error.message, /Repair it, or record it again$/)
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("reads the file once, when it is built", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "api.har")
      const server = yield* rawServer(answering(response("hello")))
      yield* Effect.provide(get(server.origin), recorded(path))
      const replay = UrlSession.layer().pipe(Layer.provide(Recorder.layerReplay(path)))
      const [bytes] = yield* Effect.gen(function*() {
        yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.remove(path))
        return yield* get(server.origin)
      }).pipe(Effect.provide(replay))
      assert.strictEqual(new TextDecoder().decode(bytes), "hello")
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})

describe("a test that records or replays", () => {
  it.scopedLive("does what its mode says, and once records where there is no file", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "api.har")
      const { origin, peers } = yield* rawServer(answering(response("hello")))
      const run = (mode: Recorder.Mode) =>
        Effect.map(
          Effect.provide(
            get(origin),
            UrlSession.layer().pipe(Layer.provide(Recorder.layer(path, { mode })), Layer.provide(NodeTransport.layer))
          ),
          () => peers.length
        )
      const missing = yield* Effect.flip(run("replay"))
      assert.strictEqual(missing._tag, "RecordingError")
      assert.strictEqual(yield* run("once"), 1)
      assert.strictEqual(yield* run("once"), 1)
      assert.strictEqual(yield* run("replay"), 1)
      assert.strictEqual(yield* run("record"), 2)
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
