// The bench: `npm run bench -- get`. See README.md for the method.
import { cache } from "./cache.mjs"
import { loadOurs } from "./clients/ours.mjs"
import { cookies } from "./cookies.mjs"
import { digest } from "./digest.mjs"
import { download } from "./download.mjs"
import { gate } from "./gate.mjs"
import { get } from "./get.mjs"
import { http2 } from "./http2.mjs"
import { parseOptions, usage } from "./options.mjs"
import { startOrigin } from "./origin.mjs"
import { makePrinter } from "./report.mjs"
import { scale } from "./scale.mjs"
import { sessions } from "./sessions.mjs"
import { upload } from "./upload.mjs"

/**
 * @param {string} command
 * @param {import("./options.mjs").Options} options
 * @param {import("./origin.mjs").Origin} origin
 * @param {{ ours: boolean, print: (text: string) => void }} environment
 * @returns {Promise<{ passed: boolean, result: Record<string, unknown> }>}
 */
const run = async (command, options, origin, environment) => {
  switch (command) {
    case "get":
      return { passed: true, result: await get("get", origin.plain, options, environment) }
    case "get-tls":
      return { passed: true, result: await get("get-tls", origin.tls, options, environment) }
    case "download-plain":
      return { passed: true, result: await download("download", origin.plain, options, environment) }
    case "download-tls":
      return { passed: true, result: await download("download-tls", origin.tls, options, environment) }
    case "digest":
      return { passed: true, result: await digest(options, environment) }
    case "cookies":
      return { passed: true, result: await cookies(options, environment.print) }
    case "cache":
      return { passed: true, result: await cache(options, environment) }
    case "upload":
      return { passed: true, result: await upload(origin.plain, options, environment) }
    case "h2":
      return { passed: true, result: await http2(origin.http2, options, environment) }
    case "scale":
      return { passed: true, result: await scale(origin.plain, options, environment.print) }
    case "sessions":
      return sessions(origin.plain, options, environment.print)
    case "gate":
      return gate(origin.plain, environment.print)
    default:
      throw new Error(`there is no command "${command}"`)
  }
}

const main = async () => {
  const options = parseOptions(process.argv.slice(2))
  if (options.help || options.commands.length === 0) {
    process.stdout.write(`${usage}\n`)
    return options.help ? 0 : 1
  }
  const print = makePrinter(options.json)
  const missing = await loadOurs().then(() => undefined, (/** @type {Error} */ error) => error)
  if (missing !== undefined) {
    print(missing.message)
    if (options.commands.some((command) => command === "gate" || command === "sessions")) {
      throw missing
    }
  }
  const origin = await startOrigin()
  let passed = true
  /** @type {Record<string, unknown>} */
  const results = {}
  try {
    for (const command of options.commands) {
      const outcome = await run(command, options, origin, { ours: missing === undefined, print })
      passed = passed && outcome.passed
      Object.assign(results, outcome.result)
    }
  } finally {
    origin.close()
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify(results)}\n`)
  }
  return passed ? 0 : 1
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    if (error instanceof Error && error.cause instanceof Error) {
      process.stderr.write(`  because: ${error.cause.message}\n`)
    }
    process.exitCode = 1
  }
)
