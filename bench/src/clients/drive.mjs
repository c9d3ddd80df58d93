// The loops around the clients: so many requests, so many of them at a time, and as little else as possible.
import * as Effect from "effect/Effect"

/** The body of `/small`, in bytes: every client checks that it got all of it. */
export const smallLength = 1024

/**
 * A client that is open on one origin.
 *
 * @typedef {object} OpenClient
 * @property {(requests: number, concurrency: number) => Promise<void>} get `GET /small`, whole bodies
 * @property {(path: string) => Promise<number>} download reads a body piece by piece; gives its length
 * @property {() => Promise<void>} close
 */

/**
 * @typedef {object} Client
 * @property {string} name
 * @property {"peer" | "ours"} kind
 * @property {boolean} effect whether it runs in Effect fibers
 * @property {(target: import("../origin.mjs").Target, connections: number) => Promise<OpenClient>} open
 */

/**
 * @param {number} status
 * @param {number} length
 */
export const check = (status, length) => {
  if (status !== 200 || length !== smallLength) {
    throw new Error(`expected 200 and ${smallLength} bytes, got ${status} and ${length}`)
  }
}

/**
 * For clients of promises: one loop of awaits per connection.
 *
 * @param {() => Promise<void>} once
 * @returns {OpenClient["get"]}
 */
export const drivePromises = (once) => async (requests, concurrency) => {
  let left = requests
  const worker = async () => {
    while (left > 0) {
      left--
      await once()
    }
  }
  await Promise.all(Array.from({ length: Math.min(requests, concurrency) }, worker))
}

/**
 * For clients of callbacks: each answer starts the next request.
 *
 * @param {(done: (error: unknown) => void) => void} once
 * @returns {OpenClient["get"]}
 */
export const driveCallbacks = (once) => (requests, concurrency) =>
  new Promise((resolve, reject) => {
    let left = requests
    let open = 0
    const next = () => {
      if (left > 0) {
        left--
        open++
        once(finished)
      } else if (open === 0) {
        resolve()
      }
    }
    const finished = (/** @type {unknown} */ error) => {
      open--
      if (error) {
        left = 0
        reject(error)
      } else {
        next()
      }
    }
    for (let worker = Math.min(requests, concurrency); worker > 0; worker--) {
      next()
    }
  })

/**
 * For clients of effects: one fiber per connection. `Effect.whileLoop` takes no interpreter step of its own per turn, and
 * the result is checked in its callback, so that only what the client itself does is counted.
 *
 * @template A, E, R
 * @param {(effect: Effect.Effect<void, E, R>) => Promise<void>} runPromise
 * @param {() => Effect.Effect<A, E, R>} once
 * @param {(result: A) => void} verify
 * @returns {OpenClient["get"]}
 */
export const driveEffects = (runPromise, once, verify) => (requests, concurrency) => {
  let left = requests
  const worker = Effect.whileLoop({ while: () => left-- > 0, body: once, step: verify })
  return runPromise(
    concurrency === 1
      ? worker
      : Effect.forEach(Array.from({ length: Math.min(requests, concurrency) }), () => worker, {
        concurrency: "unbounded",
        discard: true
      })
  )
}
