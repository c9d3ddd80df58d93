// Credentials in an encrypted file: what opens it, what does not, other processes, and crashes.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as Disposition from "@urlsession/core/Disposition"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as NodeCredentialStorage from "@urlsession/node/NodeCredentialStorage"
import * as NodeSession from "@urlsession/node/NodeSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { credentialFile } from "../../src/internal/credentialFile.ts"
import { run } from "../session/child/run.ts"
import { rawServer } from "../support/rawServer.ts"
import { atEachCall } from "./files.ts"

const quiet = Logger.remove(Logger.defaultLogger)
const space = ProtectionSpace.make({ host: "api.test", port: 443, protocol: "https", method: "Basic", realm: "api" })
const ada = Credential.password({ user: "ada", password: "lovelace", persistence: "permanent" })
const bob = Credential.password({ user: "bob", password: "builder", persistence: "permanent" })
const key = NodeCredentialStorage.bytes(Redacted.make(new Uint8Array(32).fill(7)))
const otherKey = NodeCredentialStorage.bytes(Redacted.make(new Uint8Array(32).fill(8)))
const passphrase = (text: string) => NodeCredentialStorage.passphrase(Redacted.make(text), { cost: 14 })

const promised = Effect.promise
const folder = Effect.acquireRelease(
  promised(() => mkdtemp(join(tmpdir(), "urlsession-"))),
  (path) => promised(() => rm(path, { recursive: true, force: true }))
)
type Storage = CredentialStorage.CredentialStorageService

const using = <A, E>(
  path: string,
  use: (storage: Storage) => Effect.Effect<A, E>,
  options: Partial<NodeCredentialStorage.FileOptions> = {}
) => Effect.scoped(Effect.flatMap(NodeCredentialStorage.makeFile({ path, key, ...options }), use))
const keeping = (...credentials: ReadonlyArray<Credential.PasswordCredential>) => (storage: Storage) =>
  Effect.zipRight(Effect.forEach(credentials, (one) => storage.set(one, space)), storage.flush)
const users = (storage: Storage) => Effect.map(storage.credentials(space), (found) => [...found.keys()])
const openedWith = (path: string, other: NodeCredentialStorage.Key) => Effect.flip(using(path, users, { key: other }))

