// Where keys and passwords come from on Node: the keyring, here a double of its package, and a .netrc.
import { assert, describe, it } from "@effect/vitest"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as NodeCredentialStorage from "@urlsession/node/NodeCredentialStorage"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"

const promised = Effect.promise
const folder = Effect.acquireRelease(
  promised(() => mkdtemp(join(tmpdir(), "urlsession-"))),
  (path) => promised(() => rm(path, { recursive: true, force: true }))
)

/** A keyring in memory, with the two calls that are used. */
const keyringOf = (entries: Map<string, string>, failing = false): NodeCredentialStorage.LoadKeyring => () =>
  Promise.resolve({
    AsyncEntry: class implements NodeCredentialStorage.KeyringEntry {
      readonly #name: string
      constructor(service: string, account: string) {
        this.#name = `${service}/${account}`
      }
      readonly getPassword = () =>
        failing ? Promise.reject(new Error("locked")) : Promise.resolve(entries.get(this.#name) ?? null)
      readonly setPassword = (password: string) => Promise.resolve(entries.set(this.#name, password))
    }
  })
const keyOf = (key: NodeCredentialStorage.Key) =>
  key._tag === "Bytes" ? Buffer.from(Redacted.value(key.bytes)).toString("base64") : ""

describe("a key in the keyring", () => {
  it.effect("is made the first time, and found again", () =>
    Effect.gen(function*() {
      const entries = new Map<string, string>()
      const load = keyringOf(entries)
      const first = yield* NodeCredentialStorage.keyring({ service: "robot", load })
      const second = yield* NodeCredentialStorage.keyring({ service: "robot", load })
      const other = yield* NodeCredentialStorage.keyring({ service: "robot", account: "other", load })
      assert.strictEqual(keyOf(first), keyOf(second))
      assert.notStrictEqual(keyOf(first), keyOf(other))
      assert.deepStrictEqual([...entries.keys()], ["robot/credentials", "robot/other"])
      assert.notInclude(inspect(first, { depth: 9 }) + JSON.stringify(first), keyOf(first))
    }))

  it.effect("an entry that holds something else is not used, and not shown", () =>
    Effect.gen(function*() {
      const load = keyringOf(new Map([["robot/credentials", "hunter2"]]))
      const error = yield* Effect.flip(NodeCredentialStorage.keyring({ service: "robot", load }))
      assert.strictEqual(error.reason, "KeyUnusable")
      assert.notInclude(inspect(error, { depth: 9 }), "hunter2")
    }))

  it.effect("a keyring that does not answer, and a package that is not installed, are told", () =>
    Effect.gen(function*() {
      const load = keyringOf(new Map(), true)
      const locked = yield* Effect.flip(NodeCredentialStorage.keyring({ service: "robot", load }))
      assert.strictEqual(locked.reason, "Unavailable")
      assert.include(locked.message, "unlock")
      const absent = yield* Effect.flip(
        NodeCredentialStorage.keyring({
          service: "robot",
          load: () => import(["@urlsession", "not-installed"].join("/"))
        })
      )
      assert.strictEqual(absent.reason, "Unavailable")
      assert.include(absent.message, "install @napi-rs/keyring@2")
    }))
})

describe("a .netrc", () => {
  const space = ProtectionSpace.make({ host: "api.test", port: 443, protocol: "https", method: "Basic", realm: "x" })
  const text = "machine api.test login ada password lovelace\n"
  const usersIn = (options: Parameters<typeof NodeCredentialStorage.netrc>[0]) =>
    Effect.map(NodeCredentialStorage.netrc(options), (source) => source.credentials(space).map((one) => one.user))
  const write = (mode: number, content = text) =>
    Effect.map(folder, (root) => join(root, "netrc")).pipe(
      Effect.tap((path) => promised(() => writeFile(path, content, { mode })))
    )

  it.scoped("is read", () =>
    Effect.flatMap(
      write(0o600),
      (path) => Effect.map(usersIn({ path, strict: true }), (found) => assert.deepStrictEqual(found, ["ada"]))
    ))

  it.scoped("is the one of the variable NETRC, where no path is given", () =>
    Effect.gen(function*() {
      const path = yield* write(0o600)
      const before = process.env["NETRC"]
      process.env["NETRC"] = path
      const found = yield* usersIn({})
      if (before === undefined) delete process.env["NETRC"]
      else process.env["NETRC"] = before
      assert.deepStrictEqual(found, ["ada"])
    }))

  it.scoped("that others can read is read with a warning, or not at all", () =>
    Effect.gen(function*() {
      const path = yield* write(0o644)
      const lines: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => void lines.push(inspect(message)))
      )
      assert.deepStrictEqual(yield* Effect.provide(usersIn({ path }), logger), ["ada"])
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0] ?? "", "chmod 600")
      assert.notInclude(lines[0] ?? "", "lovelace")
      assert.strictEqual((yield* Effect.flip(usersIn({ path, strict: true }))).reason, "TooOpen")
    }))

  it.scoped("that is not there is empty; one that is no file, or broken, is told", () =>
    Effect.gen(function*() {
      const root = yield* folder
      assert.deepStrictEqual(yield* usersIn({ path: join(root, "none") }), [])
      assert.strictEqual((yield* Effect.flip(usersIn({ path: root }))).reason, "NotCredentials")
      const broken = yield* Effect.flip(
        Effect.flatMap(write(0o600, "machine api.test login ada password \"lovelace"), (path) => usersIn({ path }))
      )
      assert.strictEqual(broken.reason, "Damaged")
      assert.notInclude(inspect(broken, { depth: 9 }), "lovelace")
    }))
})
