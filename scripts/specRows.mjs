// Which rows of the specification a test's name claims, and how many of each area are held. Pure: text in, counts out.

/**
 * The rows a name bears: `TDL-04` and `TestClass/test_name`, as whole words. A range (`TDL-04-07`, `TDL-04..07`) claims
 * nothing more than it spells out, so that a row is counted only where somebody wrote it down.
 */
export const rowsIn = (name) => [
  ...Array.from(name.matchAll(/(?<![\w-])[A-Z]{3}-\d{2}(?![\w]|-\w)/g), ([id]) => id),
  ...Array.from(name.matchAll(/(?<![\w/])Test\w+\/test_?\w+(?![\w/])/g), ([id]) => id)
]

/** The names of the passing tests in a report of vitest's JSON reporter. */
export const passingNames = (report) =>
  report.testResults.flatMap((file) =>
    file.assertionResults.filter((test) => test.status === "passed").map((test) => test.fullName)
  )

/** A table of tab-separated values with a header line, as one object per row. */
export const parseTable = (text) => {
  const [header, ...lines] = text.trimEnd().split("\n").map((line) => line.split("\t"))
  return lines.map((cells) => Object.fromEntries(header.map((name, index) => [name, cells[index] ?? ""])))
}

/** Not counted: what the platform cannot do, and the peer's tests of its own platform. Each says why in the table. */
export const countedFeatures = (rows) => rows.filter((row) => row.state !== "skip" && row.state !== "no")
export const countedPeerTests = (rows) => rows.filter((row) => row.portable === "yes")

/** The rows that are not among the counted ones. */
export const excused = (rows, counted) => rows.filter((row) => !counted.includes(row))

/** Rows held and counted, in all and per area, and the rows without a passing test. */
export const coverage = (rows, held) => {
  const areas = {}
  const missing = []
  for (const { area, id } of rows) {
    const count = areas[area] ??= { held: 0, rows: 0 }
    count.rows += 1
    if (held.has(id)) count.held += 1
    else missing.push(id)
  }
  return { held: rows.length - missing.length, rows: rows.length, areas, missing }
}

/** Ids in tests' names that no table has: a misspelling would otherwise go unnoticed. */
export const unknownRows = (held, known) => [...held].filter((id) => !known.has(id)).sort()
