// Peers: the three transports that @effect/platform offers on Node.
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fetch } from "undici"
import { openHttpClient } from "./httpClient.mjs"
import { makeHttpAgent } from "./nodeHttp.mjs"
import { makeAgent } from "./undici.mjs"

/**
 * @template A
 * @param {() => A} acquire
 * @param {(resource: A) => unknown} release
 */
const managed = (acquire, release) =>
  Effect.acquireRelease(Effect.sync(acquire), (resource) => Effect.promise(async () => release(resource)))

/** @type {import("./drive.mjs").Client} */
export const platformUndici = {
  name: "platform-undici",
  kind: "peer",
  effect: true,
  open: (target, connections) => {
    const dispatcher = Layer.scoped(
      NodeHttpClient.Dispatcher,
      managed(() => makeAgent(target, connections), (agent) => agent.destroy())
    )
    return openHttpClient(NodeHttpClient.layerUndiciWithoutDispatcher.pipe(Layer.provide(dispatcher)), target)
  }
}

/** @type {import("./drive.mjs").Client} */
export const platformNodeHttp = {
  name: "platform-node-http",
  kind: "peer",
  effect: true,
  open: (target, connections) => {
    const agents = Layer.scoped(
      NodeHttpClient.HttpAgent,
      Effect.map(
        managed(() => makeHttpAgent(target, connections), (agent) => agent.destroy()),
        (agent) => ({ [NodeHttpClient.HttpAgentTypeId]: NodeHttpClient.HttpAgentTypeId, http: agent, https: agent })
      )
    )
    return openHttpClient(NodeHttpClient.layerWithoutAgent.pipe(Layer.provide(agents)), target)
  }
}

/** @type {import("./drive.mjs").Client} */
export const platformFetch = {
  name: "platform-fetch",
  kind: "peer",
  effect: true,
  open: (target, connections) => {
    // undici's own fetch and not the built-in one: an older copy inside Node, which takes no agent of this undici.
    const bound = Layer.scoped(
      FetchHttpClient.Fetch,
      Effect.map(
        managed(() => makeAgent(target, connections), (agent) => agent.destroy()),
        (dispatcher) => (/** @type {string} */ url, /** @type {object} */ init) => fetch(url, { ...init, dispatcher })
      )
    )
    return openHttpClient(FetchHttpClient.layer.pipe(Layer.provide(bound)), target)
  }
}
