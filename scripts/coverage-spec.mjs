// `npm run coverage:spec`: how many rows of the specification a passing test of the last `npm test` bears in its name.
// --json prints one object, --missing lists the rows without a test, and those that are not counted, with the reason.
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { cache } from "./setup.mjs"
import {
  countedFeatures,
  countedPeerTests,
  coverage,
  excused,
  parseTable,
  passingNames,
  rowsIn,
  unknownRows
} from "./specRows.mjs"

const report = join(cache, "vitest.json")
const table = (name) =>
  parseTable(readFileSync(join(dirname(fileURLToPath(import.meta.url)), "spec", `${name}.tsv`), "utf8"))

const print = (title, { areas, held, rows }) => {
  process.stdout.write(`${title}: ${held} of ${rows}\n`)
  for (const [area, count] of Object.entries(areas)) {
    process.stdout.write(`  ${`${count.held}/${count.rows}`.padStart(7)}  ${area}\n`)
  }
}

const main = () => {
  if (!existsSync(report)) {
    process.stderr.write("No report of a test run: run `npm test` first.\n")
    return 1
  }
  const held = new Set(passingNames(JSON.parse(readFileSync(report, "utf8"))).flatMap(rowsIn))
  const featureRows = table("features")
  const peerRows = table("peer-tests")
  const features = coverage(countedFeatures(featureRows), held)
  const peer = coverage(countedPeerTests(peerRows), held)
  const unknown = unknownRows(held, new Set([...featureRows, ...peerRows].map((row) => row.id)))
  if (process.argv.includes("--json")) {
    process.stdout.write(`${JSON.stringify({ features, peer, unknown })}\n`)
    return 0
  }
  print("features", features)
  print("peer tests", peer)
  if (process.argv.includes("--missing")) {
    process.stdout.write(`without a passing test:\n${[...features.missing, ...peer.missing].join("\n")}\n`)
    const uncounted = [
      ...excused(featureRows, countedFeatures(featureRows)),
      ...excused(peerRows, countedPeerTests(peerRows))
    ]
    process.stdout.write(`not counted:\n${uncounted.map((row) => `${row.id}: ${row.why}`).join("\n")}\n`)
  }
  if (unknown.length > 0) process.stdout.write(`in a test's name, but in no table: ${unknown.join(", ")}\n`)
  return 0
}

process.exitCode = main()
