/** When a connection goes back to the pool: a decision of seven facts, so all their combinations. */
import { assert, describe, it } from "@effect/vitest"
import { type Framing, reusable, type ReuseState } from "@urlsession/core/Http1"
import * as FastCheck from "effect/FastCheck"

const framings: ReadonlyArray<Framing> = [
  { _tag: "None" },
  { _tag: "Length", length: 5 },
  { _tag: "Chunked" },
  { _tag: "Close" },
  { _tag: "Tunnel" }
]

const good: ReuseState = {
  parserComplete: true,
  framing: { _tag: "Chunked" },
  requestWritten: true,
  surplus: false,
  requestKeepAlive: true,
  responseKeepAlive: true,
  upgraded: false,
  interrupted: false
}

const flags = [
  "parserComplete",
  "requestWritten",
  "surplus",
  "requestKeepAlive",
  "responseKeepAlive",
  "upgraded",
  "interrupted"
] as const

describe("reusable (RFC 9112 section 9.3)", () => {
  it("a whole exchange by length, by chunks or without a body gives its connection back", () => {
    for (const framing of framings) {
      assert.strictEqual(reusable({ ...good, framing }), framing._tag !== "Close" && framing._tag !== "Tunnel")
    }
  })

  it("any single thing that is wrong keeps it from the pool", () => {
    for (const flag of flags) {
      assert.isFalse(reusable({ ...good, [flag]: !good[flag] }), flag)
    }
  })

  it.prop(
    "nothing that is wrong can be made good by something else",
    [
      FastCheck.record({
        parserComplete: FastCheck.boolean(),
        framing: FastCheck.constantFrom(...framings),
        requestWritten: FastCheck.boolean(),
        surplus: FastCheck.boolean(),
        requestKeepAlive: FastCheck.boolean(),
        responseKeepAlive: FastCheck.boolean(),
        upgraded: FastCheck.boolean(),
        interrupted: FastCheck.boolean()
      })
    ],
    ([state]) => {
      const wrong = flags.filter((flag) => state[flag] !== good[flag]).length
      const framed = state.framing._tag !== "Close" && state.framing._tag !== "Tunnel"
      assert.strictEqual(reusable(state), wrong === 0 && framed)
    },
    { fastCheck: { numRuns: 1000, seed: 2 } }
  )
})
