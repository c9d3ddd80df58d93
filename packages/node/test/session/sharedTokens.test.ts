// One refresh for all processes of a machine, whatever becomes of the one that does it.
import { assert, describe, it } from "@effect/vitest"
import * as Credential from "@urlsession/core/Credential"
import * as NodeTokens from "@urlsession/node/NodeTokens"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { rawServer, response } from "../support/rawServer.ts"
import { run } from "./child/run.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "urlsession-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

/** Counts the tokens that it gives; each waits until it is told to go on. */
const issuer = (slow: (index: number) => boolean) =>
  Effect.gen(function*() {
    let count = 0
    let asked: () => void = () => {}
    const first = new Promise<void>((resolve) => {
      asked = resolve
    })
    const server = yield* rawServer({
      onRequest: (peer) => {
        const index = ++count
        asked()
        if (!slow(index)) setTimeout(() => peer.socket.write(response(`token-${index}`)), 150)
      }
    })
    return { url: `${server.origin}/token`, count: () => count, first }
  })

describe("two processes", () => {
  it.scopedLive("that need a new token at the same time refresh it once", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "token")
      const server = yield* issuer(() => false)
      const ended = yield* Effect.all(
        [1, 2, 3].map(() => run("token.ts", [path, server.url])),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(ended.map(({ errors }) => errors), ["", "", ""])
      assert.deepStrictEqual(ended.map(({ output }) => output), ["token-1", "token-1", "token-1"])
      assert.strictEqual(server.count(), 1)
      assert.strictEqual((yield* Effect.promise(() => stat(path))).mode & 0o777, 0o600)
    }))

  it.scopedLive("one takes over from the other that is killed in the middle of it", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "token")
      const server = yield* issuer((index) => index === 1)
      const killed = yield* Effect.fork(run("token.ts", [path, server.url]))
      yield* Effect.promise(() => server.first)
      const other = yield* Effect.fork(run("token.ts", [path, server.url]))
      yield* Fiber.interrupt(killed)
      const ended = yield* Fiber.join(other)
      assert.deepStrictEqual([ended.output, ended.errors], ["token-2", ""])
    }))
})

describe("a shared refresh", () => {
  const old = Option.some(Credential.token({ token: "old-token" }))
  const fresh = Effect.succeed(Credential.token({ token: "new-token", expiresAt: Date.now() + 60_000 }))

  it.scopedLive("gives what another one has written, unless that is the one that was refused, or over", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "deeper", "token")
      let count = 0
      const refresh = NodeTokens.shared({
        path,
        refresh: () =>
          Effect.sync(() =>
            Credential.token({ token: `token-${++count}`, expiresAt: Date.now() + (count === 2 ? -1 : 60_000) })
          )
      })
      const named = (previous: typeof old) => Effect.map(refresh(previous), ({ token }) => Redacted.value(token))
      assert.strictEqual(yield* named(old), "token-1")
      assert.strictEqual(yield* named(old), "token-1")
      assert.strictEqual(yield* named(Option.some(Credential.token({ token: "token-1" }))), "token-2")
      assert.strictEqual(yield* named(old), "token-3")
    }))

  for (const content of ["", "{", "{\"version\":2}", "{\"version\":1,\"access_token\":\"\"}"]) {
    it.scopedLive(`leaves a file alone that holds ${JSON.stringify(content)}`, () =>
      Effect.gen(function*() {
        const path = join(yield* folder, "token")
        yield* Effect.promise(() => writeFile(path, content))
        const error = yield* Effect.flip(NodeTokens.shared({ path, refresh: () => fresh })(old))
        assert.strictEqual(error.reason, "Damaged")
        assert.strictEqual(yield* Effect.promise(() => readFile(path, "utf8")), content)
      }))
  }

  it.scopedLive("ends with a reason where its time is over, and leaves no lock", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "token")
      const slow = NodeTokens.shared({ path, refresh: () => Effect.never, patience: "50 millis" })
      assert.strictEqual((yield* Effect.flip(slow(old))).reason, "Held")
      const token = yield* NodeTokens.shared({ path, refresh: () => fresh })(old)
      assert.strictEqual(Redacted.value(token.token), "new-token")
    }))
})

describe("a file of a refresh token", () => {
  it.scopedLive("holds the last one, for its owner alone", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "refresh")
      const store = NodeTokens.refreshTokenStore(path)
      assert.isTrue(Option.isNone(yield* store.read))
      yield* store.write(Redacted.make("refresh-1"))
      yield* store.write(Redacted.make("refresh-2"))
      assert.strictEqual(Option.getOrThrow(Option.map(yield* store.read, Redacted.value)), "refresh-2")
      assert.strictEqual((yield* Effect.promise(() => stat(path))).mode & 0o777, 0o600)
    }))

  it.scopedLive("is Damaged where it holds something else, and its error does not quote it", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "refresh")
      yield* Effect.promise(() => writeFile(path, "{\"refresh_token\":\"hidden-refresh\"}"))
      const error = yield* Effect.flip(NodeTokens.refreshTokenStore(path).read)
      assert.strictEqual(error.reason, "Damaged")
      assert.notInclude(`${error}${JSON.stringify(error)}`, "hidden-refresh")
    }))
})
