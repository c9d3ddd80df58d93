// Interleaves the clients: every round runs each of them once, in an order that changes.

/**
 * The order of one round: rotated by one each time, and backwards every second time, so that no client always follows
 * the same other one.
 *
 * @template A
 * @param {ReadonlyArray<A>} items
 * @param {number} round
 * @returns {ReadonlyArray<A>}
 */
export const orderOf = (items, round) => {
  const shift = round % items.length
  const rotated = [...items.slice(shift), ...items.slice(0, shift)]
  return round % 2 === 0 ? rotated : rotated.reverse()
}

/**
 * Measures every item once a round. The figures of one item stand in the order of the rounds.
 *
 * @template {{ readonly name: string }} A
 * @param {ReadonlyArray<A>} items
 * @param {number} rounds
 * @param {(item: A) => Promise<number>} measure
 * @param {(round: number) => void} onRound
 * @returns {Promise<Map<string, Array<number>>>}
 */
export const interleave = async (items, rounds, measure, onRound) => {
  /** @type {Map<string, Array<number>>} */
  const figures = new Map(items.map((item) => [item.name, []]))
  for (let round = 0; round < rounds; round++) {
    onRound(round)
    for (const item of orderOf(items, round)) {
      const figure = await measure(item)
      figures.get(item.name)?.push(figure)
    }
  }
  return figures
}
