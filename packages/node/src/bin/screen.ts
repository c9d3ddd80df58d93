/** Where a run speaks: lines, one progress display, and the exchanges at the end, as text or as JSON. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { bar, type Moment, steps, tenth } from "./progress.ts"
import { type Exchange, json } from "./report.ts"
import { waterfall } from "./waterfall.ts"

/** A text output. */
export interface Output {
  readonly isTerminal: boolean
  /** Read each time, since windows are resized. */
  readonly columns: () => number
  readonly write: (text: string) => void
}

/** The two outputs of a program. */
export interface Outputs {
  readonly stdout: Output
  readonly stderr: Output
}

/** What a run can say. */
export interface Service {
  readonly say: (line: string) => Effect.Effect<void>
  /** Always on standard error. */
  readonly warn: (line: string) => Effect.Effect<void>
  /** Bytes so far, and in all where that is known. Fewer than before: a new try has begun. */
  readonly progress: (done: number, total: number | undefined) => Effect.Effect<void>
  readonly exchanges: (all: ReadonlyArray<Exchange>) => Effect.Effect<void>
}

/** The service. */
export class Screen extends Context.Tag("urlsession/bin/Screen")<Screen, Service>() {}

/** Milliseconds between two drawings of the bar. */
const frame = 50

/** The display of one transfer. It is drawn over itself on a terminal, and by tenths elsewhere. */
class Display {
  readonly #output: Output
  #start = 0
  #drawn = Number.NEGATIVE_INFINITY
  #tenth = 0
  #moment: Moment | undefined = undefined

  constructor(output: Output) {
    this.#output = output
  }

  show(done: number, total: number | undefined, now: number): void {
    if (this.#moment === undefined || done < this.#moment.done) {
      this.#start = now
      this.#tenth = 0
      this.#drawn = Number.NEGATIVE_INFINITY
    }
    const moment = this.#moment = { done, total, elapsed: now - this.#start }
    if (!this.#output.isTerminal) {
      for (const line of steps(moment, this.#tenth)) this.#output.write(`${line}\n`)
      this.#tenth = tenth(moment)
      return
    }
    if (now - this.#drawn < frame) return
    this.#drawn = now
    this.#draw(moment)
  }

  /** Leaves the display as it was last, so that the next words come below it. */
  leave(): void {
    if (this.#moment === undefined) return
    if (this.#output.isTerminal) {
      this.#draw(this.#moment)
      this.#output.write("\n")
    }
    this.#moment = undefined
  }

  #draw(moment: Moment): void {
    // a line as wide as the window would wrap in some terminals
    this.#output.write(`\r\u001b[2K${bar(moment, this.#output.columns() - 1)}`)
  }
}

/** A screen on outputs. With `asJson` stdout has the exchanges, one object a line, and everything else is on stderr. */
export const make = (outputs: Outputs, asJson: boolean): Service => {
  const output = asJson ? outputs.stderr : outputs.stdout
  const display = new Display(output)
  const say = (line: string) =>
    Effect.sync(() => {
      display.leave()
      output.write(`${line}\n`)
    })
  return {
    say,
    warn: (line) =>
      Effect.sync(() => {
        display.leave()
        outputs.stderr.write(`warning: ${line}\n`)
      }),
    progress: (done, total) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sync(() => display.show(done, total, now))),
    exchanges: (all) =>
      asJson
        ? Effect.sync(() => all.forEach((one) => outputs.stdout.write(`${JSON.stringify(json(one))}\n`)))
        : Effect.forEach(all, ({ taskEnd, transaction }, index) =>
          Effect.forEach(waterfall(transaction, { number: index + 1, taskEnd, columns: output.columns() }), say, {
            discard: true
          }), { discard: true })
  }
}

const outputOf = (stream: NodeJS.WriteStream): Output => ({
  isTerminal: stream.isTTY === true,
  columns: () => stream.columns ?? 80,
  write: (text) => void stream.write(text)
})

/** The outputs of this process. */
export const processOutputs = (): Outputs => ({ stdout: outputOf(process.stdout), stderr: outputOf(process.stderr) })
