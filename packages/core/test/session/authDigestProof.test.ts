// The server's proof in Authentication-Info: checked where it comes, in the head or behind the body, over the body or not.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import { HeaderFields } from "@urlsession/core/HeaderFields"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type Proof, type Rules, StrictServer } from "./authDigestServer.ts"
import { ada, always, defaultOf, digests, sent, spaceOf, storageWith } from "./authSupport.ts"
import * as codings from "./codings.ts"
import { api, nothingOpen, scripted, settle, text } from "./support.ts"

const asAda = ChallengeResolver.layerFrom(always(ada))

const within = (server: StrictServer) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provide(asAda), Effect.provide(digests), scripted(server.answer))

const proving = (proof: Proof, more?: Partial<Rules>) => new StrictServer({ credential: ada, proof, ...more })

const notAuthenticated = <A, E extends { readonly reason: { readonly _tag: string } }>(effect: Effect.Effect<A, E>) =>
  Effect.tap(
    Effect.flip(effect),
    (error) => Effect.sync(() => assert.strictEqual(error.reason._tag, "ServerNotAuthenticated"))
  )

/** Every way in which a response can be proven. */
const ways: ReadonlyArray<readonly [string, Proof, Partial<Rules>]> = [
  ["in the head", { where: "head" }, {}],
  ["in the head of a response in chunks", { where: "head", chunked: true }, {}],
  ["in the head, as RFC 2069 would", { where: "head" }, { qop: undefined }],
  ["over the body", { where: "head" }, { qop: "auth-int" }],
  ["over a body in chunks", { where: "head", chunked: true }, { qop: "auth-int" }],
  ["over an empty body", { where: "head" }, { qop: "auth-int", body: "" }],
  ["over the body, though the request was not", { where: "head", qop: "auth-int" }, {}],
  ["not over the body, though the request was", { where: "head", qop: "auth" }, { qop: "auth-int" }],
  ["by a key of the first answer", { where: "head" }, { algorithm: "SHA-512-256-sess", qop: "auth-int" }],
  ["behind the body", { where: "trailers" }, {}],
  ["behind the body, announced", { where: "trailers", announced: true }, {}],
  ["behind a body of announced length, announced", { where: "trailers", announced: true, chunked: false }, {}],
  ["behind the body and over it", { where: "trailers" }, { qop: "auth-int" }],
  ["behind the body and over it, announced", { where: "trailers", qop: "auth-int", announced: true }, {}]
]

