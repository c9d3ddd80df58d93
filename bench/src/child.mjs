// Runs one job of one module in a fresh process: `work(job)` of the module there, its answer here.
import { fork } from "node:child_process"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"

/**
 * @param {URL} module
 * @param {unknown} job
 * @param {ReadonlyArray<string>} [flags] of Node
 * @returns {Promise<any>}
 */
export const runChild = (module, job, flags = []) =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [module.href], {
      execArgv: [...flags],
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    /** @type {{ result?: unknown, error?: string } | undefined} */
    let answer
    child.once("error", reject)
    child.on("message", (/** @type {any} */ message) => {
      answer = message
    })
    child.once("exit", (code, signal) => {
      if (answer === undefined) {
        reject(new Error(`a bench process ended with ${signal ?? code} and said nothing`))
      } else if (answer.error !== undefined) {
        reject(new Error(answer.error))
      } else {
        resolve(answer.result)
      }
    })
    child.send({ job })
  })

const main = async (/** @type {string} */ module) => {
  process.once("disconnect", () => process.exit(1))
  process.once("message", async (/** @type {{ job: unknown }} */ { job }) => {
    /** @type {{ result?: unknown, error?: string }} */
    let answer
    try {
      const { work } = await import(module)
      answer = { result: await work(job) }
    } catch (error) {
      answer = { error: error instanceof Error ? describe(error) : String(error) }
    }
    process.send?.(answer, () => process.exit(0))
  })
}

/**
 * @param {Error} error
 * @returns {string}
 */
const describe = (error) =>
  error.cause instanceof Error ? `${error.message}\n  because: ${describe(error.cause)}` : error.stack ?? error.message

if (argv[1] === fileURLToPath(import.meta.url) && argv[2] !== undefined) {
  await main(argv[2])
}
