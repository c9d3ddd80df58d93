// What a resolver asks of its surroundings: the needs of its handlers, and a capability for server trust, no more.
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { describe, expect, it } from "tstyche"

class Vault extends Context.Tag("Vault")<Vault, { readonly password: Effect.Effect<Redacted.Redacted> }>() {}

const fromVault = ChallengeResolver.forSpace({ origin: "https://api.example.com" }, () =>
  Effect.map(
    Effect.flatMap(Vault, (vault) => vault.password),
    (password) => Disposition.use(Credential.password({ user: "ada", password }))
  ))

describe("ChallengeResolver.layer", () => {
  it("needs nothing for handlers that need nothing", () => {
    expect(ChallengeResolver.layer({
      Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.cancel))
    })).type.toBe<Layer.Layer<ChallengeResolver.ChallengeResolver>>()
  })

  it("needs what its handlers need", () => {
    expect(ChallengeResolver.layer({ Digest: fromVault })).type.toBe<
      Layer.Layer<ChallengeResolver.ChallengeResolver, never, Vault>
    >()
  })

  it("refuses a method that does not exist", () => {
    expect(ChallengeResolver.layer).type.not.toBeCallableWith({ Basics: fromVault })
  })
})
