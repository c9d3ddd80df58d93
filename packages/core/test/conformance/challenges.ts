/** Challenges of the origin: no answer, the right one, the wrong one. The resolvers are those of a task. */
import { assert } from "@effect/vitest"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as RequestBody from "@urlsession/core/RequestBody"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { bytesOf, type Cases, failsWith, Recorder, textOf, withSession } from "./harness.ts"
import { password } from "./routes.ts"

/** Answers for the origin with a password, once. */
const answering = (origin: string, secret: string = password.password) =>
  ChallengeResolver.make({
    Basic: ChallengeResolver.forSpace({ origin, realm: "conformance" }, ({ previousFailureCount }) =>
      Effect.succeed(
        previousFailureCount > 0
          ? Disposition.cancel
          : Disposition.use(Credential.password({ user: password.user, password: secret }))
      ))
  })

export const challenges = ({ all }: Cases): void => {
  all(
    "401 without a resolver is the response (AUT-01)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const [bytes, response] = yield* session.data(`${origin.url}/secret`)
          assert.strictEqual(response.status, 401)
          assert.strictEqual(response.headers.get("www-authenticate"), "Basic realm=\"conformance\"")
          assert.strictEqual(textOf(bytes), "who are you")
        })
      )
  )

  all("401 is answered by the resolver, and the next request is let in at once (AUT-13)", () => {
    const recorder = new Recorder()
    return withSession(({ origin, session }) =>
      Effect.gen(function*() {
        const resolver = answering(origin.url)
        for (let i = 0; i < 2; i++) {
          const [bytes, response] = yield* session.data(`${origin.url}/secret`).pipe(
            ChallengeResolver.provideTask(resolver)
          )
          assert.strictEqual(response.status, 200)
          assert.strictEqual(textOf(bytes), "welcome")
        }
        assert.isAtLeast(recorder.of("ChallengeAnswered").length, 1)
      }), { delegate: recorder.layer })
  })

  all(
    "401 answers an upload, and its body is sent again (BOD-06)",
    () =>
      withSession(({ origin, session }) =>
        Effect.gen(function*() {
          const body = RequestBody.stream(Stream.make(bytesOf("who")))
          const [bytes, response] = yield* session.upload(`${origin.url}/secret`, body).pipe(
            ChallengeResolver.provideTask(answering(origin.url))
          )
          assert.strictEqual(response.status, 200)
          assert.strictEqual(textOf(bytes), "welcome")
        })
      )
  )

  all(
    "a wrong password is asked about again, and the resolver may give up (AUT-06, AUT-08)",
    () =>
      withSession(({ origin, session }) =>
        failsWith(
          session.data(`${origin.url}/secret`).pipe(
            ChallengeResolver.provideTask(answering(origin.url, "wrong"))
          ),
          "AuthenticationError/Cancelled"
        )
      )
  )
}
