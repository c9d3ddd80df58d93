/** The handshakes of a scripted session: what a host shows and asks, and who is told of the answers. */
import * as Effect from "effect/Effect"
import type { IdentityCredential } from "../../Credential.ts"
import type { ServerTrust } from "../../ServerTrust.ts"
import type { ExchangeError } from "../../SessionError.ts"
import { type AnsweredChallenge, ChallengeObserver, type ExchangeControl, type WireRequest } from "../../Transport.ts"
import { ScriptedIdentities } from "./identities.ts"
import { judge } from "./judge.ts"

/** What came of one. */
export interface Handshake {
  readonly overridden: boolean
  readonly identity: IdentityCredential | undefined
}

/** See the head of this file. */
export class ScriptedHandshakes {
  readonly identities: ScriptedIdentities
  readonly #judge: ReturnType<typeof judge>

  constructor(
    trustOf: (host: string, port: number) => ServerTrust,
    asksForCertificate: ((host: string, port: number) => boolean) | undefined
  ) {
    this.identities = new ScriptedIdentities(asksForCertificate)
    this.#judge = judge(trustOf)
  }

  of(request: WireRequest, control: ExchangeControl): Effect.Effect<Handshake, ExchangeError> {
    const shaken = Effect.flatMap(
      this.#judge(request, control),
      (overridden) =>
        Effect.map(this.identities.of(request, control), (identity): Handshake => ({ overridden, identity }))
    )
    const tell = (answered: AnsweredChallenge): void => control.challengeAnswered?.(answered)
    return Effect.provideService(shaken, ChallengeObserver, tell)
  }
}
