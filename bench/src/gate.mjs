// `gate`: the exact figures, held against their limits. Part of `npm test`.
import { measureExact } from "./exact.mjs"

/** Of a session with nothing beside it, and of one with cookies, a cache and metrics. */
const gates = [
  { client: "data-bare", what: "session.data(get)", steps: 25, heap: 15 * 1024 },
  { client: "data-full", what: "the same with cookies, cache and metrics", steps: 28, heap: 21 * 1024 }
]

/**
 * @param {import("./origin.mjs").Target} target
 * @param {(text: string) => void} print
 */
export const gate = async (target, print) => {
  let passed = true
  /** @type {Record<string, { steps: number, heap: number }>} */
  const result = {}
  for (const { client, heap: heapLimit, steps: stepLimit, what } of gates) {
    const { heap, steps = Number.NaN } = await measureExact(client, target)
    result[client] = { steps, heap }
    const verdicts = [
      { unit: "interpreter steps", value: steps, limit: stepLimit },
      { unit: "bytes of heap", value: heap, limit: heapLimit }
    ]
    for (const { limit, unit, value } of verdicts) {
      const within = value <= limit
      passed = passed && within
      print(`${within ? "ok  " : "FAIL"} ${what}: ${value} ${unit}, at most ${limit}`)
    }
  }
  return { passed, result: { gate: result } }
}
