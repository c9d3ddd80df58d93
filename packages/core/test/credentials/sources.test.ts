// Sources that are only read: the configuration, a .netrc, and how they stand below a storage.
import { assert, describe, it } from "@effect/vitest"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialSource from "@urlsession/core/CredentialSource"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { ada, basicOf, basicServer, bob, sent, spaceOf } from "../session/authSupport.ts"
import { api, scripted } from "../session/support.ts"

const space = spaceOf("Basic", "api")
const netrc = (text: string, options?: CredentialSource.NetrcOptions) =>
  Option.getOrThrow(CredentialSource.fromNetrc(Redacted.make(text), options))
const usersOf = (source: CredentialSource.CredentialSource, one: ProtectionSpace.ProtectionSpace) =>
  source.credentials(one).map((credential) => credential.user)

describe("fromNetrc", () => {
  const text = "machine api.test login ada password lovelace machine api.test login bob password builder " +
    "machine half.test login x\ndefault login any password thing"

  it("answers for its host, on every port of it, the first entry first", () => {
    const source = netrc(text)
    assert.deepStrictEqual(usersOf(source, space), ["ada", "bob"])
    assert.deepStrictEqual(usersOf(source, spaceOf("Digest", "x", "https://api.test:8443")), ["ada", "bob"])
    assert.deepStrictEqual(usersOf(source, spaceOf("Basic", "x", "https://half.test")), [])
    assert.deepStrictEqual(usersOf(source, spaceOf("Basic", "x", "https://sub.api.test")), [])
  })

  it("answers over plain http on this machine alone, unless it may", () => {
    const plain = spaceOf("Basic", "x", "http://api.test")
    assert.deepStrictEqual(usersOf(netrc(text), plain), [])
    assert.deepStrictEqual(usersOf(netrc(text, { allowInsecure: true }), plain), ["ada", "bob"])
    const local = netrc("machine localhost login me password x machine 127.0.0.1 login me password x")
    assert.deepStrictEqual(usersOf(local, spaceOf("Basic", "x", "http://localhost:1")), ["me"])
    assert.deepStrictEqual(usersOf(local, spaceOf("Basic", "x", "http://127.0.0.1:1")), ["me"])
  })

  it("uses the default only when asked to", () => {
    const elsewhere = spaceOf("Basic", "x", "https://elsewhere.test")
    assert.deepStrictEqual(usersOf(netrc(text), elsewhere), [])
    assert.deepStrictEqual(usersOf(netrc(text, { useDefault: true }), elsewhere), ["any"])
    assert.deepStrictEqual(usersOf(netrc(text, { useDefault: true }), space), ["ada", "bob"])
  })

  it("has nothing for a scheme that takes no password", () =>
    assert.deepStrictEqual(usersOf(netrc(text), ProtectionSpace.make({ ...space, method: "Bearer" })), []))

  it("has nothing for a proxy, and says nothing of what it cannot read", () => {
    assert.deepStrictEqual(
      usersOf(netrc(text, { useDefault: true }), ProtectionSpace.make({ ...space, isProxy: true })),
      []
    )
    assert.isTrue(Option.isNone(CredentialSource.fromNetrc(Redacted.make("machine a login l password \"lovelace"))))
    assert.notInclude(inspect(netrc(text), { depth: 9 }) + inspect(netrc(text).credentials(space)), "lovelace")
  })
})

describe("fromConfig", () => {
  const entries = [
    { origin: "https://api.test", user: "API_USER", password: "API_PASSWORD" },
    { origin: "https://other.test", realm: "inner", user: "OTHER_USER", password: "OTHER_PASSWORD" }
  ]
  const withVariables = (variables: ReadonlyArray<readonly [string, string]>) =>
    Effect.withConfigProvider(CredentialSource.fromConfig(entries), ConfigProvider.fromMap(new Map(variables)))

  it.effect("answers for the origin that its variables are for", () =>
    Effect.gen(function*() {
      const source = yield* withVariables([
        ["API_USER", "ada"],
        ["API_PASSWORD", "lovelace"],
        ["OTHER_USER", "bob"],
        ["OTHER_PASSWORD", "builder"]
      ])
      assert.deepStrictEqual(usersOf(source, space), ["ada"])
      assert.deepStrictEqual(usersOf(source, spaceOf("Basic", "api", "https://api.test:444")), [])
      assert.deepStrictEqual(usersOf(source, spaceOf("Basic", "api", "http://api.test")), [])
      assert.deepStrictEqual(usersOf(source, spaceOf("Basic", "inner", "https://other.test")), ["bob"])
      assert.deepStrictEqual(usersOf(source, spaceOf("Basic", "outer", "https://other.test")), [])
      assert.deepStrictEqual(usersOf(source, ProtectionSpace.make({ ...space, isProxy: true })), [])
      assert.notInclude(inspect(source.credentials(space), { depth: 9 }), "lovelace")
    }))

  it.effect("leaves out an entry without variables, and fails on half of one", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(usersOf(yield* withVariables([]), space), [])
      const noPassword = yield* Effect.flip(withVariables([["API_USER", "ada"]]))
      assert.include(String(noPassword), "API_PASSWORD")
      const noUser = yield* Effect.flip(withVariables([["API_PASSWORD", "lovelace"]]))
      assert.include(String(noUser), "API_USER")
      assert.notInclude(inspect(noUser, { depth: 9 }), "lovelace")
    }))
})

describe("withSources", () => {
  const first = netrc("machine api.test login ada password lovelace")
  const second = netrc("machine api.test login ada password other machine api.test login bob password builder")
  const composed = Effect.map(CredentialStorage.makeMemory, (storage) => ({
    storage,
    both: CredentialStorage.withSources(storage, first, second)
  }))
  const defaultOf = (storage: CredentialStorage.CredentialStorageService) =>
    Effect.map(storage.defaultCredential(space), Option.getOrUndefined)

  it.effect("reads the storage, then the sources in their order [CRE-07] [CRE-10]", () =>
    Effect.gen(function*() {
      const { both } = yield* composed
      assert.isTrue(Credential.equals((yield* defaultOf(both)) ?? bob, ada))
      assert.deepStrictEqual([...(yield* both.credentials(space)).keys()], ["ada", "bob"])
      const changed = Credential.password({ user: "ada", password: "new" })
      yield* both.set(changed, space)
      assert.strictEqual((yield* both.credentials(space)).get("ada"), changed)
      assert.strictEqual(yield* defaultOf(both), changed)
      yield* both.remove(changed, space)
      assert.isTrue(Credential.equals((yield* defaultOf(both)) ?? bob, ada))
    }))

  it.effect("never copies what a source has into the storage", () =>
    Effect.gen(function*() {
      const { both, storage } = yield* composed
      yield* both.set(ada, space)
      assert.deepStrictEqual(yield* storage.allCredentials, [])
      yield* both.setDefaultCredential(bob, space)
      assert.strictEqual((yield* defaultOf(both))?.user, "bob")
    }))

  it.scoped("a session is let in with what a source has, asked by the server alone", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      assert.strictEqual((yield* session.data(api))[1].status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada)])
      const elsewhere = yield* session.data("https://elsewhere.test/")
      assert.strictEqual(elsewhere[1].status, 401)
      assert.deepStrictEqual((yield* sent).slice(2), [undefined])
    }).pipe(
      Effect.provide(CredentialStorage.layerWithSources(Layer.fresh(CredentialStorage.layerMemory), first)),
      scripted(basicServer(ada))
    ))
})
