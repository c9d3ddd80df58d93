// Credentials that outlive the process: what is written, when, and what becomes of failures.
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as Disposition from "@urlsession/core/Disposition"
import type * as ProtectionSpace from "@urlsession/core/ProtectionSpace"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { ada, always, Asked, basicOf, basicServer, bob, sent, spaceOf, wrong } from "../session/authSupport.ts"
import { api, scripted, settle } from "../session/support.ts"
import { builder, lovelace, MemoryPlace } from "./support.ts"

const space = spaceOf("Basic", "api")
const other = spaceOf("Digest", undefined, "http://[::1]:8080")
const quiet = Logger.remove(Logger.defaultLogger)

type Storage = CredentialStorage.CredentialStorageService

const using = <A, E>(place: CredentialStorage.Place, use: (storage: Storage) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(CredentialStorage.makePersistent(place), use))
const users = (storage: Storage, one: ProtectionSpace.ProtectionSpace = space) =>
  Effect.map(storage.credentials(one), (credentials) => [...credentials.keys()])
const defaultUser = (storage: Storage, one: ProtectionSpace.ProtectionSpace = space) =>
  Effect.map(storage.defaultCredential(one), (credential) => Option.getOrUndefined(credential)?.user)

describe("a permanent storage", () => {
  it.scoped("brings back permanent credentials and the default, of every space [CRE-05] [CRE-08]", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      yield* using(place, (storage) =>
        Effect.all([
          storage.set(lovelace, space),
          storage.setDefaultCredential(builder, space),
          storage.set(lovelace, other)
        ]))
      yield* using(place, (storage) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* users(storage), ["ada", "bob"])
          assert.strictEqual(yield* defaultUser(storage), "bob")
          assert.strictEqual(yield* defaultUser(storage, other), "ada")
          const again = (yield* storage.credentials(space)).get("ada")
          assert.isTrue(again !== undefined && Credential.equals(again, lovelace))
        }))
    }))

  it.scoped("keeps those of a session in memory, and none of the others [CRE-05]", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      yield* using(place, (storage) =>
        Effect.gen(function*() {
          yield* storage.set(ada, space)
          yield* storage.set(Credential.password({ user: "eve", password: "x", persistence: "none" }), space)
          assert.deepStrictEqual(yield* users(storage), ["ada"])
        }))
      assert.isUndefined(place.text)
      yield* using(place, (storage) => Effect.map(users(storage), (found) => assert.deepStrictEqual(found, [])))
    }))

  it.scoped("a change is written at once, and an equal one not at all [CRE-08]", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      const storage = yield* CredentialStorage.makePersistent(place)
      yield* storage.set(lovelace, space)
      yield* settle
      assert.strictEqual(place.writes, 1)
      yield* storage.set(lovelace, space)
      yield* storage.setDefaultCredential(lovelace, space)
      yield* settle
      assert.strictEqual(place.writes, 1)
      yield* storage.remove(lovelace, space)
      yield* settle
      assert.strictEqual(place.writes, 2)
      assert.notInclude(place.text ?? "", "lovelace")
    }))

  it.scoped("a removed default leaves none, in the place too [CRE-09]", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      yield* using(place, (storage) =>
        Effect.all([storage.set(lovelace, space), storage.set(builder, space), storage.remove(lovelace, space)]))
      yield* using(place, (storage) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* users(storage), ["bob"])
          assert.isUndefined(yield* defaultUser(storage))
        }))
    }))

  it.scoped("a removed default of the session alone leaves none after a merge as well", () =>
    using(new MemoryPlace(), (storage) =>
      Effect.gen(function*() {
        yield* storage.setDefaultCredential(bob, space)
        yield* storage.set(lovelace, space)
        yield* storage.flush
        assert.strictEqual(yield* defaultUser(storage), "bob")
        yield* storage.remove(bob, space)
        yield* storage.flush
        assert.isUndefined(yield* defaultUser(storage))
        assert.deepStrictEqual(yield* users(storage), ["ada"])
      })))

  it.scoped("the same password for a session does not take back a permanent one, another one does", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      yield* using(place, (storage) => Effect.zipRight(storage.set(lovelace, space), storage.set(ada, space)))
      assert.include(place.text ?? "", "lovelace")
      yield* using(place, (storage) => storage.set(wrong, space))
      assert.notInclude(place.text ?? "", "lovelace")
      assert.notInclude(place.text ?? "", "guess")
    }))

  it.scoped("two of them lose nothing of each other, and tell of what they took over [CRE-12]", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      const first = yield* CredentialStorage.makePersistent(place)
      const second = yield* CredentialStorage.makePersistent(place)
      yield* first.set(lovelace, space)
      yield* settle
      const told = yield* Effect.fork(Stream.runCollect(Stream.take(second.changes, 2)))
      yield* settle
      yield* second.set(builder, other)
      yield* second.flush
      assert.deepStrictEqual([...yield* Fiber.join(told)].map(String).sort(), [space, other].map(String).sort())
      assert.deepStrictEqual(yield* users(second), ["ada"])
      yield* first.flush
      assert.deepStrictEqual(yield* users(first, other), ["bob"])
    }))

  it.scoped("removeAll removes what others have written too, and what comes after it stays", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      const storage = yield* CredentialStorage.makePersistent(place)
      yield* using(place, (another) => another.set(lovelace, other))
      yield* storage.removeAll
      yield* storage.set(builder, space)
      yield* storage.flush
      assert.notInclude(place.text ?? "", "lovelace")
      assert.deepStrictEqual(yield* users(storage), ["bob"])
      assert.deepStrictEqual(yield* users(storage, other), [])
    }))
})

