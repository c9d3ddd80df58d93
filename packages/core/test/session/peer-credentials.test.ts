/** Credentials that a task looks up, keeps and forgets: the task's forms of another implementation's credential storage. */
import { assert, describe, it } from "@effect/vitest"
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as CredentialStorage from "@urlsession/core/CredentialStorage"
import * as Disposition from "@urlsession/core/Disposition"
import * as UrlSession from "@urlsession/core/UrlSession"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { ada, basicOf, basicServer, bob, sent, spaceOf, wrong } from "./authSupport.ts"
import { api, scripted } from "./support.ts"

const space = spaceOf("Basic", "api")
const storage = CredentialStorage.CredentialStorage

/** A session whose resolver works with the storage that the session has too, in the middle of a task. */
const sessionWith = (
  answer: (
    credentials: CredentialStorage.CredentialStorageService,
    challenge: AuthenticationChallenge
  ) => Effect.Effect<Disposition.Disposition>
) =>
  Effect.provide(
    UrlSession.make(),
    ChallengeResolver.layer({
      Basic: ChallengeResolver.anyOrigin((challenge) =>
        Effect.flatMap(storage, (credentials) => answer(credentials, challenge))
      )
    })
  )

const answeringWith = (credential: Credential.PasswordCredential | undefined): Disposition.Disposition =>
  credential === undefined ? Disposition.cancel : Disposition.use(credential)

/** What is in a storage for the space: its users, and who of them is the default. */
const held = (credentials: CredentialStorage.CredentialStorageService) =>
  Effect.all({
    users: Effect.map(credentials.credentials(space), (byUser) => [...byUser.keys()].sort()),
    default: Effect.map(credentials.defaultCredential(space), (found) => Option.getOrUndefined(found)?.user)
  })