describe("an encrypted file of credentials", () => {
  it.scopedLive("is its owner's alone, shows nothing, and leaves nothing beside it [CRE-05]", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const path = join(root, "new", "credentials")
      yield* using(path, keeping(ada, bob))
      assert.strictEqual((yield* promised(() => stat(path))).mode & 0o777, 0o600)
      assert.deepStrictEqual(yield* promised(() => readdir(join(root, "new"))), ["credentials"])
      const content = yield* promised(() => readFile(path, "latin1"))
      for (const word of ["ada", "lovelace", "api.test", "Basic"]) assert.notInclude(content, word)
      yield* using(path, (storage) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* users(storage), ["ada", "bob"])
          const found = Option.getOrThrow(yield* storage.defaultCredential(space))
          assert.isTrue(Credential.equals(found, ada))
        }))
    }))

  it.scopedLive("opens with the passphrase that it was written with, and no other", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      yield* using(path, keeping(ada), { key: passphrase("open sesame") })
      assert.deepStrictEqual(yield* using(path, users, { key: Effect.succeed(passphrase("open sesame")) }), ["ada"])
      const before = yield* promised(() => readFile(path))
      for (const other of [passphrase("open barley"), key]) {
        const error = yield* openedWith(path, other)
        assert.strictEqual(error.reason, "WrongKey")
        assert.include(error.message, path)
        assert.notMatch(inspect(error, { depth: 9 }) + inspect(other, { depth: 9 }), /barley|sesame|lovelace/)
      }
      assert.strictEqual((yield* openedWith(path, passphrase(""))).reason, "KeyUnusable")
      assert.deepStrictEqual(yield* promised(() => readFile(path)), before)
    }))

  it.scopedLive("opens with the bytes that it was written with, and no others", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      yield* using(path, keeping(ada))
      assert.strictEqual((yield* openedWith(path, otherKey)).reason, "WrongKey")
      assert.strictEqual((yield* openedWith(path, passphrase("x"))).reason, "WrongKey")
      const short = NodeCredentialStorage.bytes(Redacted.make(new Uint8Array(31)))
      assert.strictEqual((yield* openedWith(path, short)).reason, "KeyUnusable")
    }))

  it.scopedLive("has another nonce and another text each time it is written", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      const nonces = new Set<string>()
      yield* using(path, (storage) =>
        Effect.forEach([ada, bob, ada, bob], (one, index) =>
          Effect.gen(function*() {
            yield* index < 2 ? storage.set(one, space) : storage.remove(one, space)
            yield* storage.flush
            nonces.add((yield* promised(() => readFile(path))).subarray(45, 57).toString("hex"))
          })))
      assert.strictEqual(nonces.size, 4)
    }))

  it.scopedLive("that was cut at any byte is told, and is left as it is", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      yield* using(path, keeping(ada))
      const whole = yield* promised(() => readFile(path))
      for (let length = 0; length < whole.length; length++) {
        const cut = whole.subarray(0, length)
        yield* promised(() => writeFile(path, cut))
        assert.strictEqual((yield* Effect.flip(using(path, keeping(bob)))).reason, "Damaged", `cut at ${length}`)
        assert.deepStrictEqual(yield* promised(() => readFile(path)), cut)
      }
    }), 60_000)

  it.scopedLive("in which any byte has changed does not open, and is left as it is", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      yield* using(path, keeping(ada))
      const whole = yield* promised(() => readFile(path))
      for (let at = 0; at < whole.length; at++) {
        const changed = Buffer.from(whole)
        changed[at] = (changed[at] ?? 0) ^ 1
        yield* promised(() => writeFile(path, changed))
        const { reason } = yield* Effect.flip(using(path, keeping(bob)))
        assert.strictEqual(reason, at < 8 ? "NotCredentials" : at === 8 ? "Foreign" : "Damaged", `byte ${at}`)
        assert.deepStrictEqual(yield* promised(() => readFile(path)), changed)
      }
    }), 60_000)

  it.scopedLive("that is damaged while it is in use is not overwritten either", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      yield* using(path, (storage) =>
        Effect.gen(function*() {
          yield* keeping(ada)(storage)
          yield* promised(() => writeFile(path, "something else"))
          yield* storage.set(bob, space)
          assert.strictEqual((yield* Effect.flip(storage.flush)).reason, "NotCredentials")
          assert.deepStrictEqual(yield* users(storage), ["ada", "bob"])
        }))
      assert.strictEqual(yield* promised(() => readFile(path, "utf8")), "something else")
    }).pipe(Effect.provide(quiet)))

  it.scopedLive("what is no file is told", () =>
    Effect.gen(function*() {
      const root = yield* folder
      assert.strictEqual((yield* Effect.flip(using(root, users))).reason, "NotCredentials")
      yield* promised(() => writeFile(join(root, "file"), ""))
      const below = yield* Effect.flip(using(join(root, "file", "credentials"), users))
      assert.strictEqual(below.reason, "Unreadable")
    }))

  it.scopedLive("that others can read is tightened when it is read", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      yield* using(path, keeping(ada))
      yield* promised(() => chmod(path, 0o644))
      yield* using(path, users)
      assert.strictEqual((yield* promised(() => stat(path))).mode & 0o777, 0o600)
    }))

  it.scopedLive("what cannot be written is in memory, and the request's storage goes on", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const path = join(root, "credentials")
      yield* using(path, (storage) =>
        Effect.gen(function*() {
          yield* promised(() => mkdir(`${path}.tmp`))
          yield* storage.set(ada, space)
          const error = yield* Effect.flip(storage.flush)
          assert.strictEqual(error.reason, "Unwritable")
          assert.notInclude(inspect(error, { depth: 9 }), "lovelace")
          yield* promised(() => rm(`${path}.tmp`, { recursive: true }))
          yield* storage.flush
        }))
      assert.deepStrictEqual(yield* using(path, users), ["ada"])
    }).pipe(Effect.provide(quiet)))
})

describe("several processes", () => {
  it.scopedLive("lose nothing of each other's credentials", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      const ended = yield* Effect.all([
        run("credentials.ts", [path, "x", "20"]),
        run("credentials.ts", [path, "y", "20"])
      ], {
        concurrency: 2
      })
      for (const one of ended) assert.deepStrictEqual(one, { code: 0, output: "", errors: "" })
      assert.strictEqual((yield* using(path, users)).length, 40)
      assert.deepStrictEqual(yield* promised(() => readdir(join(path, ".."))), ["credentials"])
    }), 60_000)

  it.scopedLive("one that does not let go is told, and one that has died holds nobody up", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      yield* promised(() => writeFile(`${path}.lock`, `${hostname()}\n${process.pid}\nx`))
      const error = yield* Effect.flip(using(path, keeping(ada), { lockPatience: 50 }))
      assert.strictEqual(error.reason, "Locked")
      assert.include(error.message, `${path}.lock`)
      yield* promised(() => utimes(`${path}.lock`, new Date(0), new Date(0)))
      yield* using(path, keeping(ada))
      assert.deepStrictEqual(yield* using(path, users), ["ada"])
    }).pipe(Effect.provide(quiet)))
})

