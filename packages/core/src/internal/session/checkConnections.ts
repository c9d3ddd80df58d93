/** Settings of connections that could never be kept are defects of the program, found when the session is made. */
import type { ResolverService } from "../../Resolver.ts"
import type { SessionConfiguration } from "../../SessionConfiguration.ts"
import { familyOf } from "../protocol/address.ts"

export const checkConnections = (
  { localAddress, requiresDNSSECValidation }: SessionConfiguration,
  resolver: ResolverService | undefined
): void => {
  if (requiresDNSSECValidation && resolver?.validatesDnssec !== true) {
    throw new Error(
      "requiresDNSSECValidation is on, and nothing here validates: the platform's resolver does not say whether it did. Provide a " +
        "Resolver whose answers are validated (Resolver.layer(resolve, { validatesDnssec: true })), or leave the setting out"
    )
  }
  if (localAddress !== undefined && familyOf(localAddress) === undefined) {
    throw new Error(
      `localAddress is "${localAddress}", which is no IP address. Give one of this machine's, without a port`
    )
  }
}
