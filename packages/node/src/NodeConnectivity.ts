/**
 * Which ways lead from this machine to the network, by its interfaces. Node has no events for them, and does not know what they
 * cost: a program that does says so here.
 *
 * @since 0.1.0
 */
import { Connectivity, type NetworkPath } from "@urlsession/core/Connectivity"
import * as Layer from "effect/Layer"
import { networkInterfaces } from "node:os"

/**
 * What is known of an interface beside its being there, by its name; `undefined` leaves it out.
 *
 * @since 0.1.0
 * @category models
 */
export type Facts = (name: string) => Omit<NetworkPath, "name"> | undefined

interface InterfaceAddress {
  readonly address: string
  readonly internal: boolean
}

/** An interface is a way where it has an address that more than its own link knows. */
const leadsOut = ({ address, internal }: InterfaceAddress): boolean =>
  !internal && !/^fe[89ab]/i.test(address) && !address.startsWith("169.254.")

/**
 * The ways among some interfaces, in the form of `os.networkInterfaces`.
 *
 * @since 0.1.0
 * @category getters
 */
export const pathsOf = (
  interfaces: Readonly<Record<string, ReadonlyArray<InterfaceAddress> | undefined>>,
  facts: Facts = () => ({})
): ReadonlyArray<NetworkPath> =>
  Object.entries(interfaces).flatMap(([name, addresses]) => {
    if (addresses === undefined || !addresses.some(leadsOut)) return []
    const known = facts(name)
    return known === undefined ? [] : [{ name, ...known }]
  })

/**
 * The interfaces of this machine, with what the program knows of them.
 *
 * @example
 * ```ts
 * import { SessionConfiguration } from "@urlsession/core"
 * import { NodeConnectivity, NodeSession } from "@urlsession/node"
 *
 * const Session = NodeSession.layer(
 *   SessionConfiguration.make({ allowsCellularAccess: false, waitsForConnectivity: true }),
 *   NodeConnectivity.layerWith((name) => name.startsWith("wwan") ? { cellular: true, expensive: true } : {})
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (facts: Facts): Layer.Layer<Connectivity> =>
  Layer.succeed(Connectivity, {
    paths: () => {
      try {
        return pathsOf(networkInterfaces(), facts)
      } catch {
        // where interfaces cannot be listed (some sandboxes), the connection itself will tell
        return [{ name: "unknown" }]
      }
    }
  })

/**
 * The interfaces of this machine, with nothing known of what they cost. Part of `NodeTransport.layer`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Connectivity> = layerWith(() => ({}))
