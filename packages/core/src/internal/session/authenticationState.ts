/** What one task has gone through in authentication: failures and refused credentials by protection space. */
import { equals, type PasswordCredential } from "../../Credential.ts"
import type { HashName } from "../../Digests.ts"
import type { ProtectionSpace } from "../../ProtectionSpace.ts"
import type { WireRequestBody } from "../../Transport.ts"

interface History {
  failures: number
  readonly refused: Array<PasswordCredential>
}

/** H(body) of a request's body, which does not change from round to round. */
export interface BodyHash {
  readonly body: WireRequestBody
  readonly hash: HashName
  readonly value: string
}

const keyOf = (space: ProtectionSpace): string =>
  `${space.method} ${space.origin} ${space.isProxy} ${space.realm ?? ""}`

export class AuthenticationState {
  readonly #bySpace = new Map<string, History>()
  rounds = 0
  bodyHash: BodyHash | undefined = undefined

  #of(space: ProtectionSpace): History {
    const key = keyOf(space)
    let history = this.#bySpace.get(key)
    if (history === undefined) this.#bySpace.set(key, history = { failures: 0, refused: [] })
    return history
  }

  failures(space: ProtectionSpace): number {
    return this.#bySpace.get(keyOf(space))?.failures ?? 0
  }

  /** A credential was refused. What had only been sent ahead of any challenge is no failure of this task. */
  refuse(space: ProtectionSpace, credential: PasswordCredential, counts: boolean): void {
    const history = this.#of(space)
    if (counts) history.failures++
    history.refused.push(credential)
  }

  wasRefused(space: ProtectionSpace, credential: PasswordCredential): boolean {
    return this.#bySpace.get(keyOf(space))?.refused.some((one) => equals(one, credential)) ?? false
  }
}