describe("a place that fails", () => {
  it.scoped("is told, without the password; the change is in memory, and is written with the next one", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      const lines: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => void lines.push(inspect(message, { depth: 9 })))
      )
      const storage = yield* Effect.provide(CredentialStorage.makePersistent(place), logger)
      const failures: Array<CredentialStorage.CredentialStorageError> = []
      yield* Effect.forkScoped(Stream.runForEach(storage.failures, (one) => Effect.sync(() => failures.push(one))))
      yield* settle
      place.failing = true
      yield* storage.set(lovelace, space)
      yield* settle
      assert.deepStrictEqual(failures.map((one) => one.reason), ["Unwritable"])
      assert.strictEqual(lines.length, 1)
      assert.notInclude(lines.join() + inspect(failures, { depth: 9 }), "lovelace")
      assert.strictEqual(yield* defaultUser(storage), "ada")
      assert.strictEqual((yield* Effect.flip(storage.flush)).reason, "Unwritable")
      place.failing = false
      yield* storage.set(builder, space)
      yield* settle
      assert.include(place.text ?? "", "lovelace")
      assert.include(place.text ?? "", "builder")
    }))

  it.scoped("does not fail the request whose credential could not be written", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      const storage = yield* CredentialStorage.makePersistent(place)
      place.failing = true
      const session = yield* UrlSession.make().pipe(
        Effect.provide(ChallengeResolver.layerFrom(always(lovelace))),
        Effect.provideService(CredentialStorage.CredentialStorage, storage)
      )
      assert.strictEqual((yield* session.data(api))[1].status, 200)
      yield* settle
      assert.isUndefined(place.text)
    }).pipe(scripted(basicServer(lovelace)), Effect.provide(quiet)))

  for (
    const [text, reason] of [
      ["", "NotCredentials"],
      ["secret lovelace", "NotCredentials"],
      ["{\"cookies\":[]}", "NotCredentials"],
      ["{\"format\":\"urlsession-credentials\",\"version\":2}", "Foreign"],
      ["{\"format\":\"urlsession-credentials\",\"version\":1,\"spaces\":[{\"lovelace\":1}]}", "Damaged"]
    ] as const
  ) {
    it.scoped(`with ${JSON.stringify(text)} is ${reason}, and is left as it is`, () =>
      Effect.gen(function*() {
        const place = new MemoryPlace()
        place.text = text
        const error = yield* Effect.flip(using(place, (storage) => storage.set(lovelace, space)))
        assert.strictEqual(error.reason, reason)
        assert.notInclude(inspect(error, { depth: 9 }) + String(error), "lovelace")
        // one that was whole when it was opened
        place.text = undefined
        yield* using(place, (storage) =>
          Effect.gen(function*() {
            place.text = text
            yield* storage.set(lovelace, space)
            assert.strictEqual((yield* Effect.flip(storage.flush)).reason, reason)
          }))
        assert.strictEqual(place.text, text)
      }).pipe(Effect.provide(quiet)))
  }
})

