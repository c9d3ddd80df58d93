/**
 * Interrupts a program at every interpreter step and at every asynchronous tick: a scheduler counts them, and at the chosen
 * one the fiber is told to stop.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as RuntimeFiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Scheduler from "effect/Scheduler"
import * as v8 from "node:v8"
import * as vm from "node:vm"

type Fiber = RuntimeFiber.RuntimeFiber<unknown, unknown>

/** Where a run was interrupted: at the nth step of its fiber, or when its nth task was scheduled. */
export type Where = { readonly _tag: "Step" | "Tick"; readonly at: number }

class Interrupter extends Scheduler.MixedScheduler {
  reached = false
  #count = 0
  #fiber: Fiber | undefined = undefined
  readonly #where: Where

  constructor(where: Where) {
    super(2048)
    this.#where = where
  }
  override shouldYield(fiber: Fiber): number | false {
    this.#fiber ??= fiber
    if (fiber === this.#fiber && this.#where._tag === "Step") this.#next()
    return super.shouldYield(fiber)
  }
  override scheduleTask(task: Scheduler.Task, priority: number): void {
    if (this.#where._tag === "Tick") this.#next()
    super.scheduleTask(task, priority)
  }
  #next(): void {
    if (this.#count++ !== this.#where.at) return
    this.reached = true
    this.#fiber?.unsafeInterruptAsFork(FiberId.none)
  }
}

const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Enough turns of the event loop for any program here that does not wait for a clock. */
const patience = 200

/** One run; `undefined` where it never ended. */
export const interruptedAt = async <A, E>(
  program: Effect.Effect<A, E>,
  where: Where
): Promise<{ readonly exit: Exit.Exit<A, E> | undefined; readonly reached: boolean }> => {
  const scheduler = new Interrupter(where)
  const fiber = Effect.runFork(program, { scheduler })
  for (let turn = 0; turn < patience && fiber.unsafePoll() === null; turn++) await macrotask()
  return { exit: fiber.unsafePoll() ?? undefined, reached: scheduler.reached }
}

/** Runs a program once for every step or tick that it has; `check` looks at what is left after each. */
export const sweep = async <A, E>(
  program: Effect.Effect<A, E>,
  unit: Where["_tag"],
  check: (where: Where, hung: boolean) => Promise<void> | void
): Promise<number> => {
  for (let at = 0;; at++) {
    const where: Where = { _tag: unit, at }
    const { exit, reached } = await interruptedAt(program, where)
    await check(where, exit === undefined)
    if (!reached) return at
  }
}

v8.setFlagsFromString("--expose-gc")
const collect: unknown = vm.runInNewContext("gc")

/** Collects until a condition holds, or a hundred times. */
export const collectUntil = async (holds: () => Promise<boolean>): Promise<boolean> => {
  for (let round = 0; round < 100; round++) {
    if (await holds()) return true
    if (typeof collect === "function") collect()
    await macrotask()
  }
  return holds()
}
