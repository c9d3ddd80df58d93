// `sessions`: what is left of many sessions that were opened, used and closed.
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import { runChild } from "./child.mjs"
import { check } from "./clients/drive.mjs"
import { collectGarbage } from "./measure.mjs"
import { fixed } from "./report.mjs"

/** Retained bytes of heap per session. */
const heapLimit = 512

/**
 * @typedef {object} Answer
 * @property {ReadonlyArray<string>} before kinds of handles that keep the process awake
 * @property {ReadonlyArray<string>} after
 * @property {number} heap retained bytes per session
 * @property {number} cpu microseconds per session
 */

/** Lets closed sockets report their end, then collects what they left, until the heap stands still. */
const settle = async () => {
  let last = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 20; turn++) {
    for (let tick = 0; tick < 10; tick++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    collectGarbage()
    const used = process.memoryUsage().heapUsed
    if (turn > 4 && used >= last) {
      return Math.min(used, last)
    }
    last = used
  }
  return last
}

const handles = () => process.getActiveResourcesInfo().sort()

/**
 * In the child.
 *
 * @param {{ target: import("./origin.mjs").Target, sessions: number }} job
 * @returns {Promise<Answer>}
 */
export const work = async ({ sessions, target }) => {
  const { load } = await import("./clients/ours.mjs")
  const { NodeTransport, SessionConfiguration, UrlSession } = await load()
  const request = HttpClientRequest.get(`${target.origin}/small`)
  const one = Effect.scoped(Effect.flatMap(
    UrlSession.make(SessionConfiguration.default),
    (session) => session.data(request)
  ))
  const verify = (/** @type {[Uint8Array, { status: number }]} */ [bytes, response]) =>
    check(response.status, bytes.length)
  const run = (/** @type {number} */ count) => {
    let left = count
    const worker = Effect.whileLoop({ while: () => left-- > 0, body: () => one, step: verify })
    return Effect.runPromise(
      Effect.provide(
        Effect.all([worker, worker, worker, worker], { concurrency: 4, discard: true }),
        NodeTransport.layer
      )
    )
  }
  // as many before as are measured: compiled code and its feedback stay, and are no session's
  await run(sessions)
  const heapBefore = await settle()
  const before = handles()
  const cpuBefore = process.cpuUsage()
  await run(sessions)
  const cpu = process.cpuUsage(cpuBefore)
  const heapAfter = await settle()
  return {
    before,
    after: handles(),
    heap: (heapAfter - heapBefore) / sessions,
    cpu: (cpu.user + cpu.system) / sessions
  }
}

/**
 * @param {import("./origin.mjs").Target} target
 * @param {import("./options.mjs").Options} options
 * @param {(text: string) => void} print
 */
export const sessions = async (target, options, print) => {
  const count = options.requests ?? 2000
  print(`\nsessions: ${count} opened, used for one GET and closed, four at a time`)
  /** @type {Answer} */
  const answer = await runChild(new URL(import.meta.url), { target, sessions: count }, ["--expose-gc"])
  const left = answer.after.length - answer.before.length
  const passed = left <= 0 && answer.heap <= heapLimit
  print(`handles before: ${answer.before.join(" ") || "none"}`)
  print(`handles after:  ${answer.after.join(" ") || "none"}`)
  print(`retained heap:  ${fixed(answer.heap, 0)} bytes per session (at most ${heapLimit})`)
  print(`CPU:            ${fixed(answer.cpu, 0)} us per session`)
  return {
    passed,
    result: { sessions: { handles: left, heap: Math.round(answer.heap), cpu: Math.round(answer.cpu) } }
  }
}
