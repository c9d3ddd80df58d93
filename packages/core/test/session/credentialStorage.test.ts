// The storage of credentials in memory, and the values that it holds.
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import type * as ServerTrust from "@urlsession/core/ServerTrust"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { ada, always, basicServer, bob, spaceOf, storageWith, wrong } from "./authSupport.ts"
import { api, scripted, settle } from "./support.ts"

const space = spaceOf("Basic", "api")
const elsewhere = spaceOf("Basic", "api", "https://other.test")
const once = Credential.password({ user: "eve", password: "x", persistence: "none" })

type Storage = CredentialStorage.CredentialStorageService

/** A test over a storage of its own. */
const storing = (name: string, body: (storage: Storage) => Effect.Effect<void>) =>
  it.scoped(name, () => Effect.flatMap(CredentialStorage.makeMemory, body))

/** How many changes an effect causes. */
const changes = (storage: Storage, change: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const seen: Array<ProtectionSpace.ProtectionSpace> = []
    const fiber = yield* Effect.fork(
      Stream.runForEach(storage.changes, (one) => Effect.sync(() => seen.push(one)))
    )
    yield* settle
    yield* change
    yield* settle
    yield* Fiber.interrupt(fiber)
    return seen
  })

const users = (storage: Storage, one: ProtectionSpace.ProtectionSpace) =>
  Effect.map(storage.credentials(one), (credentials) => [...credentials.keys()])
const defaultUser = (storage: Storage, one: ProtectionSpace.ProtectionSpace) =>
  Effect.map(storage.defaultCredential(one), (credential) => Option.getOrUndefined(credential)?.user)

