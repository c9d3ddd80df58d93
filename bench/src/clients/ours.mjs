// Ours, through each of its doors. The modules are loaded when first used: the peers also run while ours is not built.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { check, driveEffects, drivePromises } from "./drive.mjs"
import { openHttpClient } from "./httpClient.mjs"

export const load = async () => {
  try {
    const [UrlSession, SessionConfiguration, ServerTrust, ChallengeResolver, NodeTransport] = await Promise.all([
      import("@urlsession/core/UrlSession"),
      import("@urlsession/core/SessionConfiguration"),
      import("@urlsession/core/ServerTrust"),
      import("@urlsession/core/ChallengeResolver"),
      import("@urlsession/node/NodeTransport")
    ])
    return { UrlSession, SessionConfiguration, ServerTrust, ChallengeResolver, NodeTransport }
  } catch (cause) {
    throw new Error("@urlsession/core and @urlsession/node cannot be loaded: has `npm run build` been run?", { cause })
  }
}

/** Whether ours can be run: rejects with what is missing. */
export const loadOurs = () => load().then(() => undefined)

/**
 * The Layer of one session. Over plain TCP it has no delegate at all; over TLS one that adds the root of the bench.
 *
 * @param {import("../origin.mjs").Target} target
 * @param {number} connections
 * @param {Layer.Layer<any, never, any>} delegate what the session has beside that
 */
export const sessionLayer = async (target, connections, delegate = Layer.empty) => {
  const { ChallengeResolver, NodeTransport, ServerTrust, SessionConfiguration, UrlSession } = await load()
  const configuration = SessionConfiguration.make({ httpMaximumConnectionsPerHost: connections })
  const session = target.root === undefined
    ? UrlSession.layer(configuration, delegate)
    : UrlSession.layer(
      configuration,
      Layer.merge(delegate, ChallengeResolver.layer({ ServerTrust: ServerTrust.additionalRoots([target.root]) }))
    )
  return session.pipe(Layer.provide(NodeTransport.layer))
}

/** A memory of cookies, a cache and metrics: what makes a session of a server behave as a browser does. */
const everything = async () => {
  const [CookieStorage, HttpMetrics, UrlCache] = await Promise.all([
    import("@urlsession/core/CookieStorage"),
    import("@urlsession/core/HttpMetrics"),
    import("@urlsession/core/UrlCache")
  ])
  return Layer.mergeAll(CookieStorage.layerMemory, HttpMetrics.layer(), UrlCache.layerMemory())
}

/**
 * Opens a session and keeps it open until `close`.
 *
 * @param {import("../origin.mjs").Target} target
 * @param {number} connections
 * @param {Layer.Layer<any, never, any>} [delegate]
 */
const openSession = async (target, connections, delegate) => {
  const { UrlSession } = await load()
  const runtime = ManagedRuntime.make(await sessionLayer(target, connections, delegate))
  const session = await runtime.runPromise(UrlSession.UrlSession)
  return { session, runtime }
}

/**
 * @typedef {object} Door
 * @property {string} name
 * @property {(session: any, request: any) => Effect.Effect<any, unknown>} once
 * @property {(result: any) => void} verify
 * @property {"forEachChunk" | "stream"} reading how `download` reads
 * @property {boolean} promises one `runPromise` per request, as a program without Effect would have it
 * @property {boolean} [full] the session has cookies, a cache and metrics
 * @property {boolean} sameRequest the request is made once and not for each call
 */

/**
 * @param {Door} door
 * @returns {import("./drive.mjs").Client}
 */
const direct = ({ full, name, once, promises, reading, sameRequest, verify }) => ({
  name,
  kind: "ours",
  effect: true,
  open: async (target, connections) => {
    const { runtime, session } = await openSession(target, connections, full ? await everything() : undefined)
    const url = `${target.origin}/small`
    const request = HttpClientRequest.get(url)
    const next = sameRequest ? () => once(session, request) : () => once(session, HttpClientRequest.get(url))
    return {
      get: promises
        ? drivePromises(() => runtime.runPromise(next()).then(verify))
        : driveEffects((effect) => runtime.runPromise(effect), next, verify),
      download: (path) =>
        runtime.runPromise(
          Effect.flatMap(session.execute(HttpClientRequest.get(`${target.origin}${path}`)), (response) => {
            let length = 0
            const count = (/** @type {Uint8Array} */ chunk) => {
              length += chunk.length
            }
            const read = reading === "forEachChunk"
              ? response.forEachChunk(count)
              : Stream.runForEachChunk(response.stream, (chunks) =>
                Effect.sync(() => {
                  for (const chunk of chunks) {
                    count(chunk)
                  }
                }))
            return Effect.map(read, () => length)
          })
        ),
      close: () => runtime.dispose()
    }
  }
})

/** @type {Pick<Door, "once" | "verify">} */
const executeBytes = {
  once: (session, request) => Effect.flatMap(session.execute(request), (response) => response.bytes),
  verify: (bytes) => check(200, bytes.length)
}

/** @type {Pick<Door, "once" | "verify">} */
const data = {
  once: (session, request) => session.data(request),
  verify: ([bytes, response]) => check(response.status, bytes.length)
}

/** @type {Pick<Door, "reading" | "promises" | "sameRequest">} */
const usual = { reading: "forEachChunk", promises: false, sameRequest: false }

export const oursExecute = direct({ ...usual, ...executeBytes, name: "execute" })
export const oursStream = direct({ ...usual, ...executeBytes, name: "execute-stream", reading: "stream" })
export const oursData = direct({ ...usual, ...data, name: "data" })
/** With a memory of cookies, a cache that has nothing fresh, and metrics. */
export const oursFull = direct({ ...usual, ...data, name: "data-full", full: true })
export const oursPromise = direct({ ...usual, ...data, name: "data-promise", promises: true })
/** Exactly `session.data(get)`, for the gate. */
export const oursBare = direct({ ...usual, ...data, name: "data-bare", sameRequest: true })

/**
 * @param {string} name
 * @param {boolean} scoped
 * @returns {import("./drive.mjs").Client}
 */
const throughHttpClient = (name, scoped) => ({
  name,
  kind: "ours",
  effect: true,
  open: async (target, connections) => {
    const SessionHttpClient = await import("@urlsession/core/SessionHttpClient")
    const layer = SessionHttpClient.layer.pipe(Layer.provide(await sessionLayer(target, connections)))
    return openHttpClient(layer, target, { scoped })
  }
})

export const oursHttpClient = throughHttpClient("http-client", false)
export const oursHttpClientScoped = throughHttpClient("http-client-scoped", true)
