/**
 * Which ways lead from this machine to the network. A session asks before it makes a connection, where it waits for
 * connectivity or may not use every kind of network.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * One way to the network, with what is known of it. What a platform cannot know is not said, and counts as not being so.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetworkPath {
  /** What the system calls it: `eth0`, `wwan0`. */
  readonly name: string
  readonly cellular?: boolean
  /** Every byte costs something: cellular, or a phone that lends its connection. */
  readonly expensive?: boolean
  /** Somebody asked for low data use. */
  readonly constrained?: boolean
  /** Hardly anything goes through, as by satellite. */
  readonly ultraConstrained?: boolean
}

/**
 * What the slot holds. It is read for single requests, so it must be cheap, and must not throw.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectivityService {
  /** The ways that are open at this moment; none: there is no network. */
  readonly paths: () => ReadonlyArray<NetworkPath>
  /**
   * Calls a function after every change, until what this gives is called. A service without it is asked once a second, and
   * only while somebody waits.
   */
  readonly subscribe?: (changed: () => void) => () => void
}

/**
 * The slot. The platforms' layers fill it; without it every network counts as there.
 *
 * @since 0.1.0
 * @category slots
 */
export class Connectivity extends Context.Tag("@urlsession/core/Connectivity")<Connectivity, ConnectivityService>() {}

/**
 * A service from its parts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (service: ConnectivityService): Layer.Layer<Connectivity> => Layer.succeed(Connectivity, service)

/**
 * A network whose state is set by hand: a double for tests, or the place where a program says what it knows of its network.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settable extends ConnectivityService {
  readonly subscribe: (changed: () => void) => () => void
  /** Says which ways are open from now on. */
  readonly set: (paths: ReadonlyArray<NetworkPath>) => Effect.Effect<void>
  /** How many listen. */
  readonly listeners: Effect.Effect<number>
}

/**
 * Makes one; `paths` are open at first, by default one without any constraint.
 *
 * @example
 * ```ts
 * import { Connectivity, SessionConfiguration, UrlSession } from "@urlsession/core"
 *
 * const network = Connectivity.settable([{ name: "wwan0", cellular: true, expensive: true }])
 * const Session = UrlSession.layer(
 *   SessionConfiguration.make({ allowsCellularAccess: false, waitsForConnectivity: true }),
 *   Connectivity.layer(network)
 * )
 * // a program that hears of wireless networks says so, and what waits goes on
 * const atHome = network.set([{ name: "wlan0" }])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const settable = (paths: ReadonlyArray<NetworkPath> = [{ name: "test0" }]): Settable => {
  let current = paths
  const all = new Set<() => void>()
  return {
    paths: () => current,
    subscribe: (changed) => {
      const one = () => changed()
      all.add(one)
      return () => all.delete(one)
    },
    set: (next) =>
      Effect.sync(() => {
        current = next
        for (const one of [...all]) one()
      }),
    listeners: Effect.sync(() => all.size)
  }
}
