/** `file:` URLs, where a session is to serve them (RFC 8089). */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as FileUrl from "@urlsession/core/FileUrl"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { answering, rawServer } from "../support/rawServer.ts"
import { failsWith, text, withSession } from "./support.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(fs.realpathSync(tmpdir()), "file-url-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
)

const serving = (options?: FileUrl.Options) => ({
  delegate: Layer.provide(FileUrl.layer(options), NodeContext.layer)
})

const urlOf = (...parts: ReadonlyArray<string>): string => pathToFileURL(join(...parts)).href

describe("FileUrl", () => {
  it.scopedLive("gives the bytes of a file, whole or as they are read, and its length (PRO-07)", () =>
    Effect.gen(function*() {
      const root = yield* directory
      const bytes = Uint8Array.from({ length: 1_000_000 }, (_, index) => index % 251)
      fs.writeFileSync(join(root, "räume & 100%.bin"), bytes)
      fs.writeFileSync(join(root, "empty"), "")
      yield* withSession(serving(), (session) =>
        Effect.gen(function*() {
          const url = urlOf(root, "räume & 100%.bin")
          const [read, response] = yield* session.data(url)
          assert.isTrue(Buffer.from(read).equals(bytes))
          assert.strictEqual(response.status, 200)
          assert.strictEqual(response.headers.get("content-length"), "1000000")
          assert.match(response.headers.get("last-modified") ?? "", / GMT$/)
          assert.strictEqual(response.suggestedFileName, "räume & 100%.bin")
          const some = yield* Stream.runHead((yield* session.execute(url)).stream)
          assert.strictEqual(some._tag, "Some")
          const head = yield* session.data(HttpClientRequest.head(url))
          assert.deepStrictEqual([head[0].length, head[1].headers.get("content-length")], [0, "1000000"])
          assert.strictEqual((yield* session.data(urlOf(root, "empty")))[0].length, 0)
          assert.strictEqual(text((yield* session.data("data:,hello"))[0]), "hello", "the others go on")
        }))
    }))

  it.scopedLive("says what is wrong, and which code URLSession gives it", () =>
    Effect.gen(function*() {
      const root = yield* directory
      yield* withSession(serving(), (session) =>
        Effect.gen(function*() {
          const of = (url: string, tag: string) => failsWith(session.data(url), `InvalidRequest/${tag}`)
          assert.strictEqual((yield* of(urlOf(root, "absent"), "FileDoesNotExist")).code, -1100)
          assert.strictEqual((yield* of(urlOf(root), "FileIsDirectory")).code, -1101)
          yield* of("file:///dev/zero", "FileIsDirectory")
          yield* of("file://elsewhere.test/etc/passwd", "BadURL")
          yield* of("file:///a%2fb", "BadURL")
          yield* of("file:///a%00b", "BadURL")
          yield* failsWith(
            session.data(HttpClientRequest.post(urlOf(root, "absent"))),
            "InvalidRequest/InvalidMethod"
          )
        }))
    }))

  it.scopedLive("names the directory where that is not there", () =>
    Effect.gen(function*() {
      const root = yield* directory
      fs.writeFileSync(join(root, "page"), "page")
      yield* withSession(serving({ directory: join(root, "absent") }), (session) =>
        Effect.map(
          failsWith(session.data(urlOf(root, "page")), "InvalidRequest/FileDoesNotExist"),
          ({ message }) => assert.include(message, join(root, "absent"))
        ))
    }))

  it.scopedLive("keeps to its directory, wherever dots and links lead", () =>
    Effect.gen(function*() {
      const root = yield* directory
      fs.mkdirSync(join(root, "public"))
      fs.mkdirSync(join(root, "public-not"))
      fs.writeFileSync(join(root, "secret"), "secret")
      fs.writeFileSync(join(root, "public-not", "secret"), "secret")
      fs.writeFileSync(join(root, "public", "page"), "page")
      fs.symlinkSync(join(root, "secret"), join(root, "public", "link"))
      fs.symlinkSync(join(root, "public", "page"), join(root, "inside"))
      yield* withSession(serving({ directory: join(root, "public") }), (session) =>
        Effect.gen(function*() {
          assert.strictEqual(text((yield* session.data(urlOf(root, "public", "page")))[0]), "page")
          assert.strictEqual(text((yield* session.data(urlOf(root, "inside")))[0]), "page")
          for (
            const url of [
              urlOf(root, "public", "link"),
              urlOf(root, "public-not", "secret"),
              `${pathToFileURL(root).href}/public/%2e%2e/secret`,
              urlOf(root, "secret")
            ]
          ) yield* failsWith(session.data(url), "InvalidRequest/SecurityPolicyViolation")
        }))
    }))

  it.scopedLive("is nothing that a server can lead to, and nothing without it", () =>
    Effect.gen(function*() {
      const root = yield* directory
      fs.writeFileSync(join(root, "secret"), "secret")
      const url = urlOf(root, "secret")
      const server = yield* rawServer(
        answering(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nContent-Length: 0\r\n\r\n`)
      )
      yield* withSession(
        serving(),
        (session) => failsWith(session.data(`http://127.0.0.1:${server.port}/`), "InvalidRequest/UnsupportedURL")
      )
      yield* withSession({}, (session) => failsWith(session.data(url), "InvalidRequest/UnsupportedURL"))
    }))

  it.scopedLive("a file that shrinks while it is read is no whole body", () =>
    Effect.gen(function*() {
      const root = yield* directory
      const path = join(root, "shrinking")
      fs.writeFileSync(path, new Uint8Array(8 * 1024 * 1024))
      yield* withSession(serving(), (session) =>
        Effect.gen(function*() {
          const response = yield* session.execute(urlOf(path))
          fs.truncateSync(path, 1000)
          yield* failsWith(response.bytes, "DelegateFailed/HandlerFailed")
        }))
    }))
})
