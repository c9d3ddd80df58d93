/** The value that ChallengeResolver makes and combines, apart from it so that TaskDelegate can name it. */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import type {
  AuthenticationChallenge,
  BearerChallenge,
  ClientCertificateChallenge
} from "../AuthenticationChallenge.ts"
import type { IdentityCredential, TokenCredential } from "../Credential.ts"
import type { Disposition } from "../Disposition.ts"
import type { AuthenticationMethod } from "../ProtectionSpace.ts"
import type { Evaluator } from "../ServerTrust.ts"

export interface TokenAnswers<out R = never> {
  readonly answer: (challenge: BearerChallenge) => Effect.Effect<Disposition<TokenCredential>, unknown, R>
  /** The token to send to an origin before it has asked. */
  readonly ahead: ((origin: string) => Effect.Effect<Option.Option<TokenCredential>, unknown, R>) | undefined
}

export interface Resolver<out R = never> extends Pipeable {
  readonly _tag: "ChallengeResolver"
  /** The methods that it has an entry for. */
  readonly methods: ReadonlySet<AuthenticationMethod>
  /** Asked for the methods of HTTP that take a password; `Next` where it has nothing to say. */
  readonly answer: (challenge: AuthenticationChallenge) => Effect.Effect<Disposition, unknown, R>
  /** Asked for Bearer. */
  readonly token: TokenAnswers<R> | undefined
  /** Asked for servers. */
  readonly trust: Evaluator<R> | undefined
  /** Asked where a server wants a client certificate. */
  readonly identity:
    | ((challenge: ClientCertificateChallenge) => Effect.Effect<Disposition<IdentityCredential>, unknown, R>)
    | undefined
}
