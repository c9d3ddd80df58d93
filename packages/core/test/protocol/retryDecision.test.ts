import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { backoff, isIdempotent, retryAfter, RetryBudget } from "../../src/internal/protocol/retryDecision.ts"

const now = Date.UTC(2026, 10, 25)

describe("Retry-After (RFC 9110 10.2.3)", () => {
  const vectors: ReadonlyArray<readonly [value: string | undefined, delay: number | undefined]> = [
    [undefined, undefined],
    ["120", 120_000],
    [" 0 ", 0],
    ["Wed, 25 Nov 2026 00:00:10 GMT", 10_000],
    ["Tue, 24 Nov 2026 00:00:00 GMT", 0],
    ["-5", undefined],
    ["1.5", undefined],
    ["9".repeat(40), undefined],
    ["soon", undefined]
  ]
  for (const [value, delay] of vectors) {
    it(`${value} is ${delay} ms`, () => assert.strictEqual(retryAfter(value, now), delay))
  }
})

it("methods that may be carried out twice (RFC 9110 9.2.2)", () => {
  assert.isTrue(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"].every(isIdempotent))
  assert.isFalse(["POST", "PATCH", "CONNECT", "get", "LOCK"].some(isIdempotent))
})

it.prop("a delay is at least half of what it grows to, and never longer than the maximum", [
  FastCheck.integer({ min: 1, max: 60 }),
  FastCheck.double({ min: 0, max: 0.999, noNaN: true })
], ([attempt, random]) => {
  const settings = { base: 100, factor: 2, maximum: 5000, jitter: true }
  const delay = backoff(settings, attempt, random)
  const whole = backoff({ ...settings, jitter: false }, attempt, random)
  assert.strictEqual(whole, Math.min(5000, 100 * 2 ** (attempt - 1)))
  assert.isTrue(delay >= whole / 2 && delay <= whole)
})

describe("a budget", () => {
  const spend = (budget: RetryBudget, at: number): number => {
    let count = 0
    while (budget.withdraw(at)) count++
    return count
  }

  it("allows a reserve, then a part of the requests", () => {
    const budget = new RetryBudget(0.25, 3, 0)
    assert.strictEqual(spend(budget, 0), 3)
    for (let i = 0; i < 40; i++) budget.deposit()
    assert.strictEqual(spend(budget, 0), 10)
  })

  it("fills its reserve in a minute, and no further", () => {
    const budget = new RetryBudget(0.2, 6, 0)
    spend(budget, 0)
    assert.strictEqual(spend(budget, 20_000), 2)
    assert.strictEqual(spend(budget, 10 * 60_000), 6)
  })

  it("does not save good times up for a storm", () => {
    const budget = new RetryBudget(0.2, 10, 0)
    for (let i = 0; i < 1_000_000; i++) budget.deposit()
    assert.isAtMost(spend(budget, 0), 40)
  })

  it("neither hangs nor bursts when its clock goes back", () => {
    const budget = new RetryBudget(0.2, 2, 1_000_000)
    assert.strictEqual(spend(budget, 1_000_000), 2)
    assert.strictEqual(spend(budget, 0), 0)
    assert.strictEqual(spend(budget, 60_000), 2)
  })
})
