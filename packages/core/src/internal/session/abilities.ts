/** Which schemes of authentication a session knows. */
import type { AuthenticationScheme } from "../../AuthenticationScheme.ts"
import type { DigestsService } from "../../Digests.ts"
import type { SessionConfiguration } from "../../SessionConfiguration.ts"
import type { TransportService } from "../../Transport.ts"
import type { Abilities } from "../protocol/strength.ts"

/** Of the schemes given the first of a name counts; what needs a connection of its own needs a transport that keeps one. */
export const abilitiesOf = (
  { disabledAuthenticationSchemes }: SessionConfiguration,
  digests: DigestsService | undefined,
  schemes: ReadonlyArray<AuthenticationScheme>,
  service: TransportService
): Abilities<AuthenticationScheme> => {
  const byName = new Map<string, AuthenticationScheme>()
  for (const scheme of schemes) {
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
