/** The command against a real origin, in this process: exit codes, what is said where, and what is never said. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer } from "node:net"
import { make, type Target } from "../../../../examples/origin.ts"
import { run } from "../../src/bin/command.ts"
import type { Output } from "../../src/bin/screen.ts"

const kibibyte = 1024
const size = { bytes: 640 * kibibyte, resetAfter: 240 * kibibyte }

interface Recorded extends Output {
  readonly text: () => string
}

const recorder = (): Recorded => {
  let written = ""
  return {
    isTerminal: false,
    columns: () => 80,
    write: (text) => {
      written += text
    },
    text: () => written
  }
}

/** Runs the command with this password in its environment. */
const running = (words: ReadonlyArray<string>, password?: string) =>
  Effect.gen(function*() {
    const outputs = { stdout: recorder(), stderr: recorder() }
    const environment = new Map(password === undefined ? [] : [["URLSESSION_PASSWORD", password]])
    const code = yield* Effect.withConfigProvider(run(words, outputs), ConfigProvider.fromMap(environment))
    return { code, stdout: outputs.stdout.text(), stderr: outputs.stderr.text() }
  })

interface Place {
  readonly target: Target
  /** The origin's root, as a file. */
  readonly ca: string
  readonly folder: string
}

const inPlace = <A, E>(f: (place: Place) => Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const target = yield* make(size)
    const ca = `${folder}/root.pem`
    yield* fs.writeFileString(ca, target.ca)
    return yield* f({ target, ca, folder })
  }).pipe(Effect.provide(NodeFileSystem.layer))

const wrongPin = `sha256/${"A".repeat(43)}=`

