/** Cookies in a file: its mode, its damage, its neighbours, and other processes. */
import { assert, describe, it } from "@effect/vitest"
import type * as CookieStorage from "@urlsession/core/CookieStorage"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeCookieStorage from "@urlsession/node/NodeCookieStorage"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { spawn } from "node:child_process"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { answering, rawServer, response } from "../support/rawServer.ts"
import { run } from "./child/run.ts"

const quiet = Logger.remove(Logger.defaultLogger)
const shop = "https://www.shop.test/"
const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "urlsession-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)
const promised = Effect.promise

const using = <A, E>(path: string, use: (storage: CookieStorage.CookieStorageService) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(NodeCookieStorage.makeFile(path), use))

const setting = (...lines: ReadonlyArray<string>) => (storage: CookieStorage.CookieStorageService) =>
  storage.setFromResponse(shop, lines)
const sent = (path: string) => using(path, (storage) => storage.cookieHeader(shop))

describe("a file of cookies", () => {
  it.scopedLive("is its owner's alone, is replaced as a whole, and leaves nothing beside it (COS-01)", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const path = join(root, "new", "cookies")
      yield* using(path, setting("a=\xe9; Max-Age=9000", "b=2"))
      assert.strictEqual((yield* promised(() => stat(path))).mode & 0o777, 0o600)
      assert.deepStrictEqual(yield* promised(() => readdir(join(root, "new"))), ["cookies"])
      assert.strictEqual(yield* sent(path), "a=\xe9")
      yield* promised(() => chmod(path, 0o666))
      yield* using(path, setting("a=3; Max-Age=9000"))
      assert.strictEqual((yield* promised(() => stat(path))).mode & 0o777, 0o600)
      assert.strictEqual(yield* sent(path), "a=3")
    }))

  it.scopedLive("a link to it stays one", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const [path, real] = [join(root, "link"), join(root, "real")]
      yield* using(real, setting("a=1; Max-Age=9000"))
      yield* promised(() => symlink(real, path))
      yield* using(path, setting("b=1; Max-Age=9000"))
      assert.strictEqual(yield* sent(real), "a=1; b=1")
    }))

  it.scopedLive(
    "a crash while it was written leaves the old one, whatever of the new one there is",
    () =>
      Effect.gen(function*() {
        const path = join(yield* folder, "cookies")
        yield* using(path, setting("a=1; Max-Age=9000"))
        const whole = yield* promised(() => readFile(path, "utf8"))
        for (let length = 0; length <= whole.length; length++) {
          yield* promised(() => writeFile(`${path}.tmp`, whole.replace("\"1\"", "\"2\"").slice(0, length)))
          assert.strictEqual(yield* sent(path), "a=1")
        }
        yield* using(path, setting("b=1; Max-Age=9000"))
        assert.strictEqual(yield* sent(path), "a=1; b=1")
      }),
    60_000
  )

  it.scopedLive("one that was cut at any byte gives what is whole, and its copy is kept", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const path = join(root, "cookies")
      yield* using(path, setting("a=1; Max-Age=9000", "b=2; Max-Age=9000"))
      const whole = yield* promised(() => readFile(path))
      const second = whole.indexOf("\n", whole.indexOf("\n") + 1)
      const third = whole.indexOf("\n", second + 1)
      for (let length = 1; length < whole.length - 1; length++) {
        yield* promised(() => writeFile(path, whole.subarray(0, length)))
        const [header, problems] = yield* using(path, (storage) =>
          Effect.zip(storage.cookieHeader(shop), storage.problems))
        assert.strictEqual(
          header,
          length < second ? undefined : length < third ? "a=1" : "a=1; b=2",
          `cut at ${length}`
        )
        assert.strictEqual(problems[0]?._tag, "Damaged")
        assert.deepStrictEqual(
          yield* promised(() =>
            readFile(`${path}.damaged`)
          ),
          whole.subarray(0, length)
        )
      }
    }).pipe(Effect.provide(quiet)), 60_000)

  it.scopedLive("what cannot be read is an error that names it", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const error = yield* Effect.flip(sent(root))
      assert.strictEqual(error._tag, "CookieStorageError")
      assert.include(error.message, root)
    }))

  it.scopedLive("what cannot be written stays in memory, and is told", () =>
    Effect.gen(function*() {
      const root = yield* folder
      yield* promised(() => writeFile(join(root, "file"), ""))
      const path = join(root, "cookies")
      yield* using(path, (storage) =>
        Effect.gen(function*() {
          yield* promised(() => mkdir(path))
          yield* setting("a=1; Max-Age=9000")(storage)
          const error = yield* Effect.flip(storage.flush)
          assert.strictEqual(error.reason, "Unwritable")
          assert.strictEqual(yield* storage.cookieHeader(shop), "a=1")
          assert.deepStrictEqual(yield* promised(() => readdir(root)), ["cookies", "file"])
        }))
    }).pipe(Effect.provide(quiet)))

  it.scopedLive("a folder that is deleted under it is made again", () =>
    Effect.gen(function*() {
      const root = join(yield* folder, "gone")
      const path = join(root, "cookies")
      yield* using(path, (storage) =>
        Effect.gen(function*() {
          yield* setting("a=1; Max-Age=9000")(storage)
          yield* storage.flush
          yield* promised(() => rm(root, { recursive: true }))
          yield* setting("b=1; Max-Age=9000")(storage)
          yield* storage.flush
        }))
      assert.strictEqual(yield* sent(path), "b=1")
    }))
})