describe("CredentialStorage", () => {
  storing(
    "starts empty (CRE-06, TestURLCredentialStorage/test_storageStartsEmpty)",
    (storage) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* storage.allCredentials, [])
        assert.strictEqual((yield* storage.credentials(space)).size, 0)
        assert.isTrue(Option.isNone(yield* storage.defaultCredential(space)))
      })
  )

  storing(
    "gives a credential back for its space, by user (CRE-07, CRE-08, " +
      "TestURLCredentialStorage/test_sessionCredentialGetsReturnedForTheRightProtectionSpace)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.set(ada, space)
        assert.strictEqual((yield* storage.credentials(spaceOf("Basic", "api"))).get("ada"), ada)
        const all = yield* storage.allCredentials
        assert.strictEqual(all.length, 1)
        assert.isTrue(Equal.equals(all[0]?.[0], space))
        assert.strictEqual(all[0]?.[1].get("ada"), ada)
      })
  )

  storing(
    "gives nothing for another space (CRE-07, " +
      "TestURLCredentialStorage/test_sessionCredentialDoesNotGetReturnedForTheWrongProtectionSpace)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.set(ada, space)
        for (
          const other of [
            elsewhere,
            spaceOf("Basic", "other"),
            spaceOf("Digest", "api"),
            spaceOf("Basic", "api", "http://api.test"),
            spaceOf("Basic", "api", "https://api.test:444"),
            ProtectionSpace.make({ ...space, isProxy: true })
          ]
        ) assert.deepStrictEqual(yield* users(storage, other), [])
      })
  )

  storing(
    "makes the first credential of a space its default (CRE-08, CRE-10, " +
      "TestURLCredentialStorage/test_sessionCredentialBecomesDefaultForProtectionSpace)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.set(ada, space)
        assert.strictEqual(yield* defaultUser(storage, space), "ada")
      })
  )

  storing(
    "gives the default that was set, and keeps it too (CRE-10, " +
      "TestURLCredentialStorage/test_sessionCredentialGetsReturnedAsDefaultIfSetAsDefaultForSpace, " +
      "TestURLCredentialStorage/test_sessionCredentialGetsReturnedIfSetAsDefaultForSpace)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.setDefaultCredential(ada, space)
        assert.strictEqual(yield* defaultUser(storage, space), "ada")
        assert.deepStrictEqual(yield* users(storage, space), ["ada"])
        yield* storage.setDefaultCredential(bob, space)
        assert.strictEqual(yield* defaultUser(storage, space), "bob")
        assert.deepStrictEqual(yield* users(storage, space), ["ada", "bob"])
      })
  )

  storing(
    "a default of one space is none of another (CRE-10, " +
      "TestURLCredentialStorage/test_sessionCredentialDoesNotGetReturnedIfSetAsDefaultForOtherSpace)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.setDefaultCredential(ada, space)
        assert.isUndefined(yield* defaultUser(storage, elsewhere))
        assert.deepStrictEqual(yield* users(storage, elsewhere), [])
      })
  )

  storing(
    "a second credential does not replace the default (CRE-08, " +
      "TestURLCredentialStorage/test_sessionCredentialDoesNotGetReturnedWhenNotAddedAsDefault)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.setDefaultCredential(ada, space)
        yield* storage.set(bob, space)
        assert.strictEqual(yield* defaultUser(storage, space), "ada")
      })
  )

  storing("a new password of the same user takes the place of the old one", (storage) =>
    Effect.gen(function*() {
      yield* storage.set(wrong, space)
      yield* storage.set(ada, space)
      assert.strictEqual((yield* storage.credentials(space)).size, 1)
      assert.deepStrictEqual(Option.getOrUndefined(yield* storage.defaultCredential(space)), ada)
    }))

  storing(
    "lets a credential be removed (CRE-09, TestURLCredentialStorage/test_sessionCredentialCanBeRemovedFromSpace)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.set(ada, space)
        yield* storage.remove(Credential.password({ user: "ada", password: "lovelace" }), space)
        assert.deepStrictEqual(yield* users(storage, space), [])
        assert.deepStrictEqual(yield* storage.allCredentials, [])
      })
  )

  storing(
    "removing the default leaves none, and the others where they are (CRE-09, " +
      "TestURLCredentialStorage/test_sessionDefaultCredentialCanBeRemovedFromSpace)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.setDefaultCredential(ada, space)
        yield* storage.set(bob, space)
        yield* storage.remove(ada, space)
        assert.isUndefined(yield* defaultUser(storage, space))
        assert.deepStrictEqual(yield* users(storage, space), ["bob"])
      })
  )

  storing(
    "removing what is not there changes nothing (CRE-09, " +
      "TestURLCredentialStorage/test_storageCanRemoveArbitraryCredentialWithoutFailing)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.remove(ada, space)
        yield* storage.set(ada, space)
        yield* storage.remove(wrong, space)
        assert.deepStrictEqual(yield* users(storage, space), ["ada"])
      })
  )

  storing(
    "does not keep a credential with persistence none (CRE-05, CRE-08, " +
      "TestURLCredentialStorage/test_storageWillNotSaveCredentialsWithoutPersistence)",
    (storage) =>
      Effect.gen(function*() {
        yield* storage.set(once, space)
        yield* storage.setDefaultCredential(once, space)
        assert.deepStrictEqual(yield* storage.allCredentials, [])
        assert.isUndefined(yield* defaultUser(storage, space))
      })
  )
})

