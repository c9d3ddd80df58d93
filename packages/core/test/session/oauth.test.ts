// Tokens by OAuth 2.0: what is sent to the endpoint, what is taken from it, and what never leaves.
import { assert, describe, it } from "@effect/vitest"
import * as OAuth from "@urlsession/core/OAuth"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { authorizationOf, base64 } from "./authSupport.ts"
import { requests } from "./support.ts"

const clientSecret = Redacted.make("s3cret of: the client")
const client: OAuth.Client = { tokenEndpoint: "https://login.test/token", clientId: "the client", clientSecret }

const answering = (answer: (request: TestTransport.ReceivedRequest) => TestTransport.Script) =>
  Effect.provide(UrlSession.layer().pipe(Layer.provideMerge(TestTransport.layer({ answer }))))

const json = (value: unknown, status = 200) =>
  TestTransport.respond(status, { headers: { "content-type": "application/json" }, body: JSON.stringify(value) })

const granted = (more: object = {}) => json({ access_token: "access-1", token_type: "Bearer", ...more })

const formOf = (request: TestTransport.ReceivedRequest | undefined): URLSearchParams =>
  new URLSearchParams(new TextDecoder().decode(request?.body ?? new Uint8Array(0)))

const valueOf = (token: { readonly token: Redacted.Redacted }): string => Redacted.value(token.token)

describe("client credentials (RFC 6749 4.4)", () => {
  it.effect("go in Authorization, encoded as in a form first (2.3.1)", () =>
    Effect.gen(function*() {
      const token = yield* OAuth.clientCredentials({ ...client, scope: "read write" })()
      assert.strictEqual(valueOf(token), "access-1")
      assert.strictEqual(token.expiresAt, 90_000)
      const [request] = yield* requests
      assert.strictEqual(authorizationOf(request), `Basic ${base64("the+client:s3cret+of%3A+the+client")}`)
      assert.deepStrictEqual([...formOf(request)], [["grant_type", "client_credentials"], ["scope", "read write"]])
    }).pipe(answering(() => granted({ token_type: "bEARER", expires_in: "90" }))))

  it.effect("or in the form", () =>
    Effect.gen(function*() {
      yield* OAuth.clientCredentials({ ...client, authentication: "post" })()
      const [request] = yield* requests
      assert.isUndefined(authorizationOf(request))
      assert.strictEqual(formOf(request).get("client_secret"), Redacted.value(clientSecret))
      assert.strictEqual(formOf(request).get("client_id"), "the client")
    }).pipe(answering(() => granted())))

  it.effect("a public client has no secret to send", () =>
    Effect.gen(function*() {
      yield* OAuth.clientCredentials({ tokenEndpoint: client.tokenEndpoint, clientId: "public" })()
      const [request] = yield* requests
      assert.isUndefined(authorizationOf(request))
      assert.strictEqual(formOf(request).get("client_id"), "public")
    }).pipe(answering(() => granted())))
})

describe("a token endpoint", () => {
  const bad: ReadonlyArray<readonly [string, TestTransport.Script, OAuth.OAuthError["reason"], string | undefined]> = [
    [
      "that refuses (5.2)",
      json({ error: "invalid_client", error_description: "no\r\nsuch" }, 401),
      "Refused",
      "invalid_client"
    ],
    ["that fails", TestTransport.respond(503, { body: "<html>" }), "Refused", undefined],
    ["that answers with something else", TestTransport.respond(200, { body: "<html>" }), "Unusable", undefined],
    ["that gives no token", json({ token_type: "bearer" }), "Unusable", undefined],
    ["that gives a token of another type", json({ access_token: "x", token_type: "mac" }), "Unusable", undefined],
    ["whose token cannot be sent", json({ access_token: "a\r\nb", token_type: "bearer" }), "Unusable", undefined],
    [
      "whose lifetime is no number",
      json({ access_token: "x", token_type: "bearer", expires_in: "soon" }),
      "Unusable",
      undefined
    ],
    ["that leads elsewhere", TestTransport.redirect(307, "https://evil.test/"), "Refused", undefined]
  ]
  for (const [name, script, reason, error] of bad) {
    it.effect(`${name} is a typed error without a secret`, () =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(OAuth.clientCredentials(client)())
        assert.strictEqual(failure._tag === "OAuthError" ? failure.reason : failure._tag, reason)
        if (failure._tag === "OAuthError") assert.strictEqual(failure.error, error)
        assert.notMatch(String(failure), /s3cret|\r|\n/)
        assert.strictEqual((yield* requests).length, 1)
      }).pipe(answering(() => script)))
  }

  it.effect("that answers without end is cut off", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(OAuth.clientCredentials(client)())
      assert.strictEqual(failure._tag, "BodyError")
    }).pipe(answering(() => TestTransport.respond(200, { body: "x".repeat(300_000) }))))

  for (const tokenEndpoint of ["http://login.test/token", "ftp://login.test/", "not a URL"]) {
    it.effect(`${tokenEndpoint} is sent nothing`, () =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(OAuth.clientCredentials({ ...client, tokenEndpoint })())
        assert.strictEqual(failure._tag === "OAuthError" ? failure.reason : failure._tag, "Insecure")
        assert.strictEqual((yield* requests).length, 0)
      }).pipe(answering(() => granted())))
  }

  it.effect("of this machine may be plain", () =>
    Effect.gen(function*() {
      yield* OAuth.clientCredentials({ ...client, tokenEndpoint: "http://127.0.0.1/token" })()
      assert.strictEqual((yield* requests).length, 1)
    }).pipe(answering(() => granted())))
})

describe("a refresh token (RFC 6749 6)", () => {
  it.effect("is replaced by the one that comes with a refresh, and kept where none does", () =>
    Effect.gen(function*() {
      const store = OAuth.memoryStore(Redacted.make("refresh-1"))
      const refresh = OAuth.refreshToken(client, store)
      for (let i = 0; i < 3; i++) yield* refresh()
      assert.deepStrictEqual((yield* requests).map((request) => formOf(request).get("refresh_token")), [
        "refresh-1",
        "refresh-2",
        "refresh-2"
      ])
      assert.strictEqual(Option.getOrThrow(Option.map(yield* store.read, Redacted.value)), "refresh-2")
    }).pipe(answering((request) => granted(request.index === 0 ? { refresh_token: "refresh-2" } : {}))))

  it.effect("that is not there is an error that says what to do", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(
        OAuth.refreshToken(client, { read: Effect.succeedNone, write: () => Effect.void })()
      )
      assert.include(failure.message, "sign in")
    }).pipe(answering(() => granted())))

  it.effect("that is refused stays where it is, for who can tell why", () =>
    Effect.gen(function*() {
      const store = OAuth.memoryStore(Redacted.make("refresh-1"))
      const failure = yield* Effect.flip(OAuth.refreshToken(client, store)())
      assert.strictEqual(failure._tag === "OAuthError" ? failure.error : "", "invalid_grant")
      assert.strictEqual(Option.getOrThrow(Option.map(yield* store.read, Redacted.value)), "refresh-1")
    }).pipe(answering(() => json({ error: "invalid_grant" }, 400))))
})
