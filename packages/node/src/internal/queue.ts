/**
 * The order in which requests get connections: by priority, then as they came; but every sixteenth goes to who has waited longest,
 * so that nobody waits for ever. Entering and leaving cost the same for any length.
 */

/** What can wait. The links belong to the queue. */
export interface Waiting<Self> {
  priority: number
  /** Who came before whom. */
  order: number
  lane: Lane<Self> | undefined
  before: Self | undefined
  behind: Self | undefined
}

/** All that wait with one priority. */
export interface Lane<Self> {
  readonly priority: number
  first: Self | undefined
  last: Self | undefined
}

/** So many leave by priority before one leaves by age. */
const byPriority = 15

/** See the head of this file. */
export class WaitQueue<Self extends Waiting<Self>> {
  size = 0
  // the highest priority first; there are few different ones
  #lanes: Array<Lane<Self>> = []
  #last = 0
  #left = 0

  add(waiting: Self): void {
    waiting.order = ++this.#last
    this.#insert(waiting)
  }

  /** It waits with another priority from now on, behind those who have it already. */
  move(waiting: Self, priority: number): void {
    this.#take(waiting)
    waiting.priority = priority
    this.#insert(waiting)
  }

  #insert(waiting: Self): void {
    const lane = this.#lane(waiting.priority)
    waiting.lane = lane
    waiting.before = lane.last
    waiting.behind = undefined
    if (lane.last === undefined) lane.first = waiting
    else lane.last.behind = waiting
    lane.last = waiting
    this.size++
  }

  /** Idempotent. */
  remove(waiting: Self): void {
    // who was not the next one has only given up
    if (waiting === this.first()) this.#left = this.#left === byPriority ? 0 : this.#left + 1
    this.#take(waiting)
  }

  #take(waiting: Self): void {
    const lane = waiting.lane
    if (lane === undefined) return
    if (waiting.before === undefined) lane.first = waiting.behind
    else waiting.before.behind = waiting.behind
    if (waiting.behind === undefined) lane.last = waiting.before
    else waiting.behind.before = waiting.before
    waiting.lane = undefined
    waiting.before = undefined
    waiting.behind = undefined
    this.size--
  }

  first(): Self | undefined {
    if (this.size === 0) return undefined
    let longest: Self | undefined
    for (const { first } of this.#lanes) {
      if (first === undefined) continue
      if (this.#left < byPriority) return first
      if (longest === undefined || first.order < longest.order) longest = first
    }
    return longest
  }

  each(f: (waiting: Self) => void): void {
    for (const lane of this.#lanes) {
      for (let waiting = lane.first; waiting !== undefined; waiting = waiting.behind) f(waiting)
    }
  }

  /** The first that fulfils a condition. */
  find(condition: (waiting: Self) => boolean): Self | undefined {
    if (this.size === 0) return undefined
    for (const lane of this.#lanes) {
      for (let waiting = lane.first; waiting !== undefined; waiting = waiting.behind) {
        if (condition(waiting)) return waiting
      }
    }
    return undefined
  }

  #lane(priority: number): Lane<Self> {
    const known = this.#lanes.find((lane) => lane.priority === priority)
    if (known !== undefined) return known
    this.#lanes = this.#lanes.filter((lane) => lane.first !== undefined)
    let at = 0
    for (; at < this.#lanes.length; at++) {
      const lane = this.#lanes[at]
      if (lane === undefined || lane.priority < priority) break
    }
    const lane: Lane<Self> = { priority, first: undefined, last: undefined }
    this.#lanes.splice(at, 0, lane)
    return lane
  }
}
