// All clients by name. A module is loaded with the first client that needs it, so that a fresh process pays only for its own.

/** @typedef {import("./drive.mjs").Client} Client */

/** @type {Readonly<Record<string, () => Promise<Client>>>} */
const loaders = {
  "undici.dispatch": async () => (await import("./undici.mjs")).undiciDispatch,
  "undici.request": async () => (await import("./undici.mjs")).undiciRequest,
  "undici.fetch": async () => (await import("./undici.mjs")).undiciFetch,
  "node:http": async () => (await import("./nodeHttp.mjs")).nodeHttp,
  "axios": async () => (await import("./nodeHttp.mjs")).axiosClient,
  "platform-undici": async () => (await import("./platform.mjs")).platformUndici,
  "platform-node-http": async () => (await import("./platform.mjs")).platformNodeHttp,
  "platform-fetch": async () => (await import("./platform.mjs")).platformFetch,
  "execute": async () => (await import("./ours.mjs")).oursExecute,
  "execute-stream": async () => (await import("./ours.mjs")).oursStream,
  "data": async () => (await import("./ours.mjs")).oursData,
  "data-full": async () => (await import("./ours.mjs")).oursFull,
  "data-promise": async () => (await import("./ours.mjs")).oursPromise,
  "data-bare": async () => (await import("./ours.mjs")).oursBare,
  "http-client": async () => (await import("./ours.mjs")).oursHttpClient,
  "http-client-scoped": async () => (await import("./ours.mjs")).oursHttpClientScoped
}

export const clientNames = Object.keys(loaders)

export const peerNames = [
  "undici.dispatch",
  "undici.request",
  "undici.fetch",
  "node:http",
  "axios",
  "platform-undici",
  "platform-node-http",
  "platform-fetch"
]

/** What the ratios of `get` are for: the first one is the figure under `get`, the others have their own. */
export const oursForGet = ["execute", "data", "data-full", "data-promise", "http-client", "http-client-scoped"]

/** The same for `download`. */
export const oursForDownload = ["execute", "execute-stream", "http-client"]

/**
 * @param {string} name
 * @returns {Promise<Client>}
 */
export const loadClient = (name) => {
  const loader = loaders[name]
  if (loader === undefined) {
    throw new Error(`there is no client "${name}"; there are ${clientNames.join(", ")}`)
  }
  return loader()
}
