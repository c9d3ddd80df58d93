// What a session keeps of a challenge: for which paths, for whom, and for how long.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import { CredentialStorage } from "@urlsession/core/CredentialStorage"
import * as Disposition from "@urlsession/core/Disposition"
import * as TestTransport from "@urlsession/core/TestTransport"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  ada,
  always,
  Asked,
  authorizationOf,
  basicOf,
  basicServer,
  bob,
  defaultOf,
  sent,
  spaceOf,
  storageWith,
  wrong
} from "./authSupport.ts"
import { api, scripted } from "./support.ts"

const asAda = ChallengeResolver.layerFrom(always(ada))

/** Asks for these URLs, one after the other, and gives what was sent for each. */
const sentFor = (...urls: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const session = yield* UrlSession.make()
    const seen: Array<ReadonlyArray<string | undefined>> = []
    for (const url of urls) {
      const before = (yield* sent).length
      yield* session.data(url)
      seen.push((yield* sent).slice(before))
    }
    return seen
  })

const asked = [undefined, basicOf(ada)]
const ahead = [basicOf(ada)]

describe("Basic ahead of any challenge", () => {
  it.scoped("only in later requests, inside the directory that was challenged, by whole segments (AUT-13, TRU-04)", () =>
    Effect.gen(function*() {
      const seen = yield* sentFor(
        "https://api.test/admin/index?q=1",
        "https://api.test/admin/users",
        "https://api.test/admin/",
        "https://api.test/admin/deep/er",
        "https://api.test/admin",
        "https://api.test/administrator/index"
      )
      assert.deepStrictEqual(seen, [asked, ahead, ahead, ahead, asked, ahead])
    }).pipe(
      Effect.provide(asAda),
      // the directory of /admin is the root, so what follows it is covered
      scripted(basicServer(ada))
    ))

  it.scoped("/admin/ does not cover /administrator/ (AUT-13)", () =>
    Effect.gen(function*() {
      const seen = yield* sentFor("https://api.test/admin/x", "https://api.test/administrator/x")
      assert.deepStrictEqual(seen, [asked, asked])
    }).pipe(Effect.provide(asAda), scripted(basicServer(ada))))

  it.scoped("two directories of one realm are both kept", () =>
    Effect.gen(function*() {
      const seen = yield* sentFor(
        "https://api.test/a/1",
        "https://api.test/b/1",
        "https://api.test/a/2",
        "https://api.test/b/2"
      )
      assert.deepStrictEqual(seen, [asked, asked, ahead, ahead])
    }).pipe(Effect.provide(asAda), scripted(basicServer(ada))))

  it.scoped("the closest of two realms is chosen", () => {
    const byRealm = ChallengeResolver.layer({
      Basic: ChallengeResolver.anyOrigin(({ space }) =>
        Effect.succeed(Disposition.use(space.realm === "inner" ? bob : ada))
      )
    })
    return Effect.gen(function*() {
      const seen = yield* sentFor(
        "https://api.test/x",
        "https://api.test/in/x",
        "https://api.test/in/y",
        "https://api.test/y"
      )
      assert.deepStrictEqual(seen[2], [basicOf(bob)])
      assert.deepStrictEqual(seen[3], [basicOf(ada)])
    }).pipe(
      Effect.provide(byRealm),
      scripted((request) => {
        const inner = new URL(request.url).pathname.startsWith("/in/")
        return authorizationOf(request) === basicOf(inner ? bob : ada)
          ? TestTransport.respond(200)
          : TestTransport.challenge(`Basic realm="${inner ? "inner" : "outer"}"`)
      })
    )
  })

  it.scoped("never to another port, scheme or host (AUT-13)", () =>
    Effect.gen(function*() {
      const seen = yield* sentFor(api, "https://api.test:8443/", "https://api.test.evil.test/", "https://x.api.test/")
      assert.deepStrictEqual(seen.slice(1).map((one) => one[0]), [undefined, undefined, undefined])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.forSpace({ origin: api }, () => Effect.succeed(Disposition.use(ada)))
      })),
      scripted(basicServer(ada))
    ))

  it.scoped("a password that has been changed is asked for again, and forgotten for all", () => {
    const notes = new Asked()
    let accepted = ada
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      accepted = bob
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 200)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), basicOf(ada), basicOf(bob), basicOf(bob)])
      // what was sent ahead was no attempt of the task's own
      assert.deepStrictEqual(notes.challenges.map((one) => one.previousFailureCount), [0, 0])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(notes.answering(() => Disposition.use(accepted)))
      })),
      scripted((request) => basicServer(accepted)(request))
    )
  })

  it.scoped("a 401 without any challenge makes the session forget what it had sent", () => {
    let closed = false
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      closed = true
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), basicOf(ada), undefined])
    }).pipe(
      Effect.provide(asAda),
      scripted((request) => closed ? TestTransport.respond(401) : basicServer(ada)(request))
    )
  })

  it.scoped("reset forgets everything", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.reset
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [...asked, ...asked])
    }).pipe(Effect.provide(asAda), scripted(basicServer(ada))))

  it.scoped("the caller's own Authorization goes as it is, and what the session knows does not replace it (TRU-09)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      const own = HttpClientRequest.get(api).pipe(HttpClientRequest.bearerToken("t0ken"))
      const [, response] = yield* session.data(own)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada), "Bearer t0ken"])
    }).pipe(
      Effect.provide(asAda),
      scripted((request) =>
        authorizationOf(request) === "Bearer t0ken" ? TestTransport.respond(200) : basicServer(ada)(request)
      )
    ))

  it.scoped("an answer to a challenge takes the place of the caller's own Authorization", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const own = HttpClientRequest.get(api).pipe(HttpClientRequest.bearerToken("old"))
      const [, response] = yield* session.data(own)
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(yield* sent, ["Bearer old", basicOf(ada)])
    }).pipe(Effect.provide(asAda), scripted(basicServer(ada))))
})

