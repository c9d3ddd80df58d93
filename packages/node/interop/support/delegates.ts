/** Delegates as users write them, which note what they were asked. */
import type { AuthenticationChallenge } from "@urlsession/core/AuthenticationChallenge"
import type { ServerTrustControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { trusting } from "./session.ts"
import type { User } from "./site.ts"

/** Answers every password challenge for one user, and gives up when that does not help. */
export const signingIn = (
  user: User,
  seen: Array<AuthenticationChallenge> = []
): Layer.Layer<ChallengeResolver.ChallengeResolver, never, ServerTrustControl> => {
  const answer = (challenge: AuthenticationChallenge) =>
    Effect.sync(() => {
      seen.push(challenge)
      return challenge.previousFailureCount > 0
        ? Disposition.useNone
        : Disposition.use(Credential.password({ user: user.name, password: user.password }))
    })
  return Layer.unwrapEffect(
    Effect.map(
      trusting,
      (ServerTrust) =>
        ChallengeResolver.layer({ Basic: ChallengeResolver.anyOrigin(answer), Digest: answer, ServerTrust })
    )
  )
}
