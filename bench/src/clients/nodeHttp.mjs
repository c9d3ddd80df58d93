// Peers: node:http, and axios on top of it.
import axios from "axios"
import * as http from "node:http"
import * as https from "node:https"
import { check, driveCallbacks, drivePromises } from "./drive.mjs"

/**
 * @param {import("../origin.mjs").Target} target
 * @param {number} connections
 */
export const makeHttpAgent = (target, connections) => {
  const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections }
  return target.root === undefined ? new http.Agent(options) : new https.Agent({ ...options, ca: target.root })
}

/**
 * Reads a body, keeping its chunks or not.
 *
 * @param {import("node:stream").Readable} body
 * @param {boolean} keep
 * @param {(error: unknown, length: number) => void} done
 */
const readBody = (body, keep, done) => {
  /** @type {Array<Uint8Array>} */
  const chunks = []
  let length = 0
  body.on("data", (/** @type {Uint8Array} */ chunk) => {
    length += chunk.length
    if (keep) {
      chunks.push(chunk)
    }
  })
  body.on("error", (error) => done(error, 0))
  body.on("end", () => done(undefined, keep ? Buffer.concat(chunks).length : length))
}

/** @type {import("./drive.mjs").Client} */
export const nodeHttp = {
  name: "node:http",
  kind: "peer",
  effect: false,
  open: async (target, connections) => {
    const agent = makeHttpAgent(target, connections)
    const get = target.root === undefined ? http.get : https.get
    const url = `${target.origin}/small`
    return {
      get: driveCallbacks((done) => {
        get(url, { agent }, (response) => {
          readBody(response, true, (error, length) => {
            if (error === undefined) {
              check(response.statusCode ?? 0, length)
            }
            done(error)
          })
        }).on("error", done)
      }),
      download: (path) =>
        new Promise((resolve, reject) => {
          get(`${target.origin}${path}`, { agent }, (response) => {
            readBody(response, false, (error, length) => error === undefined ? resolve(length) : reject(error))
          }).on("error", reject)
        }),
      close: async () => agent.destroy()
    }
  }
}

/** @type {import("./drive.mjs").Client} */
export const axiosClient = {
  name: "axios",
  kind: "peer",
  effect: false,
  open: async (target, connections) => {
    const agent = makeHttpAgent(target, connections)
    const client = axios.create({ httpAgent: agent, httpsAgent: agent, proxy: false })
    const url = `${target.origin}/small`
    return {
      get: drivePromises(async () => {
        const response = await client.get(url, { responseType: "arraybuffer" })
        check(response.status, response.data.length)
      }),
      download: async (path) => {
        const response = await client.get(`${target.origin}${path}`, { responseType: "stream" })
        return new Promise((resolve, reject) => {
          readBody(response.data, false, (error, length) => error === undefined ? resolve(length) : reject(error))
        })
      },
      close: async () => agent.destroy()
    }
  }
}
