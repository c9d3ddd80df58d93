// The watch over secrets sees what it is there to see: every kind of output is leaked into on purpose, and found.
import { assert, describe, it } from "@effect/vitest"
import { ConnectionError } from "@urlsession/core/SessionError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { DecisionLog } from "../../src/internal/session/decisionLog.ts"
import { leaksIn } from "./leaks.ts"
import { leaked } from "./secrets.ts"

const secret = "planted-4f1c02"
Redacted.make(secret)

const kindsOf = (
  leaks: ReadonlyArray<string>
): ReadonlyArray<string> => [...new Set(leaks.map((leak) => leak.slice(0, leak.indexOf(":"))))]

describe("the watch over secrets", () => {
  it("sees a log line", () => {
    console.debug(`who prints ${secret}`)
    assert.deepStrictEqual(kindsOf(leaked()), ["log"])
  })

  it.live("sees what Effect logs", () =>
    Effect.gen(function*() {
      yield* Effect.logInfo("given away", { password: secret })
      assert.deepStrictEqual(kindsOf(leaked()), ["log"])
    }))

  it("sees an error, its reason and its cause", () => {
    const cause = new Error(secret)
    const error = new ConnectionError({ cause, reason: { _tag: "Unknown", detail: "no more" } })
    assert.notInclude(error.message, secret)
    assert.deepStrictEqual(kindsOf(leaked()), ["error"])
  })

  it.effect("sees the attributes of a span", () =>
    Effect.gen(function*() {
      yield* Effect.void.pipe(Effect.withSpan("request", { attributes: { authorization: `Basic ${btoa(secret)}` } }))
      assert.deepStrictEqual(kindsOf(leaked()), ["span"])
    }))

  it("sees a decision", () => {
    new DecisionLog({ transactions: [], now: () => 0 }).about({
      _tag: "Intercepted",
      level: "network",
      status: 200,
      ...{ given: encodeURIComponent(secret) }
    })
    assert.deepStrictEqual(kindsOf(leaked()), ["decision"])
  })

  it("does not print what it finds, and finds nothing where nothing is", () => {
    const [leak] = leaksIn([{ at: `a ${secret} b` }], new Set([secret]))
    assert.isDefined(leak)
    assert.notInclude(leak, secret)
    assert.deepStrictEqual(leaksIn([{ at: "a b" }, new Error("no")], new Set([secret])), [])
    assert.deepStrictEqual(leaked(), [])
  })
})