describe("a session with permanent credentials", () => {
  const over = (place: MemoryPlace, resolver?: ReturnType<typeof always>) =>
    Effect.gen(function*() {
      const storage = yield* CredentialStorage.makePersistent(place)
      const session = yield* UrlSession.make().pipe(
        Effect.provide(resolver === undefined ? Layer.empty : ChallengeResolver.layerFrom(resolver)),
        Effect.provideService(CredentialStorage.CredentialStorage, storage)
      )
      return { session, storage }
    })

  it.scoped("writes one that worked, and the next session uses it [AUT-14] [CRE-05]", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      yield* Effect.scoped(Effect.flatMap(over(place, always(lovelace)), ({ session }) => session.data(api)))
      assert.include(place.text ?? "", "lovelace")
      const { session } = yield* over(place)
      assert.strictEqual((yield* session.data(api))[1].status, 200)
    }).pipe(scripted(basicServer(lovelace))))

  it.scoped("writes none that was refused [AUT-14]", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      const guess = Credential.password({ user: "ada", password: "guess", persistence: "permanent" })
      const asked = new Asked()
      const resolver = ChallengeResolver.make({ Basic: asked.basic(Disposition.use(guess), Disposition.useNone) })
      yield* Effect.scoped(Effect.flatMap(over(place, resolver), ({ session }) => session.data(api)))
      assert.strictEqual(asked.count, 2)
      assert.isUndefined(place.text)
    }).pipe(scripted(basicServer(lovelace))))

  it.scoped("one that is written and refused is not proposed again in that task, and stays written", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      yield* using(place, (storage) => storage.set(lovelace, space))
      const asked = new Asked()
      const resolver = ChallengeResolver.make({ Basic: asked.basic(Disposition.performDefault) })
      const { session, storage } = yield* over(place, resolver)
      assert.strictEqual((yield* session.data(api))[1].status, 401)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(lovelace)])
      assert.strictEqual(asked.count, 2)
      assert.deepStrictEqual(yield* users(storage), ["ada"])
      yield* storage.flush
      assert.include(place.text ?? "", "lovelace")
    }).pipe(scripted(basicServer(builder))))

  it.scoped("reset removes what is written too", () =>
    Effect.gen(function*() {
      const place = new MemoryPlace()
      yield* using(place, (storage) => storage.set(lovelace, space))
      const { session, storage } = yield* over(place)
      yield* session.reset
      yield* storage.flush
      assert.notInclude(place.text ?? "", "lovelace")
    }).pipe(scripted(basicServer(lovelace))))
})

describe("layerKeyValueStore", () => {
  const storeOf = (map: Map<string, string>) =>
    Layer.succeed(
      KeyValueStore.KeyValueStore,
      KeyValueStore.makeStringOnly({
        get: (key) => Effect.sync(() => Option.fromNullable(map.get(key))),
        set: (key, value) => Effect.sync(() => void map.set(key, value)),
        remove: (key) => Effect.sync(() => void map.delete(key)),
        clear: Effect.sync(() => map.clear()),
        size: Effect.sync(() => map.size)
      })
    )
  const reversed: CredentialStorage.Sealer = {
    seal: (text) => Effect.succeed(new TextEncoder().encode(text).reverse()),
    open: (sealed) => Effect.succeed(new TextDecoder().decode(Uint8Array.from(sealed).reverse()))
  }
  for (const sealer of [undefined, reversed]) {
    it.effect(`keeps them under its key${sealer === undefined ? "" : ", sealed"} [CRE-05]`, () => {
      const map = new Map<string, string>()
      const Storage = CredentialStorage.layerKeyValueStore(sealer === undefined ? {} : { sealer }).pipe(
        Layer.provide(storeOf(map))
      )
      return Effect.gen(function*() {
        yield* Effect.flatMap(CredentialStorage.CredentialStorage, (storage) => storage.set(lovelace, space)).pipe(
          Effect.provide(Layer.fresh(Storage))
        )
        const record = map.get("urlsession.credentials") ?? ""
        assert.strictEqual(record.includes("lovelace"), sealer === undefined)
        const found = yield* Effect.flatMap(CredentialStorage.CredentialStorage, users).pipe(
          Effect.provide(Layer.fresh(Storage))
        )
        assert.deepStrictEqual(found, ["ada"])
      })
    })
  }
})

describe("what is printed of a storage", () => {
  it.scoped("shows no password", () =>
    using(new MemoryPlace(), (storage) =>
      Effect.gen(function*() {
        yield* storage.set(lovelace, space)
        const all = yield* storage.allCredentials
        const shown = [inspect(storage, { depth: 9 }), inspect(all, { depth: 9 }), JSON.stringify(all), String(all)]
        assert.notInclude(shown.join(), Redacted.value(lovelace.password))
      })))
})
