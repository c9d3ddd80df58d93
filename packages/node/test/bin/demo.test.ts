/** `npm start` as it is run: the built command in a process of its own. `npm test` has built it. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { make } from "../../../../examples/origin.ts"
import { bytes } from "../../src/bin/units.ts"

const fileOf = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const demo = fileOf("examples/dist/demo.js")
const published = fileOf("packages/node/dist/bin/main.js")

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const running = (
  program: string,
  words: ReadonlyArray<string>,
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly input?: string
    readonly cwd?: string
    /** Goes away after the first words. */
    readonly deaf?: boolean
  } = {}
): Effect.Effect<Ended> =>
  Effect.async((resume) => {
    const { URLSESSION_PASSWORD: _, ...env } = process.env
    const child = spawn(process.execPath, [program, ...words], { cwd: options.cwd, env: { ...env, ...options.env } })
    const said = { stdout: "", stderr: "" }
    child.stdout.on("data", (bytes: Buffer) => {
      said.stdout += bytes.toString()
      if (options.deaf === true) child.stdout.destroy()
    })
    child.stderr.on("data", (bytes: Buffer) => (said.stderr += bytes.toString()))
    // not ended: a password that was typed leaves the input open
    if (options.input === undefined) child.stdin.end()
    else child.stdin.write(options.input)
    child.on("close", (code) => resume(Effect.succeed({ code, ...said })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const shown = (percent: number) => bytes(2 * 1024 * 1024 * percent / 100)

describe("npm start", () => {
  it.scopedLive("does the main job against its own origin, and leaves nothing open", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { code, stderr, stdout } = yield* running(demo, [], { env: { URLSESSION_DEMO_MIB: "2", TMPDIR: folder } })
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      const lines = stdout.trimEnd().split("\n")
      assert.include(lines[0] ?? "", "2.0 MiB behind a redirect and a Digest challenge, key sha256/")
      assert.match(stdout, /\n302: redirected to https:\/\/localhost:\d+\/files\/vault\.bin\n401: Digest space "vault"/)
      assert.match(
        stdout,
        /ConnectionError NetworkConnectionLost: the connection was (?:reset|closed) after \d+ of 2097152 bytes/
      )
      const tenths = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
      assert.include(stdout, tenths.map((part) => `\n${`${part} %`.padStart(5)}  ${shown(part)} of 2.0 MiB`).join(""))
      assert.match(stdout, /\nsha256 [0-9a-f]{64} ok\n1\. GET https:\/\/localhost:\d+\/latest -> 302\n/)
      assert.strictEqual(stdout.match(/^\d\. GET .*$/gm)?.length, 5)
      for (const phase of ["dns", "connect", "tls", "request", "first byte", "body"]) {
        assert.match(stdout, new RegExp(`^ {3}${phase} +\\|.*█.*\\| +[0-9.]+ m?s$`, "m"))
      }
      assert.strictEqual(lines.at(-1), "open: 0 sockets, 0 timers, 0 files")
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("cleans up when whoever reads it goes away", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { code } = yield* running(demo, [], { env: { TMPDIR: folder }, deaf: true })
      assert.strictEqual(code, 141)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.live("prints one JSON object per exchange with --json", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* running(demo, ["--json"], { env: { URLSESSION_DEMO_MIB: "1" } })
      assert.strictEqual(code, 0)
      const statuses = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).status)
      assert.deepStrictEqual(statuses, [302, 401, 200, 302, 200])
    }))
})

describe("the published command", () => {
  it.scopedLive("reads the password from standard input and ends with nothing open", () =>
    Effect.gen(function*() {
      const target = yield* make({ bytes: 100_000, resetAfter: 50_000 })
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/root.pem`, target.ca)
      // no --output: the URL names the file, in the directory of the caller
      const { code, stderr, stdout } = yield* running(
        published,
        [target.url, "--user", "ada", "--ca", "root.pem"],
        { input: `${target.password}\n`, cwd: folder }
      )
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      assert.include(stdout, `sha256 ${target.sha256} ok`)
      assert.isTrue(stdout.endsWith("open: 0 sockets, 0 timers, 0 files\n"))
      assert.notInclude(stdout, target.password)
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), ["latest", "root.pem"])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.live("wants a URL", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* running(published, [])
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr, "urlsession: give a URL to download; see --help\n")
    }))
})
