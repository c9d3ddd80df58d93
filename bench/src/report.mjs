// Tables for people. Everything printed here goes to standard error under `--json`.

/**
 * @param {ReadonlyArray<string>} header
 * @param {ReadonlyArray<ReadonlyArray<string>>} rows the first column is left-aligned, the others right-aligned
 */
export const table = (header, rows) => {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)))
  const line = (/** @type {ReadonlyArray<string>} */ cells) =>
    cells.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    }).join("  ").trimEnd()
  return [line(header), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n")
}

/**
 * @param {number} value
 * @param {number} digits
 */
export const fixed = (value, digits) => Number.isFinite(value) ? value.toFixed(digits) : "-"

/**
 * `0.93 [0.88-1.02]`: the median and the quartiles.
 *
 * @param {import("./statistics.mjs").Spread} spread
 * @param {number} digits
 */
export const withQuartiles = ({ lower, median, upper }, digits) =>
  `${fixed(median, digits)} [${fixed(lower, digits)}-${fixed(upper, digits)}]`

/** @param {number} value */
export const rounded = (value) => Math.round(value * 1000) / 1000

/** @param {boolean} json */
export const makePrinter = (json) => (/** @type {string} */ text) => {
  const stream = json ? process.stderr : process.stdout
  stream.write(`${text}\n`)
}
