import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { program } from "../../../../examples/serverTrust.ts"

describe("the example of manual server trust", () => {
  it.live("lets in whom it means to, and says why it refuses the others [TRU-02]", () =>
    Effect.map(program, (outcomes) => {
      assert.deepStrictEqual(outcomes, {
        "by default": "refused, ServerCertificateHasUnknownRoot (-1203)",
        "ours": "accepted: hello",
        "ours, with the key of somebody else": "refused, PinMismatch (-1202)",
        "a host that is not ours": "refused, ServerCertificateHasUnknownRoot (-1203)"
      })
    }))
})
