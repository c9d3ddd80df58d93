/** 200,000 mutated responses: no throw, no hang, the same events however they are cut. */
import { assert, describe, it } from "@effect/vitest"
import { ResponseParser } from "@urlsession/core/Http1"
import { fuzz } from "../../../../scripts/fuzz-http1.mjs"

describe("fuzz", () => {
  it("200,000 mutated responses are read or refused, whole and in pieces alike", () => {
    const outcomes = fuzz({ ResponseParser, runs: 200_000, seed: 20261123 })
    assert.strictEqual(Object.values(outcomes).reduce((sum, count) => sum + count, 0), 200_000)
    // The mutations reach every kind of end, so the run means something.
    for (
      const outcome of [
        "accepted",
        "Malformed",
        "HeadTooLarge",
        "TooManyFields",
        "TooManyInformational",
        "BadChunk",
        "BadFraming",
        "UnexpectedUpgrade",
        "UnexpectedEnd",
        "EmptyResponse"
      ]
    ) {
      assert.isAbove(outcomes[outcome] ?? 0, 0, outcome)
    }
  }, 60_000)
})
