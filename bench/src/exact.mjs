// The exact figures of one client: interpreter steps and heap bytes per request, in a process of its own.
import { runChild } from "./child.mjs"
import { loadClient } from "./clients/index.mjs"
import { countSteps, heapBytes } from "./measure.mjs"

/**
 * @typedef {object} Exact
 * @property {number | undefined} steps absent for a client that runs no fibers
 * @property {number} heap
 */

/**
 * Measures in a child under `--expose-gc`, with a young generation so large that most windows see no collection.
 *
 * @param {string} name
 * @param {import("./origin.mjs").Target} target
 * @returns {Promise<Exact>}
 */
export const measureExact = (name, target) =>
  runChild(new URL(import.meta.url), { name, target }, [
    "--expose-gc",
    "--min-semi-space-size=32",
    "--max-semi-space-size=64"
  ])

/**
 * @param {{ name: string, target: import("./origin.mjs").Target }} job
 * @returns {Promise<Exact>}
 */
export const work = async ({ name, target }) => {
  const client = await loadClient(name)
  const open = await client.open(target, 1)
  const run = (/** @type {number} */ requests) => open.get(requests, 1)
  const heap = await heapBytes(run, { windows: 21, size: 100, warmUp: 4000 })
  // What begins and ends a run of a thousand is in the thousandths.
  const steps = client.effect ? Math.round(await countSteps(run, 1000) * 100) / 100 : undefined
  await open.close()
  return { heap: Math.round(heap), steps }
}
