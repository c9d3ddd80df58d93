// `gate`: the two exact figures, held against their limits. Part of `npm test`.
import { measureExact } from "./exact.mjs"

export const limits = { steps: 40, heap: 16 * 1024 }

/**
 * @param {import("./origin.mjs").Target} target
 * @param {(text: string) => void} print
 */
export const gate = async (target, print) => {
  const { heap, steps } = await measureExact("data-bare", target)
  const verdicts = [
    { what: "interpreter steps", value: steps ?? Number.NaN, limit: limits.steps },
    { what: "bytes of heap", value: heap, limit: limits.heap }
  ]
  let passed = true
  for (const { limit, value, what } of verdicts) {
    const within = value <= limit
    passed = passed && within
    print(`${within ? "ok  " : "FAIL"} session.data(get): ${value} ${what}, at most ${limit}`)
  }
  return { passed, result: { gate: { steps: steps ?? Number.NaN, heap } } }
}
