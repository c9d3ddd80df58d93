// What a resolver asks of its surroundings: the needs of its handlers, and a capability for server trust, no more.
import type { AuthenticationChallenge, ClientCertificateChallenge } from "@urlsession/core/AuthenticationChallenge"
import type { ClientIdentity, ServerTrustControl } from "@urlsession/core/Capability"
import * as ChallengeResolver from "@urlsession/core/ChallengeResolver"
import * as Credential from "@urlsession/core/Credential"
import * as Disposition from "@urlsession/core/Disposition"
import * as ServerTrust from "@urlsession/core/ServerTrust"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { describe, expect, it } from "tstyche"

class Vault extends Context.Tag("Vault")<Vault, { readonly password: Effect.Effect<Redacted.Redacted> }>() {}
class Audit extends Context.Tag("Audit")<Audit, { readonly note: (text: string) => Effect.Effect<void> }>() {}

type Slot = ChallengeResolver.ChallengeResolver
const origin = "https://api.example.com"
declare const ada: Credential.PasswordCredential
declare const client: Credential.IdentityCredential
declare const flag: boolean

const fromVault = ChallengeResolver.forSpace({ origin }, () =>
  Effect.map(
    Effect.flatMap(Vault, (vault) => vault.password),
    (password) => Disposition.use(Credential.password({ user: "ada", password }))
  ))

describe("ChallengeResolver.layer: what must compile", () => {
  it("needs nothing for handlers that need nothing", () => {
    expect(ChallengeResolver.layer({
      Basic: ChallengeResolver.anyOrigin(() => Effect.succeed(Disposition.cancel))
    })).type.toBe<Layer.Layer<Slot>>()
    expect(ChallengeResolver.layer({})).type.toBe<Layer.Layer<Slot>>()
  })

  it("needs what its handlers need", () => {
    expect(ChallengeResolver.layer({ Digest: fromVault })).type.toBe<Layer.Layer<Slot, never, Vault>>()
  })

  it("needs the union of what they need, by gen, pipe and plain functions", () => {
    const layer = ChallengeResolver.layer({
      Basic: ChallengeResolver.forSpace({ origin, realm: "api" }, (challenge) =>
        Effect.gen(function*() {
          const vault = yield* Vault
          if (challenge.previousFailureCount > 0) return Disposition.cancel
          return Disposition.use(Credential.password({ user: "ada", password: yield* vault.password }))
        })),
      Digest: (challenge) =>
        Audit.pipe(
          Effect.flatMap((audit) => audit.note(String(challenge.space))),
          Effect.as(flag ? Disposition.use(ada) : Disposition.next)
        )
    })
    expect(layer).type.toBe<Layer.Layer<Slot, never, Vault | Audit>>()
  })

  it("gives handlers the challenge without annotations", () => {
    ChallengeResolver.layer({
      Digest: (challenge) => {
        expect(challenge).type.toBe<AuthenticationChallenge>()
        return Effect.succeed(Disposition.useNone)
      },
      Basic: ChallengeResolver.forSpace({ origin }, ({ previousFailureCount, space }) => {
        expect(previousFailureCount).type.toBe<number>()
        expect(space.realm).type.toBe<string | undefined>()
        return Effect.succeed(Disposition.reject)
      })
    })
  })

  it("takes an entry that may be absent, with all that it may need", () => {
    const maybe = flag ? { Basic: fromVault } : {}
    expect(ChallengeResolver.layer({ ...maybe, Digest: () => Effect.as(Audit, Disposition.next) })).type.toBe<
      Layer.Layer<Slot, never, Vault | Audit>
    >()
  })

  it("lets a handler fail in any way: the session turns it into ResolverFailed", () => {
    expect(ChallengeResolver.layer({ Digest: () => Effect.fail("no vault") })).type.toBe<Layer.Layer<Slot>>()
  })

  it("adds ServerTrustControl for the key ServerTrust alone", () => {
    expect(ChallengeResolver.layer({ ServerTrust: ServerTrust.default })).type.toBe<
      Layer.Layer<Slot, never, ServerTrustControl>
    >()
    expect(ChallengeResolver.layer({
      Basic: fromVault,
      ServerTrust: ServerTrust.custom((trust) =>
        Effect.as(Audit, trust.trusted ? ServerTrust.accept : ServerTrust.verify)
      )
    })).type.toBe<Layer.Layer<Slot, never, ServerTrustControl | Vault | Audit>>()
  })
})

