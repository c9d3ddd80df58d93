// `npm test`: set-up, then every check there is. One line a step, the whole output of what fails, and as the last line
// `N passed, N failed`: vitest's own counts, each other step being one.
import { setup } from "./setup.mjs"

const total = { passed: 0, failed: 0, skipped: 0 }
const failures = []
const only = process.argv.find((argument) => argument.startsWith("--only="))?.slice("--only=".length).split(",")

const perform = async (step) => {
  const begin = performance.now()
  const result = await step.run()
  const seconds = ((performance.now() - begin) / 1000).toFixed(1).padStart(6)
  const { failed, passed, skipped } = "passed" in result
    ? result
    : { passed: result.code === 0 ? 1 : 0, failed: result.code === 0 ? 0 : 1, skipped: 0 }
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
  const many = passed + failed > 1 ? `  ${summary({ passed, failed, skipped })}` : ""
  process.stdout.write(`${failed === 0 ? "ok    " : "FAILED"} ${step.name.padEnd(20)} ${seconds} s${many}\n`)
  if (failed > 0) {
    failures.push(step.name, ...(result.names ?? []).map((name) => `\n  ${name}\n`))
    process.stdout.write(`${result.output.trimEnd()}\n\n`)
  } else if (step.show || result.show) process.stdout.write(`${result.output.trimEnd().replace(/^/gm, "       ")}\n`)
  return failed === 0
}

const summary = ({ failed, passed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`

/** Runs the steps in order, at most two at a time. */
const inPairs = (steps) => {
  const waiting = [...steps]
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) await perform(step)
  }
  return Promise.all([worker(), worker()])
}

const selected = (steps) => only === undefined ? steps : steps.filter((step) => only.includes(step.name))

// The steps' own imports are fine without node_modules, but their tools are not: without set-up nothing else can run.
const installed = await perform({ name: "install", run: () => setup({ build: false }) })
if (installed) {
  const { alone, light } = await import("./steps.mjs")
  await perform({ name: "build", run: () => setup() })
  await inPairs(selected(light))
  for (const step of selected(alone)) await perform(step)
}

if (failures.length > 0) process.stdout.write(`\nfailed: ${failures.join(" ")}\n`)
process.stdout.write(`${summary(total)}\n`)
process.exitCode = total.failed === 0 ? 0 : 1
