/**
 * The two timers of a task on one entry of the session's wheel: the idle one, which runs while the network is waited for, and
 * the total one. Both stand still while the task is suspended.
 */
import type { Wheel, WheelEntry } from "./timers.ts"

/** Part of a task's context, and apart from it only so that time can be read by itself. */
export abstract class TaskTimers implements WheelEntry {
  /** Looked at lazily: it is moved later only when it would have fired. */
  deadline: number
  before: WheelEntry | undefined = undefined
  after: WheelEntry | undefined = undefined
  onWheel = false
  readonly weak = false
  readonly #wheel: Wheel
  readonly #idleLimit: number
  #idleSince = Infinity
  readonly #totalLimit: number
  #totalDeadline: number
  #still = false
  #stillSince = 0

  constructor(wheel: Wheel, started: number, idleLimit: number, totalLimit: number) {
    this.#wheel = wheel
    this.#idleLimit = idleLimit
    this.#totalLimit = totalLimit
    this.#totalDeadline = started + totalLimit
    this.deadline = this.#totalDeadline
  }

  /** One of them has run out, after so many milliseconds. */
  protected abstract timedOut(timer: "idle" | "resource", after: number): void

  networkWait(waiting: boolean): void {
    if (!waiting) {
      this.#idleSince = Infinity
      return
    }
    this.#idleSince = this.#wheel.now()
    this.startClock()
  }

  touch(): void {
    if (this.#idleSince !== Infinity) this.#idleSince = this.#wheel.now()
  }

  /** Puts the timers on the wheel, where they are not there in time; those of a suspended task when it goes on. */
  startClock(): void {
    if (this.#still) return
    const due = this.#due
    if (due >= this.deadline && this.onWheel) return
    this.deadline = due
    if (this.onWheel) this.#wheel.moved(this)
    else this.#wheel.add(this)
  }

  expire(now: number): void {
    const due = this.#due
    // moved later since it was armed: others may be due before it
    if (due > this.deadline) this.deadline = due
    else if (now >= this.#totalDeadline) this.timedOut("resource", this.#totalLimit)
    else this.timedOut("idle", this.#idleLimit)
  }

  protected stopClock(): void {
    this.#wheel.remove(this)
  }

  protected holdClock(): void {
    this.#still = true
    this.#stillSince = this.#wheel.now()
    this.stopClock()
  }

  protected releaseClock(): void {
    this.#still = false
    const now = this.#wheel.now()
    this.#totalDeadline += now - this.#stillSince
    if (this.#idleSince !== Infinity) this.#idleSince = now
  }

  get #due(): number {
    return Math.min(this.#totalDeadline, this.#idleSince + this.#idleLimit)
  }
}