describe("ClientCertificate (TRU-03)", () => {
  it("adds ClientIdentity, by a plain function and by one for a space", () => {
    expect(ChallengeResolver.layer({
      ClientCertificate: () => Effect.succeed(Disposition.use(client))
    })).type.toBe<Layer.Layer<Slot, never, ClientIdentity>>()
    expect(ChallengeResolver.layer({
      ClientCertificate: ChallengeResolver.forSpace(
        { origin },
        () => Effect.as(Vault, flag ? Disposition.use(client) : Disposition.useNone)
      )
    })).type.toBe<Layer.Layer<Slot, never, ClientIdentity | Vault>>()
    expect(ChallengeResolver.make({
      Basic: fromVault,
      ServerTrust: ServerTrust.default,
      ClientCertificate: () => Effect.zipRight(Audit, Effect.fail("locked"))
    })).type.toBe<ChallengeResolver.Resolver<ClientIdentity | ServerTrustControl | Vault | Audit>>()
  })

  it("gives handlers the challenge of a connection, without annotations", () => {
    ChallengeResolver.layer({
      ClientCertificate: (challenge) => {
        expect(challenge).type.toBe<ClientCertificateChallenge>()
        return Effect.succeed(Disposition.useNone)
      }
    })
    ChallengeResolver.layer({
      ClientCertificate: ChallengeResolver.forSpace({ origin }, (challenge) => {
        expect(challenge).type.toBe<ClientCertificateChallenge>()
        return Effect.succeed(Disposition.cancel)
      })
    })
    ChallengeResolver.layer({
      ClientCertificate: ChallengeResolver.anyOrigin((challenge) => {
        expect(challenge).type.toBe<ClientCertificateChallenge>()
        return Effect.succeed(Disposition.next)
      })
    })
  })

  it("is added by orElse, and moved by layerFrom and provideTask", () => {
    const resolver = ChallengeResolver.make({ Basic: fromVault }).pipe(
      ChallengeResolver.orElse(ChallengeResolver.make({ ClientCertificate: () => Effect.succeed(Disposition.next) }))
    )
    expect(resolver).type.toBe<ChallengeResolver.Resolver<Vault | ClientIdentity>>()
    expect(ChallengeResolver.layerFrom(resolver)).type.toBe<Layer.Layer<Slot, never, Vault | ClientIdentity>>()
    expect(ChallengeResolver.provideTask(resolver)(Effect.void)).type.toBe<
      Effect.Effect<void, never, Vault | ClientIdentity>
    >()
  })

  it("takes no password, and Basic no identity", () => {
    expect(ChallengeResolver.layer({
      ClientCertificate: () => Effect.succeed(Disposition.use(ada))
    })).type.toRaiseError(
      "Property 'identity' is missing in type 'PasswordCredential' but required in type 'IdentityCredential'"
    )
    expect(ChallengeResolver.layer({
      Basic: ChallengeResolver.forSpace({ origin }, () => Effect.succeed(Disposition.use(client)))
    })).type.toRaiseError("is not assignable to type 'SpaceHandler<unknown>'")
    expect(ChallengeResolver.layer({
      ClientCertificate: ChallengeResolver.forSpace({ origin }, () => Effect.succeed(Disposition.use(ada)))
    })).type.toRaiseError("IdentityHandler<unknown>")
  })

  it("an identity has one form, and its secrets are wrapped", () => {
    expect(Credential.identity).type.toBeCallableWith({ certificates: "pem", key: "pem", passphrase: "x" })
    expect(Credential.identity).type.toBeCallableWith({ pkcs12: new Uint8Array(), persistence: "none" })
    expect(Credential.identity).type.not.toBeCallableWith({ certificates: "pem" })
    expect(Credential.identity).type.not.toBeCallableWith({ certificates: "pem", key: "pem", pkcs12: new Uint8Array() })
    expect<Credential.PemIdentity["key"]>().type.toBe<Redacted.Redacted>()
    expect<Credential.Pkcs12Identity["bytes"]>().type.toBe<Redacted.Redacted<Uint8Array>>()
  })
})

