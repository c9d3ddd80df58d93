/** Where a run speaks: lines and the progress display, on a terminal and elsewhere. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { make, type Output } from "../../src/bin/screen.ts"

const recorder = (isTerminal: boolean): Output & { readonly text: () => string } => {
  let written = ""
  return {
    isTerminal,
    columns: () => 81,
    write: (text) => {
      written += text
    },
    text: () => written
  }
}

const outputs = (isTerminal: boolean) => ({ stdout: recorder(isTerminal), stderr: recorder(isTerminal) })

describe("screen", () => {
  it.effect("writes one line for each tenth where there is no terminal, however many pass at a time, and begins again with a new try", () =>
    Effect.gen(function*() {
      const both = outputs(false)
      const screen = make(both, false)
      for (const done of [0, 5, 10, 19, 20, 39]) yield* screen.progress(done, 100)
      yield* screen.say("lost")
      for (const done of [15, 100]) yield* screen.progress(done, 100)
      assert.deepStrictEqual(both.stdout.text().trimEnd().split("\n"), [
        " 10 %  10 B of 100 B",
        " 20 %  20 B of 100 B",
        " 30 %  30 B of 100 B",
        "lost",
        " 10 %  10 B of 100 B",
        ...[20, 30, 40, 50, 60, 70, 80, 90].map((done) => ` ${done} %  ${done} B of 100 B`),
        "100 %  100 B of 100 B"
      ])
      assert.strictEqual(both.stderr.text(), "")
    }))

  it.effect("draws the bar over itself on a terminal, not more often than eyes can see", () =>
    Effect.gen(function*() {
      const both = outputs(true)
      const screen = make(both, false)
      yield* screen.progress(10, 100)
      yield* screen.progress(20, 100)
      assert.strictEqual(both.stdout.text().split("\r").length, 2)
      yield* TestClock.adjust("50 millis")
      yield* screen.progress(30, 100)
      assert.strictEqual(both.stdout.text().split("\r").length, 3)
      assert.notInclude(both.stdout.text(), "\n")
    }))

  it.effect("leaves the bar as it was last, with a line of its own, when something is said", () =>
    Effect.gen(function*() {
      const both = outputs(true)
      const screen = make(both, false)
      yield* screen.progress(10, 100)
      yield* screen.progress(37, 100)
      yield* screen.say("lost")
      yield* screen.say("again")
      const last = both.stdout.text().split("\r").at(-1) ?? ""
      assert.match(last, / 37 % \[.*\n/)
      assert.isTrue(last.endsWith("\nlost\nagain\n"))
    }))

  it.effect("keeps standard output for the exchanges with --json", () =>
    Effect.gen(function*() {
      const both = outputs(false)
      const screen = make(both, true)
      yield* screen.say("hello")
      yield* screen.progress(2, 10)
      yield* screen.warn("careful")
      assert.strictEqual(both.stdout.text(), "")
      assert.strictEqual(both.stderr.text(), "hello\n 10 %  1 B of 10 B\n 20 %  2 B of 10 B\nwarning: careful\n")
    }))
})
