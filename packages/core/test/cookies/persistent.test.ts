/** Cookies that are written down: what is, when, what is read back, and what becomes of damage and of other writers. */
import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { scripted, settle } from "../session/support.ts"
import { today } from "./support.ts"

const shop = "https://www.shop.test/"
const { CookieStorageError } = CookieStorage
const quiet = Logger.remove(Logger.defaultLogger)

/** A place that a test looks into, and that can be told to fail. */
const makePlace = () => {
  const place = {
    text: undefined as string | undefined,
    aside: undefined as string | undefined,
    writes: 0,
    full: false
  }
  const service: CookieStorage.Place = {
    where: "the test",
    read: Effect.sync(() => place.text),
    update: (change) =>
      Effect.suspend(() => {
        if (place.full) return Effect.fail(new CookieStorageError({ where: "the test", reason: "Unwritable" }))
        place.writes++
        place.text = change(place.text)
        return Effect.void
      }),
    putAside: (text) =>
      Effect.sync(() => {
        place.aside = text
      })
  }
  return { place, service }
}

const header = (storage: CookieStorage.CookieStorageService) => storage.cookieHeader(shop)

describe("a storage that is written down", () => {
  it.effect("keeps cookies with an end over its life, and others where that is said", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(today)
      for (const [keepSessionCookies, expected] of [[false, "a=\xff1; c=3"], [true, "a=\xff1; b=2; c=3"]] as const) {
        const { service } = makePlace()
        yield* Effect.scoped(Effect.gen(function*() {
          const storage = yield* CookieStorage.makePersistent(service, { keepSessionCookies })
          yield* storage.setFromResponse(shop, [
            "a=\xff1; Max-Age=90",
            "b=2",
            "c=3; Max-Age=90; Secure; HttpOnly",
            "d=4; Max-Age=1"
          ])
          yield* TestClock.adjust("1 seconds")
        }))
        const again = yield* Effect.scoped(CookieStorage.makePersistent(service, { keepSessionCookies }))
        assert.strictEqual(yield* header(again), expected)
        assert.deepStrictEqual(yield* again.problems, [])
      }
    }))

  it.scoped("writes once for many changes, after its delay, and at once by flush (SES-12)", () =>
    Effect.gen(function*() {
      const { place, service } = makePlace()
      const storage = yield* CookieStorage.makePersistent(service, { writeDelay: "1 second" })
      for (let i = 0; i < 50; i++) yield* storage.setFromResponse(shop, [`a=${i}; Max-Age=90`])
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(place.writes, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(place.writes, 1)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(place.writes, 1)
      yield* storage.setFromResponse(shop, ["b=1; Max-Age=9000"])
      yield* storage.flush
      assert.include(place.text ?? "", "\"b\"")
    }))

  it.effect("a session's flush writes it, and its reset empties it for good (SES-11, SES-12)", () =>
    Effect.gen(function*() {
      const { place, service } = makePlace()
      const Storage = Layer.scoped(CookieStorage.CookieStorage, CookieStorage.makePersistent(service))
      yield* Effect.gen(function*() {
        const session = yield* UrlSession.make()
        yield* session.data(shop)
        yield* session.flush
        assert.include(place.text ?? "", "\"a\"")
        yield* session.reset
        yield* session.flush
        assert.notInclude(place.text ?? "", "\"a\"")
      }).pipe(Effect.scoped, Effect.provide(Storage))
    }).pipe(scripted(() => TestTransport.respond(200, { headers: [["set-cookie", "a=1; Max-Age=90"]] }))))

  it.effect(
    "a text that was cut at any byte gives what is whole, says so, and is put aside",
    () =>
      Effect.gen(function*() {
        const { place, service } = makePlace()
        yield* Effect.scoped(Effect.gen(function*() {
          const storage = yield* CookieStorage.makePersistent(service)
          yield* storage.setFromResponse(shop, [
            "a=1; Max-Age=9000000",
            "b=\u00e9\"2; Max-Age=9000000",
            "c=3; Max-Age=9000000"
          ])
        }))
        const whole = place.text ?? ""
        const full = ["a=1", "a=1; b=\u00e9\"2", "a=1; b=\u00e9\"2; c=3"]
        for (let length = 0; length <= whole.length; length++) {
          const text = whole.slice(0, length)
          const cut = makePlace()
          cut.place.text = text
          yield* Effect.scoped(Effect.gen(function*() {
            const storage = yield* CookieStorage.makePersistent(cut.service)
            const sent = yield* header(storage)
            const lines = text.split("\n").slice(1, 4)
            const complete = lines.filter((line, i) => line === whole.split("\n")[i + 1]).length
            assert.strictEqual(sent, complete === 0 ? undefined : full[complete - 1], `cut at ${length}`)
            const [problem] = yield* storage.problems
            const isWhole = length === 0 || length >= whole.length - 1
            assert.strictEqual(problem?._tag, isWhole ? undefined : "Damaged", `cut at ${length}`)
            assert.strictEqual(cut.place.aside, isWhole ? undefined : text)
            // what is written then is whole again
            yield* storage.flush
          }))
          const again = yield* Effect.scoped(CookieStorage.makePersistent(cut.service))
          assert.deepStrictEqual(yield* again.problems, [])
        }
      }).pipe(Effect.provide(quiet)),
    60_000
  )

  it.effect("a byte that has turned takes one cookie along, and no other", () =>
    Effect.gen(function*() {
      const { place, service } = makePlace()
      yield* Effect.scoped(Effect.gen(function*() {
        const storage = yield* CookieStorage.makePersistent(service)
        yield* storage.setFromResponse(shop, ["a=secret1; Max-Age=9000000", "b=secret2; Max-Age=9000000"])
      }))
      place.text = place.text?.replace("secret1", "secret9")
      const storage = yield* Effect.scoped(CookieStorage.makePersistent(service))
      assert.strictEqual(yield* header(storage), "b=secret2")
      const [problem] = yield* storage.problems
      assert.deepStrictEqual(problem, { _tag: "Damaged", where: "the test", kept: 1, lost: 1 })
      for (const text of ["\0\0\0\0", "GIF89a", "{}", "\n\n\n"]) {
        place.text = text
        const empty = yield* Effect.scoped(CookieStorage.makePersistent(service))
        assert.strictEqual(yield* empty.size, 0)
        assert.strictEqual((yield* empty.problems)[0]?._tag, "Damaged")
        assert.strictEqual(place.aside, text)
      }
    }).pipe(Effect.provide(quiet)))

  it.effect("what another version wrote is left alone", () =>
    Effect.gen(function*() {
      const { place, service } = makePlace()
      place.text = "urlsession-cookies 2\nsomething new\n"
      const error = yield* Effect.flip(Effect.scoped(CookieStorage.makePersistent(service)))
      assert.strictEqual(error.reason, "Foreign")
      assert.strictEqual(place.text, "urlsession-cookies 2\nsomething new\n")
    }))

  it.scoped("where nothing can be written it goes on in memory, says so, and tries again", () =>
    Effect.gen(function*() {
      const { place, service } = makePlace()
      const storage = yield* CookieStorage.makePersistent(service)
      place.full = true
      yield* storage.setFromResponse(shop, ["a=hidden; Max-Age=9000"])
      yield* TestClock.adjust("1 second")
      const [problem] = yield* storage.problems
      assert.strictEqual(problem?._tag, "NotWritten")
      assert.strictEqual((yield* Effect.flip(storage.flush)).reason, "Unwritable")
      assert.notInclude(JSON.stringify(yield* storage.problems), "hidden")
      assert.strictEqual(yield* header(storage), "a=hidden")
      place.full = false
      yield* storage.setFromResponse(shop, ["b=1; Max-Age=9000"])
      yield* TestClock.adjust("1 second")
      assert.include(place.text ?? "", "hidden")
    }).pipe(Effect.provide(quiet)))

  it.scoped("two that share a place keep each other's cookies, ends and removals", () =>
    Effect.gen(function*() {
      const { service } = makePlace()
      const first = yield* CookieStorage.makePersistent(service)
      const second = yield* CookieStorage.makePersistent(service)
      yield* first.setFromResponse(shop, ["a=1; Max-Age=9000", "shared=1; Max-Age=9000"])
      yield* second.setFromResponse(shop, ["b=2; Max-Age=9000"])
      yield* first.flush
      yield* second.flush
      yield* first.flush
      assert.strictEqual(yield* header(first), "a=1; shared=1; b=2")
      assert.strictEqual(yield* header(second), "b=2; a=1; shared=1")
      // one logs out, the other gets a new value
      yield* first.setFromResponse(shop, ["a=; Max-Age=0"])
      yield* second.setFromResponse(shop, ["shared=2; Max-Age=9000"])
      yield* second.flush
      yield* first.flush
      yield* second.flush
      assert.strictEqual(yield* header(first), "shared=2; b=2")
      assert.strictEqual(yield* header(second), "b=2; shared=2")
      yield* second.removeAll
      yield* second.flush
      yield* first.flush
      assert.strictEqual(yield* first.size, 0)
    }))

  it.effect("an interruption at any moment loses nothing that was set", () =>
    Effect.gen(function*() {
      const { service } = makePlace()
      const scope = yield* Scope.make()
      const storage = yield* Scope.extend(CookieStorage.makePersistent(service), scope)
      yield* storage.setFromResponse(shop, ["a=1; Max-Age=9000"])
      yield* settle
      yield* Scope.close(scope, Exit.interrupt(yield* Effect.fiberId))
      const again = yield* Effect.scoped(CookieStorage.makePersistent(service))
      assert.strictEqual(yield* header(again), "a=1")
    }))
})

