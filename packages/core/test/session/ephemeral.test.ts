// A session that keeps everything to itself, and leaves nothing.
import { assert, describe, it } from "@effect/vitest"
import * as CookieStorage from "@urlsession/core/CookieStorage"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as SessionConfiguration from "@urlsession/core/SessionConfiguration"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlCache from "@urlsession/core/UrlCache"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ada, basicServer, sent, spaceOf } from "./authSupport.ts"
import { api, requests, scripted } from "./support.ts"

const stores = Layer.mergeAll(CookieStorage.layerMemory, CredentialStorage.layerMemory, UrlCache.layerMemory())

const cookiesOf = (session: UrlSession.Service) =>
  Option.match(session.cookies, { onNone: () => Effect.succeed(0), onSome: (storage) => storage.size })

const cached = (request: TestTransport.ReceivedRequest) =>
  TestTransport.respond(200, { headers: { "cache-control": "max-age=60", "set-cookie": `n=${request.index}` } })

describe("an ephemeral session (CFG-02)", () => {
  it.scoped("has cookies and a cache of its own, whatever is provided, and they are gone with it", () =>
    Effect.gen(function*() {
      const outside = yield* CookieStorage.CookieStorage
      const [one, other] = yield* Effect.all([
        UrlSession.make(SessionConfiguration.ephemeral),
        UrlSession.make(SessionConfiguration.ephemeral)
      ])
      yield* one.data(api)
      yield* one.data(api)
      assert.strictEqual((yield* requests).length, 1)
      yield* other.data(api)
      assert.strictEqual((yield* requests).length, 2)
      assert.deepStrictEqual([yield* cookiesOf(one), yield* cookiesOf(other), yield* outside.size], [1, 1, 0])
      yield* one.invalidateAndCancel
      assert.deepStrictEqual([yield* cookiesOf(one), yield* cookiesOf(other)], [0, 1])
    }).pipe(Effect.provide(stores.pipe(Layer.provideMerge(TestTransport.layer({ answer: cached }))))))

  it.scoped("asks no storage for credentials, and gives none to it", () =>
    Effect.gen(function*() {
      const outside = yield* CredentialStorage.CredentialStorage
      const space = spaceOf("Basic", "api")
      yield* outside.set(ada, space)
      const session = yield* UrlSession.make(SessionConfiguration.ephemeral)
      const [, refused] = yield* session.data(api)
      assert.strictEqual(refused.status, 401)
      const [, head] = yield* session.data("https://ada:lovelace@api.test/")
      assert.strictEqual(head.status, 200)
      assert.deepStrictEqual((yield* sent).map((value) => value === undefined), [true, true, false])
      yield* outside.remove(ada, space)
      assert.strictEqual((yield* outside.credentials(space)).size, 0)
    }).pipe(Effect.provide(stores), scripted(basicServer(Credential.password({ user: "ada", password: "lovelace" })))))
})
