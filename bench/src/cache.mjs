// `cache`: a hit in memory, whole, with 1, 1,000 and 10,000 entries, next to undici's cache interceptor.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createServer } from "node:http"
import { Agent, cacheStores, interceptors, request } from "undici"
import { runChild } from "./child.mjs"
import { load } from "./clients/ours.mjs"
import { cpuMicros } from "./measure.mjs"
import { table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

const length = 1024
const fields = { "cache-control": "max-age=86400", "content-type": "text/plain", etag: "\"v1\"" }

/** @type {ReadonlyArray<number>} */
export const entryCounts = [1, 1000, 10_000]

const startServer = async () => {
  const body = new Uint8Array(length).fill(120)
  let served = 0
  const server = createServer((_, response) => {
    served++
    response.writeHead(200, { ...fields, "content-length": length })
    response.end(body)
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { origin: `http://127.0.0.1:${port}`, served: () => served, close: () => server.close() }
}

/** @param {number} count */
const verify = (count) => {
  if (count !== length) throw new Error(`a body of ${count} bytes came, not of ${length}`)
}

/** @param {ReadonlyArray<string>} urls */
const openOurs = async (urls) => {
  const { NodeTransport, UrlSession } = await load()
  const UrlCache = await import("@urlsession/core/UrlCache")
  const runtime = ManagedRuntime.make(
    UrlSession.layer(undefined, UrlCache.layerMemory({ memoryCapacity: 256 * 1024 * 1024 })).pipe(
      Layer.provide(NodeTransport.layer)
    )
  )
  const session = await runtime.runPromise(UrlSession.UrlSession)
  return {
    /** @param {number} requests */
    get: (requests) => {
      let index = 0
      return runtime.runPromise(
        Effect.whileLoop({
          while: () => index < requests,
          body: () => session.data(urls[index++ % urls.length] ?? ""),
          step: ([bytes]) => verify(bytes.length)
        })
      )
    },
    close: () => runtime.dispose()
  }
}

/** @param {number} entries */
const cachingAgent = (entries) =>
  new Agent().compose(
    interceptors.cache({
      store: new cacheStores.MemoryCacheStore({ maxCount: entries * 2, maxSize: 256 * 1024 * 1024 })
    })
  )

/** @param {ReadonlyArray<string>} urls */
const openRequest = (urls) => {
  const dispatcher = cachingAgent(urls.length)
  return {
    /** @param {number} requests */
    get: async (requests) => {
      for (let index = 0; index < requests; index++) {
        const { body } = await request(urls[index % urls.length] ?? "", { dispatcher })
        verify((await body.arrayBuffer()).byteLength)
      }
    },
    close: () => dispatcher.close()
  }
}

/** @param {ReadonlyArray<string>} urls */
const openDispatch = (urls) => {
  const dispatcher = cachingAgent(urls.length)
  /** @param {string} url */
  const once = (url) =>
    new Promise((resolve, reject) => {
      const { origin, pathname } = new URL(url)
      let count = 0
      dispatcher.dispatch({ origin, path: pathname, method: "GET" }, {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(_, chunk) {
          count += chunk.length
        },
        onResponseEnd() {
          verify(count)
          resolve(undefined)
        },
        onResponseError(_, error) {
          reject(error)
        }
      })
    })
  return {
    /** @param {number} requests */
    get: async (requests) => {
      for (let index = 0; index < requests; index++) await once(urls[index % urls.length] ?? "")
    },
    close: () => dispatcher.close()
  }
}

/**
 * In the child: CPU microseconds per hit, per client, one figure a round. Fails where a measured request was no hit.
 *
 * @param {{ entries: number, rounds: number, requests: number, ours: boolean }} job
 * @returns {Promise<Record<string, ReadonlyArray<number>>>}
 */
export const work = async ({ entries, ours, requests, rounds }) => {
  const server = await startServer()
  const urls = Array.from({ length: entries }, (_, index) => `${server.origin}/entry/${index}`)
  const clients = [
    ...(ours ? [{ name: "ours", open: await openOurs(urls) }] : []),
    { name: "undici.dispatch", open: openDispatch(urls) },
    { name: "undici.request", open: openRequest(urls) }
  ]
  for (const { open } of clients) {
    await open.get(entries)
    // what is written to a cache after its response has been read is there by now
    await new Promise((resolve) => setImmediate(resolve))
    await open.get(Math.max(entries, requests))
  }
  const before = server.served()
  const figures = await interleave(clients, rounds, async ({ open }) => {
    await open.get(Math.min(requests, 500))
    return (await cpuMicros(() => open.get(requests))) / requests
  }, () => {})
  if (server.served() !== before) throw new Error(`${server.served() - before} of the measured requests were no hits`)
  for (const { open } of clients) await open.close()
  server.close()
  return Object.fromEntries(figures)
}

/**
 * @param {import("./options.mjs").Options} options
 * @param {{ ours: boolean, print: (text: string) => void }} environment
 */
export const cache = async (options, { ours, print }) => {
  const rounds = options.rounds ?? 15
  const requests = options.requests ?? 5000
  /** @type {Record<string, Record<string, number>>} */
  const results = {}
  for (const entries of entryCounts) {
    print(`\ncache: a hit of 1 KiB among ${entries} entries, ${rounds} rounds of ${requests} hits per client`)
    /** @type {Record<string, ReadonlyArray<number>>} */
    const figures = await runChild(new URL(import.meta.url), { entries, rounds, requests, ours })
    const own = figures["ours"] ?? []
    print(table(
      ["client", "CPU us/hit", "ours / it"],
      Object.entries(figures).map(([name, one]) => [
        name,
        withQuartiles(spread(one), 1),
        name === "ours" || !ours ? "" : withQuartiles(ratio(own, one), 2)
      ])
    ))
    if (ours) {
      results[`cache-${entries}`] = Object.fromEntries(
        Object.entries(figures).filter(([name]) => name !== "ours").map(([name, one]) => [
          name,
          Number(ratio(own, one).median.toFixed(3))
        ])
      )
    }
  }
  return results
}
