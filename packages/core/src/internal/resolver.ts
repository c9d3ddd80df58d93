/** The value that ChallengeResolver makes and combines, apart from it so that TaskDelegate can name it. */
import type * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import type { AuthenticationChallenge, ClientCertificateChallenge } from "../AuthenticationChallenge.ts"
import type { IdentityCredential } from "../Credential.ts"
import type { Disposition } from "../Disposition.ts"
import type { AuthenticationMethod } from "../ProtectionSpace.ts"
import type { Evaluator } from "../ServerTrust.ts"

export interface Resolver<out R = never> extends Pipeable {
  readonly _tag: "ChallengeResolver"
  /** The methods that it has an entry for. */
  readonly methods: ReadonlySet<AuthenticationMethod>
  /** Asked for the methods of HTTP; `Next` where it has nothing to say. */
  readonly answer: (challenge: AuthenticationChallenge) => Effect.Effect<Disposition, unknown, R>
  /** Asked for servers. */
  readonly trust: Evaluator<R> | undefined
  /** Asked where a server wants a client certificate. */
  readonly identity:
    | ((challenge: ClientCertificateChallenge) => Effect.Effect<Disposition<IdentityCredential>, unknown, R>)
    | undefined
}
