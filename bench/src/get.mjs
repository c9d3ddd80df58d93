// `get` and `get-tls`: a small GET with its whole body, all clients interleaved in one process.
import { runChild } from "./child.mjs"
import { loadClient, oursForGet, peerNames } from "./clients/index.mjs"
import { measureExact } from "./exact.mjs"
import { cpuMicros } from "./measure.mjs"
import { fixed, rounded, table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

/**
 * @typedef {object} Job
 * @property {ReadonlyArray<string>} names
 * @property {import("./origin.mjs").Target} target
 * @property {number} rounds
 * @property {number} concurrency
 * @property {number} requests
 */

/**
 * In the child: CPU microseconds per request, per client, one figure a round.
 *
 * @param {Job} job
 * @returns {Promise<Record<string, ReadonlyArray<number>>>}
 */
export const work = async ({ concurrency, names, requests, rounds, target }) => {
  const clients = []
  for (const name of names) {
    const client = await loadClient(name)
    clients.push({ name, open: await client.open(target, concurrency) })
  }
  const warmUp = Math.min(requests, 2000)
  for (const client of [...clients, ...clients]) {
    await client.open.get(warmUp, concurrency)
  }
  const figures = await interleave(clients, rounds, async ({ open }) => {
    // Unmeasured: connections that idled are opened again, and much of what the client before left is collected. A full
    // collection here would cost everyone dearly: V8 forgets optimised code with it and shrinks the young generation.
    await open.get(Math.min(requests, concurrency * 4), concurrency)
    return (await cpuMicros(() => open.get(requests, concurrency))) / requests
  }, () => {})
  for (const client of clients) {
    await client.open.close()
  }
  return Object.fromEntries(figures)
}

/**
 * @param {ReadonlyArray<string>} ours
 * @param {ReadonlyArray<string>} peers
 * @param {Record<string, ReadonlyArray<number>>} figures
 * @param {string} key
 * @param {number} digits
 */
export const ratiosOf = (ours, peers, figures, key, digits = 3) =>
  Object.fromEntries(ours.map((name, index) => [
    index === 0 ? key : `${key}-${name}`,
    Object.fromEntries(peers.map((peer) => [
      peer,
      Number(fixed(ratio(figures[name] ?? [], figures[peer] ?? []).median, digits))
    ]))
  ]))

/**
 * @param {string} key
 * @param {import("./origin.mjs").Target} target
 * @param {import("./options.mjs").Options} options
 * @param {{ ours: boolean, print: (text: string) => void }} environment
 */
export const get = async (key, target, options, { ours: oursBuilt, print }) => {
  const wanted = (/** @type {string} */ name) => options.clients === undefined || options.clients.includes(name)
  const peers = peerNames.filter(wanted)
  const ours = oursBuilt ? oursForGet.filter(wanted) : []
  const names = [...peers, ...ours]
  const { concurrency } = options
  const requests = options.requests ?? 2000
  const rounds = options.rounds ?? 15
  print(`\n${key}: GET 1 KiB, ${concurrency} connections, ${rounds} rounds of ${requests} requests per client`)
  /** @type {Record<string, ReadonlyArray<number>>} */
  const figures = await runChild(new URL(import.meta.url), { names, target, rounds, concurrency, requests })
  /** @type {Map<string, import("./exact.mjs").Exact>} */
  const exact = new Map()
  for (const name of names) {
    exact.set(name, await measureExact(name, target))
  }
  const bases = ["undici.request", "platform-undici"].filter((name) => names.includes(name))
  const rows = names.map((name) => {
    const own = figures[name] ?? []
    const numbers = exact.get(name)
    return [
      name,
      withQuartiles(spread(own), 1),
      ...bases.map((base) => withQuartiles(ratio(own, figures[base] ?? []), 2)),
      fixed(numbers?.heap ?? Number.NaN, 0),
      numbers?.steps === undefined ? "" : fixed(numbers.steps, 1)
    ]
  })
  print(table(
    ["client", "CPU us/request", ...bases.map((base) => `/ ${base}`), "heap B/request", "steps/request"],
    rows
  ))
  /** @type {Record<string, Record<string, number>>} */
  const result = ratiosOf(ours, peers, figures, key)
  if (oursBuilt) {
    const bare = await measureExact("data-bare", target)
    print(`session.data(get): ${bare.steps} steps, ${bare.heap} bytes of heap`)
    result[key] = { ...result[key], steps: rounded(bare.steps ?? Number.NaN), heap: bare.heap }
  }
  return result
}