describe("an end between any two steps of a write", () => {
  const old = (path: string) => using(path, keeping(ada))
  /** Whatever happened, the file opens, and can be written by the next one. */
  const isWhole = (path: string, step: number) =>
    Effect.gen(function*() {
      const found = yield* using(path, users)
      assert.isTrue(found[0] === "ada" && (found.length === 1 || found[1] === "new0"), `step ${step}: ${found}`)
      yield* using(path, keeping(bob))
      assert.include(yield* using(path, users), "bob")
      return found.length
    })

  it.scopedLive("of the process leaves the old file or the new one", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const seen = new Set<number>()
      let ended = 0
      for (let step = 1; ended !== 2; step += 2) {
        ended = 0
        const both = [step, step + 1].map((one) =>
          Effect.gen(function*() {
            const path = join(root, `credentials${one}`)
            yield* old(path)
            const child = yield* run("credentials.ts", [path, "new", "1", String(one)])
            if (child.code === 0) ended++
            else {
              assert.deepStrictEqual(child, { code: null, output: "", errors: "" })
              // a lock that was not written to its end names nobody, and grows old
              const lock = yield* Effect.option(Effect.tryPromise(() => readFile(`${path}.lock`, "utf8")))
              if (Option.isSome(lock) && lock.value.split("\n").length < 3) {
                yield* promised(() => utimes(`${path}.lock`, new Date(0), new Date(0)))
              }
            }
            seen.add(yield* isWhole(path, one))
          })
        )
        yield* Effect.all(both, { concurrency: 2 })
        assert.isBelow(step, 60)
      }
      assert.deepStrictEqual([...seen].sort(), [1, 2])
    }), 120_000)

  it.scopedLive("by a failure leaves the old file or the new one, and no lock", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const seen = new Set<number>()
      let failures = 0
      for (let step = 1, failed = true; failed; step++) {
        failed = false
        const path = join(root, `credentials${step}`)
        yield* old(path)
        const files = atEachCall((call) => {
          if (call !== step) return
          failed = true
          throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" })
        })
        const place = credentialFile(path, NodeCredentialStorage.sealer(key), undefined, files)
        const result = yield* Effect.scoped(
          Effect.flatMap(
            CredentialStorage.makePersistent(place),
            keeping(Credential.password({ user: "new0", password: "new", persistence: "permanent" }))
          )
        ).pipe(Effect.either)
        if (result._tag === "Left") failures++
        // a lock that cannot be taken away grows old
        if (failed && result._tag === "Right") yield* promised(() => rm(`${path}.lock`, { force: true }))
        assert.deepStrictEqual(
          (yield* promised(() => readdir(root))).filter((name) => name.startsWith(`credentials${step}.`)),
          []
        )
        seen.add(yield* isWhole(path, step))
      }
      assert.isAbove(failures, 5)
      assert.deepStrictEqual([...seen].sort(), [1, 2])
    }).pipe(Effect.provide(quiet)), 60_000)
})

describe("a session of Node", () => {
  it.scopedLive("writes what has worked, and the next one uses it without being asked for it [AUT-14] [CRE-05]", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "credentials")
      const seen: Array<string> = []
      const { origin } = yield* rawServer({
        onRequest: (peer, head) => {
          const authorization = /^authorization: (.*)$/im.exec(head)?.[1]?.trim()
          seen.push(authorization ?? "none")
          peer.socket.write(
            authorization === undefined
              ? "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"api\"\r\nContent-Length: 0\r\n\r\n"
              : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin"
          )
        }
      })
      const status = Effect.flatMap(
        UrlSession.UrlSession,
        (session) => Effect.map(session.data(`${origin}/`), ([, response]) => response.status)
      )
      const Storage = Layer.fresh(NodeCredentialStorage.layerFile({ path, key: passphrase("open sesame") }))
      const Resolver = ChallengeResolver.layer({
        Basic: ChallengeResolver.forSpace({ origin }, () => Effect.succeed(Disposition.use(ada)))
      })
      const first = NodeSession.layer(SessionConfiguration.default, Layer.merge(Storage, Resolver))
      assert.strictEqual(yield* Effect.provide(status, first), 200)
      assert.strictEqual(yield* Effect.provide(status, NodeSession.layer(SessionConfiguration.default, Storage)), 200)
      const basic = `Basic ${Buffer.from("ada:lovelace").toString("base64")}`
      assert.deepStrictEqual(seen, ["none", basic, "none", basic])
    }))
})
