/** Which schemes of authentication a session knows. */
import type { AuthenticationScheme } from "../../AuthenticationScheme.ts"
import type { DigestsService } from "../../Digests.ts"
import * as Negotiate from "../../Negotiate.ts"
import type { SecurityContextProviderService } from "../../Negotiate.ts"
import * as Ntlm from "../../Ntlm.ts"
import type { SessionConfiguration } from "../../SessionConfiguration.ts"
import type { TransportService } from "../../Transport.ts"
import type { Abilities } from "../protocol/strength.ts"

/** What a session was given to authenticate with. */
export interface Given {
  readonly digests: DigestsService | undefined
  readonly schemes: ReadonlyArray<AuthenticationScheme> | undefined
  /** For Negotiate; NTLM unless there is one. */
  readonly provider: SecurityContextProviderService | undefined
  readonly now: () => number
}

const own = ({ digests, now, provider }: Given): ReadonlyArray<AuthenticationScheme> => [
  ...(digests === undefined ? [] : [Ntlm.make({ digests, now })]),
  ...(provider !== undefined
    ? [Negotiate.make(provider)]
    : digests === undefined
    ? []
    : [Negotiate.make(Negotiate.ntlmProvider({ digests, now }))])
]

/** Of schemes of one name those given count; what needs a connection of its own needs a transport that keeps one. */
export const abilitiesOf = (
  { disabledAuthenticationSchemes }: SessionConfiguration,
  given: Given,
  service: TransportService
): Abilities<AuthenticationScheme> => {
  const { digests, schemes = [] } = given
  const byName = new Map<string, AuthenticationScheme>()
  for (const scheme of [...schemes, ...own(given)]) {
    const name = scheme.name.toLowerCase()
    if (scheme.binding === "connection" && !service.capabilities.has("ConnectionBinding")) continue
    if (!byName.has(name)) byName.set(name, scheme)
  }
  return {
    digest: digests !== undefined,
    schemes: byName,
    disabled: new Set(disabledAuthenticationSchemes.map((name) => name.toLowerCase()))
  }
}
