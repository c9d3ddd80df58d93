// `scale`: what a small GET costs ours as more of them run at a time, and as they go to more hosts.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { runChild } from "./child.mjs"
import { check } from "./clients/drive.mjs"
import { load } from "./clients/ours.mjs"
import { cpuMicros } from "./measure.mjs"
import { rounded, table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

const concurrencies = [1, 8, 64, 1024]
const hostCounts = [1, 8, 64, 512]
/** Requests at a time when hosts are counted, and connections to each. */
const atATime = 64

/**
 * A session whose names are all this machine, so that any number of hosts is there.
 *
 * @param {number} connections
 */
const openSession = async (connections) => {
  const { NodeTransport, SessionConfiguration, UrlSession } = await load()
  const layer = UrlSession.layer(SessionConfiguration.make({ httpMaximumConnectionsPerHost: connections })).pipe(
    Layer.provide(
      NodeTransport.layerWith({ lookup: () => Effect.succeed([{ address: "127.0.0.1", family: 4 }]) })
    )
  )
  const runtime = ManagedRuntime.make(layer)
  return { runtime, session: await runtime.runPromise(UrlSession.UrlSession) }
}

/**
 * In the child: CPU microseconds per request, by the number of requests at a time or of hosts.
 *
 * @param {{ port: string, rounds: number, requests: number }} job
 * @returns {Promise<Record<string, ReadonlyArray<number>>>}
 */
export const work = async ({ port, requests, rounds }) => {
  /** @type {Array<{ name: string, run: (requests: number) => Promise<void>, close: () => Promise<void> }>} */
  const items = []
  /**
   * @param {string} name
   * @param {number} concurrency
   * @param {number} hosts
   */
  const add = async (name, concurrency, hosts) => {
    const { runtime, session } = await openSession(concurrency)
    const urls = Array.from({ length: hosts }, (_, index) => `http://host-${index}.test:${port}/small`)
    let next = 0
    const once = () => session.data(urls[next++ % hosts] ?? "")
    const verify = (/** @type {any} */ [bytes, response]) => check(response.status, bytes.length)
    items.push({
      name,
      run: (count) => {
        let left = count
        const worker = Effect.whileLoop({ while: () => left-- > 0, body: once, step: verify })
        return runtime.runPromise(
          Effect.forEach(Array.from({ length: concurrency }), () => worker, {
            concurrency: "unbounded",
            discard: true
          })
        )
      },
      close: () => runtime.dispose()
    })
  }
  for (const concurrency of concurrencies) {
    await add(`concurrency ${concurrency}`, concurrency, 1)
  }
  for (const hosts of hostCounts) {
    await add(`hosts ${hosts}`, atATime, hosts)
  }
  for (const item of [...items, ...items]) {
    await item.run(requests)
  }
  const figures = await interleave(items, rounds, async ({ run }) => {
    // every connection of the biggest pool is in use again
    await run(4096)
    return (await cpuMicros(() => run(requests))) / requests
  }, () => {})
  for (const item of items) {
    await item.close()
  }
  return Object.fromEntries(figures)
}

/**
 * @param {import("./origin.mjs").Target} target
 * @param {import("./options.mjs").Options} options
 * @param {(text: string) => void} print
 */
export const scale = async (target, options, print) => {
  const requests = options.requests ?? 16384
  const rounds = options.rounds ?? 9
  const { port } = new URL(target.origin)
  print(`\nscale: session.data of 1 KiB, ${rounds} rounds of ${requests} requests each`)
  /** @type {Record<string, ReadonlyArray<number>>} */
  const figures = await runChild(new URL(import.meta.url), { port, rounds, requests })
  const base = (/** @type {string} */ name) => figures[name.startsWith("hosts") ? "hosts 1" : "concurrency 8"] ?? []
  print(table(
    ["", "CPU us/request", "/ concurrency 8 or hosts 1"],
    Object.entries(figures).map(([name, own]) => [
      name,
      withQuartiles(spread(own), 1),
      withQuartiles(ratio(own, base(name)), 2)
    ])
  ))
  return {
    scale: Object.fromEntries(
      Object.entries(figures).map(([name, own]) => [name, rounded(ratio(own, base(name)).median)])
    )
  }
}