describe("who a credential belongs to", () => {
  it.scoped("a task's credential answers for no other task, and its storage knows nothing of it", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api).pipe(ChallengeResolver.provideTask(always(ada)))
      const [, without] = yield* session.data(api)
      assert.strictEqual(without.status, 401)
      const other = ChallengeResolver.make({
        Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.useNone))
      })
      const [, withAnother] = yield* session.data(api).pipe(ChallengeResolver.provideTask(other))
      assert.strictEqual(withAnother.status, 401)
      assert.deepStrictEqual(yield* sent, [...asked, undefined, undefined])
      assert.strictEqual((yield* (yield* CredentialStorage).allCredentials).length, 0)
    }).pipe(Effect.provide(storageWith()), scripted(basicServer(ada))))

  it.scoped("a task that answers Basic itself never gets the session's credential", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api).pipe(ChallengeResolver.provideTask(always(bob)))
      assert.deepStrictEqual(yield* sent, [...asked, undefined, basicOf(bob)])
    }).pipe(Effect.provide(asAda), scripted(basicServer(ada, bob))))

  it.scoped("one provision of a task's resolver is asked once for its space", () => {
    const notes = new Asked()
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* Effect.zipRight(session.data(api), session.data(api)).pipe(
        ChallengeResolver.provideTask(ChallengeResolver.make({ Basic: notes.basic(Disposition.use(ada)) }))
      )
      assert.strictEqual(notes.count, 1)
      assert.deepStrictEqual(yield* sent, [...asked, ...ahead])
    }).pipe(scripted(basicServer(ada)))
  })

  it.scoped("a URL's user is never sent as another one, nor for a URL without user info", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://ada:lovelace@api.test/")
      yield* session.data("https://bob:builder@api.test/")
      yield* session.data("https://ada:lovelace@api.test/")
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(yield* sent, [...asked, undefined, basicOf(bob), ...ahead, undefined])
    }).pipe(scripted(basicServer(ada, bob))))

  it.scoped("a URL's user keeps to the URL when a resolver uses what is proposed", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data("https://ada:lovelace@api.test/")
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(yield* sent, [...asked, undefined])
    }).pipe(
      Effect.provide(ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(({ proposedCredential }) =>
          Effect.succeed(
            proposedCredential._tag === "Some" ? Disposition.use(proposedCredential.value) : Disposition.useNone
          )
        )
      })),
      scripted(basicServer(ada))
    ))

  it.scoped("a session's credential is not sent for a URL that names another user", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data("https://bob:builder@api.test/")
      assert.deepStrictEqual(yield* sent, [...asked, undefined, basicOf(bob)])
    }).pipe(Effect.provide(storageWith([ada, spaceOf("Basic", "api")])), scripted(basicServer(ada, bob))))
})

