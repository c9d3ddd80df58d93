/**
 * Whether the browser has a network, as it says itself (`navigator.onLine` and its events). It does not say what the network costs.
 *
 * @since 0.1.0
 */
import { Connectivity, type NetworkPath } from "@urlsession/core/Connectivity"
import * as Layer from "effect/Layer"

const online: ReadonlyArray<NetworkPath> = [{ name: "browser" }]
const offline: ReadonlyArray<NetworkPath> = []

// neither is there in every runtime that has `fetch`; one that does not say is taken to be online
const isOffline = (): boolean => typeof navigator !== "undefined" && navigator.onLine === false

const events = ["online", "offline"]

/**
 * The browser's network, for pages and workers.
 *
 * @example
 * ```ts
 * import { BrowserConnectivity, FetchTransport } from "@urlsession/browser"
 * import { SessionConfiguration, UrlSession } from "@urlsession/core"
 * import { Layer } from "effect"
 *
 * const Session = UrlSession.layer(
 *   SessionConfiguration.make({ waitsForConnectivity: true }),
 *   BrowserConnectivity.layer
 * ).pipe(Layer.provide(FetchTransport.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Connectivity> = Layer.sync(Connectivity, () => ({
  paths: () => isOffline() ? offline : online,
  subscribe: (changed) => {
    if (typeof globalThis.addEventListener !== "function") return () => {}
    for (const event of events) globalThis.addEventListener(event, changed)
    return () => {
      for (const event of events) globalThis.removeEventListener(event, changed)
    }
  }
}))