describe("CredentialStorage.changes", () => {
  const tells = (
    name: string,
    before: (storage: Storage) => Effect.Effect<void>,
    change: (storage: Storage) => Effect.Effect<void>,
    expected: ReadonlyArray<ProtectionSpace.ProtectionSpace>
  ) =>
    storing(name, (storage) =>
      Effect.gen(function*() {
        yield* before(storage)
        assert.deepStrictEqual(
          (yield* changes(storage, change(storage))).map(String).sort(),
          expected.map(String).sort()
        )
      }).pipe(Effect.scoped))

  const nothing = () => Effect.void

  tells(
    "tells of a new credential (CRE-12, TestURLCredentialStorage/test_storageWillSendNotificationWhenAddingNewCredential)",
    nothing,
    (storage) => storage.set(ada, space),
    [space]
  )
  tells(
    "tells of the same credential in another space (CRE-12, " +
      "TestURLCredentialStorage/test_storageWillSendNotificationWhenAddingExistingCredentialToDifferentSpace)",
    (storage) => storage.set(ada, space),
    (storage) => storage.set(ada, elsewhere),
    [elsewhere]
  )
  tells(
    "does not tell of an equal credential (CRE-08, CRE-12, " +
      "TestURLCredentialStorage/test_storageWillNotSendNotificationWhenAddingExistingCredential)",
    (storage) => storage.set(ada, space),
    (storage) => storage.set(Credential.password({ user: "ada", password: "lovelace" }), space),
    []
  )
  tells(
    "tells of a new default (CRE-12, TestURLCredentialStorage/test_storageWillSendNotificationWhenAddingNewDefaultCredential)",
    nothing,
    (storage) => storage.setDefaultCredential(ada, space),
    [space]
  )
  tells(
    "does not tell of an equal default (CRE-12, " +
      "TestURLCredentialStorage/test_storageWillNotSendNotificationWhenAddingExistingDefaultCredential)",
    (storage) => storage.setDefaultCredential(ada, space),
    (storage) => storage.setDefaultCredential(ada, space),
    []
  )
  tells(
    "tells of a different default (CRE-12, " +
      "TestURLCredentialStorage/test_storageWillSendNotificationWhenAddingDifferentDefaultCredential)",
    (storage) => Effect.zipRight(storage.setDefaultCredential(ada, space), storage.set(bob, space)),
    (storage) => storage.setDefaultCredential(bob, space),
    [space]
  )
  tells(
    "tells of a removal (CRE-12, TestURLCredentialStorage/test_storageWillSendNotificationWhenRemovingExistingCredential)",
    (storage) => Effect.zipRight(storage.set(ada, space), storage.set(bob, space)),
    (storage) => storage.remove(bob, space),
    [space]
  )
  tells(
    "does not tell of a removal from a space that lacks it (CRE-12, " +
      "TestURLCredentialStorage/test_storageWillNotSendNotificationWhenRemovingExistingCredentialInOtherSpace)",
    (storage) => storage.set(ada, space),
    (storage) => storage.remove(ada, elsewhere),
    []
  )
  tells(
    "tells of the default's removal (CRE-12, " +
      "TestURLCredentialStorage/test_storageWillSendNotificationWhenRemovingDefaultNotification)",
    (storage) => storage.setDefaultCredential(ada, space),
    (storage) => storage.remove(ada, space),
    [space]
  )
  tells(
    "does not tell of what is not kept (CRE-05, CRE-12)",
    nothing,
    (storage) => Effect.zipRight(storage.set(once, space), storage.remove(once, space)),
    []
  )
  tells(
    "tells of every space when all is removed",
    (storage) => Effect.zipRight(storage.set(ada, space), storage.set(ada, elsewhere)),
    (storage) => storage.removeAll,
    [space, elsewhere]
  )
})

describe("a session and its storage", () => {
  it.scoped("two sessions share a storage where it is given to both, and none otherwise (CRE-06)", () =>
    Effect.gen(function*() {
      const storage = yield* CredentialStorage.makeMemory
      const shared = Effect.provideService(CredentialStorage.CredentialStorage, storage)
      const first = yield* UrlSession.make().pipe(Effect.provide(ChallengeResolver.layerFrom(always(ada))), shared)
      yield* first.data(api)
      const second = yield* UrlSession.make().pipe(shared)
      assert.strictEqual((yield* second.data(api))[1].status, 200)
      const third = yield* UrlSession.make()
      assert.strictEqual((yield* third.data(api))[1].status, 401)
    }).pipe(scripted(basicServer(ada))))

  it.scoped("reset empties it", () =>
    Effect.gen(function*() {
      const storage = yield* CredentialStorage.CredentialStorage
      const session = yield* UrlSession.make()
      yield* session.reset
      assert.deepStrictEqual(yield* storage.allCredentials, [])
      assert.strictEqual((yield* session.data(api))[1].status, 401)
    }).pipe(Effect.provide(storageWith([ada, space])), scripted(basicServer(ada))))
})