describe("a storage, asked by a task", () => {
  it.scoped("gives the credentials of the challenged space, of which the task may choose (CRE-11, TestURLCredentialStorage/test_taskBasedGetCredentialsReturnsCredentialsForSpace)", () =>
    Effect.gen(function*() {
      const credentials = yield* storage
      yield* credentials.set(ada, space)
      yield* credentials.set(bob, space)
      const session = yield* sessionWith((own, challenge) =>
        Effect.map(own.credentials(challenge.space), (byUser) => answeringWith(byUser.get("bob")))
      )
      assert.strictEqual((yield* session.data(api))[1].status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(bob)])
    }).pipe(Effect.provide(CredentialStorage.layerMemory), scripted(basicServer(bob))))

  it.scoped("keeps what the task gives it, for tasks that nobody answers for (CRE-11, TestURLCredentialStorage/test_taskBasedSetCredentialStoresGivenCredentials)", () =>
    Effect.gen(function*() {
      const credentials = yield* storage
      const setting = yield* sessionWith((own, challenge) =>
        Effect.as(own.set(ada, challenge.space), Disposition.useNone)
      )
      assert.strictEqual((yield* setting.data(api))[1].status, 401)
      assert.deepStrictEqual(yield* held(credentials), { users: ["ada"], default: "ada" })
      const another = yield* UrlSession.make()
      assert.strictEqual((yield* another.data(api))[1].status, 200)
    }).pipe(Effect.provide(CredentialStorage.layerMemory), scripted(basicServer(ada))))

  it.scoped("forgets what the task removes (CRE-11, TestURLCredentialStorage/test_taskBasedRemoveCredentialDeletesCredentialsFromSpace)", () =>
    Effect.gen(function*() {
      const credentials = yield* storage
      yield* credentials.set(wrong, space)
      const session = yield* sessionWith((own, challenge) =>
        challenge.previousFailureCount === 0
          ? Effect.succeed(answeringWith(Option.getOrUndefined(challenge.proposedCredential)))
          : Effect.as(
            Option.match(challenge.proposedCredential, {
              onNone: () => Effect.void,
              onSome: (failed) => own.remove(failed, challenge.space)
            }),
            Disposition.useNone
          )
      )
      assert.strictEqual((yield* session.data(api))[1].status, 401)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(wrong)])
      assert.deepStrictEqual(yield* credentials.allCredentials, [])
    }).pipe(Effect.provide(CredentialStorage.layerMemory), scripted(basicServer(ada))))

  it.scoped("gives the default of the space, which the task is proposed and uses when nobody answers (CRE-11, AUT-04, TestURLCredentialStorage/test_taskBasedGetDefaultCredentialReturnsTheDefaultCredential)", () =>
    Effect.gen(function*() {
      const credentials = yield* storage
      yield* credentials.set(bob, space)
      yield* credentials.setDefaultCredential(ada, space)
      const asked: Array<string> = []
      const watched: CredentialStorage.CredentialStorageService = {
        ...credentials,
        defaultCredential: (one) =>
          Effect.zipRight(Effect.sync(() => asked.push(one.toString())), credentials.defaultCredential(one))
      }
      const session = yield* Effect.provideService(UrlSession.make(), storage, watched)
      assert.strictEqual((yield* session.data(api))[1].status, 200)
      assert.deepStrictEqual(yield* sent, [undefined, basicOf(ada)])
      assert.include(asked, space.toString())
      const chosen = yield* sessionWith((own, challenge) =>
        Effect.map(own.defaultCredential(challenge.space), (found) => answeringWith(Option.getOrUndefined(found)))
      )
      assert.strictEqual((yield* chosen.data(api))[1].status, 200)
    }).pipe(Effect.provide(CredentialStorage.layerMemory), scripted(basicServer(ada))))

  it.scoped("takes another default from the task (CRE-11, TestURLCredentialStorage/test_taskBasedSetDefaultCredentialStoresTheDefaultCredential)", () =>
    Effect.gen(function*() {
      const credentials = yield* storage
      yield* credentials.set(bob, space)
      const session = yield* sessionWith((own, challenge) =>
        Effect.as(own.setDefaultCredential(ada, challenge.space), Disposition.useNone)
      )
      assert.strictEqual((yield* session.data(api))[1].status, 401)
      assert.deepStrictEqual(yield* held(credentials), { users: ["ada", "bob"], default: "ada" })
      const another = yield* UrlSession.make()
      assert.strictEqual((yield* another.data(api))[1].status, 200)
      assert.strictEqual((yield* sent)[2], basicOf(ada))
    }).pipe(Effect.provide(CredentialStorage.layerMemory), scripted(basicServer(ada))))

  it.scoped("is written by the session itself when a credential has worked, and not when it has failed (AUT-14, CRE-11)", () =>
    Effect.gen(function*() {
      const credentials = yield* storage
      const written: Array<string> = []
      const watched: CredentialStorage.CredentialStorageService = {
        ...credentials,
        set: (credential, one) =>
          Effect.zipRight(
            Effect.sync(() => written.push(`${credential.user} ${one}`)),
            credentials.set(credential, one)
          )
      }
      const resolver = ChallengeResolver.layer({
        Basic: ChallengeResolver.anyOrigin(({ previousFailureCount }) =>
          Effect.succeed(Disposition.use(previousFailureCount === 0 ? wrong : bob))
        )
      })
      const session = yield* Effect.provide(UrlSession.make(), Layer.merge(resolver, Layer.succeed(storage, watched)))
      assert.strictEqual((yield* session.data(api))[1].status, 200)
      assert.deepStrictEqual(written, [`bob ${space}`])
    }).pipe(Effect.provide(CredentialStorage.layerMemory), scripted(basicServer(bob))))
})

describe("a credential that is written down", () => {
  const write = Schema.encodeSync(Credential.passwordSchema)
  const read = Schema.decodeUnknownEither(Credential.passwordSchema)

  it("is the same when it is read again, its password hidden (CRE-04, TestURLCredential/test_NSCoding)", () => {
    for (const persistence of ["none", "session", "permanent"] as const) {
      const one = Credential.password({ user: "swiftUser", password: "swiftPassword", persistence })
      const again = Either.getOrThrow(read(JSON.parse(JSON.stringify(write(one)))))
      assert.isTrue(Credential.equals(one, again))
      assert.strictEqual(Redacted.value(again.password), "swiftPassword")
      assert.notInclude(inspect(again, { depth: 9 }), "swiftPassword")
      assert.notInclude(JSON.stringify(again), "swiftPassword")
    }
  })

  it("is not read from a broken record, and what is said of that quotes nothing", () => {
    const record = write(Credential.password({ user: "swiftUser", password: "swiftPassword" }))
    for (const wrong of [null, { ...record, persistence: "forever" }, { ...record, user: 1 }, [record]]) {
      const result = read(wrong)
      const shown = Either.isLeft(result) ? inspect(result.left, { depth: 9 }) + String(result.left) : "read"
      assert.match(shown, /not a record of a credential/)
      assert.notInclude(shown, "swiftPassword")
    }
  })
})