describe("a server that proves that it knows the password (RFC 7616 3.5)", () => {
  for (const [how, proof, rules] of ways) {
    it.scoped(`${how}: is believed (TRU-05)`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        for (let i = 0; i < 3; i++) {
          const [bytes, response] = yield* session.data(api)
          assert.strictEqual(response.status, 200)
          assert.strictEqual(text(bytes), rules.body ?? "in")
        }
        const response = yield* session.execute(api)
        assert.strictEqual(yield* Stream.mkString(Stream.decodeText(response.stream)), rules.body ?? "in")
      }).pipe(within(proving(proof, rules))))

    it.scoped(`${how}: is not where it knows another one, whichever way the body is read (TRU-05)`, () => {
      const server = proving({ ...proof, lie: "secret" }, rules)
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const error = yield* notAuthenticated(session.data(api))
        assert.strictEqual(error._tag, "AuthenticationError")
        assert.strictEqual(error.code, -1011)
        assert.isFalse(error.isTransient)
        assert.notInclude(error.message + JSON.stringify(error), Redacted.value(ada.password))
        // nothing is sent ahead to it
        yield* notAuthenticated(session.data(api))
        assert.deepStrictEqual(server.verdicts, ["nobody", "", "nobody", ""])
        yield* notAuthenticated(Effect.flatMap(session.execute(api), (response) => Stream.runDrain(response.stream)))
        yield* notAuthenticated(Effect.flatMap(session.execute(api), (response) => response.bytes))
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(within(server))
    })
  }

  const covering = ways.filter(([, proof, rules]) => (proof.qop ?? rules.qop) === "auth-int")
  for (const [how, proof, rules] of covering) {
    it.scoped(`${how}: of a body that was changed on its way nothing is given out where all of it is here`, () =>
      Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* notAuthenticated(session.data(api))
        const seen: Array<Uint8Array> = []
        const note = (bytes: Uint8Array) => seen.push(bytes)
        const response = yield* session.execute(api)
        assert.strictEqual(response.status, 200)
        yield* notAuthenticated(Stream.runForEach(response.stream, (bytes) => Effect.sync(() => note(bytes))))
        assert.deepStrictEqual(seen, [])
      }).pipe(within(proving({ ...proof, lie: "body" }, rules))))

    it.scoped(`${how}: a body that was changed on its way fails at its end where it comes slowly`, () => {
      const server = proving({ ...proof, lie: "body" }, rules)
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        const response = yield* session.execute(api)
        let seen = ""
        const read = Stream.runForEach(Stream.decodeText(response.stream), (part) =>
          Effect.sync(() => {
            seen += part
          }))
        const fiber = yield* Effect.fork(notAuthenticated(read))
        yield* settle
        assert.strictEqual(seen, rules.body ?? "in")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
        const whole = yield* Effect.fork(notAuthenticated(session.data(api)))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(whole)
        assert.deepStrictEqual(server.verdicts, ["nobody", "", "nobody", ""])
        assert.deepStrictEqual(yield* session.openResources, nothingOpen)
      }).pipe(
        Effect.provide(asAda),
        Effect.provide(digests),
        scripted((request) =>
          server.answer(request).flatMap((step) =>
            step._tag === "End" && server.verdicts[server.verdicts.length - 1] === ""
              ? [...TestTransport.delay("1 second"), step]
              : [step]
          )
        )
      )
    })
  }

  it.scoped("is asked for nothing where it says nothing, and no hash is made", () => {
    const server = new StrictServer({ credential: ada })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual((yield* session.data(api))[1].status, 200)
    }).pipe(within(server))
  })

  it.scoped("by a protection that is none of RFC 7616 proves nothing", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* notAuthenticated(session.data(api))
    }).pipe(within(proving({ where: "head", qop: "other" }))))

  it.scoped("over the coded bytes, as they were sent, and not over what they decode to", () => {
    const server = proving({ where: "head" }, {
      qop: "auth-int",
      body: "gzip(hello)",
      fields: { "content-encoding": "gzip" }
    })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [bytes] = yield* session.data(api)
      assert.strictEqual(text(bytes), "hello")
    }).pipe(Effect.provide(codings.layer), within(server))
  })

  it.scoped("over the body of a response to HEAD, which is nowhere defined, is not checked; the rest is", () => {
    const int = proving({ where: "head", lie: "body" }, { qop: "auth-int" })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* session.data(HttpClientRequest.head(api)))[1].status, 200)
    }).pipe(within(int))
  })

  it.scoped("wrongly in answer to HEAD is not believed", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* notAuthenticated(session.data(HttpClientRequest.head(api)))
    }).pipe(within(proving({ where: "head", lie: "secret" }))))

  it.scoped("is not believed with a redirect either, nor with an error status", () => {
    const server = proving({ where: "head", lie: "secret" })
    const statuses = [302, 404, 500]
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      for (let i = 0; i < 3; i++) yield* notAuthenticated(session.data(api))
    }).pipe(
      Effect.provide(asAda),
      Effect.provide(digests),
      scripted((request) =>
        server.answer(request).map((step) =>
          step._tag === "Head" && step.status === 200
            ? { ...step, status: statuses[server.count("") - 1] ?? 200 }
            : step
        )
      )
    )
  })

  it.scoped("wrongly has no credential stored for it (AUT-14)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* notAuthenticated(session.data(api))
      assert.isUndefined(yield* defaultOf(spaceOf("Digest", "api")))
    }).pipe(within(proving({ where: "head", lie: "secret" })), Effect.provide(storageWith())))

  it.scoped("is asked by a body that nobody reads for nothing: the head is given out", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const response = yield* session.execute(api)
      assert.strictEqual(response.status, 200)
      yield* response.cancel
      assert.deepStrictEqual(yield* session.openResources, nothingOpen)
    }).pipe(within(proving({ where: "head", lie: "body" }, { qop: "auth-int" }))))

  it.scoped("in trailers nobody announced, over a body that nobody had to hash, is not checked", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual(text((yield* session.data(api))[0]), "in")
    }).pipe(within(proving({ where: "trailers", qop: "auth-int", lie: "secret" }))))
})

describe("nextnonce (RFC 7616 3.5)", () => {
  for (const where of ["head", "trailers"] as const) {
    it.scoped(`in the ${where}: each next request has its nonce, and none is challenged (TRU-05)`, () => {
      const server = new StrictServer({ credential: ada, uses: 1, nextnonce: where })
      return Effect.gen(function*() {
        const session = yield* UrlSession.make()
        for (let i = 0; i < 10; i++) yield* session.data(api)
        assert.deepStrictEqual(server.verdicts, ["nobody", ...Array.from({ length: 10 }, () => "")])
      }).pipe(within(server))
    })
  }

  it.scoped("in trailers counts once they are here, whether the body was read or taken as a whole", () => {
    const server = new StrictServer({ credential: ada, uses: 1, nextnonce: "trailers" })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* Effect.flatMap(session.execute(api), (response) => Stream.runDrain(response.stream))
      yield* Effect.flatMap(session.execute(api), (response) => response.bytes)
      yield* Effect.flatMap(session.execute(api), (response) => response.forEachChunk(() => {}))
      yield* session.data(api)
      assert.deepStrictEqual(server.verdicts, ["nobody", "", "", "", ""])
    }).pipe(within(server))
  })

  it.scoped("in the head of a 401 says nothing: the challenge does", () => {
    const server = new StrictServer({ credential: ada })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      server.expire()
      assert.strictEqual((yield* session.data(api))[1].status, 200)
      assert.isFalse((yield* sent).some((one) => one?.includes("evil") === true))
    }).pipe(
      Effect.provide(asAda),
      Effect.provide(digests),
      scripted((request) =>
        server.answer(request).map((step) =>
          step._tag === "Head" && step.status === 401
            ? {
              ...step,
              headers: HeaderFields.fromEntries([...step.headers, ["authentication-info", "nextnonce=\"evil\""]])
            }
            : step
        )
      )
    )
  })
})
