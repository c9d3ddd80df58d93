// What is measured and how: CPU time, interpreter steps of Effect, bytes allocated on the heap.
import * as Effect from "effect/Effect"
import { GCProfiler, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { spread } from "./statistics.mjs"

const opcodes = [
  "Sync",
  "Success",
  "Failure",
  "OnSuccess",
  "OnFailure",
  "OnSuccessAndFailure",
  "OnStep",
  "Async",
  "Iterator",
  "While",
  "WithRuntime",
  "UpdateRuntimeFlags",
  "Yield",
  "Commit",
  "Tag",
  "Left",
  "Right",
  "None",
  "Some"
]

/** Runs a full collection, whether or not the process was started with `--expose-gc`. */
export const collectGarbage = (() => {
  if (typeof globalThis.gc === "function") {
    return globalThis.gc
  }
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc")
})()

/**
 * CPU microseconds of this process, user and system, all threads, that `run` takes.
 *
 * @param {() => Promise<void>} run
 */
export const cpuMicros = async (run) => {
  const before = process.cpuUsage()
  await run()
  const used = process.cpuUsage(before)
  return used.user + used.system
}

/**
 * Interpreter steps per request, over all fibers: every opcode method on the prototype of the fiber runtime is wrapped
 * for the time of the count. The loop that makes the requests must itself take none: see `worker` in clients/drive.mjs.
 *
 * @param {(requests: number) => Promise<void>} run makes so many requests one after the other
 * @param {number} requests
 */
export const countSteps = async (run, requests) => {
  const fiber = Effect.runFork(Effect.void)
  let prototype = Object.getPrototypeOf(fiber)
  while (prototype !== null && !Object.hasOwn(prototype, "OnSuccess")) {
    prototype = Object.getPrototypeOf(prototype)
  }
  if (prototype === null) {
    throw new Error("the fiber runtime has no opcode methods on its prototype: has Effect changed?")
  }
  /** @type {Map<string, (op: unknown) => unknown>} */
  const originals = new Map()
  let steps = 0
  for (const opcode of opcodes) {
    const original = prototype[opcode]
    if (typeof original === "function") {
      originals.set(opcode, original)
      prototype[opcode] = function(/** @type {unknown} */ op) {
        steps++
        return original.call(this, op)
      }
    }
  }
  try {
    await run(200)
    steps = 0
    await run(requests)
    return steps / requests
  } finally {
    for (const [opcode, original] of originals) {
      prototype[opcode] = original
    }
  }
}

/**
 * Bytes of heap allocated per request: the median over windows in which nothing was collected.
 *
 * @param {(requests: number) => Promise<void>} run makes so many requests one after the other
 * @param {{ windows: number, size: number, warmUp: number }} options
 */
export const heapBytes = async (run, { size, warmUp, windows }) => {
  await run(warmUp)
  /** @type {Array<number>} */
  const kept = []
  for (let attempt = 0; attempt < windows * 4 && kept.length < windows; attempt++) {
    collectGarbage({ type: "minor" })
    const profiler = new GCProfiler()
    profiler.start()
    const before = process.memoryUsage().heapUsed
    await run(size)
    const after = process.memoryUsage().heapUsed
    const collections = profiler.stop().statistics.length
    if (collections === 0) {
      kept.push((after - before) / size)
    }
  }
  if (kept.length < 3) {
    throw new Error(`only ${kept.length} of ${windows * 4} windows were free of collections: make them smaller`)
  }
  return spread(kept).median
}