describe("resolvers as values", () => {
  it("make gives a value that needs what its handlers need", () => {
    expect(ChallengeResolver.make({ Basic: fromVault })).type.toBe<ChallengeResolver.Resolver<Vault>>()
    expect(ChallengeResolver.make({})).type.toBe<ChallengeResolver.Resolver>()
  })

  it("orElse adds the needs of both, in a pipe too", () => {
    const audited = ChallengeResolver.make({ Digest: () => Effect.as(Audit, Disposition.next) })
    expect(ChallengeResolver.make({ Basic: fromVault }).pipe(ChallengeResolver.orElse(audited))).type.toBe<
      ChallengeResolver.Resolver<Vault | Audit>
    >()
  })

  it("layerFrom and provideTask move the needs to where they are used, and touch nothing else", () => {
    const resolver = ChallengeResolver.make({ Basic: fromVault, ServerTrust: ServerTrust.default })
    expect(ChallengeResolver.layerFrom(resolver)).type.toBe<Layer.Layer<Slot, never, Vault | ServerTrustControl>>()
    const effect = ChallengeResolver.provideTask(resolver)(
      Effect.as(Effect.zipRight(Audit, Effect.fail("e" as const)), 1)
    )
    expect(effect).type.toBe<Effect.Effect<number, "e", Audit | Vault | ServerTrustControl>>()
  })

  it("a resolver with needs is not one without", () => {
    expect(ChallengeResolver.make({ Basic: fromVault })).type.not.toBeAssignableTo<ChallengeResolver.Resolver>()
    expect(ChallengeResolver.make({})).type.toBeAssignableTo<ChallengeResolver.Resolver<Vault>>()
  })
})

describe("ChallengeResolver.layer: what must not compile, and with which message", () => {
  it("a method that does not exist", () => {
    expect(ChallengeResolver.layer({ Kerberos: fromVault, Basic: fromVault })).type.toRaiseError(
      "'Kerberos' is not an authentication method"
    )
    expect(ChallengeResolver.make({ Kerberos: fromVault, Basic: fromVault })).type.toRaiseError(
      "'Kerberos' is not an authentication method"
    )
    expect(ChallengeResolver.layer({ Kerberos: fromVault })).type.toRaiseError("'Kerberos' does not exist")
  })

  it("a typo", () => {
    expect(ChallengeResolver.layer({ Basci: fromVault })).type.toRaiseError("Did you mean to write 'Basic'?")
  })

  it("Basic without an origin", () => {
    expect(ChallengeResolver.layer({ Basic: () => Effect.succeed(Disposition.use(ada)) })).type.toRaiseError(
      "is not assignable to type 'SpaceHandler<unknown>'"
    )
    expect(ChallengeResolver.forSpace).type.not.toBeCallableWith(
      { realm: "api" },
      () => Effect.succeed(Disposition.next)
    )
  })

  it("a handler that gives no Effect", () => {
    expect(ChallengeResolver.forSpace({ origin }, () => Disposition.cancel)).type.toRaiseError(
      "Type 'CancelChallenge' is missing the following properties from type 'Effect<Disposition<PasswordCredential>"
    )
    expect(ChallengeResolver.layer({ Digest: () => Disposition.cancel })).type.toRaiseError(
      "Type 'CancelChallenge' is missing the following properties from type 'Effect<Disposition<PasswordCredential>"
    )
  })

  it("a handler that gives something else than a disposition", () => {
    expect(ChallengeResolver.layer({ Digest: () => Effect.succeed("cancel") })).type.toRaiseError(
      "Type 'string' is not assignable to type 'Disposition<PasswordCredential>'"
    )
  })

  it("a credential of TLS for a method of HTTP", () => {
    expect(ChallengeResolver.layer({
      Digest: () => Effect.succeed(Disposition.use(Credential.trust({} as ServerTrust.ServerTrust)))
    })).type.toRaiseError("Type 'TrustCredential' is missing the following properties from type 'PasswordCredential'")
  })

  it("a function where an evaluator is wanted", () => {
    expect(ChallengeResolver.layer).type.not.toBeCallableWith({
      ServerTrust: () => Effect.succeed(ServerTrust.accept)
    })
  })
})
