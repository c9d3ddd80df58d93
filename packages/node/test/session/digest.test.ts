// Digest over sockets, against a server that verifies by itself: every algorithm and protection, proofs, and large bodies.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as RequestOptions from "@urlsession/core/RequestOptions"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { digestServer, type Rules } from "./digestServer.ts"
import { failsWith, text, withSession } from "./support.ts"

const credential = { user: "J\u00e4s\u00f8n \u20ac", password: "correct: horse" }
const ascii = { user: "ada", password: "correct: horse" }

const as = (user: { readonly user: string; readonly password: string }) =>
  ChallengeResolver.layer({ Digest: () => Effect.succeed(Disposition.use(Credential.password(user))) })

const rules = { ...ascii, algorithm: "SHA-256", qop: "auth" } as const
const delegate = as(ascii)

const count = (log: ReadonlyArray<string>, what: string): number => log.filter((one) => one === what).length

const mebibyte = 1024 * 1024

describe("TRU-05 Digest over sockets", () => {
  for (
    const algorithm of ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"] as const
  ) {
    for (const qop of ["auth", "auth-int"] as const) {
      it.scopedLive(`${algorithm} with ${qop}: requests with every kind of body, and proofs over what comes back`, () =>
        Effect.gen(function*() {
          for (const rspauth of ["head", "trailers"] as const) {
            const server = yield* digestServer({ ...rules, algorithm, qop, rspauth, nextnonce: true, usesOfANonce: 1 })
            yield* withSession({ delegate }, (session) =>
              Effect.gen(function*() {
                const post = HttpClientRequest.post(`${server.origin}/a?b=c%20d`)
                const words = Stream.make("one ", "two").pipe(Stream.encodeText)
                for (
                  const request of [
                    HttpClientRequest.get(`${server.origin}/`),
                    post,
                    HttpClientRequest.bodyText(post, "a text"),
                    HttpClientRequest.bodyStream(post, words)
                  ]
                ) {
                  const [bytes, head] = yield* session.data(request)
                  assert.strictEqual(head.status, 200)
                  assert.match(text(bytes), /^welcome \//)
                }
              }))
            assert.deepStrictEqual(server.log, ["no credentials", "ok", "ok", "ok", "ok"])
            assert.deepStrictEqual(server.bodies, ["", "", "a text", "one two"])
          }
        }))
    }
  }

  it.scopedLive("userhash: the name of the user is not on the wire", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, ...ascii, userhash: true })
      yield* withSession({ delegate }, (session) => session.data(server.origin))
      assert.deepStrictEqual(server.log, ["no credentials", "ok"])
    }))

  it.scopedLive("a user beyond Latin-1 is hashed in UTF-8 and sent by its hash", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, ...credential, userhash: true })
      yield* withSession({ delegate: as(credential) }, (session) => session.data(server.origin))
      assert.deepStrictEqual(server.log, ["no credentials", "ok"])
    }))

  it.scopedLive("a thousand requests after one challenge: each count once, nobody refused (AUT-13)", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, rspauth: "head" })
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          yield* session.data(server.origin)
          yield* Effect.forEach(
            Array.from({ length: 1000 }, (_, index) => `${server.origin}/${index}`),
            (url) => Effect.map(session.data(url), ([, head]) => assert.strictEqual(head.status, 200)),
            { concurrency: "unbounded", discard: true }
          )
        }))
      assert.deepStrictEqual([server.log.length, count(server.log, "ok"), server.nonces()], [1002, 1001, 1])
    }))

  it.scopedLive("a thousand cold requests, with nonces that are good for fifty uses, all get in", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, usesOfANonce: 50 })
      yield* withSession({ delegate }, (session) =>
        Effect.forEach(
          Array.from({ length: 1000 }, (_, index) => `${server.origin}/${index}`),
          (url) => Effect.map(session.data(url), ([, head]) => assert.strictEqual(head.status, 200)),
          { concurrency: "unbounded", discard: true }
        ))
      assert.strictEqual(count(server.log, "ok"), 1000)
      assert.deepStrictEqual([count(server.log, "replayed"), count(server.log, "wrong")], [0, 0])
    }))

  it.scopedLive("auth-int over a large stream: run once for the hash, and never in memory", () =>
    Effect.gen(function*() {
      const server = yield* digestServer({ ...rules, qop: "auth-int" })
      // written again and again: whoever keeps a piece keeps something else
      const blocks = [0, 1, 2].map(() => Buffer.alloc(mebibyte))
      let runs = 0
      let most = 0
      const before = process.memoryUsage().arrayBuffers
      const body = Stream.suspend(() => {
        runs++
        return Stream.range(1, 128)
      }).pipe(
        Stream.rechunk(1),
        Stream.map((n) => {
          most = Math.max(most, process.memoryUsage().arrayBuffers - before)
          return blocks[n % 3]?.fill(n) ?? Buffer.alloc(0)
        })
      )
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          yield* session.data(server.origin)
          yield* session.upload(HttpClientRequest.put(server.origin), RequestBody.stream(body))
        }))
      assert.deepStrictEqual(server.log, ["no credentials", "ok", "ok"])
      assert.strictEqual(runs, 2)
      assert.deepStrictEqual(server.bodies, ["", String(128 * mebibyte)])
      assert.isBelow(most, 64 * mebibyte)
    }))

  it.scopedLive("a 100 Continue that never comes, and Digest: the body is sent with a count that is right", () =>
    Effect.gen(function*() {
      const server = yield* digestServer(rules)
      yield* withSession({ delegate }, (session) =>
        Effect.gen(function*() {
          const put = HttpClientRequest.bodyText(HttpClientRequest.put(server.origin), "text")
          for (let i = 0; i < 3; i++) {
            yield* session.data(put).pipe(RequestOptions.with({ expectContinue: true }))
          }
        }))
      assert.deepStrictEqual(server.log, ["no credentials", "ok", "ok", "ok"])
    }))
})

describe("a server that cannot prove itself", () => {
  const wrong: ReadonlyArray<readonly [string, Partial<Rules>]> = [
    ["whose response was changed", { qop: "auth-int", rspauth: "head", tampered: true }],
    ["whose response was changed, proven in trailers", { qop: "auth-int", rspauth: "trailers", tampered: true }]
  ]
  for (const [who, more] of wrong) {
    it.scopedLive(`${who}: data, streams and downloads fail, and no file is left`, () =>
      Effect.gen(function*() {
        const server = yield* digestServer({ ...rules, ...more })
        const folder = mkdtempSync(join(tmpdir(), "urlsession-digest-"))
        yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
        const path = join(folder, "file")
        yield* withSession({ delegate }, (session) =>
          Effect.gen(function*() {
            const name = "AuthenticationError/ServerNotAuthenticated"
            yield* failsWith(session.data(server.origin), name)
            yield* failsWith(
              Effect.flatMap(session.execute(server.origin), (response) => Stream.runDrain(response.stream)),
              name
            )
            yield* failsWith(session.download(server.origin, path), name)
          }))
        assert.isFalse(existsSync(path))
        // nothing was sent ahead to it
        assert.strictEqual(count(server.log, "no credentials"), 3)
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  }
})