describe("storage", () => {
  const space = spaceOf("Basic", "api")

  it.scoped("is written after success, and not before (AUT-14)", () => {
    const answers = [wrong, ada]
    return Effect.gen(function*() {
      const storage = yield* CredentialStorage
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual(yield* defaultOf(space), ada)
      assert.strictEqual((yield* storage.credentials(space)).size, 1)
    }).pipe(
      Effect.provide(
        ChallengeResolver.layer({
          Basic: ChallengeResolver.anyOrigin(({ previousFailureCount }) =>
            Effect.gen(function*() {
              const storage = yield* CredentialStorage
              assert.strictEqual((yield* storage.allCredentials).length, 0)
              return Disposition.use(answers[previousFailureCount] ?? ada)
            })
          )
        })
      ),
      Effect.provide(storageWith()),
      scripted(basicServer(ada))
    )
  })

  it.scoped("never gets a credential with persistence none, nor is it sent again (CRE-05, CRE-08)", () => {
    const once = Credential.password({ user: "ada", password: "lovelace", persistence: "none" })
    return Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      yield* session.data(api)
      assert.deepStrictEqual(yield* sent, [...asked, ...asked])
      assert.strictEqual((yield* (yield* CredentialStorage).allCredentials).length, 0)
    }).pipe(
      Effect.provide(Layer.mergeAll(storageWith(), ChallengeResolver.layerFrom(always(once)))),
      scripted(basicServer(ada))
    )
  })

  it.scoped("gets a new default where the old one was refused by the same task (AUT-14)", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual(yield* defaultOf(space), bob)
    }).pipe(
      Effect.provide(Layer.mergeAll(
        storageWith([wrong, space]),
        ChallengeResolver.layer({
          Basic: ChallengeResolver.anyOrigin(({ previousFailureCount }) =>
            Effect.succeed(previousFailureCount === 0 ? Disposition.performDefault : Disposition.use(bob))
          )
        })
      )),
      scripted(basicServer(bob))
    ))

  it.scoped("keeps its default where another user has worked besides", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      yield* session.data(api)
      assert.strictEqual(yield* defaultOf(space), ada)
      assert.strictEqual((yield* (yield* CredentialStorage).credentials(space)).size, 2)
    }).pipe(
      Effect.provide(Layer.mergeAll(storageWith([ada, space]), ChallengeResolver.layerFrom(always(bob)))),
      scripted(basicServer(ada, bob))
    ))

  it.scoped("its default for one space is not sent to another realm or method", () =>
    Effect.gen(function*() {
      const session = yield* UrlSession.make()
      const [, response] = yield* session.data(api)
      assert.strictEqual(response.status, 401)
      assert.deepStrictEqual(yield* sent, [undefined])
    }).pipe(
      Effect.provide(storageWith([ada, spaceOf("Basic", "other")], [ada, spaceOf("Digest", "api")])),
      scripted(basicServer(ada))
    ))
})
