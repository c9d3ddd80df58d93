// Medians and quartiles: the only figures that mean something on a machine that is never quiet.

/**
 * @typedef {object} Spread
 * @property {number} median
 * @property {number} lower the first quartile
 * @property {number} upper the third quartile
 */

/**
 * @param {ReadonlyArray<number>} sorted
 * @param {number} fraction
 */
const quantile = (sorted, fraction) => {
  const position = (sorted.length - 1) * fraction
  const below = Math.floor(position)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? low
  return low + (high - low) * (position - below)
}

/**
 * @param {ReadonlyArray<number>} values
 * @returns {Spread}
 */
export const spread = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), lower: quantile(sorted, 0.25), upper: quantile(sorted, 0.75) }
}

/**
 * The spread of `values[i] / bases[i]`: both of one round, so that what disturbed the round disturbed both.
 *
 * @param {ReadonlyArray<number>} values
 * @param {ReadonlyArray<number>} bases
 */
export const ratio = (values, bases) => spread(values.map((value, index) => value / (bases[index] ?? Number.NaN)))
