// `download`: a large body to a sink, piece by piece, in a fresh process per client and round.
import { runChild } from "./child.mjs"
import { loadClient, oursForDownload, peerNames } from "./clients/index.mjs"
import { ratiosOf } from "./get.mjs"
import { cpuMicros } from "./measure.mjs"
import { table, withQuartiles } from "./report.mjs"
import { interleave } from "./rounds.mjs"
import { ratio, spread } from "./statistics.mjs"

const gibibyte = 1024 * 1024 * 1024
const mebibyte = 1024 * 1024

/**
 * @typedef {object} Answer
 * @property {number} cpu microseconds, from before the connection until after the last byte
 * @property {number} memory the highest resident size, in KiB
 */

/**
 * In the child. Loading the client's modules is not counted; connecting and shaking hands is.
 *
 * @param {{ name: string, target: import("./origin.mjs").Target, bytes: number }} job
 * @returns {Promise<Answer>}
 */
export const work = async ({ bytes, name, target }) => {
  const client = await loadClient(name)
  const open = await client.open(target, 1)
  let length = 0
  const cpu = await cpuMicros(async () => {
    length = await open.download(`/bytes/${bytes}`)
  })
  if (length !== bytes) {
    throw new Error(`${name} got ${length} of ${bytes} bytes`)
  }
  const memory = process.resourceUsage().maxRSS
  await open.close()
  return { cpu, memory }
}

/**
 * @param {string} key
 * @param {import("./origin.mjs").Target} target
 * @param {import("./options.mjs").Options} options
 * @param {{ ours: boolean, print: (text: string) => void }} environment
 */
export const download = async (key, target, options, { ours: oursBuilt, print }) => {
  const wanted = (/** @type {string} */ name) => options.clients === undefined || options.clients.includes(name)
  const peers = peerNames.filter(wanted)
  const ours = oursBuilt ? oursForDownload.filter(wanted) : []
  const names = [...peers, ...ours]
  const bytes = options.bytes ?? 256 * mebibyte
  const rounds = options.rounds ?? 9
  print(`\n${key}: ${bytes / mebibyte} MiB, one connection, ${rounds} rounds, a fresh process each`)
  /** @type {Map<string, Array<number>>} */
  const memory = new Map(names.map((name) => [name, []]))
  const measured = await interleave(names.map((name) => ({ name })), rounds, async ({ name }) => {
    /** @type {Answer} */
    const answer = await runChild(new URL(import.meta.url), { name, target, bytes })
    memory.get(name)?.push(answer.memory / 1024)
    return answer.cpu / 1e6 * (gibibyte / bytes)
  }, () => {})
  const figures = Object.fromEntries(measured)
  const bases = ["undici.dispatch", "undici.request"].filter((name) => names.includes(name))
  print(table(
    ["client", "CPU s/GiB", ...bases.map((base) => `/ ${base}`), "peak MiB"],
    names.map((name) => {
      const own = figures[name] ?? []
      return [
        name,
        withQuartiles(spread(own), 2),
        ...bases.map((base) => withQuartiles(ratio(own, figures[base] ?? []), 2)),
        spread(memory.get(name) ?? []).median.toFixed(0)
      ]
    })
  ))
  return ratiosOf(ours, peers, figures, key)
}