describe("Credential", () => {
  it("has user, password and persistence (CRE-01, CRE-04, CRE-05, TestURLCredential/test_construction)", () => {
    const credential = Credential.password({ user: "swiftUser", password: "swiftPassword", persistence: "none" })
    assert.strictEqual(credential._tag, "Password")
    assert.strictEqual(credential.user, "swiftUser")
    assert.strictEqual(Redacted.value(credential.password), "swiftPassword")
    assert.strictEqual(credential.persistence, "none")
    assert.strictEqual(ada.persistence, "session")
  })

  it("is equal to a copy, and to nothing else (TestURLCredential/test_copy)", () => {
    assert.isTrue(Credential.equals(ada, { ...ada }))
    assert.isTrue(Credential.equals(ada, Credential.password({ user: "ada", password: Redacted.make("lovelace") })))
    assert.isFalse(Credential.equals(ada, wrong))
    assert.isFalse(Credential.equals(ada, bob))
    assert.isFalse(
      Credential.equals(ada, Credential.password({ user: "ada", password: "lovelace", persistence: "none" }))
    )
  })

  it("is a certificate with its key, from PEM or PKCS#12, for the session at most and hidden (CRE-02)", () => {
    const pem = Credential.identity({ certificates: "the chain", key: "the key", passphrase: "of the key" })
    const bytes = Uint8Array.of(1, 2, 3)
    const file = Credential.identity({ pkcs12: bytes, persistence: "none" })
    bytes.fill(0)
    assert.deepStrictEqual([pem.persistence, file.persistence], ["session", "none"])
    assert.notMatch(`${JSON.stringify(pem)} ${inspect(pem, { depth: 9 })}`, /the key|of the key/)
    assert.deepStrictEqual(
      file.identity._tag === "Pkcs12" ? [...Redacted.value(file.identity.bytes)] : [],
      [1, 2, 3],
      "a copy"
    )
    // @ts-expect-error a client certificate is never stored
    Credential.identity({ certificates: "the chain", key: "the key", persistence: "permanent" })
  })

  it("accepts a server's trust (CRE-03)", () => {
    const presented: ServerTrust.ServerTrust = TestTransport.presented("api.test", 443)
    assert.deepStrictEqual(Credential.trust(presented), { _tag: "Trust", trust: presented })
  })
})

describe("ProtectionSpace", () => {
  it("is made of host, port, protocol, realm and method (PSP-01, PSP-02, PSP-04)", () => {
    const one = ProtectionSpace.make({ host: "API.test", port: 8443, protocol: "https", method: "Basic", realm: "" })
    assert.strictEqual(one.host, "api.test")
    assert.strictEqual(one.realm, "")
    assert.isFalse(one.isProxy)
    assert.strictEqual(one.origin, "https://api.test:8443")
    assert.strictEqual(spaceOf("Basic", "x", "http://[::1]").origin, "http://[::1]")
  })

  it("knows the protocols of servers and of proxies by their URLs' schemes (PSP-03)", () => {
    for (const [protocol, isProxy] of [["http", false], ["https", false], ["http", true], ["https", true]] as const) {
      const one = ProtectionSpace.make({ host: "h.test", port: 8080, protocol, method: "Basic", realm: "r", isProxy })
      assert.strictEqual(one.origin, `${protocol}://h.test:8080`)
      assert.strictEqual(one.receivesCredentialSecurely, protocol === "https")
      assert.strictEqual(
        Equal.equals(one, ProtectionSpace.make({ ...one, protocol: protocol === "http" ? "https" : "http" })),
        false
      )
      assert.isFalse(Equal.equals(one, ProtectionSpace.make({ ...one, isProxy: !isProxy })))
    }
  })

  it("is equal by value, so it is a key (PSP-06)", () => {
    assert.isTrue(Equal.equals(space, spaceOf("Basic", "api")))
    assert.isFalse(Equal.equals(space, spaceOf("Basic", "API")))
    assert.isFalse(Equal.equals(space, spaceOf("Basic", undefined)))
  })

  it("receives a credential securely over TLS, or by a method that does not show it (PSP-05)", () => {
    const secure = (method: "Basic" | "Digest", origin: string) =>
      spaceOf(method, "x", origin).receivesCredentialSecurely
    assert.isTrue(secure("Basic", "https://api.test"))
    assert.isTrue(secure("Digest", "http://api.test"))
    assert.isFalse(secure("Basic", "http://api.test"))
  })

  it("says itself in words (TestURLProtectionSpace/test_description)", () => {
    assert.strictEqual(String(space), "Basic space \"api\" of https://api.test")
    assert.strictEqual(
      String(
        ProtectionSpace.make({
          host: "proxy",
          port: 3128,
          protocol: "http",
          method: "Basic",
          isProxy: true,
          realm: "p"
        })
      ),
      "Basic proxy space \"p\" of http://proxy:3128"
    )
    assert.isAtMost(String(spaceOf("Basic", "r".repeat(10_000))).length, 200)
  })
})
