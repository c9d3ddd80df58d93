// Peers: undici's three faces.
import { Agent, fetch, request } from "undici"
import { check, driveCallbacks, drivePromises } from "./drive.mjs"

/**
 * @param {import("../origin.mjs").Target} target
 * @param {number} connections
 */
export const makeAgent = (target, connections) =>
  new Agent({ connections, pipelining: 1, ...(target.root === undefined ? {} : { connect: { ca: target.root } }) })

/** The handler of one dispatched request, which gathers the body. */
class Gather {
  /** @param {(error: unknown) => void} done */
  constructor(done) {
    this.done = done
    this.status = 0
    /** @type {Array<Uint8Array>} */
    this.chunks = []
  }
  onRequestStart() {}
  /**
   * @param {unknown} _controller
   * @param {number} status
   */
  onResponseStart(_controller, status) {
    this.status = status
  }
  /**
   * @param {unknown} _controller
   * @param {Uint8Array} chunk
   */
  onResponseData(_controller, chunk) {
    this.chunks.push(chunk)
  }
  onResponseEnd() {
    const bytes = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks)
    check(this.status, bytes?.length ?? 0)
    this.done(undefined)
  }
  /**
   * @param {unknown} _controller
   * @param {unknown} error
   */
  onResponseError(_controller, error) {
    this.done(error)
  }
}

/** Counts the bytes of one dispatched request and keeps none. */
class Count {
  /**
   * @param {(length: number) => void} resolve
   * @param {(error: unknown) => void} reject
   */
  constructor(resolve, reject) {
    this.resolve = resolve
    this.reject = reject
    this.length = 0
  }
  onRequestStart() {}
  onResponseStart() {}
  /**
   * @param {unknown} _controller
   * @param {Uint8Array} chunk
   */
  onResponseData(_controller, chunk) {
    this.length += chunk.length
  }
  onResponseEnd() {
    this.resolve(this.length)
  }
  /**
   * @param {unknown} _controller
   * @param {unknown} error
   */
  onResponseError(_controller, error) {
    this.reject(error)
  }
}

/** @param {AsyncIterable<Uint8Array>} body */
const lengthOf = async (body) => {
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
  }
  return length
}

/** @type {import("./drive.mjs").Client} */
export const undiciDispatch = {
  name: "undici.dispatch",
  kind: "peer",
  effect: false,
  open: async (target, connections) => {
    const agent = makeAgent(target, connections)
    const { origin } = target
    return {
      get: driveCallbacks((done) => {
        agent.dispatch({ origin, path: "/small", method: "GET" }, new Gather(done))
      }),
      download: (path) =>
        new Promise((resolve, reject) => {
          agent.dispatch({ origin, path, method: "GET" }, new Count(resolve, reject))
        }),
      close: () => agent.destroy()
    }
  }
}

/** @type {import("./drive.mjs").Client} */
export const undiciRequest = {
  name: "undici.request",
  kind: "peer",
  effect: false,
  open: async (target, connections) => {
    const dispatcher = makeAgent(target, connections)
    const url = `${target.origin}/small`
    return {
      get: drivePromises(async () => {
        const response = await request(url, { dispatcher })
        const bytes = await response.body.arrayBuffer()
        check(response.statusCode, bytes.byteLength)
      }),
      download: async (path) => {
        const response = await request(`${target.origin}${path}`, { dispatcher })
        return lengthOf(response.body)
      },
      close: () => dispatcher.destroy()
    }
  }
}

/** @type {import("./drive.mjs").Client} */
export const undiciFetch = {
  name: "undici.fetch",
  kind: "peer",
  effect: false,
  open: async (target, connections) => {
    const dispatcher = makeAgent(target, connections)
    const url = `${target.origin}/small`
    return {
      get: drivePromises(async () => {
        const response = await fetch(url, { dispatcher })
        const bytes = await response.arrayBuffer()
        check(response.status, bytes.byteLength)
      }),
      download: async (path) => {
        const response = await fetch(`${target.origin}${path}`, { dispatcher })
        return response.body === null ? 0 : lengthOf(response.body)
      },
      close: () => dispatcher.destroy()
    }
  }
}
