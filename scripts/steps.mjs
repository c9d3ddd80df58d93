// What `npm test` consists of: the light steps, which may run two at a time, and the others, which want the machine alone.
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { checkPackage } from "./check-packages.mjs"
import { notices } from "./interop/servers.mjs"
import { cache, root, run, tool } from "./setup.mjs"

const minutes = (n) => n * 60_000
const limited = { timeout: minutes(15) }

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

/** A script of the root package.json, so that a developer and CI run the very same command. */
const script = (name, args = [], options = limited) =>
  run("npm", ["run", "--silent", name, ...(args.length === 0 ? [] : ["--", ...args])], options)

export const light = [
  { name: "types", run: () => script("check") },
  { name: "lint", run: () => script("lint") },
  { name: "effect diagnostics", run: () => script("lint:effect") },
  { name: "type tests", run: () => script("lint:types") },
  { name: "imports", run: () => script("lint:imports") },
  { name: "examples", run: () => script("lint:examples") },
  ...["core", "node", "browser"].map((name) => ({ name: `package ${name}`, run: () => checkPackage(name, limited) }))
]

export const report = join(cache, "vitest.json")

const vitest = {
  name: "vitest",
  run: async () => {
    rmSync(report, { force: true })
    const result = await tool(
      "vitest/vitest.mjs",
      ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
      { timeout: minutes(40) }
    )
    return { ...result, ...counts(result, report), names: failedTests(report) }
  }
}

/** Which tests failed, each with the first lines of why: what is looked for first in a long output. */
const failedTests = (report) => {
  if (!existsSync(report)) return []
  const { testResults } = JSON.parse(readFileSync(report, "utf8"))
  return testResults.flatMap((file) => [
    ...(file.status === "failed" && file.assertionResults.length === 0 ? [`${file.name}: ${file.message}`] : []),
    ...file.assertionResults
      .filter((one) => one.status === "failed")
      .map((one) =>
        `${one.fullName}: ${(one.failureMessages[0] ?? "").split("\n").slice(0, 5).join(" | ").slice(0, 1000)}`
      )
  ])
}

const interopReport = join(cache, "interop.json")

const interop = {
  name: "interop",
  run: async () => {
    rmSync(interopReport, { force: true })
    const result = await script("test:interop", [`--report=${interopReport}`], { timeout: minutes(15) })
    // of a run that went well only this is news: which servers were not there
    const output = result.code === 0 ? notices(result.output) : result.output
    return { ...result, ...counts(result, interopReport), output, show: output !== "" }
  }
}

/** vitest counts for itself; a run that fails without a failed test (a file that does not load, a stray error) is one failure. */
const counts = ({ code }, report) => {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 }
  const { numFailedTests, numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, "utf8")
  )
  const notLoaded = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length
  const failed = numFailedTests + notLoaded
  return {
    passed: numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: numPendingTests + numTodoTests
  }
}

export const alone = [
  vitest,
  ...(existsSync(join(root, "bench", "src", "main.mjs"))
    ? [{ name: "bench gate", run: () => script("bench", ["gate"]), show: true }]
    : []),
  { name: "coverage:spec", run: () => script("coverage:spec"), show: true },
  ...("test:interop" in manifest.scripts && process.argv.includes("--interop")
    ? [interop]
    : [])
]