describe("several processes", () => {
  it.scopedLive("keep all of each other's cookies", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "cookies")
      const ended = yield* Effect.all([run("cookies.ts", [path, "x", "20"]), run("cookies.ts", [path, "y", "20"])], {
        concurrency: 2
      })
      for (const one of ended) assert.deepStrictEqual(one, { code: 0, output: "", errors: "" })
      const names = yield* using(path, (storage) => Effect.map(storage.all, (all) => all.map((cookie) => cookie.name)))
      assert.strictEqual(names.length, 40)
      assert.deepStrictEqual(yield* promised(() => readdir(join(path, ".."))), ["cookies"])
    }), 60_000)

  it.scopedLive("a lock whose holder has died, or that is old, holds nobody up", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const path = join(root, "cookies")
      const died = yield* Effect.async<number>((resume) => {
        const child = spawn(process.execPath, ["-e", ""])
        child.on("close", () => resume(Effect.succeed(child.pid ?? 0)))
      })
      yield* promised(() => writeFile(`${path}.lock`, `${hostname()}\n${died}\nx`))
      yield* using(path, setting("a=1; Max-Age=9000"))
      yield* promised(() => writeFile(`${path}.lock`, "elsewhere\n1\nx"))
      yield* promised(() => utimes(`${path}.lock`, new Date(0), new Date(0)))
      yield* using(path, setting("b=1; Max-Age=9000"))
      assert.strictEqual(yield* sent(path), "a=1; b=1")
      assert.deepStrictEqual(yield* promised(() => readdir(root)), ["cookies"])
    }))
})

describe("a session of Node", () => {
  const server = rawServer(answering(response("hello", { fields: ["Set-Cookie: a=1; Path=/; Max-Age=90"] })))

  it.scopedLive("has cookies of its own, and sends octets as they came", () =>
    Effect.gen(function*() {
      const heads: Array<string> = []
      const { origin } = yield* rawServer({
        onRequest: (peer, head) => {
          heads.push(head)
          peer.socket.write("HTTP/1.1 204 No Content\r\nSet-Cookie: a=\xe9\xff; Path=/\r\n\r\n", "latin1")
        }
      })
      const session = yield* Layer.build(NodeSession.layer())
      const program = Effect.gen(function*() {
        const own = yield* UrlSession.UrlSession
        yield* own.data(`${origin}/`)
        yield* Option.getOrThrow(own.cookies).setFromResponse(`${origin}/`, ["b=春; Path=/"])
        yield* own.data(`${origin}/`)
      })
      yield* Effect.provide(program, session)
      assert.notInclude(heads[0] ?? "", "Cookie")
      assert.include(heads[1] ?? "", `cookie: a=\xe9\xff; b=${Buffer.from("春").toString("latin1")}\r\n`)
    }))

  it.scopedLive("two of them share none, and one that is given is used", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "cookies")
      const { origin } = yield* server
      const size = Effect.gen(function*() {
        const session = yield* UrlSession.UrlSession
        const before = yield* Option.getOrThrow(session.cookies).size
        yield* session.data(`${origin}/`)
        return before
      })
      const Kept = NodeSession.layer(SessionConfiguration.default, NodeCookieStorage.layerFile(path))
      assert.strictEqual(yield* Effect.provide(size, NodeSession.layer()), 0)
      assert.strictEqual(yield* Effect.provide(size, NodeSession.layer()), 0)
      assert.strictEqual(yield* Effect.provide(size, Kept), 0)
      assert.strictEqual(yield* Effect.provide(size, Kept), 1)
      const Beside = NodeSession.layer().pipe(
        Layer.provide(NodeCookieStorage.layerFile(path)),
        Layer.provide(NodeSession.services)
      )
      assert.strictEqual(yield* Effect.provide(size, Beside), 1)
    }))
})
