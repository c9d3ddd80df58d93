// `h2`: a small GET with its whole body over one connection of HTTP/2, all clients interleaved in one process.
import { connect } from "node:http2"
import { Agent, request } from "undici"
import { runChild } from "./child.mjs"
import { check, driveCallbacks, drivePromises } from "./clients/drive.mjs"
import { oursData, oursExecute } from "./clients/ours.mjs"
import { ratiosOf } from "./get.mjs"
import { cpuMicros } from "./measure.mjs"
import { table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

/** @typedef {import("./clients/drive.mjs").OpenClient["get"]} Get */
/** @typedef {(target: import("./origin.mjs").Target) => Promise<{ get: Get, close: () => unknown }>} Opener */

/** @type {Opener} */
const nodeHttp2 = async (target) => {
  const session = connect(target.origin, target.root === undefined ? {} : { ca: target.root })
  return {
    get: driveCallbacks((done) => {
      const stream = session.request({ ":path": "/small" })
      let status = 0
      /** @type {Array<Uint8Array>} */
      const chunks = []
      stream.on("response", (headers) => {
        status = headers[":status"] ?? 0
      })
      stream.on("data", (/** @type {Uint8Array} */ chunk) => chunks.push(chunk))
      stream.on("error", done)
      stream.on("end", () => {
        check(status, Buffer.concat(chunks).length)
        done(undefined)
      })
      stream.end()
    }),
    close: () => session.destroy()
  }
}

/**
 * Left to itself it runs one stream at a time, and opens a connection per request when it is cold.
 *
 * @type {Opener}
 */
const undiciHttp2 = async (target) => {
  const dispatcher = new Agent({
    allowH2: true,
    connections: 1,
    pipelining: 128,
    ...(target.root === undefined ? {} : { connect: { ca: target.root } })
  })
  const url = `${target.origin}/small`
  return {
    get: drivePromises(async () => {
      const response = await request(url, { dispatcher })
      const bytes = await response.body.arrayBuffer()
      check(response.statusCode, bytes.byteLength)
    }),
    close: () => dispatcher.destroy()
  }
}

/** @type {Readonly<Record<string, Opener>>} */
const openers = {
  "node:http2": nodeHttp2,
  "undici.request": undiciHttp2,
  data: (target) => oursData.open(target, 6),
  execute: (target) => oursExecute.open(target, 6)
}
const peers = ["node:http2", "undici.request"]
const ours = ["data", "execute"]

/**
 * In the child: CPU microseconds per request, per client, one figure a round.
 *
 * @param {{
 *   names: ReadonlyArray<string>, target: import("./origin.mjs").Target, rounds: number, concurrency: number, requests: number
 * }} job
 * @returns {Promise<Record<string, ReadonlyArray<number>>>}
 */
export const work = async ({ concurrency, names, requests, rounds, target }) => {
  const clients = []
  for (const name of names) {
    const open = await openers[name]?.(target)
    if (open !== undefined) {
      await open.get(1, 1)
      clients.push({ name, open })
    }
  }
  for (const { open } of [...clients, ...clients]) {
    await open.get(Math.min(requests, 2000), concurrency)
  }
  const figures = await interleave(clients, rounds, async ({ open }) => {
    await open.get(Math.min(requests, concurrency * 4), concurrency)
    return (await cpuMicros(() => open.get(requests, concurrency))) / requests
  }, () => {})
  for (const { open } of clients) {
    await open.close()
  }
  return Object.fromEntries(figures)
}

/**
 * @param {import("./origin.mjs").Target} target
 * @param {import("./options.mjs").Options} options
 * @param {{ ours: boolean, print: (text: string) => void }} environment
 */
export const http2 = async (target, options, { ours: built, print }) => {
  const { concurrency } = options
  const requests = options.requests ?? 2000
  const rounds = options.rounds ?? 15
  const names = built ? [...peers, ...ours] : peers
  print(`\nh2: GET 1 KiB, one connection, ${concurrency} streams, ${rounds} rounds of ${requests} requests per client`)
  /** @type {Record<string, ReadonlyArray<number>>} */
  const figures = await runChild(new URL(import.meta.url), { names, target, rounds, concurrency, requests })
  print(table(
    ["client", "CPU us/request", ...peers.map((peer) => `/ ${peer}`)],
    names.map((name) => [
      name,
      withQuartiles(spread(figures[name] ?? []), 1),
      ...peers.map((peer) => withQuartiles(ratio(figures[name] ?? [], figures[peer] ?? []), 2))
    ])
  ))
  return ratiosOf(built ? ours : [], peers, figures, "h2")
}
