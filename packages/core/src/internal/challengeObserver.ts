/** Who hears how the questions of a connection were answered: those that come before there is a response to a task. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { challengeObserverKey } from "./capture.ts"

/**
 * A challenge of a server about itself or its client, or of a proxy, and the tag of the disposition: `UseCredential`,
 * `PerformDefault` and so on; `RetryWith` for a server that is to be judged again.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnsweredChallenge {
  readonly space: string
  readonly disposition: string
  readonly previousFailureCount: number
}

/**
 * A transport provides it to the effects of a `TrustAsker` where somebody is to hear of the answers. Must not throw.
 *
 * @since 0.1.0
 * @category models
 */
export class ChallengeObserver extends Context.Reference<ChallengeObserver>()(challengeObserverKey, {
  defaultValue: (): ((answered: AnsweredChallenge) => void) | undefined => undefined
}) {}

/** Tells whoever hears. */
export const report = (answered: AnsweredChallenge): Effect.Effect<void> =>
  Effect.map(ChallengeObserver, (tell) => tell?.(answered))