describe("a KeyValueStore", () => {
  it.effect("holds cookies under its key", () =>
    Effect.gen(function*() {
      const open = <A, E>(use: Effect.Effect<A, E, CookieStorage.CookieStorage>) =>
        Effect.provide(use, CookieStorage.layerKeyValueStore({ key: "mine" }))
      yield* open(
        Effect.flatMap(CookieStorage.CookieStorage, (storage) => storage.setFromResponse(shop, ["a=1; Max-Age=90"]))
      )
      const store = yield* KeyValueStore.KeyValueStore
      assert.isTrue(Option.isSome(yield* store.get("mine")))
      assert.strictEqual(yield* open(Effect.flatMap(CookieStorage.CookieStorage, header)), "a=1")
    }).pipe(
      Effect.provide(TestTransport.layer({ answer: () => TestTransport.hang })),
      Effect.provide(KeyValueStore.layerMemory)
    ))

  it.effect("that cannot be read fails the Layer with a name and a reason", () =>
    Effect.gen(function*() {
      const refused = Effect.fail(
        new PlatformError.SystemError({ reason: "PermissionDenied", module: "KeyValueStore", method: "get" })
      )
      const broken = Layer.succeed(
        KeyValueStore.KeyValueStore,
        KeyValueStore.makeStringOnly({
          get: () => refused,
          set: () => refused,
          remove: () => refused,
          clear: refused,
          size: refused
        })
      )
      const error = yield* Effect.flip(
        Effect.provide(CookieStorage.CookieStorage, CookieStorage.layerKeyValueStore().pipe(Layer.provide(broken)))
      )
      assert.strictEqual(error.reason, "Unreadable")
      assert.include(error.message, "urlsession.cookies")
    }).pipe(Effect.provide(TestTransport.layer({ answer: () => TestTransport.hang }))))
})

describe("settings", () => {
  it("have the defaults of the documentation (CFG-20, CFG-21)", () => {
    assert.isTrue(SessionConfiguration.default.httpShouldSetCookies)
    assert.strictEqual(SessionConfiguration.default.httpCookieAcceptPolicy, "onlyFromMainDocumentDomain")
  })
})
