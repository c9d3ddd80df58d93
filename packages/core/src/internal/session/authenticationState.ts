/** What one task has gone through in authentication. */
import { equals, type HttpCredential } from "../../Credential.ts"
import type { HashName } from "../../Digests.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import type { WireRequestBody } from "../../Transport.ts"
import * as ChallengeMachine from "../protocol/challengeMachine.ts"

/** H(body) of a request's body, which does not change from round to round. */
export interface BodyHash {
  readonly body: WireRequestBody
  readonly hash: HashName
  readonly value: string
}

/** A space, by what it is compared; its text form is shortened. */
export const spaceKey = (space: ProtectionSpace): string =>
  `${space.method} ${space.origin} ${space.isProxy} ${space.realm ?? ""}`

export class AuthenticationState {
  challenges: ChallengeMachine.Challenges<HttpCredential>
  bodyHash: BodyHash | undefined = undefined
  /** An exchange of messages has lost its connection, and was begun anew. */
  begunAnew = false

  constructor(limit: number) {
    this.challenges = ChallengeMachine.begin(limit, equals)
  }

  failures(space: ProtectionSpace): number {
    return ChallengeMachine.failures(this.challenges, spaceKey(space))
  }

  wasRefused(space: ProtectionSpace, credential: HttpCredential): boolean {
    return ChallengeMachine.wasRefused(this.challenges, spaceKey(space), credential)
  }
}
