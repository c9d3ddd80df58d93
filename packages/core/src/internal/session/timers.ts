/**
 * The session's timer wheel: every timer of core and of a transport on one list, with one sleeper for all of them, on the
 * Clock that the session was built with. Arming a timer is a push onto a list, so a request's timers cost next to nothing.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type { TimerHandle, Timers } from "../../Transport.ts"

/** Something on the wheel. `deadline` may be moved later at any time; it is looked at when it would have fired. */
export interface WheelEntry {
  /** Milliseconds since the epoch; `Infinity` while it stands still. */
  deadline: number
  /** Called when the deadline has passed. Must not throw. Leaves the wheel, or moves its deadline later. */
  readonly expire: (now: number) => void
  before: WheelEntry | undefined
  after: WheelEntry | undefined
  onWheel: boolean
  /** House-keeping: does not keep the sleeper awake. */
  readonly weak: boolean
}

/** Longest sleep, in milliseconds: an idle session holds the process no longer than this. */
const longestSleep = 1000

class Alarm implements WheelEntry, TimerHandle {
  before: WheelEntry | undefined = undefined
  after: WheelEntry | undefined = undefined
  onWheel = false
  deadline: number
  readonly weak: boolean
  readonly #wheel: Wheel
  readonly #fire: () => void
  constructor(wheel: Wheel, deadline: number, weak: boolean, fire: () => void) {
    this.#wheel = wheel
    this.#fire = fire
    this.deadline = deadline
    this.weak = weak
  }
  expire(): void {
    this.#wheel.remove(this)
    this.#fire()
  }
  cancel(): void {
    this.#wheel.remove(this)
  }
}

/** See the head of this file. */
export class Wheel implements Timers {
  #first: WheelEntry | undefined = undefined
  #strong = 0
  #wakeAt = Infinity
  #sleeper: Fiber.RuntimeFiber<void> | undefined = undefined
  #closed = false
  readonly #clock: Clock.Clock
  readonly #runtime: Runtime.Runtime<never>

  constructor(clock: Clock.Clock, runtime: Runtime.Runtime<never>) {
    this.#clock = clock
    this.#runtime = runtime
  }

  // The nanoseconds of a Clock never jump, as its milliseconds do when somebody sets the time of the machine: an hour forward
  // would end every task, and an hour back would let none end.
  /** Milliseconds since the epoch, with fractions where the clock has them, counted on from when the process began. */
  readonly now = (): number => Number(this.#clock.unsafeCurrentTimeNanos()) / 1e6

  /** What a calendar says, in milliseconds since the epoch: for what is kept longer than the process. May jump. */
  readonly wall = (): number => this.#clock.unsafeCurrentTimeMillis()

  readonly after = (milliseconds: number, fire: () => void): TimerHandle => {
    const alarm = new Alarm(this, this.now() + milliseconds, false, fire)
    this.add(alarm)
    return alarm
  }

  readonly afterWeak = (milliseconds: number, fire: () => void): TimerHandle => {
    const alarm = new Alarm(this, this.now() + milliseconds, true, fire)
    this.add(alarm)
    return alarm
  }

  /** How many timers hold the process awake. */
  get size(): number {
    return this.#strong
  }

  add(entry: WheelEntry): void {
    if (entry.onWheel || this.#closed) return
    entry.onWheel = true
    entry.after = this.#first
    if (this.#first !== undefined) this.#first.before = entry
    this.#first = entry
    if (!entry.weak) this.#strong++
    this.moved(entry)
  }

  /** Tells that an entry's deadline is now earlier than it was. */
  moved(entry: WheelEntry): void {
    if (entry.weak || entry.deadline >= this.#wakeAt) return
    this.#sleepUntil(entry.deadline)
  }

  remove(entry: WheelEntry): void {
    if (!entry.onWheel) return
    entry.onWheel = false
    if (entry.before === undefined) this.#first = entry.after
    else entry.before.after = entry.after
    if (entry.after !== undefined) entry.after.before = entry.before
    entry.before = undefined
    entry.after = undefined
    if (!entry.weak) this.#strong--
  }

  /** Stops the sleeper and forgets every timer. */
  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#closed = true
      for (let entry = this.#first; entry !== undefined; entry = this.#first) this.remove(entry)
      const sleeper = this.#sleeper
      this.#sleeper = undefined
      return sleeper === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(sleeper))
    })
  }

  #sleepUntil(deadline: number): void {
    const wakeAt = Math.min(deadline, this.now() + longestSleep)
    if (this.#sleeper !== undefined) {
      if (wakeAt >= this.#wakeAt) return
      this.#sleeper.unsafeInterruptAsFork(this.#sleeper.id())
    }
    this.#wakeAt = wakeAt
    const sleep = Effect.suspend(() => this.#clock.sleep(Duration.millis(Math.max(0, Math.ceil(wakeAt - this.now())))))
    const sleeper: Fiber.RuntimeFiber<void> = Runtime.runFork(
      this.#runtime,
      Effect.flatMap(sleep, () => Effect.sync(() => this.#wake(sleeper)))
    )
    this.#sleeper = sleeper
  }

  /** What is due, in the order of the deadlines. */
  #due(now: number): ReadonlyArray<WheelEntry> {
    const due: Array<WheelEntry> = []
    for (let entry = this.#first; entry !== undefined; entry = entry.after) if (entry.deadline <= now) due.push(entry)
    return due.length > 1 ? due.sort((a, b) => a.deadline - b.deadline) : due
  }

  #wake(sleeper: Fiber.RuntimeFiber<void>): void {
    if (this.#sleeper !== sleeper) return
    this.#sleeper = undefined
    this.#wakeAt = Infinity
    const now = this.now()
    // one that only moves its deadline when it is looked at may be due all the same, after others: hence the rounds
    for (let due = this.#due(now); due.length > 0; due = this.#due(now)) {
      for (const entry of due) if (entry.onWheel && entry.deadline <= now) entry.expire(now)
    }
    if (this.#closed || this.#strong === 0) return
    let next = now + longestSleep
    for (let entry = this.#first; entry !== undefined; entry = entry.after) {
      if (!entry.weak && entry.deadline < next) next = entry.deadline
    }
    this.#sleepUntil(next)
  }
}