describe("the command", () => {
  it.scopedLive("downloads behind a pin, a challenge, a redirect and a lost connection, and verifies", () =>
    inPlace(({ ca, folder, target }) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const output = `${folder}/vault.bin`
        const words = [target.url, "--user", target.user, "--pin", wrongPin, "--pin", target.pin, "--ca", ca]
        const { code, stderr, stdout } = yield* running(
          [...words, "--output", output, `--sha256=${target.sha256}`],
          target.password
        )
        assert.strictEqual(stderr, "")
        assert.strictEqual(code, 0)
        // some kernels show a reset behind unread bytes as an end
        assert.match(
          stdout,
          /ConnectionError NetworkConnectionLost: the connection was (?:reset|closed) after \d+ of 655360 bytes/
        )
        assert.include(stdout, "100 %  640.0 KiB of 640.0 KiB\n")
        assert.include(stdout, `saved as ${output}\nsha256 ${target.sha256} ok\n1. GET ${target.url} -> 302\n`)
        assert.match(stdout, /\n3\. GET .* -> 200, cut off\n/)
        assert.match(stdout, /\n5\. GET .* -> 200\n/)
        assert.match(stdout, /\nopen: .*\n$/)
        assert.strictEqual(Number((yield* fs.stat(output)).size), size.bytes)
        assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), ["root.pem", "vault.bin"])
        assert.notInclude(stdout, target.password)
      })
    ))

  it.scopedLive("prints one JSON object per exchange with --json, and nothing else on standard output", () =>
    inPlace(({ ca, folder, target }) =>
      Effect.gen(function*() {
        const { code, stderr, stdout } = yield* running(
          ["--json", "--user", target.user, "--ca", ca, "--output", `${folder}/a`, target.url],
          target.password
        )
        assert.strictEqual(code, 0)
        const parsed: ReadonlyArray<Record<string, unknown>> = stdout.trimEnd().split("\n").map((line) =>
          JSON.parse(line)
        )
        assert.deepStrictEqual(parsed.map(({ complete, status }) => [status, complete]), [
          [302, true],
          [401, true],
          [200, false],
          [302, true],
          [200, true]
        ])
        assert.include(stderr, `sha256 ${target.sha256} ok\n`)
        assert.notInclude(stdout + stderr, target.password)
      })
    ))

  it.scopedLive("ends with 1 and the typed error when no key of the chain is pinned", () =>
    inPlace(({ ca, folder, target }) =>
      Effect.gen(function*() {
        const words = [target.url, "--user", "ada", "--pin", wrongPin, "--ca", ca, "--output", `${folder}/a`]
        const { code, stderr, stdout } = yield* running(words, target.password)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^urlsession: TlsError ServerCertificateUntrusted: .*pinned key/)
        assert.notInclude(stdout, " ok\n")
      })
    ))

  it.scopedLive("ends with 1 and the typed error when nobody vouches for the server", () =>
    inPlace(({ folder, target }) =>
      Effect.gen(function*() {
        const { code, stderr } = yield* running([target.url, "--output", `${folder}/a`])
        assert.strictEqual(code, 1)
        assert.match(stderr, /^urlsession: TlsError ServerCertificateHasUnknownRoot: /)
      })
    ))

  it.scopedLive("ends with 1 when the password is wrong, and shows neither password", () =>
    inPlace(({ ca, folder, target }) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const words = [target.url, "--user", "ada", "--ca", ca, "--output", `${folder}/a`]
        const { code, stderr, stdout } = yield* running(words, "not-the-password")
        assert.strictEqual(code, 1)
        assert.match(stderr, /^urlsession: AuthenticationError Cancelled: .*"vault"/)
        assert.include(stderr, "the server refused this name and password")
        assert.notInclude(stdout + stderr, "not-the-password")
        assert.notInclude(stdout + stderr, target.password)
        assert.deepStrictEqual(yield* fs.readDirectory(folder), ["root.pem"])
      })
    ))

  it.scopedLive("takes name:password, and warns that everybody can read it", () =>
    inPlace(({ ca, folder, target }) =>
      Effect.gen(function*() {
        const words = [target.url, "--user", `ada:${target.password}`, "--ca", ca, "--output", `${folder}/a`]
        const { code, stderr, stdout } = yield* running(words)
        assert.strictEqual(code, 0)
        assert.match(stderr, /^warning: the password is in the list of processes/)
        assert.notInclude(stdout + stderr, target.password)
      })
    ))

  it.scopedLive("says what a 401 without --user wants, and saves no error page", () =>
    inPlace(({ ca, folder, target }) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const { code, stderr } = yield* running([target.url, "--ca", ca, "--output", `${folder}/a`])
        assert.strictEqual(code, 1)
        assert.strictEqual(stderr, "urlsession: the server answered 401 and wants a name and a password: give --user\n")
        const missing = yield* running([`${target.origin}/nowhere`, "--ca", ca, "--output", `${folder}/a`])
        assert.strictEqual(missing.code, 1)
        assert.strictEqual(missing.stderr, "urlsession: the server answered 404; nothing was saved\n")
        assert.deepStrictEqual(yield* fs.readDirectory(folder), ["root.pem"])
      })
    ))

  it.scopedLive("ends with 1 when the file has another digest than the expected one", () =>
    inPlace(({ ca, folder, target }) =>
      Effect.gen(function*() {
        const words = [target.url, "--user", "ada", "--ca", ca, "--output", `${folder}/a`, "--sha256", "0".repeat(64)]
        const { code, stderr, stdout } = yield* running(words, target.password)
        assert.strictEqual(code, 1)
        assert.include(stderr, `has the SHA-256 ${target.sha256}, not ${"0".repeat(64)}`)
        assert.notInclude(stdout, " ok\n")
      })
    ))

  it.scopedLive("ends with 1 when nobody listens, after it has tried again", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { code, stderr, stdout } = yield* running([
        `http://127.0.0.1:${yield* closedPort}/`,
        "--output",
        `${folder}/a`
      ])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^urlsession: ConnectionError CannotConnectToHost: /)
      assert.match(stdout, /\n2\. GET .* -> no response\n/)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("ends with 1 when a file of roots is missing or has no certificate", () =>
    inPlace(({ folder, target }) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const missing = yield* running([target.url, "--ca", `${folder}/none.pem`])
        assert.strictEqual(missing.code, 1)
        assert.match(missing.stderr, /^urlsession: --ca: /)
        yield* fs.writeFileString(`${folder}/empty.pem`, "nothing")
        const empty = yield* running([target.url, "--ca", `${folder}/empty.pem`])
        assert.strictEqual(empty.code, 1)
        assert.include(empty.stderr, "there is no certificate")
      })
    ))

  it.scopedLive("tells its options with --help, in plain text where there is no terminal", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* running(["--help"])
      assert.strictEqual(code, 0)
      assert.strictEqual(stderr, "")
      for (const name of ["--user", "--pin", "--ca", "--output", "--json", "URLSESSION_PASSWORD"]) {
        assert.include(stdout, name)
      }
      assert.notInclude(stdout, "\u001b")
    }))

  it.scopedLive("ends with 1 on a command line that it does not understand", () =>
    Effect.gen(function*() {
      for (const words of [[], ["--bogus"], ["a", "b"], ["https://example.com/", "--bogus"], ["--user"]]) {
        const { code, stderr, stdout } = yield* running(words)
        assert.strictEqual(code, 1, words.join(" "))
        assert.notStrictEqual(stderr, "", words.join(" "))
        assert.strictEqual(stdout, "", words.join(" "))
      }
    }))
})

/** A port that was free a moment ago, and where nobody listens. */
const closedPort = Effect.async<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})
